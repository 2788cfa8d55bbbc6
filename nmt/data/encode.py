"""Lines to ids on disk, split by split, and what is counted on the way.

Each pair is read once more, sent with many others to a worker, and written in the order of the text: any number of
workers gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import AuditReport
from nmt.data.case import CaseCounter
from nmt.data.corpus import Chunk, PairSource
from nmt.data.documents import Mask, followed
from nmt.data.examples import SIDES
from nmt.data.filters import Routing
from nmt.data.index import Index, Run, write_examples
from nmt.data.kept import Work
from nmt.data.manifest import Corpus, SideStatistics, SplitStatistics
from nmt.data.placement import Codes, Placed, place
from nmt.data.rereading import read_again
from nmt.data.round_trip import RoundTrip
from nmt.data.rows import IdsWriter
from nmt.data.sources import learned, stored_directions, vocabularies
from nmt.recipe import Recipe
from nmt.recipe.directions import Direction
from nmt.text.sentences import split as split_sentences
from nmt.tokenizer import Side, Tokenizer

MAX_COUNTED = 10_000  # tokens; longer lines count as so long in the statistics of lengths
SAMPLE = 2_000  # training pairs that are looked at closely


@dataclass
class _Reading:
    """A source while it is read."""

    source: PairSource
    split: str  # of the recipe
    begin: int  # which of the split's pairs its first is
    codes: Codes  # of its pairs: the number of the split that they are for, or something else
    placed: Placed
    in_documents: bool  # whether it is learned which line follows which
    read: int = 0
    followed: defaultdict[str, list[Mask]] = field(default_factory=lambda: defaultdict(list))  # by split
    sums: tuple[Any, Any] = field(default_factory=lambda: (hashlib.sha256(), hashlib.sha256()))

    def add(self, chunk: Chunk) -> None:
        self.read += len(chunk.src)
        for digest, lines in zip(self.sums, (chunk.src, chunk.tgt), strict=True):
            digest.update(b"\n".join(lines) + b"\n" * bool(lines))

    def examples(self, number: int, direction: Direction, split: str, code: int) -> Run:
        """Those of a split, in a direction that has this number."""
        which = np.flatnonzero(self.codes == code)
        src, tgt = (
            None if name is None else self.placed.rows[SIDES[self.source.lines.index(name)]][which]
            for name in (direction.src, direction.tgt)
        )
        assert src is not None
        order = self.followed.get(split)
        return Run(number, src, tgt, np.concatenate(order) if order and direction.tgt is None else None)

    def done(self, direction: Direction, examples: dict[str, int]) -> Corpus:
        sums = {name: digest.hexdigest() for name, digest in zip(self.source.lines, self.sums, strict=True)}
        return Corpus(name=" and ".join(dict.fromkeys(map(self.source.label, SIDES))), split=self.split,
                      src=direction.src, tgt=direction.tgt, read=self.read, examples=examples, sha256=sums)  # fmt: skip


class _Lengths:
    """What is counted of the lines of one side of a split."""

    def __init__(self) -> None:
        self.tokens, self.longest = 0, 0
        self._spread = np.zeros(MAX_COUNTED + 1, np.int64)

    def add(self, lengths: npt.NDArray[np.uint32]) -> None:
        self.tokens += int(lengths.sum())
        self.longest = max(self.longest, int(lengths.max(initial=0)))
        self._spread += np.bincount(np.minimum(lengths, MAX_COUNTED), minlength=MAX_COUNTED + 1)

    def done(self, several_sentences: float | None) -> SideStatistics:
        p99 = int(np.searchsorted(self._spread.cumsum(), 0.99 * self._spread.sum()))
        return SideStatistics(tokens=self.tokens, longest=self.longest, p99=p99, several_sentences=several_sentences)


# --- in a worker -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    """Lines of one source for one split."""

    split: str
    lines: dict[str, bytes]  # by what they are stored as; joined by \n
    pairs: int  # of which they are


@dataclass(frozen=True)
class _Rows:
    flat: npt.NDArray[np.unsignedinteger[Any]]
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Encoded:
    """Of a task."""

    rows: dict[str, _Rows]  # by what its lines are stored as

    def pack(self) -> tuple[Any, Sequence[np.ndarray]]:
        return list(self.rows), [array for rows in self.rows.values() for array in (rows.flat, rows.lengths)]

    @classmethod
    def unpack(cls, values: Any, arrays: Sequence[np.ndarray]) -> _Encoded:
        return cls({name: _Rows(*arrays[2 * i : 2 * i + 2]) for i, name in enumerate(values)})


def _encoder(folder: Path, sides: Mapping[str, Side]) -> Callable[[_Task], _Encoded]:
    tokenizer = Tokenizer.load(folder)

    def rows(joined: bytes, side: Side) -> _Rows:
        size = tokenizer.src_vocab_size if side == "src" else tokenizer.tgt_vocab_size
        ids = tokenizer.encode(joined.split(b"\n"), side)
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        dtype = np.uint16 if size <= 1 << 16 else np.uint32  # what is sent between processes is half as much
        return _Rows(np.fromiter(chain.from_iterable(ids), dtype, int(lengths.sum())), lengths)

    return lambda task: _Encoded({name: rows(joined, sides[name]) for name, joined in task.lines.items()})


# --- here ------------------------------------------------------------------------------------------------------------


def _tasks(readings: Sequence[_Reading], pairs: Mapping[str, int], splits: Mapping[str, int]) -> Iterator[_Task]:
    """Everything that is to be encoded: train and what is held out of it, then the other splits. `splits` have their
    numbers.
    """
    for split in dict.fromkeys(reading.split for reading in readings):
        own = [reading for reading in readings if reading.split == split]
        for which, index, chunk in read_again([reading.source for reading in own], pairs[split]):
            reading, at = own[which], index - own[which].begin
            reading.add(chunk)
            here = slice(at, at + len(chunk.src))
            for name, code in splits.items() if split == "train" else [(split, splits[split])]:
                lines = {}
                for side in reading.source.new:
                    picks = np.flatnonzero(reading.placed.codes[side][here] == code).tolist()
                    if picks:
                        column: list[bytes] = getattr(chunk, side)
                        lines[reading.source.lines[SIDES.index(side)]] = b"\n".join([column[i] for i in picks])
                number = int((reading.codes[here] == code).sum())
                if number and reading.in_documents:
                    reading.followed[name].append(
                        followed(chunk.src, np.flatnonzero(reading.codes[here] == code).tolist())
                    )
                if lines or number:
                    yield _Task(name, lines, number)


class _Split:
    """A split while it is written."""

    def __init__(
        self, stack: ExitStack, folder: Path, name: str, sides: Mapping[str, Side], tokenizer: Tokenizer
    ) -> None:
        sizes = {"src": tokenizer.src_vocab_size, "tgt": tokenizer.tgt_vocab_size}
        self._ids = {
            language: stack.enter_context(IdsWriter(folder, name, language, sizes[side]))
            for language, side in sides.items()
        }
        self._texts: dict[str, IO[bytes]] = {}
        if name != "train":
            paths = {language: folder / f"{name}.{language}.txt" for language in sides}
            self._texts = {language: stack.enter_context(path.open("wb")) for language, path in paths.items()}

    def add(self, task: _Task, encoded: _Encoded) -> None:
        for language, rows in encoded.rows.items():
            self._ids[language].append(rows.flat, rows.lengths)
            if language in self._texts:
                self._texts[language].write(task.lines[language] + b"\n")

    @cached_property
    def lengths(self) -> dict[str, npt.NDArray[np.uint32]]:
        """Of all its lines, once they are written, by language."""
        return {language: writer.lengths for language, writer in self._ids.items()}

    def done(
        self, examples: Sequence[tuple[Direction, Run]], read: int, dropped: dict[str, int],
        several_sentences: float | None,
    ) -> SplitStatistics:  # fmt: skip
        """A line without a target counts as one: it is what is learned to be written."""
        src, tgt = _Lengths(), _Lengths()
        for direction, run in examples:
            src.add(self.lengths[direction.src][run.src])
            tgt.add(self.lengths[direction.tgt or direction.src][run.src if run.tgt is None else run.tgt])
        return SplitStatistics(
            read=read, dropped=dropped, examples=sum(len(run.src) for _, run in examples),
            src=src.done(several_sentences), tgt=tgt.done(None),
            lines={language: len(rows) for language, rows in self.lengths.items()},
        )  # fmt: skip


class _Sample:
    """Training lines, spread evenly over those of each language, in which is looked for more than ids show."""

    def __init__(self, directions: Sequence[Direction], numbers: Mapping[str, int], round_trip: RoundTrip) -> None:
        self._read, self._written = {d.src for d in directions}, {d.tgt or d.src for d in directions}
        self._every = {name: max(1, number // SAMPLE) for name, number in numbers.items()}
        self._round_trip = round_trip
        self._seen: Counter[str] = Counter()
        self._looked_at = self._several = 0

    def add(self, task: _Task) -> None:
        for name, joined in task.lines.items():
            lines = joined.decode().split("\n")
            chosen = lines[-self._seen[name] % self._every[name] :: self._every[name]]
            self._seen[name] += len(lines)
            if name in self._read:
                self._looked_at += len(chosen)
                language = name.partition(".")[0]
                self._several += sum(len(split_sentences(line, language)) > 1 for line in chosen)
            if name in self._written:
                self._round_trip.look_at(chosen)

    @property
    def several_sentences(self) -> float:
        """Share of the sources that have more than one."""
        return round(self._several / max(1, self._looked_at), 4)


def encode_share(
    recipe: Recipe, sources: Mapping[str, Sequence[PairSource]], report: AuditReport, routing: Routing,
    folder: Path, tokenizer: Tokenizer, work: Work,
) -> None:  # fmt: skip
    """Encode what is this process's, where several share the work. The tokenizer is in `folder`, too."""
    if work.share.of == 1:
        return
    number_of = _numbers(sources, routing)
    readings, _ = _readings(recipe, sources, report, routing, number_of)
    tasks = _tasks(readings, {name: split.pairs for name, split in report.splits.items()}, number_of)
    work.ahead(_stage(tokenizer), _encoder, (folder, vocabularies(recipe.data)), tasks)


def _stage(tokenizer: Tokenizer) -> str:
    return f"encode-{tokenizer.fingerprint}"


def _numbers(sources: Mapping[str, Sequence[PairSource]], routing: Routing) -> dict[str, int]:
    """Of the splits, as pairs are routed to them."""
    names = list(dict.fromkeys([*routing.names, *sources]))
    return {name: number for number, name in enumerate(names) if name in sources}


def write_splits(
    recipe: Recipe, sources: Mapping[str, Sequence[PairSource]], report: AuditReport, routing: Routing,
    folder: Path, tokenizer: Tokenizer, work: Work, round_trip: RoundTrip, case: CaseCounter,
) -> tuple[dict[str, SplitStatistics], list[Corpus]]:  # fmt: skip
    """Encode all splits into `folder`; show `round_trip` some targets, and `case` the training lines. Gives what the
    splits come to, and the corpora as they were read, a direction each.
    """
    encode_share(recipe, sources, report, routing, folder, tokenizer, work)
    sides, counts, number_of = vocabularies(recipe.data), routing.counts(), _numbers(sources, routing)
    readings, placed = _readings(recipe, sources, report, routing, number_of)
    pairs = {name: split.pairs for name, split in report.splits.items()}
    moved = {name: count for name, count in counts.items() if count and name != "train"}
    total = sum(pairs.values()) - sum(moved[reason] for reason in routing.reasons if reason in moved)
    directions = [*stored_directions(recipe.data), *(d for _, d in learned(sources) if d.tgt is None)]
    numbers = {name: placed[number_of["train"], name] for name in sides}
    sample = _Sample(directions, numbers, round_trip)
    with ExitStack() as stack, console.progress("Encoding", total, "pairs") as advance:
        splits = {name: _Split(stack, folder, name, sides, tokenizer) for name in sources}
        tasks = _tasks(readings, pairs, number_of)
        results = work.in_order(_stage(tokenizer), _Encoded, _encoder, (folder, sides), tasks)
        for task, encoded in stack.enter_context(closing(results)):
            splits[task.split].add(task, encoded)
            if task.split == "train":
                sample.add(task)
                for name, joined in task.lines.items():
                    case.add(name, joined.decode().split("\n"))
            advance(task.pairs)
    each = [(reading, direction) for reading in readings for direction in reading.source.directions]
    examples: dict[str, list[tuple[Direction, Run]]] = {name: [] for name in splits}
    corpora = []
    for number, (reading, direction) in enumerate(each):
        found = {}
        into = number_of if reading.split == "train" else {reading.split: number_of[reading.split]}
        for name, code in into.items():
            run = reading.examples(number, direction, name, code)
            if len(run.src) and (name != "train" or direction in directions):
                examples[name].append((direction, run))
                found[name] = len(run.src)
        corpora.append(reading.done(direction, found))
    for name, split in splits.items():
        runs = [run for _, run in examples[name]]
        write_examples(folder, name, runs)
        Index.of(split.lengths, runs, [direction for _, direction in each]).save(folder, name)
        if name != "train":
            of = report.splits[name if name in report.splits else "train"].sources
            mask = None if name in report.splits else routing.mask(name)
            _write_references(f"{folder / name}.{directions[0].tgt}", of, mask)
    dropped = {name if name in routing.reasons else f"held out for {name}": count for name, count in moved.items()}
    statistics = {
        name: split.done(examples[name], pairs[name] if name in pairs else counts[name],
                         dropped if name == "train" else {}, sample.several_sentences if name == "train" else None)
        for name, split in splits.items()
    }  # fmt: skip
    return statistics, corpora


def _readings(
    recipe: Recipe, sources: Mapping[str, Sequence[PairSource]], report: AuditReport, routing: Routing,
    number_of: Mapping[str, int],
) -> tuple[list[_Reading], Counter[tuple[int, str]]]:  # fmt: skip
    """What is read, with the places of its lines; and how many lines of each language each split gets."""
    found: list[_Reading] = []
    placed: Counter[tuple[int, str]] = Counter()
    for split, group in report.splits.items():
        codes = routing.codes if split == "train" else np.full(group.pairs, number_of[split], np.uint8)
        stored = list(number_of.values()) if split == "train" else [number_of[split]]
        begin = 0
        for (source, number), places in zip(group.sources, place(group.sources, codes, stored, placed), strict=True):
            in_documents = recipe.objective_of(source.corpus).pairs == "next"
            own = codes[begin : begin + number]
            found.append(_Reading(source, split, begin, own, places, in_documents))
            begin += number
    return found, placed


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
