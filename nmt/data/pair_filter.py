"""Training pairs that a model doubts are left out: `data.filters.pair_score`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import BLANK, LONG, RATIO, SplitAudit
from nmt.data.rereading import read_again
from nmt.recipe.data import PairScore

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
    return found
