"""ICU messages: `{n, plural, one {# file} other {# files}}` is a frame, and only its branches are text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nmt.text.inline import Inline, Span, Tag, with_codes

_FRAME = re.compile(r"\{\s*[\w.-]+\s*,\s*(?:plural|select|selectordinal)\s*,\s*(?:offset:\s*\d+\s*)?")
_BRANCH = re.compile(r"\s*(?:=\d+|[\w-]+)\s*\{")
MAX_DEPTH = 20


class _NoFrameError(ValueError):
    pass


def branches(text: str) -> list[Span]:
    """The stretches of text in and around the frames of a message; none where it has no frame, or is none."""
    if not _FRAME.search(text):
        return []
    try:
        spans: list[Span] = []
        end = _message(text, 0, 0, spans)
    except _NoFrameError:
        return []
    return sorted(spans) if end == len(text) else []


def _message(text: str, at: int, depth: int, spans: list[Span]) -> int:
    """Adds what is text; gives the place where the message ends: the brace that closes it, or the end of the whole."""
    begin = at
    while at < len(text) and not (text[at] == "}" and depth):
        if text[at] == "'" and text[at + 1 : at + 2] in tuple("{}#|"):  # quoted
            at = text.find("'", at + 1) + 1 or len(text)
        elif text[at] == "}":
            raise _NoFrameError
        elif text[at] == "{":
            if frame := _FRAME.match(text, at):
                spans.append((begin, at))
                at = begin = _frame(text, frame.end(), depth, spans)
            else:
                at = text.find("}", at) + 1
                if not at:
                    raise _NoFrameError
        else:
            at += 1
    spans.append((begin, at))
    return at


def _frame(text: str, at: int, depth: int, spans: list[Span]) -> int:
    """After the brace that closes a frame."""
    if depth >= MAX_DEPTH:
        raise _NoFrameError
    while branch := _BRANCH.match(text, at):
        at = _message(text, branch.end(), depth + 1, spans) + 1
    end = re.compile(r"\s*\}").match(text, at)
    if end is None:
        raise _NoFrameError
    return end.end()


def with_numbers(text: str) -> Inline:
    """Text of a branch, with `#` as a placeholder."""
    return tuple(part for item in with_codes(text) for part in (_marked(item) if isinstance(item, str) else [item]))


def _marked(text: str) -> Iterator[str | Tag]:
    for i, part in enumerate(text.split("#")):
        if i:
            yield Tag("#", text="#")
        if part:
            yield part


def quoted(text: str) -> str:
    """Written text, in which an apostrophe before a brace does not quote it."""
    return re.sub(r"(?<!')'(?=[{}])", "''", text)
