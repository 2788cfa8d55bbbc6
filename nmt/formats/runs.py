"""Paragraphs of runs, as Word and PowerPoint have them: runs that look alike are one text, others are tags.

A unit is a paragraph. The look that most of it has needs no tag; another is a pair round its text. Whatever is no text
(breaks, drawings, fields, notes, bookmarks) is a tag alone, or a pair where it is around text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nmt.formats.document import CodeOf, Slot, Unit
from nmt.formats.xml import Element, Text, escaped
from nmt.text.inline import Inline, Tag, has_letters, with_placeholders

_AROUND = {"hyperlink", "smartTag", "ins", "moveTo", "fldSimple", "customXml", "sdt"}  # elements with runs in them
_NOTHING = {"pPr", "endParaRPr", "proofErr", "lastRenderedPageBreak", "rPh", "phoneticPr"}
_SPACES = {"tab", "br", "cr", "ptab"}
_UNSEEN = re.compile(  # what of a look nobody sees
    r"""<(?P<p>\w+:)?(?:lang|noProof)\b[^>]*/>|\s(?:\w+:)?(?:rsid\w*|lang|altLang|dirty|err|noProof|smtClean)="[^"]*\""""
)
_EMPTY = re.compile(r"<((?:\w+:)?rPr)\s*(?:/>|>\s*</\1>)")


@dataclass(frozen=True)
class _Piece:
    """Of a paragraph; `look` is what its run says of its properties, None of what is in no run."""

    item: str | Tag
    look: str | None = None


def paragraphs(text: str, root: Element, space: str, where: str) -> list[Slot]:
    """The paragraphs in a part of a document that have something to translate. `space`: the namespace of runs."""
    slots = []
    number = 0
    for element in root.walk():
        if element.name != "p" or element.space != space:
            continue
        number += 1
        if slot := paragraph(text, element, f"{where}, paragraph {number:,}"):
            slots.append(slot)
    return slots


def paragraph(text: str, element: Element, where: str, breaks: re.Pattern[str] | None = None) -> Slot | None:
    """An element with runs in it, if there is something to translate. breaks: what in the text of a run is a code."""
    pieces = list(_Reader(text, element.space, breaks).pieces(element))
    looks = Counter[str]()
    for piece in pieces:
        if isinstance(piece.item, str) and piece.look is not None:
            looks[_seen(piece.look)] += len(piece.item)
    base = max(looks, key=lambda look: looks[look], default="")
    source = with_placeholders(_looking(pieces, base))
    inner = [child for child in element.elements if child.name not in _NOTHING]
    if not inner or not has_letters(source):
        return None
    whole = next((p.look or "" for p in pieces if p.look is not None and _seen(p.look) == base), "")
    prefix = f"{element.prefix}:" if element.prefix else ""
    return Slot(inner[0].begin, inner[-1].end, Unit(source, where), _Writer(prefix, whole).write)


def _seen(look: str) -> str:
    return _EMPTY.sub("", _UNSEEN.sub("", look))


def _looking(pieces: Sequence[_Piece], base: str) -> Iterator[str | Tag]:
    """With pairs round what does not look as most of the paragraph. A pair ends before anything that is in no run."""
    open_: str | None = None
    for i, piece in enumerate(pieces):
        look = base if piece.look is None else _seen(piece.look)
        if isinstance(piece.item, Tag) and piece.look is not None:  # a break within bold text is bold
            following = next((p for p in pieces[i:] if isinstance(p.item, str) or p.look is None), None)
            look = (
                base if following is None or following.look is None or _seen(following.look) != open_ else open_ or ""
            )
        if open_ is not None and look != open_:
            yield Tag("", "close", f"look {open_}")
            open_ = None
        if isinstance(piece.item, str) and look != base and open_ is None:
            open_ = look
            yield Tag(piece.look or "", "open", f"look {open_}")
        yield piece.item
    if open_ is not None:
        yield Tag("", "close", f"look {open_}")


class _Reader:
    """Takes a paragraph to pieces. A field is a pair round its result; all that comes before that is its first tag."""

    def __init__(self, text: str, space: str, breaks: re.Pattern[str] | None = None) -> None:
        self.text, self.space, self.breaks = text, space, breaks
        self.field = ""  # what has been read of a field's beginning
        self.depth = 0  # of fields whose results have not come

    def pieces(self, element: Element) -> Iterator[_Piece]:
        for child in element.elements:
            raw = self.text[child.begin : child.end]
            if child.name in _NOTHING and child.space == self.space:
                continue
            if child.space != self.space:
                yield _Piece(Tag(raw, at=(child.begin, child.end)))
            elif child.name == "r":
                yield from self._run(child)
            elif child.name in _AROUND and (inner := child.child("sdtContent") if child.name == "sdt" else child):
                if inner.inner == inner.end:
                    yield _Piece(Tag(raw))
                    continue
                yield _Piece(Tag(self.text[child.begin : inner.inner], "open", child.name))
                yield from self.pieces(inner)
                yield _Piece(Tag(self.text[inner.inner_end : child.end], "close", child.name))
            else:
                at_space = " " if child.name in _SPACES else ""
                yield _Piece(Tag(raw, text=at_space, at=(child.begin, child.end)))
        if self.field and element.name == "p":  # it goes on in another paragraph
            yield _Piece(Tag(self.field))
            self.field, self.depth = "", 0

    def _run(self, run: Element) -> Iterator[_Piece]:
        properties = run.child("rPr")
        look = self.text[properties.begin : properties.end] if properties else ""
        start = self.text[run.begin : run.inner]
        prefix = f"{run.prefix}:" if run.prefix else ""
        for child in run.elements:
            raw = self.text[child.begin : child.end]
            if child is properties or (child.name in _NOTHING and child.space == self.space):
                continue
            kind = next((v for k, v in child.attributes.items() if k.rpartition(":")[2] == "fldCharType"), "")
            if self.depth or (child.name == "fldChar" and kind == "begin"):
                self.field += f"{start}{look}{raw}</{prefix}r>"
                self.depth += (kind == "begin") - (kind == "end")
                if kind == "separate" and self.depth == 1:
                    yield _Piece(Tag(self.field, "open", "field"))
                    self.field, self.depth = "", 0
                elif not self.depth:
                    yield _Piece(Tag(self.field))
                    self.field = ""
            elif child.name == "fldChar" and kind == "end":
                yield _Piece(Tag(f"{start}{look}{raw}</{prefix}r>", "close", "field"))
            elif child.name == "t" and child.space == self.space:
                yield from self._text(child, look)
            else:
                space = " " if child.name in _SPACES else ""
                yield _Piece(Tag(raw, name=f"run {look}", text=space, at=(child.begin, child.end)), look)

    def _text(self, element: Element, look: str) -> Iterator[_Piece]:
        text = "".join(part.text for part in element.children if isinstance(part, Text))
        start = self.text[element.begin : element.inner]
        end = self.text[element.inner_end : element.end]
        at = 0
        for match in self.breaks.finditer(text) if self.breaks else ():
            yield _Piece(text[at : match.start()], look)
            yield _Piece(Tag(f"{start}{match[0]}{end}", name=f"run {look}", text=" "), look)
            at = match.end()
        yield _Piece(text[at:], look)


@dataclass(frozen=True)
class _Writer:
    """Makes runs of a text with tags."""

    prefix: str  # `w:`
    base: str  # the properties of what is in no pair

    def write(self, target: Inline, code: CodeOf) -> str:
        looks = [self.base]
        parts = []
        kept = ' xml:space="preserve"' if self.prefix != "a:" else ""
        for item in target:
            if isinstance(item, str):
                parts.append(self._run(looks[-1], f"<{self.prefix}t{kept}>{escaped(item)}</{self.prefix}t>"))
            elif item.name.startswith("look "):
                looks = [*looks, item.code] if item.kind == "open" else looks[:-1]
            elif item.text and not item.name and item.at is None:  # a placeholder
                parts.append(self._run(looks[-1], f"<{self.prefix}t{kept}>{escaped(item.code)}</{self.prefix}t>"))
            elif item.name.startswith("run "):
                parts.append(self._run(item.name.removeprefix("run "), code(item)))
            else:
                parts.append(code(item))
        return "".join(parts)

    def _run(self, look: str, content: str) -> str:
        return f"<{self.prefix}r>{look}{content}</{self.prefix}r>"
