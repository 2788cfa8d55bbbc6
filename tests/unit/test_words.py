"""Words for analyses, and where lines differ."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.text.words import Piece, differences, words


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("L’été, c'est « beau » !", ["l’été", "c'est", "beau"]),
        ("二人がOKと言う。", ["二", "人", "が", "ok", "と", "言", "う"]),
        ("สวัสดี", list("สวัสดี")),
        ("… — !", []),
        ("3,5 km", ["3", "5", "km"]),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_differences_are_marked_word_by_word() -> None:
    assert differences("Un chien noir court.", "Un chat court vite.") == [
        Piece("same", "Un "), Piece("missing", "chien noir "), Piece("extra", "chat "), Piece("same", "court "),
        Piece("extra", "vite"), Piece("same", ". "),
    ]  # fmt: skip
    assert [p.kind for p in differences("同じ", "同じ")] == ["same"]
    assert differences("", "") == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_without_what_is_missing_it_is_the_translation(ref: str, hyp: str) -> None:
    pieces = differences(ref, hyp)
    assert "".join(p.text for p in pieces if p.kind != "missing").strip() == hyp.strip()
    assert re.sub(r"\s", "", "".join(p.text for p in pieces if p.kind != "extra")) == re.sub(r"\s", "", ref)
