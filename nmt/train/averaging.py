"""The average of the best checkpoints, tried at the end of a training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from nmt import console
from nmt.recipe import TrainSection
from nmt.run import checkpoint as ckpt
from nmt.run.load import load_weights
from nmt.run.state import TrainState
from nmt.train.validation import Validator, show


def try_average(run: Path, section: TrainSection, state: TrainState, validator: Validator) -> dict[str, Any] | None:
    """Save the mean of the `average_best` best checkpoints as one more, with its validation scores; if the training
    had come to an end before, in place of that average, unless that is better. Gives the record for the log; None where
    there are no two to average. The validator's model has the mean afterwards.
    """
    steps = [c for c in ckpt.checkpoints(run) if c.is_step]
    mean, taken = ckpt.average(ckpt.best_first(steps, section.metric), section.average_best)
    if len(taken) < 2:
        return None
    load_weights(validator.model, mean, run)
    valid, _ = validator.measure()
    said = f"The average of the {len(taken)} best checkpoints: {show(valid)}"
    earlier = ckpt.whole(run, ckpt.AVERAGE)
    if earlier and ckpt.rank(earlier.state.valid, section.metric) >= ckpt.rank(valid, section.metric):
        console.info(
            f"{said}. That after step {earlier.state.step:,} stays, which is no worse: {show(earlier.state.valid)}"
        )
    else:
        ckpt.save_checkpoint(
            run, ckpt.AVERAGE, dataclasses.replace(state, valid=valid), mean, None, validator.model.section
        )
        console.info(said)
    return {"of": [c.path.name for c in taken], **valid}
