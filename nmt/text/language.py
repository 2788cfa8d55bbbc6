"""Which language a line is in: learned from the training text, so it knows just the languages of that.

A line is a bag of 4-grams of bytes, ASCII letters in lower case and all other ASCII characters read as a space; a
language is how often it has each. Compared is how probable they make the line (naive Bayes; Dunning 1994, "Statistical
identification of language"). 4-grams share the buckets of a hash table, so that this is small for any language.

Letters: N lines, G 4-grams of all of them, L languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BUCKETS = 1 << 15
SURE = 16.0  # nats between the two best, below which nothing is said: names, numbers, a word or two
OF_EACH = 0.35  # nats for each 4-gram, likewise: a long line in two languages
_UNSEEN = 0.5  # added to how often a 4-gram occurs
_SCALE = 256  # numbers of the table are whole, so that sums are the same on every machine
_GRAM = 4
_CLASSES = bytes(i if i >= 0x80 or chr(i).isalpha() else 0x20 for i in range(256))

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Languages:
    """What tells languages apart. `table`: log-probabilities of 4-grams · 256, (L, BUCKETS)."""

    names: tuple[str, ...]
    table: npt.NDArray[np.int16]

    @classmethod
    def learn(cls, texts: Mapping[str, bytes]) -> Languages:
        """Of lines of each language, joined by line breaks."""
        names = tuple(sorted(texts))
        counts = np.stack([_counts(texts[name]) for name in names])
        # As if there were as much of each: what none has says nothing.
        sums = np.maximum(1, counts.sum(1, keepdims=True))
        return cls(names, np.rint(np.log(counts * (sums.mean() / sums) + _UNSEEN) * _SCALE).astype(np.int16))

    @classmethod
    def together(cls, several: Sequence[Languages]) -> Languages:
        """What tells all their languages apart; of two for one language the first is taken."""
        rows: dict[str, npt.NDArray[np.float64]] = {}
        for one in several:
            for name, row in zip(one.names, one.table / _SCALE, strict=True):
                rows.setdefault(name, row - np.logaddexp.reduce(row))
        names = tuple(sorted(rows))
        table = np.rint(np.stack([rows[name] for name in names]) * _SCALE)
        return cls(names, table.astype(np.int16))

    def ranked(self, text: str) -> list[tuple[str, float]]:
        """Every language and how probable it is that the text is in it, in percent, the best first. A margin of SURE
        nats counts as 98 %: 4-grams are not as independent of each other as Bayes' rule would have it.
        """
        sums, _, _ = self._sums(text.replace("\n", " ").encode("utf-8", "replace"))
        scores = sums[:, -1] / (_SCALE * SURE / 4)
        shares = np.exp(scores - np.logaddexp.reduce(scores)) * 100
        return sorted(zip(self.names, shares.tolist(), strict=True), key=lambda item: (-item[1], item[0]))

    def knows(self, language: str) -> bool:
        """Whether it can tell lines of that language from others."""
        return language in self.names and len(self.names) > 1

    def tell(self, joined: bytes) -> list[str | None]:
        """The language of each of the lines joined by line breaks; None where it cannot be told."""
        best = self._best(*self._sums(joined))
        return [None if i < 0 else self.names[i] for i in best.tolist()]

    def foreign(self, joined: bytes, language: str) -> tuple[Mask, Mask]:
        """Of each of the lines joined by line breaks, whether it is surely in another language than this one; and, of
        others, whether one half of it is: both (N,).
        """
        sums, begin, number = self._sums(joined)
        if not self.knows(language):
            return np.zeros(len(begin), bool), np.zeros(len(begin), bool)
        own, half = self.names.index(language), number // 2
        whole, first, second = (
            self._best(sums, *part) for part in ((begin, number), (begin, half), (begin + half, number - half))
        )
        elsewhere = [(best >= 0) & (best != own) for best in (whole, first, second)]
        return elsewhere[0], (elsewhere[1] | elsewhere[2]) & ~elsewhere[0]

    def elsewhere(self, lines: Sequence[str], language: str) -> list[bool]:
        """Of each line whether it is surely in another language than this one."""
        joined = "\n".join(line.replace("\n", " ") for line in lines).encode("utf-8", "replace")
        found: list[bool] = self.foreign(joined, language)[0].tolist() if lines else []
        return found

    def _sums(self, joined: bytes) -> tuple[Ints, Ints, Ints]:
        """Sums of the table over the 4-grams before each, (L, G + 1); where each line's begin, and how many it has."""
        grams, begin, number = _grams(joined)
        sums = np.zeros((len(self.names), len(grams) + 1), np.int64)
        for row, scores in zip(sums, self.table, strict=True):
            np.cumsum(scores[grams], out=row[1:])
        return sums, begin, number

    def _best(self, sums: Ints, begin: Ints, number: Ints) -> Ints:
        """The most probable language of stretches of 4-grams; -1 where it is not much more so than the next."""
        if len(self.names) < 2:
            return np.full(len(begin), -1)
        scores = sums[:, begin + number] - sums[:, begin]
        second, first = np.sort(scores, axis=0)[-2:]
        sure = first - second >= _SCALE * np.maximum(SURE, OF_EACH * number)
        return np.where(sure, scores.argmax(0), -1)

    def to_bytes(self) -> bytes:
        return " ".join(self.names).encode() + b"\n" + self.table.astype("<i2").tobytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Languages:
        """Raises ValueError where it is none."""
        head, _, numbers = content.partition(b"\n")
        names = tuple(head.decode().split())
        return cls(names, np.frombuffer(numbers, "<i2").reshape(len(names), BUCKETS))


def _grams(joined: bytes) -> tuple[Ints, Ints, Ints]:
    """Buckets of the 4-grams of lines joined by line breaks, a space before and behind each; where those of each line
    begin, and how many it has. A 4-gram over a line's end is of no line.
    """
    padded = b"\n" + joined + b"\n" * (_GRAM - 1)
    ends = np.flatnonzero(np.frombuffer(padded, np.uint8) == 0x0A)[: 2 - _GRAM]
    lowered = padded.lower().translate(_CLASSES)
    windows = np.ndarray(len(lowered) - _GRAM + 1, "<u4", lowered, strides=(1,))
    buckets = (windows * np.uint32(0x9E3779B1)) >> np.uint32(17)
    begin = ends[:-1]
    return buckets.astype(np.int64), begin, np.maximum(0, np.diff(ends) - _GRAM + 2)


def _counts(joined: bytes) -> Ints:
    """How often each bucket occurs in lines joined by line breaks."""
    grams, begin, number = _grams(joined)
    edges = np.zeros(len(grams) + 1, np.int64)
    np.add.at(edges, begin[number > 0], 1)
    np.add.at(edges, (begin + number)[number > 0], -1)
    return np.bincount(grams[np.cumsum(edges[:-1]) > 0], minlength=BUCKETS)
