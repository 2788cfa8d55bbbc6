"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from nmt.recipe import TrainSection


def learning_rate(section: TrainSection, d_model: int, step: int, total_steps: float | None = None) -> float:
    """The rate of update number `step`, the first being 1. Linear warmup to `learning_rate`, and then

    * inverse_sqrt: falls as 1 / √step;
    * noam: as Vaswani et al. 2017, section 5.3: the same shape, but the peak follows from d_model and warmup_steps and
      `learning_rate` is a factor on it;
    * cosine, linear: falls to `min_learning_rate` at `total_steps`, which Progress.planned_steps may estimate anew.
    """
    peak, warmup = section.learning_rate, max(1, section.warmup_steps)
    if section.schedule == "noam":
        return float(peak * d_model**-0.5 * min(step**-0.5, step * warmup**-1.5))
    if step < warmup:
        return peak * step / warmup
    if section.schedule == "inverse_sqrt":
        return peak * math.sqrt(warmup / step)
    assert total_steps is not None, "the recipe makes sure that these schedules have an end"
    done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    share = (1 + math.cos(math.pi * done)) / 2 if section.schedule == "cosine" else 1 - done
    return section.min_learning_rate + (peak - section.min_learning_rate) * share
