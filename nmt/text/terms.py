"""What is asked of all lines of a text: phrases that must or must not be in a translation, and glossaries."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nmt.errors import DataError
from nmt.text.lines import decoded_lines
from nmt.text.phrases import check_unicode, occurrences
from nmt.text.spans import protected_spans


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
        for number, line in enumerate(map(str.strip, decoded_lines(path, str(path))), 1):
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

    def __post_init__(self) -> None:
        check_unicode("prefix", self.prefix)
        for phrase in (*self.include, *self.exclude):
            check_unicode("phrase", phrase)

    def of(self, text: str) -> tuple[str, ...]:
        """What a source text wants in its translation by itself."""
        from_glossary = self.glossary.matches(text) if self.glossary is not None else []
        return (*from_glossary, *(protected_spans(text) if self.protect else []))
