"""Lines in capitals are translated as plain text, and answered in capitals; titles are answered as sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nmt import console
from nmt.data.case import CaseTable
from nmt.decode.assembly import Translation
from nmt.decode.request import Request
from nmt.errors import RunError
from nmt.text.case import Forms, Kind, kind_of, outside, upper


@dataclass(frozen=True)
class Case:
    """What is known of how the sources of a run are written."""

    forms: Mapping[str, Forms] = field(default_factory=dict)  # by language
    kinds: Mapping[str, Sequence[Kind]] = field(default_factory=dict)  # that the training text hardly has, by language

    @classmethod
    def load(cls, run: Path) -> Case:
        """Of a run that an older nmt trained, nothing."""
        try:
            table = CaseTable.load(run)
        except RunError as e:
            console.warn(f"{e.message} Lines in capitals are translated as they are.")
            table = None
        languages = table.languages if table else {}
        return cls({name: Forms(found.forms, name) for name, found in languages.items()},
                   {name: found.kinds for name, found in languages.items()})  # fmt: skip

    def plain(self, request: Request, language: str) -> tuple[Request, Kind | None]:
        """What is to be translated in the place of a line, and how that is written. A line that is to begin in a given
        way is left as it is.
        """
        forms = self.forms.get(language)
        if forms is None or request.prefix:
            return request, None
        kind = kind_of(request.text, request.include)
        if kind is None or kind not in self.kinds[language]:
            return request, None
        return replace(request, text=forms.plain(request.text, kind, request.include)), kind


def answered(t: Translation, kind: Kind | None, language: str, phrases: Sequence[str]) -> Translation:
    """The translation of a plain line, as that line was written; phrases stay as they are."""
    if kind != "upper":
        return t

    def capitals(text: str) -> str:
        return outside(text, phrases, lambda stretch: upper(stretch, language))

    return replace(t, text=capitals(t.text), hypotheses=[(capitals(text), h) for text, h in t.hypotheses])
