"""Teachers that a recipe names by their recipes: the runs that these become."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nmt.errors import RecipeError, RunError
from nmt.recipe import Recipe, load_recipe
from nmt.recipe.named_runs import is_recipe
from nmt.recipe.synthetic import Synthetic
from nmt.run.log import is_finished

_LISTS = ("with_", "forward", "backward")  # fields that name runs


class UntrainedError(RunError):
    """A recipe is named whose run is not trained to its end."""


def run_of(named: str) -> Path:
    """The run folder that is named, or that a named recipe becomes."""
    return load_recipe(named).run_dir if is_recipe(named) else Path(named)


def untrained(recipe: Recipe) -> list[str]:
    """The recipes of teachers whose runs are not trained to their ends, each once, in the order in which they are
    needed: first what they need themselves. Raises RecipeError where they need each other.
    """
    found: list[str] = []
    _collect(recipe, found, ())
    return found


def _collect(recipe: Recipe, found: list[str], above: Sequence[str]) -> None:
    for named in (named for item in recipe.data.synthetic for named in item.teachers if is_recipe(named)):
        if named in above:
            raise RecipeError(f"{named} is a teacher of its own teacher, {above[-1]}.", "Name a run that is there.")
        theirs = load_recipe(named)
        if named not in found and not is_finished(theirs.run_dir):
            _collect(theirs, found, (*above, named))
            found.append(named)


def with_runs(recipe: Recipe) -> Recipe:
    """With runs in place of their recipes. Raises UntrainedError naming those that are not trained to their ends."""
    if missing := untrained(recipe):
        raise UntrainedError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not trained to the end, and "
            f"{'is' if len(missing) == 1 else 'are'} named in `data.synthetic`.",
            "nmt train RECIPE does all in order.",
        )
    items = [_with_runs(item) for item in recipe.data.synthetic]
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"synthetic": items})})


def _with_runs(item: Synthetic) -> Synthetic:
    named = {field: getattr(item, field) for field in _LISTS if getattr(item, field) is not None}
    return item.model_copy(update={field: [str(run_of(run)) for run in runs] for field, runs in named.items()})
