"""Minimum Bayes risk decoding (Kumar and Byrne 2004; Eikema and Aziz 2020): the hypothesis most like all the others.

Every text is scored against every other by sacreBLEU's sentence scores, all pairs at once: one by one, those of a
hundred samples of a line would take seconds. Shapes: N different texts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from nmt.decode.hypothesis import Hypothesis
from nmt.text.metrics import make_metric

Utility = Literal["chrf", "bleu"]
Table = npt.NDArray[np.float64]

CHRF_ORDER, BETA = 6, 2  # sacreBLEU's chrF2
BLEU_ORDER = 4


def expected_utility(texts: Sequence[str], utility: Utility, bleu_tokenize: str = "13a") -> list[float]:
    """The mean score of each text with each of the texts as reference, 0 to 100.

    Texts are samples: one that stands there twice counts twice. bleu_tokenize: how BLEU splits words.
    """
    times = Counter(texts)
    scores = chrf_of_pairs(list(times)) if utility == "chrf" else bleu_of_pairs(list(times), bleu_tokenize)
    mean = dict(zip(times, (scores @ np.array(list(times.values()))) / len(texts), strict=True))
    return [float(mean[text]) for text in texts]


def ranked(
    found: list[tuple[str, Hypothesis]], mbr: Utility | Literal["none"], bleu_tokenize: str
) -> list[tuple[str, Hypothesis]]:
    """The hypotheses of a line with their expected utility as score, the best first, each text once; or as they are."""
    if mbr == "none":
        return found
    utility = expected_utility([text for text, _ in found], mbr, bleu_tokenize)
    best_first = sorted(zip(found, utility, strict=True), key=lambda each: -each[1])
    different = {text: replace(h, score=score) for (text, h), score in reversed(best_first)}
    return list(reversed(different.items()))


def chrf_of_pairs(texts: Sequence[str]) -> Table:
    """Sentence chrF (Popović 2015) of text i with text j as reference, (N,N)."""
    squeezed = ["".join(text.split()) for text in texts]
    precision, recall, orders = (np.zeros((len(texts), len(texts))) for _ in range(3))
    for n in range(1, CHRF_ORDER + 1):
        matches, totals = common([[text[i : i + n] for i in range(len(text) - n + 1)] for text in squeezed])
        both = (totals[:, None] > 0) & (totals > 0)  # other orders do not count
        precision += np.where(both, matches / np.maximum(totals, 1)[:, None], 0)
        recall += np.where(both, matches / np.maximum(totals, 1), 0)
        orders += both
    precision, recall = precision / np.maximum(orders, 1), recall / np.maximum(orders, 1)
    weighted = BETA**2 * precision + recall
    scores: Table = 100 * (1 + BETA**2) * precision * recall / np.where(weighted > 0, weighted, 1)
    return scores


def bleu_of_pairs(texts: Sequence[str], bleu_tokenize: str = "13a") -> Table:
    """Sentence BLEU of text i with text j as reference, (N,N): exponential smoothing, and only the orders that the
    hypothesis is long enough for (sacreBLEU's `effective_order`).
    """
    scorer: Any = make_metric("bleu", bleu_tokenize)
    tokenize = scorer.tokenizer
    words = [tokenize(text.rstrip()).split() for text in texts]
    lengths = np.array([len(row) for row in words], np.float64)
    log_precisions, smoothing = np.zeros((len(texts), len(texts))), np.ones((len(texts), len(texts)))
    orders, any_match = np.zeros(len(texts)), np.zeros((len(texts), len(texts)), bool)
    for n in range(1, BLEU_ORDER + 1):
        matches, totals = common([[tuple(row[i : i + n]) for i in range(len(row) - n + 1)] for row in words])
        possible = (totals > 0)[:, None]
        smoothing = np.where(possible & (matches == 0), 2 * smoothing, smoothing)
        smoothed = np.where(matches > 0, matches, 1 / smoothing) / np.maximum(totals, 1)[:, None]
        log_precisions += np.where(possible, np.log(smoothed), 0)
        orders += totals > 0
        any_match |= matches > 0
    shortness = np.minimum(0, 1 - lengths / np.maximum(lengths, 1)[:, None])
    scores: Table = 100 * np.exp(shortness + log_precisions / np.maximum(orders, 1)[:, None])
    return np.where(any_match, scores, 0)


def common(grams: Sequence[Sequence[object]]) -> tuple[Table, Table]:
    """How many n-grams each two texts have in common, (N,N), and each has, (N); the second `a` of a text is the second
    `a` of another, so that a product of zeros and ones counts them.
    """
    columns: dict[tuple[object, int], int] = {}
    rows, places = [], []
    for row, own in enumerate(grams):
        seen: dict[object, int] = {}
        for gram in own:
            seen[gram] = number = seen.get(gram, 0) + 1
            rows.append(row)
            places.append(columns.setdefault((gram, number), len(columns)))
    table = np.zeros((len(grams), max(1, len(columns))), np.float32)
    table[rows, places] = 1
    return (table @ table.T).astype(np.float64), np.array([len(own) for own in grams], np.float64)
