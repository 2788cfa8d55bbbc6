"""Which pieces the training text had on each side, and which words its source: what else a source has, the model never
saw there.

A shared vocabulary has pieces of both languages, so many of them never stood on the source side. Of a character that is
written as bytes the bytes say little: those of 北 are in other signs, too. So such characters are kept themselves. And
every word can be spelled in known pieces; so hashes of the words are kept.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nmt.tokenizer.ids import EOS_ID
from nmt.tokenizer.words import MOST, Hashes, Words

if TYPE_CHECKING:
    from nmt.tokenizer.ids import Ids, Side

_SIDES: tuple[Side, Side] = ("src", "tgt")


class Seen:
    """Counts of the pieces of each side, by id; the characters that were written as bytes; hashes of source words."""

    def __init__(self, byte_values: Mapping[Side, npt.NDArray[np.int16]], words: Words) -> None:
        """`byte_values` has for each id of a side the byte that it stands for, or -1; `words` finds words."""
        self._bytes, self._words = byte_values, words
        self.words: Hashes | None = np.zeros(0, np.uint32)  # sorted; None: too many, or not known
        self.counts: dict[Side, npt.NDArray[np.int64]] = {s: np.zeros(len(byte_values[s]), np.int64) for s in _SIDES}
        self.characters: dict[Side, set[str]] = {side: set() for side in _SIDES}

    def add(self, side: Side, ids: Ids) -> None:
        """Ids of whole lines, one after the other."""
        self.counts[side] += np.bincount(ids, minlength=len(self.counts[side]))
        self.characters[side].update(self._written_as_bytes(side, ids))
        if side == "src" and self.words is not None:
            found = np.union1d(self.words, self._words.find(ids)[2])
            self.words = found if len(found) <= MOST else None

    def new_words(self, ids: Ids) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Where the words of source lines begin and end, and whether the training text never had them."""
        begins, ends, hashes = self._words.find(ids)
        if self.words is None or not len(self.words):
            return begins, ends, np.zeros(len(begins), bool)
        nearest = np.minimum(np.searchsorted(self.words, hashes), len(self.words) - 1)
        return begins, ends, self.words[nearest] != hashes

    def unseen(self, side: Side, ids: Ids) -> npt.NDArray[np.bool_]:
        """Of each id of a line, whether it stands for what was never seen."""
        found: npt.NDArray[np.bool_] = self.counts[side][ids] == 0
        values = self._bytes[side][ids]
        at = 0
        positions = np.flatnonzero(values >= 0)
        for character in self._written_as_bytes(side, ids):
            size = len(character.encode())
            found[positions[at : at + size]] = character not in self.characters[side]
            at += size
        return found

    def may_be_unseen(self, side: Side, ids: Ids) -> npt.NDArray[np.bool_]:
        """Of ids of any lines, whether it is worth to look for what is unseen. `</s>` is not."""
        odd: npt.NDArray[np.bool_] = (self.counts[side][ids] == 0) | (self._bytes[side][ids] >= 0)
        odd &= ids != EOS_ID
        return odd

    def _written_as_bytes(self, side: Side, ids: Ids) -> str:
        values = self._bytes[side][ids]
        # A line has the bytes of whole characters.
        return values[values >= 0].astype(np.uint8).tobytes().decode(errors="replace")

    def to_json(self) -> bytes:
        values: dict[str, object] = {
            side: {"pieces": self.counts[side].tolist(), "bytes": "".join(sorted(self.characters[side]))}
            for side in _SIDES
        }
        values["words"] = None if self.words is None else b64encode(self.words.astype("<u4").tobytes()).decode()
        return json.dumps(values, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, text: bytes, byte_values: Mapping[Side, npt.NDArray[np.int16]], words: Words) -> Seen:
        """Raises ValueError where it is not what `to_json` wrote for this vocabulary."""
        made = cls(byte_values, words)
        try:
            values = json.loads(text)
            hashes = values.get("words")
            made.words = None if hashes is None else np.frombuffer(b64decode(hashes, validate=True), "<u4")
            for side in _SIDES:
                counts, characters = values[side]["pieces"], values[side]["bytes"]
                if not _counts(counts, len(byte_values[side])) or not isinstance(characters, str):
                    raise ValueError("not the counts of this vocabulary")
                made.counts[side] = np.array(counts, np.int64)
                made.characters[side] = set(characters)
        except (AttributeError, KeyError, TypeError, OverflowError, RecursionError) as e:
            raise ValueError(str(e)) from None
        return made


def _counts(values: object, size: int) -> bool:
    return isinstance(values, Sequence) and len(values) == size and all(type(value) is int for value in values)
