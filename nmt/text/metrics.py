"""BLEU, chrF, chrF++ and TER of translations, as sacreBLEU (Post 2018) computes them, each with its signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nmt.errors import DataError

LABELS = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER"}


@dataclass(frozen=True)
class Score:
    """A corpus score, 0 to 100 (TER may exceed it, and less is better), and what is needed to compute it again."""

    name: str
    value: float
    signature: str
    interval: float | None = None  # half the width of the 95 % confidence interval, if it was asked for

    def to_json(self) -> dict[str, Any]:
        interval = {} if self.interval is None else {"interval": self.interval}
        return {"score": self.value, **interval, "signature": self.signature}

    def __str__(self) -> str:
        return f"{self.value:.1f}" + ("" if self.interval is None else f" ± {self.interval:.1f}")


def score(
    hyps: Sequence[str],
    refs: Sequence[str] | Sequence[Sequence[str]],
    metrics: Sequence[str] = ("bleu", "chrf", "chrf++", "ter"),
    bleu_tokenize: str = "13a",
    confidence: bool = False,
) -> list[Score]:
    """Corpus scores in the order of `metrics`, the very numbers of the `sacrebleu` command; with `confidence` those of
    its --confidence, too (bootstrap resampling with a fixed seed, Koehn 2004).

    `refs` is one reference for each hypothesis, or several such lists. Raises DataError where there is nothing to
    score or the numbers of lines differ.
    """
    from sacrebleu.significance import PairedTest

    # Trailing spaces count for some tokenizers; the command takes them away too.
    hyps = [line.rstrip() for line in hyps]
    streams = [[line.rstrip() for line in stream] for stream in _streams(refs)]
    if not hyps or not streams:
        raise DataError(f"there are no {'translations' if streams else 'references'} to score.")
    for stream in streams:
        if len(stream) != len(hyps):
            raise DataError(
                f"there are {len(hyps):,} translations, but {len(stream):,} references; line n belongs to line n."
            )
    scores = []
    for name in metrics:
        metric = make_metric(name, bleu_tokenize)
        if confidence:
            # The test of one system alone; corpus_score's own bootstrap fails where a resample has no match.
            signatures, results = PairedTest([("", hyps)], {name: metric}, streams, test_type="bs")()
            ((label, signature),) = signatures.items()
            result: Any = results[label][0]
            scores.append(Score(name, float(result.score), signature.format(), float(result.ci)))
        else:
            value = float(metric.corpus_score(hyps, streams).score)
            scores.append(Score(name, value, metric.get_signature().format()))  # whole after scoring only
    return scores


def _streams(refs: Sequence[str] | Sequence[Sequence[str]]) -> list[Sequence[str]]:
    lines = [ref for ref in refs if isinstance(ref, str)]
    return [lines] if lines else [ref for ref in refs if not isinstance(ref, str)]


def make_metric(name: str, bleu_tokenize: str = "13a") -> Any:
    """sacreBLEU's metric. Raises DataError where it is unknown, or needs what is not installed."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    match name:
        case "bleu":
            try:
                # force: no warning about tokenized text at every validation
                return BLEU(tokenize=bleu_tokenize, force=True)
            except (ImportError, RuntimeError) as e:
                reason = str(e).strip().partition("\n")[0]
                raise DataError(
                    f"BLEU cannot be computed with `evaluate.bleu_tokenize: {bleu_tokenize}`: {reason}",
                    "Install what it needs, such as sacrebleu[ja] or sacrebleu[ko], or choose another.",
                ) from None
        case "chrf":
            return CHRF()
        case "chrf++":
            return CHRF(word_order=2)
        case "ter":
            return TER()
        case _:
            raise DataError(f"`{name}` is no metric.", f"Known: {', '.join(LABELS)}.")
