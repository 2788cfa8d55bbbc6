"""Where a phrase stands in a text as words of its own, in scripts with and without spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from nmt.errors import DataError

# Thai and Lao, Tibetan, Myanmar, Khmer, kana, Han: scripts that put no space between words
_UNSPACED = (
    (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)  # fmt: skip


def joins(character: str) -> bool:
    """Whether a letter or digit beside this character makes a longer word: not so in scripts without spaces."""
    if not character or any(begin <= ord(character) <= end for begin, end in _UNSPACED):
        return False
    return character.isalnum() or unicodedata.category(character).startswith("M")


def glues(piece: str) -> bool:
    """Whether a piece goes on the word before it."""
    if byte := re.fullmatch(r"<0x([0-9A-F]{2})>", piece):
        value = int(byte[1], 16)
        return value >= 0x80 or chr(value).isalnum()  # of several bytes: a letter, most likely
    return joins(piece[:1])


def occurrences(text: str, phrase: str) -> Iterator[int]:
    """Where the phrase begins in the text, and not within longer words; no two overlap. Case counts."""
    at = text.find(phrase) if phrase else -1
    while at >= 0:
        end = at + len(phrase)
        before = at > 0 and joins(text[at - 1]) and joins(phrase[0])
        after = end < len(text) and joins(text[end]) and joins(phrase[-1])
        if not before and not after:
            yield at
        at = text.find(phrase, at + 1 if before or after else end)


def contains(text: str, phrase: str, times: int = 1) -> bool:
    """Whether the phrase is there, at least so many times."""
    return sum(1 for _ in occurrences(text, phrase)) >= times


def check_unicode(what: str, text: str) -> None:
    """Raises DataError for half of a surrogate pair; so Python reads a byte of the command line that is no UTF-8."""
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise DataError(
            f"the {what} {text[:60]!r} is not valid Unicode (character {e.start + 1}).", "Give it in UTF-8."
        ) from None
