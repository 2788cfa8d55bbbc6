"""`train.index.json`: where the lines and examples of a prepared split are, and how much they hold, block by block.

So an epoch of billions of examples can be divided, and each part of it found, without a look at all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import NonNegativeInt

from nmt.data.examples import NONE
from nmt.data.manifest import EXAMPLES
from nmt.data.rows import AGAIN, starts_of, sums_of
from nmt.errors import RunError
from nmt.recipe.directions import Direction
from nmt.records import Record, read_record

INDEX = ".index.json"  # after the name of a split
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Run:
    """Examples of a corpus, by their rows; no target: None."""

    corpus: int
    src: Rows
    tgt: Rows | None
    followed: npt.NDArray[np.bool_] | None = None  # of those without a target, which have the next row as theirs


class Blocks(Record):
    """The examples of a corpus, which stand one behind the other, by BLOCKs of them; the last may be smaller."""

    examples: NonNegativeInt
    written: list[NonNegativeInt]  # target tokens of each block, `</s>` counted; of text of one language, its own

    @property
    def tokens(self) -> int:
        return sum(self.written)


class Index(Record):
    starts: dict[str, list[NonNegativeInt]]  # by language: the place of each BLOCK of lines among its ids; the end
    corpora: list[Blocks]  # by their number in the manifest

    def save(self, folder: Path, split: str) -> None:
        (folder / f"{split}{INDEX}").write_text(self.model_dump_json(indent=None) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, split: str) -> Index:
        path = folder / f"{split}{INDEX}"
        try:
            return read_record(path, cls, AGAIN)
        except FileNotFoundError:
            raise RunError(f"prepared data {path} is missing.", AGAIN) from None

    @classmethod
    def of(
        cls, lengths: Mapping[str, npt.NDArray[np.integer[Any]]], runs: Sequence[Run], directions: Sequence[Direction]
    ) -> Index:
        """`lengths` of the lines, by language; `directions` by corpus."""
        corpora = [Blocks(examples=0, written=[]) for _ in directions]
        for run in runs:
            direction = directions[run.corpus]
            language, rows = direction.tgt or direction.src, run.src if run.tgt is None else run.tgt
            tokens = lengths[language][rows].astype(np.int64) + 1
            corpora[run.corpus] = Blocks(examples=len(rows), written=sums_of(tokens).tolist())
        return cls(starts={name: starts_of(own).tolist() for name, own in lengths.items()}, corpora=corpora)


def runs_of(table: npt.NDArray[np.int32], directions: Sequence[Direction]) -> list[Run]:
    """Of a table of examples, in which those of a corpus stand one behind the other."""
    first = np.searchsorted(table[:, 0], np.arange(len(directions) + 1)).tolist()
    return [
        Run(c, table[a:b, 1], None if directions[c].tgt is None else table[a:b, 2])
        for c, (a, b) in enumerate(pairwise(first))
    ]


def write_examples(folder: Path, split: str, runs: Sequence[Run]) -> None:
    """The examples of the runs, one after the other, as `train.examples.npy`."""
    total = sum(len(run.src) for run in runs)
    path = folder / f"{split}{EXAMPLES}"
    if not total:  # nothing cannot be mapped
        np.save(path, np.zeros((0, 3), np.int32))
        return
    table = np.lib.format.open_memmap(path, "w+", np.dtype("<i4"), (total, 3))
    begin = 0
    for run in runs:
        here = table[begin : begin + len(run.src)]
        here[:, 0] = run.corpus
        here[:, 1] = run.src
        here[:, 2] = NONE if run.tgt is None else run.tgt
        if run.followed is not None:
            here[:, 2] = np.where(run.followed, here[:, 1] + 1, NONE)
        begin += len(run.src)
    table.flush()
