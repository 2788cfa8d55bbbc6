"""Lines of ids on disk, memory-mapped; what is not asked for is not read.

Of each language, a split `train` has `train.en.u16` (ids one line after the other, little-endian; `.u32` where the
vocabulary has more than 65,536 pieces) and `train.en.lengths.npy` (16 bits a line; 32 where a line has more than 65,535
pieces). Where every BLOCKth line begins is in the split's index (index.py): so any block is found at once, and the rest
of a file of billions of lines stays where it is. No `<s>`, no `</s>`: batches add them.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.errors import RunError
from nmt.tokenizer import Ids, RaggedIds

BLOCK = 1 << 14  # lines, or examples
AGAIN = "Prepare again: nmt prepare RECIPE --force"
Lengths = npt.NDArray[np.unsignedinteger[Any]]


class IdsWriter:
    """Streams rows to disk; memory grows by 4 bytes a row. Use as a context manager; complete only after it closed."""

    def __init__(self, folder: Path, split: str, language: str, vocab_size: int) -> None:
        self._dtype, suffix = _format(vocab_size)
        self._file = open(folder / f"{split}.{language}.{suffix}", "wb")  # noqa: SIM115 - closed by __exit__
        self._lengths_path = folder / f"{split}.{language}.lengths.npy"
        self._lengths: list[npt.NDArray[np.uint32]] = []

    def append(self, flat: Ids, lengths: npt.NDArray[np.integer[Any]]) -> None:
        """Add len(lengths) rows whose ids stand one after the other in `flat`."""
        self._file.write(flat.astype(self._dtype, copy=False).tobytes())
        self._lengths.append(lengths.astype(np.uint32))

    @property
    def lengths(self) -> npt.NDArray[np.uint32]:
        """Of all rows so far."""
        return np.concatenate([np.zeros(0, np.uint32), *self._lengths])

    def __enter__(self) -> IdsWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        if exc[0] is None:
            lengths = self.lengths
            np.save(self._lengths_path, lengths.astype("<u2" if int(lengths.max(initial=0)) < 1 << 16 else "<u4"))


class StoredRows(RaggedIds):
    """Rows in files. `offsets` and `lengths` of all of them are in memory once they were asked for; who has billions of
    rows asks for `taken` ones.
    """

    def __init__(self, ids: Ids, lengths: Lengths, starts: npt.NDArray[np.int64]) -> None:
        """`starts`: the place in `ids` where each BLOCK of rows begins, and the end of the last."""
        self.ids, self.stored, self.starts = ids, lengths, starts

    @cached_property
    def offsets(self) -> npt.NDArray[np.int64]:  # type: ignore[override]
        return offsets_of(self.stored)

    def __len__(self) -> int:
        return len(self.stored)

    def taken(self, rows: npt.NDArray[np.integer[Any]]) -> RaggedIds:
        """Some of the rows, in rising order, each once, read into memory."""
        blocks, first = np.unique(rows // BLOCK, return_index=True)
        own = np.split(rows, first[1:]) if len(rows) else []
        parts = [(int(block), which - block * BLOCK) for block, which in zip(blocks, own, strict=True)]
        lengths = [self.stored[b * BLOCK : (b + 1) * BLOCK][which] for b, which in parts]
        offsets = offsets_of(np.concatenate([np.zeros(0, self.stored.dtype), *lengths]))
        ids, at = np.empty(offsets[-1], self.ids.dtype), 0
        for block, which in parts:
            every = self.stored[block * BLOCK : (block + 1) * BLOCK]
            read = self.ids[self.starts[block] : self.starts[block + 1]]
            if len(read) != int(every.sum(dtype=np.int64)):
                raise RunError("prepared data are damaged: the lengths of lines do not divide their ids.", AGAIN)
            if len(which) < len(every):
                kept = np.zeros(len(every), bool)
                kept[which] = True
                read = read[np.repeat(kept, every)]
            ids[at : at + len(read)] = read
            at += len(read)
        return RaggedIds(ids, offsets)


def offsets_of(lengths: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Where rows of these lengths begin, and the end of the last."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def starts_of(lengths: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Where each BLOCK of rows begins, and the end of the last."""
    return offsets_of(sums_of(lengths))


def sums_of(numbers: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Of each BLOCK of them."""
    if not len(numbers):
        return np.zeros(0, np.int64)
    return np.add.reduceat(numbers, np.arange(0, len(numbers), BLOCK), dtype=np.int64)


def ids_path(folder: Path, split: str, language: str) -> Path:
    wide = folder / f"{split}.{language}.u32"
    return wide if wide.exists() else wide.with_suffix(".u16")


def open_ids(path: Path) -> Ids:
    """Raises OSError. An empty file cannot be mapped."""
    dtype = "<u4" if path.suffix == ".u32" else "<u2"
    return np.memmap(path, dtype, "r") if path.stat().st_size else np.zeros(0, dtype)


def open_rows(folder: Path, split: str, language: str, starts: npt.NDArray[np.int64] | None) -> StoredRows:
    """`starts` are those of the index; None: format 2, which had offsets of 64 bits in place of lengths. Raises
    RunError.
    """
    path = ids_path(folder, split, language)
    name = f"{split}.{language}.{'offsets' if starts is None else 'lengths'}.npy"
    try:
        mapped = (folder / name).stat().st_size > 256  # nothing cannot be mapped
        found = np.load(folder / name, mmap_mode="r" if mapped else None, allow_pickle=False)
        ids = open_ids(path)
    except (OSError, ValueError, EOFError) as e:
        raise RunError(f"prepared data {path} cannot be read: {e}.", AGAIN) from None
    whole = found.ndim == 1 and found.dtype.kind in "iu"
    if whole and starts is None:
        whole = len(found) > 0 and found[0] == 0 and bool(np.all(np.diff(found) >= 0)) and found[-1] == len(ids)
        if whole:
            return StoredRows(ids, np.diff(found).astype(np.uint32), np.append(found[:-1:BLOCK], found[-1]))
    elif whole and starts is not None:
        whole = len(starts) == -(-len(found) // BLOCK) + 1 and int(starts[-1]) == len(ids)
        if whole:
            return StoredRows(ids, found, starts)
    raise RunError(f"prepared data {path} is damaged: {name} does not divide its {len(ids):,} ids.", AGAIN)


def _format(vocab_size: int) -> tuple[str, str]:
    return ("<u2", "u16") if vocab_size <= 1 << 16 else ("<u4", "u32")
