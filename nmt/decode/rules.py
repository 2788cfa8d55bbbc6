"""What hypotheses may not do, beyond the model's own taste: a beginning they must have, tokens they must not.

Shapes: R rows of k hypotheses, V vocabulary, t tokens so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NEVER = float("-inf")


@dataclass(frozen=True)
class Rules:
    """For all sentences of a batch, by number. A prefix is stronger than every other rule."""

    eos_id: int
    prefixes: Sequence[Sequence[int]]
    excluded: Sequence[Sequence[Sequence[int]]]  # of each sentence: runs of tokens that must not come
    min_len: Sequence[int]  # tokens at least, `</s>` not counted
    no_repeat_ngram: int = 0  # no so many tokens in a row a second time; 0: any may

    @property
    def needed(self) -> bool:
        return bool(self.no_repeat_ngram or any(self.min_len) or any(self.prefixes) or any(self.excluded))

    def __call__(self, log_probs: Tensor, tokens: Tensor, sentence: Tensor) -> None:
        numbers, t = sentence.tolist(), tokens.size(2)
        forced = [(row, self.prefixes[s][t]) for row, s in enumerate(numbers) if t < len(self.prefixes[s])]
        kept = [log_probs[row, :, token].clone() for row, token in forced]
        short = [row for row, s in enumerate(numbers) if t < self.min_len[s]]
        if short:
            log_probs[short, :, self.eos_id] = NEVER
        if self.no_repeat_ngram:
            forbid_repetition(log_probs, tokens, self.no_repeat_ngram)
        for row, s in enumerate(numbers):
            for run in self.excluded[s]:
                *before, last = run
                if len(before) <= t:
                    tail = torch.tensor(before, dtype=tokens.dtype, device=tokens.device)
                    log_probs[row, (tokens[row, :, t - len(before) :] == tail).all(1), last] = NEVER
        for (row, token), values in zip(forced, kept, strict=True):
            log_probs[row] = NEVER
            log_probs[row, :, token] = values


def forbid_repetition(log_probs: Tensor, tokens: Tensor, n: int) -> None:
    """Make impossible in log_probs (R,k,V) each token that would repeat n tokens in a row of tokens (R,k,t)."""
    t = tokens.size(2)
    if t < n:
        return
    windows = tokens.unfold(2, n, 1)  # (R,k,t-n+1,n)
    again = (windows[..., : n - 1] == tokens[:, :, None, t - n + 1 :]).all(-1)
    row, column, at = again.nonzero(as_tuple=True)
    log_probs[row, column, windows[row, column, at, -1]] = NEVER
