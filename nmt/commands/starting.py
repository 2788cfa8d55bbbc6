"""`nmt init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmt import console

app = typer.Typer()

FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILES...", show_default=False,
        help="Two text files, line n of one translating line n of the other; or one .tsv, .csv, .jsonl or .parquet.",
    ),
]  # fmt: skip
SourceOption = Annotated[
    str | None, typer.Option(metavar="CODE", help="The language to translate from, such as `en`. [by the names]")
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="CODE", help="The language to translate into, such as `fr`. [by the names]")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="RECIPE", help="The recipe to write. [named after the files]")
]


@app.command(epilog="Example: `nmt init contracts/train.en contracts/train.fr`")
def init(
    files: FilesArgument = None, source_lang: SourceOption = None, target_lang: TargetOption = None,
    output: OutputOption = None,
) -> None:  # fmt: skip
    """Write a recipe for your own text: look at the files, count the pairs, hold some out for validation and a test."""
    from nmt.data.draft import draft

    path, found = draft(files or [], source_lang, target_lang, output)
    console.info(f"{found.pairs:,} pairs. The first:")
    for lang, text in zip((found.guess.source_lang, found.guess.target_lang), found.example, strict=True):
        console.info(f"  {lang}  {text}")
    console.info(
        f"Wrote {path}: {found.held_out:,} pairs held out for validation and as many for a test, an hour of training. "
        f"Next:\n  nmt train {path} --dry-run\n  nmt train {path}\n  nmt translate < input.txt\n  nmt evaluate"
    )
