"""Beam search over any scorer. Greedy search is a beam of one.

Shapes: B sentences in the batch, k hypotheses of each, V vocabulary, t tokens so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nmt.decode.scorer import StepScorer

GROUP = 32  # tokens of which at first only the best is looked at
LEAVING = 1 / 8  # share of the batch that must be done before those sentences are taken out: that copies the others


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
    sentence is done when beam_size hypotheses have ended among the beam_size best of their step.
    """
    device = src.device
    finished: list[list[Hypothesis]] = [[] for _ in range(src.size(0))]
    state = scorer.start(src, src_mask)
    sentence = torch.arange(src.size(0), device=device)  # (B,) which source it is
    ended = torch.zeros_like(sentence)  # (B,) hypotheses
    last = torch.full((src.size(0), 1), bos_id, device=device)  # (B,k)
    scores = torch.zeros(src.size(0), 1, device=device)  # (B,k), all -inf where the sentence is done
    tokens = torch.empty(src.size(0), 1, 0, dtype=torch.int64, device=device)  # (B,k,t)
    limits = max_len.to(device)
    while len(sentence):
        log_probs = scorer.step(last, state).log_softmax(-1)  # (B,k,V)
        t = tokens.size(2) + 1
        end = scores + log_probs[:, :, eos_id]  # (B,k) this hypothesis ends here
        log_probs[:, :, [eos_id, *banned]] = float("-inf")
        best, piece = largest(log_probs, beam_size)  # (B,k,width)
        go_on = (scores[:, :, None] + best).flatten(1)
        at_limit = limits <= t
        go_on[at_limit] = float("-inf")

        # What ends: `</s>` candidates among the beam_size best of all candidates of the sentence.
        next_scores, choice = go_on.topk(min(beam_size, go_on.size(1)))  # (B,k')
        both = torch.cat([next_scores, end], 1)
        bar = both.topk(min(beam_size, both.size(1))).values[:, -1:]  # (B,1)
        ends = ((end >= bar) | at_limit[:, None]) & (end > float("-inf"))
        _collect(ends, end, tokens, sentence, finished, t**length_penalty)
        ended += ends.sum(1)

        # What goes on.
        parents = choice // best.size(2)  # (B,k')
        last = piece.flatten(1).gather(1, choice)
        tokens = torch.cat([tokens.gather(1, parents[:, :, None].expand(-1, -1, t - 1)), last[:, :, None]], 2)
        done = at_limit | (ended >= beam_size) | (next_scores[:, 0] == float("-inf"))
        scores = next_scores.masked_fill(done[:, None], float("-inf"))
        number, kept = int(done.sum()), None
        if number == len(done):
            break
        if number >= LEAVING * len(done):
            kept = (~done).nonzero()[:, 0]
            sentence, ended, limits = sentence[kept], ended[kept], limits[kept]
            last, scores, tokens = last[kept], scores[kept], tokens[kept]
        scorer.select(state, parents, kept)
    return [sorted(hyps, key=lambda h: -h.score)[:n_best] for hyps in finished]


def largest(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest values of each row, in no order, and where they are: `x.topk(k)` without a look at most of x.

    They can only be in the k groups whose own largest are the k largest.
    """
    size = x.size(-1)
    groups = size // GROUP
    if groups <= k:
        return x.topk(min(k, size), sorted=False)
    grouped = x[..., : groups * GROUP].view(*x.shape[:-1], GROUP, groups)  # a group lies in a column
    columns = grouped.amax(-2).topk(k, sorted=False).indices
    rows = torch.arange(0, groups * GROUP, groups, device=x.device)[:, None]
    places = (rows + columns[..., None, :]).flatten(-2)
    rest = torch.arange(groups * GROUP, size, device=x.device).expand(*x.shape[:-1], -1)
    places = torch.cat([places, rest], -1)
    values, which = x.gather(-1, places).topk(k, sorted=False)
    return values, places.gather(-1, which)


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
