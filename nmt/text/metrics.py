"""Scores of translations, each with its signature. BLEU, chrF, chrF++ and TER are sacreBLEU's (Post 2018)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nmt.errors import DataError

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric as Scorer


@dataclass(frozen=True)
class Metric:
    """One entry of METRICS. `make` gets the name of a tokenizer for BLEU and gives what scores: an object with
    sacreBLEU's methods `corpus_score`, `sentence_score` and `get_signature`, which its significance tests take too.
    """

    name: str  # in recipes, options and JSON
    label: str  # in tables
    make: Callable[[str], Scorer]
    higher_is_better: bool = True


def _bleu(tokenize: str) -> Scorer:
    from sacrebleu.metrics.bleu import BLEU

    try:
        # force: no warning about tokenized text at every validation
        return BLEU(tokenize=tokenize, force=True)
    except (ImportError, RuntimeError) as e:
        reason = str(e).strip().partition("\n")[0]
        raise DataError(
            f"BLEU cannot be computed with `bleu_tokenize: {tokenize}`: {reason}",
            "Install what it needs, such as sacrebleu[ja] or sacrebleu[ko], or choose another, such as char.",
        ) from None


def _chrf(word_order: int) -> Scorer:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=word_order)


def _ter() -> Scorer:
    from sacrebleu.metrics.ter import TER

    return TER()


# A new metric is one more entry: recipes, commands, comparisons and reports all look here.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("bleu", "BLEU", _bleu),
        Metric("chrf", "chrF", lambda _: _chrf(0)),
        Metric("chrf++", "chrF++", lambda _: _chrf(2)),
        Metric("ter", "TER", lambda _: _ter(), higher_is_better=False),
    )
}
LOSS = "loss"  # what a validation measures besides METRICS, in nats a token; lower is better
BITS = "bits_per_character"  # of a language model: `</s>` costs bits, but the end of a line is no character
_LABELS = {LOSS: LOSS, BITS: "bits a character", "perplexity": "perplexity"} | {
    name: name.replace("_", " ") for name in ("masked_accuracy", "pair_accuracy", "pseudo_perplexity")
}


def label(name: str) -> str:
    """What a table calls a metric; names of programs outside, such as comet, in capitals."""
    return METRICS[name].label if name in METRICS else _LABELS.get(name, name.upper())


def figure(name: str, value: float) -> str:
    """A value of a metric as people read it."""
    return f"{value:.3f}" if name in (LOSS, BITS) else f"{value:.1f}"


def higher_is_better(name: str) -> bool:
    """Whether a larger value of the metric, or of the loss, means better translations."""
    return METRICS[name].higher_is_better if name in METRICS else name not in (LOSS, BITS)


def bleu_tokenizer(wanted: str, target_lang: str) -> str:
    """How BLEU splits words; `auto` goes by the target language. Chinese has a tokenizer of its own in sacreBLEU;
    Japanese and Korean have one each where it is installed; in other languages without spaces each character counts.
    """
    if wanted != "auto":
        return wanted
    language = re.split("[-_]", target_lang.lower())[0]
    match language:
        case "zh" | "yue" | "wuu":
            return "zh"
        case "ja" | "ko":
            package = {"ja": "MeCab", "ko": "mecab_ko"}[language]
            return f"{language}-mecab" if find_spec(package) else "char"
        case "th" | "lo" | "km" | "my" | "bo" | "dz":
            return "char"
        case _:
            return "13a"


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
    metrics: Sequence[str] = tuple(METRICS),
    bleu_tokenize: str = "13a",
    confidence: bool = False,
) -> list[Score]:
    """Corpus scores in the order of `metrics`, the very numbers of the `sacrebleu` command; with `confidence` those of
    its --confidence, too (bootstrap resampling with a fixed seed, Koehn 2004).

    `refs` is one reference for each hypothesis, or several such lists; see reference_streams. Raises DataError where
    there is nothing to score or the numbers of lines differ.
    """
    from sacrebleu.significance import PairedTest

    # Trailing spaces count for some tokenizers; the command takes them away too.
    hyps = [line.rstrip() for line in hyps]
    streams = reference_streams(refs)
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


def reference_streams(refs: Sequence[str] | Sequence[Sequence[str]]) -> list[list[Any]]:
    """References as sacreBLEU takes them: without trailing spaces; and None, which it passes over, where a line of any
    stream but the first is blank. An empty string would count as a reference, as it does for its command: BLEU and TER
    go by the lengths of all.
    """
    lines = [ref for ref in refs if isinstance(ref, str)]
    streams = [lines] if lines else [ref for ref in refs if not isinstance(ref, str)]
    return [[line.rstrip() or ("" if number == 0 else None) for line in s] for number, s in enumerate(streams)]


def make_metric(name: str, bleu_tokenize: str = "13a") -> Scorer:
    """What scores by that metric. Raises DataError where it is unknown, or needs what is not installed."""
    if name not in METRICS:
        raise DataError(f"`{name}` is no metric.", f"Known: {', '.join(METRICS)}.")
    return METRICS[name].make(bleu_tokenize)
