"""The training pairs as an epoch sees them: ids, sampled anew where the recipe says so, and the plan of updates.

What is larger than a window (windows.py) is read and planned a window at a time, the next while one is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Thread

import numpy as np

from nmt.data.batches import Batch, Indices, Update, fill, plan_batches
from nmt.data.masking import MaskedBatch, MaskedSides
from nmt.data.mixing import draw, how_many, mix
from nmt.data.noise import Pieces, sentences
from nmt.data.passes import AS_IT_IS, Reading, never_cut
from nmt.data.sides import Sides, objectives_of, sides_of
from nmt.data.sources import learned, sources_of
from nmt.data.store import PreparedSplit
from nmt.data.tags import CorpusTags
from nmt.data.text_noise import noised
from nmt.data.windows import Windows, moment
from nmt.errors import RecipeError
from nmt.recipe import ObjectiveSection, Recipe
from nmt.tokenizer import RaggedIds, Tokenizer


@dataclass(frozen=True)
class Epoch:
    """The training examples of an epoch, or of a window of it: their sides, which of them each update learns from, and
    how it reads them.
    """

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

    @property
    def padding(self) -> str:
        return padding(*(fill(self.updates, side.lengths) for side in (self.sides.src, self.sides.tgt)))


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
        corpora_of = self.split.index.corpora
        wanted = how_many(corpora_of, self._shares, self._tables, self.split.directions, self._objectives,
                          recipe.data.temperature)  # fmt: skip
        self.windows = Windows(corpora_of, wanted, recipe.seed)
        self._plans: dict[tuple[int, int], Future[Epoch]] = {}

    def cut(self, max_tokens: int, shares: int) -> None:
        """From now on into micro-batches of so many padded tokens, a multiple of `shares` of them; what updates learn
        from stays the same.
        """
        self.max_tokens, self.shares = max_tokens, shares
        self._plans = {}

    def epoch(self, number: int, window: int = 0) -> Epoch:
        """Of several windows one; then the next is begun, and will be at hand."""
        here, following = (number, window), self.windows.after(number, window)
        if here not in self._plans:
            self._plans = {here: _now(self._planned, *here)}
        if self.windows.number > 1 and following not in self._plans:
            self._plans = {here: self._plans[here], following: _meanwhile(self._planned, *following)}
        return self._plans[here].result()

    @cached_property
    def steps_per_epoch(self) -> int:
        """Of the first epoch; of several windows by the tokens of their blocks, which is exact to a few steps."""
        at_hand = self._plans.get((0, 0))
        if not self._plans:
            first = self.epoch(0)
        else:
            first = at_hand.result() if at_hand else self._planned(0, 0)
        tokens = [self.windows.tokens(0, window) for window in range(self.windows.number)]
        steps = [max(1, round(number / self.recipe.train.batch_tokens)) for number in tokens]
        return round(len(first.updates) * sum(steps) / steps[0])

    def describe(self, epoch: Epoch) -> str:
        """`epoch`: of which the padding is told."""
        size = f"{len(epoch.sides):,} examples, {epoch.num_tokens:,} target tokens and {len(epoch.updates):,} steps"
        more = ""
        if self.windows.number > 1:
            size = f"{sum(self.windows.wanted):,} examples and about {self.steps_per_epoch:,} steps"
            more = f", read in {self.windows.number} windows"
        return f"{size} an epoch{more}; padding: {epoch.padding}"

    def _refuse_single_sentences(self) -> None:
        """Where sentences are to change places, some line must have two."""
        if self._pieces is None or not any(objective.permute_sentences for objective in self._objectives):
            return
        for rows in (rows for part in self.split.parts() for rows in part.lines.values()):
            if int(sentences(rows, self._pieces).sum()) > np.count_nonzero(rows.lengths):
                return
        raise RecipeError(
            f"{self.recipe.name}: `objective.permute_sentences`: no line of `data.train` has two sentences.",
            "Leave it out, or give text with a paragraph on a line.",
        )

    def _planned(self, number: int, window: int) -> Epoch:
        when = moment(number, window)
        seed, split = [self.recipe.seed, when], self._chosen(number, window)
        examples, stored = noised(
            split.examples, split.lines, self._translated, split.vocabularies, self.recipe.data.noise,
            self._tokenizer, seed,
        )  # fmt: skip
        lines = {name: self._segmented(name, rows, when) for name, rows in stored.items()}
        sides = sides_of(
            examples, lines, split.directions, self._objectives, self._pieces, seed, self._tags, self._noisy
        )
        recipe, passes = self.recipe, self.recipe.train.passes(number)
        plan = plan_batches(
            sides.src.lengths, sides.tgt.lengths, recipe.train.batch_tokens, self.max_tokens // len(passes),
            recipe.seed, when, self.shares, recipe.train.strata,
        )  # fmt: skip
        return Epoch(sides, plan, Reading(passes, seed, self._never_cut))

    def _chosen(self, number: int, window: int) -> PreparedSplit:
        """The examples that are learned from: of one window drawn anew in each epoch; of several in turn."""
        split, seed = self.split, [self.recipe.seed, number]
        if self.windows.number > 1:
            return split.taken(self.windows.examples(number, window))
        examples = draw(split.examples, self._shares, split.written, seed, self._tables)
        examples = mix(examples, split.directions, self._objectives, self.recipe.data.temperature, seed)
        return replace(split, examples=examples)

    def _segmented(self, language: str, stored: RaggedIds, when: int) -> RaggedIds:
        """Lines of a language, in the segmentation of this epoch."""
        side = self.split.vocabularies[language]
        sampler = self._samplers.get(side)
        return sampler.sample(stored, [self.recipe.seed, when, int(side == "src")]) if sampler else stored


Planning = Callable[[int, int], Epoch]


def _now(work: Planning, number: int, window: int) -> Future[Epoch]:
    done: Future[Epoch] = Future()
    done.set_result(work(number, window))
    return done


def _meanwhile(work: Planning, number: int, window: int) -> Future[Epoch]:
    """In a thread, which nobody waits for where the training ends."""
    coming: Future[Epoch] = Future()

    def run() -> None:
        try:
            coming.set_result(work(number, window))
        except BaseException as e:  # noqa: BLE001 - raised where the result is asked for
            coming.set_exception(e)

    Thread(target=run, daemon=True).start()
    return coming
