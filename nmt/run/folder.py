"""A run on disk: where it is, which was trained last, and that one training at a time writes to it.

runs/<name>/   recipe.yaml (resolved), tokenizer, manifest.json (of the data), log.jsonl, lock
  checkpoints/ see checkpoint.py
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.errors import RunError
from nmt.files import list_some, lock
from nmt.recipe import Recipe, load_recipe

TRAIN_FIRST = "Train one first: nmt train RECIPE. For your own text, nmt init writes a recipe."


def latest_run(runs_dir: Path = Path("runs")) -> Path:
    """The run trained last. Raises RunError where there is none."""
    runs = [p.parent for p in runs_dir.glob("*/checkpoints") if p.is_dir() and any(p.glob("*/state.json"))]
    if not runs:
        raise RunError(f"there is no trained run in {runs_dir}/ yet.", TRAIN_FIRST)
    return max(runs, key=lambda run: max(p.stat().st_mtime_ns for p in (run / "checkpoints").glob("*/state.json")))


def load_run_recipe(run: Path) -> Recipe:
    if not (run / "recipe.yaml").exists():
        raise RunError(f"{run} is not a run folder: it has no recipe.yaml.", "Give the folder that `nmt train` made.")
    return load_recipe(run / "recipe.yaml")


def is_begun(run: Path) -> bool:
    """Whether a training could go on there: it has a recipe and a checkpoint."""
    return (run / "recipe.yaml").exists() and any((run / "checkpoints").glob("step-*/state.json"))


@contextmanager
def run_lock(run: Path) -> Iterator[Callable[[], None]]:
    """One training at a time in a run folder. The system drops the lock with the process, so none outlives a crash.

    Gives what raises RunError once the folder is no longer that which was locked: whoever has removed or renamed it
    does not want it back, and another training may have begun one of that name.
    """
    import socket

    with open(run / "lock", "a+", encoding="utf-8") as file:
        if not lock(file) and os.name == "posix":
            file.seek(0)
            raise RunError(
                f"{run} is being trained by {file.read().strip() or 'another process'}.",
                "Wait for it, or stop it; or give this training another `name`.",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()

        def check() -> None:
            try:
                same = os.path.samestat(os.fstat(file.fileno()), os.stat(run / "lock"))
            except OSError:
                same = False
            if not same:
                raise RunError(
                    f"{run} is no longer the folder that this training began in: it was removed, renamed or replaced.",
                    "Nothing more is written there. To train anew, start the same command again.",
                )

        yield check


def check_folder(run: Path) -> None:
    """Raises RunError where a training would write into, or set aside, a folder of something else."""
    names = sorted(path.name for path in run.iterdir()) if run.is_dir() else []
    if set(names) - {"lock"} and not {"checkpoints", "log.jsonl"} & set(names):
        raise RunError(
            f"{run} exists, but is no run of nmt (it holds {list_some(names)}); it is left as it is.",
            "Move it away, give the recipe another `name`, or choose another `train.runs_dir`.",
        )


def set_aside(run: Path) -> Path | None:
    """Rename an existing run folder to the first free `<name>.1`, `<name>.2` …; nothing is lost. Raises RunError where
    it is being trained.
    """
    if not run.exists():
        return None
    number = 1
    while (aside := run.with_name(f"{run.name}.{number}")).exists():
        number += 1
    with run_lock(run):
        run.rename(aside)
    return aside
