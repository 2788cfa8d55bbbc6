import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch

from nmt.data.prepare import prepare
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.parts import Cutter, Domain
from nmt.decode.request import Request
from nmt.decode.routes import Route
from nmt.decode.translator import Translation, Translator
from nmt.errors import RecipeError
from nmt.model.transformer import Transformer
from nmt.recipe import DecodeSection
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Tokenizer

import pytest  # isort: skip


@pytest.fixture
def translator(toy_recipe):
    """Of random weights: what matters here is the same for any."""
    recipe = toy_recipe()
    tokenizer = Tokenizer.load(prepare(recipe))
    torch.manual_seed(0)
    model = Transformer(recipe.model, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
    for p in model.parameters():
        p.data.mul_(1.5)  # sharper than a fresh model, so that choices are clear
    return Translator.of_models([model], tokenizer, DecodeSection(beam_size=3, max_len_extra=5))


WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
LINES = ["one two", "", "three", "   ", "four five six seven eight one", "two", "\u202bשלום 🙂\x00\u2028x"] * 5


def test_each_line_gets_one_line_whatever_is_in_it(translator):
    out = translator.translate(LINES)
    assert len(out) == len(LINES)
    assert all("\n" not in t.text and "\r" not in t.text for t in out)
    assert [not t.text for t, line in zip(out, LINES, strict=True) if not line.strip()] == [True] * 10


@pytest.mark.parametrize("size", [1, 7, 64])
def test_output_does_not_depend_on_the_batch_size(translator, size):
    whole = [t.text for t in translator.translate(LINES)]
    translator.decode = translator.decode.model_copy(update={"batch_tokens": size * 3 * 8})
    assert [t.text for t in translator.translate(LINES)] == whole


def test_output_does_not_depend_on_the_order(translator):
    forward = [t.text for t in translator.translate(LINES)]
    backward = [t.text for t in translator.translate(LINES[::-1])]
    assert forward == backward[::-1]


def test_the_beams_log_prob_is_that_of_forced_decoding(translator):
    model = translator.engine.scorer.model
    for line in ("one two", "four five six"):
        source = translator.tokenizer.encode([line], "src")[0]
        src = torch.tensor([[*source, EOS_ID]])
        for _, h in translator.translate([line], n_best=3)[0].hypotheses:
            tgt = torch.tensor([[BOS_ID, *h.tokens, EOS_ID]])
            log_probs = model.output(model(src, None, tgt[:, :-1])).log_softmax(-1)
            forced = log_probs.gather(2, tgt[:, 1:, None]).sum().item()
            assert h.log_prob == pytest.approx(forced, abs=1e-3)
            assert h.score == pytest.approx(h.log_prob / (len(h.tokens) + 1), abs=1e-5)
            assert not set(h.tokens) & {PAD_ID, UNK_ID, BOS_ID, EOS_ID}


def test_n_best_gives_that_many_best_first(translator):
    hypotheses = translator.translate(["one two three"], n_best=4)[0].hypotheses
    assert len(hypotheses) == 4
    assert [h.score for _, h in hypotheses] == sorted((h.score for _, h in hypotheses), reverse=True)


def test_progress_counts_every_line_once(translator):
    translator.decode = translator.decode.changed({"max_segment": 6})
    for lines in (LINES, ["", " "], ["one two three four five"] * 3):
        told = []
        translator.translate(lines, on_progress=told.append)
        assert sum(told) == len(lines)


def test_no_lines_give_no_lines(translator):
    assert translator.translate([]) == []


def test_a_line_too_long_is_split_between_words_and_nothing_is_lost(translator):
    translator.decode = translator.decode.changed({"max_segment": 12})
    seen = []

    class Copies:
        max_positions, workers = None, 1

        def check(self, decode, terms):
            pass

        def search(self, batches, decode, n_best):
            seen.extend(s.ids for batch in batches for s in batch)
            return [[[Hypothesis(s.ids, -1.0, -1.0)] for s in batch] for batch in batches]

    translator.engine = Copies()
    line = "one two three. four five six seven eight one two three four five"
    out = translator.translate([line])[0]
    whole = translator.tokenizer.encode([line], "src")[0]
    parts = [translator.tokenizer.decode([s], "src")[0] for s in sorted(seen, key=lambda s: -len(s))]
    assert sum(len(s) for s in seen) == len(whole)
    assert all(len(s) <= 12 for s in seen)
    assert out.segments == len(seen) > 1
    assert sorted(" ".join(parts).split()) == sorted(line.split())
    assert out.text.split() == line.split()


def test_a_word_without_end_is_split_too(translator):
    translator.decode = translator.decode.changed({"max_segment": 10})
    assert translator.translate(["x" * 500])[0].segments > 1


@pytest.mark.parametrize("most", range(4, 12))
def test_a_cut_never_falls_within_a_character(translator, most):
    line = "北京大学附属中学🙂é" * 3
    decode = DecodeSection(max_segment=most)
    parts = Cutter(translator.tokenizer, Domain(), None, decode).cut([Request(line)], 1, [Route()])
    assert len(parts) > 1 and all(len(part.sentence.ids) <= most for part in parts)
    assert "".join(part.text.strip() for part in parts) == line


# --- as a Python API -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("one two", "translate() takes a list of lines; of one line: translate([line])[0]"),
        (Request("one"), "translate() takes a list of lines; of one line: translate([line])[0]"),
        (["one", None], "line 2 is a NoneType, not a string or a Request"),
        ([b"one"], "line 1 is a bytes, not a string or a Request"),
    ],
)
def test_what_is_no_list_of_lines_is_told(translator, lines, says):
    with pytest.raises(TypeError) as error:
        translator.translate(lines)
    assert str(error.value) == says


def test_a_call_may_have_a_search_of_its_own(translator):
    before = translator.translate(LINES)
    assert translator.translate(["one two three"], beam_size=7, n_best=7)[0].hypotheses != before
    changed = translator.translate(LINES, beam_size=1, length_penalty=0.5)
    translator.decode = translator.decode.changed({"beam_size": 1, "length_penalty": 0.5})
    assert translator.translate(LINES) == changed != before


@pytest.mark.parametrize(
    ("decode", "says"),
    [
        ({"beam": 3}, "decode: `beam` is not a known key"),
        ({"beam_size": 0}, "decode: `beam_size` must be at least 1, but is 0."),
        ({"ensemble": "log"}, "decode: `ensemble` is chosen where runs are loaded."),
    ],
)
def test_a_search_that_cannot_be_is_told(translator, decode, says):
    with pytest.raises(RecipeError) as error:
        translator.translate(["one"], **decode)
    assert error.value.message.startswith(says)


def test_help_names_every_key_of_the_search():
    keys = set(re.findall(r"\w+", Translator.load.__doc__))
    assert set(DecodeSection.model_fields) - keys == {"valid_beam_size"}


def test_what_is_shown_can_be_read(translator):
    assert repr(translator) == "<Translator ?-?, beam_size 3>"
    one = Translation("Un chien.", [("Un chien.", Hypothesis([5], -1.0, -0.5))])
    assert repr(one) == "Translation('Un chien.', score=-0.5000)"
    odd = replace(one, hypotheses=one.hypotheses * 2, segments=2, unseen=("ladder",))
    assert repr(odd) == "Translation('Un chien.', score=-0.5000, n_best=2, segments=2, unseen=('ladder',))"


def test_calls_from_several_threads_neither_disturb_each_other_nor_torch(translator):
    """A call that began while another ran once took, and left behind, the other's share of the threads."""
    lines = [f"{a} {b} one two three four" for a in WORDS for b in WORDS]
    translator.decode = translator.decode.changed({"batch_tokens": 200})
    threads = torch.get_num_threads()
    assert translator.engine.threads == threads
    expected = translator.translate(lines)
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(translator.translate, [lines] * 3)) == [expected] * 3
        assert set(pool.map(lambda _: translator.engine.workers, range(3))) == {translator.engine.workers}
    assert torch.get_num_threads() == threads
