"""Windows of an epoch: of a text larger than memory so much at a time as can be planned together.

The examples of a corpus stand in blocks of BLOCK. An epoch has them in a random order of blocks, round after round
where it has a corpus several times; what is left of a round comes first in the next epoch. Each window takes its part
of every corpus, so that all windows are mixed alike. Which part is a function of the seed and the numbers of epoch and
window: it needs no state, no pass over the text, and is the same on any rank. A text that fits one window is that
window, whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nmt.data.index import Blocks
from nmt.data.rows import BLOCK
from nmt.data.store import AT_HAND

_ORDER = 5  # as a further number of a seed, so that nothing is drawn as something else is
_APART = 1 << 40  # of windows, in what stands for the epoch's number; 1 << 32 is that of validation sets


class Windows:
    """Of an epoch with these blocks of each corpus, `wanted` examples of each."""

    def __init__(self, corpora: Sequence[Blocks], wanted: Sequence[int], seed: int) -> None:
        self.wanted, self._seed = wanted, seed
        self._blocks = corpora
        self._begins = np.cumsum([0, *(corpus.examples for corpus in corpora)]).tolist()
        self.number = max(1, -(-sum(wanted) // AT_HAND)) if sum(self.sizes) > AT_HAND else 1

    @property
    def sizes(self) -> list[int]:
        """Examples that there are of each corpus."""
        return [corpus.examples for corpus in self._blocks]

    def examples(self, epoch: int, window: int) -> npt.NDArray[np.int64]:
        """The numbers of a window's examples, in order; some of them several times where an epoch has."""
        parts = [self._ranges(c, epoch, window) for c, wanted in enumerate(self.wanted) if wanted]
        return np.concatenate([np.arange(a, b) for own in parts for a, b in sorted(own)])

    def tokens(self, epoch: int, window: int) -> int:
        """What a window has to be written, roughly: a part of a block counts as such a part of its tokens."""
        found = 0.0
        for corpus, (first, blocks) in enumerate(zip(self._begins, self._blocks, strict=False)):
            if not self.wanted[corpus]:
                continue
            for begin, end in self._ranges(corpus, epoch, window):
                block = (begin - first) // BLOCK
                size = min(BLOCK, blocks.examples - block * BLOCK)
                found += blocks.written[block] * (end - begin) / size
        return round(found)

    def _ranges(self, corpus: int, epoch: int, window: int) -> list[tuple[int, int]]:
        """Of a corpus the ranges of examples that a window has."""
        size, wanted = self._blocks[corpus].examples, self.wanted[corpus]
        at, end = (epoch * wanted + wanted * w // self.number for w in (window, window + 1))
        found = []
        while at < end:
            around, begin = divmod(at, size)
            stop = min(size, begin + end - at)
            found += self._of_round(corpus, around, begin, stop)
            at += stop - begin
        return found

    def _of_round(self, corpus: int, around: int, begin: int, end: int) -> list[tuple[int, int]]:
        """The ranges of examples that stand at `begin` to `end` in the order of one round of a corpus."""
        size = self._blocks[corpus].examples
        order = np.random.default_rng([self._seed, around, corpus, _ORDER]).permutation(-(-size // BLOCK))
        firsts = order * BLOCK
        ends = np.cumsum(np.minimum(firsts + BLOCK, size) - firsts)
        a, b = np.searchsorted(ends, [begin, end - 1], side="right").tolist()
        found = []
        for i in range(a, b + 1):
            before = int(ends[i - 1]) if i else 0
            low, high = max(begin, before) - before, min(end, int(ends[i])) - before
            found.append((self._begins[corpus] + int(firsts[i]) + low, self._begins[corpus] + int(firsts[i]) + high))
        return found

    def after(self, epoch: int, window: int) -> tuple[int, int]:
        """The epoch and window that come next."""
        return (epoch, window + 1) if window + 1 < self.number else (epoch + 1, 0)


def moment(epoch: int, window: int) -> int:
    """One number for both, of which the first window has the epoch's own."""
    return epoch + window * _APART
