"""What a training says while it runs: on the console, in log.jsonl, to TensorBoard. Rank 0's; others keep silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmt import console
from nmt.model.load import Loads, summary
from nmt.recipe import Recipe
from nmt.run.checkpoint import OLD
from nmt.run.log import DIRECTIONS, EXPERTS, RunLog
from nmt.run.state import Interval, TrainState
from nmt.train.progress import Progress
from nmt.train.tensorboard import TensorBoard
from nmt.train.validation import Sample, Valid, by_direction, show


class Journal:
    """`step` is where training goes on from: what was logged after it is taken back, and its validation too if that has
    not come to its end.
    """

    def __init__(self, recipe: Recipe, run: Path, step: int, validated: bool, is_main: bool) -> None:
        self.recipe, self.section = recipe, recipe.train
        again = () if validated else ("valid", "samples", DIRECTIONS)
        self._log = RunLog(run / "log.jsonl", step, again) if is_main else None
        self._board = TensorBoard(run, step) if is_main and self.section.tensorboard else None

    @property
    def ended_at(self) -> int | None:
        """The step at which the run had come to its end, if it had."""
        return None if self._log is None else self._log.ended_at

    def write(self, **record: Any) -> None:
        """A record of the log. Raises OSError where the disk does not take it."""
        if self._log is not None:
            self._log.write(**record)
        if self._board is not None and record["event"] in ("step", "valid"):
            self._board.write(record)

    def interval(self, interval: Interval, state: TrainState, rate: float, norm: float, progress: Progress) -> None:
        means = interval.means()
        speed = interval.tokens / max(1e-9, interval.seconds)
        self.write(
            event="step", step=state.step, epoch=state.epoch, **{name: round(mean, 5) for name, mean in means.items()},
            learning_rate=rate, gradient_norm=round(norm, 5), tokens=state.tokens_seen, tokens_per_second=round(speed),
            seconds=round(state.seconds, 1), skipped=state.skipped_steps,
        )  # fmt: skip
        eta = progress.eta(state, interval.seconds / max(1, interval.steps))
        best = f" · best {self.section.metric} {state.best_score:.2f}" if state.best_score is not None else ""
        console.info(
            f"step {state.step:,}{progress.of_total(state)} · epoch {state.epoch + 1} · {losses(means)} · "
            f"{speed:,.0f} tok/s · lr {rate:.1e} · |g| {norm:.2f}{best} · {eta}"
        )

    def routers(self, step: int, loads: Loads) -> None:
        """How tokens were spread over experts in that step."""
        if loads:
            self.write(event=EXPERTS, step=step, layers={name: load.statistics() for name, load in loads.items()})
            console.info(summary(loads))

    def directions(self, step: int, loads: Mapping[str, Loads]) -> None:
        """Which experts the validation set used, direction by direction."""
        if len(loads) > 1:
            counts = {d: {name: load.counts for name, load in found.items()} for d, found in loads.items()}
            self.write(event=DIRECTIONS, step=step, directions=counts)

    def validation(self, state: TrainState, valid: Valid, samples: list[Sample]) -> None:
        self.write(event="valid", step=state.step, seconds=round(state.seconds, 1), tokens=state.tokens_seen, **valid)
        if samples:
            self.write(event="samples", step=state.step, samples=samples)
        mark = " (best so far)" if state.best_step == state.step else ""
        console.info(f"validation after step {state.step:,}: {show(valid)}{mark}", style="bold")
        for metric in (self.section.metric, f"{OLD}{self.section.metric}"):
            if each := by_direction(valid, metric):
                console.info(each)
        words = {"source": self.recipe.about_task.source}
        for sample in samples:
            lines = (f"  {words.get(what, what):<10} {text}" for what, text in sample.items())
            console.info("\n".join(lines), style="dim")


def losses(means: dict[str, float]) -> str:
    """`loss 3.210 · ppl 18.3`, and what else is reported; the perplexity is of the plain loss a token, `nll`."""
    shown = {name: f"{name} {mean:.3f}" for name, mean in means.items()}
    if "nll" in means:
        shown["nll"] = f"ppl {math.exp(min(20, means['nll'])):.1f}"
    return " · ".join(shown.values())
