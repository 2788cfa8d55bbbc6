"""What beam search asks of a model: the distribution of the next token. One model here; tests bring a table.

Shapes: B sentences, S source positions, N hypotheses (the same number for each sentence), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from nmt.model.transformer import DecoderState, Transformer


class StepScorer(Protocol):
    """Scores the next token of hypotheses. `state` is opaque to the search and changed by `step` and `select`."""

    def start(self, src: Tensor, src_mask: Tensor | None) -> Any: ...

    def step(self, last: Tensor, state: Any) -> Tensor:
        """last (N,) to logits or log-probabilities (N,V): the search normalises them itself."""
        ...

    def select(self, state: Any, rows: Tensor, sentences: Tensor | None) -> None:
        """Keep the hypotheses `rows` and the sentences `sentences` (None: all)."""
        ...


class ModelScorer:
    """One Transformer."""

    def __init__(self, model: Transformer) -> None:
        self.model = model

    def start(self, src: Tensor, src_mask: Tensor | None) -> DecoderState:
        return self.model.start(self.model.encode(src, src_mask), src_mask)

    def step(self, last: Tensor, state: DecoderState) -> Tensor:
        return self.model.step(last, state).float()

    def select(self, state: DecoderState, rows: Tensor, sentences: Tensor | None) -> None:
        state.select(rows, sentences)


class EnsembleScorer:
    """The average of several models' probabilities, in log space exact. They must share the target vocabulary."""

    def __init__(self, scorers: Sequence[StepScorer]) -> None:
        self.scorers = scorers

    def start(self, src: Tensor, src_mask: Tensor | None) -> list[Any]:
        return [scorer.start(src, src_mask) for scorer in self.scorers]

    def step(self, last: Tensor, state: list[Any]) -> Tensor:
        logs = [scorer.step(last, s).log_softmax(-1) for scorer, s in zip(self.scorers, state, strict=True)]
        return torch.stack(logs).logsumexp(0)

    def select(self, state: list[Any], rows: Tensor, sentences: Tensor | None) -> None:
        for scorer, s in zip(self.scorers, state, strict=True):
            scorer.select(s, rows, sentences)
