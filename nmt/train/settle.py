"""Every key of a recipe settled before training: by the recipe, by the run that goes on, or by rules from the data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from nmt import console
from nmt.data.manifest import Manifest, SplitStatistics
from nmt.data.masking import MARKS
from nmt.data.sources import epochs_part, learned, sources_of
from nmt.data.store import PreparedSplit
from nmt.device import choose_device, choose_dtype, set_threads
from nmt.errors import RecipeError
from nmt.recipe import Recipe, load_recipe
from nmt.recipe.data import FEWEST_PIECES
from nmt.recipe.defaults import Counts, Machine, derive, describe
from nmt.run.abilities import knows_pairs
from nmt.run.folder import is_begun, load_run_recipe


def check_length(recipe: Recipe, where: str = "the recipe") -> None:
    """Raises RecipeError where nothing would ever end the training."""
    if not recipe.train.has_length and not recipe.train.patience:
        raise RecipeError(
            f"{where} does not say how long to train: `train` has no limit.",
            "Give one, for example train: {max_minutes: 60}; or `max_steps`, `max_epochs` or `patience`.",
        )


def like_parent(recipe: Recipe) -> Recipe:
    """With the shape of the run whose weights it begins with, where the recipe gives none."""
    parent = recipe.train.init_from
    if parent is None or "model.preset" not in recipe.open_keys or not (Path(parent.run) / "recipe.yaml").exists():
        return recipe
    model = load_run_recipe(Path(parent.run)).model
    numbers = [key for key in recipe.model.numbers if key in model.numbers]
    return recipe.filled({f"model.{key}": getattr(model, key) for key in ("preset", *numbers)})


def settle(recipe: Recipe, manifest: Manifest, processes: int = 1) -> Recipe:
    """The recipe with no key left open. A run that has begun keeps what it was begun with; else defaults.py decides by
    the counts of the prepared data and, where minutes are the limit, by the speed of this machine.
    """
    sizes = manifest.tokenizer.vocab_sizes
    if "tokenizer.vocab_size" in recipe.open_keys:
        # A very short text has fewer pieces than a recipe may ask for.
        recipe = recipe.filled({"tokenizer.vocab_size": max(FEWEST_PIECES, *sizes)})
    if not recipe.open_keys:
        return recipe
    if is_begun(recipe.run_dir):
        before = load_recipe(recipe.run_dir / "recipe.yaml")
        return recipe.filled({key: _value(before, key) for key in recipe.open_keys})
    return settle_by_counts(recipe, counts_of(recipe, manifest), processes)


def settle_by_counts(recipe: Recipe, counts: Counts, processes: int = 1) -> Recipe:
    """The recipe with its open keys derived."""
    if not recipe.open_keys:
        return recipe
    machine = measure(recipe, processes) if recipe.train.max_minutes is not None else Machine()
    values = derive(recipe, counts, machine)
    if said := describe(values):
        console.info(f"Derived from {counts.target_tokens:,} target tokens and the planned length: {said}.")
    return recipe.filled(values)


def counts_of(recipe: Recipe, manifest: Manifest) -> Counts:
    """What batches count: targets; of an encoder that learns pairs, both texts and the marks around them. Of corpora
    with shares so much as an epoch has.
    """
    of_pairs = knows_pairs(recipe)

    def tokens(split: SplitStatistics) -> int:
        return split.tgt.tokens + (split.src.tokens + MARKS * split.examples if of_pairs else 0) + split.examples

    part = _epochs_part(recipe) if any(corpus.share for corpus in recipe.data.train) else 1.0
    return Counts(round(part * tokens(manifest.splits["train"])), tokens(manifest.splits["valid"]))


def _epochs_part(recipe: Recipe) -> float:
    split, corpora = PreparedSplit.open(recipe.prepared_dir, "train"), learned(sources_of(recipe.data))
    sizes = [blocks.tokens for blocks in split.index.corpora]
    return epochs_part(zip((source for source, _ in corpora), sizes, strict=True))


def measure(recipe: Recipe, processes: int) -> Machine:
    """How fast steps will be, from how fast matrix products are. Good to a factor of two, which is enough."""
    import torch

    device = choose_device(recipe.train.device)
    set_threads(recipe.train.threads)
    used, overhead, size = {"cuda": (0.35, 0.03, 4096), "mps": (0.35, 0.05, 2048)}.get(device.type, (0.5, 0.005, 1024))
    a = torch.randn(size, size, device=device).to(choose_dtype(recipe.train.precision, device))
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        float((a @ a)[0, 0])  # which waits for the device
        times.append(time.perf_counter() - begun)
    return Machine(used * processes * 2 * size**3 / sorted(times)[2], overhead)


def _value(recipe: Recipe, key: str) -> Any:
    section, _, name = key.partition(".")
    return getattr(getattr(recipe, section), name)
