"""Lines to ids on disk, split by split, and what is counted on the way.

Each pair is read once more, sent with many others to a worker, and written in the order of the text: any number of
workers gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import AuditReport
from nmt.data.corpus import Chunk, PairSource, side_of
from nmt.data.documents import Mask, followed
from nmt.data.examples import SIDES
from nmt.data.filters import Routing
from nmt.data.manifest import Corpus, SideStatistics, SplitStatistics
from nmt.data.rereading import read_again
from nmt.data.round_trip import RoundTrip
from nmt.data.store import IdsWriter, Run, write_examples
from nmt.data.workers import in_order
from nmt.recipe import DataSection, Recipe
from nmt.text.sentences import split as split_sentences
from nmt.tokenizer import Side, Tokenizer

MAX_COUNTED = 10_000  # tokens; longer lines count as so long in the statistics of lengths
SAMPLE = 2_000  # training pairs that are looked at closely


def stored_as(data: DataSection) -> dict[Side, str]:
    """What the lines of each side are stored as: their language; where both are one, as when text is simplified, by
    side too.
    """
    suffix = {side: f".{side}" if data.source_lang == data.target_lang else "" for side in SIDES}
    return {"src": data.source_lang + suffix["src"], "tgt": data.target_lang + suffix["tgt"]}


@dataclass
class _Reading:
    """A corpus while it is read."""

    source: PairSource
    split: str  # of the recipe
    side: Side | None  # whose language its lines have, if they are of one
    in_documents: bool  # whether it is learned which line follows which
    read: int = 0
    examples: Counter[str] = field(default_factory=Counter)  # by split
    sums: tuple[Any, Any] = field(default_factory=lambda: (hashlib.sha256(), hashlib.sha256()))

    def add(self, chunk: Chunk) -> None:
        self.read += len(chunk.src)
        for digest, lines in zip(self.sums, (chunk.src, chunk.tgt), strict=True):
            digest.update(b"\n".join(lines) + b"\n" * bool(lines))

    def done(self, names: Mapping[Side, str]) -> Corpus:
        src, tgt = (names[self.side], None) if self.side else (names["src"], names["tgt"])
        sums = {src: self.sums[0].hexdigest()} | ({tgt: self.sums[1].hexdigest()} if tgt else {})
        return Corpus(name=" and ".join(dict.fromkeys(map(self.source.label, SIDES))), split=self.split,
                      src=src, tgt=tgt, read=self.read, examples=dict(self.examples), sha256=sums)  # fmt: skip


class _Lengths:
    """What is counted of the lines of one side of a split."""

    def __init__(self) -> None:
        self.tokens, self.longest = 0, 0
        self._spread = np.zeros(MAX_COUNTED + 1, np.int64)

    def add(self, lengths: npt.NDArray[np.int64]) -> None:
        self.tokens += int(lengths.sum())
        self.longest = max(self.longest, int(lengths.max()))
        self._spread += np.bincount(np.minimum(lengths, MAX_COUNTED), minlength=MAX_COUNTED + 1)

    def done(self, several_sentences: float | None) -> SideStatistics:
        p99 = int(np.searchsorted(self._spread.cumsum(), 0.99 * self._spread.sum()))
        return SideStatistics(tokens=self.tokens, longest=self.longest, p99=p99, several_sentences=several_sentences)


# --- in a worker -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """Pairs of one corpus for one split."""

    split: str
    corpus: int
    lines: dict[Side, bytes]  # joined by \n; of one side, where they are of one language
    pairs: int
    followed: Mask | None = None  # whether the next line of a document is the next of these; None: not asked


@dataclass(frozen=True)
class _Rows:
    flat: npt.NDArray[np.unsignedinteger[Any]]
    lengths: npt.NDArray[np.int64]


def _encoder(folder: Path) -> Callable[[_Task], dict[Side, _Rows]]:
    tokenizer = Tokenizer.load(folder)

    def rows(joined: bytes, side: Side) -> _Rows:
        size = tokenizer.src_vocab_size if side == "src" else tokenizer.tgt_vocab_size
        ids = tokenizer.encode(joined.split(b"\n"), side)
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        dtype = np.uint16 if size <= 1 << 16 else np.uint32  # what is sent between processes is half as much
        return _Rows(np.fromiter(chain.from_iterable(ids), dtype, int(lengths.sum())), lengths)

    return lambda task: {side: rows(joined, side) for side, joined in task.lines.items()}


# --- here ------------------------------------------------------------------------------------------------------------


def _tasks(readings: Sequence[_Reading], pairs: Mapping[str, int], routing: Routing) -> Iterator[_Task]:
    """Everything that is to be encoded: train and what is held out of it, then the other splits."""
    routed = [name for name in routing.names if name not in routing.reasons]
    for split in dict.fromkeys(reading.split for reading in readings):
        numbers = [n for n, reading in enumerate(readings) if reading.split == split]
        for which, index, chunk in read_again([readings[n].source for n in numbers], pairs[split]):
            corpus = numbers[which]
            readings[corpus].add(chunk)
            only = readings[corpus].side
            sides: dict[Side, list[bytes]] = {only: chunk.src} if only else {"src": chunk.src, "tgt": chunk.tgt}
            if split != "train":
                if chunk.src:
                    joined = {side: b"\n".join(lines) for side, lines in sides.items()}
                    order = followed(chunk.src, range(len(chunk.src))) if readings[corpus].in_documents else None
                    yield _Task(split, corpus, joined, len(chunk.src), order)
                continue
            codes = routing.codes[index : index + len(chunk.src)]
            for name in routed:
                picks = np.flatnonzero(codes == routing.names.index(name)).tolist()
                if picks:
                    joined = {side: b"\n".join([lines[i] for i in picks]) for side, lines in sides.items()}
                    order = followed(chunk.src, picks) if readings[corpus].in_documents else None
                    yield _Task(name, corpus, joined, len(picks), order)


class _Split:
    """A split while it is written."""

    def __init__(
        self, stack: ExitStack, folder: Path, name: str, names: Mapping[Side, str], tokenizer: Tokenizer
    ) -> None:
        sizes = {"src": tokenizer.src_vocab_size, "tgt": tokenizer.tgt_vocab_size}
        self.names = names
        self._ids = {side: stack.enter_context(IdsWriter(folder, name, names[side], sizes[side])) for side in SIDES}
        self._texts: dict[Side, IO[bytes]] = {}
        if name != "train":
            paths = {side: folder / f"{name}.{names[side]}.txt" for side in SIDES}
            self._texts = {side: stack.enter_context(path.open("wb")) for side, path in paths.items()}
        self._lengths = {side: _Lengths() for side in SIDES}
        self._rows: Counter[Side] = Counter()
        self.examples: list[Run] = []

    def add(self, task: _Task, encoded: Mapping[Side, _Rows]) -> None:
        """A line without a target counts as one: it is what is learned to be written."""
        first = {side: self._rows[side] for side in encoded}
        both = len(encoded) == 2
        src = first["src"] if both else next(iter(first.values()))
        self.examples.append(Run(task.corpus, task.pairs, src, first["tgt"] if both else None, task.followed))
        for side, rows in encoded.items():
            self._ids[side].append(rows.flat, rows.lengths)
            self._rows[side] += task.pairs
            for counted in (side,) if both else SIDES:
                self._lengths[counted].add(rows.lengths)
            if side in self._texts:
                self._texts[side].write(task.lines[side] + b"\n")

    def done(self, read: int, dropped: dict[str, int], several_sentences: float | None = None) -> SplitStatistics:
        number = sum(run.number for run in self.examples)
        return SplitStatistics(
            read=read, dropped=dropped, examples=number, src=self._lengths["src"].done(several_sentences),
            tgt=self._lengths["tgt"].done(None), lines={self.names[side]: self._rows[side] for side in SIDES},
        )  # fmt: skip


class _Sample:
    """Training pairs, spread evenly over `pairs` of them, in which is looked for more than ids show."""

    def __init__(self, language: str, pairs: int, round_trip: RoundTrip) -> None:
        self._language, self._every, self._round_trip = language, max(1, pairs // SAMPLE), round_trip
        self._seen = self._looked_at = self._several = 0

    def add(self, task: _Task) -> None:
        chosen = slice(-self._seen % self._every, None, self._every)
        self._seen += task.pairs
        sides = [lines.decode().split("\n")[chosen] for lines in task.lines.values()]
        src, tgt = sides[0], sides[-1]
        self._looked_at += len(src)
        self._several += sum(len(split_sentences(line, self._language)) > 1 for line in src)
        self._round_trip.look_at(tgt)

    @property
    def several_sentences(self) -> float:
        """Share of the sources that have more than one."""
        return round(self._several / max(1, self._looked_at), 4)


def write_splits(
    recipe: Recipe, sources: Mapping[str, Sequence[PairSource]], report: AuditReport, routing: Routing,
    folder: Path, tokenizer: Tokenizer, processes: int, round_trip: RoundTrip,
) -> tuple[dict[str, SplitStatistics], list[Corpus]]:  # fmt: skip
    """Encode all splits into `folder`, and show `round_trip` some targets. Gives what the splits come to, and the
    corpora as they were read.
    """
    data = recipe.data
    names, counts = stored_as(data), routing.counts()
    readings = [
        _Reading(source, split, side_of(data, source.corpus), recipe.objective_of(source.corpus).pairs == "next")
        for split, group in sources.items()
        for source in group
    ]
    pairs = {name: split.pairs for name, split in report.splits.items()}
    moved = {name: count for name, count in counts.items() if count and name != "train"}
    total = sum(pairs.values()) - sum(moved[reason] for reason in routing.reasons if reason in moved)
    sample = _Sample(data.source_lang, counts["train"], round_trip)
    with ExitStack() as stack, console.progress("Encoding", total, "pairs") as advance:
        splits = {name: _Split(stack, folder, name, names, tokenizer) for name in sources}
        tasks = _tasks(readings, pairs, routing)
        for task, encoded in stack.enter_context(closing(in_order(_encoder, (folder,), tasks, processes))):
            splits[task.split].add(task, encoded)
            readings[task.corpus].examples[task.split] += task.pairs
            if task.split == "train":
                sample.add(task)
            advance(task.pairs)
    for name, split in splits.items():
        write_examples(folder, name, split.examples)
        if name != "train":
            of = report.splits[name if name in report.splits else "train"].sources
            mask = None if name in report.splits else routing.mask(name)
            _write_references(f"{folder / name}.{names['tgt']}", of, mask)
    dropped = {name if name in routing.reasons else f"held out for {name}": count for name, count in moved.items()}
    statistics = {
        name: split.done(pairs[name], dropped, sample.several_sentences) if name == "train" else
        split.done(pairs[name] if name in pairs else counts[name], {})
        for name, split in splits.items()
    }  # fmt: skip
    return statistics, [reading.done(names) for reading in readings]


def _write_references(stem: str, sources: Sequence[tuple[PairSource, int]], kept: Mask | None) -> None:
    """The further references of a split, a file each; `kept`: which pairs of the sources it has, if not all. A blank
    line is none.
    """
    for number in range(1, max(len(source.corpus.targets) for source, _ in sources)):
        begin = 0
        with open(f"{stem}.{number}.txt", "wb") as file:
            for source, pairs in sources:
                mine = np.ones(pairs, bool) if kept is None else kept[begin : begin + pairs]
                begin += pairs
                further = source.further_references()[number - 1 : number]
                for _, index, chunk in read_again(further, pairs) if further else ():
                    picks = np.flatnonzero(mine[index : index + len(chunk.tgt)]).tolist()
                    file.writelines(chunk.tgt[i] + b"\n" for i in picks)
                if not further:
                    file.write(b"\n" * int(mine.sum()))
