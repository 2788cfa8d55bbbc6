"""Prepared splits on disk: token ids of any number of sentences, memory-mapped.

A split `train` is four files: `train.src.u16`, `train.tgt.u16` (ids one after the other, little-endian; `.u32` where
the vocabulary has more than 65,536 pieces) and `train.src.offsets.npy`, `train.tgt.offsets.npy` (int64, one more
than there are sentences). No `<s>`, no `</s>`: batches add them. Raw text, where it is kept, lies beside as
`train.src.txt` and `train.tgt.txt`, one line a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt.errors import RunError
from nmt.tokenizer import Ids, RaggedIds, Side

_BLOCK = 100_000  # lines


class IdsWriter:
    """Streams rows to disk; memory grows by 8 bytes a row. Use as a context manager; complete only after it closed."""

    def __init__(self, folder: Path, split: str, side: Side, vocab_size: int) -> None:
        self._dtype, suffix = _format(vocab_size)
        self._file = open(folder / f"{split}.{side}.{suffix}", "wb")  # noqa: SIM115 - closed by __exit__
        self._offsets_path = folder / f"{split}.{side}.offsets.npy"
        self._lengths: list[npt.NDArray[np.int64]] = []

    def append(self, flat: Ids, lengths: npt.NDArray[np.int64]) -> None:
        """Add len(lengths) rows whose ids stand one after the other in `flat`."""
        self._file.write(flat.astype(self._dtype, copy=False).tobytes())
        self._lengths.append(lengths)

    def __enter__(self) -> IdsWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        if exc[0] is None:
            lengths = np.concatenate([np.zeros(1, np.int64), *self._lengths])
            np.save(self._offsets_path, np.cumsum(lengths))


def _format(vocab_size: int) -> tuple[str, str]:
    return ("<u2", "u16") if vocab_size <= 1 << 16 else ("<u4", "u32")


@dataclass(frozen=True)
class PreparedSplit:
    """One prepared split, opened without reading it."""

    folder: Path
    name: str
    src: RaggedIds
    tgt: RaggedIds

    @classmethod
    def open(cls, folder: Path, name: str) -> PreparedSplit:
        """Raises RunError where files are missing or do not fit each other."""
        src, tgt = (_open_ids(folder, name, side) for side in ("src", "tgt"))
        if len(src) != len(tgt):
            raise RunError(
                f"{folder}: {name} has {len(src):,} source, but {len(tgt):,} target sentences.",
                "Prepare again: nmt prepare RECIPE --force",
            )
        return cls(folder, name, src, tgt)

    def __len__(self) -> int:
        return len(self.src)

    def blocks(self) -> Iterator[tuple[Side, Ids]]:
        """The ids of all lines, of many lines at a time."""
        sides: tuple[Side, Side] = ("src", "tgt")
        for side, rows in zip(sides, (self.src, self.tgt), strict=True):
            for begin in range(0, len(rows), _BLOCK):
                yield side, rows.ids[rows.offsets[begin] : rows.offsets[min(begin + _BLOCK, len(rows))]]

    def check_ids(self, side: Side, vocab_size: int) -> None:
        """Raises RunError where an id is none of the vocabulary's."""
        ids = (self.src if side == "src" else self.tgt).ids
        if len(ids) and int(ids.max()) >= vocab_size:
            name = f"{self.name}.{side}.{_format(vocab_size)[1]}"
            raise RunError(
                f"prepared data {self.folder / name} is damaged: it holds ids that the tokenizer does not have.",
                "Prepare again: nmt prepare RECIPE --force",
            )

    def text(self, side: Side) -> list[str]:
        """The raw lines; kept for valid and test, not for train."""
        raw = (self.folder / f"{self.name}.{side}.txt").read_bytes()
        return raw.decode("utf-8").split("\n")[:-1]


def _open_ids(folder: Path, split: str, side: str) -> RaggedIds:
    wide = folder / f"{split}.{side}.u32"
    path, dtype = (wide, "<u4") if wide.exists() else (wide.with_suffix(".u16"), "<u2")
    try:
        offsets = np.load(folder / f"{split}.{side}.offsets.npy", allow_pickle=False)
        # An empty file cannot be mapped.
        ids = np.memmap(path, dtype, "r") if path.stat().st_size else np.zeros(0, dtype)
    except (OSError, ValueError, EOFError) as e:
        raise RunError(
            f"prepared data {path} cannot be read: {e}.", "Prepare again: nmt prepare RECIPE --force"
        ) from None
    whole = offsets.ndim == 1 and len(offsets) and offsets[0] == 0 and offsets[-1] == len(ids)
    if not whole or np.any(np.diff(offsets) < 0):
        raise RunError(
            f"prepared data {path} is damaged: {split}.{side}.offsets.npy does not divide its {len(ids):,} ids.",
            "Prepare again: nmt prepare RECIPE --force",
        )
    return RaggedIds(ids, offsets)
