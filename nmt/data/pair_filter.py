"""Training pairs that a model doubts are left out: `data.filters.pair_score`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import BLANK, LONG, RATIO, SplitAudit
from nmt.data.rereading import read_again
from nmt.recipe.data import PairScore

SHIFTED = 15  # doubted pairs of a stretch, less the others in it, that say that something is shifted

Score = Callable[[Sequence[tuple[str, str]]], list[float]]  # pairs of texts → probabilities that they belong together


def doubted(section: PairScore, train: SplitAudit, score: Score) -> npt.NDArray[np.bool_]:
    """Of each training pair whether it is below `min`. Blank pairs, what is too long or too unequal anyway, and text of
    one language are not looked at.
    """
    open_to = (train.flags & (BLANK | LONG | RATIO) == 0) & ~train.of_one_language
    found = np.zeros(train.pairs, bool)
    sources = [source for source, _ in train.sources]
    with console.progress("Scoring pairs", int(open_to.sum()), "pairs") as advance:
        for _, index, chunk in read_again(sources, train.pairs):
            own = np.flatnonzero(open_to[index : index + len(chunk.src)])
            pairs = [(chunk.src[i].decode(), chunk.tgt[i].decode()) for i in own.tolist()]
            found[index + own] = np.array(score(pairs)) < section.min
            advance(len(own))
    _tell_where_shifted(train, found, open_to)
    return found


def stretches(found: npt.NDArray[np.bool_], open_to: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where nearly all pairs of many in a row are doubted: first and last of them, from 0.

    Each doubted pair counts 1, each other that was looked at −1; a stretch begins anew where the sum has fallen by
    SHIFTED, and is one if it has come to that.
    """
    place = np.cumsum(open_to)
    stretch: list[tuple[int, int]] = []
    first = last = before = -1
    score = best = 0
    for i in np.flatnonzero(found).tolist():
        score -= int(place[i]) - before - 1
        if first < 0 or score <= 0 or best - score >= SHIFTED:
            if best >= SHIFTED:
                stretch.append((first, last))
            first, score, best = i, 0, 0
        score, before = score + 1, int(place[i])
        if score > best:
            best, last = score, i
    return [*stretch, (first, last)] if best >= SHIFTED else stretch


def _tell_where_shifted(train: SplitAudit, found: npt.NDArray[np.bool_], open_to: npt.NDArray[np.bool_]) -> None:
    """A second witness beside the lengths of the lines (shift.py), which sees where meanings part."""
    begin = 0
    for source, pairs in train.sources:
        own = slice(begin, begin + pairs)
        begin += pairs
        for first, last in stretches(found[own], open_to[own]):
            number = int(found[own][first : last + 1].sum())
            ends = source.where("src", first + 1), f"{last + 1:,}"
            console.warn(
                f"{ends[0]} to {ends[1]}: {number} of {last - first + 1} pairs are taken for no translations; "
                "the sides seem to be shifted against each other there."
            )
