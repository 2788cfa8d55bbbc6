"""How translations are scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from nmt.recipe.section import Section
from nmt.text.metrics import LOSS, METRICS, OF_TRANSLATIONS


def _metric(value: str) -> str:
    if value not in METRICS:
        raise ValueError(f"must be one of {', '.join(f'`{name}`' for name in METRICS)}")
    return value


def _metric_or_loss(value: str) -> str:
    """`bleu`: its mean over the directions that are trained; `bleu:en-cs`: of that direction."""
    if value != LOSS:
        _metric(value.partition(":")[0])
    return value


MetricName = Annotated[str, AfterValidator(_metric)]
Criterion = Annotated[str, AfterValidator(_metric_or_loss)]  # what a validation can be judged by


class EvaluateSection(Section):
    """Which metrics, and how BLEU and ROUGE split words: `auto` goes by the target language; `unicode` serves every
    language, `rouge` is the package rouge-score's way, for a to z and 0 to 9 alone.
    """

    metrics: Annotated[list[MetricName], Field(min_length=1)] = list(OF_TRANSLATIONS)
    bleu_tokenize: Literal["auto", "13a", "char", "intl", "zh", "ja-mecab", "ko-mecab", "none"] = "auto"
    rouge_tokenize: Literal["unicode", "rouge"] = "unicode"
