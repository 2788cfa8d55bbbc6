"""Where a training stands: state.json of a checkpoint, to types and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from nmt.errors import RunError
from nmt.recipe.faults import faults, show
from nmt.recipe.section import NonNegativeFloat, NonNegativeInt, PositiveInt

FORMAT_VERSION = 3


@dataclass
class Interval:
    """Sums since the last log line."""

    sums: dict[str, float] = field(default_factory=dict)  # name → over all tokens: `loss`, and what else is reported
    tokens: NonNegativeInt = 0
    steps: NonNegativeInt = 0
    seconds: NonNegativeFloat = 0.0

    def add(self, sums: Mapping[str, float], tokens: int) -> None:
        """Those of one update."""
        for name, value in sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.tokens += tokens

    def means(self) -> dict[str, float]:
        """A token; empty where nothing was counted."""
        return {name: value / max(1, self.tokens) for name, value in self.sums.items()}


@dataclass
class TrainState:
    """Where training stands; with the tensors, all that resuming needs."""

    step: NonNegativeInt = 0
    epoch: NonNegativeInt = 0
    window: NonNegativeInt = 0  # of the epoch, where it has several
    batch_in_window: NonNegativeInt = 0
    tokens_seen: NonNegativeInt = 0
    seconds: NonNegativeFloat = 0.0  # spent training, validation included
    best_score: float | None = None
    best_valid: dict[str, float] = field(default_factory=dict)  # all scores of that validation
    best_step: NonNegativeInt = 0
    bad_validations: NonNegativeInt = 0  # since the best
    skipped_steps: NonNegativeInt = 0
    bad_in_a_row: NonNegativeInt = 0  # skipped steps since the last that was not
    interval: Interval = field(default_factory=Interval)
    lowest_loss: float | None = None  # smoothed, a target token, of an interval
    high_intervals: NonNegativeInt = 0  # in a row whose loss was far above that
    max_tokens: PositiveInt | None = None  # what `max_tokens: auto` had to come down to
    shares: PositiveInt | None = (
        None  # an update's micro-batches are a multiple of it; as many as could be side by side
    )
    valid: dict[str, float] = field(default_factory=dict)  # scores of this very checkpoint, if it was validated


class StateFile(BaseModel):
    """What state.json holds."""

    model_config = ConfigDict(strict=True, frozen=True)

    format: int = FORMAT_VERSION
    state: TrainState
    sha256: dict[str, str]  # of the tensor files, by name
    model: dict[str, str | int | float | bool | None] = {}  # keys of the model that its weights mean nothing without


def dump_state(file: StateFile) -> str:
    return json.dumps(file.model_dump(exclude={"state"}) | {"state": asdict(file.state)}, indent=1)


def read_state(path: Path) -> StateFile:
    """Raises RunError naming the file, and the key whose value cannot be."""
    try:
        raw = json.loads(path.read_bytes())
    except OSError as e:
        raise RunError(f"{path} cannot be read: {e.strerror}.") from None
    except (ValueError, RecursionError) as e:
        raise RunError(f"{path} is not valid JSON: {e}.") from None
    if not isinstance(raw, dict):
        raise RunError(f"{path} must hold keys and values, but is {show(raw)}.")
    if isinstance(raw.get("format"), int) and raw["format"] > FORMAT_VERSION:
        raise RunError(f"{path} was written by a newer version of nmt.", "Update nmt.")
    try:
        return StateFile.model_validate_json(json.dumps(_of_today(raw)))  # JSON: only there are dataclasses strict
    except ValidationError as e:
        raise RunError(f"{path}: {' '.join(faults(e, raw, StateFile))}") from None


def _of_today(raw: dict[str, Any]) -> dict[str, Any]:
    """Format 1 had two sums in an interval, under names of their own; format 2 knew no windows."""
    match raw:
        case {"format": 1, "state": {"interval": {"loss": loss, "plain": plain, **interval}, **state}, **rest}:
            interval["sums"] = {"loss": loss, "nll": plain}
            return _of_today({**rest, "format": 2, "state": {**state, "interval": interval}})
        case {"format": 2, "state": {"batch_in_epoch": batch, **state}, **rest}:
            return {**rest, "format": FORMAT_VERSION, "state": {**state, "batch_in_window": batch}}
        case _:
            return raw
