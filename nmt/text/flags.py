"""What looks wrong with a translation, by its text alone: nothing is scored, no reference is needed.

Characters are compared, not words, so that languages without spaces are judged by the same rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from nmt.text.words import words

FLAGS = ("empty", "copied", "repetition", "too_long", "too_short")
TAGS = "tags"  # of a translation that lacks tags of its source, or has others; see nmt.text.spans
WRONG_LANGUAGE = "wrong_language"  # a flag of a run that knows its languages: see nmt.text.language

MAX_RATIO = 2.5  # longer side : shorter side, both counted + SLACK
SLACK = 10
MAX_UNIT = 100  # characters of what is repeated; loops are shorter, and this bounds the search
WINDOW = 10_000  # characters searched at a time: a signal is heard between two searches, not within one
MAX_SEARCHED = 40_000  # characters of a line, half at its beginning and half at its end, where a loop goes on
_WIDE = 3  # characters of an alphabet that an ideograph or a syllable sign stands for, about

_LOOP = re.compile(rf"(.{{1,{MAX_UNIT}}}?)\1{{2,}}")
_STUTTER = 4  # characters below which a unit must stand four times in a row to be a loop, not three
_SHORT_LOOP = re.compile(rf"(.{{1,{_STUTTER - 1}}}?)\1{{3,}}")


def flags(source: str, translation: str) -> list[str]:
    """Names of FLAGS that fit, in that order:

    * `empty`: nothing, for a source that says something;
    * `copied`: the source itself, in whatever case; numbers, signs and up to two words may be copied;
    * `repetition`: a stretch of up to 100 characters again and again, which the source does not have so often;
    * `too_long`, `too_short`: more than 2.5 times as long as the source, or shorter by as much (both counted + 10).
    """
    src, tgt = " ".join(source.split()), " ".join(translation.split())
    if not src or not tgt:
        return ["empty"] if src else []
    found = []
    if src.casefold() == tgt.casefold() and sum(any(map(str.isalpha, word)) for word in words(src)) > 2:
        found.append("copied")
    loops = _loops(tgt)
    if loops > 2 and loops > _loops(src) + 1:  # of "no, no, no!" the last ends differently
        found.append("repetition")
    src_length, tgt_length = _length(src) + SLACK, _length(tgt) + SLACK
    if tgt_length > MAX_RATIO * src_length:
        found.append("too_long")
    if src_length > MAX_RATIO * tgt_length:
        found.append("too_short")
    return found


def _loops(text: str) -> int:
    """How often in a row the same is said, at most; 1 where nothing is said again. Without a letter it is no loop:
    dots, rules and zeros are repeated for good reasons.
    """
    text = text.casefold() + " "  # so that the last word ends as those before it do
    if len(text) > MAX_SEARCHED:
        half = MAX_SEARCHED // 2
        return max(_loops_of(text[:half]), _loops_of(text[-half:]))
    return _loops_of(text)


def _loops_of(text: str) -> int:
    most = 1
    for begin in range(0, len(text), WINDOW):
        window = text[begin : begin + WINDOW + 3 * MAX_UNIT]
        if not _may_loop(window):
            continue
        for match in _LOOP.finditer(window):
            unit = match[1]
            times = len(match[0]) // len(unit)
            if any(map(str.isalpha, unit)) and (times > 3 or len(unit) >= _STUTTER):
                most = max(most, times)
    return most


def _may_loop(text: str) -> bool:
    """Cheaper than to search, and false for most lines."""
    if _SHORT_LOOP.search(text):
        return True
    # Of three longer units in a row the first characters are there three times.
    counts = Counter(text[i : i + _STUTTER] for i in range(len(text) - _STUTTER + 1))
    return max(counts.values(), default=0) >= 3


def _length(text: str) -> int:
    return sum(_WIDE if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
