"""What is learned from an example: to translate it, or, of text of one language, to restore what noise took away."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from nmt.recipe.model import ModelKind
from nmt.recipe.section import NonNegativeFloat, Probability, Section

Kind = Literal["translate", "infill", "mass", "spans", "mlm", "lm"]
Pairs = Literal["none", "next", "translation"]

# What each kind takes, and its usual value: the share that is masked, and how many words or pieces a span has
_USUAL: dict[str, dict[str, float]] = {
    "translate": {},
    "infill": {"mask": 0.3, "span": 3.0},
    "mass": {"mask": 0.5},
    "spans": {"mask": 0.15, "span": 3.0},
    "mlm": {"mask": 0.15},
    "lm": {},
}


class ObjectiveSection(Section):
    """`kind` alone is enough; data/noise.py says what each noise does exactly.

    * translate: the target from the source;
    * infill: a line from itself with spans of words replaced by one mask each (BART, Lewis et al. 2020), and with
      `permute_sentences` with its sentences in another order;
    * mass: one stretch of a line, from the line without it (MASS, Song et al. 2019);
    * spans: the spans taken out of a line, from the line without them (T5, Raffel et al. 2020);
    * mlm: the pieces behind masks, by an encoder alone; and with `pairs` whether two texts belong together: a line and
      the next of its document, or the two sides of a translation (BERT, Devlin et al. 2019);
    * lm: each piece of a line from those before it, by a decoder alone.
    """

    kind: Kind = "translate"
    mask: Probability = 0.0  # share of the words (infill) or pieces that are masked
    span: NonNegativeFloat = 0.0  # mean length of a masked span: words (infill), pieces (spans)
    permute_sentences: bool = False  # infill: the sentences of a line are shuffled first, too
    pairs: Pairs = "none"  # mlm: which two texts belong together

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("kind", "translate") not in _USUAL:
            return values
        kind = values.get("kind", "translate")
        usual = _USUAL[kind]
        for key in ("mask", "span"):
            if key not in usual and values.get(key):
                raise ValueError(f"`kind: {kind}` has no `{key}`")
        if kind != "infill" and values.get("permute_sentences"):
            raise ValueError(f"`kind: {kind}` has no `permute_sentences`; `infill` has")
        if kind != "mlm" and values.get("pairs", "none") != "none":
            raise ValueError(f"`kind: {kind}` has no `pairs`; `mlm` has")
        return usual | values

    @model_validator(mode="after")
    def _spans(self) -> ObjectiveSection:
        least = {"infill": 0.5, "spans": 1.0}.get(self.kind, 0.0)
        if self.span < least:
            raise ValueError(f"`span` must be at least {least:g}")
        return self

    @property
    def of_one_language(self) -> bool:
        """Whether its examples are lines without a translation."""
        return self.kind != "translate" and self.pairs != "translation"

    @property
    def learned_by(self) -> tuple[ModelKind, ...]:
        """The kinds of model that can learn it, the usual one first."""
        match self.kind:
            case "mlm":
                return ("encoder",)
            case "lm":
                return ("decoder",)
            case "translate":
                return ("encoder_decoder", "decoder")
        return ("encoder_decoder",)
