"""Prepared splits: lines of ids (rows.py), and the examples that they make up.

`train.examples.npy` says which lines belong together: see examples.py; `train.index.json` where they are: see index.py.
Raw text, where it is kept, lies beside as `valid.en.txt`; further references as `valid.fr.1.txt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt.data.examples import NONE, SIDES, Examples, Lines, column
from nmt.data.index import INDEX, Index, runs_of
from nmt.data.manifest import EXAMPLES, Manifest
from nmt.data.rows import AGAIN, BLOCK, StoredRows, ids_path, open_rows
from nmt.errors import RunError
from nmt.recipe.directions import Direction
from nmt.tokenizer import Ids, RaggedIds, Side

AT_HAND = 256 * BLOCK  # examples that are looked at together; what has no more is opened as a whole


@dataclass(frozen=True)
class PreparedSplit:
    """One prepared split, opened without reading it; or some of its examples."""

    folder: Path
    name: str
    lines: Mapping[str, RaggedIds]  # by language
    examples: Examples
    directions: list[Direction]  # by corpus
    vocabularies: dict[str, Side]  # of the tokenizer, by language
    sizes: dict[str, int]  # of these vocabularies
    index: Index  # of all examples

    @classmethod
    def open(cls, folder: Path, name: str) -> PreparedSplit:
        """Raises RunError where files are missing or do not fit each other."""
        manifest = Manifest.load(folder)
        languages = {language: manifest.languages[language] for language in manifest.splits[name].lines}
        directions = [Direction(corpus.src, corpus.tgt) for corpus in manifest.corpora]
        examples = _open_examples(folder / f"{name}{EXAMPLES}")
        if manifest.format == 2:
            lines = {language: open_rows(folder, name, language, None) for language in languages}
            lengths = {language: rows.stored for language, rows in lines.items()}
            index = Index.of(lengths, runs_of(examples.table, directions), directions)
        else:
            index = Index.load(folder, name)
            if not languages.keys() == index.starts.keys() or len(index.corpora) != len(directions):
                raise RunError(f"prepared data {folder / name}{INDEX} is damaged: it is of other corpora.", AGAIN)
            lines = {
                language: open_rows(folder, name, language, np.array(index.starts[language])) for language in languages
            }
        vocabularies = {language: facts.vocabulary for language, facts in languages.items()}
        sizes = {language: facts.vocab_size for language, facts in languages.items()}
        split = cls(folder, name, lines, examples, directions, vocabularies, sizes, index)
        if len(split) <= AT_HAND:
            split._check_rows()
        return split

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def src(self) -> Lines:
        """The sources of the examples."""
        return column(self.examples, "src", self.lines, self.directions)

    @cached_property
    def tgt(self) -> Lines:
        return column(self.examples, "tgt", self.lines, self.directions)

    @cached_property
    def written(self) -> Lines:
        """What is learned to be written: the targets; where there is none, the line itself."""
        if all(direction.tgt is not None for direction in self.directions):
            return self.tgt
        directions = [Direction(d.src, d.tgt or d.src) for d in self.directions]
        table = np.array(self.examples.table)
        alone = np.isin(table[:, 0], [c for c, direction in enumerate(self.directions) if direction.tgt is None])
        table[:, 2] = np.where(alone, table[:, 1], table[:, 2])
        return column(Examples(table), "tgt", self.lines, directions)

    def between(self, directions: Sequence[Direction]) -> PreparedSplit:
        """The examples in these directions alone."""
        if all(self.directions[c] in directions for c in self.examples.corpora):
            return self
        own = [c for c in self.examples.corpora if self.directions[c] in directions]
        return replace(self, examples=self.examples.take(np.flatnonzero(np.isin(self.examples.corpus, own))))

    def taken(self, which: npt.NDArray[np.int64]) -> PreparedSplit:
        """Some of the examples, with their lines read into memory; quickly where they are in order."""
        table = np.array(self.examples.table[which])
        replace(self, examples=Examples(table))._check_rows()
        names = list(self.lines)
        of = [[names.index(d.src), names.index(d.tgt or d.src)] for d in self.directions]
        number = np.array(of, np.int8).reshape(-1, 2)[table[:, 0]]
        lines = {}
        for n, name in enumerate(names):
            stored = self.lines[name]
            assert isinstance(stored, StoredRows), "lines are taken from files"
            mine = [(number[:, side] == n) & (table[:, 1 + side] != NONE) for side in range(2)]
            rows = [table[own, 1 + side] for side, own in enumerate(mine)]
            used = np.unique(np.concatenate(rows))
            for side, own in enumerate(mine):
                table[own, 1 + side] = np.searchsorted(used, rows[side])
            lines[name] = stored.taken(used)
        part = replace(self, examples=Examples(table), lines=lines)
        part.check_ids()
        return part

    def parts(self) -> Iterator[PreparedSplit]:
        """All examples in their order, as many of them together as memory is sure to hold."""
        if len(self) <= AT_HAND:
            yield self
            return
        for begin in range(0, len(self), AT_HAND):
            yield self.taken(np.arange(begin, min(len(self), begin + AT_HAND)))

    def text(self, side: Side) -> list[str]:
        """The raw lines of the examples; kept for valid and test, not for train."""
        wanted = {c: getattr(self.directions[c], side) for c in self.examples.corpora}
        texts = {language: self._raw(f"{self.name}.{language}.txt") for language in set(wanted.values())}
        rows = zip(self.examples.corpus.tolist(), self.examples.rows(side).tolist(), strict=True)
        return [texts[wanted[corpus]][row] for corpus, row in rows]

    def references(self) -> list[list[str]]:
        """The raw targets of the examples, then their further references; a blank line of these is none."""
        _, *further = Manifest.load(self.folder).references_of(self.name)
        return [self.text("tgt"), *map(self._raw, further)]

    def _raw(self, file: str) -> list[str]:
        raw = (self.folder / file).read_bytes()
        return raw.decode("utf-8").split("\n")[:-1]

    def check_ids(self) -> None:
        """Raises RunError where an id is none of its vocabulary's. Reads them all."""
        for language, rows in self.lines.items():
            if len(rows.ids) and int(rows.ids.max()) >= self.sizes[language]:
                path = ids_path(self.folder, self.name, language)
                raise RunError(
                    f"prepared data {path} is damaged: it holds ids that the tokenizer does not have.", AGAIN
                )

    def _check_rows(self) -> None:
        """Whether the examples are of corpora and lines that there are."""
        path = self.folder / f"{self.name}{EXAMPLES}"
        corpora = self.examples.corpora
        if corpora and not 0 <= corpora[0] <= corpora[-1] < len(self.directions):
            raise RunError(f"prepared data {path} is damaged: it names corpora that there are not.", AGAIN)
        for side in SIDES:
            rows = self.examples.rows(side)
            language = {c: getattr(self.directions[c], side) for c in corpora}
            for name in set(language.values()):
                mine = rows if len(set(language.values())) == 1 else rows[np.isin(
                    self.examples.corpus, [c for c in corpora if language[c] == name])]  # fmt: skip
                # Without a target, it is the row of the next line, if it is anything.
                every = max(map(len, self.lines.values()))
                low, high = (0, len(self.lines[name])) if name is not None else (NONE, every)
                if not low <= int(mine.min()) <= int(mine.max()) < high:
                    raise RunError(f"prepared data {path} is damaged: it names lines that there are not.", AGAIN)


def id_blocks(folder: Path, split: str, languages: Iterable[tuple[Side, str]]) -> Iterator[tuple[Side, Ids]]:
    """The ids of all lines of languages as one side or the other, a block of lines at a time; of a split that needs no
    manifest yet.
    """
    index = Index.load(folder, split)
    for side, language in languages:
        rows = open_rows(folder, split, language, np.array(index.starts[language]))
        for begin, end in zip(rows.starts, rows.starts[1:], strict=False):
            yield side, rows.ids[begin:end]


def _open_examples(path: Path) -> Examples:
    try:
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as e:
        raise RunError(f"prepared data {path} cannot be read: {e}.", AGAIN) from None
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype != np.int32:
        raise RunError(f"prepared data {path} is damaged: it holds no rows of three numbers.", AGAIN)
    return Examples(table)
