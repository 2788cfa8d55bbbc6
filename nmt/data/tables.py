"""Columns of a table (TSV, CSV, JSON lines, Parquet), as batches of sources and targets, in the order of the file."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from nmt.errors import DataError, plural, shown
from nmt.formats.memory import pairs
from nmt.text.fields import join
from nmt.text.lines import MAX_LINE_BYTES, Found, decode_line, line_blocks, too_long

Column = str | int
Fields = tuple[list[bytes], list[bytes]]  # of the source and the target

BATCH = 20_000  # records
FEW = 5_000  # of formats whose records are Python objects
_TRIED = 20  # records by which a separator is judged
# Of columns: words for them, and languages
_NAMES = """source target src tgt trg text texts sentence sentences segment segments translation translations original
input output from to source_text target_text source_sentence target_sentence source_lang target_lang ar arabic
bg bulgarian cs czech da danish de german deutsch el greek en eng english es spanish español et estonian fa
persian fi finnish fr fra french français he hebrew hi hindi hr croatian hu hungarian id indonesian it italian
italiano ja japanese ko korean lt lithuanian lv latvian nl dutch no norwegian pl polish pt portuguese ro
romanian ru russian sk slovak sl slovenian sr serbian sv swedish th thai tr turkish uk ukrainian vi vietnamese
zh chinese"""


@dataclass(frozen=True)
class Columns:
    """Those of a source, one or several (None: a field that is left blank), and that of its target."""

    src: tuple[Column | None, ...]
    tgt: Column
    turns: bool = False  # see nmt.text.fields

    @property
    def all(self) -> list[Column]:
        """As they are looked for; the target's is the last."""
        return [column for column in (*self.src, self.tgt) if column is not None]

    def joined(self, fields: Sequence[bytes]) -> bytes:
        """The source, of the fields of its columns."""
        if len(self.src) == 1 and not self.turns:
            return fields[0]
        rest = iter(fields)
        return join([b"" if column is None else next(rest) for column in self.src], self.turns)


def read_tsv(path: Path, name: str, of: Columns, found: dict[str, Found]) -> Iterator[Fields]:
    """No field has a tab, and quotes are text. Columns have numbers from 0; or names, which the first line has."""
    columns = of.all
    wanted: list[int] = []
    line = 1
    for rows in ([raw.split(b"\t") for raw in block] for block in line_blocks(path, name, found)):
        if not wanted and rows:
            header = [decode_line(field, name, 1) for field in rows.pop(0)] if has_header(columns) else None
            wanted, line = _numbers(columns, header, name, "tabs"), line + (header is not None)
        for begin in range(0, len(rows), BATCH):
            lines = range(line + begin, line + len(rows))
            yield _fields(rows[begin : begin + BATCH], lines, of, wanted, name, "tabs")
        line += len(rows)


def read_csv(path: Path, name: str, of: Columns, found: dict[str, Found]) -> Iterator[Fields]:
    """As RFC 4180 has it: a field in double quotes may hold separators and line breaks. Commas or semicolons."""
    columns = of.all
    separator = _separator(path, name, columns)
    by = "commas" if separator == "," else "semicolons"
    records = _csv_records(path, name, separator, found)
    header = next(records, (1, []))[1] if has_header(columns) else None
    wanted = _numbers(columns, header, name, by) if header != [] else []
    while batch := list(islice(records, BATCH)):
        rows = [[field.encode() for field in row] for _, row in batch]
        yield _fields(rows, [line for line, _ in batch], of, wanted, name, by)


def _csv_records(path: Path, name: str, separator: str, found: dict[str, Found]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line where it begins."""
    at = 0

    def lines() -> Iterator[str]:
        nonlocal at
        for block in line_blocks(path, name, found):
            for raw in block:
                at += 1
                yield decode_line(raw, name, at) + "\n"

    begin = 1
    limit = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        for row in csv.reader(lines(), delimiter=separator, strict=True):
            if row:  # not a blank line
                yield begin, row
            begin = at + 1
    except csv.Error as e:
        if "field limit" in str(e):
            raise too_long(f"the field that begins in {name}:{begin}") from None
        what = "a quoted field has no end" if "unexpected end" in str(e) else "after a quoted field comes more text"
        raise DataError(
            f"{name}:{begin} is no line of a CSV file: {what}.",
            'A quote inside a quoted field is written twice: "say ""hello"" to them".',
        ) from None
    finally:
        csv.field_size_limit(limit)


def _separator(path: Path, name: str, columns: Sequence[Column]) -> str:
    """The one by which the first record has the columns; where both do, the one by which all records are alike."""
    some: dict[str, list[list[str]]] = {",": [], ";": []}
    for separator, rows in some.items():
        with suppress(DataError):  # not with this one; or it is told when all is read
            rows.extend(row for _, row in islice(_csv_records(path, name, separator, {}), _TRIED))
    fit = [separator for separator, rows in some.items() if rows and _has(rows[0], columns)]
    if len(fit) == 2:
        fit = [separator for separator in fit if len({len(row) for row in some[separator]}) == 1]
        if len(fit) != 1:
            raise DataError(
                f"{name} can be read with commas or with semicolons between its columns.",
                "Name the columns in its first line, or put fields that hold such signs into quotes.",
            )
    widest = max(some, key=lambda separator: len(some[separator][0]) if some[separator] else 1)
    return fit[0] if fit else widest


def _has(row: Sequence[str], columns: Sequence[Column]) -> bool:
    return all(c in [f.strip() for f in row] if isinstance(c, str) else c < len(row) for c in columns)


def has_header(columns: Sequence[Column]) -> bool:
    """Whether a column is named, so that the first line of the table has the names."""
    return any(isinstance(c, str) for c in columns)


def looks_like_header(src: bytes, tgt: bytes) -> bool:
    """Whether a first pair is more likely two names of columns: words for it, or languages."""
    names = _NAMES.split()
    return all(field.decode(errors="replace").strip().lower() in names for field in (src, tgt))


def _numbers(columns: Sequence[Column], header: Sequence[str] | None, name: str, by: str) -> list[int]:
    """Of the columns, from 0. Raises DataError where the first line has no such name."""
    names = [field.strip() for field in header or ()]
    numbers = []
    for column in columns:
        if isinstance(column, int):
            numbers.append(column)
            continue
        if names.count(column) != 1:
            close = difflib.get_close_matches(column, names, n=1)
            has = ", ".join(f"`{shown(n, 30)}`" for n in names[:8])
            problem = f"has no column `{column}`" if column not in names else f"has several columns `{column}`"
            raise DataError(
                f"{name}:1 {problem}; the first line has, by {by}: {has}.",
                f"Did you mean `{close[0]}`?" if close and column not in names
                else "Give the names of the first line; or numbers from 0 if it has no names.",
            )  # fmt: skip
        numbers.append(names.index(column))
    for i, number in enumerate(numbers[:-1]):
        if number == numbers[-1] and columns[i] != columns[-1]:  # of text of one language both are the same
            raise DataError(f"{name}: `source` and `target` are the same column, {columns[i]} and {columns[-1]}.")
    return numbers


def _fields(
    rows: Sequence[Sequence[bytes]], lines: Sequence[int], of: Columns, wanted: Sequence[int], name: str, by: str
) -> Fields:
    *src, tgt = wanted
    if min(map(len, rows)) <= max(wanted):
        at = next(i for i, row in enumerate(rows) if len(row) <= max(wanted))
        column = of.all[wanted.index(max(wanted))]
        which = f"column {column} is wanted (counted from 0)"
        if isinstance(column, str):
            which = f"the first line has `{column}` as its column {max(wanted) + 1}"
        raise DataError(f"{name}:{lines[at]} has {plural(len(rows[at]), 'column')} (by {by}), but {which}.")
    return [of.joined([row[i] for i in src]) for row in rows], [row[tgt] for row in rows]


def read_jsonl(path: Path, name: str, of: Columns, found: dict[str, Found]) -> Iterator[Fields]:
    """One JSON object a line; dots in a name reach into nested ones."""
    line = 0
    for block in line_blocks(path, name, found):
        for begin in range(0, len(block), BATCH):
            sources: list[bytes] = []
            targets: list[bytes] = []
            for raw in block[begin : begin + BATCH]:
                line += 1
                try:
                    record = json.loads(raw)
                except (ValueError, RecursionError) as e:
                    raise DataError(f"{name}:{line} is not a JSON record: {e}.") from None
                sources.append(source_of(record, of, f"{name}:{line}"))
                targets.append(text_of(record, of.tgt, f"{name}:{line}"))
            yield sources, targets


def read_memory(path: Path, name: str, of: Columns) -> Iterator[Fields]:
    """A translation memory, whose columns are languages: a record for each unit, blank where it lacks one of them."""
    units = pairs(path, str(of.src[0]), str(of.tgt), name)
    while batch := list(islice(units, FEW)):
        yield [src.encode() for src, _ in batch], [tgt.encode() for _, tgt in batch]


def read_parquet(path: Path, name: str, of: Columns) -> Iterator[Fields]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    row = 1
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(FEW, columns=sorted(set(map(str, of.all)))):
                yield fields_of(batch.to_pylist(), of, name, row)
                row += batch.num_rows
    except (pa.ArrowException, OSError) as e:
        raise DataError(f"{name} cannot be read as Parquet: {str(e).splitlines()[0]}") from None


def fields_of(records: Sequence[Any], of: Columns, name: str, first: int) -> Fields:
    """Of records that have row numbers, from `first` on."""
    sources = [source_of(record, of, f"{name} row {row}") for row, record in enumerate(records, first)]
    return sources, [text_of(record, of.tgt, f"{name} row {row}") for row, record in enumerate(records, first)]


def source_of(record: Any, of: Columns, where: str) -> bytes:
    """The fields of a record as one line; of turns each may be a list of them."""
    columns = [column for column in of.src if column is not None]
    if not of.turns:
        return of.joined([text_of(record, column, where) for column in columns])
    values = [(column, _value(record, column, where)) for column in columns]
    turns = [(c, one) for c, value in values for one in (value if isinstance(value, list) else [value])]
    return join([_encoded(one, column, where) for column, one in turns], turns=True)


def text_of(record: Any, name: Column, where: str) -> bytes:
    """The text under a name; dots reach into nested records."""
    return _encoded(_value(record, name, where), name, where)


def _value(record: Any, name: Column, where: str) -> Any:
    value = record
    if not (isinstance(record, dict) and name in record):
        for key in str(name).split("."):
            if not isinstance(value, dict):
                raise DataError(f"{where} has no field `{name}`.")
            if key not in value:
                known = ", ".join(f"`{shown(k)}`" for k in list(value)[:8]) or "none"
                raise DataError(f"{where} has no field `{name}`; it has {known}.")
            value = value[key]
        return value
    return record[name]


def _encoded(value: Any, name: Column, where: str) -> bytes:
    if not isinstance(value, str):
        kind = {"NoneType": "empty", "dict": "a record", "list": "a list"}.get(type(value).__name__, f"`{value!r:.40}`")
        raise DataError(f"{where}: field `{name}` must be text, but is {kind}.")
    try:
        return value.encode()
    except UnicodeEncodeError as e:
        raise DataError(f"{where}: field `{name}` holds half a surrogate pair at character {e.start + 1}.") from None
