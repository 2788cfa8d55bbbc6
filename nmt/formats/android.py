"""Android's resources, strings.xml: `string`, and the items of `string-array` and `plurals`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, edited, source_only
from nmt.formats.html import html_slots
from nmt.formats.json_strings import NO_TEXT
from nmt.formats.messages import UNICODE, characters, message, paragraphs
from nmt.formats.xml import Element, Text, attribute_edit, escaped, read_xml, unescaped
from nmt.text.inline import Inline, Span, Tag, has_letters, plain

_ESCAPES = re.compile(UNICODE + r'|\\.|"', re.DOTALL)
_NEW_LINE = r"(?<!\\)\\n"
_SIGNS = {"n": "\n", "t": "\t", "'": "'", '"': '"', "\\": "\\", "@": "@", "?": "?", "#": "#"}
_REFERENCE = re.compile(r"[@?](?:[\w.]+:)?\+?[\w-]+/[\w.]+|@(?:null|empty)")  # to another resource
_CDATA, _CDATA_END = "<![CDATA[", "]]>"
_HTML = re.compile(r"</?[a-zA-Z]|&#?\w+;")
_SHOWN = 40  # characters of <xliff:g> that stand in the sentence


def read(data: bytes, about: About) -> Document:
    """Raises DataError where it is no file of Android's resources."""
    text, encode, root = read_xml(data, about.name)
    if root.name != "resources":
        raise DataError(f"{about.name} is no file of Android's strings: its root is <{root.name}>, not <resources>.")
    slots = [slot for element, where in _strings(root) for slot in _slots(text, element, where)]

    def write() -> bytes:
        if not any(slot.unit.changed for slot in slots):
            return data
        said = about.target if "tools:locale" in root.attributes else ""
        return encode(edited(text, slots, edits=[attribute_edit(text, root, "tools:locale", said)] if said else []))

    return Document([slot.unit for slot in slots], write)


def _strings(root: Element) -> Iterator[tuple[Element, str]]:
    """What is to be translated, and what it is called."""
    for element in root.elements:
        ignored = re.split(r"[\s,]+", element.attributes.get("tools:ignore", ""))
        if element.inherited("translatable") == "false" or "MissingTranslation" in ignored or "all" in ignored:
            continue
        name = f"{element.name} {element.attributes.get('name', '?')}"
        if element.name == "string":
            yield element, name
        elif element.name in ("string-array", "plurals"):
            items = [item for item in element.elements if item.name == "item"]
            yield from ((item, f"{name}, {item.attributes.get('quantity', i)}") for i, item in enumerate(items, 1))


def _slots(text: str, element: Element, where: str) -> Iterator[Slot]:
    content = element.content().strip()
    if _REFERENCE.fullmatch(content) or NO_TEXT.fullmatch(content):
        return
    parts = [child for child in element.children if not isinstance(child, Text) or child.text.strip()]
    if len(parts) == 1 and text.startswith(_CDATA, parts[0].begin):
        yield from _of_cdata(text, parts[0].begin + len(_CDATA), parts[0].end - len(_CDATA_END), where)
        return
    raw = list("\0" * (element.inner_end - element.inner))  # its text, but not what is in its tags and comments
    for child in element.children:
        if isinstance(child, Text) and not text.startswith(_CDATA, child.begin):
            raw[child.begin - element.inner : child.end - element.inner] = text[child.begin : child.end]

    def read_(span: Span) -> Inline:
        return tuple(_items(text, element, element.inner + span[0], element.inner + span[1]))

    yield from _of_paragraphs("".join(raw), element.inner, read_, where, lambda t, c: _written(t, c, escaped))


def _of_paragraphs(
    raw: str, at: int, read_: Callable[[Span], Inline], where: str, render: Callable[[Inline, CodeOf], str]
) -> Iterator[Slot]:
    for (begin, end), source in paragraphs(raw, _NEW_LINE, read_):
        if has_letters(source):
            yield Slot(at + begin, at + end, Unit(source, where), render)


def _items(text: str, element: Element, begin: int, end: int) -> Iterator[str | Tag]:
    """Of a stretch of its content, which may part its text, but nothing else."""
    at = begin
    for child in element.children:
        first, last = max(child.begin, begin), min(child.end, end)
        if first >= last:
            continue
        if first > at:
            yield Tag(text[at:first])  # a comment
        at = last
        code = text[first:last]
        if isinstance(child, Text):
            for item in _message(child.text if code.startswith(_CDATA) else unescaped(code)):
                # Tags that are text are never a pair with elements.
                yield replace(item, code=escaped(item.code), name=f"&{item.name}") if isinstance(item, Tag) else item
        elif (child.prefix, child.name) == ("xliff", "g") or child.space.startswith("urn:oasis:names:tc:xliff"):
            shown = " ".join(plain(_message(child.content())).split())
            yield Tag(code, text=shown if len(shown) <= _SHOWN else "")
        elif child.inner == child.end:
            yield Tag(code, text=" " if child.name == "br" else "")
        else:
            yield Tag(text[child.begin : child.inner], "open", child.name)
            yield from _items(text, child, child.inner, child.inner_end)
            yield Tag(text[child.inner_end : child.end], "close", child.name)
    if end > at:
        yield Tag(text[at:end])


def _of_cdata(text: str, begin: int, end: int, where: str) -> Iterator[Slot]:
    """Pages are often written so; what has no tags is plain text."""
    if not _HTML.search(text, begin, end):
        raw = text[begin:end]
        yield from _of_paragraphs(
            raw, begin, lambda span: _message(raw[slice(*span)]), where, lambda t, c: _kept(_written(t, c, str))
        )
        return
    for slot in html_slots(text, (begin, end)):
        if text[slot.begin - 1] in "\"'=":
            continue  # an attribute, which may have quotes of both kinds round it
        source = tuple(p for item in slot.unit.source for p in ([item] if isinstance(item, Tag) else _message(item)))
        yield Slot(slot.begin, slot.end, Unit(source, where), lambda target, code, s=slot: _html(s, target, code))  # type: ignore[misc]


def _html(slot: Slot, target: Inline, code: CodeOf) -> str:
    return _kept(slot.render(tuple(item if isinstance(item, Tag) else _escaped(item) for item in target), code))


def _kept(text: str) -> str:
    """Within CDATA."""
    return text.replace(_CDATA_END, "]] >")


def _message(raw: str) -> Inline:
    return message(raw, _ESCAPES, _signs)


def _signs(escape: str) -> str:
    """A quote that is not escaped is not shown: it keeps white space as it is."""
    return characters(escape) if escape.startswith("\\u") else _SIGNS.get(escape[1:], "")


def _written(target: Inline, code: CodeOf, escape: Callable[[str], str]) -> str:
    text = source_only(target, code, lambda part: escape(_escaped(part)))
    first = next(iter(target), "")
    return re.sub(r"^(\s*)(?=[@?])", r"\1\\", text) if isinstance(first, str) else text


def _escaped(text: str) -> str:
    return re.sub(r"""([\\'"])""", r"\\\1", text).replace("\n", "\\n").replace("\t", "\\t")
