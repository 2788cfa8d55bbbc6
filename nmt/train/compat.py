"""Whether a training can start, may go on under a changed recipe, and where an old run goes when a new one takes its
name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nmt.data.manifest import MANIFEST, Manifest
from nmt.data.store import PreparedSplit
from nmt.errors import RunError
from nmt.recipe import Recipe, load_recipe
from nmt.tokenizer import Tokenizer
from nmt.train.checkpoint import find_checkpoint, run_lock

# What may change between one start and the next: when to stop, how often to look up, the machine, search and scoring.
_FREE = {
    "max_steps", "max_epochs", "max_minutes", "patience", "average_best", "eval_every", "eval_from",
    "log_every", "save_every", "keep", "samples", "tensorboard", "device", "threads", "max_tokens", "compile",
    "max_bad_steps", "runs_dir", "init_from",
}  # fmt: skip


def check_start(recipe: Recipe, prepared: Path) -> None:
    """Raises what would keep a training from starting, before a folder is made or an old run set aside for it."""
    tokenizer = Tokenizer.load(prepared)
    split = PreparedSplit.open(prepared, "train")
    split.check_ids("src", tokenizer.src_vocab_size)
    split.check_ids("tgt", tokenizer.tgt_vocab_size)
    _check_positions(recipe, prepared)
    if recipe.train.init_from:
        source = Path(recipe.train.init_from)
        if not (source / "recipe.yaml").exists():
            raise RunError(
                f"`train.init_from: {source}` is not a run folder.", "Give the folder that `nmt train` made."
            )
        find_checkpoint(source)
        if Tokenizer.load(source).fingerprint != tokenizer.fingerprint:
            raise RunError(
                f"`train.init_from: {source}` has another tokenizer than the prepared data.",
                "Prepare the data with that run's tokenizer, or train from scratch.",
            )


def _check_positions(recipe: Recipe, prepared: Path) -> None:
    limit = recipe.model.position_limit
    if limit is None:
        return
    splits = Manifest.load(prepared).splits
    longest = max(splits[name][f"{side}_longest"] for name in ("train", "valid") for side in ("src", "tgt")) + 1
    if longest > limit:
        raise RunError(
            f"`model.max_positions: {limit}` is too small: the longest sentence has {longest:,} tokens.",
            "Raise it, leave out long pairs with `data.filters.max_chars`, or take `positions: sinusoidal`.",
        )
    if recipe.tokenizer.sampling:
        raise RunError(
            "`tokenizer.sampling` makes sentences longer than `model.positions: learned` can tell.",
            "Take `positions: sinusoidal`, which have no end.",
        )


def check_same_experiment(run: Path, recipe: Recipe, prepared: Path, command: str) -> None:
    """Raises RunError naming each key that decides the weights and differs from what the run was begun with, or where
    it was begun with other prepared data.
    """
    path = run / "recipe.yaml"
    if not path.exists() or not any((run / "checkpoints").glob("step-*/state.json")):
        return
    before, now = (_deciding(r) for r in (load_recipe(path), recipe))
    differing = [k for k in now if now[k] != before.get(k)]
    if differing:
        lines = [f"`{k}: {before.get(k)}`, but the recipe says {now[k]}" for k in differing]
        raise RunError(
            f"{run} was begun with " + "; with ".join(lines) + ".",
            f"Give the new training another `name`, or set the old run aside: {command} --fresh",
        )
    if (run / MANIFEST).exists() and Manifest.load(run).outputs != Manifest.load(prepared).outputs:
        raise RunError(
            f"{run} was begun with other prepared data than {prepared} holds now.",
            f"Prepare it from the text of then, or set the old run aside: {command} --fresh",
        )


def _deciding(recipe: Recipe) -> dict[str, Any]:
    train = {f"train.{k}": v for k, v in recipe.train if k not in _FREE}
    # A schedule that falls to an end depends on where that is.
    if recipe.train.schedule in ("cosine", "linear"):
        train |= {"train.max_steps": recipe.train.max_steps, "train.max_epochs": recipe.train.max_epochs}
    model = {f"model.{k}": v for k, v in recipe.model if k != "preset"}
    return {"seed": recipe.seed, "tokenizer.sampling": recipe.tokenizer.sampling} | model | train


def set_aside(run: Path) -> Path | None:
    """Rename an existing run folder to the first free `<name>.1`, `<name>.2` …; nothing is lost. Raises RunError where
    it is being trained.
    """
    if not run.exists():
        return None
    number = 1
    while (aside := run.with_name(f"{run.name}.{number}")).exists():
        number += 1
    with run_lock(run):
        run.rename(aside)
    return aside
