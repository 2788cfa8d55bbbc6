"""Beam search over any scorer. Greedy search is a beam of one.

Shapes: B sentences in the batch, G groups of hypotheses of each, k hypotheses of each group, V vocabulary, S source
positions, t tokens so far. Rows are the groups of all sentences, R = B·G, those of a sentence side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from nmt.decode.hypothesis import Hypothesis
from nmt.decode.scorer import StepScorer

GROUP = 32  # tokens of which at first only the most probable is looked at
LEAVING = 1 / 8  # share of the batch that must be done before those sentences are taken out: that copies the others


class Rule(Protocol):
    """What hypotheses may not do: sets log-probabilities to -inf in place, before the search looks at them."""

    def __call__(self, log_probs: Tensor, tokens: Tensor, sentence: Tensor) -> None:
        """log_probs (R,k,V) of what follows tokens (R,k,t), of the sentences with these numbers (R)."""
        ...


@dataclass(frozen=True)
class Search:
    """How to search."""

    bos_id: int | Tensor  # what hypotheses begin with; or that of each sentence, (B,)
    eos_id: int
    banned: tuple[int, ...] = ()  # never produced; their probability mass stays theirs: log_prob is the model's own
    beam_size: int = 5  # over all groups
    n_best: int = 1
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0  # beta of Wu et al. 2016, equation 14
    groups: int = 1  # diverse beam search (Vijayakumar et al. 2018): later groups keep away from earlier ones' tokens
    diversity: float = 0.0  # in nats, for each hypothesis of an earlier group that takes a token at the same step
    rule: Rule | None = None

    def first(self, src: Tensor) -> Tensor:
        """What the hypotheses of each source begin with, (B,); src (B,S)."""
        return torch.as_tensor(self.bos_id, device=src.device).expand(src.size(0))


@torch.inference_mode()
def beam_search(
    scorer: StepScorer, src: Tensor, src_mask: Tensor | None, max_len: Tensor, how: Search
) -> list[list[Hypothesis]]:
    """The n_best hypotheses of each source, best first.

    src (B,S), max_len (B,): tokens at most, `</s>` counted; a hypothesis that gets there, or may not go on, is ended
    with the probability of `</s>`. A group is done when as many hypotheses as it holds have ended among the best of
    their step.
    """
    device, groups, width = src.device, how.groups, how.beam_size // how.groups
    finished: list[list[Hypothesis]] = [[] for _ in range(src.size(0))]
    sentence = torch.arange(src.size(0), device=device).repeat_interleave(groups)  # (R,) which source it is
    limits = max_len.to(device)[sentence]
    last = how.first(src)[sentence][:, None]  # (R,k)
    if groups > 1:
        src, src_mask = src[sentence], src_mask[sentence] if src_mask is not None else None
    state = scorer.start(src, src_mask)
    ended = torch.zeros_like(sentence)  # (R,) hypotheses
    scores = torch.zeros(len(sentence), 1, device=device)  # (R,k), all -inf where the row is done
    tokens = torch.empty(len(sentence), 1, 0, dtype=torch.int64, device=device)  # (R,k,t)
    coverage = torch.zeros(len(sentence), 1, src.size(1), device=device) if how.coverage_penalty else None  # (R,k,S)
    if coverage is not None:
        scorer.watch(state)
    while len(sentence):
        log_probs = scorer.step(last, state).log_softmax(-1)  # (R,k,V)
        t = tokens.size(2) + 1
        eos = scores + log_probs[:, :, how.eos_id]  # (R,k)
        if coverage is not None:
            coverage = coverage + scorer.attention(state)
        if how.rule is not None:
            how.rule(log_probs, tokens, sentence)
        end = scores + log_probs[:, :, how.eos_id]  # (R,k) this hypothesis ends here
        log_probs[:, :, [how.eos_id, *how.banned]] = float("-inf")
        next_scores, parents, last = _best(log_probs, scores, width, how)  # (R,k') each

        # What ends: `</s>` candidates among the best of all candidates of the row, and what cannot go on.
        must_end = limits <= t
        next_scores[must_end] = float("-inf")
        must_end |= (next_scores[:, 0] == float("-inf")) & (ended == 0) & (end.amax(1) == float("-inf"))
        both = torch.cat([next_scores, end], 1)
        bar = both.topk(min(width, both.size(1))).values[:, -1:]  # (R,1)
        ends = ((end >= bar) & (end > float("-inf"))) | (must_end[:, None] & (eos > float("-inf")))
        _collect(ends, eos, tokens, sentence, coverage, src_mask, finished, how, t)
        ended += ends.sum(1)

        # What goes on.
        tokens = torch.cat([tokens.gather(1, parents[:, :, None].expand(-1, -1, t - 1)), last[:, :, None]], 2)
        done = must_end | (ended >= width) | (next_scores[:, 0] == float("-inf"))
        if coverage is not None:
            coverage = coverage.gather(1, parents[:, :, None].expand(-1, -1, coverage.size(2)))
        scores = next_scores.masked_fill(done[:, None], float("-inf"))
        done = done.view(-1, groups).all(1)  # (B,)
        number, kept = int(done.sum()), None
        if number == len(done):
            break
        if number >= LEAVING * len(done):
            kept = (~done).repeat_interleave(groups).nonzero()[:, 0]
            sentence, ended, limits = sentence[kept], ended[kept], limits[kept]
            last, scores, tokens = last[kept], scores[kept], tokens[kept]
            coverage = coverage[kept] if coverage is not None else None
            src_mask = src_mask[kept] if src_mask is not None else None
        scorer.select(state, parents, kept)
    return [_ranked(hypotheses)[: how.n_best] for hypotheses in finished]


def _best(log_probs: Tensor, scores: Tensor, width: int, how: Search) -> tuple[Tensor, Tensor, Tensor]:
    """The `width` best ways to go on of each row: scores, parents within the row, tokens, all (R,k')."""
    if how.groups == 1:
        return largest_sums(log_probs, scores, width)
    log_probs, scores = (x.view(-1, how.groups, *x.shape[1:]) for x in (log_probs, scores))
    taken = torch.zeros_like(log_probs[:, 0, 0])  # (B,V): by how many hypotheses of earlier groups
    found = []
    for g in range(how.groups):
        apart = log_probs[:, g] - how.diversity * taken[:, None]
        values, parents, last = largest_sums(apart, scores[:, g], width)
        found.append((values + how.diversity * taken.gather(1, last), parents, last))
        taken.scatter_add_(1, last, (values > float("-inf")).to(taken))
    values, parents, last = (torch.stack(x, 1).flatten(0, 1) for x in zip(*found, strict=True))
    return values, parents, last


def largest_sums(x: Tensor, y: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """The largest x[r, i, j] + y[r, i] of each row r, x (R,k,V) and y (R,k): the sums, i and j, (R,number), best first.

    V is looked at in groups: the largest sums can only be in as many groups, those whose own largest are the largest.
    """
    k, size = x.shape[1:]
    groups = size // GROUP
    if groups * k <= number:
        sums, where = (x + y[:, :, None]).flatten(1).topk(min(number, k * size))
        return sums, where // size, where % size
    grouped = x[:, :, : groups * GROUP].view(-1, k, GROUP, groups)  # a group lies in a column
    best = (grouped.amax(2) + y[:, :, None]).flatten(1).topk(number, sorted=False).indices
    first = best // groups * size + best % groups
    members = torch.arange(0, groups * GROUP, groups, device=x.device)
    rest = torch.arange(k, device=x.device)[:, None] * size + torch.arange(groups * GROUP, size, device=x.device)
    places = torch.cat([(first[:, :, None] + members).flatten(1), rest.flatten().expand(len(x), -1)], 1)
    hypotheses = places // size
    sums, which = (x.flatten(1).gather(1, places) + y.gather(1, hypotheses)).topk(number)
    return sums, hypotheses.gather(1, which), places.gather(1, which) % size


def _collect(
    ends: Tensor, log_probs: Tensor, tokens: Tensor, sentence: Tensor, coverage: Tensor | None, src_mask: Tensor | None,
    finished: list[list[Hypothesis]], how: Search, length: int,
) -> None:  # fmt: skip
    """Write the hypotheses that ended into `finished`."""
    at = ends.nonzero()
    if not len(at):
        return
    row, column = at[:, 0], at[:, 1]
    missing = [0.0] * len(at)
    if coverage is not None:
        covered = coverage[row, column].clamp(1e-6, 1).log()
        if src_mask is not None:
            covered = covered.masked_fill(~src_mask[row], 0)
        missing = (how.coverage_penalty * covered.sum(1)).tolist()
    ids, values = tokens[row, column].tolist(), log_probs[row, column].tolist()
    for s, hyp, log_prob, less in zip(sentence[row].tolist(), ids, values, missing, strict=True):
        finished[s].append(Hypothesis(hyp, log_prob, log_prob / length**how.length_penalty + less))


def _ranked(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    """Best first; groups may have found the same one."""
    different = {tuple(h.tokens): h for h in hypotheses}
    return sorted(different.values(), key=lambda h: -h.score)
