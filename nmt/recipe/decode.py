"""How translations are searched for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nmt.recipe.section import Float, Int, NonNegativeInt, PositiveInt, Section


class DecodeSection(Section):
    """Search. The descriptions are also the help texts of `nmt translate`, which has an option for each key but the
    last.
    """

    beam_size: Annotated[
        Int, Field(ge=1, le=100, description="Translations kept at each step of the search; 1 is greedy search.")
    ] = 5
    length_penalty: Annotated[  # score = log_prob / length ** length_penalty
        Float, Field(ge=0, le=100, description="Above 1 favours longer translations, below 1 shorter ones.")
    ] = 1.0
    coverage_penalty: Annotated[
        Float, Field(ge=0, le=100, description="Penalty for source words that get little attention; try 0.2.")
    ] = 0.0
    diverse_groups: Annotated[
        Int, Field(ge=1, le=100, description="Divide the beam into this many groups that are kept different.")
    ] = 1
    diversity: Annotated[  # in nats a token that an earlier group took
        Float, Field(ge=0, le=100, description="Strength of the penalty that keeps the groups different.")
    ] = 0.5
    # longest output = max_len_ratio * source tokens + max_len_extra; shortest = min_len_ratio * source tokens
    max_len_ratio: Annotated[
        Float, Field(gt=0, le=1000, description="Most output tokens per source token (plus `max_len_extra`).")
    ] = 2.0
    max_len_extra: Annotated[
        Int, Field(ge=0, le=10_000, description="Output tokens allowed on top of that, for short lines.")
    ] = 20
    min_len_ratio: Annotated[
        Float, Field(ge=0, le=100, description="Fewest output tokens per source token, e.g. 0.5.")
    ] = 0.0
    no_repeat_ngram: Annotated[
        Int, Field(ge=0, le=100, description="Never repeat a sequence of this many tokens; 0 allows it.")
    ] = 0
    # Instead of a beam, as many samples of the model's distribution as translations are wanted; with mbr, beam_size
    sampling: Annotated[
        bool, Field(description="Draw translations at random by their probability instead of searching for the best.")
    ] = False
    temperature: Annotated[
        Float, Field(gt=0, le=100, description="Below 1 is safer, above 1 more varied.")
    ] = 1.0  # fmt: skip
    top_k: Annotated[NonNegativeInt, Field(description="Sample from the K most probable tokens; 0: from all.")] = 0
    top_p: Annotated[
        Float,
        Field(gt=0, le=1, description="Sample from the most probable tokens that together have this probability."),
    ] = 1.0
    seed: Annotated[NonNegativeInt, Field(description="The same seed draws the same samples.")] = 1
    mbr: Annotated[
        Literal["none", "chrf", "bleu"],
        Field(
            description="Minimum Bayes risk: of the beam, or of as many samples, choose the translation most similar "
            "to the others by chrF or BLEU."
        ),
    ] = "none"
    ensemble: Annotated[
        Literal["probability", "log"],
        Field(description="How several runs are averaged: probabilities or log-probabilities."),
    ] = "probability"
    split_sentences: Annotated[
        Literal["auto", "never", "whole"],
        Field(
            description="`auto`: split paragraphs into sentences, unless the training text had paragraphs; `never`: "
            "cut only what is too long; `whole`: leave out what is too long instead."
        ),
    ] = "auto"
    max_segment: Annotated[  # far beyond a sentence, and costs that grow with the square stay small
        PositiveInt, Field(description="Most source tokens translated in one piece; longer sentences are cut.")
    ] = 250
    batch_tokens: Annotated[
        PositiveInt, Field(description="Batch size: source tokens × beam size. Lower it if memory runs out.")
    ] = 16_384
    compute: Annotated[  # of weights that are stored in float32; chosen where a run is loaded, as is `precision`
        Literal["float32", "int8"],
        Field(description="Numbers that CTranslate2 computes with; int8 is faster, and costs some quality."),
    ] = "float32"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(description="Numbers that our own engine computes with; `auto`: fp32 on a CPU, else as in training."),
    ] = "auto"
    case: Annotated[
        Literal["auto", "keep"],
        Field(
            description="`auto`: a line in capitals is translated as plain text and answered in capitals, and a line "
            "with a capital in each word as a sentence; `keep`: as they are."
        ),
    ] = "auto"
    valid_beam_size: Annotated[  # of beam_size itself, so that scores agree
        NonNegativeInt, Field(description="Beam size of the validations in training; 0: `beam_size`.")
    ] = 0

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
