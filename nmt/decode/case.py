"""Lines in capitals are translated as plain text, and answered in capitals; titles are answered as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from nmt import console
from nmt.data.case import CaseTable
from nmt.decode.assembly import Translation
from nmt.decode.request import Request
from nmt.errors import RunError
from nmt.text.case import Forms, Kind, kind_of, outside, upper
from nmt.tokenizer import Tokenizer


@dataclass(frozen=True)
class Case:
    """What is known of how the sources of a run are written."""

    forms: Mapping[str, Forms] = field(default_factory=dict)  # by language
    kinds: Mapping[str, Sequence[Kind]] = field(default_factory=dict)  # that the training text hardly has, by language
    unknown: Callable[[str], int] | None = None  # of an older run: characters of a line that are new to it

    @classmethod
    def load(cls, run: Path, tokenizer: Tokenizer) -> Case:
        """Of a run that an older nmt trained, what its tokenizer has seen: a line in capitals is translated as plain
        text if the training text had more of that.
        """
        try:
            table = CaseTable.load(run)
        except RunError as e:
            console.warn(f"{e.message} Lines in capitals are translated as they are.")
            return cls()
        if table is None:
            return cls(unknown=partial(_unknown, tokenizer))
        languages = table.languages
        return cls({name: Forms(found.forms, name) for name, found in languages.items()},
                   {name: found.kinds for name, found in languages.items()})  # fmt: skip

    def plain(self, request: Request, language: str) -> tuple[Request, Kind | None]:
        """What is to be translated in the place of a line, and how that is written. A line that is to begin in a given
        way is left as it is.
        """
        kind = None if request.prefix else kind_of(request.text, request.include)
        if kind is None:
            return request, None
        forms = self.forms.get(language) or Forms((), language)
        plain = forms.plain(request.text, kind, request.include)
        if kind not in self.kinds.get(language, ()) and not (kind == "upper" and self._knows_more(plain, request.text)):
            return request, None
        return replace(request, text=plain), kind

    def _knows_more(self, plain: str, text: str) -> bool:
        return self.unknown is not None and self.unknown(plain) < self.unknown(text)


def _unknown(tokenizer: Tokenizer, text: str) -> int:
    (found,) = tokenizer.unseen_in(tokenizer.encode([text], "src"))
    return sum(map(len, (*found.words, *found.stretches)))


def answered(t: Translation, kind: Kind | None, language: str, phrases: Sequence[str]) -> Translation:
    """The translation of a plain line, as that line was written; phrases stay as they are."""
    if kind != "upper":
        return t

    def capitals(text: str) -> str:
        return outside(text, phrases, lambda stretch: upper(stretch, language))

    return replace(t, text=capitals(t.text), hypotheses=[(capitals(text), h) for text, h in t.hypotheses])
