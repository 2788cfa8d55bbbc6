"""DOCX and PPTX: the paragraphs of the body, of headers, footers, notes, text boxes, tables, slides and their notes."""

from __future__ import annotations

import re

from nmt.errors import DataError
from nmt.formats.document import About, Document
from nmt.formats.package import Part, open_package, package_document
from nmt.formats.runs import paragraphs
from nmt.formats.xml import Element, read_xml

_PARTS = {
    "docx": re.compile(r"word/(document\d*|header\d*|footer\d*|footnotes|endnotes)\.xml"),
    "pptx": re.compile(r"ppt/(slides/slide\d+|notesSlides/notesSlide\d+)\.xml"),
}
_LEFT = {
    "SmartArt": re.compile(r"(word|ppt)/diagrams/data\d*\.xml"),
    "charts": re.compile(r"(word|ppt)/charts/chart\d*\.xml"),
}  # fmt: skip


def read_docx(data: bytes, about: About) -> Document:
    """Raises DataError where it is no Word document, or one that is not safe to read."""
    return _read(data, about, "docx")


def read_pptx(data: bytes, about: About) -> Document:
    """Raises DataError where it is no presentation, or one that is not safe to read."""
    return _read(data, about, "pptx")


def _read(data: bytes, about: About, kind: str) -> Document:
    package = open_package(data, about.name)
    names = sorted((name for name in package.names if _PARTS[kind].fullmatch(name)), key=_in_order)
    if not names:
        raise DataError(f"{about.name} is no .{kind} file: it has no {'text' if kind == 'docx' else 'slides'} in it.")
    parts: list[Part] = []
    for name in names:
        text, encode, root = read_xml(package[name], f"{about.name} ({name})")
        where = name.rpartition("/")[2].removesuffix(".xml")
        parts.append((name, text, encode, paragraphs(text, root, _space(root, kind), where)))

    left = [what for what, pattern in _LEFT.items() if any(pattern.fullmatch(name) for name in package.names)]
    notes = [f"{about.name}: the text of {' and '.join(left)} stays as it is."] if left else []
    return package_document(package, parts, notes)


def _in_order(name: str) -> tuple[bool, list[int | str]]:
    """The body first; slide 10 after slide 9."""
    parts: list[int | str] = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
    return not name.startswith(("word/document", "ppt/slides/")), parts


def _space(root: Element, kind: str) -> str:
    """The namespace of paragraphs: in Word that of the whole, in PowerPoint DrawingML's, of which there are two."""
    if kind == "docx":
        return root.space
    return next((e.space for e in root.walk() if e.name == "p" and "drawingml" in e.space), "")
