"""How translations are searched for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nmt.recipe.section import Float, Int, NonNegativeInt, PositiveInt, Section


class DecodeSection(Section):
    """Search. `nmt translate` has an option for nearly each."""

    beam_size: Annotated[Int, Field(ge=1, le=100)] = 5
    length_penalty: Annotated[Float, Field(ge=0, le=100)] = 1.0  # score = log_prob / length ** length_penalty
    coverage_penalty: Annotated[Float, Field(ge=0, le=100)] = 0.0  # for source tokens that got little attention
    diverse_groups: Annotated[Int, Field(ge=1, le=100)] = 1  # of hypotheses that keep apart from each other
    diversity: Annotated[Float, Field(ge=0, le=100)] = 0.5  # how much, in nats a token that an earlier group took
    # longest output = max_len_ratio * source tokens + max_len_extra; shortest = min_len_ratio * source tokens
    max_len_ratio: Annotated[Float, Field(gt=0, le=1000)] = 2.0
    max_len_extra: Annotated[Int, Field(ge=0, le=10_000)] = 20
    min_len_ratio: Annotated[Float, Field(ge=0, le=100)] = 0.0
    no_repeat_ngram: Annotated[Int, Field(ge=0, le=100)] = 0  # no so many tokens in a row twice; 0 turns it off
    # Instead of a beam, as many samples of the model's distribution as translations are wanted; with mbr, beam_size
    sampling: bool = False
    temperature: Annotated[Float, Field(gt=0, le=100)] = 1.0  # below 1 sharpens the distribution
    top_k: NonNegativeInt = 0  # the most probable tokens alone; 0: all
    top_p: Annotated[Float, Field(gt=0, le=1)] = 1.0  # the most probable tokens that together have this probability
    seed: NonNegativeInt = 1
    mbr: Literal["none", "chrf", "bleu"] = "none"  # take the hypothesis that is most like all others
    ensemble: Literal["probability", "log"] = "probability"  # of which several models take the mean
    split_sentences: Literal["auto", "never"] = "auto"  # auto: unless lines of several sentences were trained on
    batch_tokens: PositiveInt = 16_384  # source tokens times beam decoded together
    valid_beam_size: NonNegativeInt = 0  # of the validations in training; 0: beam_size, so that scores agree

    @model_validator(mode="after")
    def _groups(self) -> DecodeSection:
        for key in ("beam_size", "valid_beam_size"):
            if getattr(self, key) % self.diverse_groups:
                raise ValueError(f"`diverse_groups` ({self.diverse_groups}) must divide `{key}` ({getattr(self, key)})")
        if self.sampling and self.diverse_groups > 1:
            raise ValueError("`sampling` and `diverse_groups` exclude each other")
        if self.min_len_ratio > self.max_len_ratio:
            raise ValueError(f"`min_len_ratio` ({self.min_len_ratio}) is above `max_len_ratio` ({self.max_len_ratio})")
        return self
