"""Beam search over any scorer. Greedy search is a beam of one.

Shapes: B sentences still open, k hypotheses of each, N = B * k, V vocabulary, t tokens so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nmt.decode.scorer import StepScorer


@dataclass(frozen=True)
class Hypothesis:
    """A finished translation. `log_prob` is natural and summed over tokens and `</s>`; hypotheses rank by `score`."""

    tokens: list[int]  # without `<s>` and `</s>`
    log_prob: float
    score: float  # log_prob / (len(tokens) + 1) ** length_penalty


@torch.inference_mode()
def beam_search(
    scorer: StepScorer, src: Tensor, src_mask: Tensor | None, max_len: Tensor, *,
    bos_id: int, eos_id: int, banned: tuple[int, ...] = (),
    beam_size: int = 5, n_best: int = 1, length_penalty: float = 1.0,
) -> list[list[Hypothesis]]:  # fmt: skip
    """The n_best hypotheses of each source, best first.

    src (B,S), max_len (B,): tokens at most, `</s>` counted; a hypothesis that gets there is ended with the probability
    of `</s>`. `banned` ids are never produced (their probability mass stays theirs: log_prob is the model's own). A
    sentence is done, and leaves the batch, when beam_size hypotheses have ended among the beam_size best of their step.
    """
    device = src.device
    finished: list[list[Hypothesis]] = [[] for _ in range(src.size(0))]
    state = scorer.start(src, src_mask)
    sentence = torch.arange(src.size(0), device=device)  # (B,) which source an open sentence is
    last = torch.full((src.size(0),), bos_id, device=device)  # (N,)
    scores = torch.zeros(src.size(0), 1, device=device)  # (B,k)
    tokens = torch.empty(src.size(0), 1, 0, dtype=torch.int64, device=device)  # (B,k,t)
    limits = max_len.to(device)
    t = 0
    while len(sentence):
        logits = scorer.step(last, state)  # (N,V)
        b, k = scores.shape
        normaliser = logits.logsumexp(-1).view(b, k)
        end = scores + logits[:, eos_id].view(b, k) - normaliser  # (B,k) this hypothesis ends here
        logits[:, [eos_id, *banned]] = float("-inf")
        width = min(beam_size, logits.size(-1))
        best, piece = logits.topk(width, sorted=False)  # (N,width)
        go_on = (best.view(b, k, width) + (scores - normaliser)[:, :, None]).flatten(1)  # (B,k*width)
        at_limit = limits <= t + 1
        go_on[at_limit] = float("-inf")

        # What ends: `</s>` candidates among the beam_size best of all candidates of the sentence.
        width = min(beam_size, go_on.size(1))
        next_scores, choice = go_on.topk(width)  # (B,k')
        bar = torch.cat([next_scores, end], 1).topk(min(beam_size, width + k)).values[:, -1:]  # (B,1)
        ends = (end >= bar) & (end > float("-inf")) | at_limit[:, None] & (end > float("-inf"))
        _collect(ends, end, tokens, sentence, finished, (t + 1) ** length_penalty)

        # What goes on, without the sentences that are done.
        done = at_limit | torch.tensor([len(finished[s]) >= beam_size for s in sentence.tolist()], device=device)
        done |= next_scores[:, 0] == float("-inf")
        kept = (~done).nonzero()[:, 0] if bool(done.any()) else None
        if kept is not None:
            sentence, limits, next_scores, choice = sentence[kept], limits[kept], next_scores[kept], choice[kept]
        origin = torch.arange(b, device=device) if kept is None else kept  # (B',)
        inside = k * best.size(1) // k
        parent = origin[:, None] * k + choice // inside  # (B',k') rows of N
        rows = parent.flatten()
        last = piece[rows, (choice % inside).flatten()]
        scores = next_scores
        tokens = torch.cat([tokens.flatten(0, 1)[rows], last[:, None]], 1).view(*scores.shape, t + 1)
        if len(sentence):
            scorer.select(state, rows, kept)
        t += 1
    return [sorted(hyps, key=lambda h: -h.score)[:n_best] for hyps in finished]


def _collect(
    ends: Tensor, log_probs: Tensor, tokens: Tensor, sentence: Tensor, finished: list[list[Hypothesis]], divisor: float
) -> None:
    """Write the hypotheses that ended into `finished`."""
    at = ends.nonzero()
    if not len(at):
        return
    ids, values = tokens[at[:, 0], at[:, 1]].tolist(), log_probs[at[:, 0], at[:, 1]].tolist()
    for s, row, log_prob in zip(sentence[at[:, 0]].tolist(), ids, values, strict=True):
        finished[s].append(Hypothesis(row, log_prob, log_prob / divisor))
