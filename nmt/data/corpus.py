"""Parallel text from plain or gzip files, tables or a hub data set, as a stream of chunks of line pairs.

Pairs are bytes, one line each; memory stays flat whatever the size of the corpus. Also finds the files of a recipe.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from nmt.data.download import download
from nmt.data.examples import SIDES
from nmt.data.manifest import MANIFEST
from nmt.data.replay import check_replayed, replayed_pairs, replayed_runs
from nmt.data.synthetic import check_synthetic, synthetic_folders, synthetic_pairs
from nmt.data.tables import (
    FEW,
    Columns,
    Fields,
    fields_of,
    has_header,
    looks_like_header,
    read_csv,
    read_jsonl,
    read_memory,
    read_parquet,
    read_tsv,
)
from nmt.errors import DataError, join_faults
from nmt.files import InputFile, describe_file, what_is_no_file
from nmt.formats.memory import UNIT, suffix_of
from nmt.text.documents import how_to_train_on, kind_of
from nmt.text.lines import MAX_LINE_BYTES, Found, add_found, line_blocks, too_long

if TYPE_CHECKING:
    from nmt.recipe import Corpus, DataSection
    from nmt.recipe.directions import Direction
    from nmt.tokenizer import Side

CHUNK_PAIRS = 20_000
_CHUNK_BLOCKS = 16  # a chunk ends after about that many MB too, so that long lines cannot fill the memory


@dataclass(frozen=True)
class Chunk:
    """Consecutive pairs. The sides differ in length only past the end of the shorter of two files."""

    first_line: int  # from 1
    src: list[bytes]
    tgt: list[bytes]
    found: dict[str, Found] = field(default_factory=dict)  # `bom`, `crlf`, `field_break`: what reading took away


@dataclass(frozen=True)
class PairSource:
    """One corpus of the recipe, or two columns of a table of several languages; it can be read any number of times."""

    corpus: Corpus  # of two columns, or of one language
    root: Path
    reference: int = 0  # which of several targets is read
    lines: tuple[str, str] = ("src", "tgt")  # what the lines of each side are stored as
    directions: tuple[Direction, ...] = ()  # in which its pairs are learned, or scored
    table: int | None = None  # the number of the recipe's corpus in its split
    # Sides that were not read before: those of a table's first two columns, or the other side of a further pair. What
    # is wrong with a line is counted once, and it is stored once
    new: tuple[Side, ...] = ("src", "tgt")

    def further_references(self) -> list[PairSource]:
        """The same sources, with each further reference as their targets."""
        return [replace(self, reference=number, new=("tgt",)) for number in range(1, len(self.corpus.targets))]

    def label(self, side: Side) -> str:
        """What the user calls this side."""
        c = self.corpus
        return str(c.run or c.synthetic or c.hub or c.path or c.column(side, self.reference))

    @property
    def aligned(self) -> Hashable:
        """The same for sources of which line n belongs together: the columns of one table."""
        return self.table, self.lines if self.corpus.made_elsewhere else None

    def where(self, side: Side, line: int) -> str:
        """The place of a pair, counted from 1. A record of a CSV file may have several lines."""
        if self.corpus.made_elsewhere:
            return f"{self.label(side)} pair {line}"
        if self.corpus.is_memory:
            return f"{self.label(side)} {UNIT[suffix_of(self.label(side))]} {line}"
        by_rows = self.corpus.kind == "hub" or _suffix(self.label(side)) in (".parquet", ".csv")
        return f"{self.label(side)}{' row ' if by_rows else ':'}{line + self._header}"

    @property
    def _header(self) -> bool:
        """Whether the first line has the names of the columns."""
        tables = (".tsv", ".csv")
        return self.corpus.kind == "table" and _suffix(self.label("src")) in tables and has_header(self._columns.all)

    @property
    def _columns(self) -> Columns:
        c = self.corpus
        src = (c.column("src"),) if c.of_one_language else tuple(c.fields)
        return Columns(src, c.column("tgt", self.reference), bool(c.turns))

    def chunks(self) -> Iterator[Chunk]:
        """Of text of one language both sides of a pair are the line. Raises DataError, naming file and line, where the
        corpus cannot be read.
        """
        found: dict[str, Found] = {}
        match self.corpus.kind:
            case "text":
                return self._text()
            case "hub":
                return self._records(self._hub(), found)
            case "run" | "synthetic":
                return self._from_elsewhere()
        name, columns = self.label("src"), self._columns
        path = self.root / name
        match _suffix(name):
            case ".tsv":
                fields = read_tsv(path, name, columns, found)
            case ".csv":
                fields = read_csv(path, name, columns, found)
            case ".jsonl":
                fields = read_jsonl(path, name, columns, found)
            case ".parquet":
                fields = read_parquet(path, name, columns)
            case _ if self.corpus.is_memory:
                fields = read_memory(path, name, columns)
            case _:
                raise _no_table(name)
        return self._records(fields, found)

    def _text(self) -> Iterator[Chunk]:
        found: dict[str, Found] = {}
        names = [self.label("src"), self.label("tgt")]
        if self.corpus.of_one_language:
            yield from self._lines(names[0])
            return
        founds = [found if side in self.new else {} for side in SIDES]
        readers = [line_blocks(self.root / name, name, into) for name, into in zip(names, founds, strict=True)]
        lines: list[list[bytes]] = [[], []]
        ended = [False, False]
        first, blocks = 1, 0
        while not all(ended):
            behind = ended[0] or (not ended[1] and len(lines[1]) < len(lines[0]))
            block = next(readers[behind], None)
            ended[behind] = block is None
            lines[behind] += block or []
            blocks += 1
            done = 0
            while True:
                open_sides = [len(side) for side, end in zip(lines, ended, strict=True) if not end]
                size = min(CHUNK_PAIRS, (min(open_sides) if open_sides else max(map(len, lines))) - done)
                if size <= 0 or not (size == CHUNK_PAIRS or blocks >= _CHUNK_BLOCKS or all(ended)):
                    break
                yield Chunk(first + done, lines[0][done : done + size], lines[1][done : done + size], dict(found))
                found.clear()
                done, blocks = done + size, 0
            del lines[0][:done], lines[1][:done]
            first += done

    def _lines(self, name: str) -> Iterator[Chunk]:
        found: dict[str, Found] = {}
        first = 1
        for block in line_blocks(self.root / name, name, found):
            for begin in range(0, len(block), CHUNK_PAIRS):
                lines = block[begin : begin + CHUNK_PAIRS]
                yield Chunk(first + begin, lines, lines, dict(found))
                found.clear()
            first += len(block)

    def _from_elsewhere(self) -> Iterator[Chunk]:
        direction = self.directions[0]
        first = 1
        run = self.corpus.run
        pairs = synthetic_pairs(self.corpus) if run is None else replayed_pairs(Path(run), direction)
        for src, tgt in pairs:
            yield Chunk(first, *((src, tgt) if direction.src == self.lines[0] else (tgt, src)))
            first += len(src)

    def _records(self, batches: Iterable[Fields], found: dict[str, Found]) -> Iterator[Chunk]:
        first = 1
        for src, tgt in batches:
            if first == 1 and src and not (self._header or self.corpus.is_memory) and looks_like_header(src[0], tgt[0]):
                add_found(found, "header", 1, self.where("src", 1))
            src = self._one_line_each(src, "src", first, found)
            if "src" not in self.new:
                found.clear()
            tgt = src if self.corpus.of_one_language else self._one_line_each(tgt, "tgt", first, found)
            yield Chunk(first, src, tgt, dict(found))
            found.clear()
            first += len(src)

    def _one_line_each(self, fields: list[bytes], side: Side, first: int, found: dict[str, Found]) -> list[bytes]:
        """The fields with their line breaks as spaces: a field is a line from here on."""
        if max(map(len, fields), default=0) > MAX_LINE_BYTES:
            at = next(i for i, f in enumerate(fields) if len(f) > MAX_LINE_BYTES)
            raise too_long(self.where(side, first + at))
        broken = [i for i, f in enumerate(fields) if b"\n" in f or f.endswith(b"\r")]
        for i in broken:
            fields[i] = re.sub(rb"\r*\n", b" ", fields[i].rstrip(b"\r\n"))
        if broken:
            add_found(found, "field_break", len(broken), self.where(side, first + broken[0]))
        return fields

    def _hub(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        import datasets  # type: ignore[import-untyped]

        c = self.corpus
        name = f"{c.hub} (split {c.split}, revision {c.revision})"
        try:
            # Not streamed: `datasets` keeps it memory-mapped on disk, and preparation reads it three times.
            rows = datasets.load_dataset(c.hub, c.config, split=c.split, revision=c.revision)
        except Exception as e:  # noqa: BLE001 - network, names, formats: whatever the libraries below raise
            reason = (str(e).strip() or type(e).__name__).splitlines()[0]
            raise DataError(
                f"the data set {name} cannot be loaded: {reason}",
                "Check `hub`, `config`, `split`, `revision` and the network.",
            ) from None
        for start in range(0, len(rows), FEW):
            columns = rows[start : start + FEW]
            records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
            yield fields_of(records, self._columns, self.label("src"), start + 1)


def _suffix(name: str) -> str:
    return PurePath(name.removesuffix(".gz")).suffix.lower()


def _no_table(name: str) -> DataError:
    kind = kind_of(name)
    if kind is not None:
        return DataError(f"{name} is {kind[0]} ({kind[1]}), which cannot be read as it is.", how_to_train_on(kind[0]))
    return DataError(
        f"{name} is no known table: `path` must be .tsv, .csv, .jsonl (.gz may follow) or .parquet.",
        "For two text files give `source` and `target` without `path`.",
    )


# --- the files of a recipe -------------------------------------------------------------------------------------------


def all_corpora(data: DataSection) -> dict[str, list[Corpus]]:
    """Split -> its corpora, in the order of the recipe."""
    return {"train": data.train, "valid": data.valid, **{name: [c] for name, c in data.test.items()}}


def input_paths(data: DataSection) -> dict[str, Path]:
    """Where each file is that the text comes from, by its name; of a run whose pairs are replayed, and of synthetic
    pairs, the manifest that says which text that is.
    """
    manifests = [folder / MANIFEST for folder in (*replayed_runs(data), *synthetic_folders(data))]
    return {name: Path(data.root) / name for name in _file_names(data)} | {str(path): path for path in manifests}


def _file_names(data: DataSection) -> list[str]:
    """Every local file of text that the recipe names, once."""
    corpora = [c for group in all_corpora(data).values() for c in group]
    names = [[c.path] if c.kind == "table" else c.parts if c.kind == "text" else [] for c in corpora]
    return list(dict.fromkeys(str(name) for group in names for name in group))


def resolve_files(data: DataSection) -> dict[str, InputFile]:
    """Find the recipe's files, download what is missing, check the checksums. Raises DataError naming every fault."""
    _refuse_documents(data)
    check_replayed(data)
    check_synthetic(data)
    root = Path(data.root)
    names = _file_names(data)
    missing = [name for name in names if not os.path.exists(root / name)]  # False for a name that is too long, too
    if missing:
        _fetch(data, root, missing)
    files: dict[str, InputFile] = {}
    faults = []
    for name in names:
        try:
            if not_regular := what_is_no_file(os.stat(root / name)):
                faults.append(f"{name} is {not_regular}, but training text is read several times: save it to a file.")
                continue
            files[name] = describe_file(root / name)
        except OSError as e:
            faults.append(f"{name} cannot be read: {e.strerror} ({root / name}).")
            continue
        if name in data.sha256 and files[name].sha256 != data.sha256[name]:
            faults.append(f"{name} is not the file the recipe means: its sha256 is {files[name].sha256}, "
                          f"but `data.sha256` says {data.sha256[name]}.")  # fmt: skip
    if faults:
        raise DataError(join_faults(faults))
    elsewhere = [folder / MANIFEST for folder in (*replayed_runs(data), *synthetic_folders(data))]
    return files | {str(path): describe_file(path) for path in elsewhere}


def _refuse_documents(data: DataSection) -> None:
    """Two files of text whose names say that they are more than lines."""
    corpora = [c for group in all_corpora(data).values() for c in group if c.kind == "text"]
    faults = {}
    for name in (str(column) for c in corpora for column in c.parts):
        if kind := kind_of(name):
            hint = (
                "Name it as `path`, with its columns as `source` and `target`."
                if kind[0] == "a table"
                else how_to_train_on(kind[0])
            )
            faults[f"{name} is {kind[0]} ({kind[1]}), not plain text with one sentence a line."] = hint
    if faults:
        raise DataError(join_faults(list(faults)), next(iter(faults.values())))


def _fetch(data: DataSection, root: Path, missing: list[str]) -> None:
    put = f"Put {'it' if len(missing) == 1 else 'them'} into {root}/, or set `data.root` to the folder that has "
    put += "it." if len(missing) == 1 else "them."
    named = []
    for name in missing:
        near = next(
            (n for n in (f"{name}.gz", name.removesuffix(".gz")) if n != name and os.path.exists(root / n)), None
        )
        named.append(f"{name} (but {near} is there)" if near else name)
    listed = f"{named[0]} is missing." if len(named) == 1 else f"{len(named)} files are missing: {', '.join(named)}."
    if data.url is None:
        raise DataError(listed, put)
    faults = []
    for name in missing:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            faults.append(f"`{name}` would land outside {root}; a file to download needs a name inside it.")
        elif name not in data.sha256:
            faults.append(f"`data.sha256` has no checksum of {name}; without one it is not downloaded.")
    if faults:
        raise DataError(join_faults([listed, *faults]), put)
    for name in missing:
        try:
            download(f"{data.url.rstrip('/')}/{quote(name)}", root / name, data.sha256[name])
        except DataError as e:
            still = [n for n in missing if not (root / n).exists()]
            raise DataError(e.message, f"Or get {', '.join(still)} yourself. {put}") from None
