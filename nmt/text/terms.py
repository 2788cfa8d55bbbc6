"""Words that must or must not be in a translation: finding them, glossaries, spans that stay as they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from nmt.errors import DataError
from nmt.text.lines import line_blocks

# What is no language: addresses, tags, placeholders such as {name} or %(count)d, numbers that are no part of a word
_PROTECTED = re.compile(
    r"""
    (?:https?|ftp)://[^\s<>"']*[^\s<>"'.,;:!?)\]}]
  | www\.[\w-]+(?:\.[\w-]+)+(?:/[^\s<>"']*[^\s<>"'.,;:!?)\]}])?
  | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
  | </?[A-Za-z][^<>\s]*(?:\s[^<>]*)?/?>
  | \{\{[^{}\s]+\}\} | \$?\{[^{}\s]*\} | %\(\w+\)[a-z] | %[0-9$.]*[sdif]\b | __\w+?__
  | (?<![^\W_])\d+(?:[.,:/-]\d+)*(?![^\W_])
    """,
    re.VERBOSE,
)
# Thai and Lao, Tibetan, Myanmar, Khmer, kana, Han: scripts that put no space between words
_UNSPACED = (
    (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)  # fmt: skip


def protected_spans(text: str) -> list[str]:
    """URLs, e-mail addresses, tags, placeholders and numbers of a text, in order; as often as they are there."""
    return _PROTECTED.findall(text)


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


@dataclass(frozen=True)
class Glossary:
    """Terms: where the source has the one, the translation must have the other."""

    terms: Sequence[tuple[str, str]]  # those with the longest source first

    @classmethod
    def load(cls, path: Path) -> Glossary:
        """A TSV file of two columns, source and target; empty lines and lines that begin with `#` are left out.

        Raises DataError naming the lines that are neither.
        """
        terms: list[tuple[str, str]] = []
        for number, raw in enumerate(chain.from_iterable(line_blocks(path, str(path), {})), 1):
            try:
                line = raw.decode().strip()
            except UnicodeDecodeError:
                raise DataError(f"{path}:{number} is not valid UTF-8.", "Convert the file to UTF-8.") from None
            if not line or line.startswith("#"):
                continue
            columns = [column.strip() for column in line.split("\t")]
            if len(columns) != 2 or not all(columns):
                raise DataError(
                    f"{path}:{number} has {len(columns)} columns, not a source and a target term: {line[:80]!r}.",
                    "Write one term a line: source TAB target.",
                )
            terms.append((unicodedata.normalize("NFC", columns[0]), columns[1]))
        if not terms:
            raise DataError(f"{path} has no terms in it.", "Write one term a line: source TAB target.")
        return cls(sorted(terms, key=lambda t: -len(t[0])))

    def matches(self, text: str) -> list[str]:
        """The target terms of those source terms that are in the text, the longest first; none of a term that lies
        within a longer one. A term without capitals is found whatever its case.
        """
        text = unicodedata.normalize("NFC", text)
        lower = text.lower()
        found = []
        taken: list[tuple[int, int]] = []
        for source, target in self.terms:
            for begin in occurrences(lower if source == source.lower() else text, source):
                end = begin + len(source)
                if all(end <= b or begin >= e for b, e in taken):
                    taken.append((begin, end))
                    found.append(target)
        return found


@dataclass(frozen=True)
class Terms:
    """What is asked of every line."""

    prefix: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    glossary: Glossary | None = None
    protect: bool = False  # URLs, tags, numbers and the like stay as they are

    def of(self, text: str) -> tuple[str, ...]:
        """What a source text wants in its translation by itself."""
        from_glossary = self.glossary.matches(text) if self.glossary is not None else []
        return (*from_glossary, *(protected_spans(text) if self.protect else []))
