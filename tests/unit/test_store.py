"""Prepared splits on disk."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data.store import IdsWriter, PreparedSplit
from nmt.errors import RunError
from nmt.tokenizer import RaggedIds

ROWS = [[5, 6, 7], [], [9], [65_535]]


def write(folder: Path, src: list[list[int]], tgt: list[list[int]], vocab_size: int = 1 << 16) -> None:
    for side, rows in (("src", src), ("tgt", tgt)):
        with IdsWriter(folder, "train", side, vocab_size) as writer:  # type: ignore[arg-type]
            for part in (rows[:2], rows[2:]):
                ragged = RaggedIds.of(part)
                writer.append(ragged.ids, ragged.lengths)


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
    assert (tmp_path / f"train.src.{suffix}").stat().st_size == 5 * width


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
    (tmp_path / "train.src.txt").write_bytes("a\u2028b\n\nc\rd\n\x85\n".encode())
    assert PreparedSplit.open(tmp_path, "train").text("src") == ["a\u2028b", "", "c\rd", "\x85"]


def test_damage_is_told(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS[:3])
    with pytest.raises(RunError, match="train has 4 source, but 3 target sentences"):
        PreparedSplit.open(tmp_path, "train")
    write(tmp_path, ROWS, ROWS)
    (tmp_path / "train.src.u16").write_bytes(b"\0\0")
    with pytest.raises(RunError, match=r"is damaged: train\.src\.offsets\.npy does not divide its 1 ids"):
        PreparedSplit.open(tmp_path, "train")
    write(tmp_path, ROWS, ROWS)
    for content in (b"", b"nonsense", np.lib.format.MAGIC_PREFIX):
        (tmp_path / "train.tgt.offsets.npy").write_bytes(content)
        with pytest.raises(RunError, match="cannot be read"):
            PreparedSplit.open(tmp_path, "train")


def test_pickled_offsets_are_refused(tmp_path: Path) -> None:
    write(tmp_path, ROWS, ROWS)
    np.save(tmp_path / "train.src.offsets.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(RunError, match="cannot be read"):
        PreparedSplit.open(tmp_path, "train")


def test_a_writer_that_failed_leaves_no_offsets(tmp_path: Path) -> None:
    def fail() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"), IdsWriter(tmp_path, "train", "src", 300):
        fail()
    assert not (tmp_path / "train.src.offsets.npy").exists()
