"""What a training begins with in place of random weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from nmt.recipe.section import NonNegativeFloat, Section

Part = Literal["embeddings", "encoder", "decoder", "cross_attention", "output"]
PARTS: tuple[Part, ...] = get_args(Part)


def _all_parts(value: Any) -> Any:
    return list(PARTS) if value == "all" else value


class InitFrom(Section):
    """The best weights of another run; its folder (or its recipe, if that is trained) alone means all of them."""

    run: str
    # What is taken; the rest is random. all, or some of embeddings, encoder, decoder, cross_attention, output
    parts: Annotated[list[Part], Field(min_length=1), BeforeValidator(_all_parts)] = list(PARTS)
    freeze: list[Part] = []  # which of it never changes
    # same: its vocabulary, or one that extends it. map: any; a piece begins as the run's of equal text, or as the mean
    # of the pieces that its tokenizer cuts it into
    vocabulary: Literal["same", "map"] = "same"

    @model_validator(mode="after")
    def _consistent(self) -> InitFrom:
        if random := [part for part in self.freeze if part not in self.parts]:
            raise ValueError(f"`freeze` has `{random[0]}`, but `parts` has not: it would stay random")
        if set(self.freeze) == set(PARTS):
            raise ValueError("`freeze` has all parts: nothing is left to learn")
        return self


class Guard(Section):
    """That what another run could do is not forgotten: its validation set is scored beside the new one, and the weights
    that the run translates with are the best of those whose score on the old one fell by no more than `max_drop`.
    """

    run: str
    max_drop: NonNegativeFloat = 2.0  # of the recipe's `metric`


def of_folder(value: Any) -> Any:
    """What a run folder alone stands for."""
    return {"run": value} if isinstance(value, str) else value
