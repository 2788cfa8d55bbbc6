"""Lines whose tags are to be kept: translated as the sentence under them; tags are round the same words again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.decode.assembly import Translation
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.request import Request
from nmt.decode.tagged import put_aside
from nmt.decode.translator import Translator
from nmt.text.inline import written
from nmt.text.spans import tags_differ, with_codes
from nmt.text.terms import Terms


@given(st.text("ab <>/=\"'1{}", max_size=30))
def test_a_text_is_its_parts(text: str) -> None:
    assert written(with_codes(text)) == text


@pytest.mark.parametrize("text", ["a < b and c > d", "1 <2> 3", "{name} is 5", "<b <i", ""])
def test_what_is_no_tag_stays_in_the_sentence(text: str) -> None:
    request = Request(text)
    assert put_aside(request, protect=True) == (request, None)


def test_tags_are_put_aside_where_all_are_to_be_kept() -> None:
    tagged = Request("One <b>two</b>\nthree", include=("<b>", "six", "</b>"))
    for request, protect in ((tagged, False), (tagged, True)):
        plain, sentence = put_aside(request, protect)
        assert plain.text == "One two three" and plain.include == ("six",) and sentence is not None
    for request in (Request("One <b>two</b>", include=("<b>",)), Request("One <b>two</b>", prefix="<i>Un")):
        assert put_aside(request, protect=bool(request.prefix)) == (request, None)


@pytest.fixture
def translator(toy_run: Callable[..., Path]) -> Translator:
    made = Translator.load(toy_run())
    made.terms = Terms(protect=True)
    return made


def test_the_sentence_is_translated_as_without_tags(translator: Translator) -> None:
    lines = ["one <b>two</b> three", '<a href="https://a.example/x y">four five</a> six', "seven<br/>eight", "One two."]
    bare = [re.sub("<br/>", " ", line) for line in lines]
    plain = translator.translate([re.sub("<[^>]*>", "", line) for line in bare], n_best=2)
    found = translator.translate(lines, n_best=2)
    for line, without, t in zip(lines, plain, found, strict=True):
        assert not tags_differ(line, t.text)
        for (text, own), (expected, h) in zip(t.hypotheses, without.hypotheses, strict=True):
            assert "".join(re.sub("<[^>]*>", "", text).split()) == "".join(expected.split())
            assert own.score == pytest.approx(h.score)


def test_a_line_begins_as_asked_and_has_its_tags(translator: Translator) -> None:
    (t,) = translator.translate([Request("one <b>two</b> three", prefix="sept huit")])
    assert not tags_differ("one <b>two</b> three", t.text)
    assert re.sub("<[^>]*>", "", t.text).startswith("sept huit")


def test_capitals_stay_capitals_and_tags_as_they_are(translator: Translator) -> None:
    small, loud = (t.text for t in translator.translate(["One <b>two</b> three", "ONE <b>TWO</b> THREE"]))
    assert "<b>" in loud and loud == small.upper().replace("<B>", "<b>").replace("</B>", "</b>")


def test_lines_of_tags_alone_and_none(translator: Translator) -> None:
    assert [t.text for t in translator.translate(["<b></b>", "  <br/> ", "", " "])] == ["<b></b>", "<br/>", "", ""]


def test_a_line_stays_one_line(translator: Translator) -> None:
    (t,) = translator.translate(["\n<b>one\r\ntwo</b>\n"])
    assert "\n" not in t.text and "\r" not in t.text and not tags_differ("<b></b>", t.text)


def test_whoever_asks_for_the_tags_gets_the_same(translator: Translator) -> None:
    line = "one <b>two</b> three"
    (wanted,) = translator.translate([line])
    translator.terms = Terms()
    (found,) = translator.translate([Request(line, include=("<b>", "</b>"))])
    assert found.text == wanted.text
    assert isinstance(found, Translation) and isinstance(found.hypotheses[0][1], Hypothesis)
