"""Subword sampling: other segmentations of the same words, drawn anew in each epoch.

BPE-dropout (Provilkov et al. 2020, algorithm 1) and subword regularisation (Kudo 2018, section 3.2, by forward
filtering and backward sampling as in SentencePiece). SentencePiece's own sampler draws differently in each process,
whatever its seed; a run that uses it can be neither repeated nor resumed. Here an epoch is a function of its seed.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import Literal

import numpy as np

from nmt.tokenizer.ids import RaggedIds

SPACE = "▁"  # begins each word, and stands nowhere else
LONGEST = 16  # pieces of a word: where no spaces are written, a sentence is cut into such
VARIANTS = 64  # segmentations of a word, drawn once; each occurrence takes one of them
CACHED = 1 << 18  # variants kept, about 100 MB
BLOCK = 4096  # rows whose words are Python objects at a time

Word = tuple[int, ...]


class SubwordSampler:
    """Draws segmentations for one vocabulary."""

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], special: Sequence[bool],
        kind: Literal["unigram", "bpe"], strength: float, seed: int,
    ) -> None:  # fmt: skip
        """`pieces`, their `scores` and whether they are `special` (never made or split: bytes, symbols of the user), by
        id. `strength` is the share of merges dropped (bpe), or the exponent alpha of the probabilities (unigram).
        """
        self._pieces, self._scores, self._strength, self._seed = pieces, scores, strength, seed
        self._special = np.array(special, bool)
        self._starts = self._special | np.array([piece.startswith(SPACE) for piece in pieces], bool)
        self._ids = {piece: i for i, piece in enumerate(pieces) if not special[i]}
        self._longest = max(map(len, self._ids), default=0)
        self._segment: Callable[[str, random.Random], Word] = self._merge if kind == "bpe" else self._walk
        self._variant = lru_cache(CACHED)(self._draw)

    def sample(self, rows: RaggedIds, seed: Sequence[int]) -> RaggedIds:
        """The same text as `rows`, each word segmented at random. The same seed gives the same ids, anywhere."""
        rng = np.random.default_rng(seed)
        ids, lengths = [np.zeros(0, rows.ids.dtype)], [np.zeros(1, np.int64)]
        for begin in range(0, len(rows), BLOCK):
            offsets = rows.offsets[begin : begin + BLOCK + 1]
            block = rows.ids[offsets[0] : offsets[-1]]
            firsts = self._word_starts(block, offsets - offsets[0])
            flat, which = block.tolist(), rng.integers(VARIANTS, size=len(firsts)).tolist()
            words = [tuple(flat[first:end]) for first, end in pairwise([*firsts, len(flat)])]
            drawn = list(map(self._variant, words, which))
            ids.append(np.fromiter(chain.from_iterable(drawn), rows.ids.dtype))
            ends = np.cumsum([0, *map(len, drawn)])
            lengths.append(np.diff(ends[np.searchsorted(firsts, offsets - offsets[0])]))
        return RaggedIds(np.concatenate(ids), np.cumsum(np.concatenate(lengths)))

    def _word_starts(self, ids: np.ndarray, offsets: np.ndarray) -> list[int]:
        starts = self._starts[ids]
        starts[1:] |= self._special[ids[:-1]]
        starts[offsets[:-1][np.diff(offsets) > 0]] = True
        found = np.flatnonzero(starts)
        gaps = np.diff(np.append(found, len(ids)))
        for first, gap in zip(found[gaps > LONGEST], gaps[gaps > LONGEST], strict=True):
            starts[first : first + gap : LONGEST] = True
        firsts: list[int] = np.flatnonzero(starts).tolist()
        return firsts

    def _draw(self, word: Word, which: int) -> Word:
        if self._special[word[0]]:
            return word
        text = "".join(self._pieces[i] for i in word)
        return self._segment(text, random.Random(f"{self._seed} {which} {text}"))

    def _merge(self, text: str, rng: random.Random) -> Word:
        """Merge the pair of the highest score, then again, while each time some pairs are left out."""
        symbols = list(text)
        while True:
            pairs = [
                (-self._scores[merged], i)
                for i in range(len(symbols) - 1)
                if (merged := self._ids.get(symbols[i] + symbols[i + 1])) is not None and rng.random() >= self._strength
            ]
            if not pairs:
                return tuple(self._ids[symbol] for symbol in symbols)
            _, first = min(pairs)
            symbols[first : first + 2] = [symbols[first] + symbols[first + 1]]

    def _walk(self, text: str, rng: random.Random) -> Word:
        """Sum the probabilities of all ways to each position; then walk back from the end by them."""
        ways: list[list[tuple[int, int]]] = [[]]  # to each position: (position before, piece)
        weights: list[list[float]] = [[]]  # of those, relative to the most probable
        total = [0.0]  # log of the sum
        for end in range(1, len(text) + 1):
            begins = range(max(0, end - self._longest), end)
            into = [(begin, self._ids[text[begin:end]]) for begin in begins if text[begin:end] in self._ids]
            logs = [total[begin] + self._strength * self._scores[piece] for begin, piece in into]
            top = max(logs)
            ways.append(into)
            weights.append([math.exp(log - top) for log in logs])
            total.append(top + math.log(sum(weights[-1])))
        found, position = [], len(text)
        while position:
            ((position, piece),) = rng.choices(ways[position], weights[position])
            found.append(piece)
        return tuple(reversed(found))
