"""What beam search asks of a model: the distribution of the next token. One model here; tests bring a table.

Shapes: B sentences, S source positions, k hypotheses of each sentence, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from nmt.model.decoder_state import DecoderState
from nmt.model.incremental import IncrementalDecoder
from nmt.model.kinds import Writer


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

    def watch(self, state: Any) -> None:
        """From here on `attention` is asked for after each step."""
        ...

    def attention(self, state: Any) -> Tensor:
        """What the last step looked at in the source, (B,k,S); sums to 1 over S."""
        ...


class ModelScorer:
    """One model."""

    def __init__(self, model: Writer) -> None:
        self.model, self.decoder = model, IncrementalDecoder(model)

    @property
    def max_positions(self) -> int | None:
        return self.model.section.position_limit

    def start(self, src: Tensor, src_mask: Tensor | None) -> DecoderState:
        return self.decoder.start(self.model.encode(src, src_mask), src_mask)

    def step(self, last: Tensor, state: DecoderState) -> Tensor:
        return self.decoder.step(last, state).float()

    def select(self, state: DecoderState, parents: Tensor, sentences: Tensor | None) -> None:
        state.select(parents, sentences)

    def watch(self, state: DecoderState) -> None:
        state.seen = []

    def attention(self, state: DecoderState) -> Tensor:
        assert state.seen, "nothing was watched"
        return torch.stack(state.seen).float().mean(0)


class EnsembleScorer:
    """Several models that share the target vocabulary: the mean of their probabilities, or of the logarithms, which
    gives less to a token that any of them finds unlikely.
    """

    def __init__(self, scorers: Sequence[StepScorer], mean_of: Literal["probability", "log"] = "probability") -> None:
        self.scorers, self.mean_of = scorers, mean_of

    @property
    def max_positions(self) -> int | None:
        return min((s.max_positions for s in self.scorers if s.max_positions is not None), default=None)

    def start(self, src: Tensor, src_mask: Tensor | None) -> list[Any]:
        return [scorer.start(src, src_mask) for scorer in self.scorers]

    def step(self, last: Tensor, state: list[Any]) -> Tensor:
        return combined([s.step(last, own) for s, own in zip(self.scorers, state, strict=True)], self.mean_of)

    def select(self, state: list[Any], parents: Tensor, sentences: Tensor | None) -> None:
        for scorer, s in zip(self.scorers, state, strict=True):
            scorer.select(s, parents, sentences)

    def watch(self, state: list[Any]) -> None:
        for scorer, s in zip(self.scorers, state, strict=True):
            scorer.watch(s)

    def attention(self, state: list[Any]) -> Tensor:
        return torch.stack([s.attention(own) for s, own in zip(self.scorers, state, strict=True)]).mean(0)


def combined(logits: Sequence[Tensor], mean_of: Literal["probability", "log"]) -> Tensor:
    """Several distributions to one: logits (…,V) of it, normalised only if probabilities were averaged."""
    if len(logits) == 1:
        return logits[0]
    logs = torch.stack([x.log_softmax(-1) for x in logits])
    return logs.mean(0) if mean_of == "log" else logs.logsumexp(0) - math.log(len(logits))
