"""Whether a training can start, looked at before a folder is made or an old run set aside for it."""

from __future__ import annotations

from pathlib import Path

from nmt.data.manifest import Manifest
from nmt.data.store import PreparedSplit
from nmt.errors import RunError
from nmt.recipe import Recipe
from nmt.run.checkpoint import find_checkpoint
from nmt.run.folder import check_folder
from nmt.tokenizer import Tokenizer


def check_start(recipe: Recipe, prepared: Path) -> None:
    """Raises what would keep a training from starting, before a folder is made or an old run set aside for it."""
    check_folder(recipe.run_dir)
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
