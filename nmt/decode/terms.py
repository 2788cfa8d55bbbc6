"""Words that must or must not be in a translation: finding them, glossaries, spans that stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from nmt.data.lines import line_blocks
from nmt.errors import DataError

# What is no language: addresses, placeholders such as {name} or %(count)d, tags, numbers
_PROTECTED = re.compile(
    r"""
    (?:https?|ftp)://[^\s<>"']*[^\s<>"'.,;:!?)\]}]
  | www\.[\w-]+(?:\.[\w-]+)+(?:/[^\s<>"']*[^\s<>"'.,;:!?)\]}])?
  | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
  | </?[A-Za-z][^<>\s]*(?:\s[^<>]*)?/?>
  | \{\{[^{}\s]+\}\} | \$?\{[^{}\s]*\} | %\(\w+\)[a-z] | %[0-9$.]*[sdif]\b | __\w+?__
  | \d+(?:[.,:/-]\d+)*
    """,
    re.VERBOSE,
)


def protected_spans(text: str) -> list[str]:
    """URLs, e-mail addresses, tags, placeholders and numbers of a text, in order; as often as they are there."""
    return _PROTECTED.findall(text)


def contains(text: str, phrase: str, times: int = 1) -> bool:
    """Whether `text` has the phrase in it, so many times, and not only as a part of longer words."""
    return len(_pattern(phrase).findall(text)) >= times


def find(text: str, phrase: str) -> tuple[int, int] | None:
    """Where the phrase stands first, as whole words."""
    match = _pattern(phrase).search(text)
    return match.span() if match else None


def _pattern(phrase: str, flags: int = 0) -> re.Pattern[str]:
    before = r"(?<![^\W_])" if joins(phrase[:1]) else ""
    after = r"(?![^\W_])" if joins(phrase[-1:]) else ""
    return re.compile(before + re.escape(phrase) + after, flags)


def joins(character: str) -> bool:
    """Whether a letter or digit beside this character makes a longer word: not so in scripts without spaces."""
    return character.isalnum() and (ord(character) < 0x0E00 or 0xAC00 <= ord(character) <= 0xD7A3)


@dataclass(frozen=True)
class Glossary:
    """Terms: where the source has the one, the translation must have the other."""

    terms: Sequence[tuple[str, str]]

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
            terms.append((columns[0], columns[1]))
        if not terms:
            raise DataError(f"{path} has no terms in it.", "Write one term a line: source TAB target.")
        return cls(sorted(terms, key=lambda t: -len(t[0])))

    def matches(self, text: str) -> list[str]:
        """The target terms of those source terms that are in the text, the longest first; none of a term that lies
        within a longer one. A term without capitals is found whatever its case.
        """
        found = []
        taken: list[tuple[int, int]] = []
        for source, target in self.terms:
            for match in _pattern(source, re.IGNORECASE if source == source.lower() else 0).finditer(text):
                begin, end = match.span()
                if all(end <= b or begin >= e for b, e in taken):
                    taken.append((begin, end))
                    found.append(target)
        return found
