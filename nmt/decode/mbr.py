"""Minimum Bayes risk decoding (Kumar and Byrne 2004; Eikema and Aziz 2020): the hypothesis most like all the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

Utility = Literal["chrf", "bleu"]


def expected_utility(texts: Sequence[str], utility: Utility) -> list[float]:
    """The mean score of each text with each of the texts as reference, 0 to 100, by sacreBLEU's sentence scores.

    Texts are samples: one that stands there twice counts twice.
    """
    different = list(dict.fromkeys(texts))
    times = [texts.count(text) for text in different]
    score = _scorer(utility)
    table = {
        hyp: sum(n * score(hyp, ref) for ref, n in zip(different, times, strict=True)) / len(texts) for hyp in different
    }
    return [table[text] for text in texts]


def _scorer(utility: Utility) -> Callable[[str, str], float]:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF() if utility == "chrf" else BLEU(effective_order=True, force=True)
    return lambda hyp, ref: float(metric.sentence_score(hyp, [ref]).score)
