"""The training pairs as an epoch sees them: ids, sampled anew where the recipe says so, and the plan of updates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nmt.data.batches import Indices, Update, fill, plan_batches
from nmt.data.examples import SIDES, Lines, column
from nmt.data.store import PreparedSplit
from nmt.recipe import Recipe
from nmt.tokenizer import RaggedIds, Tokenizer


@dataclass(frozen=True)
class Epoch:
    """One pass over the training examples: their sides, and which of them each update learns from."""

    src: Lines
    tgt: Lines
    updates: list[Update]

    @property
    def num_tokens(self) -> int:
        """Real target tokens, `</s>` counted."""
        return int(self.tgt.lengths.sum()) + len(self.tgt)

    def tokens_of(self, part: Indices) -> int:
        return int(self.tgt.lengths[part].sum()) + len(part)

    def describe(self) -> str:
        return (
            f"{len(self.src):,} pairs, {self.num_tokens:,} target tokens and {len(self.updates):,} steps an epoch; "
            f"padding: {padding(*(fill(self.updates, side.lengths) for side in (self.src, self.tgt)))}"
        )


def padding(source: float, target: float) -> str:
    """In words, of the shares of tokens that are real."""
    return f"{1 - source:.0%} of source tokens, {1 - target:.0%} of target tokens".replace("%", " %")


class TrainingData:
    """The training split. Any epoch can be had at any time, and is always the same: resuming needs no state.

    An epoch comes about in steps, each a function of (seed, epoch): examples are drawn; every language is segmented,
    once; then batches are planned over both sides of the examples.
    """

    def __init__(self, prepared: Path, recipe: Recipe, tokenizer: Tokenizer, max_tokens: int, shares: int = 1) -> None:
        self.split = PreparedSplit.open(prepared, "train")
        self.recipe, self.max_tokens, self.shares = recipe, max_tokens, shares
        self._samplers = tokenizer.samplers(recipe.tokenizer, recipe.seed) if recipe.tokenizer.sampling else {}
        self.epoch = lru_cache(maxsize=1)(self._epoch)

    def cut(self, max_tokens: int) -> None:
        """From now on into micro-batches of so many padded tokens; what updates learn from stays the same."""
        self.max_tokens = max_tokens
        self.epoch.cache_clear()

    def _epoch(self, number: int) -> Epoch:
        split, seed = self.split, self.recipe.seed
        lines = {name: self._segmented(name, number) for name in split.lines}
        src, tgt = (column(split.examples, side, lines, split.directions) for side in SIDES)
        plan = plan_batches(
            src.lengths, tgt.lengths, self.recipe.train.batch_tokens, self.max_tokens, seed, number, self.shares
        )
        return Epoch(src, tgt, plan)

    def _segmented(self, language: str, epoch: int) -> RaggedIds:
        """All lines of a language, in the segmentation of this epoch."""
        side = self.split.vocabularies[language]
        sampler, stored = self._samplers.get(side), self.split.lines[language]
        return sampler.sample(stored, [self.recipe.seed, epoch, int(side == "src")]) if sampler else stored
