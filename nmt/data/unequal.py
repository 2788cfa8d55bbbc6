"""Tables of several languages, a file each, that have not as many lines as each other: one fault for each table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence

from nmt.data.corpus import PairSource
from nmt.errors import plural
from nmt.files import list_some


class TableFiles:
    """How many lines the files have of tables of which several pairs of languages are read."""

    def __init__(self, sources: Sequence[PairSource]) -> None:
        self._sources = Counter(source.aligned for source in sources)
        self._lines: defaultdict[Hashable, dict[str, int]] = defaultdict(dict)

    def several(self, source: PairSource) -> bool:
        """Whether other sources are of the same table."""
        return source.table is not None and self._sources[source.aligned] > 1

    def add(self, source: PairSource, src: int, tgt: int) -> None:
        """How many lines its sides were found to have."""
        if self.several(source):
            self._lines[source.aligned] |= {source.label("src"): src, source.label("tgt"): tgt}

    def unequal(self) -> Iterator[tuple[str, str]]:
        """Faults, with nothing as their hint."""
        for lines in self._lines.values():
            numbers = Counter(lines.values())
            usual = max(numbers, key=lambda number: (numbers[number], number))
            if len(numbers) > 1:
                others = [f"{name} has {plural(number, 'line')}" for name, number in lines.items() if number != usual]
                counts = f"{list_some(others)}, but {list_some([n for n in lines if lines[n] == usual])} {usual:,}"
                yield f"{counts}; line n of one file of a table must translate line n of all others.", ""
