"""`nmt prepare` and `nmt train`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt import console
from nmt.commands.augmenting import is_prepared, make_synthetic, plan_of, planned_or_not, time_of
from nmt.commands.options import RecipeArgument, load, pair_filter, recipe_named
from nmt.errors import NMTError, RecipeError

if TYPE_CHECKING:
    from nmt.recipe import Recipe
    from nmt.synthesis.plan import Plan

app = typer.Typer()


@app.command(epilog="Example: `nmt prepare recipes/multi30k.yaml data.root=my/folder`")
def prepare(
    recipe: RecipeArgument = None,
    force: Annotated[bool, typer.Option("--force", help="Prepare anew, replacing what was prepared.")] = False,
    task: Annotated[
        str,
        typer.Option(
            metavar="K/N",
            show_default=False,
            help="Do a part: run N such processes at a time, on any machines that share the folder.",
        ),
    ] = "1/1",
) -> None:
    """Audit and filter the text, train the tokenizer, write ids to disk."""
    from nmt.data.kept import Share
    from nmt.data.prepare import prepare as prepare_data
    from nmt.run.older import older_run

    try:
        share = Share(*map(int, task.split("/", 1)))
    except (ValueError, TypeError):
        raise RecipeError(f"`--task {task}` is no part.", "Give the first of eight as 1/8, the last as 8/8.") from None
    loaded, path = load(recipe)
    with recipe_named(path):
        plan = plan_of(loaded)
        if share.of > 1 and loaded.data.synthetic and not is_prepared(plan.recipe, path):
            raise RecipeError(
                "`--task` prepares text that is there, not what `data.synthetic` makes.", "Prepare without `--task`."
            )
        if force or not is_prepared(plan.recipe, path):
            make_synthetic(plan)
        loaded = plan.recipe
        prepare_data(loaded, force=force, recipe_path=path, older=older_run(loaded), scorer_of=pair_filter,
                     share=share)  # fmt: skip


@app.command(epilog="Example: `nmt train recipes/multi30k.yaml train.max_minutes=20`")
def train(
    recipe: RecipeArgument = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; the old run folder is kept under a new name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the resolved recipe, sizes and costs, and stop.")
    ] = False,
    profile: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", show_default=False, help="Time N training steps, show where the time goes, and stop."
        ),
    ] = 0,
) -> None:
    """Train a translator, or go on where its training stopped. Prepares the data first if that was not done."""
    loaded, path = load(recipe)
    with recipe_named(path):
        if dry_run:
            _estimate(loaded, path)
            return
        command = shlex.join(["nmt", "train", *(recipe or [])])
        for teacher, theirs in _teachers_first(loaded):
            console.info(f"Training {teacher}, which `data.synthetic` needs.")
            _train(theirs, Path(teacher), command)
        _train(loaded, path, command, fresh, profile)


def _train(recipe: Recipe, path: Path, command: str, fresh: bool = False, profile: int = 0) -> None:
    """One run. `command` is what goes on with it after it was stopped."""
    plan = plan_of(recipe)
    _prepare_first(plan, path, fresh)
    if profile:
        _profile(plan.recipe, profile)
        return
    from nmt.train.trainer import train as run_training

    run = run_training(plan.recipe, plan.recipe.prepared_dir, command, fresh)
    if console.is_main_rank():
        _export(run)


def _teachers_first(recipe: Recipe) -> list[tuple[str, Recipe]]:
    """The recipes of teachers that have to be trained before, in order; how long that takes is told."""
    if not recipe.data.synthetic:
        return []
    from nmt.recipe import load_recipe
    from nmt.synthesis.teachers import untrained

    waiting = [(named, load_recipe(named)) for named in untrained(recipe)]
    for named, theirs in waiting:
        console.info(f"To be trained before: {named}, {time_of(theirs, Path(named))}.")
    return waiting


def _estimate(recipe: Recipe, path: Path) -> None:
    from nmt.train.estimate import estimate

    recipe, waiting = planned_or_not(recipe)
    settled, rows = estimate(recipe, path)
    print(settled.dump())
    console.table("Estimate", ["what", "how much"], [*waiting, *rows])


def _prepare_first(plan: Plan, path: Path, fresh: bool) -> None:
    from nmt.data.check import check_inputs, check_prepared
    from nmt.data.manifest import KEPT, NotPreparedError
    from nmt.data.prepare import prepare as prepare_data
    from nmt.run.folder import is_begun
    from nmt.run.older import older_run
    from nmt.train.settle import check_length

    recipe = plan.recipe
    check_length(recipe, str(path))
    try:
        manifest = check_prepared(recipe, path)
        if console.is_main_rank():
            check_inputs(recipe, manifest, path, going_on=is_begun(recipe.run_dir) and not fresh)
            if fresh and manifest.tokenizer.origin == KEPT:  # for the run that is set aside; a new one learns its own
                prepare_data(recipe, force=True, recipe_path=path, scorer_of=pair_filter)
    except NotPreparedError:
        if console.is_main_rank():  # the others wait for it where they join
            make_synthetic(plan)
            prepare_data(recipe, recipe_path=path, older=None if fresh else older_run(recipe), scorer_of=pair_filter)


def _export(run: Path) -> None:
    """For CTranslate2, where it can be and its weights are not exported yet. What fails is a warning: the run is
    trained.
    """
    from nmt.decode.choose import is_exported
    from nmt.decode.export import export_run
    from nmt.run.abilities import check_exports
    from nmt.run.folder import load_run_recipe

    recipe = load_run_recipe(run)
    try:
        check_exports(run, recipe)
    except NMTError:
        return
    try:
        if not is_exported(run, recipe):
            written, compared = export_run(run)
            console.info(f"Exported for CTranslate2: {written}. {compared.sentence() if compared else ''}".rstrip())
    except Exception as e:  # noqa: BLE001 - whatever it is
        console.warn(f"{run} was not exported for CTranslate2, and translates with our own engine: {e}")


def _profile(recipe: Recipe, steps: int) -> None:
    from nmt.train.profile import profile_steps

    found = profile_steps(recipe, recipe.prepared_dir, steps)
    if not console.is_main_rank():
        return
    console.print_table(["part of a step", "ms", "share"], found.rows())
    console.info(
        f"A step takes {found.step_ms:,.0f} ms, {found.tokens_per_second:,.0f} target tokens/s. Matrix products "
        f"run at {found.gflops:,.0f} GFLOP/s; a large one reaches {found.limit_gflops:,.0f} here."
    )
    if found.traffic:
        console.print_table(["from node → to node", "bytes a step", "messages", "sizes told"], found.traffic)
        console.info("What brings tokens to experts and back. A size told is 8 bytes that say how many rows follow.")
