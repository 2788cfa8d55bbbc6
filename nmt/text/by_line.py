"""Metrics that are the mean of a value of each line, behind the calls of sacreBLEU's metrics.

So its significance tests take them as they take BLEU. A metric of the corpus as a whole, such as macro-F1, has a place
here by the jackknife: see `pseudo_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nmt.version import VERSION

Refs = Sequence[str]  # of one line; at least one
Values = Sequence[Sequence[float]]  # of each line, 0 to 1: the score, then its parts


@dataclass(frozen=True)
class Result:
    """A score from 0 to 100."""

    name: str
    score: float


class Signature:
    """`rouge:L|tok:unicode|refs:1|version:0.1`: what is needed to compute a score again."""

    def __init__(self, entries: dict[str, str]) -> None:
        self._entries = entries

    def update(self, key: str, value: object) -> None:
        self._entries[key] = str(value)

    def format(self) -> str:
        return "|".join(f"{key}:{value}" for key, value in {**self._entries, "version": VERSION}.items())


class MeanOfLines:
    """What scores by one metric. As those of sacreBLEU do, it knows after scoring how many references there were, and
    its `parts`: what belongs to the score by name, such as precision and recall.
    """

    def __init__(
        self, name: str, values: Callable[[Sequence[str], Sequence[Refs]], Values], signature: dict[str, str],
        parts: Sequence[str] = (), counts_references: bool = True,
    ) -> None:  # fmt: skip
        """`values` gets all hypotheses, and the references of each. `parts` are the names of what it gives of a line
        beside the score.
        """
        self._name, self._values, self._signature, self._parts = name, values, signature, parts
        self._counts_references = counts_references
        self._refs = ""
        self.parts: dict[str, float] = {}

    def corpus_score(self, hyps: Sequence[str], refs: Sequence[Sequence[str | None]]) -> Result:
        """`refs` are streams, as sacreBLEU has them: None is no reference."""
        return self._aggregate_and_compute(self._extract_corpus_statistics(hyps, refs))

    def sentence_score(self, hyp: str, refs: Sequence[str | None]) -> Result:
        return self.corpus_score([hyp], [[ref] for ref in refs])

    def get_signature(self) -> Signature:
        """Once something was scored: it tells the number of references."""
        several = {"agg": "max"} if self._refs not in ("", "1") else {}
        return Signature({**self._signature, **({"refs": self._refs, **several} if self._counts_references else {})})

    # What the significance tests call: rows that may be added up, and the score of their sum.

    def _extract_corpus_statistics(
        self, hyps: Sequence[str], refs: Sequence[Sequence[str | None]]
    ) -> list[tuple[float, ...]]:
        lines = [[ref for ref in of_line if ref is not None] for of_line in zip(*refs, strict=True)]
        numbers = {len(of_line) for of_line in lines}
        self._refs = str(numbers.pop()) if len(numbers) == 1 else "var"
        return [(*values, 1.0) for values in self._values(hyps, lines)]

    def _aggregate_and_compute(self, rows: Sequence[Sequence[float]]) -> Result:
        sums = np.sum(np.asarray(rows, np.float64), axis=0)
        self.parts = {name: float(100 * part / sums[-1]) for name, part in zip(self._parts, sums[1:], strict=False)}
        return self._compute_score_from_stats(sums)

    def _compute_score_from_stats(self, sums: Sequence[float]) -> Result:
        return Result(self._name, float(100 * sums[0] / sums[-1]))


def of_each(value: Callable[[str, Refs], Sequence[float]]) -> Callable[[Sequence[str], Sequence[Refs]], Values]:
    """Of a function of one line that of many."""
    return lambda hyps, refs: [value(hyp, of_line) for hyp, of_line in zip(hyps, refs, strict=True)]


def pseudo_values(whole: float, without: Sequence[float]) -> Values:
    """Of each line what it adds to a score of the whole, so that their mean is that score: N·T − (N − 1)·T₋ᵢ, moved by
    what is left (the jackknife, Efron and Tibshirani 1993, chapter 11). `without`: the scores without each line.
    """
    left = np.asarray(without, np.float64)
    values = len(left) * whole - (len(left) - 1) * left
    return [(value,) for value in (values - values.mean() + whole).tolist()]
