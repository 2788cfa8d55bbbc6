"""The training pairs as an epoch sees them: ids, sampled anew where the recipe says so, and the plan of updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from nmt.data.batches import Batch, Indices, Update, fill, plan_batches
from nmt.data.masking import MaskedBatch, MaskedSides
from nmt.data.noise import Pieces, sentences
from nmt.data.passes import AS_IT_IS, Reading, never_cut
from nmt.data.sides import Sides, draw, mix, objectives_of, sides_of
from nmt.data.sources import learned, sources_of
from nmt.data.store import PreparedSplit
from nmt.data.tags import CorpusTags
from nmt.data.text_noise import noised
from nmt.errors import RecipeError
from nmt.recipe import ObjectiveSection, Recipe
from nmt.tokenizer import RaggedIds, Tokenizer


@dataclass(frozen=True)
class Epoch:
    """The training examples once: their sides, which of them each update learns from, and how it reads them."""

    sides: Sides | MaskedSides
    updates: list[Update]
    reading: Reading = AS_IT_IS

    @property
    def num_tokens(self) -> int:
        """Target tokens that are learned, `</s>` counted."""
        return int(self.sides.learned.sum())

    def tokens_of(self, part: Indices) -> int:
        return int(self.sides.learned[part].sum())

    def batch(self, part: Indices) -> Batch | MaskedBatch:
        return self.reading.read(self.sides.batch(part), part)

    def describe(self) -> str:
        sides = self.sides.src, self.sides.tgt
        return (
            f"{len(self.sides):,} examples, {self.num_tokens:,} target tokens and {len(self.updates):,} steps an "
            f"epoch; padding: {padding(*(fill(self.updates, side.lengths) for side in sides))}"
        )


def pieces_of(objectives: Sequence[ObjectiveSection], tokenizer: Tokenizer) -> Pieces | None:
    """What noise has to know, where there is any."""
    return Pieces.of(tokenizer) if any(objective.kind != "translate" for objective in objectives) else None


def padding(source: float, target: float) -> str:
    """In words, of the shares of tokens that are real."""
    return f"{1 - source:.0%} of source tokens, {1 - target:.0%} of target tokens".replace("%", " %")


class TrainingData:
    """The training split. Any epoch can be had at any time, and is always the same: resuming needs no state.

    An epoch comes about in steps, each a function of (seed, epoch): examples are drawn; some get another text; every
    language is segmented, once; noise is added where an objective wants it; then batches are planned over both sides of
    the examples.
    """

    def __init__(self, prepared: Path, recipe: Recipe, tokenizer: Tokenizer, max_tokens: int, shares: int = 1) -> None:
        self.split = PreparedSplit.open(prepared, "train")
        self.recipe, self.max_tokens, self.shares = recipe, max_tokens, shares
        self._objectives = objectives_of(recipe)
        sources = [source for source, _ in learned(sources_of(recipe.data))]
        self._noisy = [bool(source.corpus.noise) for source in sources]
        self._pieces = Pieces.of(tokenizer) if any(self._noisy) else pieces_of(self._objectives, tokenizer)
        self._refuse_single_sentences()
        self._shares = [source.corpus.share for source in sources]
        self._tables = [source.table or 0 for source in sources]
        corpora = [source.corpus for source in sources]
        self._tags = CorpusTags.of(recipe.data, self.split.directions, tokenizer.control, corpora)
        self._translated = [
            direction if direction.tgt is not None and objective.kind == "translate" else None
            for direction, objective in zip(self.split.directions, self._objectives, strict=True)
        ]
        self._tokenizer, self._never_cut = tokenizer, never_cut(tokenizer)
        self._samplers = tokenizer.samplers(recipe.tokenizer, recipe.seed) if recipe.tokenizer.sampling else {}
        self.epoch = lru_cache(maxsize=1)(self._epoch)

    def cut(self, max_tokens: int, shares: int) -> None:
        """From now on into micro-batches of so many padded tokens, a multiple of `shares` of them; what updates learn
        from stays the same.
        """
        self.max_tokens, self.shares = max_tokens, shares
        self.epoch.cache_clear()

    def _refuse_single_sentences(self) -> None:
        """Where sentences are to change places, some line must have two."""
        if self._pieces is None or not any(objective.permute_sentences for objective in self._objectives):
            return
        for rows in self.split.lines.values():
            if int(sentences(rows, self._pieces).sum()) > np.count_nonzero(rows.lengths):
                return
        raise RecipeError(
            f"{self.recipe.name}: `objective.permute_sentences`: no line of `data.train` has two sentences.",
            "Leave it out, or give text with a paragraph on a line.",
        )

    def _epoch(self, number: int) -> Epoch:
        split, seed = self.split, self.recipe.seed
        examples = draw(split.examples, self._shares, split.written, [seed, number], self._tables)
        examples = mix(examples, split.directions, self._objectives, self.recipe.data.temperature, [seed, number])
        examples, stored = noised(
            examples, split.lines, self._translated, split.vocabularies, self.recipe.data.noise, self._tokenizer,
            [seed, number],
        )  # fmt: skip
        lines = {name: self._segmented(name, rows, number) for name, rows in stored.items()}
        sides = sides_of(
            examples, lines, split.directions, self._objectives, self._pieces, [seed, number], self._tags, self._noisy
        )
        train, passes = self.recipe.train, self.recipe.train.passes(number)
        plan = plan_batches(
            sides.src.lengths, sides.tgt.lengths, train.batch_tokens, self.max_tokens // len(passes), seed, number,
            self.shares, train.strata,
        )  # fmt: skip
        return Epoch(sides, plan, Reading(passes, [seed, number], self._never_cut))

    def _segmented(self, language: str, stored: RaggedIds, epoch: int) -> RaggedIds:
        """Lines of a language, in the segmentation of this epoch."""
        side = self.split.vocabularies[language]
        sampler = self._samplers.get(side)
        return sampler.sample(stored, [self.recipe.seed, epoch, int(side == "src")]) if sampler else stored
