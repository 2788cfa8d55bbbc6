"""Which format a file is of: by its name, and by its content where that says otherwise or the name says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import PurePath

from nmt.errors import DataError
from nmt.formats.document import About, Document
from nmt.text.documents import kind_of

_READERS = {  # format: module and function
    "text": ("lines", "read"), "html": ("html", "read"), "markdown": ("markdown", "read"), "po": ("po", "read"),
    "xliff": ("xliff", "read"), "tmx": ("tmx", "read"), "subtitles": ("subtitles", "read"),
    "json": ("json_strings", "read"), "docx": ("office", "read_docx"), "pptx": ("office", "read_pptx"),
    "odt": ("odt", "read_odt"), "odp": ("odt", "read_odp"), "xlsx": ("sheets", "read"), "epub": ("epub", "read"),
    "android": ("android", "read"), "strings": ("apple_strings", "read"),
    "xcstrings": ("xcstrings", "read"), "csv": ("table", "read"), "tsv": ("table", "read"),
}  # fmt: skip
_BY_SUFFIX = {
    ".txt": "text", ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown",
    ".po": "po", ".pot": "po", ".xlf": "xliff", ".xliff": "xliff", ".sdlxliff": "xliff", ".mqxliff": "xliff",
    ".tmx": "tmx", ".srt": "subtitles", ".vtt": "subtitles", ".json": "json", ".arb": "json", ".docx": "docx",
    ".pptx": "pptx", ".odt": "odt", ".odp": "odp", ".xlsx": "xlsx", ".epub": "epub",
    ".strings": "strings", ".xcstrings": "xcstrings", ".csv": "csv", ".tsv": "tsv",
}  # fmt: skip
# `.xml` says nothing, but that these are files of Android's strings
_ANDROID = re.compile(r"(?:.*[-_.])?(?:strings|arrays|plurals)(?:[-_.].*)?\.xml", re.IGNORECASE | re.DOTALL)
_XML = rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>\s*+)?(?:(?><!--.*?-->)\s*+)*+"  # what comes before the root
_BY_CONTENT = (
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.opendocument\.text", "odt"),
    (rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.opendocument\.presentation", "odp"),
    (rb"PK\x03\x04.{26}mimetypeapplication/epub\+zip", "epub"),
    (_XML + rb"(?:<!DOCTYPE tmx[^>]*>\s*)?<tmx\b", "tmx"),
    (_XML + rb"<(?:\w+:)?xliff\b", "xliff"),
    (_XML + rb"<resources\b", "android"),
    (_XML + rb"(?i:<!DOCTYPE html|<html\b)", "html"),
    (rb"(?:\xef\xbb\xbf)?\s*\{\s*\"sourceLanguage\"\s*:", "xcstrings"),
    (
        rb"(?:\xef\xbb\xbf)?(?:\s++|(?>/\*.*?\*/)|//[^\n]*+)*+"
        rb"\"(?:[^\"\\]|\\.)*+\"\s*=\s*\"(?:[^\"\\]|\\.)*+\"\s*;",
        "strings",
    ),
    (rb"(?:\xef\xbb\xbf)?WEBVTT\b", "subtitles"),
    (rb"(?:\xef\xbb\xbf)?\s*\d+\s*\r?\n\d+:\d\d:\d\d,\d{3} --> ", "subtitles"),
)
SUFFIXES = (*_BY_SUFFIX, ".xml")
_PACKAGES = ("docx", "pptx", "odt", "odp", "xlsx", "epub")
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_MEMBERS = {b"word/document": "docx", b"ppt/presentation": "pptx", b"xl/workbook": "xlsx"}


def kind_by_name(name: str | PurePath) -> str | None:
    """The format that files of such names have; None where the name does not say."""
    return "android" if _ANDROID.fullmatch(PurePath(name).name) else _BY_SUFFIX.get(PurePath(name).suffix.lower())


def format_of(name: str, data: bytes) -> str:
    """Raises DataError where it is of a format that is not translated."""
    head = data[:65536]
    by_name = kind_by_name(name)
    by_content = next((kind for pattern, kind in _BY_CONTENT if re.match(pattern, head, re.DOTALL)), None)
    if by_content is None and data.startswith(b"PK\x03\x04"):
        found = {data.find(member): kind for member, kind in _MEMBERS.items() if member in data}
        by_content = found[min(found)] if found else None  # other documents may be embedded, and come later
    if by_name is None or (by_name == "android" and by_content is not None):
        if by_content is not None:
            return by_content
        if kind_of(name) is not None or b"\0" in head:
            what = (kind_of(name) or ("not text",))[0]
            xml = PurePath(name).suffix.lower() == ".xml"
            known = (
                "Of .xml these are: strings of Android, XLIFF, TMX, pages."
                if xml
                else f"Known are: {' '.join(SUFFIXES)}"
            )
            raise DataError(f"{name} is {what} of a kind that is not translated.", known)
        return "text"
    if by_content in _PACKAGES and by_name in _PACKAGES:
        return by_content
    if by_name in _PACKAGES and data.startswith(_OLE):
        raise DataError(f"{name} has a password, or is of Office 97-2003.", f"Save it without, as .{by_name}.")
    if (by_name in _PACKAGES) != data.startswith(b"PK\x03\x04"):
        raise DataError(
            f"{name} is {'no' if by_name in _PACKAGES else 'a'} ZIP archive, which its name does not say.",
            "Give it the name of what it is." if data else "It is empty.",
        )
    return by_name


def read_document(data: bytes, about: About, kind: str | None = None) -> Document:
    """The document in a file. Raises DataError where it cannot be read."""
    module, function = _READERS[kind or format_of(about.name, data)]
    read: Callable[[bytes, About], Document] = getattr(import_module(f"nmt.formats.{module}"), function)
    return read(data, about)
