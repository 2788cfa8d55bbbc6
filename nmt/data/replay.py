"""The pairs that another run learned from, out of its prepared data: so without what it held out, filtered, or left.

No raw text is needed: the prepared ids are decoded. What a tokenizer takes from a text when it is encoded, such as odd
white space, the other run never saw either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nmt.data.manifest import MANIFEST, Manifest, NotPreparedError, Written
from nmt.data.store import PreparedSplit
from nmt.errors import DataError, RunError
from nmt.files import describe_file
from nmt.recipe import DataSection, load_recipe
from nmt.recipe.directions import Direction
from nmt.records import read_record
from nmt.text.fields import TAB, TURN
from nmt.tokenizer import Side, Tokenizer

BLOCK = 10_000  # pairs decoded at a time
_SPLIT = "train"


def replayed_pairs(run: Path, direction: Direction) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Blocks of the sources and targets from which a run learned a direction, in their order. `direction` is of lines
    as they are called where they are stored. Raises RunError where the prepared data are gone, or are others.
    """
    folder = _prepared(run)
    split, tokenizer = PreparedSplit.open(folder, _SPLIT).between([direction]), Tokenizer.load(folder)
    joint = tokenizer.control[tokenizer.joint] if tokenizer.joint else None
    as_src, as_tgt = (split.vocabularies[str(language)] for language in (direction.src, direction.tgt))
    for part in split.parts():
        for begin in range(0, len(part), BLOCK):
            rows = range(begin, min(len(part), begin + BLOCK))
            sources = _text(tokenizer, [part.src[i] for i in rows], as_src, joint)
            yield sources, _text(tokenizer, [part.tgt[i] for i in rows], as_tgt, None)


def _text(tokenizer: Tokenizer, rows: Sequence[Any], side: Side, joint: int | None) -> list[bytes]:
    """Of each row its line; in place of a joint a TAB."""
    if joint is None:
        return [line.encode() for line in tokenizer.decode(rows, side)]
    parts: list[list[Any]] = [np.split(row, np.flatnonzero(row == joint)) for row in rows]
    fields = [[first, *(part[1:] for part in further)] for first, *further in parts]
    return [TAB.join(tokenizer.decode(row, side)).encode() for row in fields]


def check_replayed(data: DataSection) -> None:
    """Raises RunError where what is to be replayed is gone, damaged, or other text than the run learned from;
    DataError where its sources are made otherwise.
    """
    for run in replayed_runs(data):
        folder, theirs = _prepared(run), load_recipe(run / "recipe.yaml").data
        for name, file in Manifest.load(folder).outputs.items():
            if _is_replayed(name) and describe_file(folder / name).sha256 != file.sha256:
                raise RunError(f"{folder / name} is damaged: its checksum is another.", _again(run))
        if _make(theirs) != _make(data):
            raise DataError(f"`data.train.run: {run}` has sources of {_make(theirs)}, but the recipe {_make(data)}.")


def replayed_runs(data: DataSection) -> list[Path]:
    """Whose pairs a recipe trains on."""
    return list(dict.fromkeys(Path(corpus.run) for corpus in data.train if corpus.run is not None))


def _prepared(run: Path) -> Path:
    """The prepared data that a run was trained with."""
    if not (run / "recipe.yaml").exists():
        raise RunError(f"`data.train.run: {run}` is not a run folder.", "Give the folder that `nmt train` made.")
    folder = load_recipe(run / "recipe.yaml").prepared_dir
    try:
        now = Manifest.load(folder, _again(run).removeprefix("Run: "))
    except NotPreparedError:
        again = _again(run).removesuffix(" --force")
        raise RunError(f"the text of {run} is not in {folder}: its prepared data are gone.", again) from None
    try:
        before = read_record(run / MANIFEST, Written).outputs
    except FileNotFoundError:
        raise RunError(f"{run} has no {MANIFEST}.", "Restore the run folder from a copy, or train it again.") from None
    for name in now.outputs.keys() | before.keys():
        if _is_replayed(name) and now.outputs.get(name) != before.get(name):
            raise RunError(
                f"{folder} holds other text than {run} was trained with; it was prepared anew since.",
                f"Prepare it from the text of then, or train {run} again.",
            )
    return folder


def _is_replayed(name: str) -> bool:
    """Whether a prepared file has the training text, or is needed to read it."""
    return name.startswith((f"{_SPLIT}.", "tokenizer."))


def _again(run: Path) -> str:
    return f"Run: nmt prepare {run / 'recipe.yaml'} --force"


def _make(data: DataSection) -> str:
    """What its sources are made of."""
    if data.joint == TURN:
        return "turns"
    numbers = [len(corpus.fields) for corpus in data.train if corpus.has_fields]
    return f"{numbers[0]} fields" if numbers else "one field"
