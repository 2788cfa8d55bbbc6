"""When two lines are the same."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.data import keys as keys_module
from nmt.data.keys import alike, among, pair_keys, repeated, source_keys, there
from tests.unit.test_audit import Files, files, sentence

__all__ = ["files"]  # a fixture

SPACES = [" ", "\t", "\xa0", "\u2009", "\u202f", "\u3000", "\x85", "\u2028", "\u1680"]


@pytest.mark.parametrize(
    "line",
    [
        "How  are you ?", "How are you\u202f?", "How\xa0are you ?", " How are you ? ", "Ｈｏｗ are you ？",
        "How are\u3000you ?", "How are\tyou ?", "How are\u2028you ?", "Ho\xadw are you ?", "\ufeffHow are you\u200b ?",
        "\u200eHow are you ?",
    ],
)  # fmt: skip
def test_what_nobody_sees_makes_no_other_line(line: str) -> None:
    assert alike(line) == "How are you ?"


def test_composed_and_decomposed_characters_are_the_same() -> None:
    assert alike("cafe\u0301 ﬁn") == alike("café fin") == "café fin"


def test_case_words_and_joiners_make_other_lines() -> None:
    lines = ["It is.", "it is.", "It is", "Itis.", "It\u200dis."]
    assert len({alike(line) for line in lines}) == len(lines)
    assert len(set(source_keys("\n".join(lines), 5).tolist())) == 4  # for a source, case makes none


@given(st.lists(st.text(st.one_of(st.sampled_from([*SPACES, "a", "é", "…"]), st.characters(exclude_characters="\n")))))
def test_each_line_is_as_it_would_be_alone(lines: list[str]) -> None:
    joined = alike("\n".join(lines))
    assert joined == "\n".join(alike(line) for line in lines) == alike(joined) or "\n".join(lines) == ""
    for line in joined.split("\n"):
        assert line == " ".join(line.split()) and unicodedata.is_normalized("NFKC", line)


def test_the_keys_of_plain_lines_are_what_they_always_were() -> None:
    """So that what is held out of plain text stays the same."""

    def old(line: bytes) -> int:
        return int.from_bytes(blake2b(line, digest_size=8).digest(), "little")

    assert source_keys(alike("The Café\nis open."), 2).tolist() == [old("the café".encode()), old(b"is open.")]
    assert pair_keys([b"One"], [b"Un"]).tolist() == [old(b"One\nUn")]
    assert pair_keys([], []).dtype == np.uint64


def test_leaks_and_duplicates_are_found_in_disguise(files: Files) -> None:
    rows = [sentence(i) for i in range(60)]
    disguised = [row.replace(" ", spaces, 1) for row, spaces in zip(rows, ["  ", "\xa0", "\u3000"] * 20, strict=True)]
    files.add("train", rows + disguised[:20], rows + rows[:20])
    report = files.add("valid", disguised, [row.replace("end", "ｅｎｄ") for row in rows]).audit()
    assert report.splits["train"].found["duplicate"] == (20, "train.en:61")
    found = report.splits["valid"].found
    assert found["leak_source"] == found["leak_pair"] == (60, "valid.en:1")


@given(
    st.lists(st.integers(0, 40), max_size=60), st.lists(st.integers(0, 40), max_size=9), st.sampled_from([0, 1 << 56])
)
def test_keys_compared_a_part_at_a_time_are_as_compared_at_once(many: list[int], few: list[int], spread: int) -> None:
    keys, some = (np.array(own, np.uint64) * np.uint64(spread + 1) for own in (many, few))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys_module, "_TOGETHER", 4)
        assert among(keys, some).tolist() == np.isin(keys, some).tolist()
        assert there(some, keys).tolist() == np.isin(some, keys).tolist()
        assert repeated(keys).tolist() == [key in many[:i] for i, key in enumerate(many)]
