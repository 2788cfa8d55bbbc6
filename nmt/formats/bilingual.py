"""What XLIFF and TMX share: inline codes as tags, and languages as people and files write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nmt.formats.xml import Element, Text, escaped
from nmt.text.inline import Inline, Tag, with_codes

_AROUND = {"g", "mrk", "pc", "hi"}  # elements with text in them
_OPENS = {"bpt": ("rid", "id", "i"), "sc": ("id",)}  # codes that open, and the attributes that say which
_CLOSES = {"ept": ("rid", "id", "i"), "ec": ("startRef",)}


def inline(text: str, element: Element) -> Inline:
    """The content of a segment: its codes as they are written, and tags and placeholders of the text itself."""
    return tuple(_items(text, element))


def _items(text: str, element: Element) -> Iterator[str | Tag]:
    for child in element.children:
        if isinstance(child, Text):
            for item in with_codes(child.text):
                yield replace(item, code=escaped(item.code)) if isinstance(item, Tag) else item
            continue
        code = text[child.begin : child.end]
        if child.name in _AROUND and child.inner < child.end:
            yield Tag(text[child.begin : child.inner], "open", child.name)
            yield from _items(text, child)
            yield Tag(text[child.inner_end : child.end], "close", child.name)
        elif child.name in _OPENS:
            yield Tag(code, "open", f"#{_which(child, _OPENS[child.name])}")
        elif child.name in _CLOSES and _which(child, _CLOSES[child.name]):
            yield Tag(code, "close", f"#{_which(child, _CLOSES[child.name])}")
        else:
            yield Tag(code)


def _which(element: Element, names: Sequence[str]) -> str:
    return next((element.attributes[name] for name in names if name in element.attributes), "")


def text_alone(element: Element) -> str:
    """The text of a segment without its codes; what is marked as text, or highlighted, stays."""
    parts = []
    for child in element.children:
        if isinstance(child, Text):
            parts.append(child.text)
        elif child.name in _AROUND:
            parts.append(text_alone(child))
    return "".join(parts)


def tidy(language: str) -> str:
    """`pt-br` of `pt_BR`."""
    return language.replace("_", "-").lower()


def closest(wanted: str, there: Sequence[str]) -> str | None:
    """Which of the languages is meant: the same, else one of the same base (`en` ~ `en-US`), if there is just one."""
    exact = [language for language in there if tidy(language) == tidy(wanted)]
    base = tidy(wanted).partition("-")[0]
    near = exact or [language for language in there if tidy(language).partition("-")[0] == base]
    return near[0] if len({tidy(language) for language in near}) == 1 else None
