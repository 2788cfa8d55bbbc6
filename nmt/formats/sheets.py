"""XLSX: the texts of cells; never numbers, dates, formulas, nor what these name: sheets, columns, texts in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nmt.errors import DataError, plural
from nmt.formats.document import About, CodeOf, Document, Slot, Unit
from nmt.formats.package import Edit, Package, Part, open_package, package_document
from nmt.formats.runs import paragraph
from nmt.formats.xml import Element, Text, attribute_edit, escaped, read_xml, tree, unescaped, xml_text
from nmt.text.inline import Inline, Tag, has_letters, plain, with_placeholders, written

_TYPES = "[Content_Types].xml"
_BOOK, _SHEET, _STRINGS, _TABLE, _PIVOT = (
    f"{what}+xml" for what in (".main", ".worksheet", ".sharedstrings", ".table", ".pivotcachedefinition")
)
_FORMULA = re.compile(rb"<(?:\w+:)?(?:f|formula[12]?)(?:\s[^>]*)?>([^<]+)<")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_CELL_OF_TEXT = re.compile(rb"""\st\s*=\s*["']str["']""")  # that a formula made
_BREAKS = re.compile(r"(?:\r?\n|&#(?:10|13|[xX]0?[aAdD]);|_x000[aAdD]_)+")
_BREAKS_IN_RUN = re.compile(r"(?:\r?\n|_x[0-9a-fA-F]{4}_)+")
_ESCAPE = re.compile(r"(_x[0-9a-fA-F]{4}_)")  # of a character that XML has not
_NO_TEXT = re.compile(r"(?:https?|mailto|ftp):\S*|\S+@\S+\.\S+|\S*\d\S*")  # URLs, addresses, numbers of parts
_OTHER = re.compile(r"<!|<\?(?!xml\s)")  # than elements and text
_START = re.compile(
    r"""<(?P<prefix>(?:[\w.-]+:)?)(?P<name>si|c)(?=[\s/>])(?P<attributes>(?:[^"'>/]++|"[^"]*+"|'[^']*+'|/(?!>))*+)"""
    r"(?P<alone>/?)>"
)
_LEFT = {
    "charts": re.compile(r"xl/charts/chart\d*\.xml"),
    "comments": re.compile(r"xl/(?:\w+/)?(?:threadedC|c)omments?\d*\.xml"),
    "pivot tables": re.compile(r"xl/pivotTables/pivotTable\d*\.xml"),
}  # fmt: skip


def read(data: bytes, about: About) -> Document:
    """Raises DataError where it is no workbook, or one that is not safe to read."""
    package = open_package(data, about.name)
    types = _types(package, about.name)
    if not _of(types, _BOOK):
        raise DataError(f"{about.name} is no .xlsx file: it has no workbook in it.")
    sheets = _of(types, _SHEET)
    named = _columns(package, types, about.name) | _in_formulas(package, sheets)
    parts: list[Part] = []
    left = 0
    for name in [*_of(types, _STRINGS), *(name for name in sheets if b"inlineStr" in package[name])]:
        text, encode = xml_text(package[name], f"{about.name} ({name})")
        slots: list[Slot] = []
        for holder, where in _holders(text, name):
            if _text(holder).casefold().strip() in named:
                left += 1
            else:
                slots += _slots(text, holder, where)
        parts.append((name, text, encode, slots))
    edits: dict[str, list[Edit]] = {}
    if any(_CELL_OF_TEXT.search(package[name]) for name in sheets):
        for name in _of(types, _BOOK):
            text, encode, root = read_xml(package[name], f"{about.name} ({name})")
            parts.append((name, text, encode, []))
            edits[name] = _calculated_anew(text, root)
    return package_document(package, parts, _notes(package, about.name, left), edits)


def _notes(package: Package, name: str, left: int) -> list[str]:
    notes = []
    if left:
        notes.append(f"{name}: left as it is, for formulas or tables name it: {plural(left, 'text')}.")
    if kinds := [what for what, pattern in _LEFT.items() if any(map(pattern.fullmatch, package.names))]:
        notes.append(f"{name}: the text of {' and '.join(kinds)} stays as it is.")
    return notes


def _calculated_anew(text: str, root: Element) -> list[Edit]:
    """What lets programs compute what formulas make of texts when they open the file."""
    how = root.child("calcPr")
    return [attribute_edit(text, how, "fullCalcOnLoad", "1")] if how else []


# --- parts -----------------------------------------------------------------------------------------------------------


def _types(package: Package, name: str) -> dict[str, str]:
    """The content type of each part, in lower case."""
    if _TYPES not in package.names:
        raise DataError(f"{name} is no .xlsx file: it has no {_TYPES} in it.")
    _, _, root = read_xml(package[_TYPES], f"{name} ({_TYPES})")
    said: dict[str, str] = {}
    for element in root.elements:
        key = element.attributes.get("PartName") or f".{element.attributes.get('Extension', '')}"
        said[key.lower()] = element.attributes.get("ContentType", "").lower()
    return {
        part: said.get(f"/{part.lower()}") or said.get(f".{part.rpartition('.')[2].lower()}", "")
        for part in package.names
    }


def _of(types: dict[str, str], kind: str) -> list[str]:
    ours = [(name, type_) for name, type_ in types.items() if "spreadsheetml" in type_ or "ms-excel" in type_]
    found = [name for name, type_ in ours if type_.endswith(kind)]
    return sorted(found, key=lambda name: [int(p) if p.isdigit() else 0 for p in re.split(r"(\d+)", name)])


def _columns(package: Package, types: dict[str, str], name: str) -> set[str]:
    """Of tables and pivot tables: a workbook in which the cells say otherwise is damaged."""
    found = set()
    for part in [*_of(types, _TABLE), *_of(types, _PIVOT)]:
        _, _, root = read_xml(package[part], f"{name} ({part})")
        for element in root.walk():
            if element.name in ("tableColumn", "cacheField"):
                found.add(_decoded(element.attributes.get("name", "")).casefold().strip())
    return found - {""}


def _in_formulas(package: Package, sheets: list[str]) -> set[str]:
    """Texts in quotes in formulas, of checks and formats too: `COUNTIF(A:A,"done")` counts cells that say this."""
    found = set()
    for name in sheets:
        for match in _FORMULA.finditer(package[name]):
            if b'"' not in match[1] and b"&quot;" not in match[1]:
                continue
            for quoted in _QUOTED.finditer(unescaped(match[1].decode("utf-8", "replace"))):
                text = quoted[1].replace('""', '"').casefold()
                found |= {one.strip().lstrip("<>=").strip("* ") for one in (text, *text.split(","))}
    return found - {""}


# --- texts -----------------------------------------------------------------------------------------------------------


def _holders(text: str, name: str) -> Iterator[tuple[Element, str]]:
    """Elements that have a text or runs in them, and where."""
    number = 0
    sheet = name.rpartition("/")[2].removesuffix(".xml")
    for element in _elements(text, name):
        if element.name == "si":
            number += 1
            yield element, f"text {number:,}"
        elif element.name == "c" and element.attributes.get("t") == "inlineStr" and (holder := element.child("is")):
            yield holder, f"{sheet}, cell {element.attributes.get('r', '?')}"


def _elements(text: str, name: str) -> Iterator[Element]:
    """Shared strings, and cells with inline ones. One by one: the tree of a large sheet does not fit into memory."""
    if _OTHER.search(text):
        yield from (element for element in tree(text, name).walk() if element.name in ("si", "c"))
        return
    for match in _START.finditer(text):
        if match["name"] == "c" and "inlineStr" not in match["attributes"]:
            continue
        end = re.compile(rf"</{re.escape(match['prefix'] + match['name'])}\s*>").search(text, match.end())
        span = match.start(), match.end() if match["alone"] or end is None else end.end()
        if match["alone"] or not _START.search(text, match.end(), span[1]):  # none is within another
            yield tree(text, name, span)


def _text(holder: Element) -> str:
    """What the cell says, without its phonetic guide."""
    runs = [holder, *(element for element in holder.elements if element.name == "r")]
    return _decoded("".join(t.content() for run in runs for t in run.elements if t.name == "t"))


def _decoded(text: str) -> str:
    """`_x000A_` is a line break."""
    return _ESCAPE.sub(lambda match: chr(int(match[1][2:6], 16)), text)


def _slots(text: str, holder: Element, where: str) -> Iterator[Slot]:
    """Of plain text each line by itself."""
    if holder.child("r"):
        if slot := paragraph(text, holder, where, _BREAKS_IN_RUN):
            yield slot
        return
    element = holder.child("t")
    if element is None or any(not isinstance(child, Text) for child in element.children):
        return
    begin, end = element.inner, element.inner_end
    raw = text[begin:end]
    if "<" in raw:  # CDATA
        yield from _slot(begin, end, element.content(), where)
        return
    at = 0
    for match in [*_BREAKS.finditer(raw), None]:
        last = match.start() if match else len(raw)
        yield from _slot(begin + at, begin + last, unescaped(raw[at:last]), where)
        at = match.end() if match else last


def _slot(begin: int, end: int, content: str, where: str) -> Iterator[Slot]:
    parts = [Tag(part) if i % 2 else part for i, part in enumerate(_ESCAPE.split(content))]
    unit = Unit(with_placeholders(part for part in parts if part), where)
    if has_letters(unit.source) and not _NO_TEXT.fullmatch(plain(unit.source).strip()):
        yield Slot(begin, end, unit, _written)


def _written(target: Inline, _: CodeOf) -> str:
    """White space at its ends is that of the source, so whether it is to be kept is said already."""
    return escaped(written(target))
