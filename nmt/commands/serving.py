"""`nmt serve`."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt import console
from nmt.commands.options import DeviceOption, EngineName, EngineOption, run_folder
from nmt.errors import NMTError, RecipeError

if TYPE_CHECKING:
    from nmt.serve.models import Models
    from nmt.serve.service import Service

app = typer.Typer()


@app.command(
    epilog="Examples: `nmt serve`; `nmt serve runs/en-fr runs/fr-en`; `nmt serve --host 0.0.0.0 --keys keys.txt`"
)
def serve(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...", show_default=False,
            help="Run folders, or files of `nmt package`; of two for the same languages the later answers. [the run "
            "trained last]",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free.", min=0, max=65535)] = 5000,
    keys: Annotated[
        Path | None,
        typer.Option(help="A file of keys, one of which every client must have: `key [characters a minute]`."),
    ] = None,
    open_to_all: Annotated[bool, typer.Option("--open", help="Let other machines ask without a key.")] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name under which clients reach it, such as `mt.example.org`; several may be given."),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="A web site whose pages may ask; several may be given.")
    ] = None,
    device: DeviceOption = "auto",
    engine: EngineOption = EngineName.auto,
    beam_size: Annotated[int | None, typer.Option(help="[the recipe's]", min=1, max=100, show_default=False)] = None,
    reproducible: Annotated[
        bool, typer.Option("--reproducible", help="Translate every line alone: the same to the last digit, but slower.")
    ] = False,
    max_queue: Annotated[int, typer.Option(help="Characters that may wait.", min=1000)] = 200_000,
    suggestions: Annotated[
        Path | None,
        typer.Option(help="A folder in which better translations that clients tell are kept, to train on. [none]"),
    ] = None,
    state: Annotated[Path | None, typer.Option(help="A folder in which glossaries are kept. [in memory]")] = None,
    grace: Annotated[int, typer.Option(help="Seconds for what was accepted, once told to stop.", min=0)] = 30,
) -> None:  # fmt: skip
    """Serve translators over HTTP, with a page for people, to programs that speak to LibreTranslate, DeepL or Apertium.

    SIGHUP loads the runs anew; SIGTERM or Ctrl-C ends once all that was accepted is answered.
    """
    from nmt.serve.limits import Keys, check_exposed

    check_exposed(host, keys, open_to_all)
    if missing := [name for name in ("starlette", "uvicorn", "python_multipart") if find_spec(name) is None]:
        raise RecipeError(f"`nmt serve` needs {', '.join(missing)}.", "Install them: pip install 'nmt[serve]'")
    who = Keys.load(keys) if keys else None
    folders = runs or [run_folder(None)]
    from nmt.serve.app import application
    from nmt.serve.glossaries import Glossaries
    from nmt.serve.metrics import Metrics
    from nmt.serve.server import Server, bound
    from nmt.serve.service import Service
    from nmt.serve.suggestions import Suggestions

    decode: dict[str, object] = {} if beam_size is None else {"beam_size": beam_size}
    glossaries, told = Glossaries(state), None if suggestions is None else Suggestions(suggestions)
    with bound(host, port) as listening:
        service = Service(
            lambda: _load(folders, device, engine, decode), Metrics(), workers=_workers(), most=max_queue,
            alone=reproducible, keys=who,
        )  # fmt: skip
        hosts = [*(allow_host or ()), host] if host not in ("0.0.0.0", "::") else [*(allow_host or ("*",))]
        app = application(service, glossaries, hosts=hosts, cors=cors or (), suggestions=told, log=_log)
        server = Server(app, service, grace=grace, connections=1000, reload=lambda: _reload(service.reload))
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        threading.Thread(target=_warm_up, args=(service, address, bool(glossaries)), daemon=True).start()
        asyncio.run(server.serve(sockets=[listening]))
    console.info("Stopped.")


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _load(folders: list[Path], device: str, engine: EngineName, decode: dict[str, object]) -> Models:
    from nmt.serve.models import Model, Models

    models = Models([Model.load(folder, device, engine.value, decode) for folder in folders])
    for model in models.all:
        if why := model.translator.why_own:
            console.info(f"{model.name} translates with our own engine: {why}.")
    for source, target, taken, instead_of in models.replaced():
        console.warn(f"{source}-{target}: {taken.name} answers, not {instead_of.name}.")
    return models


def _warm_up(service: Service, address: str, terms: bool) -> None:
    service.warm_up()
    console.info(f"Ready: {address}")
    if terms:
        service.warm_up_terms()


def _reload(reload: Callable[[], None]) -> None:
    try:
        reload()
    except NMTError as e:
        console.warn(f"Not loaded anew, the old models go on: {e.message}")
    else:
        console.info("Loaded anew.")


def _workers() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
