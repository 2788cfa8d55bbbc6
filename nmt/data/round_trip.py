"""Whether target lines come back as they are, once the tokenizer took them apart and put them together again.

What does not come back the model cannot learn to write, and no translation can score for it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from nmt import console
from nmt.errors import quoted
from nmt.tokenizer import Tokenizer

MOST = 0.001  # share of the lines; above, it is worth a word


@dataclass
class RoundTrip:
    """What was seen of a sample of target lines."""

    tokenizer: Tokenizer
    lines: int = 0
    changed: list[tuple[str, str]] = field(default_factory=list)  # before and after
    respaced: list[str] = field(default_factory=list)  # white space alone: it comes back as plain spaces

    def look_at(self, lines: Sequence[str]) -> None:
        self.lines += len(lines)
        for before, after in zip(lines, self.tokenizer.decode(self.tokenizer.encode(lines, "tgt")), strict=True):
            if before == after:
                continue
            if unicodedata.normalize("NFC", before).split() != after.split():
                self.changed.append((before, after))
            elif any(c.isspace() and c != " " for c in before):
                self.respaced.append(before)

    def tell(self) -> None:
        if self._often(self.respaced):
            space = next(c for c in self.respaced[0] if c.isspace() and c != " ")
            console.info(
                f"{len(self.respaced) / self.lines:.1%} of the target lines have white space such as "
                f"U+{ord(space):04X}; translations will have plain spaces there."
            )
        if self._often(self.changed):
            before, after = min(self.changed, key=lambda pair: len(pair[0]))
            console.warn(
                f"The tokenizer changes {len(self.changed) / self.lines:.1%} of the target lines, such as "
                f"{quoted(before)} into {quoted(after)}: no translation can have what is lost. "
                "`tokenizer.normalization: identity` keeps it."
            )

    def _often(self, found: Sequence[object]) -> bool:
        return len(found) > MOST * self.lines
