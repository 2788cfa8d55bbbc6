"""What a run cannot do is refused in words that say what it can."""

from __future__ import annotations

from pathlib import Path

from nmt.errors import RunError
from nmt.recipe import Recipe
from nmt.text.fields import TURN


def knows_pairs(recipe: Recipe) -> bool:
    """Whether a run has learned which texts belong together."""
    return any(recipe.objective_of(corpus).pairs != "none" for corpus in recipe.data.train)


def judges_by_translating(recipe: Recipe) -> bool:
    """Whether it tells which texts belong together by how it translates: plain lines, in one direction."""
    plain = recipe.data.joint is None and recipe.data.labels is None and len(recipe.data.evaluated) == 1
    return recipe.translates and plain and not knows_pairs(recipe)


def check_translates(run: Path, recipe: Recipe) -> None:
    """Raises RunError where a run does not translate."""
    if recipe.model.kind == "encoder":
        scores = f"it scores masked words{' and pairs' if knows_pairs(recipe) else ''}"
        raise RunError(f"{run} is an encoder: {scores}, but cannot translate. Use it with `train.init_from`.")
    if recipe.draws and not recipe.translates:
        raise RunError(
            f"{run} is a language model of {recipe.languages}: it draws and scores text, but cannot translate.",
            f"Draw text: nmt generate --run {run}",
        )
    if not recipe.translates:
        raise RunError(
            f"{run} has learned to restore text ({recipe.objective.kind}), not to translate.",
            f"Begin a translator with its weights: `train.init_from: {run}`.",
        )


def check_knows_pairs(run: Path, recipe: Recipe) -> None:
    """Raises RunError where a run has not learned which texts belong together."""
    if knows_pairs(recipe):
        return
    does = (
        "scores masked words" if recipe.model.kind == "encoder" else recipe.does if recipe.translates
        else "draws and scores text" if recipe.draws else "restores text"
    )  # fmt: skip
    raise RunError(
        f"{run} {does}, but has not learned which texts belong together.",
        "Pairs are scored by a translator of one direction, or a run of `objective: {kind: mlm, pairs: translation}` "
        "or of `pairs: next`.",
    )


def check_replies(run: Path, recipe: Recipe) -> None:
    """Raises RunError where a run has not learned to reply to turns."""
    check_translates(run, recipe)
    if recipe.data.joint != TURN:
        raise RunError(
            f"{run} {recipe.does}, and knows no conversation.",
            f"One line at a time: nmt translate --run {run}. Conversations are for a run of `task: dialogue`.",
        )


def check_draws(run: Path, recipe: Recipe) -> None:
    """Raises RunError where a run is no language model."""
    if recipe.draws:
        return
    if recipe.translates:
        raise RunError(
            f"{run} {recipe.does}, and draws no text of its own.",
            f"Translate: nmt translate --run {run}",
        )
    raise RunError(
        f"{run} has learned to restore text ({recipe.objective.kind}), and draws none of its own.",
        "Text is drawn by a run of `objective: lm`.",
    )


def check_exports(run: Path, recipe: Recipe) -> None:
    """Raises RunError where a run translates with our own engine alone, or does not translate."""
    check_translates(run, recipe)
    if recipe.model.kind == "decoder":
        raise RunError(
            f"{run} is a decoder alone, which cannot be exported to CTranslate2.",
            f"It translates with our own engine: nmt translate --run {run}",
        )
    if recipe.model.experts is not None:
        raise RunError(
            f"{run} has experts, which CTranslate2 has no counterpart of.",
            f"It translates with our own engine: nmt translate --run {run}",
        )
    if recipe.data.labels is not None:
        raise RunError(
            f"{run} chooses one of a few labels, which CTranslate2 cannot be held to.",
            f"It does so with our own engine: nmt translate --run {run}",
        )


def check_shares(run: Path, recipe: Recipe) -> None:
    """Raises RunError where other programs than nmt cannot translate with a run: it is not from one language into
    another, or cannot be exported.
    """
    check_exports(run, recipe)
    several = recipe.data.tagging is not None
    if recipe.task != "translate" or recipe.data.fields or recipe.data.joint is not None or several:
        reads = (
            "is told languages by tags" if several else "reads several fields" if recipe.data.joint is not None
            else recipe.does
        )  # fmt: skip
        raise RunError(
            f"{run} {reads}, and programs of translation give a model one text in one language.",
            "nmt itself takes it: nmt package --for nmt",
        )
