"""What can be asked of a translation beyond its source: on a model of random weights, which would do none of it."""

import re

import numpy as np
import pytest
import torch
from sacrebleu.metrics.chrf import CHRF

from nmt.data.prepare import prepare
from nmt.decode.constrained import Owed
from nmt.decode.engine import Pair, Sentence
from nmt.decode.forced import force
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.parts import Domain, Part
from nmt.decode.repair import say_more
from nmt.decode.request import Request
from nmt.decode.routes import Route
from nmt.decode.translator import Translator
from nmt.errors import DataError, RecipeError
from nmt.model.transformer import Transformer
from nmt.recipe import DecodeSection
from nmt.text.phrases import contains
from nmt.text.terms import Glossary, Terms
from nmt.tokenizer import EOS_ID, Tokenizer

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
LINES = [f"{a} {b}" for a in WORDS for b in WORDS[:4]]


@pytest.fixture
def load(toy_recipe):
    recipe = toy_recipe()
    tokenizer = Tokenizer.load(prepare(recipe))

    def model(seed):
        torch.manual_seed(seed)
        made = Transformer(recipe.model, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
        for p in made.parameters():
            p.data.mul_(1.5)
        return made

    def make(*seeds, domain=None, **decode):
        section = DecodeSection(**{"beam_size": 3, "max_len_extra": 5, **decode})
        return Translator.of_models([model(seed) for seed in seeds or (0,)], tokenizer, section, domain)

    return make


def texts(translator, requests, **keys):
    return [t.text for t in translator.translate(requests, **keys)]


# --- phrases ---------------------------------------------------------------------------------------------------------


def test_every_phrase_asked_for_is_there(load):
    requests = [Request(line, include=(WORDS[i % 8], f"{WORDS[i % 5]} {WORDS[i % 3]}")) for i, line in enumerate(LINES)]
    for request, t in zip(requests, load().translate(requests, n_best=2), strict=True):
        assert t.missing == ()
        assert all(contains(text, phrase) for text, _ in t.hypotheses for phrase in request.include)


def test_a_phrase_asked_for_twice_is_there_twice(load):
    (t,) = load().translate([Request("one two", include=("six", "six"))])
    assert t.text.count("six") >= 2 and t.missing == ()


def test_a_translation_that_has_its_phrase_stays_as_it_is(load):
    translator = load()
    free = translator.translate(LINES)
    # Texts of broken bytes cannot be asked for.
    first = [t.text.split()[0] if "\ufffd" not in t.text else None for t in free]
    asked = [Request(line, include=(word,) if word else ()) for line, word in zip(LINES, first, strict=True)]
    assert any(first)
    assert translator.translate(asked) == free


def test_no_phrase_that_is_excluded_is_there(load):
    translator = load()
    words = {word for text in texts(translator, LINES) for word in text.split()}
    forbidden = tuple(sorted(word for word in words if "\ufffd" not in word))
    assert forbidden
    for t in translator.translate([Request(line, exclude=forbidden) for line in LINES], n_best=2):
        assert t.forbidden == ()
        assert not any(contains(text, word) for text, _ in t.hypotheses for word in forbidden)


def test_a_phrase_that_cannot_be_kept_is_named(load):
    (t,) = load(max_len_ratio=0.1, max_len_extra=3).translate([Request("one", "two six", exclude=("two",))])
    assert t.text.startswith("two") and t.forbidden == ("two",)


def test_a_prefix_begins_the_translation(load):
    for request, t in zip(
        LINES, load().translate([Request(x, prefix="four five") for x in LINES], n_best=2), strict=True
    ):
        assert all(text.startswith("four five") for text, _ in t.hypotheses), request


def test_what_all_lines_are_asked_gives_way_to_what_one_says(load):
    translator = load()
    translator.terms = Terms("five", ("eight",))
    first, second = texts(translator, ["one", Request("one", "six", ("seven",))])
    assert first.startswith("five") and contains(first, "eight")
    assert second.startswith("six") and contains(second, "seven") and contains(second, "eight")


def test_requests_do_not_depend_on_each_other(load):
    translator = load()
    requests = [
        Request("one two"), Request("one two", n_best=5), Request("three", include=("six",)),
        Request("four", exclude=("one",)), Request("five", prefix="two"), Request(""),
    ]  # fmt: skip
    for request, t in zip(requests, translator.translate(requests), strict=True):
        (alone,) = translator.translate([request])
        assert [(text, h.tokens) for text, h in alone.hypotheses] == [(text, h.tokens) for text, h in t.hypotheses]
    assert len(translator.translate(requests)[1].hypotheses) == 5


def test_glossaries(load, tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_text("# terms\none\tseven\n\none two\teight\nTWO\tsix\n", encoding="utf-8")
    translator = load()
    glossary = Glossary.load(path)
    translator.terms = Terms(glossary=glossary)
    assert [glossary.matches(x) for x in ("One, one", "one two", "two", "TWO", "someone")] == [
        ["seven", "seven"], ["eight"], [], ["six"], [],
    ]  # fmt: skip
    found = texts(translator, ["one three", "one two", "two"])
    assert contains(found[0], "seven") and contains(found[1], "eight")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no terms in it"),
        (b"# nothing\n\n", "has no terms in it"),
        (b"a\tb\nc\n", "terms.tsv:2 has 1 columns"),
        (b"a\tb\tc\n", "terms.tsv:1 has 3 columns"),
        (b"a\t \n", "terms.tsv:1 has"),
        (b"a\t\xff\n", "terms.tsv:1:3 (byte 0xff) is not valid UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_a_glossary_that_is_none_is_named(tmp_path, content, message):
    path = tmp_path / "terms.tsv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as e:
        Glossary.load(path)
    assert message in e.value.message


def test_protected_spans_stay(load):
    translator = load()
    translator.terms = Terms(protect=True)
    line = "one https://a.example/b?c=1 two me@a.example <b>three</b> {name} 3.14"
    (t,) = translator.translate([line])
    assert t.missing == ()
    for span in ("https://a.example/b?c=1", "me@a.example", "<b>", "</b>", "{name}", "3.14"):
        assert span in t.text


def test_protected_spans_stand_apart_as_in_the_source(load):
    translator = load()
    translator.terms = Terms(protect=True)
    for t in translator.translate(["one {name} two", "two {a b} <b>six</b> three"], n_best=2):
        for text, _ in t.hypotheses:
            assert t.missing == ()
            assert not re.search(r"\w(\{name\}|\{a b\}|<b>)|(\{name\}|\{a b\})\w", text), text


@pytest.mark.parametrize("asked", [{"sampling": True}, {"coverage_penalty": 0.2}, {"diverse_groups": 3}])
def test_what_a_search_with_phrases_cannot_do_is_refused(load, asked):
    translator = load(**asked)
    (name,) = asked
    with pytest.raises(RecipeError, match=f"`{name}` cannot be combined with phrases that translations must have"):
        translator.translate([Request("one", include=("two",))])
    translator.translate([Request("one", prefix="two", exclude=("three",))])
    translator.terms = Terms(protect=True)
    with pytest.raises(RecipeError, match=f"`{name}` cannot be combined"):
        translator.translate(["one"])


@pytest.mark.parametrize("make", [lambda x: Request("a", x), lambda x: Request("a", include=(x,)), Request,
                                  Terms, lambda x: Terms(exclude=(x,))])  # fmt: skip
def test_what_is_no_unicode_is_refused(make):
    with pytest.raises(DataError, match=r"'caf\\udce9' is not valid Unicode \(character 4\)"):
        make("caf\udce9")


@pytest.mark.parametrize("temperature", [1e-300, 1e-44, 1e-38, 1e-20])
def test_the_lowest_temperatures_draw_what_is_most_probable(load, temperature):
    assert texts(load(sampling=True, temperature=temperature), LINES) == texts(load(sampling=True, top_k=1), LINES)


@pytest.mark.parametrize(
    ("text", "phrase", "there"),
    [
        ("un aéroport", "port", False),
        ("aéroport, port.", "port", True),
        ("lạnh", "lạ", False),
        ("კატები", "კატ", False),
        ("किताब", "कि", False),
        ("小猫在家", "猫", True),
        ("เด็กกิน", "เด็ก", True),
        ("한국어는", "한국어", False),
        ("ABC猫", "ABC", True),
        ("(a)", "(", True),
        ("", "a", False),
        ("a", "", False),
    ],
)
def test_a_phrase_is_not_found_within_words(text, phrase, there):
    assert contains(text, phrase) == there


def test_an_excluded_word_is_forbidden_where_it_stands_alone(load):
    tokenizer = load().tokenizer
    (ids,) = tokenizer.encode(["one someone"], "tgt")
    part = Part(0, "", Sentence([4]), 1, exclude=("one",), hypotheses=[("one someone", Hypothesis(ids, -1.0, -1.0))])
    assert say_more(part, tokenizer)
    (run,) = part.sentence.exclude
    assert tuple(ids[: len(run)]) == run


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_phrase_is_refused(load, blank):
    with pytest.raises(DataError, match="a phrase to exclude is blank"):
        Request("one", exclude=(blank,))
    translator = load()
    translator.terms = Terms(include=(blank,))
    with pytest.raises(DataError, match="a phrase to include is blank"):
        translator.translate(["one"])


def test_a_phrase_that_another_part_has_is_not_forced_again(load):
    translator = load(domain=Domain((Route("en", "fr"),), several_sentences=False))
    (t,) = translator.translate([Request("One two. Three four five six seven.", "seven", ("seven",))])
    assert t.segments == 2 and t.text.split().count("seven") == 1 and t.missing == ()


def test_what_is_asked_for_and_forbidden_at_once_is_said(load):
    (t,) = load().translate([Request("one two", include=("six",), exclude=("six",))])
    assert t.missing == ("six",) and t.forbidden == ()


def test_a_prefix_longer_than_the_output_may_be_is_said(load):
    (t,) = load(max_len_ratio=0.1, max_len_extra=0).translate([Request("one", "two three")])
    assert t.missing == ()  # room is made for it
    translator = load()
    translator.engine.scorer.model.section = translator.engine.models[0].section.model_copy(
        update={"positions": "learned", "max_positions": 4}
    )
    (t,) = translator.translate([Request("one", "two three four five six seven")])
    assert t.missing == ("two three four five six seven",)


def test_a_phrase_within_another_is_there_with_it(load):
    (t,) = load().translate([Request("one", include=("two three", "three"))])
    assert t.missing == () and t.text.count("three") == 1


def test_phrases_that_begin_alike_may_come_in_any_order():
    owed = Owed(((9, 1, 0, 0), (9, 5)))
    after = owed.after(9, False).after(5, False)
    assert (after.left, set(after.wanted())) == (4, {9})


def test_the_shortest_output_there_can_be(load):
    for t in load(max_len_ratio=0.1, max_len_extra=0, sampling=True).translate(["one", "two"]):
        assert t.text == ""


# --- other searches --------------------------------------------------------------------------------------------------


def test_samples_repeat_with_their_seed(load):
    one = texts(load(sampling=True), LINES)
    assert texts(load(sampling=True), LINES) == one != texts(load(sampling=True, seed=2), LINES)
    assert texts(load(sampling=True), LINES[::-1])[::-1] == one
    assert texts(load(sampling=True, batch_tokens=8), LINES) == one


def test_one_sample_is_drawn_where_one_is_wanted(load):
    (t,) = load(sampling=True, beam_size=5).translate(["one two"], n_best=3)
    assert len(t.hypotheses) == 3
    alone = load(sampling=True, beam_size=7).translate(["one two"])
    assert alone == load(sampling=True, beam_size=1).translate(["one two"])


def test_minimum_bayes_risk_takes_what_is_most_like_the_others(load):
    plain = load(sampling=True, beam_size=8).translate(LINES[:6], n_best=8)
    for before, t in zip(plain, load(sampling=True, beam_size=8, mbr="chrf").translate(LINES[:6]), strict=True):
        candidates = [text for text, _ in before.hypotheses]

        means = [np.mean([CHRF().sentence_score(c, [other]).score for other in candidates]) for c in candidates]
        assert t.text == candidates[int(np.argmax(means))]
        assert t.hypotheses[0][1].score == pytest.approx(max(means))


def test_an_ensemble_of_a_model_and_itself_is_the_model(load):
    assert texts(load(0, 0), LINES) == texts(load(0), LINES) != texts(load(1), LINES)


def test_an_ensemble_has_the_mean_of_probabilities(load):
    both, one, two = load(0, 1), load(0), load(1)
    pairs = [("one two", "three four"), ("five", "six")]
    for mixed, a, b in zip(both.score(pairs), one.score(pairs), two.score(pairs), strict=True):
        mean = (np.exp(a.token_log_probs) + np.exp(b.token_log_probs)) / 2
        assert np.exp(mixed.token_log_probs) == pytest.approx(mean, rel=1e-4)


# --- looking at translations -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", ["probability", "log"])
def test_the_score_of_a_translation_is_what_the_search_gave_it(load, mean):
    translator = load(0, 1, ensemble=mean, length_penalty=0.7)
    found = [t.hypotheses[0][1] for t in translator.translate(LINES)]
    sources = translator.tokenizer.encode(LINES, "src")
    pairs = [Pair(src, h.tokens) for src, h in zip(sources, found, strict=True)]
    for h, forced in zip(found, force(translator.engine.models, pairs, mean), strict=True):
        assert sum(forced.log_probs) == pytest.approx(h.log_prob, abs=1e-4)
        assert h.score == pytest.approx(h.log_prob / (len(h.tokens) + 1) ** 0.7, abs=1e-5)


def test_a_score_is_of_the_text_s_own_tokens(load):
    translator = load(length_penalty=0.5)
    (h,) = translator.score([("one two", "three four")])
    assert h.tokens == translator.tokenizer.encode(["three four"], "tgt")[0]
    assert len(h.token_log_probs) == len(h.tokens) + 1
    assert h.log_prob == pytest.approx(sum(h.token_log_probs))
    assert h.score == pytest.approx(h.log_prob / (len(h.tokens) + 1) ** 0.5)


def test_scores_do_not_depend_on_the_batch(load):
    translator = load()
    pairs = [(line, " ".join(WORDS[: 1 + i % 7])) for i, line in enumerate(LINES)]
    together = translator.score(pairs)
    for pair, scored in zip(pairs, together, strict=True):
        assert translator.score([pair])[0].log_prob == pytest.approx(scored.log_prob, abs=1e-4)


def test_alignments_name_words_that_are_there(load):
    for line, t in zip(LINES, load().translate(LINES, n_best=2, attention=True), strict=True):
        for text, h in t.hypotheses:
            targets = [tgt for _, tgt in h.alignment]
            assert targets == list(range(len(targets)))
            assert all(src < len(line.split()) for src, _ in h.alignment)
            assert h.attention.shape == (len(h.tokens), len(t.src_tokens))
            assert (h.attention >= 0).all() and (h.attention.sum(1) <= 1 + 1e-5).all(), text


# --- lines of several sentences --------------------------------------------------------------------------------------


def test_sentences_are_translated_apart_and_put_together(load):
    translator = load(domain=Domain((Route("en", "fr"),), several_sentences=False))
    line = "One two three.  Four five!\u00a0Six seven eight."
    (t,) = translator.translate([line], attention=True)
    parts = ["One two three.", "Four five!", "Six seven eight."]
    alone = texts(translator, parts)
    assert t.text == f"{alone[0]}  {alone[1]}\u00a0{alone[2]}"
    assert (t.segments, t.cut) == (3, False)
    assert t.hypotheses[0][1].attention.shape == (len(t.hypotheses[0][1].tokens), len(t.src_tokens))
    assert max(src for src, _ in t.hypotheses[0][1].alignment) <= 7


def test_lines_such_as_it_was_trained_on_stay_whole(load):
    line = "One two three. Four five."
    assert load().translate([line])[0].segments == 1
    assert load(domain=Domain((Route("en", "fr"),), typical=5)).translate([line])[0].segments == 2
    never = {"domain": Domain((Route("en", "fr"),), typical=5, several_sentences=False), "split_sentences": "never"}
    assert load(**never).translate([line])[0].segments == 1


def test_a_sentence_longer_than_any_in_training_is_cut_aloud(load):
    translator = load(domain=Domain((Route("en", "fr"),), typical=4, longest=6))
    (t,) = translator.translate(["one two three four five six seven eight one two three"])
    assert t.segments > 1 and t.cut


def test_phrases_of_a_line_in_parts_are_there(load):
    translator = load(domain=Domain((Route("en", "fr"),), several_sentences=False))
    translator.terms = Terms(protect=True)
    (t,) = translator.translate([Request("One 17 three. Four 99 five six.", "six", ("seven",), ("two",))])
    assert t.segments == 2 and t.missing == () and t.forbidden == ()
    assert t.text.startswith("six") and all(contains(t.text, x) for x in ("17", "99", "seven"))


def test_no_token_that_is_special_comes_out(load):
    for t in load(sampling=True, temperature=5.0).translate(LINES[:8], n_best=3):
        assert all(token > EOS_ID for _, h in t.hypotheses for token in h.tokens)
