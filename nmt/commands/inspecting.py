"""`nmt runs`, `nmt show` and `nmt verify`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from nmt import console
from nmt.commands.options import RunArgument, run_folder

app = typer.Typer()


@app.command(epilog="Example: `nmt runs`")
def runs(
    folder: Annotated[Path, typer.Argument(help="The folder of run folders.")] = Path("runs"),
) -> None:
    """List runs: languages, steps, scores, age, size; the run trained last first."""
    from nmt.run.overview import COLUMNS, list_runs

    console.print_table(COLUMNS, [run.row(time.time()) for run in list_runs(folder)])


@app.command(epilog="Example: `nmt show runs/multi30k-en-fr`")
def show(
    run: RunArgument = None,
) -> None:
    """Show a run: its model, data, learning curve, scores and versions."""
    from nmt.run.overview import read_run

    console.print_table(["what", "how much"], read_run(run_folder(run)).details())


@app.command(epilog="Example: `nmt verify runs/multi30k-en-fr`")
def verify(
    run: RunArgument = None,
    everything: Annotated[
        bool, typer.Option("--all", help="List every check, not only those that need a look.")
    ] = False,
) -> None:
    """Check a run's files, text and versions against what the run has recorded of them."""
    folder = run_folder(run)
    from nmt.run.verify import verdict, verify_run
    from nmt.synthesis.verify import verify_sets

    findings = [*verify_run(folder), *verify_sets(folder)]
    print(f"{folder}: {verdict(findings)}")
    if shown := [f for f in findings if everything or f.result != "ok"]:
        print()
        console.print_table(["what", "result", "remark"], [[f.what, f.result, f.remark] for f in shown])
    if any(f.result == "differs" for f in findings):
        raise typer.Exit(1)
