"""Words for analyses: never for scores, which sacreBLEU splits itself. And where two lines differ, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

# Scripts written without spaces, of which each character counts as a word: Thai to Myanmar, Khmer, kana, ideographs.
_ALONE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+(?:['’][^\W{_ALONE}]+)*")
_ALONE_CHARACTER = re.compile(f"[{_ALONE}]")
_TOKEN = re.compile(rf"(?:[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s]|_)\s*")


def words(line: str) -> list[str]:
    """In lower case, without punctuation; of scripts without spaces the characters."""
    return _WORD.findall(line.casefold())


def is_alone(character: str) -> bool:
    """Whether it is of a script without spaces, so that it counts as a word of its own."""
    return _ALONE_CHARACTER.match(character) is not None


@dataclass(frozen=True)
class Piece:
    """A stretch of a line that differs, or does not."""

    kind: Literal["same", "missing", "extra"]  # missing: in the reference only; extra: in the translation only
    text: str


def differences(ref: str, hyp: str) -> list[Piece]:
    """What turns the reference into the translation, in order; without what is missing they are the latter."""
    a, b = (_TOKEN.findall(line.strip() + " ") for line in (ref, hyp))
    matcher = SequenceMatcher(None, [t.strip() for t in a], [t.strip() for t in b], autojunk=False)
    pieces = []
    for kind, a1, a2, b1, b2 in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(b[b1:b2])))
            continue
        if a2 > a1:
            pieces.append(Piece("missing", "".join(a[a1:a2])))
        if b2 > b1:
            pieces.append(Piece("extra", "".join(b[b1:b2])))
    return pieces
