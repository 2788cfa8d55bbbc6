"""Control pieces: signs that a model reads or writes beside text, such as `<mask>`.

They are control symbols of SentencePiece, so no text ever becomes one: a line that holds the characters `<mask>` keeps
them as characters. They are appended to a model file, and leave the ids of all other pieces as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from nmt.text.fields import SEP, TURN

MASK = "<mask>"
CLS = "<cls>"  # before two texts, which have SEP behind each of them
BT = "<bt>"  # before a source that is told from text by people: a back-translation
SENTINELS = [f"<x{i}>" for i in range(32)]
NAMES = frozenset([MASK, CLS, BT, SEP, TURN, *SENTINELS])


__all__ = ["BT", "CLS", "MASK", "NAMES", "SENTINELS", "SEP", "TURN", "lacking"]


def tag(language: str) -> str:
    """What tells that language: `<2de>`."""
    return f"<2{language}>"


def lacking(vocabulary: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the `wanted` that are no pieces yet."""
    known = set(vocabulary)
    return [name for name in wanted if name not in known]
