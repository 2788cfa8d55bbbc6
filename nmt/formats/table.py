"""CSV and TSV: cells with text, written where they stand; the first line is taken for the names of the columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, decoded, edited
from nmt.formats.json_strings import NO_TEXT
from nmt.text.inline import Inline, Tag, has_letters, with_codes

_SEPARATORS = ",;\t"
_QUOTED = re.compile(r'"(?:[^"]++|"")*+"')
_QUOTED_TSV = re.compile(r'"(?:[^"\t]++|"")*+"(?=[\t\r\n]|\Z)')
_ROW_END = re.compile(r"\r\n|\n|\r")
_PARTS = re.compile(  # of a cell: lines, and blocks of a page
    r"[\r\n]+|<(?:br|/?(?:p|div|ul|ol|li|h[1-6]|hr|table|thead|tbody|tr|td|th|blockquote)\b)[^<>]*>", re.IGNORECASE
)
_FORMULA = re.compile(r"\s*[=+@-]\S")
_CODE = re.compile(r"[A-Z]{1,3}|(?i:true|false|null|none|nan|n/a)|[A-Z\d]+(?:-[A-Z\d]+)+|[a-z]+(?:[A-Z][a-z]*)+")
# what stands beside numbers in dates, times and measures
_WITH_NUMBERS = frozenset(re.findall("[a-z]+", """
am pm t z utc gmt cet cest e h min s ms kg g mg t km m cm mm l ml cl b kb mb gb tb kib mib gib px pt x v w kw kwh hz khz
mhz ghz eur usd gbp chf jpy cny
"""))  # fmt: skip


@dataclass
class Cell:
    """From `begin` to `end`, with its quotes."""

    begin: int
    end: int
    quoted: bool
    line: int

    def raw(self, text: str) -> str:
        """What is in it, with the quotes within as they are written."""
        return text[self.begin + self.quoted : self.end - self.quoted]


def read(data: bytes, about: About) -> Document:
    """Raises DataError where a line cannot be, or no column is called so."""
    text, encode = decoded(data, about.name)
    tabs = about.name.lower().endswith(".tsv")
    said = re.match(r"sep=([^\r\n])(?:\r\n|\n|\r)", text)  # for spreadsheets
    separator = said[1] if said else "\t" if tabs else _separator(text)
    lines = rows(text, separator, about.name, said.end() if said else 0, tabs)
    names = [_read(cell.raw(text)).strip() for cell in next(lines, [])]
    wanted = _wanted(names, about)
    cells: list[tuple[Cell, list[Slot]]] = []
    for row in lines:
        _check(row, text, names, about.name)
        for number in range(min(len(row), len(names))):
            if number in wanted:
                slots = list(_slots(text, row[number], f"line {row[number].line:,}, {names[number] or number + 1}"))
                cells += [(row[number], slots)] if slots else []

    def write() -> bytes:
        edits = [
            (cell.begin, cell.end, _cell(text, cell, slots, separator, tabs))
            for cell, slots in cells
            if any(slot.unit.changed for slot in slots)
        ]
        return encode(edited(text, [], edits=edits)) if edits else data

    return Document([slot.unit for _, slots in cells for slot in slots], write)


def _separator(text: str) -> str:
    """What the first line has most of."""
    head = re.sub(r'"(?:[^"]++|"")*+(?:"|\Z)', "", text[:65536])
    first = _ROW_END.split(head.lstrip("\r\n"), maxsplit=1)[0]
    return max(_SEPARATORS, key=first.count)


def _wanted(names: list[str], about: About) -> set[int]:
    if not about.keys:
        return set(range(len(names)))
    found = {i for i, name in enumerate(names) if any(fnmatchcase(name, pattern) for pattern in about.keys)}
    if not found:
        has = f"Its columns are: {', '.join(names)[:200]}." if names else ""
        raise DataError(f"{about.name} has no column {', '.join(about.keys)}.", has)
    return found


def _check(row: list[Cell], text: str, names: list[str], name: str) -> None:
    """Fewer cells than columns are common; more come from a text with separators that has no quotes round it."""
    if any(cell.raw(text).strip() for cell in row[len(names) :]):
        raise DataError(
            f"{name}:{row[0].line} has {len(row)} cells, but the first line has {len(names)}.",
            'A cell with the separator in it needs quotes round it: "one, two".',
        )


def rows(text: str, separator: str, name: str, at: int, tabs: bool) -> Iterator[list[Cell]]:
    """Lines of cells; those without anything are left out. Of tabs: quotes are only such if they make sense. Raises
    DataError naming the line of a quote that does not end.
    """
    plain = re.compile(rf"[^\r\n{re.escape(separator)}]*")
    line = text.count("\n", 0, at) + 1
    row: list[Cell] = []
    while at < len(text) or row:
        quoted = (_QUOTED_TSV if tabs else _QUOTED).match(text, at)
        match = quoted or plain.match(text, at)
        assert match is not None, "may be empty"
        if not quoted and not tabs and text[at : at + 1] == '"':
            raise DataError(f"{name}:{line}: the quote that begins here has no end: {text[at : at + 40]!r}.")
        row.append(Cell(at, match.end(), bool(quoted), line))
        line += len(_ROW_END.findall(match[0])) if quoted else 0
        at = match.end()
        if text[at : at + 1] == separator:
            at += 1
            continue
        end = _ROW_END.match(text, at)
        if end is None and at < len(text):
            raise DataError(
                f"{name}:{line} has text after a quoted cell: {text[at : at + 40]!r}.",
                "A quote within a cell is written twice.",
            )
        if len(row) > 1 or row[0].end > row[0].begin:
            yield row
        row = []
        at = end.end() if end else at
        line += 1


def _read(raw: str) -> str:
    return raw.replace('""', '"')


def is_text(cell: str) -> bool:
    """Whether there is something to translate: no number, date, address, formula or identifier."""
    bare = cell.strip()
    words = re.findall(r"[^\W\d_]+", bare)
    if not words or _FORMULA.match(cell) or NO_TEXT.fullmatch(bare) or _CODE.fullmatch(bare):
        return False
    return not (any(map(str.isdigit, bare)) and all(word.lower() in _WITH_NUMBERS for word in words))


def _slots(text: str, cell: Cell, where: str) -> Iterator[Slot]:
    """Each line of a cell by itself, and each block of a page."""
    raw = cell.raw(text)
    if not is_text(_read(raw) if cell.quoted else raw):
        return
    begin = cell.begin + cell.quoted
    ends = [match.span() for match in _PARTS.finditer(raw)]
    for first, last in zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(raw)], strict=True):
        part = raw[first:last]
        unit = Unit(with_codes(_read(part) if cell.quoted else part), where)
        if has_letters(unit.source):
            yield Slot(begin + first, begin + last, unit, _quoted if cell.quoted else _plain)


def _plain(target: Inline, code: CodeOf) -> str:
    return "".join(code(item) if isinstance(item, Tag) else item for item in target)


def _quoted(target: Inline, code: CodeOf) -> str:
    return _doubled(_plain(target, code))


def _cell(text: str, cell: Cell, slots: list[Slot], separator: str, tabs: bool) -> str:
    """With quotes round it where it had them, or needs them now."""
    new = edited(text, slots, (cell.begin, cell.end))
    needs = separator in new or _ROW_END.search(new) or (_QUOTED_TSV.fullmatch(new) if tabs else '"' in new)
    return f'"{_doubled(new)}"' if needs and not cell.quoted else new


def _doubled(text: str) -> str:
    return text.replace('"', '""')
