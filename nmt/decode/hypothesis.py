"""What a search finds, whichever engine searched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Hypothesis:
    """A finished translation. `log_prob` is natural and summed over tokens and `</s>`; hypotheses rank by `score`."""

    tokens: list[int]  # without `<s>` and `</s>`
    log_prob: float
    score: float  # log_prob / (len(tokens) + 1) ** length_penalty, less what is missing in coverage
    token_log_probs: tuple[float, ...] | None = None  # of a given translation; `</s>` last
    # If asked for: source and target words that belong together; what each token (T) sees of each source token (S)
    alignment: tuple[tuple[int, int], ...] | None = None
    attention: npt.NDArray[np.float32] | None = field(default=None, compare=False)
