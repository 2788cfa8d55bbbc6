"""Tags in a source come out round what their words became, whatever the translation and its alignment are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.text.inline import Inline, Tag, detag, pairs, placeholders, plain, with_codes, with_placeholders, written
from nmt.text.links import Link, link, units
from nmt.text.projection import keeps_codes, project, without_placeholders


def links_of(source: str, translation: str, words: str) -> list[Link]:
    """Links of units: `0-1 2-0`; those in brackets are weak."""
    src, tgt = units(source), units(translation)
    return [Link(src[int(s)], tgt[int(t)], bool(weak)) for weak, s, t in re.findall(r"(\(?)(\d+)-(\d+)", words)]


def projected(marked: str, translation: str, words: str) -> str:
    sentence = detag(with_codes(marked))
    return written(project(sentence, translation, links_of(sentence.text, translation, words)).items)


def is_guess(marked: str, translation: str, words: str) -> bool:
    sentence = detag(with_codes(marked))
    return project(sentence, translation, links_of(sentence.text, translation, words)).guess


@pytest.mark.parametrize(
    ("marked", "translation", "words", "wanted"),
    [
        # a pair goes round what its words became, wherever that is
        ("Please bring <b>your</b> tomato.", "Apportez votre tomate, merci.", "1-0 2-1 3-2 0-4 4-5",
         "Apportez <b>votre</b> tomate, merci."),
        ("the <b>red</b> house", "la maison rouge", "0-0 2-1 1-2", "la maison <b>rouge</b>"),
        # round the whole it stays round the whole, whatever the alignment
        ("<b>the red house</b>", "la maison rouge", "0-0", "<b>la maison rouge</b>"),
        (" <p><b>the house</b></p>\n", "la maison", "", " <p><b>la maison</b></p>\n"),
        # punctuation stays outside unless it was inside
        ("I see a <b>dog</b>.", "Je vois un chien.", "0-0 1-1 2-2 3-3 3-4", "Je vois un <b>chien</b>."),
        ("Look: <b>a dog!</b>", "Regarde : un chien !", "0-0 1-1 2-2 3-3", "Regarde : <b>un chien !</b>"),
        # in a word: round the word, of the first that claims it; the same word keeps its inner tags
        ("a <b>d</b><i>o</i>g", "un chien", "0-0 1-1", "un <i></i><b>chien</b>"),
        ("H<sub>2</sub>O is wet", "H2O est humide", "0-0 1-1 2-2", "H<sub>2</sub>O est humide"),
        # of words that are not side by side: the hull; where most of that is of others, the best stretch
        ("I do <b>not</b> eat", "Je ne mange pas", "0-0 2-1 3-2 2-3", "Je <b>ne mange pas</b>"),
        ("a <b>b</b> c d e f", "B w x y z b", "1-0 2-1 3-2 4-3 5-4 1-5", "<b>B</b> w x y z b"),
        # that no word of the translation comes from: a weak link, or nothing inside
        ("it <b>does</b> work", "cela marche", "0-0 2-1", "cela<b></b> marche"),
        ("it <b>does</b> work", "cela marche bien", "0-0 2-1 (1-2", "cela marche <b>bien</b>"),
        # two that claim the same words do not cross
        ("<a>big</a> <b>dog</b> x", "chien gros chien y", "1-0 0-1 1-2 2-3", "chien <a>gros</a> <b>chien</b> y"),
        ("<i>very <b>red</b></i> house", "maison très rouge", "2-0 0-1 1-2", "maison <i>très <b>rouge</b></i>"),
        # alone, or empty: beside the word that it touches
        ("a dog<br/>barks loudly", "un chien aboie fort", "0-0 1-1 2-2 3-3", "un chien<br/>aboie fort"),
        ("the dog<x/> barks", "il aboie, le chien", "2-1 1-4 0-3", "il aboie, le chien<x/>"),
        ("the <x/>dog barks", "il aboie, le chien", "2-1 1-4 0-3", "il aboie, le <x/>chien"),
        ("the dog <x/> barks", "le chien aboie", "0-0 1-1 2-2", "le chien <x/> aboie"),
        ("a <b></b>dog x", "un chien y", "0-0 1-1 2-2", "un <b></b>chien y"),
        ("He said.<x/> She left", "Il dit. Elle part", "0-0 1-1 2-2 3-3 4-4", "Il dit.<x/> Elle part"),
        # placeholders are where the translation has them, and in the pair that they were in
        ("Hi <b>{name}</b>!", "{name}, salut !", "0-2", "<b>{name}</b>, salut !"),
        # scripts without spaces
        ("I eat <b>fish</b>", "我吃鱼", "0-0 1-1 2-2", "我吃<b>鱼</b>"),
        ("the <b>man</b> runs", "l'homme court", "0-0 1-1 2-2", "l'<b>homme</b> court"),
        # crossing tags open before they close
        ("<a>x <b>y</a> z</b> w", "W y", "", "<a><b></a>W y</b>"),
    ],
)  # fmt: skip
def test_tags_go_round_what_their_words_became(marked: str, translation: str, words: str, wanted: str) -> None:
    assert projected(marked, translation, words) == wanted


def test_what_is_placed_by_guess_is_told() -> None:
    assert not is_guess("the <b>red</b> house", "la maison rouge", "0-0 2-1 1-2")
    assert not is_guess("<b>the house</b>", "la maison", "")
    assert is_guess("it <b>does</b> work", "cela marche", "0-0 2-1")
    assert is_guess("<a>big</a> <b>dog</b> x", "chien gros chien y", "1-0 0-1 1-2 2-3")
    assert is_guess("the <x/>dog", "le chien", "")


# --- invariants ------------------------------------------------------------------------------------------------------

CODES = ["<b>", "</b>", "<i>", "</i>", "<x/>", "<br/>", "{n}", "%s"]
WORDS = ["dog", "a", "l'eau", "don't", "H2O", "你好", ".", " ", "  ", "\n", "(", "…", "{n}", "😀", "é"]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Inline, str, list[Link]]:
    items = with_codes("".join(draw(st.lists(st.sampled_from(CODES + WORDS + [" "] * 5), max_size=14))))
    translation = "".join(draw(st.lists(st.sampled_from([*WORDS, "{n}", "%s", " ", " "]), max_size=10)))
    text = detag(items).text
    src, tgt = units(text), units(translation.strip())
    links = []
    if src and tgt:
        links = draw(st.lists(st.builds(Link, st.sampled_from(src), st.sampled_from(tgt), st.booleans()), max_size=8))
    return items, translation, links


def codes(items: Inline) -> Counter[Tag]:
    return Counter(item for item in items if isinstance(item, Tag))


def unspaced(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(cases(), st.booleans())
def test_no_tag_is_lost_doubled_or_crossed_and_no_text_either(case: tuple[Inline, str, list[Link]], show: bool) -> None:
    items, translation, links = case
    sentence = detag(items, show)
    if not sentence.text:
        assert sentence.before == tuple(item for item in items if item)
        return
    if not show:
        translation = without_placeholders(translation)
    found = project(sentence, translation, links).items
    assert codes(found) == codes(items)
    # what were pairs are pairs, and what crossed opens before it closes
    matched = pairs(items)[0]
    assert Counter(items[i] for i in matched) <= Counter(found[i] for i in pairs(found)[0])
    if show and keeps_codes(sentence, translation):
        assert unspaced(plain(found)) == unspaced(translation)
        assert Counter(placeholders(plain(found))) == Counter(placeholders(plain(items)))
    if not show and translation.strip() != sentence.text:
        bare = [item for item in found if isinstance(item, str)]
        assert unspaced("".join(bare)) == unspaced(translation)


@given(cases())
def test_the_source_as_its_own_translation_changes_nothing(case: tuple[Inline, str, list[Link]]) -> None:
    items, _, links = case
    sentence = detag(items)
    if sentence.text:
        assert written(project(sentence, sentence.text, links).items) == written(items)


@given(cases())
def test_white_space_at_the_edges_is_kept(case: tuple[Inline, str, list[Link]]) -> None:
    items, translation, links = case
    sentence = detag(items)
    translation = translation.strip()
    if not sentence.text or not translation:
        return
    text, found = ("".join(p if isinstance(p, str) else "" if p.text.isspace() else p.text for p in line)
                   for line in (items, project(sentence, translation, links).items))  # fmt: skip
    if text.strip() and not any(isinstance(item, Tag) for item in (items[0], items[-1])):
        assert text[: len(text) - len(text.lstrip())] == found[: len(found) - len(found.lstrip())]
        assert text[len(text.rstrip()) :] == found[len(found.rstrip()) :]


@given(cases())
def test_no_tag_parts_a_word_but_one_that_it_parted_before(case: tuple[Inline, str, list[Link]]) -> None:
    items, translation, links = case
    sentence = detag(items)
    translation = translation.strip()
    if not sentence.text or not keeps_codes(sentence, translation):
        return
    bounds = {len(unspaced(translation[:place])) for span in units(translation) for place in span}
    same = {sentence.text[b:e] for b, e in units(sentence.text)} | set(sentence.codes)
    for b, e in [span for word in same for span in occurrences_of(word, translation)]:
        bounds |= {len(unspaced(translation[:place])) for place in range(b, e)}
    at = 0
    for item in project(sentence, translation, links).items:
        assert isinstance(item, str) or at in bounds | {0, len(unspaced(translation))}
        at += len(unspaced(plain([item])))


def occurrences_of(word: str, text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(re.escape(word), text)]


# --- placeholders ----------------------------------------------------------------------------------------------------


def test_placeholders_are_found() -> None:
    text = "{name} {{x}} ${y} %{z} %(count)d %1$s %s %5.2f %@ %2$@ %ld __k__ $t(key, {a}) 100% of 5%, {} at 20 % d"
    assert placeholders(text) == [
        "{name}", "{{x}}", "${y}", "%{z}", "%(count)d", "%1$s", "%s", "%5.2f", "%@", "%2$@", "%ld", "__k__",
        "$t(key, {a})", "{}",
    ]  # fmt: skip


def test_whether_placeholders_are_kept() -> None:
    sentence = detag(with_placeholders(["{a} and {b} of %d"]))
    assert sentence.text == "{a} and {b} of %d"
    assert keeps_codes(sentence, "%d de {b} et {a}")
    assert not keeps_codes(sentence, "%d de {b}")
    assert not keeps_codes(sentence, "%d de {b} et {a} {a}")
    assert not keeps_codes(sentence, "%d de {b} et {nom}")


def test_placeholders_that_were_not_shown_are_put_in() -> None:
    sentence = detag(with_placeholders(["Hello {name}!"]), show=False)
    assert sentence.text == "Hello !"
    found = project(sentence, "Bonjour !", links_of(sentence.text, "Bonjour !", "0-0 1-1"))
    assert written(found.items) == "Bonjour {name}!"
    assert without_placeholders("Bonjour {nom} !") == "Bonjour  !"


# --- alignment -------------------------------------------------------------------------------------------------------


def test_units_are_words_characters_and_signs() -> None:
    def of(text: str) -> list[str]:
        return [text[b:e] for b, e in units(text)]

    assert of("L'homme don't say: “hi”!") == ["L'", "homme", "don't", "say", ":", "“", "hi", "”", "!"]
    assert of("我吃 fish 2,5") == ["我", "吃", "fish", "2", ",", "5"]
    assert of("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert of("👩‍🚀x_y") == ["👩‍🚀", "x", "_", "y"] or len(of("👩‍🚀x_y")) == 5


def test_attention_of_pieces_links_characters() -> None:
    src, tgt = ["▁the", "▁red", "▁hou", "se", "."], ["▁la", "▁mais", "on", "▁rouge", "."]
    attention = [
        [0.8, 0.1, 0.1, 0, 0],
        [0, 0.1, 0.5, 0.4, 0],
        [0, 0, 0.3, 0.7, 0],
        [0, 0.9, 0.1, 0, 0],
        [0, 0, 0, 0, 1],
    ]
    source, translation = "the  red house.", "la maison rouge."
    found = {
        (source[slice(*one.src)], translation[slice(*one.tgt)])
        for one in link(attention, src, tgt, source, translation)
    }
    assert found == {("the", "la"), ("house", "maison"), ("red", "rouge"), (".", ".")}


def test_what_nothing_looks_at_most_has_a_weak_link() -> None:
    found = link([[0.6, 0.4, 0.0]], ["▁go", "▁away", "</s>"], ["▁pars"], "go away", "pars")
    assert found == [Link((0, 2), (0, 4)), Link((3, 7), (0, 4), weak=True)]


def test_pieces_of_bytes_are_one_character() -> None:
    pieces = ["▁", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "▁dog"]
    found = link([[0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]], pieces, ["▁A", "▁B"], "😀 dog", "A B")
    assert [one.src for one in found] == [(0, 1), (2, 5)]


@given(st.text(max_size=12), st.text(max_size=12), st.lists(st.text(max_size=3), max_size=5))
def test_pieces_that_do_not_fit_their_text_still_give_links_within_it(
    source: str, target: str, pieces: list[str]
) -> None:
    attention = [[1.0 / (1 + abs(t - s)) for s in range(len(pieces))] for t in range(len(pieces))]
    for one in link(attention, pieces, pieces, source, target):
        assert source[slice(*one.src)].strip() and target[slice(*one.tgt)].strip()


def test_tags_need_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, nmt.text.projection, nmt.text.links; print('torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "False"
