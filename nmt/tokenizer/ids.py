"""Ids: the special ones, and rows of ids of unequal length, in memory or memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer[Any]]
Side = Literal["src", "tgt"]

PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3  # of every vocabulary


class RaggedIds(Sequence[Ids]):
    """Rows of ids of unequal length: `rows[i]` is a view of sentence i, `rows.lengths` (int64) their lengths."""

    def __init__(self, ids: Ids, offsets: npt.NDArray[np.int64]) -> None:
        self.ids = ids
        self.offsets = offsets

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: Any) -> Any:
        return self.ids[self.offsets[i] : self.offsets[i + 1]]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> RaggedIds:
        """In-memory rows."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(r) for r in rows], out=offsets[1:])
        flat = np.fromiter((i for r in rows for i in r), np.int32, count=int(offsets[-1]))
        return cls(flat, offsets)
