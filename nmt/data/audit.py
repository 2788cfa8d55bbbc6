"""What is wrong with the text, found before anything is trained.

Fatal faults of all splits are collected and raised together; the rest is counted, with the first place of each, for
a table. Whole chunks are searched with fast means first and line by line only where something is there to find.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.alignment import check_alignment
from nmt.data.corpus import PairSource
from nmt.data.examples import SIDES
from nmt.data.kept import HERE, Work
from nmt.data.keys import Keys, alike, pair_keys, repeated, source_keys, there
from nmt.data.unequal import TableFiles
from nmt.errors import DataError, join_faults
from nmt.text.lines import Found, add_found, bad_byte

if TYPE_CHECKING:
    from nmt.recipe import Corpus, Filters
    from nmt.tokenizer import Side

LABELS = {
    "bom": "byte order mark (dropped)",
    "crlf": "CRLF line ends (read as LF)",
    "field_break": "line break inside a field (read as a space)",
    "header": "looks like a header, but is read as a pair",
    "blank_one_side": "blank on one side only",
    "blank_both": "blank on both sides",
    "inner_break": "U+2028, U+0085, lone CR or the like inside a line (not a line break)",
    "control": "control characters, or a byte order mark inside",
    "replacement": "U+FFFD: text damaged by an earlier conversion",
    "long": "over-long lines",
    "ratio": "lengths too unequal",
    "identical": "source equals target",
    "duplicate": "duplicate pairs",
    "wrong_language": "in another language",
    "mixed_language": "partly in another language",
    "leak_source": "source also in train",
    "leak_pair": "pair also in train",
}

PAIRS = {"blank_one_side", "blank_both", "long", "ratio", "identical"}  # of these a finding is of a pair

# Bits of SplitAudit.flags
BLANK, LONG, RATIO, IDENTICAL = 1, 2, 4, 8

_SET_APART = np.uint64(0x9E3779B97F4A7C15)  # what the keys of each further pair of languages are moved by
_MAX_SHOWN = 3  # faults of one kind shown per file
_ASCII_RARE = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_SEQUENCES = ("\u2028".encode(), "\u2029".encode(), "\ufeff".encode(), "\ufffd".encode())
_LINE_KINDS = {
    "inner_break": re.compile("[\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]"),
    "control": re.compile("[\x01-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufeff]"),
    "replacement": re.compile("\ufffd"),
}
_INVISIBLE = re.compile("[\\s\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")


@dataclass
class SplitAudit:
    """One split's findings; the arrays (one entry a pair, in the order of the text) serve the filters."""

    pairs: int = 0
    found: dict[str, Found] = field(default_factory=dict)
    sources: list[tuple[PairSource, int]] = field(default_factory=list)  # with their numbers of pairs
    flags: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    src_keys: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))  # see keys.py
    pair_keys: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))
    tgt_keys: Keys = field(default_factory=lambda: np.zeros(0, np.uint64))  # where there is text of one language
    repeated: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))  # stood before

    def note(self, kind: str, which: npt.NDArray[np.bool_]) -> None:
        """Count the pairs of a mask as findings."""
        if count := int(which.sum()):
            add_found(self.found, kind, count, self._place(int(which.argmax())))

    @property
    def of_one_language(self) -> npt.NDArray[np.bool_]:
        """Of each pair, whether it is a line without a target."""
        return self._of(lambda corpus: corpus.of_one_language)

    @property
    def synthetic(self) -> npt.NDArray[np.bool_]:
        """Of each pair, whether a model made one side of it."""
        return self._of(lambda corpus: corpus.synthetic is not None)

    @property
    def made_elsewhere(self) -> npt.NDArray[np.bool_]:
        return self._of(lambda corpus: corpus.made_elsewhere)

    def _of(self, what: Callable[[Corpus], bool]) -> npt.NDArray[np.bool_]:
        return np.repeat([what(s.corpus) for s, _ in self.sources], [n for _, n in self.sources]).astype(bool)

    def _place(self, index: int) -> str:
        for source, pairs in self.sources:
            if index < pairs:
                return source.where("src", index + 1)
            index -= pairs
        raise IndexError(index)


@dataclass(frozen=True)
class AuditReport:
    splits: dict[str, SplitAudit]
    warnings: list[str]

    def rows(self) -> list[list[object]]:
        """Split, finding, count, first place."""
        return [[name, LABELS[kind], count, first]
                for name, split in self.splits.items() for kind, (count, first) in _ordered(split.found)]  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        splits = {
            name: {"pairs": s.pairs, "found": {k: {"count": n, "first": at} for k, (n, at) in _ordered(s.found)}}
            for name, s in self.splits.items()
        }
        return {"splits": splits, "warnings": self.warnings}


def _ordered(found: dict[str, Found]) -> list[tuple[str, Found]]:
    return [(kind, found[kind]) for kind in LABELS if kind in found]


_NOT_UTF8, _NUL = "not valid UTF-8", "holds a NUL byte"
# What a line must not be, and what to do about it.
_BROKEN = {
    _NOT_UTF8: "Convert the file to UTF-8.",
    _NUL: "Is it text? Remove the bytes, or convert it to UTF-8 if it is UTF-16.",
}


def audit(splits: Mapping[str, Sequence[PairSource]], filters: Filters, work: Work = HERE) -> AuditReport:
    """Read everything once. Raises DataError that lists every fatal fault of every split."""
    faults: list[tuple[str, str]] = []
    warnings: list[str] = []
    read_back = any(len(source.directions) > 1 for group in splits.values() for source in group)
    # Lines that must not be those of validation and test sets, whatever side they are on
    anywhere = (s.corpus.of_one_language or s.corpus.synthetic is not None for s in splits.get("train", ()))
    targets = read_back or any(anywhere)
    _do_share(splits, filters, targets, work)
    audited = {
        name: _audit_split(name, sources, filters, targets, work, faults, warnings) for name, sources in splits.items()
    }
    faults = list(dict.fromkeys(faults))  # what is wrong with a source is seen with each of its references
    if len(faults) == 1:
        raise DataError(*faults[0])
    if faults:
        raise DataError(join_faults([" ".join(filter(None, fault)) for fault in faults]))
    for split in audited.values():
        _find_repeated(split)
    for name, split in audited.items():
        if name != "train" and "train" in audited:
            shown, sources = split.flags & BLANK == 0, audited["train"].src_keys
            leaks = there(split.src_keys, sources)
            if read_back:  # targets are sources, too
                leaks |= there(split.tgt_keys, sources) | there(split.tgt_keys, audited["train"].tgt_keys)
            split.note("leak_source", shown & leaks)
            split.note("leak_pair", shown & there(split.pair_keys, audited["train"].pair_keys))
    return AuditReport(audited, warnings)


def _do_share(splits: Mapping[str, Sequence[PairSource]], filters: Filters, targets: bool, work: Work) -> None:
    """Of all sources, before any result of others is waited for."""
    every = ((name, i, source) for name, sources in splits.items() for i, source in enumerate(sources))
    for name, i, source in every:
        for each in (source, *source.further_references()):
            with suppress(DataError):  # of files; it is told where all is read
                work.ahead(_stage(name, i, each), partial, (_examine, filters, targets), _tasks(each, {}))


def _stage(split: str, number: int, source: PairSource) -> str:
    return f"audit-{split}-{number}-{source.reference}"


def _find_repeated(split: SplitAudit) -> None:
    """Pairs of other languages are others, though their texts be the same, as those of names may be."""
    pairs = list(dict.fromkeys(s.lines for s, _ in split.sources if not s.corpus.of_one_language))
    of = [0 if s.corpus.of_one_language else pairs.index(s.lines) for s, _ in split.sources]
    keys = split.pair_keys
    if any(of):
        keys = keys + np.repeat(np.array(of, np.uint64) * _SET_APART, [n for _, n in split.sources])
    split.repeated = repeated(keys)
    split.note("duplicate", split.repeated & (split.flags & BLANK == 0))


def _audit_split(
    name: str, sources: Sequence[PairSource], filters: Filters, targets: bool, work: Work,
    faults: list[tuple[str, str]], warnings: list[str],
) -> SplitAudit:  # fmt: skip
    split = SplitAudit()
    parts: list[_Findings] = []
    faults_before = len(faults)
    with console.progress(f"Auditing {name}", None, "pairs") as advance:

        def read(source: PairSource) -> list[_Findings]:
            stage = _stage(name, len(split.sources), source)
            return _audit_source(stage, source, filters, targets, work, split.found, faults, advance)

        tables = TableFiles(sources)
        for source in sources:
            own = read(source)
            lengths = _lengths(own)
            tables.add(source, *map(len, lengths))
            check_alignment(source, *lengths, tables.several(source), faults, warnings)
            split.sources.append((source, sum(len(f.flags) for f in own)))
            parts += own
            if place := split.found.get("header"):
                warnings.append(f"{place[1]} looks like the names of columns, but is read as a pair. If it is not "
                                "one, give these names as `source` and `target`.")  # fmt: skip
            for reference in source.further_references():
                check_alignment(reference, *_lengths(read(reference)), False, faults, warnings)
    faults += tables.unequal()
    split.pairs = sum(len(f.flags) for f in parts)
    if not split.pairs and len(faults) == faults_before:
        key = name if name in ("train", "valid") else f"test.{name}"
        faults.append((f"`data.{key}` has no pairs: {', '.join(s.label('src') for s in sources)} is empty.", ""))
    for field_name in ("flags", "src_keys", "pair_keys", "tgt_keys") if parts else ():
        setattr(split, field_name, np.concatenate([getattr(f, field_name) for f in parts]))
        for f in parts:
            delattr(f, field_name)  # two of each at a time would be twice the memory
    return split


def _lengths(parts: Sequence[_Findings]) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Of all lines of both sides."""
    nothing = [np.zeros(0, np.uint16)]
    found = [np.concatenate([*nothing, *(getattr(f, f"{side}_lengths") for f in parts)]) for side in SIDES]
    for f in parts:
        f.src_lengths = f.tgt_lengths = nothing[0]  # they are not needed any more
    return found[0], found[1]


def _audit_source(
    stage: str, source: PairSource, filters: Filters, targets: bool, work: Work, found: dict[str, Found],
    faults: list[tuple[str, str]], advance: Callable[[int], None],
) -> list[_Findings]:  # fmt: skip
    own: list[_Findings] = []
    broken: dict[tuple[Side, str], tuple[int, list[str]]] = {}
    try:
        tasks = _tasks(source, found)
        for task, findings in work.in_order(stage, _Findings, partial, (_examine, filters, targets), tasks):
            _merge(source, task.first_line, findings, found, broken)
            own.append(findings)
            advance(len(findings.flags))
    except DataError as e:
        faults.append((e.message, e.hint))
    for (_, what), (count, shown) in broken.items():
        more = f" and {count - len(shown):,} more lines" if count > len(shown) else ""
        faults.append((f"{', '.join(shown)}{more}: {what}.", _BROKEN[what]))
    return own


# --- one chunk -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    first_line: int
    src: bytes  # lines joined by \n: one object travels to a worker faster than 20,000
    tgt: bytes
    num_src: int
    num_tgt: int
    of_one_language: bool  # then there is no target


_Place = tuple[str, "Side", int, int]  # kind, side, count, first index
_Fault = tuple[str, "Side", int, str]  # what, side, index, where in the line


@dataclass
class _Findings:
    src_lengths: npt.NDArray[np.uint16]  # characters without surrounding space, of all lines
    tgt_lengths: npt.NDArray[np.uint16]
    flags: npt.NDArray[np.uint8]  # from here on: of the pairs
    src_keys: Keys
    pair_keys: Keys
    tgt_keys: Keys
    found: list[_Place]
    broken: list[_Fault]

    def pack(self) -> tuple[Any, Sequence[np.ndarray]]:
        arrays = self.src_lengths, self.tgt_lengths, self.flags, self.src_keys, self.pair_keys, self.tgt_keys
        return [self.found, self.broken], arrays

    @classmethod
    def unpack(cls, values: Any, arrays: Sequence[np.ndarray]) -> _Findings:
        found, broken = ([tuple(entry) for entry in entries] for entries in values)
        src, tgt, flags, src_keys, pair_keys, tgt_keys = arrays
        return cls(src, tgt, flags, src_keys, pair_keys, tgt_keys, found, broken)


def _tasks(source: PairSource, found: dict[str, Found]) -> Iterator[_Task]:
    for chunk in source.chunks():
        for kind, (count, where) in chunk.found.items():
            add_found(found, kind, count, where)
        src, alone = b"\n".join(chunk.src), source.corpus.of_one_language
        tgt = b"" if alone else b"\n".join(chunk.tgt)
        yield _Task(chunk.first_line, src, tgt, len(chunk.src), len(chunk.tgt), alone)


def _merge(
    source: PairSource, first: int, findings: _Findings, found: dict[str, Found],
    broken: dict[tuple[Side, str], tuple[int, list[str]]],
) -> None:  # fmt: skip
    for kind, side, count, index in findings.found:
        if side not in source.new and (source.reference or kind not in PAIRS):
            continue  # found where the line was read first; and a further reference may be blank, or long
        add_found(found, kind, count, source.where(side, first + index))
    for what, side, index, detail in findings.broken:
        count, shown = broken.setdefault((side, what), (0, []))
        if len(shown) < _MAX_SHOWN:
            shown.append(source.where(side, first + index) + detail)
        broken[side, what] = (count + 1, shown)


def _examine(filters: Filters, targets: bool, task: _Task) -> _Findings:
    """`targets`: give the keys of the target lines, too."""
    found: list[_Place] = []
    broken: list[_Fault] = []
    src_text, src_all = _examine_side("src", task.src, task.num_src, found, broken)
    if task.of_one_language:  # a line is a pair with itself
        tgt_all = src_all
        src_text = tgt_text = alike(src_text)
    else:
        tgt_text, tgt_all = _examine_side("tgt", task.tgt, task.num_tgt, found, broken)
        src_text, tgt_text = alike(src_text), alike(tgt_text)
    pairs = min(task.num_src, task.num_tgt)
    src_lines, tgt_lines = (text.encode().split(b"\n")[:pairs] for text in (src_text, tgt_text))
    src, tgt = src_all[:pairs], tgt_all[:pairs]
    longer, shorter = np.maximum(src, tgt), np.minimum(src, tgt)
    blank = shorter == 0
    identical = np.fromiter(map(operator.eq, src_lines, tgt_lines), np.bool_, pairs) & ~blank
    identical &= not task.of_one_language
    too_long = longer > (filters.max_chars or np.inf)
    ratio = ((longer + 10) / (shorter + 10) > (filters.max_ratio or np.inf)) & ~blank
    kinds = {"blank_one_side": blank & (longer > 0), "blank_both": longer == 0, "long": too_long, "ratio": ratio,
             "identical": identical}  # fmt: skip
    found += [(kind, "src", int(mask.sum()), int(mask.argmax())) for kind, mask in kinds.items() if mask.any()]
    return _Findings(
        np.minimum(src_all, 65535).astype(np.uint16), np.minimum(tgt_all, 65535).astype(np.uint16),
        (blank * BLANK + too_long * LONG + ratio * RATIO + identical * IDENTICAL).astype(np.uint8),
        source_keys(src_text, pairs), pair_keys(src_lines, tgt_lines),
        source_keys(tgt_text, pairs if targets else 0), found, broken,
    )  # fmt: skip


def _examine_side(
    side: Side, joined: bytes, count: int, found: list[_Place], broken: list[_Fault]
) -> tuple[str, npt.NDArray[np.int64]]:
    """The text and the characters of each line without surrounding space; notes what is wrong inside lines."""
    try:
        text = joined.decode()
    except UnicodeDecodeError:
        text = joined.decode(errors="replace")
        for i, raw in enumerate(joined.split(b"\n")):
            try:
                raw.decode()
            except UnicodeDecodeError as e:
                broken.append((_NOT_UTF8, side, i, bad_byte(raw, e)))
    lines = text.split("\n") if count else []
    lengths = np.fromiter(map(len, map(str.strip, lines)), np.int64, count)
    perhaps_blank = set(np.flatnonzero((lengths > 0) & (lengths <= 3)).tolist())
    if _ASCII_RARE.search(joined) or any(x in joined for x in _SEQUENCES) or _C1.search(joined):
        broken += [(_NUL, side, i, "") for i, line in enumerate(lines) if "\0" in line]
        for kind, pattern in _LINE_KINDS.items():
            if at := [i for i, line in enumerate(lines) if pattern.search(line)]:
                found.append((kind, side, len(at), at[0]))
                perhaps_blank.update(at)
    for i in perhaps_blank:
        if not _INVISIBLE.sub("", lines[i]):
            lengths[i] = 0
    return text, lengths
