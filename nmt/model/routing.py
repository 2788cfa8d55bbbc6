"""Which tokens go to which experts: pure functions of routers' logits.

A token's choice is a function of its own logits, but in expert_choice, where it is one of its sentence's. Of equal
values the lowest index is taken, so that nothing depends on the order in which a machine compares.

Letters: T tokens, N experts, n nodes of m experts each, k experts a token, P pairs of a token and an expert.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor


@dataclass(frozen=True)
class Level:
    """One router's decision, which its balance and its statistics are worked out from."""

    logits: Tensor  # (T,n)
    probabilities: Tensor  # (T,n), softmax of the logits
    first: Tensor  # (T,) the best of each token
    counts: Tensor  # (n,) how many choices fell on each
    scores: Tensor | None = None  # (T,n), of which the highest are chosen: probabilities, shifted by biases
    chosen: int = 1  # how many of them


class Pairs(NamedTuple):
    """Which tokens go to which experts, and with what weight an expert's result counts."""

    token: Tensor  # (P,)
    expert: Tensor  # (P,)
    weight: Tensor  # (P,)


@dataclass(frozen=True)
class Routed:
    """Pairs, (P,) each as above, and the decisions that led to them."""

    token: Tensor
    expert: Tensor
    weight: Tensor
    levels: tuple[Level, ...]
    lost: tuple[int, ...] = ()  # pairs that there was no room for at each level, where there are limits

    @property
    def pairs(self) -> Pairs:
        return Pairs(self.token, self.expert, self.weight)


def best(scores: Tensor, k: int) -> Tensor:
    """The indices of the k highest of each row of scores (T,N), the highest first: (T,k)."""
    found = [scores.argmax(1)]
    for _ in range(k - 1):
        scores = scores.scatter(1, found[-1][:, None], float("-inf"))
        found.append(scores.argmax(1))
    return torch.stack(found, 1)


def one_level(logits: Tensor, bias: Tensor | None, k: int = 1, nodes: int = 1, top_nodes: int = 1) -> Routed:
    """logits (T,N); bias (N,) shifts what is chosen, not how it weighs. The k best experts of a token, among those of
    its best nodes; a node is as good as its two best experts together (DeepSeek-AI 2024). With k = 1 the
    weight is the expert's probability (Switch), else its share of the probability of all that were chosen (GShard).
    """
    probabilities = logits.softmax(1)
    scores = probabilities.detach() if bias is None else probabilities.detach() + bias.detach()
    if top_nodes < nodes:
        grouped = scores.view(len(scores), nodes, scores.size(1) // nodes)
        worth = grouped.topk(min(2, grouped.size(2)), 2).values.sum(2)
        closed = torch.ones_like(worth, dtype=torch.bool).scatter(1, best(worth, top_nodes), False)
        scores = grouped.masked_fill(closed[:, :, None], float("-inf")).view_as(scores)
    expert = best(scores, k)
    weight = probabilities.gather(1, expert)
    if k > 1:
        weight = weight / weight.sum(1, keepdim=True)
    counts = torch.bincount(expert.flatten(), minlength=logits.size(1))
    level = Level(logits, probabilities, expert[:, 0], counts, scores, k)
    # All first choices stand before all second ones: that is how capacity is given out.
    token = torch.arange(len(logits), device=logits.device).repeat(k)
    return Routed(token, expert.t().flatten(), weight.t().flatten(), (level,))


def two_levels(nodes: Tensor, inner: Tensor, biases: Sequence[Tensor] | None = None) -> Routed:
    """Logits of the nodes (T,n) and of experts within: (T,m), which serve all nodes, or each node's own (T,n,m). Biases
    are (n,), and (m,) or (n,m). The weight is p(node) · p(expert | node).

    After He et al. 2022 (SMILE), known here by its abstract and a summary: a router between nodes, then one within the
    node, with fewer parameters than Switch's, and a balance loss of two terms, added up over layers. Reconstructed:
    that one inner router serves all nodes, of which the fewer parameters speak, and the product as the weight.
    """
    p = nodes.softmax(1)
    by_node = p.detach() if biases is None else p.detach() + biases[0].detach()
    i = by_node.argmax(1)
    own = inner if inner.dim() == 2 else inner[torch.arange(len(i), device=i.device), i]
    q = own.softmax(1)
    scores = q.detach()
    if biases is not None:
        scores = scores + (biases[1].detach() if biases[1].dim() == 1 else biases[1].detach()[i])
    j = scores.argmax(1)
    n, m = nodes.size(1), own.size(1)
    weight = p.gather(1, i[:, None])[:, 0] * q.gather(1, j[:, None])[:, 0]
    expert = i * m + j
    counts = torch.bincount(expert, minlength=n * m).view(n, m)
    of_inner = counts if inner.dim() == 3 else counts.sum(0)
    levels = Level(nodes, p, i, counts.sum(1), by_node), Level(own, q, j, of_inner, scores)
    return Routed(torch.arange(len(i), device=i.device), expert, weight, levels)


def expert_choice(logits: Tensor, real: Tensor, capacity: float) -> Routed:
    """logits (T,N) of the real tokens of sentences, real (B,S): of each sentence an expert takes the ⌈capacity ·
    length / N⌉ tokens that are most its own.
    """
    probabilities = logits.softmax(1)
    scores = probabilities.new_full((*real.shape, logits.size(1)), float("-inf"))
    scores[real] = probabilities.detach()
    rank = scores.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    limit = torch.ceil(capacity * real.sum(1) / logits.size(1) - 1e-9)
    token, expert = (rank < limit[:, None, None])[real].nonzero(as_tuple=True)
    counts = torch.bincount(expert, minlength=logits.size(1))
    level = Level(logits, probabilities, probabilities.argmax(1), counts)
    return Routed(token, expert, probabilities[token, expert], (level,))


def within_capacity(routed: Routed, factor: float, nodes: int = 1) -> Routed:
    """Without the pairs that an expert has no room for; first come, first served. With nodes an even share is first
    that of a node, then of its experts among what arrived there.
    """
    number = routed.levels[0].logits.size(1) if nodes == 1 else nodes * routed.levels[1].logits.size(1)
    kept = torch.ones_like(routed.expert, dtype=torch.bool)
    even = torch.full((nodes,), float(len(routed.expert)), device=kept.device)
    if nodes > 1:
        node = routed.expert // (number // nodes)
        limit = torch.full((nodes,), math.ceil(factor * len(node) / nodes), device=kept.device)
        kept = _first(node, limit)
        even = torch.bincount(node[kept], minlength=nodes).float()
    per_node = number // nodes
    limit = torch.ceil(factor * even / per_node).repeat_interleave(per_node)
    arrived = kept.nonzero()[:, 0]
    fits = arrived[_first(routed.expert[arrived], limit)]
    before = [len(routed.expert), len(arrived)] if nodes > 1 else [len(routed.expert)]
    lost = tuple(a - b for a, b in zip(before, [*before[1:], len(fits)], strict=True))
    return replace(routed, token=routed.token[fits], expert=routed.expert[fits], weight=routed.weight[fits], lost=lost)


def _first(place: Tensor, limit: Tensor) -> Tensor:
    """Of each of place (P,) whether it is among the first `limit` (by place) with that place."""
    return number_within(place, len(limit)) < limit[place]


def number_within(place: Tensor, places: int) -> Tensor:
    """Of each of place (P,), from 0 to places - 1, how many before it have the same: (P,)."""
    order = place.argsort(stable=True)
    counts = torch.bincount(place, minlength=places)
    begins = torch.cumsum(counts, 0) - counts
    number = torch.empty_like(place)
    number[order] = torch.arange(len(place), device=place.device) - begins[place[order]]
    return number


def margins(level: Level) -> Tensor:
    """By how much the last that a token chose is above the best that it did not; of tokens that had a choice."""
    if level.scores is None or level.scores.size(1) <= level.chosen:
        return level.logits.new_zeros(0)
    top = level.scores.topk(level.chosen + 1, 1).values
    apart = top[:, -2] - top[:, -1]
    return apart[apart.isfinite()]


def balance_loss(level: Level) -> Tensor:
    """T · n · Σ f P, which is T where all have as much: f is the share of tokens whose first choice one is, P its mean
    probability (Fedus et al. 2021, section 2.2). A sum over tokens, as losses are here.
    """
    size = level.logits.size(1)
    share = torch.bincount(level.first, minlength=size) / max(1, len(level.first))
    return size * (level.probabilities.sum(0) * share).sum()


def z_loss(level: Level) -> Tensor:
    """Σ (log Σ exp logit)² over tokens (Zoph et al. 2022)."""
    return level.logits.logsumexp(1).square().sum()


def bias_term(level: Level, bias: Tensor) -> Tensor:
    """What has the gradient that moves a bias of the level down where more than the mean fell, and up where less did;
    counts are sums over tokens, so it does not matter how an update is cut (Wang et al. 2024, without a loss).
    """
    counts = level.counts.to(bias.dtype)
    return (bias * (counts - counts.mean(-1, keepdim=True))).sum()
