"""`nmt report`."""

from __future__ import annotations

import typer

from nmt import console
from nmt.commands.options import RunArgument, draws_text, fills_in, run_folder

app = typer.Typer()


@app.command(epilog="Example: `nmt report runs/multi30k-en-fr`")
def report(
    run: RunArgument = None,
) -> None:
    """Write a run's report: one HTML file with its scores, curves, weak spots and samples, for any browser."""
    folder = run_folder(run)
    from nmt.evaluate.attention_maps import attention_of
    from nmt.evaluate.report import write_report

    print(write_report(folder, attention_of(folder)))
    if not (folder / "evaluation").exists():
        more = "" if draws_text(folder) or fills_in(folder) else " --analyse --robustness"
        console.info(f"It would say more after: nmt evaluate --run {folder}{more}")
