"""What looks wrong with a translation."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.text.flags import FLAGS, MAX_SEARCHED, flags

LONG = "Two young men are playing football in the park."


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        (LONG, "Deux jeunes hommes jouent au football dans le parc.", []),
        (LONG, "二人の若い男性が公園でサッカーをしている。", []),
        ("二人の若い男性が公園でサッカーをしている。", LONG, []),
        ("", "", []),
        ("  ", "", []),
        (LONG, "", ["empty"]),
        (LONG, " \t", ["empty"]),
        (LONG, f" {LONG.upper()}", ["copied"]),
        ("二人の男性", "二人の男性", ["copied"]),
        ("Taxi and bus", "taxi and bus", ["copied"]),
        ("150 euros, Cousin!", "150 euros, cousin !", []),
        ("2019: 3,5 %", "2019: 3,5 %", []),
        (LONG, "Deux hommes dans dans dans dans le parc.", ["repetition"]),
        (LONG, "Deux hommes dans le parc dans le parc dans le parc", ["repetition"]),
        (LONG, "Deux hommes dans le parc dans le parc.", []),
        ("he cannot and will not go home", "il ne peut et ne veut pas rentrer", []),
        (LONG, "二人の男性が公園で遊んで公園で遊んで公園で遊んで", ["repetition"]),
        (LONG, "男男男男男の人が公園で遊んでいます", ["repetition"]),
        ("Wait… 1000000 ......", "Attendez… 1000000 ......", []),
        ("No no no no no!", "Non non non non non !", []),
        ("No no no no!", "Non non non non non non non !", ["repetition"]),
        (LONG, "Deux.", ["too_short"]),
        ("A dog.", LONG, ["too_long"]),
        ("A dog.", "un chien " * 8, ["repetition", "too_long"]),
    ],
)
def test_what_is_noticed(source: str, translation: str, expected: list[str]) -> None:
    assert flags(source, translation) == expected


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_human_translations_have_no_flag(demo_data: Path, split: str) -> None:
    src, tgt = ((demo_data / f"{split}.{lang}").read_text(encoding="utf-8").split("\n") for lang in ("en", "fr"))
    assert [(s, t) for s, t in zip(src, tgt, strict=True) if flags(s, t)] == []


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_the_text_the_flags_are_of_those_known(source: str, translation: str) -> None:
    found = flags(source, translation)
    assert found == [name for name in FLAGS if name in found]
    assert "empty" not in found or found == ["empty"]


@pytest.mark.parametrize("begin", [0, 9_950, 10_000, 25_000])
def test_a_loop_is_found_anywhere_in_a_long_line(begin: int) -> None:
    """It is searched in windows, so that a signal is heard."""
    text = "".join(chr(97 + i * i * i % 23) + " " * (i % 7 == 0) for i in range(30_000))
    looped = text[:begin] + " in the park" * 4 + text[begin:]
    assert flags(text, text) == ["copied"]
    assert flags(text, looped) == ["repetition"]


def test_of_a_line_without_end_the_beginning_and_the_end_are_searched() -> None:
    text = "".join(chr(97 + i * i * i % 23) + " " * (i % 7 == 0) for i in range(MAX_SEARCHED))
    loop = " in the park" * 4
    assert flags(text, loop + text) == flags(text, text + loop) == ["repetition"]
    assert flags(text, text + loop + text) == []  # in the middle: a search there would take seconds a megabyte
