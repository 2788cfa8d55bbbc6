"""Lines in capitals, and lines with a capital in each word: what they are as plain text, which a model knows.

How a word is written in the middle of a sentence is counted in the training text, and looked up by what it is in
capitals: so STRASSE is Straße again, and what Turkish writes as IŞIK is ışık.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from nmt.text.phrases import occurrences
from nmt.text.spans import protected_places

Kind = Literal["upper", "title"]
KINDS: tuple[Kind, ...] = ("upper", "title")

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f])"
_WORD = re.compile(rf"{_LETTER}+(?:['’-]{_LETTER}+)*")
_PART = re.compile(rf"{_LETTER}+")
_BEGINS = re.compile(rf"(?:^|[.!?…]['\"’”»)\]]*\s)\W*?({_LETTER})")  # a sentence
_CAPITALS = 0.9  # share of the letters of a line in capitals
_FEWEST = {"upper": 2, "title": 4}  # words with letters in such a line
_CAPITALS_OF_TITLES = 25  # characters of a title have one capital at least
_DOTTED = ("tr", "az")  # languages with an i of which the capital has a dot


def upper(text: str, language: str) -> str:
    return (text.replace("i", "İ") if language in _DOTTED else text).upper()


def lower(text: str, language: str) -> str:
    return (text.replace("I", "ı").replace("İ", "i") if language in _DOTTED else text).lower()


def kind_of(text: str, phrases: Sequence[str] = ()) -> Kind | None:
    """How a line is written; None: as most are. Addresses, tags and the like are not looked at, nor are `phrases`."""
    if _CAPITALS_OF_TITLES * sum(map(str.isupper, text)) < len(text):  # as nearly always
        return None
    every = (word for stretch in _open(text, phrases) for word in _WORD.findall(stretch))
    words = [word for word in every if word.upper() != word.lower()]
    long = [word for word in words if len(word) > 1]
    capitals, small = (sum(test(c) for word in words for c in word) for test in (str.isupper, str.islower))
    if len(long) >= _FEWEST["upper"] and capitals >= _CAPITALS * (capitals + small):
        return "upper"
    return "title" if len(long) >= _FEWEST["title"] and all(word[0].isupper() for word in words) else None


class Forms:
    """How words of a language are written in the middle of sentences."""

    def __init__(self, forms: Iterable[str], language: str) -> None:
        self._language = language
        self._forms = {upper(form, language): form for form in forms}

    def plain(self, text: str, kind: Kind, phrases: Sequence[str] = ()) -> str:
        """A line of that kind as it is usually written: words as the training text has them, other words in small
        letters, or, where each has a capital, as they are; and sentences begin with a capital.
        """

        def word(match: re.Match[str]) -> str:
            found = self._forms.get(upper(match[0], self._language))
            return found if found is not None else _PART.sub(part, match[0])

        def part(match: re.Match[str]) -> str:
            found = self._forms.get(upper(match[0], self._language))
            if found is not None:
                return found
            return lower(match[0], self._language) if kind == "upper" else match[0]

        made = outside(text, phrases, lambda stretch: _WORD.sub(word, stretch))
        return _BEGINS.sub(lambda m: m[0][:-1] + upper(m[1], self._language), made)


class FormCounts:
    """Counts how words are written, and how many lines are in capitals."""

    def __init__(self) -> None:
        self.lines = 0
        self.kinds: Counter[Kind] = Counter()
        self._forms: Counter[str] = Counter()

    def add(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.lines += 1
            if kind := kind_of(line):
                self.kinds[kind] += 1
                continue
            begins = {match.start(1) for match in _BEGINS.finditer(line)}
            self._forms.update(match[0] for match in _WORD.finditer(line) if match.start() not in begins)

    def forms(self, language: str, most: int) -> list[str]:
        """Of each word the commonest form, of the commonest words."""
        best: dict[str, str] = {}
        for form, _ in self._forms.most_common():  # of equal ones that which came first
            best.setdefault(upper(form, language), form)
        return list(best.values())[:most]


def outside(text: str, phrases: Sequence[str], change: Callable[[str], str]) -> str:
    """The text, changed where no address, tag, number or phrase stands."""
    made, at = [], 0
    for begin, end in _kept(text, phrases):
        made += [change(text[at:begin]), text[begin:end]]
        at = end
    return "".join([*made, change(text[at:])])


def _open(text: str, phrases: Sequence[str]) -> list[str]:
    found: list[str] = []
    outside(text, phrases, lambda stretch: found.append(stretch) or "")  # type: ignore[func-returns-value]
    return found


def _kept(text: str, phrases: Sequence[str]) -> list[tuple[int, int]]:
    """What stays as it is, in order; no two overlap."""
    places = protected_places(text) + [
        (at, at + len(phrase)) for phrase in dict.fromkeys(phrases) for at in occurrences(text, phrase)
    ]
    kept: list[tuple[int, int]] = []
    for begin, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if not kept or begin >= kept[-1][1]:
            kept.append((begin, end))
    return kept
