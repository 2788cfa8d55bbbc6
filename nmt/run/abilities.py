"""What a run cannot do is refused in words that say what it can."""

from __future__ import annotations

from pathlib import Path

from nmt.errors import RunError
from nmt.recipe import Recipe


def knows_pairs(recipe: Recipe) -> bool:
    """Whether a run has learned which texts belong together."""
    return any(recipe.objective_of(corpus).pairs != "none" for corpus in recipe.data.train)


def check_translates(run: Path, recipe: Recipe) -> None:
    """Raises RunError where a run does not translate."""
    if recipe.model.kind == "encoder":
        scores = f"it scores masked words{' and pairs' if knows_pairs(recipe) else ''}"
        raise RunError(f"{run} is an encoder: {scores}, but cannot translate. Use it with `train.init_from`.")
    if not recipe.translates:
        raise RunError(
            f"{run} has learned to restore text ({recipe.objective.kind}), not to translate.",
            f"Begin a translator with its weights: `train.init_from: {run}`.",
        )
