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
    """For an estimate: the recipe with its synthetic pairs, and rows that say what is still to be made."""
    plan = plan_of(recipe)
    waiting = [wanted for wanted in plan.sets if not wanted.is_made]
    rows = [("still to be made", wanted.title) for wanted in waiting]
    return plan.recipe, [*rows, ("how long that takes", "nmt augment RECIPE --dry-run")] if rows else []
