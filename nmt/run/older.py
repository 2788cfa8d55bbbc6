"""A run that an older nmt began, and what it needs to go on."""

from __future__ import annotations

from pathlib import Path

from nmt.data.check import changed_input, deciding_keys
from nmt.data.manifest import FORMAT, KEPT, MANIFEST
from nmt.recipe import Recipe
from nmt.run.folder import is_begun
from nmt.run.manifest import run_manifest


def older_run(recipe: Recipe) -> Path | None:
    """The recipe's run where preparing must keep that run's tokenizer for it to go on: an older nmt began it, whose
    tokenizers are not made any more, with this text and these keys. Otherwise None.
    """
    run = recipe.run_dir
    if recipe.tokenizer.taken_from or not is_begun(run) or not (run / MANIFEST).exists():
        return None
    manifest = run_manifest(run)
    if manifest.format == FORMAT and manifest.tokenizer.origin != KEPT:
        return None
    # What is left to nmt does not ask for another tokenizer.
    asked = {key: value for key, value in deciding_keys(recipe).items() if value != "auto"}
    differing = [key for key in asked.keys() & manifest.sections.keys() if asked[key] != manifest.sections[key]]
    return None if differing or changed_input(recipe, manifest) else run
