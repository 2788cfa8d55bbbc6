"""TMX: translation memories, to which translations are added where a unit has none in the target's language."""

from __future__ import annotations

from collections.abc import Iterator

from nmt.errors import DataError
from nmt.formats.bilingual import closest, inline, text_alone, tidy
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, edited, source_only
from nmt.formats.xml import Element, escaped, escaped_attribute, read_xml
from nmt.text.inline import Inline, has_letters


def read(data: bytes, about: About) -> Document:
    """With `about.all` what has a translation gets another. Raises DataError where it is no TMX, or nobody said which
    languages are meant.
    """
    text, encode, root = read_xml(data, about.name)
    if root.name != "tmx":
        raise DataError(f"{about.name} is no TMX file: its root is <{root.name}>.")
    if not about.target:
        raise DataError(f"{about.name}: the run does not say into which language it translates.", "Give --to.")
    header = root.child("header")
    default = header.attributes.get("srclang", "") if header else ""
    units: list[tuple[Element, Slot, Element | None]] = []
    for number, tu in enumerate((e for e in root.walk() if e.name == "tu"), 1):
        units += _unit(text, tu, number, default, about)

    def write() -> bytes:
        edits = [edit for one in units if one[1].unit.target is not None for edit in _edits(text, *one, about)]
        return encode(edited(text, [], edits=edits)) if edits else data

    return Document([slot.unit for _, slot, _ in units], write)


def _unit(
    text: str, tu: Element, number: int, default: str, about: About
) -> Iterator[tuple[Element, Slot, Element | None]]:
    variants = {tuv.language: tuv for tuv in tu.elements if tuv.name == "tuv"}
    wanted = about.source or (default if tidy(default) != "*all*" else next(iter(variants), ""))
    source = closest(wanted, list(variants))
    target = closest(about.target, [language for language in variants if language != source])
    segment = variants[source].child("seg") if source is not None else None
    there = variants[target].child("seg") if target is not None else None
    known = text_alone(there).strip() if there else ""
    if segment is None or source is None or (known and not about.all):
        return
    unit = Unit(inline(text, segment), f"tu {number:,}", known=known)
    if has_letters(unit.source):
        yield variants[source], Slot(segment.inner, segment.inner_end, unit, _written, always=True), there


def _written(target: Inline, code: CodeOf) -> str:
    return source_only(target, code, escaped)


def _edits(
    text: str, variant: Element, slot: Slot, there: Element | None, about: About
) -> Iterator[tuple[int, int, str]]:
    content = edited(text, [slot], (slot.begin, slot.end))
    prefix = f"{variant.prefix}:" if variant.prefix else ""
    segment = f"<{prefix}seg>{content}</{prefix}seg>"
    if there is not None:
        yield there.begin, there.end, segment
        return
    said = f' xml:lang="{escaped_attribute(about.target)}"' + (' creationid="nmt"' if about.mark else "")
    line = text.rfind("\n", 0, variant.begin)
    indent = text[line : variant.begin] if line >= 0 and not text[line : variant.begin].strip() else ""
    last = [e for e in (variant.parent or variant).elements if e.name == "tuv"][-1]
    yield last.end, last.end, f"{indent}<{prefix}tuv{said}>{segment}</{prefix}tuv>"
