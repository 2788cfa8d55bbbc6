"""Which lines belong together as lines of one table, and where each is stored: once a language, whatever its pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

import numpy as np
import numpy.typing as npt

from nmt.data.audit import SplitAudit
from nmt.data.corpus import PairSource
from nmt.data.examples import SIDES
from nmt.recipe.directions import Direction
from nmt.tokenizer import Side

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
NOWHERE = 255  # in place of a code: the line is not stored


class Tables:
    """The sources of a split, which stand one behind the other; those of one table have the same lines."""

    def __init__(self, sources: Sequence[tuple[PairSource, int]]) -> None:
        """With their numbers of pairs."""
        self.sources = [source for source, _ in sources]
        self.numbers = [number for _, number in sources]
        self.begins = [0, *accumulate(self.numbers)]
        self._groups = [list(own) for _, own in groupby(range(len(sources)), lambda i: self.sources[i].aligned)]

    def whole(self) -> Iterator[tuple[list[int], int, int, int]]:
        """Of each table the numbers of its sources, where its pairs begin and end, and how many lines it has."""
        for own in self._groups:
            yield own, self.begins[own[0]], self.begins[own[-1] + 1], self.numbers[own[0]]

    def of(self, sources: Sequence[bool]) -> Mask:
        """The pairs of some of the sources."""
        return np.repeat(np.array(sources, bool), self.numbers)

    @property
    def first(self) -> Mask:
        """The pairs of each table's first source: each line of a table once."""
        firsts = {own[0] for own in self._groups}
        return self.of([i in firsts for i in range(len(self.sources))])

    def spread(self, pairs: Mask) -> Mask:
        """Of pairs of first sources, all pairs of the same lines."""
        found = pairs.copy()
        for _, begin, end, number in self.whole():
            found[begin:end] = np.tile(pairs[begin : begin + number], (end - begin) // max(1, number))
        return found

    def read_again(self, audit: SplitAudit, held_out: Mask, learned: Sequence[Direction]) -> Mask:
        """Pairs whose source, in a direction that is learned, is a line of those held out."""
        lines: defaultdict[str, list[npt.NDArray[np.uint64]]] = defaultdict(list)
        keys = {"src": audit.src_keys, "tgt": audit.tgt_keys}
        for i, source in enumerate(self.sources):
            own = slice(self.begins[i], self.begins[i + 1])
            for side, name in zip(SIDES, source.lines, strict=True):
                if len(keys[side]):
                    lines[name].append(keys[side][own][held_out[own]])
        found = np.zeros_like(held_out)
        for i, source in enumerate(self.sources):
            own = slice(self.begins[i], self.begins[i + 1])
            for direction in source.directions:
                if direction in learned and direction.tgt is not None:
                    side = SIDES[source.lines.index(direction.src)]
                    found[own] |= np.isin(keys[side][own], np.concatenate(lines[direction.src]))
        return found


@dataclass(frozen=True)
class Placed:
    """Of a source's lines, side by side: to which split each goes (a code, or NOWHERE), and as which row there."""

    codes: dict[Side, Codes]
    rows: dict[Side, npt.NDArray[np.int32]]


def place(
    sources: Sequence[tuple[PairSource, int]], codes: Codes, stored: Sequence[int], placed: Counter[tuple[int, str]]
) -> list[Placed]:
    """Of each source. `codes` say of each pair where it goes; what is none of `stored` goes nowhere. A line is stored
    where any of its pairs is. `placed` counts the rows of each code and language, and is counted up.
    """
    found: list[Placed] = []
    tables = Tables(sources)
    for own, _, _, number in tables.whole():
        places = {i: _stored(codes[tables.begins[i] : tables.begins[i + 1]], stored) for i in own}
        names = dict.fromkeys(name for i in own for name in tables.sources[i].lines)
        of_line = {name: np.full(number, NOWHERE, np.uint8) for name in names}
        for i in own:
            for name in tables.sources[i].lines:
                np.minimum(of_line[name], places[i], out=of_line[name])
        rows = {name: _rows(of_line[name], name, stored, placed) for name in names}
        for i in own:
            sides = dict(zip(SIDES, tables.sources[i].lines, strict=True))
            found.append(
                Placed({s: of_line[name] for s, name in sides.items()}, {s: rows[name] for s, name in sides.items()})
            )
    return found


def _stored(codes: Codes, stored: Sequence[int]) -> Codes:
    return np.where(np.isin(codes, stored), codes, NOWHERE).astype(np.uint8)


def _rows(codes: Codes, name: str, stored: Sequence[int], placed: Counter[tuple[int, str]]) -> npt.NDArray[np.int32]:
    rows = np.full(len(codes), -1, np.int32)
    for code in stored:
        mine = np.flatnonzero(codes == code)
        rows[mine] = np.arange(placed[code, name], placed[code, name] + len(mine))
        placed[code, name] += len(mine)
    return rows
