"""Where in the source of a block of Markdown the things stand that markdown-it finds in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nmt.text.inline import Span, Tag

if TYPE_CHECKING:
    from markdown_it.token import Token

_LINK_END = re.compile(
    r"""\]\(\s*(?:<[^<>\n]*>|(?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.|\([^\s()]*\))*\))*)"""
    r"""(?:\s+(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\)))?\s*\)|\]\[[^\]\n]*\]|\]"""
)


class NotFoundError(ValueError):
    """Where something stands in the source is not clear."""


@dataclass
class InlineReader:
    """Finds what markdown-it found within a block, in the block's source."""

    text: str
    content: str
    places: list[int]
    at: int = 0

    def items(self, tokens: Sequence[Token]) -> Iterator[str | Tag]:
        address: Span | None = None  # of the link that is written as its own text
        for token in tokens:
            match token.type:
                case "text" if address is not None:
                    pass
                case "text":
                    if stripped := token.content.strip():
                        self._to(stripped)
                    yield token.content
                case "text_special":
                    self._to(token.markup)
                    yield token.content
                case "softbreak":
                    self._past(re.compile(r"[ \t]*\n[ \t]*"))
                    yield " "
                case "hardbreak":
                    yield self._tag(self._past(re.compile(r"(?: {2,}|\\)\n[ \t]*")), text=" ")
                case "code_inline":
                    span = self._past(re.compile(rf"{token.markup}(?!`).+?(?<!`){token.markup}(?!`)", re.DOTALL))
                    shown = token.content.strip()
                    yield self._tag(span, text=shown if len(shown) <= 40 else "")
                case "html_inline":
                    yield self._html(token.content)
                case "image":
                    yield self._tag(self._image(token))
                case "link_open" if token.markup == "autolink":
                    address = self._past(re.compile(r"<[^<>\s]*>"))
                    yield self._tag(address, text=self.content[slice(*address)])
                case "link_close" if token.markup == "autolink":
                    address = None
                case "link_open":
                    yield self._tag(self._past(re.compile(r"\[")), "open", "link")
                case "link_close":
                    yield self._tag(self._past(_LINK_END), "close", "link")
                case _ if token.nesting:
                    kind = "open" if token.nesting > 0 else "close"
                    yield self._tag(self._to(token.markup), kind, token.tag)
                case _:
                    raise NotFoundError

    def _image(self, token: Token) -> Span:
        begin, _ = self._past(re.compile(r"!\["))
        list(self.items(token.children or ()))
        return begin, self._past(_LINK_END)[1]

    def _html(self, code: str) -> Tag:
        span = self._to(code)
        name = re.match(r"</?([A-Za-z][\w-]*)", code)
        if name is None or code.endswith("/>") or name[1].lower() in ("br", "img", "wbr", "hr", "input"):
            return self._tag(span, text=" " if name and name[1].lower() == "br" else "")
        return self._tag(span, "close" if code.startswith("</") else "open", f"<{name[1].lower()}")

    def _to(self, code: str) -> Span:
        """Past the next occurrence, which must come before any other text."""
        begin = self.content.find(code, self.at)
        if begin < 0 or not code or re.search(r"\w", self.content[self.at : begin]):
            raise NotFoundError
        self.at = begin + len(code)
        return begin, self.at

    def _past(self, pattern: re.Pattern[str]) -> Span:
        match = pattern.search(self.content, self.at)
        if match is None or re.search(r"\w", self.content[self.at : match.start()]):
            raise NotFoundError
        self.at = match.end()
        return match.span()

    def _tag(self, span: Span, kind: str = "alone", name: str = "", text: str = "") -> Tag:
        begin, end = self.places[span[0]], self.places[span[1] - 1] + 1
        return Tag(self.text[begin:end], kind, name, text, (begin, end))  # type: ignore[arg-type]
