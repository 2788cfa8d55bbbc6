"""Spans that stay as they are: which, with what space around them, and in what order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.text.spans import appended, protected_spans, respaced, spaced, tags_differ


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("The 2nd H2O mp3, 10th of 17 at 3.50", ["17", "3.50"]),
        ("It costs $1,299.50, or US$5 or £3.", ["$1,299.50", "$5", "£3"]),
        ("{first name} has {count} of {{ user.x }} and ${x}", ["{first name}", "{count}", "{{ user.x }}", "${x}"]),
        ("x<y and z>w", []),
        ("if a < b and c > d", []),
        ("<a href=\"x y\" title='<'>b</a><br/>", ["</a>", "<br/>"]),
        ("<a href=\"x y\" class=z>b</a> <input type=text disabled>", ["<a href=\"x y\" class=z>", "</a>",
         "<input type=text disabled>"]),
        ("see http://a.b/c?d=1, www.x.org/y. or me.too@a-b.example!", ["http://a.b/c?d=1", "www.x.org/y",
         "me.too@a-b.example"]),
        ("%s of %(n)d, __NAME__", ["%s", "%(n)d", "__NAME__"]),
    ],
)  # fmt: skip
def test_what_is_protected(text: str, spans: list[str]) -> None:
    assert protected_spans(text) == spans


@pytest.mark.parametrize(
    "unit", ["__a", "a.", "a", "-a.-", "a@", "<a", "<a ", "{", "${", "%(a", "www.", "http://", "1.", "1:"]
)
def test_long_lines_take_no_square_of_the_time(unit: str) -> None:
    """A megabyte each, where the square of the time would be many minutes."""
    text = unit * (1_000_000 // len(unit))
    assert sum(map(len, protected_spans(text))) <= len(text)


@pytest.mark.parametrize(
    ("source", "translation", "phrases", "expected"),
    [
        ("The {name} has it.", "Les{name} que", ["{name}"], "Les {name} que"),
        ("The {name} has it.", "Le {name}que", ["{name}"], "Le {name} que"),
        ("{a} and {b}", "{a}et{b}", ["{a}", "{b}"], "{a} et {b}"),
        ("The <b>man</b> runs.", "L'<b> homme </b>court.", ["<b>", "</b>"], "L'<b>homme</b> court."),
        ("A<br/>B", "A <br/> B", ["<br/>"], "A<br/>B"),
        ("Of {n}%.", "De{n} %.", ["{n}"], "De {n} %."),
        ("at 17 or 17", "à17 ou 17", ["17", "17"], "à17 ou 17"),  # within a word it is another number
        ("It is (17).", "C'est ( 17 ).", ["17"], "C'est ( 17 )."),
        ("nothing", "rien{x}", ["{x}"], "rien{x}"),
        ("in {place}", "在{place}里", ["{place}"], "在{place}里"),
        ("Hi, {name}", "Bonjour,{name}", ["{name}"], "Bonjour, {name}"),
    ],
)
def test_space_is_as_in_the_source(source: str, translation: str, phrases: list[str], expected: str) -> None:
    assert respaced(source, translation, phrases) == expected


@given(st.text("a <b>/{}1.", max_size=30), st.text("a <b>/{}1.", max_size=30))
def test_only_space_changes(source: str, translation: str) -> None:
    changed = respaced(source, translation, protected_spans(source))
    assert changed.replace(" ", "") == translation.replace(" ", "")


def test_a_phrase_comes_into_a_translation_with_the_space_before_it() -> None:
    assert [spaced("</b>", n, "<b>a</b> x </b>") for n in range(2)] == [False, True]
    assert spaced("{a}", 0, "{a} b")
    # Not in the source: words and what opens stand apart.
    assert [spaced(phrase, 0, "") for phrase in ("neige", "{a}", "%", ".")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("source", "translation", "found"),
    [
        ("Two dogs.", "Deux chiens. blanc.", ("blanc",)),
        ("Two dogs.", "Deux chiens. blanc", ("blanc",)),
        ("Two dogs.", "Deux chiens blanc.", ()),
        ("Two dogs. White.", "Deux chiens. blanc.", ()),
        ("Two dogs.", "blanc. Deux chiens.", ()),
    ],
)
def test_what_found_no_place_is_told(source: str, translation: str, found: tuple[str, ...]) -> None:
    assert appended(source, translation, ["blanc"]) == found


@pytest.mark.parametrize(
    ("source", "translation", "differ"),
    [
        ("A <b>man</b> in <i>red</i>.", "Un <b>homme</b> en <i>rouge</i>.", False),
        ("A <b>man</b> in <i>red</i>.", "En <i>rouge</i>, un <b>homme</b>.", False),
        ("A <b>man</b> in <i>red</i>.", "Un<b><i></b> homme</i>.", True),
        ("A <b>man</b>.", "Un </b>homme<b>.", True),
        ("A <b>man</b>.", "Un homme.", True),
        ("A <br> man<br/>.", "Un <br/> homme<br>.", False),
        ("A </b> man<b>.", "Un <b> homme </b>.", False),  # not in order in the source either
        ("a < b", "a < b", False),
        ("A man.", "Un homme.", False),
    ],
)
def test_tags_that_cross_are_told(source: str, translation: str, differ: bool) -> None:
    assert tags_differ(source, translation) == differ
