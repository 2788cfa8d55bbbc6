"""The shape of the model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from nmt.recipe.experts import ExpertsSection
from nmt.recipe.section import Int, Probability, Section, derived

PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"d_model": 128, "d_ff": 256, "num_heads": 4, "num_encoder_layers": 4, "num_decoder_layers": 4},
    "small": {"d_model": 256, "d_ff": 1024, "num_heads": 4, "num_encoder_layers": 3, "num_decoder_layers": 3},
    "base": {"d_model": 512, "d_ff": 2048, "num_heads": 8, "num_encoder_layers": 6, "num_decoder_layers": 6},
    "big": {"d_model": 1024, "d_ff": 4096, "num_heads": 16, "num_encoder_layers": 6, "num_decoder_layers": 6},
}
DROPOUTS = ("dropout", "attention_dropout", "activation_dropout")  # keys that change no weight's meaning


ModelKind = Literal["encoder_decoder", "encoder", "decoder"]
Width = Annotated[Int, Field(gt=0, le=1_000_000)]
Depth = Annotated[Int, Field(gt=0, le=1000)]


# What a model of a kind has not
_WITHOUT: dict[str, list[str]] = {"encoder": ["num_decoder_layers"], "decoder": ["num_encoder_layers"]}


class ModelSection(Section):
    """The model's kind and shape. `preset` fills the numbers that are not given; where neither it nor any of them is,
    it follows from the data and the planned length, as does the dropout: see defaults.py.
    """

    kind: ModelKind = "encoder_decoder"
    preset: Literal["tiny", "small", "base", "big"] = derived("small")
    d_model: Width = PRESETS["small"]["d_model"]
    d_ff: Width = PRESETS["small"]["d_ff"]
    num_heads: Width = PRESETS["small"]["num_heads"]
    num_encoder_layers: Depth = PRESETS["small"]["num_encoder_layers"]
    num_decoder_layers: Depth = PRESETS["small"]["num_decoder_layers"]
    prefix: Literal["visible", "causal"] | None = None  # decoder: whether source positions see all of the source
    norm: Literal["pre", "post"] = "pre"
    activation: Literal["relu", "gelu", "swiglu"] = "relu"
    positions: Literal["sinusoidal", "rotary", "mixed", "learned"] = "mixed"
    max_positions: Width = 1024  # of learned positions; the others have no end
    tie_embeddings: Literal["all", "target", "none"] = "all"
    dropout: Probability = derived(0.1)
    attention_dropout: Probability = 0.0
    activation_dropout: Probability = 0.0  # of what is between the two projections of a feed-forward block
    experts: ExpertsSection | None = None  # in the place of one feed-forward block

    @property
    def position_limit(self) -> int | None:
        """The most tokens, `<s>` or `</s>` counted, that have a position; None: any number."""
        return self.max_positions if self.positions == "learned" else None

    @property
    def first_rotary(self) -> int | None:
        """The first layer of a stack, from 0, whose self-attention is rotary, as is that of all above it; None: none.
        Where it is 0, nothing else tells positions; with `mixed`, sinusoids are added to the embeddings too.
        """
        return {"rotary": 0, "mixed": 1}.get(self.positions)

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        without = _WITHOUT.get(str(values.get("kind")), [])
        if needless := [key for key in without if key in values]:
            raise ValueError(f"`kind: {values['kind']}` has no `{needless[0]}`")
        preset = values.get("preset")
        given = isinstance(preset, str) and preset in PRESETS
        filled = {key: n for key, n in PRESETS[str(preset)].items() if key not in without} if given else {}
        usual = {"prefix": "visible"} if values.get("kind") == "decoder" else {}
        return {**usual, **filled, **values}

    @property
    def numbers(self) -> list[str]:
        """The keys that a preset fills."""
        return [key for key in PRESETS["small"] if key not in _WITHOUT.get(self.kind, [])]

    @property
    def layers(self) -> tuple[int, int]:
        """Of the encoder and of the decoder; 0: a model of this kind has none."""
        encoder, decoder = (
            getattr(self, key) if key in self.numbers else 0 for key in ("num_encoder_layers", "num_decoder_layers")
        )
        return encoder, decoder

    @property
    def blocks_per_layer(self) -> float:
        """Feed-forward blocks that a token goes through in a layer, on average: 1, or by how many experts it has."""
        (encoder, decoder), experts = self.layers, self.experts
        if experts is None:
            return 1.0
        places = [experts.has("encoder", i) for i in range(encoder)] + [
            experts.has("decoder", i) for i in range(decoder)
        ]
        return 1 + (experts.per_token - 1) * sum(places) / len(places)

    @property
    def open_keys(self) -> list[str]:
        numbers = self.model_fields_set & set(self.numbers)
        return [key for key in super().open_keys if not (key == "preset" and numbers)]

    def as_written(self) -> dict[str, Any]:
        """Without the numbers that a preset is still to give, or that a model of this kind has not."""
        values, written = super().as_written(), [] if "preset" in self.open_keys else self.numbers
        return {k: v for k, v in values.items() if k in written or k not in PRESETS["small"]}

    @model_validator(mode="after")
    def _divisible(self) -> ModelSection:
        if self.d_model % self.num_heads:
            raise ValueError(f"`num_heads` ({self.num_heads}) must divide `d_model` ({self.d_model})")
        if self.d_model % 2:
            raise ValueError(f"`d_model` ({self.d_model}) must be even")
        if self.first_rotary is not None and self.d_model // self.num_heads % 2:
            raise ValueError(
                f"`positions: {self.positions}` needs heads of even width, not {self.d_model // self.num_heads}; "
                "change `num_heads`, or take `positions: sinusoidal`"
            )
        return self

    @model_validator(mode="after")
    def _prefix(self) -> ModelSection:
        if self.kind == "decoder" and self.positions == "learned":
            raise ValueError(
                "`kind: decoder` counts source and target in one row: take `positions: mixed`, which has no end"
            )
        if self.kind != "decoder" and self.prefix is not None:
            raise ValueError("`prefix` is for `kind: decoder`")
        return self
