"""A rule of search: nothing but one of a few given outputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from nmt.decode.rules import NEVER


class OneOf:
    """What hypotheses may go on with, in a trie of the outputs. Probabilities stay the model's own.

    Shapes: R rows of k hypotheses, V vocabulary, t tokens so far.
    """

    def __init__(self, outputs: Sequence[Sequence[int]], eos_id: int) -> None:
        """`outputs` are token ids, without `</s>`."""
        following: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for output in outputs:
            for t, token in enumerate([*output, eos_id]):
                following[tuple(output[:t])].add(token)
        self._following = {so_far: sorted(tokens) for so_far, tokens in following.items()}
        self._eos = [eos_id]
        self.longest = 1 + max(map(len, outputs))  # tokens, `</s>` counted

    def __call__(self, log_probs: Tensor, tokens: Tensor, sentence: Tensor) -> None:
        for row, hypotheses in enumerate(tokens.tolist()):
            for h, so_far in enumerate(hypotheses):
                allowed = torch.tensor(self._following.get(tuple(so_far), self._eos), device=log_probs.device)
                kept = log_probs[row, h, allowed]
                log_probs[row, h] = NEVER
                log_probs[row, h, allowed] = kept
