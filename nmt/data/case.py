"""How words of the sources are written, for lines that come in capitals: counted when text is prepared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nmt.data.manifest import CASE
from nmt.records import Record, read_record
from nmt.text.case import KINDS, FormCounts, Kind

LOOKED_AT = 100_000  # lines of a language, at most, spread evenly
MOST = 100_000  # words of a language
RARE = 0.02  # share of the lines; what the training text has more often, the model knows


class LanguageCase(Record):
    kinds: list[Kind]  # of lines that the training text hardly has
    forms: list[str]  # of words, the commonest first


class CaseTable(Record):
    languages: dict[str, LanguageCase]

    @classmethod
    def load(cls, folder: Path) -> CaseTable | None:
        """None: an older nmt made the folder. Raises RunError where it is damaged."""
        try:
            return read_record(folder / CASE, cls)
        except FileNotFoundError:
            return None


class CaseCounter:
    """Sees the training lines of languages that are translated from."""

    def __init__(self, languages: Iterable[str], number: int) -> None:
        """`languages` as lines are stored; `number` of lines of one."""
        self._every = max(1, number // LOOKED_AT)
        self._counts = {name: FormCounts() for name in languages}
        self._seen = dict.fromkeys(self._counts, 0)

    def add(self, language: str, lines: list[str]) -> None:
        if language in self._counts:
            self._counts[language].add(lines[-self._seen[language] % self._every :: self._every])
            self._seen[language] += len(lines)

    def to_json(self) -> bytes:
        each = {name.partition(".")[0]: counts for name, counts in self._counts.items()}
        table = CaseTable(languages={language: _of(counts, language) for language, counts in each.items()})
        return table.model_dump_json().encode() + b"\n"


def _of(counts: FormCounts, language: str) -> LanguageCase:
    rare = [kind for kind in KINDS if counts.kinds[kind] <= RARE * counts.lines]
    return LanguageCase(kinds=rare, forms=counts.forms(language, MOST))
