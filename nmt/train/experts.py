"""Expert parallelism, applied from outside: ranks that share one set of experts, each of which has a part of them.

All else is on every rank, and its gradients are summed over all. An expert's are summed over the ranks that have the
same one: each has already those of all tokens that its set brought there. Experts are whole on a rank, so Muon and
AdamW treat them as they would on one process. Rank 0 gathers what is saved, and has a whole model to validate with: a
run folder is that of a single process, and goes on with any number of ranks.

Ranks are numbered node by node, as torchrun does; a set is as many in a row.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nmt.errors import RunError
from nmt.model.experts import Exchange, Experts
from nmt.recipe import ExpertsSection
from nmt.recipe.experts import GROUPED
from nmt.train.exchange import Group, Hop, by_way_of
from nmt.train.parallel import LONGEST_WAIT, World
from nmt.train.traffic import Traffic

Model = TypeVar("Model", bound=nn.Module)
Named = dict[str, Tensor]  # by the parameter's name


@dataclass(frozen=True)
class Layout:
    """Where the ranks are: sets of `size`, each on nodes of `local` of its ranks."""

    world: World
    size: int
    local: int

    @property
    def nodes(self) -> int:
        """Of a set."""
        return self.size // self.local

    @property
    def sets(self) -> int:
        return self.world.size // self.size

    def __str__(self) -> str:
        """`8 for one set of experts, on 4 nodes`."""
        return f"{self.size} for one set of experts" + (f", on {self.nodes} nodes" if self.nodes > 1 else "")

    @property
    def own(self) -> int:
        """This rank's number in its set."""
        return self.world.rank % self.size

    @property
    def all_nodes(self) -> int:
        """Of all sets. Where several sets share a node, each counts its part as one."""
        return self.world.size // self.local

    def node(self, rank: int) -> int:
        return rank // self.local

    def same(self) -> list[list[int]]:
        """The sets."""
        return [list(range(first, first + self.size)) for first in range(0, self.world.size, self.size)]

    def peers(self) -> list[list[int]]:
        """Ranks that have the same experts."""
        return [list(range(first, self.world.size, self.size)) for first in range(self.size)]

    def between(self) -> list[list[int]]:
        """Ranks of a set that have the same place on their nodes."""
        return [ranks[place :: self.local] for ranks in self.same() for place in range(self.local)]

    def within(self) -> list[list[int]]:
        """Ranks of a node."""
        return [ranks[i : i + self.local] for ranks in self.same() for i in range(0, self.size, self.local)]


def lay_out(world: World, size: int, experts: ExpertsSection | None) -> Layout:
    """Sets of `size` ranks on torchrun's nodes. Raises RunError where they cannot be cut so."""
    if size == 1:
        return Layout(world, 1, 1)
    per_node = int(os.environ.get("LOCAL_WORLD_SIZE", world.size))
    key = f"`train.expert_parallel: {size}`"
    if world.size % size:
        there = "is 1" if world.size == 1 else f"are {world.size}"
        raise RunError(
            f"{key} needs {size} processes or a multiple of them, and there {there}.",
            f"Start them: torchrun --nproc-per-node={size} --no-python nmt train RECIPE; or set it to 1.",
        )
    if world.size % per_node or (size % per_node and per_node % size):
        raise RunError(
            f"{key}: sets of {size} processes cannot be laid on nodes of {per_node}.",
            "Take as many as a node has, a multiple, or a divisor of it.",
        )
    layout = Layout(world, size, min(size, per_node))
    if experts is not None and experts.routing in GROUPED and experts.nodes % layout.nodes:
        raise RunError(
            f"`model.experts.nodes: {experts.nodes}` cannot be laid on {layout.nodes} nodes of {per_node} processes.",
            f"Take a multiple of {layout.nodes}.",
        )
    return layout


class Shards:
    """Which part of the experts this rank has. Where sets are of one rank it has all, and what is here is what ranks do
    that have all the same.
    """

    def __init__(self, layout: Layout, experts: ExpertsSection | None) -> None:
        """All ranks have to be here: groups are made."""
        self.layout, self.experts, self.world = layout, experts, layout.world
        self.names: frozenset[str] = frozenset()  # of parameters of which this rank has a part
        self.traffic = Traffic.none(layout.all_nodes)
        self._set = self._peers = None
        if layout.size > 1:
            self._set, _ = _join(self.world, layout.same())
            self._peers, _ = _join(self.world, layout.peers())

    def divide(self, model: Model, dtype: torch.dtype) -> tuple[Model, Model]:
        """The model that is trained, with this rank's experts alone; and one to validate with, whole on rank 0, that
        computes with `dtype`, as the other will.
        """
        if self.experts is None or self.layout.size == 1:
            return model, model
        part = copy.deepcopy(model) if self.world.is_main else model
        each = self.experts.number // self.layout.size
        exchange, found = self.exchange(self.experts), set()
        for name, module in part.named_modules():
            if isinstance(module, Experts):
                module.hold(range(self.layout.own * each, (self.layout.own + 1) * each), exchange)
                found |= {f"{name}.{own}" for own in module.dense()}
        self.names = frozenset(found)
        for p in model.parameters() if part is not model else ():
            p.data = p.data.to(dtype)
        return part, model

    def exchange(self, experts: ExpertsSection) -> Exchange:
        """Where a choice is made of nodes, first to the node and then on within it; else straight to the expert."""
        layout, each = self.layout, experts.number // self.layout.size
        if experts.routing in GROUPED and layout.nodes > 1:
            ways = [(layout.between(), each * layout.local), (layout.within(), each)]
        else:
            ways = [(layout.same(), each)]
        most = int(experts.per_token)
        return by_way_of(*(self.hop(ranks, step, min(most, step)) for ranks, step in ways if len(ranks[0]) > 1))

    def hop(self, groups: list[list[int]], each: int, most: int) -> Hop:
        """See Hop. All ranks have to ask for it."""
        handle, ranks = _join(self.world, groups)
        nodes = tuple(map(self.layout.node, ranks))
        return Hop(Group(handle, nodes, ranks.index(self.world.rank), self.traffic), each, most)

    def all_traffic(self) -> Traffic:
        """What all ranks have sent so far. All have to be here."""
        total = Traffic.none(self.layout.all_nodes)
        for one in self.world.everyone(self.traffic):
            total.add(one)
        return total

    # --- gradients ---------------------------------------------------------------------------------------------------

    def reduce(self, grad: Tensor, named: Named) -> None:
        """Sum gradients over the ranks that have the same weights; `named` are the parts of `grad`."""
        if not self.names:
            self.world.all_reduce(grad)
            return
        own, shared = self._apart(named)
        _sum_over(shared, None)
        if self.layout.sets > 1:
            _sum_over(own, self._peers)

    def norm(self, grad: Tensor, named: Named) -> Tensor:
        """Of the whole gradient, (), the same on all ranks."""
        if not self.names:
            norm: Tensor = torch.linalg.vector_norm(grad)
            return norm
        own, shared = (_one_behind_another(part).square().sum() for part in self._apart(named))
        self.world.all_reduce(own)  # over all ranks, not over a set, so that all get the same bits
        norm = (shared + own / self.layout.sets).sqrt()
        return norm

    # --- weights -----------------------------------------------------------------------------------------------------

    def common(self, flat: Tensor, named: Named) -> Tensor:
        """Of a flat buffer, whose parts are `named`, what all ranks have."""
        return _one_behind_another(self._apart(named)[1]) if self.names else flat

    def gathered(self, named: Named) -> Named:
        """As one process has them; that is on rank 0, others have nothing. All ranks have to be here with the same."""
        if not self.names:
            return named
        whole = {name: self._gather(tensor) if name in self.names else tensor for name, tensor in named.items()}
        return whole if self.world.is_main else {}

    def part(self, name: str, tensor: Tensor) -> Tensor:
        """Of a parameter's tensor, as one process has it, what this rank has."""
        return tensor.chunk(self.layout.size)[self.layout.own] if name in self.names else tensor

    def _apart(self, named: Named) -> tuple[list[Tensor], list[Tensor]]:
        """This set's alone, and what all ranks have."""
        own = [tensor for name, tensor in named.items() if name in self.names]
        return own, [tensor for name, tensor in named.items() if name not in self.names]

    def _gather(self, tensor: Tensor) -> Tensor:
        if self.world.rank >= self.layout.size:  # the first set has all of them
            return tensor
        tensor = tensor.contiguous()
        parts = [torch.empty_like(tensor) for _ in range(self.layout.size)] if self.world.is_main else None
        dist.gather(tensor, parts, dst=0, group=self._set)
        return torch.cat(parts) if parts else tensor


def idle(model: nn.Module) -> None:
    """A micro-batch of no tokens, for a rank that has none while others of its set have: their tokens come to its
    experts. A model goes through its layers in order, and back.
    """
    x: Tensor | None = None
    for module in model.modules():
        if isinstance(module, Experts):
            width, dtype, device = module.inner.size(1), module.inner.dtype, module.inner.device
            x = torch.zeros(0, width, dtype=dtype, device=device, requires_grad=True) if x is None else x
            x = module(x)
    if x is not None:
        x.sum().backward()  # type: ignore[no-untyped-call]


def _join(world: World, groups: list[list[int]]) -> tuple[Any, list[int]]:
    """Of groups that all ranks make, the one of this rank, and its ranks."""
    made = [(dist.new_group(ranks, timeout=LONGEST_WAIT), ranks) for ranks in groups]
    return next(one for one in made if world.rank in one[1])


def _one_behind_another(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def _sum_over(tensors: list[Tensor], group: Any) -> None:
    """In place, in one message; None: over all ranks."""
    flat = _one_behind_another(tensors)
    dist.all_reduce(flat, group=group)
    for tensor, summed in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
        tensor.copy_(summed.view_as(tensor))
