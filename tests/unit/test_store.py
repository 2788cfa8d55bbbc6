"""Prepared splits on disk."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data.index import Index, Run, write_examples
from nmt.data.rows import IdsWriter
from nmt.data.store import PreparedSplit
from nmt.errors import RunError
from nmt.recipe.directions import Direction
from nmt.tokenizer import RaggedIds
from tests.manifests import manifest

ROWS = [[5, 6, 7], [], [9], [65_535]]


def write(folder: Path, src: list[list[int]], tgt: list[list[int]], vocab_size: int = 1 << 16) -> None:
    lengths = {}
    for language, rows in (("en", src), ("fr", tgt)):
        with IdsWriter(folder, "train", language, vocab_size) as writer:
            for part in (rows[:2], rows[2:]):
                ragged = RaggedIds.of(part)
                writer.append(ragged.ids, ragged.lengths)
            lengths[language] = writer.lengths
    runs = [Run(0, np.arange(len(src)), np.arange(len(src)))]
    write_examples(folder, "train", runs)
    describe(folder, [("en", "fr")], lengths, runs if len(src) == len(tgt) else [])


def describe(folder: Path, directions: list[tuple[str, str | None]], lengths: dict[str, Any], runs: list[Run]) -> None:
    manifest(directions).save(folder)
    Index.of(lengths, runs, [Direction(*direction) for direction in directions]).save(folder, "train")


def lengths_of(src: list[list[int]], tgt: list[list[int]]) -> dict[str, Any]:
    return {"en": RaggedIds.of(src).lengths, "fr": RaggedIds.of(tgt).lengths}


def write_table(folder: Path, rows: list[tuple[int, int, int]]) -> None:
    np.save(folder / "train.examples.npy", np.array(rows, np.int32).reshape(-1, 3))


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**31 - 1))))
def test_rows_in_memory_are_the_rows(rows: list[list[int]]) -> None:
    ragged = RaggedIds.of(rows)
    assert [list(row) for row in ragged] == rows == [list(ragged[i]) for i in range(len(ragged))]
    assert ragged.lengths.tolist() == [len(row) for row in rows]


@pytest.mark.parametrize("vocab_size", [300, 1 << 16, (1 << 16) + 1])
def test_what_is_written_is_read(tmp_path: Path, vocab_size: int) -> None:
    write(tmp_path, ROWS, ROWS[::-1], vocab_size)
    split = PreparedSplit.open(tmp_path, "train")
    assert len(split) == 4
    assert [list(row) for row in split.src] == ROWS and [list(row) for row in split.tgt] == ROWS[::-1]
    suffix, width = ("u16", 2) if vocab_size <= 1 << 16 else ("u32", 4)
    assert (tmp_path / f"train.en.{suffix}").stat().st_size == 5 * width


def test_a_split_without_rows_or_ids_can_be_opened(tmp_path: Path) -> None:
    write(tmp_path, [], [])
    assert len(PreparedSplit.open(tmp_path, "train")) == 0
    write(tmp_path, [[], []], [[], []])
    assert PreparedSplit.open(tmp_path, "train").src.lengths.tolist() == [0, 0]


def test_ids_are_mapped_not_read(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS)
    assert isinstance(PreparedSplit.open(tmp_path, "train").src.ids, np.memmap)


def test_raw_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS)
    (tmp_path / "train.en.txt").write_bytes("a\u2028b\n\nc\rd\n\x85\n".encode())
    assert PreparedSplit.open(tmp_path, "train").text("src") == ["a\u2028b", "", "c\rd", "\x85"]


def test_damage_is_told(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS[:3])
    with pytest.raises(RunError, match=r"train\.examples\.npy is damaged: it names lines that there are not"):
        PreparedSplit.open(tmp_path, "train")
    write(tmp_path, ROWS, ROWS)
    for rows, message in (
        ([(0, 0, 4)], "lines that there are not"),
        ([(0, -1, 0)], "lines that there are not"),
        ([(0, 0, -1)], "lines that there are not"),  # none has no target
        ([(1, 0, 0)], "corpora that there are not"),
        ([(-1, 0, 0)], "corpora that there are not"),
    ):
        write_table(tmp_path, rows)
        with pytest.raises(RunError, match=f"is damaged: it names {message}") as e:
            PreparedSplit.open(tmp_path, "train")
        assert e.value.hint == "Prepare again: nmt prepare RECIPE --force"
    np.save(tmp_path / "train.examples.npy", np.zeros((4, 2), np.int32))
    with pytest.raises(RunError, match="it holds no rows of three numbers"):
        PreparedSplit.open(tmp_path, "train")
    write(tmp_path, ROWS, ROWS)
    (tmp_path / "train.en.u16").write_bytes(b"\0\0")
    with pytest.raises(RunError, match=r"is damaged: train\.en\.lengths\.npy does not divide its 1 ids"):
        PreparedSplit.open(tmp_path, "train")
    write(tmp_path, ROWS, ROWS)
    for content in (b"", b"nonsense", np.lib.format.MAGIC_PREFIX):
        (tmp_path / "train.fr.lengths.npy").write_bytes(content)
        with pytest.raises(RunError, match="cannot be read"):
            PreparedSplit.open(tmp_path, "train")


def test_pickled_lengths_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS)
    np.save(tmp_path / "train.en.lengths.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(RunError, match="cannot be read"):
        PreparedSplit.open(tmp_path, "train")


def test_a_writer_that_failed_leaves_no_lengths(tmp_path: Path) -> None:
    def fail() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"), IdsWriter(tmp_path, "train", "en", 300):
        fail()
    assert not (tmp_path / "train.en.lengths.npy").exists()


def test_examples_are_of_several_corpora_languages_and_directions(tmp_path: Path) -> None:
    """Corpus 0 is en-fr, 1 is fr-en, 2 is French alone."""
    write(tmp_path, ROWS, ROWS[::-1])
    describe(tmp_path, [("en", "fr"), ("fr", "en"), ("fr", None)], lengths_of(ROWS, ROWS[::-1]), [])
    write_table(tmp_path, [(0, 2, 1), (2, 3, -1), (1, 0, 0), (0, 0, 0)])
    split = PreparedSplit.open(tmp_path, "train")
    en, fr = ROWS, ROWS[::-1]
    assert [list(line) for line in split.src] == [en[2], fr[3], fr[0], en[0]]
    assert [list(line) for line in split.tgt] == [fr[1], [], en[0], fr[0]]
    for side in (split.src, split.tgt):
        assert side.lengths.tolist() == [len(line) for line in side]
    (tmp_path / "train.en.txt").write_text("a\nb\nc\nd\n")
    (tmp_path / "train.fr.txt").write_text("A\nB\nC\nD\n")
    assert split.text("src") == ["c", "D", "A", "a"]


def test_pairs_in_the_order_of_the_text_need_no_looking_up(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS[::-1])
    runs = [Run(0, np.arange(1), np.arange(1)), Run(1, np.arange(1, 4), np.arange(1, 4))]
    describe(tmp_path, [("en", "fr"), ("en", "fr")], lengths_of(ROWS, ROWS[::-1]), runs)
    write_examples(tmp_path, "train", runs)
    split = PreparedSplit.open(tmp_path, "train")
    assert split.src is split.lines["en"] and split.tgt is split.lines["fr"]
    assert split.examples.table.tolist() == [[0, 0, 0], [1, 1, 1], [1, 2, 2], [1, 3, 3]]
    assert split.examples.corpora == [0, 1]
