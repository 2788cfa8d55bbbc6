"""EPUB: the chapters of a book, its title and description, and its table of contents."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit
from nmt.formats.html import html_slots, language_edits
from nmt.formats.package import Edit, Package, Part, open_package, package_document
from nmt.formats.xml import Element, allowed, attribute_edit, escaped, read_xml, xml_text
from nmt.text.inline import Inline, has_letters, with_codes, written

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_OBFUSCATION = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}  # of fonts alone
_DC = "http://purl.org/dc/elements/1.1/"
_PAGE_LIST = re.compile(r"""<nav\b[^>]*\bepub:type\s*=\s*["'][^"'>]*\bpage-list\b.*?</nav\s*>""", re.DOTALL)
_ROOT = re.compile(r"<html[\s>]")  # what comes before it is no text
_PACKAGE = "application/oebps-package+xml"
_CHAPTER, _CONTENTS = "application/xhtml+xml", "application/x-dtbncx+xml"


def read(data: bytes, about: About) -> Document:
    """Raises DataError where it is no EPUB, or one that is encrypted or not safe to read."""
    package = open_package(data, about.name)
    names = set(package.names)
    if _CONTAINER not in names:
        raise DataError(f"{about.name} is no .epub file: it has no {_CONTAINER} in it.")
    if _ENCRYPTION in names:
        _refuse_encrypted(package, about.name)
    parts: list[Part] = []
    edits: dict[str, list[Edit]] = {}
    for opf in _listed(package, about.name):
        _, _, root = part = read_xml(package[opf], f"{about.name} ({opf})")
        parts.append((opf, part[0], part[1], list(_described(root))))
        edits[opf] = _opf_language(part[0], root, about.target)
        for name, kind in _manifest(opf, root):
            if name in names and name not in edits:
                read_ = _chapter if kind == _CHAPTER else _contents
                text, encode, slots, edits[name] = read_(package[name], f"{about.name} ({name})", about)
                for slot in slots:
                    slot.unit.where = f"{posixpath.basename(name)}, {slot.unit.where}"
                parts.append((name, text, encode, slots))
    return package_document(package, parts, edits=edits)


def _refuse_encrypted(package: Package, name: str) -> None:
    _, _, root = read_xml(package[_ENCRYPTION], f"{name} ({_ENCRYPTION})")
    for element in root.walk():
        method = element.child("EncryptionMethod") if element.name == "EncryptedData" else None
        if element.name == "EncryptedData" and (
            method is None or method.attributes.get("Algorithm", "") not in _OBFUSCATION
        ):
            raise DataError(f"{name} is encrypted (DRM), and cannot be read.", "Take a copy without such a protection.")


def _listed(package: Package, name: str) -> list[str]:
    """The files that say what the book consists of."""
    _, _, root = read_xml(package[_CONTAINER], f"{name} ({_CONTAINER})")
    said = [element.attributes for element in root.walk() if element.name == "rootfile"]
    paths = [one.get("full-path", "") for one in said if one.get("media-type", _PACKAGE) == _PACKAGE]
    found = [path for path in dict.fromkeys(paths) if path in package.names]
    if not found:
        raise DataError(f"{name} is no .epub file: its {_CONTAINER} names no package document that is in it.")
    return found


def _manifest(opf: str, root: Element) -> Iterator[tuple[str, str]]:
    """Members with text, each with its media type."""
    for element in root.walk():
        kind = element.attributes.get("media-type", "")
        if element.name == "item" and kind in (_CHAPTER, _CONTENTS):
            path = unquote(element.attributes.get("href", "").partition("#")[0])
            yield posixpath.normpath(posixpath.join(posixpath.dirname(opf), path)), kind


# --- what the book says of itself ------------------------------------------------------------------------------------


def _described(root: Element) -> Iterator[Slot]:
    for element in root.walk():
        if element.space == _DC and element.name in ("title", "description"):
            yield from _slot(element, element.name)


def _slot(element: Element, where: str) -> Iterator[Slot]:
    """Descriptions may have tags of HTML, which are text to XML."""
    unit = Unit(with_codes(element.content()), where)
    if has_letters(unit.source) and not element.elements:
        yield Slot(element.inner, element.inner_end, unit, _written)


def _written(target: Inline, _: CodeOf) -> str:
    return escaped(written(target))


def _opf_language(text: str, root: Element, target: str) -> list[Edit]:
    said = [e for e in root.walk() if e.space == _DC and e.name == "language" and e.content().strip()]
    first = [(e.inner, e.inner_end, escaped(target)) for e in said[:1] if target]
    return [*_root_language(text, root, target), *first]


def _root_language(text: str, root: Element, target: str) -> list[Edit]:
    return [attribute_edit(text, root, "xml:lang", target)] if target and root.attributes.get("xml:lang") else []


# --- chapters and contents -------------------------------------------------------------------------------------------

_Read = tuple[str, Callable[[str], bytes], list[Slot], list[Edit]]


def _chapter(data: bytes, name: str, about: About) -> _Read:
    text, encode = xml_text(data, name)
    root = _ROOT.search(text)
    span = root.start() if root else 0, len(text)
    pages = [match.span() for match in _PAGE_LIST.finditer(text)]  # their numbers may be letters: xii
    slots = [slot for slot in html_slots(text, span) if not any(begin <= slot.begin < end for begin, end in pages)]
    return text, lambda new: encode(allowed(new)), slots, language_edits(text, about)


def _contents(data: bytes, name: str, about: About) -> _Read:
    """The NCX, which readers of EPUB 2 show."""
    text, encode, root = read_xml(data, name)
    slots: list[Slot] = []
    for element in root.walk():
        above = [one.name for one in element.above()]
        if element.name == "text" and above[1:2] in (["navLabel"], ["docTitle"]) and "pageList" not in above:
            slots += _slot(element, f"entry {len(slots) + 1:,}")
    return text, encode, slots, _root_language(text, root, about.target)
