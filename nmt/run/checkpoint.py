"""The checkpoints of a run: safetensors for tensors, JSON for the rest, no pickle anywhere.

    checkpoints/step-00001000/   model.safetensors  the weights that translate (the moving average where there is one)
                                 train.safetensors  what training needs to go on, in the newest two only
                                 state.json         where training stood, scores, sha256 of the tensors: state.py
    checkpoints/average/         the average of the best, where it was tried
    checkpoints/interpolated/    weights between the parent's and the child's, where `train.guard` tried them

A checkpoint is written into a temporary folder, synced and renamed: a folder that has its name is whole. Which is last
and which is best follows from what is in them; there is no pointer that could be wrong.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt import console
from nmt.errors import RunError
from nmt.files import others, recover_all, staging, write_atomically
from nmt.recipe import ModelSection
from nmt.recipe.model import DROPOUTS
from nmt.recipe.section import flatten
from nmt.run.state import StateFile, TrainState, dump_state, read_state
from nmt.text.metrics import LOSS, higher_is_better

if TYPE_CHECKING:
    from torch import Tensor


_FILES = ("model.safetensors", "train.safetensors", "state.json")
_ANY_WEIGHTS = {"preset", *DROPOUTS}  # keys of the model that may change under the same weights
AVERAGE, INTERPOLATED = "average", "interpolated"  # names of those that no step left
OLD = "old_"  # before the name of a metric: its score on the validation set of the run that `train.guard` watches
EXCESS = f"{OLD}excess"  # by how much more that fell than it may
KEEP_TRAINABLE = 2  # checkpoints that can be resumed: if the newest is damaged, there is one more

_HINT_DAMAGED = "Restore the run folder from a copy, or train again; other checkpoints of the run may be whole."


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder whose state.json has been read."""

    path: Path
    state: TrainState
    sha256: dict[str, str]
    model: Mapping[str, Any]  # see StateFile; empty where an older nmt wrote it

    def check_model(self, model: ModelSection) -> None:
        """Raises RunError naming the keys in which `model` is not the one that the weights belong to."""
        said = dict(flatten(model.model_dump()))
        known = {key: value for key, value in self.model.items() if key.partition(".")[0] in type(model).model_fields}
        wrong = [key for key, value in known.items() if key not in said or said[key] != value]
        if wrong:
            was = ", ".join(f"`model.{key}: {self.model[key]}`" for key in wrong)
            says = ", ".join(str(said.get(key, "nothing of it")) for key in wrong)
            raise RunError(
                f"{self.path} was trained with {was}, but the recipe says {says}.",
                "Was recipe.yaml in the run changed? Put back what it said.",
            )

    @property
    def is_step(self) -> bool:
        """Whether training stood there, as it did not at an average."""
        return self.path.name.startswith("step-")

    @property
    def trainable(self) -> bool:
        return (self.path / "train.safetensors").exists()

    def tensors(self, name: str) -> dict[str, Tensor]:
        """Raises RunError where the file is missing or is not what was written."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError as e:
            raise RunError(f"{path} cannot be read: {e.strerror}.", _HINT_DAMAGED) from None
        if hashlib.sha256(content).hexdigest() != self.sha256.get(name):
            raise RunError(f"{path} is damaged: its checksum is not the one written with it.", _HINT_DAMAGED)
        try:
            return load(content)
        except SafetensorError as e:
            raise RunError(f"{path} is no safetensors file: {e}.", _HINT_DAMAGED) from None


def rank(valid: Mapping[str, float], metric: str) -> tuple[float, ...]:
    """Validation scores as what is greater for better ones: first those that `train.guard` allows; by the metric; of
    equals by chrF, then by loss. Early on BLEU is 0 for all.
    """
    signs = {name: 1 if higher_is_better(name) else -1 for name in (metric, "chrf", LOSS)}
    return -valid.get(EXCESS, 0.0), *(s * valid[name] if name in valid else -math.inf for name, s in signs.items())


def new_alone(valid: Mapping[str, float]) -> dict[str, float]:
    """Scores on the validation set of the recipe, without those that `train.guard` asks for."""
    return {name: value for name, value in valid.items() if not name.startswith(OLD)}


def checkpoints(run: Path) -> list[Checkpoint]:
    """All whole checkpoints, oldest first; damaged ones are named on the console and left out."""
    found, folder = [], run / "checkpoints"
    for path in [*sorted(folder.glob("step-*")), folder / AVERAGE, folder / INTERPOLATED]:
        if path.is_dir() and "." not in path.name:  # with a dot it is in the middle of being written or removed
            try:
                found.append(read_checkpoint(path))
            except RunError as e:
                console.warn(f"{e.message} It is left out.")
    return found


def read_checkpoint(path: Path) -> Checkpoint:
    """Raises RunError where its state cannot be used."""
    file = read_state(path / "state.json")
    return Checkpoint(path, file.state, file.sha256, file.model)


def whole(run: Path, name: str) -> Checkpoint | None:
    """The checkpoint of that name, if there is one whose weights are what was written."""
    for checkpoint in checkpoints(run):
        if checkpoint.path.name == name:
            try:
                return checkpoint if checkpoint.tensors("model.safetensors") else None
            except RunError:
                return None
    return None


def find_checkpoint(run: Path, which: str = "best", metric: str = "bleu") -> Checkpoint:
    """`best` by validation, `last`, or the name of one. Raises RunError with the names there are."""
    return ranked_checkpoints(run, which, metric)[0]


def ranked_checkpoints(run: Path, which: str, metric: str) -> list[Checkpoint]:
    """The checkpoint `which`, as find_checkpoint has it, and those to be used if it is damaged: the next best, or next
    newest; none in place of one that was named.
    """
    if not (run / "recipe.yaml").exists():
        raise RunError(f"{run} is not a run folder: it has no recipe.yaml.", "Give the folder that `nmt train` made.")
    found = checkpoints(run)
    if not found:
        raise RunError(f"{run} has no usable checkpoint.", "Train it: nmt train " + str(run / "recipe.yaml"))
    newest = [c for c in reversed(found) if c.is_step] or found
    match which:
        case "last":
            return newest
        case "best":
            scored = best_first(found, metric)
            return scored + [c for c in newest if c not in scored]
        case _:
            number = f"step-{int(which):08d}" if re.fullmatch(r"[0-9]{1,18}", which) else which
            named = [c for c in found if c.path.name in (which, number)]
            if not named:
                names = ", ".join(c.path.name for c in found)
                raise RunError(f"{run} has no checkpoint `{which}`.", f"It has: {names}; or say best or last.")
            return named


def save_checkpoint(
    run: Path, name: str, state: TrainState, weights: dict[str, Tensor], training: dict[str, Tensor] | None,
    model: ModelSection,
) -> Path:  # fmt: skip
    """Write a checkpoint whole or not at all. Raises RunError where the disk does not take it."""
    from safetensors.torch import save

    final = run / "checkpoints" / name
    files = {"model.safetensors": weights} | ({"train.safetensors": training} if training else {})
    try:
        with staging(final, _FILES) as folder:
            sums = {}
            for file, tensors in files.items():
                content = save({k: t.detach().cpu().contiguous() for k, t in tensors.items()})
                sums[file] = hashlib.sha256(content).hexdigest()
                (folder / file).write_bytes(content)
            record = StateFile(state=state, sha256=sums, model=dict(flatten(model.model_dump(exclude=_ANY_WEIGHTS))))
            (folder / "state.json").write_text(dump_state(record), encoding="utf-8")
    except RunError as e:
        raise RunError(
            e.message, f"The checkpoints before it are whole. {e.hint} Then start the same command again."
        ) from None
    return final


def update_state(run: Path, name: str, state: TrainState) -> None:
    """Write down what became known after a checkpoint was saved: its validation scores."""
    path = run / "checkpoints" / name / "state.json"
    file = read_state(path).model_copy(update={"state": state})
    write_atomically(path, dump_state(file).encode())


def best_first(found: list[Checkpoint], metric: str) -> list[Checkpoint]:
    """Those that were validated; of equals the earlier first, as a later one must be better to be called best."""
    scored = sorted((c for c in found if metric in c.state.valid), key=lambda c: (not c.is_step, c.state.step))
    return sorted(scored, key=lambda c: rank(c.state.valid, metric), reverse=True)


def average(candidates: list[Checkpoint], number: int) -> tuple[dict[str, Tensor], list[Checkpoint]]:
    """The mean of the weights of the first `number` that are whole, and which those are."""
    first: dict[str, Tensor] = {}
    total: dict[str, Tensor] = {}
    same: set[str] = set()  # in all, as what is frozen is: a mean would be rounded
    taken: list[Checkpoint] = []
    for checkpoint in candidates:
        if len(taken) == number:
            break
        try:
            weights = checkpoint.tensors("model.safetensors")
        except RunError as e:
            console.warn(f"{e.message} It is left out of the average.")
            continue
        taken.append(checkpoint)
        if not first:
            first, same, total = weights, set(weights), {name: tensor.clone() for name, tensor in weights.items()}
            continue
        same = {name for name in same if weights[name].equal(first[name])}
        for name, tensor in weights.items():
            total[name] += tensor
    return {name: first[name] if name in same else tensor / len(taken) for name, tensor in total.items()}, taken


def prune(run: Path, keep: int, metric: str) -> None:
    """Keep the newest, which can be resumed, and the `keep` best, of which the weights are enough. A folder that holds
    something else besides is left as it is.
    """
    steps = [c for c in checkpoints(run) if c.is_step]
    newest = {c.path for c in steps[-KEEP_TRAINABLE:]}
    best = {c.path for c in best_first(steps, metric)[:keep]}
    for checkpoint in steps:
        if checkpoint.path not in newest | best:
            if not others(checkpoint.path, _FILES):
                # Renamed first: killed in the middle, it leaves no half of a checkpoint that has its name.
                leaving = checkpoint.path.with_name(f".{checkpoint.path.name}.removed")
                os.rename(checkpoint.path, leaving)
                shutil.rmtree(leaving, ignore_errors=True)
        elif checkpoint.path not in newest:
            (checkpoint.path / "train.safetensors").unlink(missing_ok=True)


def clear_leftovers(run: Path) -> None:
    """Bring back or remove what a killed training was in the middle of writing. Needs the lock."""
    recover_all(run / "checkpoints")
    for leaving in (run / "checkpoints").glob(".*.removed"):
        if not others(leaving, _FILES):
            shutil.rmtree(leaving, ignore_errors=True)
