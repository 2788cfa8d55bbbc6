"""More merges for a BPE model (Sennrich et al. 2016), learned on new text on top of those that it has.

SentencePiece merges, of all neighbours whose texts together are a piece, those of the highest score first, the leftmost
of equals. New pieces have lower scores than all old ones, each lower than the one before. So a text is first cut as
it was before, and only then put together further; what holds no new piece keeps its ids.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from nmt.sentencepiece_model import BYTE, NORMAL, USER_SYMBOL, Piece
from nmt.tokenizer.control import NAMES
from nmt.tokenizer.subwords import SPACE

LONGEST = 16  # characters of a piece, as in SentencePiece
_FEWEST = 2  # times that a new piece is found in the text
_EAST_ASIAN = {"CJK", "HIRAGANA", "KATAKANA"}


@dataclass(frozen=True)
class Extension:
    """What was learned. The numbers are of pieces that the text is cut into."""

    pieces: list[tuple[str, float]]  # new ones with their scores, in the order in which they are to be merged
    before: int
    after: int


class WordCounts:
    """The words of a text as a model cuts them, and how often each is there."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """`pieces` of the model, by id."""
        self._texts = [piece.text for piece in pieces]
        self._bytes = [_byte(piece) for piece in pieces]
        self._symbols = np.array([piece.type == USER_SYMBOL for piece in pieces])
        self._starts = self._symbols | np.array([piece.text.startswith(SPACE) for piece in pieces])
        self._counts: Counter[bytes] = Counter()

    def add(self, rows: Sequence[Sequence[int]]) -> None:
        """Ids of lines."""
        flat = np.fromiter((i for row in rows for i in row), np.int32)
        starts = self._starts[flat]
        starts[1:] |= self._symbols[flat[:-1]]
        ends = np.cumsum([len(row) for row in rows])
        starts[ends[ends < len(flat)]] = True
        starts[:1] = True
        coded = flat.tobytes()
        bounds = [*(4 * np.flatnonzero(starts)).tolist(), len(coded)]
        self._counts.update(coded[begin:end] for begin, end in pairwise(bounds))

    def words(self) -> Counter[tuple[str, ...]]:
        """Each word as texts of pieces, in which bytes are the characters that they stand for."""
        return Counter({self._word(np.frombuffer(word, np.int32).tolist()): n for word, n in self._counts.items()})

    def _word(self, ids: Sequence[int]) -> tuple[str, ...]:
        found: list[str] = []
        held = bytearray()
        for i in ids:
            value = self._bytes[i]
            if value is not None:
                held.append(value)
                continue
            found += held.decode(errors="replace")
            held.clear()
            found.append(self._texts[i])
        return (*found, *held.decode(errors="replace"))


def learn_merges(pieces: Sequence[Piece], words: Counter[tuple[str, ...]], number: int) -> Extension:
    """At most `number` new pieces for a model that has `pieces`: first characters that it lacks, the most frequent, up
    to half of the number; then merges of the two neighbours that are there most often. Fewer where nothing more is in
    the text twice.
    """
    merging = _Merging(pieces, words)
    before = merging.size()
    merging.allow(merging.missing_characters()[: number // 2])
    while len(merging.learned) < number and merging.merge_next():
        pass
    return Extension(list(merging.learned.items()), before, merging.size())


class _Merging:
    """Words, and how often two neighbours in them could be one piece."""

    def __init__(self, pieces: Sequence[Piece], words: Counter[tuple[str, ...]]) -> None:
        self._scores = {p.text: p.score for p in pieces if p.type in (NORMAL, USER_SYMBOL)}
        self._never = ({p.text for p in pieces} | NAMES) - self._scores.keys()
        self._lowest = min(self._scores.values(), default=0.0)
        self.learned: dict[str, float] = {}  # new pieces → score
        ordered = sorted(words.items())  # so that nothing depends on the order of the lines
        self._words = [list(word) for word, _ in ordered]
        self._times = [times for _, times in ordered]
        self._pairs: Counter[str] = Counter()
        self._where: defaultdict[str, set[int]] = defaultdict(set)
        self._heap: list[tuple[int, str]] = []

    def missing_characters(self) -> list[str]:
        found: Counter[str] = Counter()
        for word, times in zip(self._words, self._times, strict=True):
            for text in word:
                if text not in self._scores:
                    found[text] += times
        frequent = [(-times, text) for text, times in found.items() if times >= _FEWEST and text not in self._never]
        return [text for _, text in sorted(frequent)]

    def allow(self, characters: Iterable[str]) -> None:
        """To be merged, too; then count."""
        for character in characters:
            self._learn(character)
        for i in range(len(self._words)):
            self._count(i, 1)
        self._heap = [(-times, text) for text, times in self._pairs.items()]
        heapq.heapify(self._heap)

    def merge_next(self) -> bool:
        """Learn the next piece; False: there is none."""
        while self._heap:
            times, text = heapq.heappop(self._heap)
            now = self._pairs[text]
            if -times != now:  # from before other merges
                if now:
                    heapq.heappush(self._heap, (-now, text))
            elif now < _FEWEST:
                return False
            else:
                self._merge(text)
                return True
        return False

    def size(self) -> int:
        """Pieces of the text; a character that is none is written as bytes."""
        sizes = (sum(1 if text in self._scores else len(text.encode()) for text in word) for word in self._words)
        return sum(size * times for size, times in zip(sizes, self._times, strict=True))

    def _learn(self, text: str) -> None:
        self._lowest -= 1
        self._scores[text] = self.learned[text] = self._lowest

    def _merge(self, text: str) -> None:
        changed: set[str] = set()
        concerned = self._where.pop(text)
        for i in concerned:
            self._count(i, -1)
        self._learn(text)
        for i in concerned:
            self._words[i] = self._merged(self._words[i], text)
            changed |= self._count(i, 1)
        for pair in changed:
            heapq.heappush(self._heap, (-self._pairs[pair], pair))

    def _merged(self, word: list[str], text: str) -> list[str]:
        """The word with each pair that makes `text` merged, from the left; what then makes an old piece, at once."""
        made: list[str] = []
        at, end = 0, len(word)
        while at < end:
            piece = word[at]
            at += 1
            if at < end and piece + word[at] == text:
                piece = text
                at += 1
                while True:
                    left = self._scores.get(made[-1] + piece) if made else None
                    right = self._scores.get(piece + word[at]) if at < end else None
                    if left is not None and (right is None or left >= right):
                        piece = made.pop() + piece
                    elif right is not None:
                        piece += word[at]
                        at += 1
                    else:
                        break
            made.append(piece)
        return made

    def _count(self, i: int, sign: int) -> set[str]:
        """Take the pairs of word i in or out; gives which they are."""
        times = sign * self._times[i]
        found = set()
        for left, right in pairwise(self._words[i]):
            if left in self._scores and right in self._scores and self._may_be(left + right):
                text = left + right
                self._pairs[text] += times
                found.add(text)
                if sign > 0:
                    self._where[text].add(i)
        return found

    def _may_be(self, text: str) -> bool:
        return text not in self._scores and text not in self._never and _is_one(text)


@lru_cache(1 << 18)
def _is_one(text: str) -> bool:
    """Whether a text may be a piece: of one script, or no letter in it; no longer than others; a space only in front.
    That is what SentencePiece learns, too.
    """
    if len(text) > LONGEST or SPACE in text[1:] or text == SPACE:
        return False
    return len({script for c in text.removeprefix(SPACE) if (script := _script(c)) is not None}) == 1


@lru_cache(1 << 16)
def _script(character: str) -> str | None:
    """A letter's script; None of a mark, which is of the letter before; of all else the empty text."""
    match unicodedata.category(character)[0]:
        case "M":
            return None
        case "L":
            name = unicodedata.name(character, "").split(" ")[0]
            return "CJK" if name in _EAST_ASIAN or character == "ー" else name
    return ""


def _byte(piece: Piece) -> int | None:
    return int(piece.text[1:-1], 16) if piece.type == BYTE else None
