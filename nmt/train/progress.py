"""How far a training is: when it is over, how long it will take, and saying so."""

from __future__ import annotations

import math

from nmt.recipe import TrainSection
from nmt.run.state import TrainState


class Progress:
    """Knows the recipe's limits. `steps_per_epoch` is that of the first epoch; sampling varies it by a few."""

    def __init__(self, section: TrainSection, steps_per_epoch: int) -> None:
        self.section = section
        ends = [section.max_steps, section.max_epochs and section.max_epochs * steps_per_epoch]
        self.total_steps = min((end for end in ends if end is not None), default=None)
        self._validation_seconds = 0.0

    def of_total(self, state: TrainState) -> str:
        """`/1,900`; `/~1,700` where the minutes will be over first, by the speed so far."""
        planned = self.planned_steps(state)
        if planned is None or planned == math.inf:
            return ""
        return f"/{planned:,}" if planned == self.total_steps else f"/~{planned:,.0f}"

    def is_over(self, state: TrainState) -> bool:
        section = self.section
        return bool(
            (section.max_steps is not None and state.step >= section.max_steps)
            or (section.max_epochs is not None and state.epoch >= section.max_epochs)
            or (section.max_minutes is not None and state.seconds >= section.max_minutes * 60)
            or (section.patience and state.bad_validations >= section.patience)
        )

    def planned_steps(self, state: TrainState) -> float | None:
        """After how many steps the first of the limits will come; None: no limit is sure to. Exact for `max_steps` and
        `max_epochs`; for `max_minutes` from the share of the time that is spent, so that a schedule ends with it
        however fast the steps are.
        """
        ends: list[float] = [] if self.total_steps is None else [self.total_steps]
        if self.section.max_minutes is not None:
            spent = state.seconds / (self.section.max_minutes * 60)
            ends.append(state.step / spent if spent > 0 else math.inf)
        return min(ends, default=None)

    def validation_took(self, seconds: float) -> None:
        self._validation_seconds = seconds

    def validation_fits(self, state: TrainState) -> bool:
        """Whether one would end before the minutes do. One that does not would take the end of the schedule away, and
        the one after the last step is near.
        """
        limit = self.section.max_minutes
        return limit is None or state.seconds + self._validation_seconds < limit * 60

    def eta(self, state: TrainState, seconds_per_step: float) -> str:
        """Time left to the first limit that is sure to come; validations included."""
        left = []
        if self.total_steps is not None:
            steps = max(0, self.total_steps - state.step)
            left.append(steps * seconds_per_step + steps // self.section.eval_every * self._validation_seconds)
        if self.section.max_minutes is not None:
            left.append(max(0.0, self.section.max_minutes * 60 - state.seconds))
        return f"ETA {duration(min(left))}" if left else f"{duration(state.seconds)} so far"

    def describe_end(self) -> str:
        section = self.section
        limits = [
            f"{section.max_steps:,} steps" if section.max_steps is not None else "",
            f"{section.max_epochs:,} epochs" if section.max_epochs else "",
            f"{section.max_minutes:g} minutes" if section.max_minutes else "",
            f"{section.patience} validations without a better {section.metric}" if section.patience else "",
        ]
        return "Stops after " + ", or ".join(limit for limit in limits if limit) + "."


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
