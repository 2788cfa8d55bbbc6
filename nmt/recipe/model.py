"""The shape of the model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from nmt.recipe.section import PositiveInt, Probability, Section

PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"d_model": 128, "d_ff": 256, "num_heads": 4, "num_encoder_layers": 4, "num_decoder_layers": 4},
    "small": {"d_model": 256, "d_ff": 1024, "num_heads": 4, "num_encoder_layers": 3, "num_decoder_layers": 3},
    "base": {"d_model": 512, "d_ff": 2048, "num_heads": 8, "num_encoder_layers": 6, "num_decoder_layers": 6},
    "big": {"d_model": 1024, "d_ff": 4096, "num_heads": 16, "num_encoder_layers": 6, "num_decoder_layers": 6},
}


class ModelSection(Section):
    """The Transformer's shape. `preset` fills the numbers that are not given."""

    preset: Literal["tiny", "small", "base", "big"] = "small"
    d_model: PositiveInt = 0
    d_ff: PositiveInt = 0
    num_heads: PositiveInt = 0
    num_encoder_layers: PositiveInt = 0
    num_decoder_layers: PositiveInt = 0
    norm: Literal["pre", "post"] = "pre"
    activation: Literal["relu", "gelu", "swiglu"] = "relu"
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    max_positions: PositiveInt = 1024  # of learned positions; sinusoids have no end
    tie_embeddings: Literal["all", "target", "none"] = "all"
    dropout: Probability = 0.1
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
        # An unknown preset is a fault of its own; without numbers there would be five more.
        return {**PRESETS[preset if isinstance(preset, str) and preset in PRESETS else "small"], **values}

    @model_validator(mode="after")
    def _divisible(self) -> ModelSection:
        if self.d_model % self.num_heads:
            raise ValueError(f"`num_heads` ({self.num_heads}) must divide `d_model` ({self.d_model})")
        if self.d_model % 2:
            raise ValueError(f"`d_model` ({self.d_model}) must be even")
        return self
