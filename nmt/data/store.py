"""Prepared splits on disk: token ids of any number of lines, memory-mapped, and the examples that they make up.

Of each language, a split `train` has `train.en.u16` (ids one line after the other, little-endian; `.u32` where the
vocabulary has more than 65,536 pieces) and `train.en.offsets.npy` (int64, one more than there are lines). No `<s>`, no
`</s>`: batches add them. Raw text, where it is kept, lies beside as `valid.en.txt`; further references as
`valid.fr.1.txt`. `train.examples.npy` says which lines belong together: see examples.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt.data.examples import NONE, SIDES, Examples, Lines, column
from nmt.data.manifest import EXAMPLES, Manifest
from nmt.errors import RunError
from nmt.recipe.directions import Direction
from nmt.tokenizer import Ids, RaggedIds, Side

_AGAIN = "Prepare again: nmt prepare RECIPE --force"
_LINES = 100_000  # whose ids are looked at together
Rows = npt.NDArray[np.int32]


class IdsWriter:
    """Streams rows to disk; memory grows by 8 bytes a row. Use as a context manager; complete only after it closed."""

    def __init__(self, folder: Path, split: str, language: str, vocab_size: int) -> None:
        self._dtype, suffix = _format(vocab_size)
        self._file = open(folder / f"{split}.{language}.{suffix}", "wb")  # noqa: SIM115 - closed by __exit__
        self._offsets_path = folder / f"{split}.{language}.offsets.npy"
        self._lengths: list[npt.NDArray[np.int64]] = []

    def append(self, flat: Ids, lengths: npt.NDArray[np.int64]) -> None:
        """Add len(lengths) rows whose ids stand one after the other in `flat`."""
        self._file.write(flat.astype(self._dtype, copy=False).tobytes())
        self._lengths.append(lengths)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Of all rows so far."""
        return np.concatenate([np.zeros(0, np.int64), *self._lengths])

    def __enter__(self) -> IdsWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        if exc[0] is None:
            np.save(self._offsets_path, np.cumsum(np.concatenate([np.zeros(1, np.int64), self.lengths])))


@dataclass(frozen=True)
class Run:
    """Examples of a corpus, by their rows; no target: None."""

    corpus: int
    src: Rows
    tgt: Rows | None
    followed: npt.NDArray[np.bool_] | None = None  # of those without a target, which have the next row as theirs


def write_examples(folder: Path, split: str, runs: Sequence[Run]) -> None:
    """The examples of the runs, one after the other."""
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


def _format(vocab_size: int) -> tuple[str, str]:
    return ("<u2", "u16") if vocab_size <= 1 << 16 else ("<u4", "u32")


@dataclass(frozen=True)
class PreparedSplit:
    """One prepared split, opened without reading it."""

    folder: Path
    name: str
    lines: dict[str, RaggedIds]  # by language
    examples: Examples
    directions: list[Direction]  # by corpus
    vocabularies: dict[str, Side]  # of the tokenizer, by language

    @classmethod
    def open(cls, folder: Path, name: str) -> PreparedSplit:
        """Raises RunError where files are missing or do not fit each other."""
        manifest = Manifest.load(folder)
        lines = {language: _open_ids(folder, name, language) for language in manifest.splits[name].lines}
        directions = [Direction(corpus.src, corpus.tgt) for corpus in manifest.corpora]
        examples = _open_examples(folder / f"{name}{EXAMPLES}")
        vocabularies = {language: manifest.languages[language].vocabulary for language in lines}
        split = cls(folder, name, lines, examples, directions, vocabularies)
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

    def check_ids(self, language: str, vocab_size: int) -> None:
        """Raises RunError where an id is none of the vocabulary's."""
        ids = self.lines[language].ids
        if len(ids) and int(ids.max()) >= vocab_size:
            path = self.folder / f"{self.name}.{language}.{_format(vocab_size)[1]}"
            raise RunError(f"prepared data {path} is damaged: it holds ids that the tokenizer does not have.", _AGAIN)

    def _check_rows(self) -> None:
        """Whether the examples are of corpora and lines that there are."""
        path = self.folder / f"{self.name}{EXAMPLES}"
        corpora = self.examples.corpora
        if corpora and not 0 <= corpora[0] <= corpora[-1] < len(self.directions):
            raise RunError(f"prepared data {path} is damaged: it names corpora that there are not.", _AGAIN)
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
                    raise RunError(f"prepared data {path} is damaged: it names lines that there are not.", _AGAIN)


def id_blocks(folder: Path, split: str, languages: Iterable[tuple[Side, str]]) -> Iterator[tuple[Side, Ids]]:
    """The ids of all lines of languages as one side or the other, of many lines at a time; of a split that needs no
    manifest yet.
    """
    for side, language in languages:
        rows = _open_ids(folder, split, language)
        for begin in range(0, len(rows), _LINES):
            yield side, rows.ids[rows.offsets[begin] : rows.offsets[min(begin + _LINES, len(rows))]]


def _open_examples(path: Path) -> Examples:
    try:
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as e:
        raise RunError(f"prepared data {path} cannot be read: {e}.", _AGAIN) from None
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype != np.int32:
        raise RunError(f"prepared data {path} is damaged: it holds no rows of three numbers.", _AGAIN)
    return Examples(table)


def _open_ids(folder: Path, split: str, language: str) -> RaggedIds:
    wide = folder / f"{split}.{language}.u32"
    path, dtype = (wide, "<u4") if wide.exists() else (wide.with_suffix(".u16"), "<u2")
    try:
        offsets = np.load(folder / f"{split}.{language}.offsets.npy", allow_pickle=False)
        # An empty file cannot be mapped.
        ids = np.memmap(path, dtype, "r") if path.stat().st_size else np.zeros(0, dtype)
    except (OSError, ValueError, EOFError) as e:
        raise RunError(f"prepared data {path} cannot be read: {e}.", _AGAIN) from None
    whole = offsets.ndim == 1 and len(offsets) and offsets[0] == 0 and offsets[-1] == len(ids)
    if not whole or np.any(np.diff(offsets) < 0):
        raise RunError(
            f"prepared data {path} is damaged: {split}.{language}.offsets.npy does not divide its {len(ids):,} ids.",
            _AGAIN,
        )
    return RaggedIds(ids, offsets)
