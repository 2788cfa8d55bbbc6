"""`nmt translate` and `nmt export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nmt import console
from nmt.commands.options import (
    BeamOption,
    CheckpointOption,
    DeviceOption,
    EngineName,
    OutputFormat,
    PenaltyOption,
    Quantization,
    RunOption,
    load_translator,
    run_folder,
)  # fmt: skip

app = typer.Typer()


@app.command(epilog="Example: `nmt translate --beam-size 8 -i input.txt -o output.txt`")
def translate(
    run: RunOption = None,
    checkpoint: CheckpointOption = "best",
    input: Annotated[
        Path | None, typer.Option("--input", "-i", help="A plain or gzip file; stdin if not given.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; stdout if not given.")] = None,
    n_best: Annotated[
        int, typer.Option(min=1, max=100, help="Translations per line, best first: `line TAB score TAB text`.")
    ] = 1,
    scores: Annotated[bool, typer.Option("--scores", help="Put each score and a TAB before its translation.")] = False,
    format: Annotated[OutputFormat, typer.Option(help="Plain lines, or one JSON object per line.")] = OutputFormat.text,
    beam_size: BeamOption = None,
    length_penalty: PenaltyOption = None,
    device: DeviceOption = "auto",
    engine: Annotated[EngineName, typer.Option(help="Our own, or CTranslate2 after `nmt export`.")] = EngineName.nmt,
) -> None:
    """Translate lines: stdin to stdout, raw text in and out, exactly one output line for each input line."""
    from nmt.decode.streams import open_input, open_output, read_lines, translate_stream

    with open_input(input) as (source, name):
        translator = load_translator(
            run, checkpoint, device, {"beam_size": beam_size, "length_penalty": length_penalty}, engine
        )
        with open_output(output) as out:
            chunks = read_lines(source, name)
            translate_stream(translator, chunks, out, format=format.value, n_best=n_best, scores=scores)


@app.command(epilog="Example: `nmt export --quantization int8`, then `nmt translate --engine ctranslate2 < input.txt`")
def export(
    run: RunOption = None,
    checkpoint: CheckpointOption = "best",
    quantization: Annotated[
        Quantization | None, typer.Option(help="Store the weights smaller; 32-bit numbers if not given.")
    ] = None,
) -> None:
    """Write a run for CTranslate2, to `ctranslate2` in its folder, and compare translations of both engines."""
    folder = run_folder(run)
    from nmt.decode.export import export_run

    done = export_run(folder, checkpoint, quantization and quantization.value)
    alike = f"{done.same} of {done.samples} sample lines are translated the same."
    console.info(f"Written: {done.folder}. {alike if done.samples else 'There is no validation text to try it with.'}")
