"""The shape of the model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from nmt.recipe.section import Int, Probability, Section, derived

PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"d_model": 128, "d_ff": 256, "num_heads": 4, "num_encoder_layers": 4, "num_decoder_layers": 4},
    "small": {"d_model": 256, "d_ff": 1024, "num_heads": 4, "num_encoder_layers": 3, "num_decoder_layers": 3},
    "base": {"d_model": 512, "d_ff": 2048, "num_heads": 8, "num_encoder_layers": 6, "num_decoder_layers": 6},
    "big": {"d_model": 1024, "d_ff": 4096, "num_heads": 16, "num_encoder_layers": 6, "num_decoder_layers": 6},
}


Width = Annotated[Int, Field(gt=0, le=1_000_000)]
Depth = Annotated[Int, Field(gt=0, le=1000)]


class ModelSection(Section):
    """The Transformer's shape. `preset` fills the numbers that are not given; where neither it nor any of them is, it
    follows from the data and the planned length, as does the dropout: see defaults.py.
    """

    preset: Literal["tiny", "small", "base", "big"] = derived("small")
    d_model: Width = PRESETS["small"]["d_model"]
    d_ff: Width = PRESETS["small"]["d_ff"]
    num_heads: Width = PRESETS["small"]["num_heads"]
    num_encoder_layers: Depth = PRESETS["small"]["num_encoder_layers"]
    num_decoder_layers: Depth = PRESETS["small"]["num_decoder_layers"]
    norm: Literal["pre", "post"] = "pre"
    activation: Literal["relu", "gelu", "swiglu"] = "relu"
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    max_positions: Width = 1024  # of learned positions; sinusoids have no end
    tie_embeddings: Literal["all", "target", "none"] = "all"
    dropout: Probability = derived(0.1)
    attention_dropout: Probability = 0.0

    @property
    def position_limit(self) -> int | None:
        """The most tokens, `<s>` or `</s>` counted, that have a position; None: any number."""
        return self.max_positions if self.positions == "learned" else None

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset")
        given = isinstance(preset, str) and preset in PRESETS
        return {**PRESETS[str(preset)], **values} if given else values

    @property
    def open_keys(self) -> list[str]:
        numbers = self.model_fields_set & set(PRESETS["small"])
        return [key for key in super().open_keys if not (key == "preset" and numbers)]

    def as_written(self) -> dict[str, Any]:
        """Without the numbers that a preset is still to give."""
        values = super().as_written()
        return {k: v for k, v in values.items() if not ("preset" in self.open_keys and k in PRESETS["small"])}

    @model_validator(mode="after")
    def _divisible(self) -> ModelSection:
        if self.d_model % self.num_heads:
            raise ValueError(f"`num_heads` ({self.num_heads}) must divide `d_model` ({self.d_model})")
        if self.d_model % 2:
            raise ValueError(f"`d_model` ({self.d_model}) must be even")
        return self
