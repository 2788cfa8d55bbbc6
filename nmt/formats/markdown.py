"""Markdown (CommonMark and tables): markdown-it finds the blocks, and the text is edited in the source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nmt.formats.document import About, CodeOf, Document, Slot, Unit, decoded, source_only, text_document
from nmt.formats.html import html_slots
from nmt.formats.markdown_inline import InlineReader, NotFoundError
from nmt.text.inline import Inline, Span, Tag, has_letters, with_placeholders

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_TEXT = re.compile(
    r"""^(?:title|description)[ \t]*:[ \t]*(?:"([^"\\\n]*)"|'((?:[^'\n]|'')*)'|([^\s"'\[{>|&*!%#@`][^\n#]*?))"""
    r"""[ \t]*(?:[ \t]#[^\n]*?)?\r?$""",
    re.MULTILINE,
)
_SPECIAL = re.compile(r"[\\`*\[\]<]|(?<!\w)_|_(?!\w)|~~|&(?=#?\w+;)|!(?=\[)")
_BLOCK = re.compile(r"(?:[-+]|#{1,6})(?=\s|$)|>|={3,}$|-{3,}$|~~~")
_NUMBERED = re.compile(r"(\d{1,9})([.)])(?=\s|$)")


def read(data: bytes, about: About) -> Document:
    """Front matter: `title` and `description`. Code, destinations of links and anchors stay."""
    text, encode = decoded(data, about.name)
    lost: list[str] = []
    document = text_document(text, encode, data, [*_front_matter(text), *_blocks(text, lost)])
    if lost:
        document.notes.append(f"{about.name}: what is at {', '.join(lost[:5])} is not understood, and stays as it is.")
    return document


def _front_matter(text: str) -> Iterator[Slot]:
    front = _FRONT.match(text)
    for match in _FRONT_TEXT.finditer(text, *front.span(1)) if front else ():
        group = match.lastindex or 0
        value = match[group].replace("''", "'") if group == 2 else match[group]
        unit = Unit(with_placeholders([value]), f"line {text.count(chr(10), 0, match.start()) + 1:,}")
        quote = {1: '"', 2: "'"}.get(group, "")
        if has_letters(unit.source):
            begin, end = match.span(group)
            yield Slot(begin, end, unit, lambda target, code, q=quote: _scalar(source_only(target, code, str), q))  # type: ignore[misc]


def _scalar(text: str, quote: str) -> str:
    """As YAML has it, in the quotes that were there."""
    if quote == "'":
        return text.replace("'", "''")
    if quote == '"':
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_scalar(text, chr(34))}"' if re.search(r":(\s|$)|\s#|^[\W_]", text) else text


def _blocks(text: str, lost: list[str]) -> Iterator[Slot]:
    from markdown_it import MarkdownIt

    front = _FRONT.match(text)
    body = front.end() if front else 0
    # markdown-it counts lines that end in LF, CR LF or CR; replacing the latter keeps places as they are.
    source = text[:body].count("\n") * "\n" + re.sub(r"\r(?!\n)", "\n", text[body:])
    begins = [0, *(m.end() for m in re.finditer(r"\n|\r(?!\n)", text))]
    lines = [(begin, end) for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("text_join")
    cursor: dict[int, int] = {}  # by line: what is before it has been found
    in_table = 0
    for token in parser.parse(source.replace("\r\n", "\n")):
        in_table += (token.type == "table_open") - (token.type == "table_close")
        if token.map is None or token.map[0] >= len(lines):
            continue
        first, last = token.map[0], min(token.map[1], len(lines))
        if token.type == "html_block":
            yield from html_slots(text, (lines[first][0], lines[last - 1][1]))
        elif token.type == "inline" and token.content.strip():
            where = f"line {first + 1:,}"
            try:
                places = _places(text, token.content, lines[first:last], first, cursor)
                items = list(InlineReader(text, token.content, places).items(token.children or ()))
            except NotFoundError:
                lost.append(where)
                continue
            yield from _slots(text, items, places, where, bool(in_table))


def _places(text: str, content: str, lines: Sequence[Span], first: int, cursor: dict[int, int]) -> list[int]:
    """Where each character of a block's content stands in the text; at last where it ends."""
    places: list[int] = []
    number = 0
    for part in content.split("\n"):
        for written in (part, part.replace("|", "\\|")):  # in tables they are escaped
            found = (
                (k, at)
                for k in range(number, len(lines))
                if (at := text.find(written, max(lines[k][0], cursor.get(first + k, 0)), lines[k][1])) >= 0
            )
            number, at = next(found, (number, -1))
            if at >= 0:
                break
        else:
            raise NotFoundError
        for character in part:
            places.append(at)
            at += 2 if character == "|" and written != part else 1
        places.append(at)
        cursor[first + number] = at
        number += len(lines) > 1
    return places


def _slots(text: str, items: Sequence[str | Tag], places: Sequence[int], where: str, in_table: bool) -> Iterator[Slot]:
    source = with_placeholders(_merged(items))
    for tag in (item for item in source if isinstance(item, Tag) and item.code.startswith("![") and item.at):
        alt = re.match(r"!\[([^\[\]]+)\]", tag.code)
        if alt and tag.at and has_letters((alt[1],)):
            begin = tag.at[0] + 2
            yield Slot(
                begin, begin + len(alt[1]), Unit((alt[1],), f"{where} (image)"), _Writer(text[begin], in_table).write
            )
    if has_letters(source):
        yield Slot(places[0], places[-1], Unit(source, where), _Writer(text[places[0]], in_table).write)


def _merged(items: Sequence[str | Tag]) -> Inline:
    found: list[str | Tag] = []
    for item in items:
        if isinstance(item, str) and found and isinstance(found[-1], str):
            found[-1] += item
        else:
            found.append(item)
    return tuple(found)


def _without_empty(items: Inline) -> Inline:
    """Without emphasis of nothing, which would be seen as its signs."""
    found: list[str | Tag] = []
    for item in items:
        last = found[-1] if found else ""
        emphasis = isinstance(item, Tag) and item.kind == "close" and item.name in ("em", "strong", "s")
        if emphasis and isinstance(last, Tag) and (last.kind, last.name) == ("open", item.name):  # type: ignore[union-attr]
            found.pop()
            continue
        found.append(item)
    return tuple(found)


@dataclass(frozen=True)
class _Writer:
    first: str  # the character that the source begins with
    in_table: bool

    def write(self, target: Inline, code: CodeOf) -> str:
        """With what would be Markdown escaped, as far as it is none in the source."""
        text = source_only(_without_empty(target), code, self._escaped)
        if text[:1] != self.first or isinstance(target[0] if target else "", str):
            text = re.sub(_BLOCK, lambda m: "\\" + m[0], text, count=1) if _BLOCK.match(text) else text
            text = _NUMBERED.sub(r"\1\\\2", text, count=1) if _NUMBERED.match(text) else text
        return text

    def _escaped(self, text: str) -> str:
        text = _SPECIAL.sub(lambda m: "\\" + m[0], text)
        return text.replace("|", "\\|") if self.in_table else text
