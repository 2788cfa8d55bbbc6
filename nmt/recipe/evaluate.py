"""How translations are scored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nmt.recipe.section import Section


class EvaluateSection(Section):
    """Which metrics of sacreBLEU, and how BLEU splits words (`13a` unless the target language needs its own)."""

    metrics: Annotated[list[Literal["bleu", "chrf", "chrf++", "ter"]], Field(min_length=1)] = [
        "bleu", "chrf", "chrf++", "ter",
    ]  # fmt: skip
    bleu_tokenize: Literal["13a", "char", "intl", "zh", "ja-mecab", "ko-mecab", "none"] = "13a"
