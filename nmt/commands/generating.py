"""`nmt generate`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from nmt.commands.options import CheckpointOption, DeviceOption, RunOption, load_generator
from nmt.commands.search_options import with_search_options

app = typer.Typer()


@app.command(epilog="Examples: `nmt generate -n 5`, `nmt generate --prompt 'A dog' --top-p 0.9 --seed 7`")
@with_search_options({"Sampling": ("temperature", "top_k", "top_p", "seed")})
def generate(
    run: RunOption = None,
    prompt: Annotated[
        str | None, typer.Option(help="What the text begins with. [each line of stdin, if it is no terminal]")
    ] = None,
    number: Annotated[
        int,
        typer.Option(
            "-n",
            min=1,
            max=100_000,
            metavar="N",
            show_default=False,
            help="Samples of each prompt, the most probable first. [1]",
        ),
    ] = 1,
    checkpoint: CheckpointOption = "best",
    device: DeviceOption = "auto",
    **search: Any,
) -> None:
    """Draw text from a language model (a run of `objective: lm`): a sample a line.

    A blank prompt, or none, draws from the start. The same prompt and seed draw the same text.
    """
    from nmt.decode.endpoints import open_output

    with open_output(None) as out:
        generator = load_generator(run, checkpoint, device, search)
        for prompts in _typed() if prompt is None else [[prompt]]:
            for samples in generator.generate(prompts, number):
                out.write("".join(f"{line}\n" for line in samples).encode())
            out.flush()


def _typed() -> Iterator[list[str]]:
    """The lines of stdin; one blank prompt where there are none, or nobody gives any."""
    from nmt.decode.endpoints import open_input
    from nmt.decode.streams import read_lines

    found = False
    if not sys.stdin.isatty():
        with open_input(None) as (source, name):
            for lines in read_lines(source, name):
                found = True
                yield lines
    if not found:
        yield [""]
