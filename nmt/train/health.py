"""Numbers that go wrong: steps that are not finite, and a loss that does not come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.examples import Lines
from nmt.errors import TrainingError
from nmt.recipe import TrainSection
from nmt.run.checkpoint import checkpoints
from nmt.run.state import TrainState
from nmt.tokenizer import PAD_ID

FAR_ABOVE = 1.5  # times the lowest loss of an interval, for
LITTLE = 0.8  # times the loss of guessing by frequency, which is counted in so many tokens:
SEEN = 1_000_000
LONG = 10  # intervals in a row: such a training does not come back


def check_warmup(section: TrainSection, planned_steps: float | None) -> None:
    """Say it when the training will be over before its learning rate has risen."""
    if planned_steps and section.warmup_steps >= planned_steps:
        console.warn(
            f"The training will be over after {planned_steps:,.0f} steps, all of them in the warm-up of "
            f"{section.warmup_steps:,}: the learning rate will not reach {section.learning_rate:g}. "
            "Set `train.warmup_steps` to a tenth of the steps, or train longer."
        )


def unigram_loss(train: Lines, valid: Lines) -> float:
    """Nats a token of the validation text for one who knows only how often each token occurs in training."""
    (seen, ends), (ids, valid_ends) = _first_tokens(train), _first_tokens(valid)
    counts = np.bincount(seen, minlength=int(max(seen.max(initial=0), ids.max(initial=0))) + 1) + 1.0
    total = np.log(counts.sum() + max(1, ends))
    loss = (total - np.log(counts[ids])).sum() + valid_ends * (total - np.log(max(1, ends)))
    return float(loss / (len(ids) + valid_ends))


def _first_tokens(lines: Lines) -> tuple[npt.NDArray[np.int64], int]:
    """About the first SEEN tokens, one line after another, and how many lines end among them."""
    number = int(np.searchsorted(np.cumsum(lines.lengths), SEEN)) + 1
    rows = [np.asarray(lines[i], np.int64) for i in range(min(number, len(lines)))]
    ids = np.concatenate([np.zeros(0, np.int64), *rows])
    return ids[ids != PAD_ID], len(rows)


def hardly_learned(state: TrainState, section: TrainSection, valid: dict[str, float], unigram: float) -> str | None:
    """What to say of a training that ended before it learned anything; None where it did learn."""
    if state.step == 0:  # as was asked for
        return None
    if state.step <= section.warmup_steps:
        return (
            f"All {state.step:,} steps lay in the warm-up of {section.warmup_steps:,}, so the model learned little. "
            "Train longer, or set a smaller `train.warmup_steps`."
        )
    if valid["loss"] > LITTLE * unigram and valid.get("bleu", 0.0) < 1:
        look = "; if that does not help, look whether line n of one side really translates line n of the other"
        return (
            f"The model has learned next to nothing: its validation loss, {valid['loss']:.2f}, is not well below the "
            f"{unigram:.2f} of guessing tokens by how often they occur. Train longer{look if 'bleu' in valid else ''}."
        )
    return None


def check_step(state: TrainState, step: int, finite: bool, section: TrainSection, run: Path) -> None:
    """Count and say a step that was skipped. Raises TrainingError after too many in a row."""
    if finite:
        state.bad_in_a_row = 0
        return
    state.skipped_steps += 1
    state.bad_in_a_row += 1
    console.warn(f"step {step:,}: the gradient is not finite; the step is skipped ({state.skipped_steps:,} so far).")
    if state.bad_in_a_row >= section.max_bad_steps:
        good = checkpoints(run)
        where = f"The last good checkpoint is {good[-1].path}." if good else "There is no checkpoint yet."
        raise TrainingError(
            f"{state.bad_in_a_row} steps in a row were not finite; training has diverged.",
            f"{where} Try a smaller `train.learning_rate`, more `warmup_steps`, or `precision: fp32`.",
        )


def check_interval(state: TrainState, section: TrainSection) -> None:
    """Say it once when the loss has been far above its best for long; after an interval, whose sums `state` holds."""
    loss = state.interval.means().get("loss")  # of the objective, without the terms of layers
    if loss is None:  # no step was finite, or this is not rank 0
        return
    if state.lowest_loss is None or loss < state.lowest_loss:
        state.lowest_loss = loss
    state.high_intervals = state.high_intervals + 1 if loss > FAR_ABOVE * state.lowest_loss else 0
    if state.high_intervals == LONG:
        console.warn(
            f"The loss has been far above its best ({loss:.2f}, {state.lowest_loss:.2f}) for "
            f"{LONG * section.log_every:,} steps: the training is diverging. "
            "Try a smaller `train.learning_rate` or more `warmup_steps`."
        )
