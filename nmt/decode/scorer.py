"""What beam search asks of a model: the distribution of the next token. One model here; tests bring a table.

Shapes: B sentences, S source positions, k hypotheses of each sentence, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from nmt.model.transformer import DecoderState, Transformer


class StepScorer(Protocol):
    """Scores the next token of hypotheses. `state` is opaque to the search and changed by `step` and `select`."""

    @property
    def max_positions(self) -> int | None:
        """The most tokens it knows places for; None: any number."""
        ...

    def start(self, src: Tensor, src_mask: Tensor | None) -> Any: ...

    def step(self, last: Tensor, state: Any) -> Tensor:
        """last (B,k) to logits or log-probabilities (B,k,V): the search normalises them itself."""
        ...

    def select(self, state: Any, parents: Tensor, sentences: Tensor | None) -> None:
        """Go on with the hypotheses `parents` (B,k'), counted within their sentences, and then with no other sentences
        than `sentences` (B'; None: all).
        """
        ...


class ModelScorer:
    """One Transformer."""

    def __init__(self, model: Transformer) -> None:
        self.model = model

    @property
    def max_positions(self) -> int | None:
        return self.model.section.position_limit

    def start(self, src: Tensor, src_mask: Tensor | None) -> DecoderState:
        return self.model.start(self.model.encode(src, src_mask), src_mask)

    def step(self, last: Tensor, state: DecoderState) -> Tensor:
        return self.model.step(last, state).float()

    def select(self, state: DecoderState, parents: Tensor, sentences: Tensor | None) -> None:
        state.select(parents, sentences)


class EnsembleScorer:
    """The average of several models' probabilities, in log space exact. They must share the target vocabulary."""

    def __init__(self, scorers: Sequence[StepScorer]) -> None:
        self.scorers = scorers

    @property
    def max_positions(self) -> int | None:
        return min((s.max_positions for s in self.scorers if s.max_positions is not None), default=None)

    def start(self, src: Tensor, src_mask: Tensor | None) -> list[Any]:
        return [scorer.start(src, src_mask) for scorer in self.scorers]

    def step(self, last: Tensor, state: list[Any]) -> Tensor:
        logs = [scorer.step(last, s).log_softmax(-1) for scorer, s in zip(self.scorers, state, strict=True)]
        return torch.stack(logs).logsumexp(0)

    def select(self, state: list[Any], parents: Tensor, sentences: Tensor | None) -> None:
        for scorer, s in zip(self.scorers, state, strict=True):
            scorer.select(s, parents, sentences)
