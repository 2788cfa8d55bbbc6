"""Examples: which lines are learned together, and the two sides of them as training reads them.

Lines are stored once a language (store.py). An example is three numbers: the corpus, its row among the lines of the
source language, and its row among those of the target language, or −1 where it has no target. A corpus says which
languages these are. Two parallel files are one corpus whose example i is row i on both sides; a table of several
languages has an example for each direction and line; text of one language has examples without a target. Where it is
learned which line follows which, the third number of a line without a target is the row of the next line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nmt.recipe.directions import Direction
from nmt.tokenizer import Ids, RaggedIds, Side

SIDES: tuple[Side, Side] = ("src", "tgt")
NONE = -1  # in place of a target row
_BLOCK = 1 << 20  # rows looked at together, so that memory stays flat


@dataclass(frozen=True)
class Examples:
    """Rows of (corpus, source row, target row), (n, 3) int32, memory-mapped or in memory."""

    table: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def corpus(self) -> npt.NDArray[np.int32]:
        return self.table[:, 0]

    def rows(self, side: Side) -> npt.NDArray[np.int32]:
        return self.table[:, 1 if side == "src" else 2]

    def take(self, which: npt.NDArray[np.integer[Any]]) -> Examples:
        return Examples(self.table[which])

    @cached_property
    def corpora(self) -> list[int]:
        """The corpora that they are of."""
        found: set[int] = set()
        for block in self._blocks(0):
            first, last = int(block.min()), int(block.max())
            found |= {first, last} if last - first < 2 else set(np.unique(block).tolist())
        return sorted(found)

    @cached_property
    def in_order(self) -> dict[Side, bool]:
        """Whether example i is row i on that side."""

        def ordered(column: int) -> bool:
            starts = range(0, len(self), _BLOCK)
            blocks = zip(starts, self._blocks(column), strict=True)
            return all(np.array_equal(block, np.arange(at, at + len(block))) for at, block in blocks)

        return {"src": ordered(1), "tgt": ordered(2)}

    def _blocks(self, column: int) -> list[npt.NDArray[np.int32]]:
        return [self.table[begin : begin + _BLOCK, column] for begin in range(0, len(self), _BLOCK)]


class Lines(Protocol):
    """Lines of ids: `lines[i]`, and all their lengths (int64)."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]: ...

    def __len__(self) -> int: ...
    def __getitem__(self, i: int) -> Any: ...


class Column(Sequence[Ids]):
    """Line i is row `rows[i]` of `tables[table[i]]`; a row of −1 is an empty line."""

    def __init__(
        self, tables: Sequence[Lines], table: npt.NDArray[np.integer[Any]], rows: npt.NDArray[np.int32]
    ) -> None:
        self._tables, self._table, self._rows = tables, table, rows
        self.lengths: npt.NDArray[np.int64] = np.zeros(len(rows), np.int64)
        for number, lines in enumerate(tables):
            mine = (table == number) & (rows != NONE)
            self.lengths[mine] = lines.lengths[rows[mine]]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: Any) -> Any:
        row = self._rows[i]
        lines = self._tables[self._table[i]]
        return lines[row] if row != NONE else np.zeros(0, np.int64)

    def as_table(self) -> RaggedIds:
        """The same lines, copied one behind the other; of tables of ids."""
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths)])
        ids = np.zeros(offsets[-1], np.int64)
        for number, lines in enumerate(self._tables):
            assert isinstance(lines, RaggedIds)
            mine = np.flatnonzero((self._table == number) & (self._rows != NONE))
            lengths = self.lengths[mine]
            within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            ids[np.repeat(offsets[mine], lengths) + within] = lines.ids[
                np.repeat(lines.offsets[self._rows[mine]], lengths) + within
            ]
        return RaggedIds(ids, offsets)


def table_of(lines: Lines) -> RaggedIds:
    """Lines of `column` as one table of ids."""
    if isinstance(lines, Column):
        return lines.as_table()
    assert isinstance(lines, RaggedIds)
    return lines


def column(examples: Examples, side: Side, lines: Mapping[str, RaggedIds], directions: Sequence[Direction]) -> Lines:
    """One side of the examples. `lines` are those of each language; `directions` say which is whose, by corpus."""
    rows = examples.rows(side)
    language = {c: getattr(directions[c], side) for c in examples.corpora}
    names = [name for name in dict.fromkeys(language.values()) if name is not None]
    if None in language.values():
        rows = np.where(np.isin(examples.corpus, [c for c, name in language.items() if name is None]), NONE, rows)
    if len(set(language.values())) == len(names) == 1 and examples.in_order[side] and len(rows) == len(lines[names[0]]):
        return lines[names[0]]  # as most often: no line needs to be looked up
    number = np.zeros(len(directions), np.int8)  # of the language of each corpus, among `names`
    for c, name in language.items():
        number[c] = names.index(name) if name is not None else 0
    tables = [lines[name] for name in names] or [RaggedIds.of([])]
    return Column(tables, number[examples.corpus], rows)
