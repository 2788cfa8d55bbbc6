"""Parallel text from plain or gzip files, TSV, JSONL, Parquet or a hub data set, as a stream of chunks of line pairs.

Pairs are bytes, one line each; memory stays flat whatever the size of the corpus. Also finds the files of a recipe.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from nmt.data.download import download
from nmt.errors import DataError, join_faults, plural
from nmt.files import InputFile, describe_file
from nmt.text.lines import MAX_LINE_BYTES, Found, add_found, line_blocks, too_long

if TYPE_CHECKING:
    from nmt.recipe import Corpus, DataSection
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
    """One corpus of the recipe, ready to be read any number of times."""

    corpus: Corpus
    root: Path

    def label(self, side: Side) -> str:
        """What the user calls this side."""
        c = self.corpus
        return str(c.hub or c.path or (c.source if side == "src" else c.target))

    def where(self, side: Side, line: int) -> str:
        unit = " row " if self.corpus.kind == "hub" or self.label(side).endswith(".parquet") else ":"
        return f"{self.label(side)}{unit}{line}"

    def chunks(self) -> Iterator[Chunk]:
        """Raises DataError, naming file and line, where the corpus cannot be read."""
        if self.corpus.kind == "text":
            return self._text()
        if self.corpus.kind == "hub":
            return self._records(self._hub())
        name = self.label("src")
        match re.sub(r"\.gz$", "", name).rpartition(".")[2]:
            case "tsv":
                return self._records(self._tsv())
            case "jsonl":
                return self._records(self._jsonl())
            case "parquet":
                return self._records(self._parquet())
            case _:
                raise DataError(
                    f"{name} is no known table: `path` must be .tsv, .jsonl (.gz may follow) or .parquet.",
                    "For two text files give `source` and `target` without `path`.",
                )

    def _text(self) -> Iterator[Chunk]:
        found: dict[str, Found] = {}
        names = [self.label("src"), self.label("tgt")]
        readers = [line_blocks(self.root / name, name, found) for name in names]
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

    def _records(self, batches: Iterable[tuple[list[bytes], list[bytes]]]) -> Iterator[Chunk]:
        first = 1
        for src, tgt in batches:
            found: dict[str, Found] = {}
            src, tgt = self._one_line_each(src, "src", first, found), self._one_line_each(tgt, "tgt", first, found)
            yield Chunk(first, src, tgt, found)
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

    def _table_lines(self, found: dict[str, Found]) -> Iterator[tuple[int, list[bytes]]]:
        name = self.label("src")
        line = 1
        for block in line_blocks(self.root / name, name, found):
            for start in range(0, len(block), CHUNK_PAIRS):
                yield line + start, block[start : start + CHUNK_PAIRS]
            line += len(block)

    def _tsv(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        src, tgt = self.corpus.source, self.corpus.target
        if not (isinstance(src, int) and isinstance(tgt, int) and min(src, tgt) >= 0):
            raise DataError(
                f"{self.label('src')}: `source` and `target` of a TSV file are column numbers from 0, "
                f"but are `{src}` and `{tgt}`."
            )
        for first, lines in self._table_lines({}):
            rows = [line.split(b"\t") for line in lines]
            if min(map(len, rows)) <= max(src, tgt):
                at = next(i for i, row in enumerate(rows) if len(row) <= max(src, tgt))
                raise DataError(
                    f"{self.where('src', first + at)} has {plural(len(rows[at]), 'column')} (by tabs), "
                    f"but column {max(src, tgt)} is wanted (counted from 0)."
                )
            yield [row[src] for row in rows], [row[tgt] for row in rows]

    def _jsonl(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        for first, lines in self._table_lines({}):
            src: list[bytes] = []
            tgt: list[bytes] = []
            for i, line in enumerate(lines):
                where = self.where("src", first + i)
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as e:
                    raise DataError(f"{where} is not a JSON record: {e}.") from None
                src.append(_field(record, self.corpus.source, where))
                tgt.append(_field(record, self.corpus.target, where))
            yield src, tgt

    def _parquet(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        name, row = self.label("src"), 1
        columns = sorted({str(self.corpus.source), str(self.corpus.target)})
        try:
            with pq.ParquetFile(self.root / name) as file:
                for batch in file.iter_batches(CHUNK_PAIRS // 4, columns=columns):
                    yield self._fields(batch.to_pylist(), row)
                    row += batch.num_rows
        except (pa.ArrowException, OSError) as e:
            raise DataError(f"{name} cannot be read as Parquet: {str(e).splitlines()[0]}") from None

    def _fields(self, records: Sequence[Any], first: int) -> tuple[list[bytes], list[bytes]]:
        src = [_field(r, self.corpus.source, self.where("src", first + i)) for i, r in enumerate(records)]
        return src, [_field(r, self.corpus.target, self.where("tgt", first + i)) for i, r in enumerate(records)]

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
        for start in range(0, len(rows), CHUNK_PAIRS // 4):
            columns = rows[start : start + CHUNK_PAIRS // 4]
            records = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
            yield self._fields(records, start + 1)


def _field(record: Any, name: str | int | None, where: str) -> bytes:
    """The text under a name; dots reach into nested records."""
    value = record
    if not (isinstance(record, dict) and name in record):
        for key in str(name).split("."):
            if not isinstance(value, dict):
                raise DataError(f"{where} has no field `{name}`.")
            if key not in value:
                known = ", ".join(f"`{k}`" for k in list(value)[:8]) or "none"
                raise DataError(f"{where} has no field `{name}`; it has {known}.")
            value = value[key]
    else:
        value = record[name]
    if not isinstance(value, str):
        kind = {"NoneType": "empty", "dict": "a record", "list": "a list"}.get(type(value).__name__, f"`{value!r:.40}`")
        raise DataError(f"{where}: field `{name}` must be text, but is {kind}.")
    try:
        return value.encode()
    except UnicodeEncodeError as e:
        raise DataError(f"{where}: field `{name}` holds half a surrogate pair at character {e.start + 1}.") from None


# --- the files of a recipe -------------------------------------------------------------------------------------------


def all_corpora(data: DataSection) -> dict[str, list[Corpus]]:
    """Split -> its corpora, in the order of the recipe."""
    return {"train": data.train, "valid": [data.valid], **{name: [c] for name, c in data.test.items()}}


def file_names(data: DataSection) -> list[str]:
    """Every local file the recipe names, once."""
    corpora = [c for group in all_corpora(data).values() for c in group]
    names = [[c.path] if c.kind == "table" else [c.source, c.target] if c.kind == "text" else [] for c in corpora]
    return list(dict.fromkeys(str(name) for group in names for name in group))


def resolve_files(data: DataSection) -> dict[str, InputFile]:
    """Find the recipe's files, download what is missing, check the checksums. Raises DataError naming every fault."""
    root = Path(data.root)
    names = file_names(data)
    missing = [name for name in names if not os.path.exists(root / name)]  # False for a name that is too long, too
    if missing:
        _fetch(data, root, missing)
    files: dict[str, InputFile] = {}
    faults = []
    for name in names:
        try:
            files[name] = describe_file(root / name)
        except OSError as e:
            faults.append(f"{name} cannot be read: {e.strerror} ({root / name}).")
            continue
        if name in data.sha256 and files[name].sha256 != data.sha256[name]:
            faults.append(f"{name} is not the file the recipe means: its sha256 is {files[name].sha256}, "
                          f"but `data.sha256` says {data.sha256[name]}.")  # fmt: skip
    if faults:
        raise DataError(join_faults(faults))
    return files


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
