"""Which other runs a run was made of: whose weights it began with, and which made text that it learned from.

provenance.json in the run folder is written when a training begins, so that the chain is known though the other runs be
gone. A run of nothing but text by people has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from nmt import console
from nmt.data.synthetic import MADE, synthetic_folders
from nmt.errors import NMTError
from nmt.files import write_atomically
from nmt.recipe import Recipe, fingerprint
from nmt.records import Record, read_record
from nmt.run.checkpoint import find_checkpoint
from nmt.run.folder import is_begun, load_run_recipe

PROVENANCE = "provenance.json"


class Ancestor(Record):
    """A run, as it was when it was used."""

    run: str  # its folder
    recipe: str  # fingerprint
    checkpoint: str
    sha256: str  # of its weights
    seconds: float  # of its training
    parent: Ancestor | None = None  # whose weights it began with
    sets: list[Made] = Field(default_factory=list)


class Made(Record):
    """Synthetic pairs that a run learned from."""

    folder: str
    title: str
    pairs: int
    seconds: float  # of making them
    engine: str
    teachers: list[Ancestor]


class Provenance(Record):
    parent: Ancestor | None = None
    sets: list[Made] = Field(default_factory=list)


def ancestor(run: Path, recipe: Recipe | None = None) -> Ancestor:
    """Raises RunError where it is no run, or has no checkpoint."""
    recipe = recipe or load_run_recipe(run)
    best, last = (find_checkpoint(run, which, recipe.train.metric) for which in ("best", "last"))
    known = provenance(run)
    return Ancestor(
        run=str(run), recipe=fingerprint(recipe), checkpoint=best.path.name, sha256=best.sha256["model.safetensors"],
        seconds=round(last.state.seconds, 1), parent=known.parent, sets=known.sets,
    )  # fmt: skip


def provenance(run: Path) -> Provenance:
    """What the run folder says; of a run that an older nmt began, what its recipe does."""
    try:
        return read_record(run / PROVENANCE, Provenance, "Restore the run folder from a copy.")
    except FileNotFoundError:
        return _of_recipe(load_run_recipe(run))


def write_provenance(run: Path, recipe: Recipe) -> None:
    """Once, when a training begins; nothing where there is nothing to say."""
    if is_begun(run):
        return
    found = _of_recipe(recipe)
    (run / PROVENANCE).unlink(missing_ok=True)
    if found != Provenance():
        write_atomically(run / PROVENANCE, (found.model_dump_json(indent=1) + "\n").encode())


def _of_recipe(recipe: Recipe) -> Provenance:
    """As far as the runs and the synthetic pairs are there."""
    parent, sets = None, []
    try:
        if recipe.train.init_from is not None and (Path(recipe.train.init_from.run) / "recipe.yaml").exists():
            parent = ancestor(Path(recipe.train.init_from.run))
    except NMTError as e:
        console.warn(f"Where {recipe.train.init_from} came from cannot be told: {e.message}")
    for folder in synthetic_folders(recipe.data):
        try:
            sets.append(read_record(folder / MADE, Made))
        except (FileNotFoundError, NMTError):
            console.warn(f"How {folder} was made cannot be told: it has no usable {MADE}.")
    return Provenance(parent=parent, sets=sets)


def described(found: Provenance, seconds: float) -> list[str]:
    """The chain as a tree, a line each, and what all of it took; `seconds` are those of the run itself."""
    if found == Provenance():
        return []
    return [*_tree(_branches(found), ""), f"{minutes(seconds + sum(_seconds(found).values()))} in all"]


Branch = tuple[str, list["Branch"]]  # a line, and what stands below it


def _branches(found: Provenance | Ancestor) -> list[Branch]:
    branches: list[Branch] = []
    if found.parent is not None:
        branches.append((f"begun with {_named(found.parent)}", _branches(found.parent)))
    for made in found.sets:
        text = f"{made.pairs:,} pairs by {made.title} ({minutes(made.seconds)}, {made.engine}; {made.folder})"
        branches.append((text, [(f"teacher {_named(teacher)}", _branches(teacher)) for teacher in made.teachers]))
    return branches


def _tree(branches: Sequence[Branch], indent: str) -> Iterator[str]:
    for number, (text, below) in enumerate(branches, 1):
        last = number == len(branches)
        yield f"{indent}{'└' if last else '├'} {text}"
        yield from _tree(below, indent + ("  " if last else "│ "))


def _named(found: Ancestor) -> str:
    return f"{found.run} ({found.checkpoint}, {minutes(found.seconds)} of training)"


def _seconds(found: Provenance | Ancestor) -> dict[str, float]:
    """Of each run and each set, once, however often it was used."""
    took: dict[str, float] = {}
    runs = [] if found.parent is None else [found.parent]
    for made in found.sets:
        took[made.folder] = made.seconds
        runs += made.teachers
    for run in runs:
        took |= {run.sha256: run.seconds} | _seconds(run)
    return took


def minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
