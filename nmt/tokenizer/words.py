"""Words as rows of pieces: which of them the training text had, by a hash of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nmt.text.phrases import glues, joins

if TYPE_CHECKING:
    from nmt.tokenizer.ids import Ids

Hashes = npt.NDArray[np.uint32]

MOST = 1 << 20  # words that are kept; a text that has more has nearly all there are
_APART, _BEGINS, _GOES_ON = 0, 1, 2
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_LONGEST = 32  # pieces of a word that have a place of their own in its hash
_FACTORS = np.cumprod(np.full(_LONGEST, 0x9E3779B97F4A7C15, np.uint64), dtype=np.uint64)  # odd, so that no bit is lost


class Words:
    """Finds the words in rows of ids. Numbers are none, nor is anything in scripts without spaces."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """`vocabulary`: pieces by id."""
        self._kinds = np.array([_kind(piece) for piece in vocabulary], np.int8)
        self._bytes = np.array([_BYTE.fullmatch(piece) is not None for piece in vocabulary])

    def find(self, ids: Ids) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Hashes]:
        """Where each word of `ids` (T) begins and ends, and its hash."""
        kinds = self._kinds[ids]
        within = kinds != _APART
        before = np.concatenate([[False], within[:-1]])
        first = (kinds == _BEGINS) | (within & ~before)
        begins = np.flatnonzero(first)
        if not len(begins):
            return begins, begins, np.zeros(0, np.uint32)
        ends = np.flatnonzero(within & np.concatenate([kinds[1:] != _GOES_ON, [True]])) + 1
        start = begins[np.maximum(np.cumsum(first) - 1, 0)]  # of the word that each piece belongs to
        places = np.clip(np.arange(len(ids)) - start, 0, _LONGEST - 1)
        parts = np.where(within, (np.asarray(ids, np.uint64) + np.uint64(1)) * _FACTORS[places], np.uint64(0))
        hashes = (np.add.reduceat(parts, begins) >> np.uint64(32)).astype(np.uint32)
        # What is written as bytes alone may be of any script.
        spelled = np.add.reduceat(within & ~self._bytes[ids], begins) > 0
        return begins[spelled], ends[spelled], hashes[spelled]


def _kind(piece: str) -> int:
    """Of SentencePiece's pieces: `▁` is the space before a word."""
    if byte := _BYTE.fullmatch(piece):
        return _APART if chr(int(byte[1], 16)).isdigit() or not glues(piece) else _GOES_ON
    bare = piece.lstrip("▁")
    if not bare or not joins(bare[0]) or any(map(str.isdigit, bare)):
        return _APART
    return _BEGINS if bare != piece else _GOES_ON
