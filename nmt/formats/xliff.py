"""XLIFF 1.2 and 2.x: `target` elements, marked as a machine's; identifiers and everything else stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nmt.errors import DataError
from nmt.formats.bilingual import inline, text_alone
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, edited, source_only
from nmt.formats.xml import Element, attribute_edit, escaped, escaped_attribute, read_xml
from nmt.text.inline import Inline, has_letters

_DONE = {"final", "signed-off"}  # states that somebody answers for, of XLIFF 1.2; 2.x: reviewed, final
_DONE_2 = {"final", "reviewed"}
_STATE = {"state": "needs-review-translation", "state-qualifier": "mt-suggestion"}
_STATE_2 = {"state": "translated", "subState": "nmt:mt"}


@dataclass
class _Part:
    """A source and where its target is, or comes."""

    source: Element  # or seg-source
    target: Element | None
    after: Element  # behind which a new target is written
    slots: list[Slot]
    holder: Element  # trans-unit or segment


def read(data: bytes, about: About) -> Document:
    """Without `about.all` only what has no translation yet; never what is approved, final, or not to be translated.
    Raises DataError where it is no XLIFF.
    """
    text, encode, root = read_xml(data, about.name)
    if root.name != "xliff":
        raise DataError(f"{about.name} is no XLIFF file: its root is <{root.name}>.")
    second = not root.attributes.get("version", "").startswith("1")
    parts = [part for part in _parts(text, root, about, second) if part.slots]
    about.check_target(_targets(root, second, parts))

    def write() -> bytes:
        written = [part for part in parts if any(slot.unit.target is not None for slot in part.slots)]
        if not written:
            return data
        edits = [edit for part in written for edit in _edits(text, part, about, second)]
        return encode(edited(text, [], edits=[*edits, *_language(text, root, about, second, written)]))

    return Document([slot.unit for part in parts for slot in part.slots], write)


def _parts(text: str, root: Element, about: About, second: bool) -> Iterator[_Part]:
    for holder in root.walk():
        if holder.name != ("segment" if second else "trans-unit") or not _is_open(holder, second):
            continue
        source, target = holder.child("source"), holder.child("target")
        known = text_alone(target).strip() if target else ""
        if source is None or (known and not about.all):
            continue
        segmented = None if second else holder.child("seg-source")
        marks = (
            [e for e in segmented.walk() if e.name == "mrk" and e.attributes.get("mtype") == "seg"] if segmented else []
        )
        whole = segmented if segmented is not None and marks else source
        name = _name(holder)
        slots = [
            Slot(one.inner, one.inner_end, unit, _written, always=True)
            for one in (marks or [source])
            if has_letters((unit := Unit(inline(text, one), name, known=known)).source)
        ]
        yield _Part(whole, target, segmented or source, slots, holder)


def _is_open(holder: Element, second: bool) -> bool:
    if holder.inherited("translate") == "no" or holder.attributes.get("approved") == "yes":
        return False
    target = holder.child("target")
    state = holder.inherited("state") if second else target.attributes.get("state", "") if target else ""
    return state not in (_DONE_2 if second else _DONE)


def _name(holder: Element) -> str:
    for one in holder.above():
        if one.name in ("trans-unit", "unit"):
            return f"unit {one.attributes.get('id', '?')}"
    return "unit ?"


def _written(target: Inline, code: CodeOf) -> str:
    return source_only(target, code, escaped)


def _edits(text: str, part: _Part, about: About, second: bool) -> Iterator[tuple[int, int, str]]:
    content = edited(text, part.slots, (part.source.inner, part.source.inner_end))
    prefix = f"{part.source.prefix}:" if part.source.prefix else ""
    state = {"state": "translated"} if not about.mark else _STATE_2 if second else _STATE
    attributes = {} if part.target is None else dict(part.target.attributes)
    if second:
        for name, value in state.items():
            yield attribute_edit(text, part.holder, name, value)
    else:
        attributes = {k: v for k, v in attributes.items() if k not in _STATE} | state
    said = "".join(f' {name}="{escaped_attribute(value)}"' for name, value in attributes.items())
    new = f"<{prefix}target{said}>{content}</{prefix}target>"
    if part.target is not None:
        yield part.target.begin, part.target.end, new
        return
    line = text.rfind("\n", 0, part.after.begin)
    indent = text[line : part.after.begin]
    yield part.after.end, part.after.end, (indent if line >= 0 and not indent.strip() else "") + new


def _targets(root: Element, second: bool, parts: list[_Part]) -> list[str]:
    """The languages that the file says its targets are in, where there is something to translate."""
    files = [one for part in parts for one in part.holder.above() if one.name == "file"]
    said = [root.attributes.get("trgLang")] if second else [file.attributes.get("target-language") for file in files]
    return [language for language in said if language]


def _language(
    text: str, root: Element, about: About, second: bool, written: list[_Part]
) -> Iterator[tuple[int, int, str]]:
    """The language of the targets where it is not told."""
    if not about.target:
        return
    if second:
        if "trgLang" not in root.attributes:
            yield attribute_edit(text, root, "trgLang", about.target)
        return
    files = {id(one): one for part in written for one in part.holder.above() if one.name == "file"}
    for file in files.values():
        if "target-language" not in file.attributes:
            yield attribute_edit(text, file, "target-language", about.target)
