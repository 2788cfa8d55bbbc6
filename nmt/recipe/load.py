"""A recipe file and `key=value` overrides to a checked recipe."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nmt.errors import RecipeError, join_faults
from nmt.files import what_is_no_file
from nmt.recipe.faults import faults, show
from nmt.recipe.named_runs import with_run_folders
from nmt.recipe.plain_yaml import override, parse_yaml
from nmt.recipe.recipe import Recipe
from nmt.recipe.taken import with_replayed_directions, with_taken_tags, with_taken_tokenizer

MAX_BYTES = 1_000_000


def load_recipe(path: str | Path, overrides: Sequence[str] = (), above: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply `key=value` overrides (values as YAML, keys with dots). `above` are the recipes that
    need this one.

    Raises RecipeError naming every fault found.
    """
    path = Path(path)
    try:
        status = path.stat()
        if (kind := what_is_no_file(status)) or status.st_size > MAX_BYTES:
            what = kind or f"a file of {status.st_size:,} bytes"
            raise RecipeError(f"cannot read the recipe {path}: it is {what}.", "A recipe is a YAML file of some lines.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}.", _near_files(path)) from None
    except UnicodeDecodeError as e:
        raise RecipeError(f"{path} is not UTF-8 text (byte {e.start}); a recipe is a YAML file.") from None
    except OSError as e:
        of_run = path / "recipe.yaml"  # asked for by `os`, which finds nothing where a name is too long
        hint = f"It is a run; go on with it: nmt train {of_run}" if os.path.isfile(of_run) else ""
        raise RecipeError(f"cannot read the recipe {path}: {e.strerror}.", hint) from None
    values = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise RecipeError(f"{path} must hold keys and values (name: …), but is {show(values)}.")
    override(values, overrides)
    return make_recipe(values, str(path), above)


def make_recipe(values: dict[str, Any], where: str, above: Sequence[str] = ()) -> Recipe:
    """A checked recipe of plain values; `where` names their origin in errors."""
    values = with_run_folders(values, where, lambda named: load_recipe(named, above=(*above, where)), above)
    values = with_taken_tokenizer(values, where, lambda run: load_recipe(run / "recipe.yaml").tokenizer)
    values = with_taken_tags(values, where, lambda run: load_recipe(run / "recipe.yaml").data)
    values = with_replayed_directions(values, where, lambda run: load_recipe(run / "recipe.yaml"))
    try:
        return Recipe.model_validate(values)
    except ValidationError as e:
        raise RecipeError(join_faults([f"{where}: {fault}" for fault in faults(e, values, Recipe)])) from None


def _near_files(path: Path) -> str:
    folder = path.parent if path.parent.is_dir() else Path("recipes")
    names = sorted(str(p) for p in folder.glob("*.y*ml")) if folder.is_dir() else []
    close = difflib.get_close_matches(str(path), names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Recipes here: {', '.join(names)}" if names else "Give the path of a YAML file."
