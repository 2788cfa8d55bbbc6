"""`nmt augment`, and what `nmt prepare` and `nmt train` need of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt import console
from nmt.commands.options import RecipeArgument, load, recipe_named
from nmt.errors import RecipeError

if TYPE_CHECKING:
    from nmt.recipe import Recipe
    from nmt.synthesis.plan import Plan

app = typer.Typer()


@app.command(epilog="Example: `nmt augment recipes/multi30k-more.yaml --dry-run`")
def augment(
    recipe: RecipeArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Translate a small sample, tell how long all will take, and stop.")
    ] = False,
) -> None:
    """Make the text that `data.synthetic` asks for by other runs. `nmt prepare` and `nmt train` do so by themselves."""
    loaded, path = load(recipe)
    with recipe_named(path):
        if not loaded.data.synthetic:
            raise RecipeError(
                f"{path} has no `data.synthetic`: there is nothing to make.",
                "For example: data: {synthetic: [{method: self_training, text: more.en, with: runs/NAME}]}",
            )
        plan = plan_of(loaded)
        if dry_run:
            from nmt.synthesis.trial import COLUMNS, tried

            console.print_table(COLUMNS, [row for wanted in plan.sets for row in [tried(wanted)]])
            return
        for wanted in plan.sets:
            if wanted.is_made:
                console.info(f"{wanted.folder} is made already: {wanted.title}.")
        make_synthetic(plan)


def plan_of(recipe: Recipe) -> Plan:
    """The recipe with its synthetic pairs as corpora, which may still have to be made."""
    from nmt.synthesis.plan import plan

    return plan(recipe)


def make_synthetic(plan: Plan) -> None:
    """Make what is not there yet."""
    if plan.sets:
        from nmt.synthesis.make import make_all

        make_all(plan)


def is_prepared(recipe: Recipe, path: Path) -> bool:
    """Whether its prepared data are there. Raises RunError where they are others."""
    from nmt.data.check import check_prepared
    from nmt.data.manifest import NotPreparedError

    try:
        check_prepared(recipe, path)
    except NotPreparedError:
        return False
    return True


def planned_or_not(recipe: Recipe) -> tuple[Recipe, list[tuple[str, str]]]:
    """For an estimate: the recipe with its synthetic pairs; or, where they are not all made yet, without them, and rows
    that say what is still to be done.
    """
    if not recipe.data.synthetic:
        return recipe, []
    from nmt.recipe import load_recipe
    from nmt.synthesis.teachers import untrained

    without = recipe.model_copy(update={"data": recipe.data.model_copy(update={"synthetic": []})})
    follows = ("what follows", "is without that text")
    if waiting := untrained(recipe):
        rows = [("to be trained before", f"{named}, {time_of(load_recipe(named), Path(named))}") for named in waiting]
        items = ", ".join(item.method.replace("_", " ") for item in recipe.data.synthetic)
        return without, [*rows, ("to be made then", items), follows]
    plan = plan_of(recipe)
    made = [("to be made before", wanted.title) for wanted in plan.sets if not wanted.is_made]
    return (without, [*made, ("which takes", "see nmt augment --dry-run"), follows]) if made else (plan.recipe, [])


def time_of(recipe: Recipe, path: Path) -> str:
    """How long its training will take, roughly."""
    from nmt.train.estimate import TIME, estimate

    if recipe.data.synthetic:
        recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"synthetic": []})})
    rows = dict(estimate(recipe, path)[1])
    return f"about {rows[TIME]} without validations" if TIME in rows else "how long cannot be told yet"
