"""Do two texts translate each other? What a translator says of that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nmt.tokenizer import Side

if TYPE_CHECKING:
    from nmt.decode.hypothesis import Hypothesis
    from nmt.decode.translator import Translator

OTHERS = 12  # sources of other pairs that each translation is held against
FEWEST = 100  # sources to choose from, where so many came
SURE = 5.0  # nats, times the root of the number of tokens: who is so far ahead is not held against more of them


class ContrastScorer:
    """A translator as a judge of pairs: the probability that a target belongs to its source, and not to one of OTHERS
    other sources of the same text, which all are equally probable before (the form of van den Oord et al. 2018, eq. 4):
    p(y|x) / (p(y|x) + Σ p(y|x')).

    So what makes a target improbable by itself, a name or a rare word, counts nothing. The others are of the same call,
    and, for the few pairs that the last call of a long text may have, of those before.
    """

    sides: tuple[Side, Side] = ("src", "tgt")

    def __init__(self, translator: Translator) -> None:
        self.translator = translator
        self.checkpoint = translator.checkpoint
        self._before: list[str] = []  # sources of earlier calls

    @classmethod
    def load(cls, run: Path, checkpoint: str = "best", device: str = "auto") -> ContrastScorer:
        """Raises RunError where the run does not translate lines of text."""
        from nmt.decode.translator import Translator

        return cls(Translator.load(run, checkpoint=checkpoint, device=device))

    def score(self, texts: Sequence[tuple[str, str]]) -> list[float]:
        """Probabilities from 0 to 1; 0 where a text is blank, 1 where there is no other source."""
        whole = np.array([bool(src.strip() and tgt.strip()) for src, tgt in texts], bool)
        own, sure = np.zeros(len(texts)), np.zeros(len(texts))
        right = self._scored([texts[i] for i in np.flatnonzero(whole).tolist()])
        own[whole] = [found.log_prob for found in right]
        sure[whole] = [SURE * math.sqrt(len(found.tokens) + 1) for found in right]
        others = np.full(len(texts), -math.inf)  # log of the sum of p(y|x')
        sources = [*self._before, *(src for src, _ in texts)]
        self._before = sources[-FEWEST:]
        if len(texts) >= FEWEST:
            sources = sources[-len(texts) :]
        first = len(sources) - len(texts)
        for turn in _turns(len(sources)):
            held = np.flatnonzero(whole & (np.isneginf(others) | (own - others < sure)))
            against = [(i, sources[(first + i + turn) % len(sources)]) for i in held.tolist()]
            against = [(i, src) for i, src in against if src.strip() and src != texts[i][0]]
            found = [found.log_prob for found in self._scored([(src, texts[i][1]) for i, src in against])]
            index = [i for i, _ in against]
            others[index] = np.logaddexp(others[index], found)
        return np.where(whole, 1 / (1 + np.exp(np.clip(others - own, -700, 700))), 0.0).tolist()  # type: ignore[no-any-return]

    def _scored(self, pairs: Sequence[tuple[str, str]]) -> list[Hypothesis]:
        return self.translator.score(pairs) if pairs else []


def _turns(number: int) -> list[int]:
    """How far away the others are: never in the neighbourhood, where what is shifted has its own."""
    steps = (round(number * (k + 0.5) / (OTHERS + 1)) for k in range(OTHERS))
    return list(dict.fromkeys(step for step in steps if 0 < step < number))
