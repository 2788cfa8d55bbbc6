"""`nmt chat`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

from nmt import console
from nmt.commands.options import CheckpointOption, DeviceOption, RunOption, load_translator, run_folder
from nmt.commands.search_options import with_search_options
from nmt.commands.translating import SEARCH

app = typer.Typer()


@app.command(epilog="Example: `nmt chat --run runs/demo-dialogue`")
@with_search_options({"Search": ("beam_size", "length_penalty"), "Sampling": SEARCH["Sampling"]})
def chat(
    run: RunOption = None, checkpoint: CheckpointOption = "best", device: DeviceOption = "auto", **search: Any
) -> None:
    """Talk with a run of `task: dialogue`: a reply to each line. A blank line begins a new conversation."""
    from nmt.decode.endpoints import open_output
    from nmt.run.abilities import check_replies
    from nmt.run.folder import load_run_recipe
    from nmt.text.fields import join_text

    folder = run_folder(run)
    check_replies(folder, load_run_recipe(folder))
    history: list[str] = []
    with open_output(None) as out:
        translator = load_translator(run, checkpoint, device, search)
        for line in _said():
            history = [*history, line] if line.strip() else []
            reply = translator.translate([join_text(history, turns=True)])[0].text
            history += [reply] if history else []
            out.write(f"{reply}\n".encode())
            out.flush()


def _said() -> Iterator[str]:
    """The lines of stdin, one by one."""
    from nmt.decode.endpoints import open_input
    from nmt.decode.streams import read_lines, type_requests

    if sys.stdin.isatty():
        console.info("Type a line and press Enter; a blank line begins anew, Ctrl-D ends.")
        yield from (request.text for chunk in type_requests("text") for request in chunk)
        return
    with open_input(None) as (source, name):
        yield from (line for lines in read_lines(source, name) for line in lines)
