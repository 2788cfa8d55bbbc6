"""ODT and ODP: paragraphs and headings of OpenDocument, of headers, footers, notes, tables and text boxes too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, source_only
from nmt.formats.package import Part, open_package, package_document
from nmt.formats.xml import Element, Text, escaped, read_xml
from nmt.text.inline import Inline, Tag, has_letters, with_placeholders

_AROUND = {"span", "a", "ruby", "ruby-base", "meta", "meta-field"}
_SPACES = {"s", "tab", "line-break"}
_SKIPPED = {"annotation", "tracked-changes", "index-title-template"}
_PARTS = ("content.xml", "styles.xml")
_DECLARED = {"header-decl", "footer-decl"}  # of slides: said once, shown on many


def read_odt(data: bytes, about: About) -> Document:
    """Raises DataError where it is no OpenDocument text, or one that is not safe to read."""
    return _read(data, about, "odt")


def read_odp(data: bytes, about: About) -> Document:
    """Raises DataError where it is no OpenDocument presentation, or one that is not safe to read."""
    return _read(data, about, "odp")


def _read(data: bytes, about: About, kind: str) -> Document:
    package = open_package(data, about.name)
    if "content.xml" not in package.names:
        raise DataError(f"{about.name} is no .{kind} file: it has no content.xml in it.")
    parts: list[Part] = []
    for name in (name for name in _PARTS if name in package.names):
        text, encode, root = read_xml(package[name], f"{about.name} ({name})")
        where = "" if name == "content.xml" else "header or footer, "
        parts.append((name, text, encode, list(_slots(text, root, where))))

    return package_document(package, parts)


def _slots(text: str, root: Element, where: str) -> Iterator[Slot]:
    number = slide = 0
    for element in root.walk():
        if element.name == "page" and element.space.endswith(":drawing:1.0"):
            slide, number = slide + 1, 0
            where = f"slide {slide:,}, "
        if not _is_paragraph(element) or element.inner == element.end:
            continue
        if any(one.name in _SKIPPED for one in element.above()):
            continue
        number += 1
        prefix = f"{element.prefix}:" if element.prefix else ""
        unit = Unit(with_placeholders(_items(text, element)), f"{where}paragraph {number:,}")
        if has_letters(unit.source):
            yield Slot(element.inner, element.inner_end, unit, lambda target, code, p=prefix: _written(target, code, p))  # type: ignore[misc]


def _is_paragraph(element: Element) -> bool:
    if element.name in _DECLARED:
        return element.space.endswith(":presentation:1.0")
    return element.name in ("p", "h") and element.space.endswith(":text:1.0")


def _items(text: str, element: Element) -> Iterator[str | Tag]:
    for child in element.children:
        if isinstance(child, Text):
            yield re.sub(r"[ \t\r\n]+", " ", child.text)
        elif child.name in _AROUND and child.inner < child.end:
            yield Tag(text[child.begin : child.inner], "open", child.name)
            yield from _items(text, child)
            yield Tag(text[child.inner_end : child.end], "close", child.name)
        else:
            space = " " if child.name in _SPACES else ""
            yield Tag(text[child.begin : child.end], text=space, at=(child.begin, child.end))


def _written(target: Inline, code: CodeOf, prefix: str) -> str:
    """Of several spaces in a row all but the first are elements."""
    return source_only(
        target, lambda tag: code(tag) if tag.at is not None or tag.kind != "alone" else escaped(tag.code),
        lambda text: re.sub(r" {2,}", lambda m: f' <{prefix}s {prefix}c="{len(m[0]) - 1}"/>', escaped(text)),
    )  # fmt: skip
