"""`nmt package`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nmt import console
from nmt.commands.options import RunArgument, run_folder
from nmt.errors import RunError

app = typer.Typer()


class Receiver(StrEnum):
    nmt = "nmt"
    hub = "hub"
    argos = "argos"


@app.command(epilog="Example: `nmt package runs/demo -o demo.nmt --for nmt`, then `nmt translate --run demo.nmt`")
def package(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="What to write; nothing that stands there is overwritten.")
    ],
    receiver: Annotated[
        Receiver,
        typer.Option(
            "--for",
            help="`nmt`: one file for nmt, wherever a run is taken to translate with. `hub`: a folder for a hub of "
            "models, with CTranslate2's files, the other two and a card. `argos`: an .argosmodel for Argos Translate "
            "and LibreTranslate.",
        ),
    ],
    run: RunArgument = None,
    license_file: Annotated[
        Path | None, typer.Option(help="A text to go with it as LICENSE; the recipe's `license` is its name.")
    ] = None,
) -> None:
    """Package a run to hand on: its best weights, tokenizer, and a card that says how good it is; none of its text."""
    folder = run_folder(run)
    if license_file is not None and not license_file.is_file():
        raise RunError(f"there is no file {license_file}.", "`--license-file` is the text of a licence.")
    from nmt.share.about import About

    about = About.read(folder)
    if not about.results.scores:
        console.warn(f"{folder} was not evaluated: its card has no scores. For them: nmt evaluate --run {folder}")
    match receiver:
        case Receiver.nmt:
            from nmt.share.bundle import bundle

            bundle(about, output, license_file)
        case Receiver.hub:
            from nmt.share.hub import hub_folder

            hub_folder(about, output, license_file)
        case Receiver.argos:
            from nmt.share.argos import argos_package

            argos_package(about, output, license_file)
    console.info(f"Written: {output} ({_size(output)}). Its card says what it is; look it over before you hand it on.")


def _size(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:,.1f} MB"
