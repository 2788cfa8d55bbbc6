"""Translation memories as pairs of text: TMX, plain or gzip, however large; XLIFF and PO. And TMX of what was
translated.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path, PurePath
from typing import IO, Any

from nmt.errors import DataError
from nmt.formats import po
from nmt.formats.bilingual import closest, text_alone
from nmt.formats.document import Unit
from nmt.formats.xml import escaped, escaped_attribute, read_xml
from nmt.text.inline import detag
from nmt.version import VERSION

UNIT = {".tmx": "tu", ".xlf": "unit", ".xliff": "unit", ".po": "message"}  # what one pair of a file is called
_KEPT = ("hi", "mrk", "sub")  # elements in a segment whose content is its text
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def suffix_of(name: str | PurePath) -> str:
    """In lower case; of `.tmx.gz` the former."""
    path = PurePath(name)
    return (PurePath(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()


def is_memory(name: str | PurePath) -> bool:
    """Whether a file of that name is read as a translation memory."""
    return suffix_of(name) in UNIT


def pairs(path: Path, source: str, target: str, name: str) -> Iterator[tuple[str, str]]:
    """The source and the translation of every unit in the order of the file, without codes; nothing where a unit has
    none in that language. Languages are matched exactly, else by their base (`en` ~ `en-US`).

    Raises DataError where the file cannot be read, or does not have the languages, listing what it has.
    """
    try:
        match suffix_of(name):
            case ".tmx":
                yield from _of_tmx(path, source, target, name)
            case ".po":
                for src, tgt, _ in po.pairs(_bytes(path), name):
                    yield src, tgt
            case _:
                yield from _of_xliff(_bytes(path), source, target, name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as e:
        raise DataError(f"{name} is a damaged gzip file: {e}.", "Was its download cut short?") from None
    except OSError as e:
        raise DataError(f"{name} cannot be read: {e.strerror or e}.") from None


def _open(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else open(path, "rb")  # type: ignore[return-value]


def _bytes(path: Path) -> bytes:
    with _open(path) as file:
        return file.read()


def _picked(source: str, target: str, there: list[str], name: str) -> tuple[str, str]:
    found = closest(source, there), closest(target, there)
    wrong = [wanted for wanted, one in zip((source, target), found, strict=True) if one is None]
    if wrong or found[0] == found[1]:
        has = ", ".join(there) or "no languages"
        what = " and ".join(repr(wanted) for wanted in wrong) or f"both {source!r} and {target!r}"
        raise DataError(
            f"{name}: it is not clear which language {what} is; the file has {has}.",
            "Name one of these as `source` or `target` beside `path`; of `nmt translate --tm`, convert the file.",
        )
    return str(found[0]), str(found[1])


def memory_of(units: Iterable[Unit], source: str, target: str) -> bytes:
    """A TMX file of what was translated, each pair once, without codes."""
    found = dict.fromkeys(
        (detag(unit.source).text, detag(unit.target).text) for unit in units if unit.target is not None
    )  # fmt: skip
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n<header creationtool="nmt" '
        f'creationtoolversion="{VERSION}" segtype="paragraph" o-tmf="nmt" adminlang="en" '
        f'srclang="{escaped_attribute(source)}" datatype="plaintext"/>\n<body>\n'
    )
    body = "".join(f"<tu>{_written(source, src)}{_written(target, tgt)}</tu>\n" for src, tgt in found)
    return f"{head}{body}</body>\n</tmx>\n".encode()


def _written(language: str, text: str) -> str:
    return f'<tuv xml:lang="{escaped_attribute(language)}"><seg>{escaped(text)}</seg></tuv>'


# --- TMX -------------------------------------------------------------------------------------------------------------


def _of_tmx(path: Path, source: str, target: str, name: str) -> Iterator[tuple[str, str]]:
    src, tgt = _picked(source, target, _languages(path, path.stat().st_mtime_ns, name), name)
    for variants in _units(path, name):
        texts = dict(reversed(variants))  # the first of each
        yield texts.get(src, ""), texts.get(tgt, "")


@lru_cache(maxsize=32)
def _languages(path: Path, _: int, name: str) -> list[str]:
    """Those of the file, the most frequent first."""
    found = Counter(language for variants in _units(path, name) for language, _ in variants)
    return [language for language, _ in found.most_common() if language]


def _units(path: Path, name: str) -> Iterator[list[tuple[str, str]]]:
    """Language and text of the variants of each unit. Memory stays flat: what was read is cleared."""
    from lxml import etree

    with _open(path) as file:
        events = etree.iterparse(
            file, events=("end",), tag=("{*}tu", "tu"), resolve_entities=False, no_network=True, load_dtd=False,
            huge_tree=False,
        )  # fmt: skip
        try:
            for _, tu in events:
                yield [_variant(tuv) for tuv in tu if _local(tuv) == "tuv"]
                tu.clear()
                while tu.getprevious() is not None:
                    del tu.getparent()[0]
        except etree.XMLSyntaxError as e:
            raise DataError(f"{name} is not well-formed XML: {e.msg}.", "Was it cut short?") from None


def _variant(tuv: Any) -> tuple[str, str]:
    segment = next((child for child in tuv if _local(child) == "seg"), None)
    return tuv.get(_LANGUAGE) or tuv.get("lang") or "", "" if segment is None else " ".join(_text(segment).split())


def _text(element: Any) -> str:
    parts = [element.text or ""]
    for child in element:
        if _local(child) in _KEPT:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


# --- XLIFF -----------------------------------------------------------------------------------------------------------


def _of_xliff(data: bytes, source: str, target: str, name: str) -> Iterator[tuple[str, str]]:
    _, _, root = read_xml(data, name)
    says = [(one.attributes.get("source-language") or one.attributes.get("srcLang", ""),
             one.attributes.get("target-language") or one.attributes.get("trgLang", ""))
            for one in root.walk() if one.name in ("file", "xliff")]  # fmt: skip
    there = list(dict.fromkeys(language for pair in says for language in pair if language))
    if there:
        _picked(source, target, there, name)
    for holder in root.walk():
        if holder.name in ("trans-unit", "segment"):
            src, tgt = holder.child("source"), holder.child("target")
            yield tuple(" ".join(text_alone(one).split()) if one else "" for one in (src, tgt))  # type: ignore[misc]
