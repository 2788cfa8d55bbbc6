"""Tokens on their way to experts that other processes have, and their results on the way back.

A Hop brings copies of tokens to the processes of one group, where a Sum is made of them, and brings the results back.
That Sum may be another Hop: so one way goes straight to the expert's process, another first to its node and then on
within it, and a token that wants several experts of a node goes there once. Weights travel along, and what a node's
experts make of a token is summed there.

He et al. 2022 choose the expert of a node on the node, by a router that is there. Here all is chosen where the token
is, as routers are on every process: the same choice, and nothing has to be waited for in between.

Shapes: T tokens, D d_model, P pairs of a token and an expert, C copies that are sent, K experts that a copy may want.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from nmt.model.experts import Exchange, Sum
from nmt.model.routing import Pairs, number_within
from nmt.train.traffic import Traffic

Sizes = list[int]  # rows for each rank of a group


@dataclass(frozen=True)
class Group:
    """Ranks that exchange rows, this one, number `own` of them, among them; and on which nodes they are."""

    handle: Any
    nodes: tuple[int, ...]
    own: int
    traffic: Traffic

    def sizes(self, sent: Tensor) -> Sizes:
        """How many rows each will send this one; sent (R,) is how many this one will send each."""
        got = torch.empty_like(sent)
        dist.all_to_all_single(got, sent, group=self.handle)
        self.traffic.sizes(self.nodes[self.own], self.nodes[: self.own] + self.nodes[self.own + 1 :])
        numbers: Sizes = got.tolist()
        return numbers

    def rows(self, rows: Tensor, sent: Sizes, got: Sizes) -> Tensor:
        """Rows (C,W) for each rank, one rank's behind another's; gives those from each."""
        out = rows.new_empty(sum(got), rows.size(1))
        dist.all_to_all_single(out, rows.contiguous(), got, sent, group=self.handle)
        numbers = [0 if rank == self.own else number for rank, number in enumerate(sent)]
        self.traffic.rows(self.nodes[self.own], self.nodes, numbers, rows.size(1) * rows.element_size())
        return out


@dataclass(frozen=True)
class Hop:
    """To the ranks of a group: rank `e // each % size` of them has what is wanted for expert e."""

    group: Group
    each: int
    most: int  # K

    def __call__(self, there: Sum, x: Tensor, pairs: Pairs) -> Tensor:
        """A Sum, if `there` is one of what arrives there."""
        size = len(self.group.nodes)
        copies, copy = torch.unique((pairs.expert // self.each % size) * len(x) + pairs.token, return_inverse=True)
        rank, token = copies // max(1, len(x)), copies % max(1, len(x))
        slot = number_within(copy, len(copies))
        labels = torch.full((len(copies), self.most), -1, dtype=torch.int32, device=x.device)
        labels[copy, slot] = pairs.expert.int()
        weights = x.new_zeros(len(copies), self.most).index_put((copy, slot), pairs.weight.to(x.dtype))
        to = torch.bincount(rank, minlength=size)
        sent: Sizes = to.tolist()
        got = self.group.sizes(to)
        rows, labels = _There.apply(torch.cat([x[token], weights], 1), labels, self.group, sent, got)  # type: ignore[no-untyped-call]
        x_there, weights = rows.split([x.size(1), self.most], 1)
        real = labels >= 0
        y = there(x_there, Pairs(real.nonzero()[:, 0], labels[real].long(), weights[real]))
        back: Tensor = _Back.apply(y, self.group, got, sent)  # type: ignore[no-untyped-call]
        return torch.zeros_like(x).index_add(0, token, back)


def by_way_of(*hops: Hop) -> Exchange:
    """One hop after another."""

    def exchange(here: Sum, x: Tensor, pairs: Pairs) -> Tensor:
        for hop in reversed(hops):
            here = partial(hop, here)
        return here(x, pairs)

    return exchange


class _There(torch.autograd.Function):
    """Rows (C,D+K) and labels (C,K) in one message to each rank."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, labels: Tensor, group: Group, sent: Sizes, got: Sizes) -> tuple[Tensor, Tensor]:
        ctx.group, ctx.sent, ctx.got = group, sent, got
        width = rows.size(1) * rows.element_size()
        whole = group.rows(torch.cat([rows.view(torch.uint8), labels.view(torch.uint8)], 1), sent, got)
        # Copies, which begin where their types may: a part of a single row is contiguous wherever it begins.
        arrived, found = (part.clone(memory_format=torch.contiguous_format) for part in whole.tensor_split([width], 1))
        arrived, found = arrived.view(rows.dtype), found.view(labels.dtype)
        ctx.mark_non_differentiable(found)
        return arrived, found

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.group.rows(upstream, ctx.got, ctx.sent), None, None, None, None


class _Back(torch.autograd.Function):
    """Results (C,D)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: Group, sent: Sizes, got: Sizes) -> Tensor:
        ctx.group, ctx.sent, ctx.got = group, sent, got
        return group.rows(rows, sent, got)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.group.rows(upstream, ctx.got, ctx.sent), None, None, None
