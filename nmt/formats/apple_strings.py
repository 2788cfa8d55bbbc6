""".strings of iOS and macOS: `"key" = "value";` with comments; only values are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, decoded, source_only, text_document
from nmt.formats.json_strings import NO_TEXT
from nmt.formats.messages import UNICODE, characters, message, paragraphs
from nmt.text.inline import Inline, Span, has_letters

_SKIPPED = re.compile(r"(?:\s++|/\*(?:[^*]|\*(?!/))*+\*/|//[^\r\n]*+)*+")
_STRING = re.compile(
    r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\]|\\.)*+)(?P=quote)|(?!/[*/])[\w$/:.-]+""", re.DOTALL
)
_ESCAPES = re.compile(UNICODE + r"|\\[0-7]{1,3}|\\.|\r?\n", re.DOTALL)
_NEW_LINE = r"(?:(?<!\\)\\n|\n)"
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\"}


@dataclass
class _Token:
    text: str  # without quotes, as it is written
    quote: str
    begin: int
    end: int  # both with the quotes


def read(data: bytes, about: About) -> Document:
    """Raises DataError naming the line that is none of such a file."""
    if data.startswith(b"bplist") or re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml", data):
        raise DataError(
            f"{about.name} is a property list, as programs are shipped with, not a file of strings.",
            "Translate the file that it was made from; plutil -p shows what is in it.",
        )
    text, encode = decoded(data, about.name)
    slots = [slot for key, value in _pairs(text, about.name) for slot in _slots(key, value)]
    return text_document(text, encode, data, slots)


def _slots(key: _Token, value: _Token) -> Iterator[Slot]:
    if NO_TEXT.fullmatch(value.text):
        return
    quote, inner = value.quote or '"', value.begin + len(value.quote)

    def render(target: Inline, code: CodeOf) -> str:
        text = source_only(target, code, lambda part: _escaped(part, quote))
        return text if value.quote else f'"{text}"'

    def read_(span: Span) -> Inline:
        return message(value.text[slice(*span)], _ESCAPES, _signs)

    for (begin, end), source in paragraphs(value.text, _NEW_LINE, read_):
        if has_letters(source):
            yield Slot(inner + begin, inner + end, Unit(source, key.text), render)


def _signs(escape: str) -> str:
    if escape[1:2] in ("u", "U"):
        return characters(escape)
    if escape[1:].isdigit():
        return chr(int(escape[1:], 8)) if int(escape[1:], 8) < 128 else ""  # others are of NeXT's own set
    return _SIGNS.get(escape[1:], "") if escape.startswith("\\") else "\n"


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n").replace("\t", "\\t")


def _pairs(text: str, name: str) -> Iterator[tuple[_Token, _Token]]:
    """Keys and values. A key without a value stands for itself."""
    at = _after(text, 0)
    braces = text[at : at + 1] == "{"  # older ones have them round the whole
    at = _after(text, at + braces)
    while at < len(text) and not (braces and text[at] == "}"):
        key = _token(text, at, name)
        at = _after(text, key.end)
        if text[at : at + 1] == "=":
            value = _token(text, _after(text, at + 1), name)
            at = _after(text, value.end)
            yield key, value
        if text[at : at + 1] != ";":
            raise DataError(
                f"{name}:{_line(text, key.begin)}: what begins here does not end in a semicolon: "
                f"{text[key.begin : key.begin + 60].splitlines()[0]!r}.",
                'A line is "key" = "value"; and a quote within is written \\".',
            )
        at = _after(text, at + 1)


def _token(text: str, at: int, name: str) -> _Token:
    match = _STRING.match(text, at)
    if match is None:
        unclosed = text[at : at + 1] in ('"', "'")
        what = "the string that begins here has no end" if unclosed else "there is no string here"
        shown = (text[at : at + 60].splitlines() or [""])[0]
        raise DataError(f"{name}:{_line(text, at)}: {what}: {shown!r}.", 'A line is "key" = "value";')
    quote = match["quote"] or ""
    return _Token(match["text"] if quote else match[0], quote, *match.span())


def _after(text: str, at: int) -> int:
    """The place after white space and comments."""
    match = _SKIPPED.match(text, at)
    return match.end() if match else at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, min(at, len(text) - 1)) + 1
