"""A text of a client as lines to translate, and back: line breaks, blank lines and white space stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BREAK = re.compile(r"(\r\n|\r|\n|\u2028|\u2029)")
_EDGES = re.compile(r"^(\s*)(.*?)(\s*)$", re.DOTALL)


class Lines:
    """The lines of a text. `parts`: of each what is translated, without the white space around it; those without a
    letter or digit, such as an emoji alone, are left as they are.
    """

    def __init__(self, text: str) -> None:
        self._pieces: list[str] = []  # what is written; at places that are translated, nothing yet
        self._places: list[int] = []
        self.parts: list[str] = []
        for i, line in enumerate(_BREAK.split(text)):
            if i % 2 or not any(map(str.isalnum, line)):
                self._pieces.append(line)
                continue
            before, inner, after = _EDGES.fullmatch(line).groups()  # type: ignore[union-attr]
            self._pieces += [before, "", after]
            self._places.append(len(self._pieces) - 2)
            self.parts.append(inner)

    def joined(self, translations: Sequence[str]) -> str:
        """The text with a translation of each of `parts`."""
        pieces = self._pieces.copy()
        for place, translation in zip(self._places, translations, strict=True):
            pieces[place] = translation
        return "".join(pieces)

    def unchanged(self) -> str:
        return self.joined(self.parts)
