"""Spans that are no language and stay as they are: addresses, tags, placeholders, numbers; and where they stand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from nmt.text.inline import ALONE, Inline, Tag, tag_of
from nmt.text.phrases import joins, occurrences

_ATTRIBUTE = r"""\s++[\w:@.-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>=]++)"""
_SWITCH = r"\s++(?:checked|disabled|hidden|nowrap|readonly|required|selected)\b"
_TAG = rf"<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*+)(?:{_ATTRIBUTE}|{_SWITCH})*+\s*+(?P<alone>/?)>"
# Addresses, tags, placeholders such as {name} or %(count)d, numbers that are no part of a word. Nothing that is read
# here is read again from the next character on: long lines take no square of the time.
_PROTECTED = re.compile(
    rf"""
    (?:https?|ftp)://[^\s<>"']*[^\s<>"'.,;:!?)\]}}]
  | www\.[\w-]++(?:\.[\w-]++)++(?:/[^\s<>"']*[^\s<>"'.,;:!?)\]}}])?
  | (?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++
  | {re.sub(r"[?]P<[a-z]+>", "?:", _TAG)}
  | \{{\{{[^{{}}\n]{{1,60}}\}}\}} | \$?\{{[^{{}}\n]{{0,60}}\}} | %\(\w+\)[a-z] | %[0-9$.]*[sdif]\b | __\w+?__
  | (?:[$€£¥]|(?<![^\W_]))\d+(?:[.,:/-]\d+)*(?![^\W_])
    """,
    re.VERBOSE,
)
_TAGS = re.compile(_TAG)
_ENDS = r"[.!?…。！？]"  # of sentences
_OPENING = "([{<$€£¥#@«“„¿¡"
_CLOSING = ")]}>,.;:!?»”"


def protected_spans(text: str) -> list[str]:
    """URLs, e-mail addresses, tags, placeholders and numbers of a text, in order; as often as they are there."""
    return _PROTECTED.findall(text)


def with_codes(text: str) -> Inline:
    """The text with what is protected as tags, in order; all but tags stand in the sentence as they are."""
    items: list[str | Tag] = []
    end = 0
    for match in _PROTECTED.finditer(text):
        tag = _TAGS.fullmatch(match[0])
        items += [text[end : match.start()], tag_of(tag) if tag else Tag(match[0], text=match[0])]
        end = match.end()
    return tuple(item for item in [*items, text[end:]] if item)


def protected_places(text: str) -> list[tuple[int, int]]:
    """Where they begin and end."""
    return [match.span() for match in _PROTECTED.finditer(text)]


def spaced(phrase: str, number: int, source: str) -> bool:
    """Whether a space stands before a phrase where it comes into a translation: as before that occurrence of it in the
    source, counted from 0; else as it is usual.
    """
    places = list(occurrences(source, phrase))
    if number < len(places):
        return places[number] == 0 or source[places[number] - 1].isspace()
    return joins(phrase[0]) or phrase[0] in _OPENING


def respaced(source: str, translation: str, phrases: Sequence[str]) -> str:
    """The translation with space around the phrases where the source has it around them; and with none between a tag
    and a word where the source has none.
    """
    edits: dict[int, str] = {}  # at these places: a space comes, or goes
    for phrase in set(phrases):
        is_tag = bool(_TAGS.fullmatch(phrase))
        for was, at in zip(occurrences(source, phrase), occurrences(translation, phrase), strict=False):
            before, after = source[:was][-1:], source[was + len(phrase) :][:1]
            end = at + len(phrase)
            left, right = translation[:at][-1:], translation[end:][:1]
            if (not before or before.isspace()) and (joins(left) or left in tuple(_CLOSING)):
                edits[at] = " "
            elif is_tag and joins(before) and left.isspace():
                edits[at - 1] = ""
            if (not after or after.isspace()) and joins(right):
                edits[end] = " "
            elif is_tag and joins(after) and right.isspace():
                edits[end] = ""
    parts, begin = [], 0
    for place in sorted(edits):
        parts += [translation[begin:place], edits[place]]
        begin = place if edits[place] else place + 1
    return "".join([*parts, translation[begin:]])


def appended(source: str, translation: str, phrases: Sequence[str]) -> tuple[str, ...]:
    """Phrases that stand behind the end of the last sentence, where there was no place for them in it."""
    more = len(re.findall(rf"{_ENDS}\s+\S", translation)) > len(re.findall(rf"{_ENDS}\s+\S", source))
    if not more:
        return ()
    return tuple(p for p in phrases if re.search(rf"{_ENDS}[\"'»”’)]*\s*{re.escape(p)}[^\w]*$", translation))


def tags_differ(source: str, translation: str) -> bool:
    """Whether the translation has other tags than the source, or they cross where those of the source do not."""
    if "<" not in source:
        return False
    own, theirs = (list(_TAGS.finditer(text)) for text in (source, translation))
    if Counter(tag[0] for tag in own) != Counter(tag[0] for tag in theirs):
        return True
    return _nested(own) and not _nested(theirs)


def _nested(tags: Sequence[re.Match[str]]) -> bool:
    """Whether each tag that opens is closed, in turn."""
    open_: list[str] = []
    for name, close in _pairs(tags):
        if not close:
            open_.append(name)
        elif not open_ or open_.pop() != name:
            return False
    return not open_


def _pairs(tags: Sequence[re.Match[str]]) -> Iterator[tuple[str, bool]]:
    """Names of tags that come in pairs, and whether they close."""
    for tag in tags:
        if not tag["alone"] and tag["name"].lower() not in ALONE:
            yield tag["name"], bool(tag["close"])
