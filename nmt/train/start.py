"""Whether a training can start, looked at before a folder is made or an old run set aside for it; and its beginning."""

from __future__ import annotations

import hashlib
import socket
import time
from pathlib import Path

from nmt import console
from nmt.data.check import check_bytes
from nmt.data.manifest import CASE, LANGUAGES, MANIFEST, Manifest
from nmt.data.masking import MARKS
from nmt.data.store import AT_HAND, PreparedSplit
from nmt.errors import RunError
from nmt.files import write_atomically
from nmt.recipe import Recipe, fingerprint, make_recipe
from nmt.recipe.plain_yaml import parse_yaml
from nmt.run.abilities import knows_pairs
from nmt.run.compat import changed_limits, check_same_experiment
from nmt.run.folder import check_folder, is_begun, set_aside
from nmt.run.provenance import write_provenance
from nmt.tokenizer import Tokenizer
from nmt.train.experts import lay_out
from nmt.train.inherit import plan_inheritance
from nmt.train.parallel import World
from nmt.train.settle import check_length, settle

SHOWN_AFTER = 90.0  # seconds


def check_start(recipe: Recipe, prepared: Path, world: World, fresh: bool = False) -> None:
    """Raises what would keep a training from starting, before a folder is made or an old run set aside for it."""
    check_length(recipe)
    check_folder(recipe.run_dir)
    lay_out(world, recipe.train.expert_parallel, recipe.model.experts)
    if not world.is_main:
        _wait_for(prepared, world)
    manifest = hashlib.sha256((prepared / MANIFEST).read_bytes()).hexdigest()[:16]
    world.check_same({"recipe": fingerprint(recipe), "prepared data": manifest})
    tokenizer = Tokenizer.load(prepared)
    if world.is_main:
        check_bytes(prepared, Manifest.load(prepared))
        split = PreparedSplit.open(prepared, "train")
        if len(split) <= AT_HAND:  # of more, each window is looked at when it is read
            split.check_ids()
    _check_positions(recipe, prepared)
    if recipe.train.init_from and (fresh or not is_begun(recipe.run_dir)):
        plan_inheritance(recipe, recipe.train.init_from, tokenizer)


def _wait_for(prepared: Path, world: World) -> None:
    """Rank 0 has prepared the data before it joined, but folders of the net may show a file only after a while."""
    waited = 0.0
    while not (prepared / MANIFEST).exists():
        if waited >= SHOWN_AFTER:
            raise RunError(
                f"rank {world.rank} (on {socket.gethostname()}) finds no prepared data in {prepared}, but rank 0 does.",
                "Put `data.prepared_dir` on a disk that all hosts share, or prepare on each host: nmt prepare RECIPE",
            )
        time.sleep(0.5)
        waited += 0.5


def begin(recipe: Recipe, prepared: Path, command: str, fresh: bool, world: World) -> Recipe:
    """Make the run folder ready, on rank 0, and give the recipe with every key settled, the same on all ranks."""
    run = recipe.run_dir
    if world.is_main:
        if fresh and not world.again and (aside := set_aside(run)):
            console.info(f"The old run is kept as {aside}.")
        recipe = settle(recipe, Manifest.load(prepared), world.size)
        check_same_experiment(run, recipe, prepared, command)
        if note := changed_limits(run, recipe):
            console.warn(note)
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    if world.size > 1:
        recipe = make_recipe(parse_yaml(world.share(recipe.dump()), "rank 0"), "rank 0")
        (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    return recipe


def make_self_sufficient(run: Path, recipe: Recipe, prepared: Path, tokenizer: Tokenizer) -> None:
    """Put the recipe, the tokenizer, the data's manifest and where all came from into the run folder."""
    manifest = (prepared / MANIFEST).read_bytes()
    files = {"recipe.yaml": recipe.dump().encode(), MANIFEST: manifest, **tokenizer.files}
    files |= {name: (prepared / name).read_bytes() for name in (LANGUAGES, CASE) if (prepared / name).exists()}
    for name, content in files.items():
        write_atomically(run / name, content)
    write_provenance(run, recipe)


def _check_positions(recipe: Recipe, prepared: Path) -> None:
    limit = recipe.model.position_limit
    if limit is None:
        return
    splits, what = Manifest.load(prepared).splits, "sentence"
    if knows_pairs(recipe):  # <cls> A <sep> B <sep>
        what = "pair"
        longest = max(splits[name].src.longest + splits[name].tgt.longest for name in ("train", "valid")) + MARKS
    else:
        longest = max(side.longest for name in ("train", "valid") for side in (splits[name].src, splits[name].tgt)) + 1
        longest += recipe.data.tagging in ("source", "both")
    if longest > limit:
        raise RunError(
            f"`model.max_positions: {limit}` is too small: the longest {what} has {longest:,} tokens.",
            "Raise it, leave out long pairs with `data.filters.max_chars`, or take `positions: mixed`.",
        )
    if recipe.tokenizer.sampling or recipe.data.noise.there:
        key = "tokenizer.sampling" if recipe.tokenizer.sampling else "data.noise"
        raise RunError(
            f"`{key}` makes sentences longer than `model.positions: learned` can tell.",
            "Take `positions: mixed`, which has no end.",
        )
