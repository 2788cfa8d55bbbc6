"""The fields of a source as people give them: a line with TABs, or a JSON object with the names that the recipe has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nmt.errors import DataError
from nmt.text.fields import TAB, join_text

_BEFORE = "The lines before it are translated."


@dataclass(frozen=True)
class SourceFields:
    """What a run reads. No names: a source of one field, which is a line as it is."""

    names: tuple[str | int, ...] = ()
    turns: bool = False  # any number of them, the newest last

    @property
    def wanted(self) -> str:
        """`question, context`."""
        return ", ".join(f"column {name}" if isinstance(name, int) else str(name) for name in self.names)

    @property
    def typed(self) -> str:
        """What a person is to type."""
        if not self.names:
            return "a line"
        return f"{'what was said so far' if self.turns else self.wanted}, with a TAB between them,"

    def check(self, line: str, where: str) -> str:
        """The line. Raises DataError where it has not the fields that are read; a blank one has none."""
        found = line.count(TAB) + 1
        if self.names and not self.turns and line.strip() and found != len(self.names):
            has = "has one field" if found == 1 else f"has {found} fields"
            raise DataError(
                f"{where} {has}, but the run reads {len(self.names)}, with a TAB between them: {self.wanted}.", _BEFORE
            )
        return join_text(line.split(TAB), turns=True) if self.turns else line

    def take(self, values: dict[str, Any], faults: list[str]) -> str | None:
        """The source of the fields of a JSON object, which are taken out of it; None where it has none of them. Null is
        a blank field; turns may be lists.
        """
        names = [name for name in self.names if isinstance(name, str)]
        if not any(name in values for name in names):
            return None
        if lacking := [name for name in names if name not in values and not self.turns]:
            faults.append(f"has no field `{lacking[0]}`; the run reads {self.wanted}")
        taken: list[str] = []
        for name in names:
            value = values.pop(name, None)
            turns: Sequence[Any] = value if isinstance(value, list) and self.turns else [value]
            for one in turns:
                if one is not None and not isinstance(one, str):
                    wanted = "a string or a list of strings" if self.turns else "a string"
                    faults.append(f"has something else than {wanted} as `{name}`")
                taken.append(one if isinstance(one, str) else "")
        return join_text(taken, self.turns)


ONE_FIELD = SourceFields()
