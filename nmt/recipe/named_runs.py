"""Where a recipe names a run, it may name that run's recipe instead: its folder stands there from then on.

Of `data.synthetic` the recipes stay, for `nmt train` trains those first; see nmt/synthesis/teachers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nmt.errors import RecipeError

if TYPE_CHECKING:
    from nmt.recipe.recipe import Recipe

_PLACES = (
    "train.init_from", "train.init_from.run", "train.guard", "train.guard.run", "tokenizer.from", "data.train.run",
    "data.train.*.run", "data.filters.pair_score.run",
)  # fmt: skip


def is_recipe(named: str) -> bool:
    return named.endswith((".yaml", ".yml"))


def with_run_folders(
    values: dict[str, Any], where: str, load: Callable[[str], Recipe], above: Sequence[str]
) -> dict[str, Any]:
    """The plain values of a recipe with run folders where it names recipes. Raises RecipeError, naming the key, for one
    that is not trained yet, or that needs this one; `above` are those that need this.
    """

    def folder(key: str, named: str) -> str:
        if named in (*above, where):
            raise RecipeError(f"{where}: `{key}: {named}` needs itself.", "Name a run that is there.")
        run = load(named).run_dir
        if not (run / "recipe.yaml").exists():
            raise RecipeError(f"{where}: `{key}: {named}` is not trained yet.", f"Train it first: nmt train {named}")
        return str(run)

    for place in _PLACES:
        values = _replaced(values, place.split("."), partial(folder, place.replace(".*", "")))
    return values


def _replaced(value: Any, path: list[str], change: Callable[[str], str]) -> Any:
    match path:
        case []:
            return change(value) if isinstance(value, str) and is_recipe(value) else value
        case ["*", *rest]:
            return [_replaced(one, rest, change) for one in value] if isinstance(value, list) else value
        case [key, *rest]:
            found = isinstance(value, dict) and key in value
            return value | {key: _replaced(value[key], rest, change)} if found else value
    return value
