"""Whether a run may go on under a changed recipe, or with other prepared data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nmt.data.manifest import MANIFEST, Manifest
from nmt.errors import RunError
from nmt.recipe import Recipe, load_recipe
from nmt.recipe.section import Section
from nmt.run.folder import is_begun
from nmt.run.manifest import run_manifest, same_data

# What may change between one start and the next: when to stop, how often to look up, the machine, search and scoring.
_FREE = {
    "max_steps", "max_epochs", "max_minutes", "patience", "average_best", "eval_every", "eval_from",
    "log_every", "save_every", "keep", "samples", "tensorboard", "device", "threads", "max_tokens", "compile",
    "max_bad_steps", "guard", "runs_dir", "expert_parallel",
}  # fmt: skip


def check_same_experiment(run: Path, recipe: Recipe, prepared: Path, command: str) -> None:
    """Raises RunError naming each key that decides the weights and differs from what the run was begun with, or where
    it was begun with other prepared data.
    """
    path = run / "recipe.yaml"
    if not is_begun(run):
        return
    before, now = (_deciding(r) for r in (load_recipe(path), recipe))
    differing = [k for k in now if now[k] != before.get(k)]
    if differing:
        raise RunError(
            f"{run} was begun {'; '.join(_difference(k, before.get(k), now[k]) for k in differing)}.",
            f"Give the new training another `name`, or set the old run aside: {command} --fresh",
        )
    if (run / MANIFEST).exists() and not same_data(run_manifest(run), Manifest.load(prepared)):
        raise RunError(
            f"{run} was begun with other prepared data than {prepared} holds now.",
            f"Prepare it from the text of then, or set the old run aside: {command} --fresh",
        )


def changed_limits(run: Path, recipe: Recipe) -> str | None:
    """What to say where a schedule that falls to an end goes on to another than it was begun with."""
    path = run / "recipe.yaml"
    if not (recipe.train.falls_to_an_end and is_begun(run)):
        return None
    before = load_recipe(path).train
    changes = [
        f"`train.{key}` from {getattr(before, key) or 'none'} to {getattr(recipe.train, key) or 'none'}"
        for key in ("max_steps", "max_epochs", "max_minutes")
        if getattr(before, key) != getattr(recipe.train, key)
    ]
    if not changes:
        return None
    return (
        f"{run} goes on with {', '.join(changes)}. From here on its learning rate is that of the new length "
        f"(`schedule: {recipe.train.schedule}`), so the result will not be that of one training of this length."
    )


def _difference(key: str, before: Any, now: Any) -> str:
    begun = f"without `{key}`" if before is None else f"with `{key}: {_shown(before)}`"
    return f"{begun}, but the recipe {'has none' if now is None else f'says {_shown(now)}'}"


def _shown(value: Any) -> str:
    if not isinstance(value, Section):
        return str(value)
    values = value.model_dump(exclude_defaults=True)
    return str(values["run"]) if values.keys() == {"run"} else str(values).replace("'", "")


def _deciding(recipe: Recipe) -> dict[str, Any]:
    train = {f"train.{k}": v for k, v in recipe.train if k not in _FREE}
    model = {f"model.{k}": v for k, v in recipe.model if k != "preset"}
    other = {"seed": recipe.seed, "tokenizer.sampling": recipe.tokenizer.sampling,
             "data.temperature": recipe.data.temperature}  # fmt: skip
    return other | model | train | _of_corpora(recipe)


def _of_corpora(recipe: Recipe) -> dict[str, Any]:
    """What is learned from each corpus, and how much of it, which the prepared data do not know."""
    found: dict[str, Any] = {}
    for number, corpus in enumerate(recipe.data.train):
        found[f"data.train.{number}.share"] = corpus.share
        found |= {f"data.train.{number}.objective.{k}": v for k, v in recipe.objective_of(corpus)}
    return found
