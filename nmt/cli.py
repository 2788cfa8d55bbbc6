"""The command line: its commands, which are in nmt/commands, and how any of them ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.main import get_command

from nmt import console
from nmt.commands import (
    augmenting,
    chatting,
    evaluating,
    generating,
    inspecting,
    reporting,
    serving,
    sharing,
    starting,
    training,
    translating,
)
from nmt.errors import Interrupted, NMTError, OutputError
from nmt.version import VERSION

app = typer.Typer(
    name="nmt", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train your own translator on your own text: from raw parallel text to a scored translator with one recipe.",
    epilog="First time? `nmt train` trains the demo in three minutes; then try "
    "`echo 'The children play in the garden.' | nmt translate`. Your own text? `nmt init` writes a recipe.",
)  # fmt: skip
for part in (
    starting,
    training,
    augmenting,
    translating,
    serving,
    sharing,
    chatting,
    generating,
    evaluating,
    reporting,
    inspecting,
):
    app.add_typer(part.app)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"nmt {VERSION}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.callback()
def root(version: VersionOption = False, debug: DebugOption = False) -> None:
    """What all commands share; `main` looks for --debug itself, to have it before anything can fail."""


def main() -> None:
    """Run a command. An error is one to three lines on stderr, and an exit code that says whose it is."""
    debug = "--debug" in sys.argv
    signal.signal(signal.SIGTERM, _terminated)
    console.open_streams()
    try:
        code = _run()
    except (KeyboardInterrupt, typer.Abort):
        console.warn("Stopped.")
        code = 130
    except Exception as e:
        if debug and not hasattr(e, "show"):
            raise
        code = _report(e)
    _leave(code)


def _run() -> int:
    """Not by typer's own `app()`, which ends with the broken pipe and Ctrl-C itself, in silence."""
    if "_NMT_COMPLETE" in os.environ:  # the shell asks for completions
        app(prog_name="nmt")
    command = get_command(app)
    try:
        with command.make_context("nmt", sys.argv[1:]) as context:
            command.invoke(context)
        code = 0
    except typer.Exit as e:  # of --help and --version too
        code = e.exit_code
    sys.stdout.flush()
    return code


def _report(e: Exception) -> int:
    """Say what went wrong; gives the exit code."""
    match e:
        case OutputError():
            _drop_unwritten()
            if isinstance(e.__cause__, BrokenPipeError):
                return 128 + signal.SIGPIPE  # its reader has gone, as with `| head`
            console.error(e)
            return e.exit_code
        case NMTError():
            console.error(e)
            return e.exit_code
        case _ if hasattr(e, "show") and hasattr(e, "exit_code"):
            e.show()  # a wrong option or argument; whose class it is depends on the version of typer
            context: Any = getattr(e, "ctx", None)
            if getattr(e, "option_name", "") == "--run" and any(p.name == "run" for p in context.command.params):
                console.info(f"Here the run stands by itself: {context.command_path} RUN")
            return int(e.exit_code)
        case _:
            console.error(
                NMTError(
                    f"nmt failed: {type(e).__name__}: {e}",
                    "This is a fault of nmt. With --debug before the command it shows where.",
                )
            )
            return 1


def _drop_unwritten() -> None:
    """What a stdout that failed still holds would fail again when Python closes it."""
    try:
        sys.stdout.flush()
    except OutputError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does: through every clean-up on the way out. Training has its own way."""
    raise Interrupted(number, "stopped by SIGTERM.")


def _leave(code: int) -> NoReturn:
    """Exit; at once where a thread still waits for stdin, whose lock the interpreter would stumble over."""
    if any(thread.daemon for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
