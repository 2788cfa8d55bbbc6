"""Which rank updates which weights (ZeRO, stage 1; Rajbhandari et al. 2020): each has the optimizer's state of its own.

Every rank has all weights and all gradients of a micro-batch; their sum over the ranks goes to the owner alone, and the
changed weights come back from there. That is as many bytes as summing them on all ranks, and 1/N of the memory and of
the work that an update needs; in bf16 fewer bytes, as weights are sent in what the model computes with.

Muon wants its matrices whole, so each has one owner: the most costly first go to who has least to do. AdamW's elements
can be cut anywhere. So a flat buffer has two regions, each of N equal shares: Muon's, where shares end in padding, and
AdamW's, where the last does. What a rank owns are its shares of both, one behind the other. One rank owns all, in the
same order, without padding.

Shapes: N ranks; W elements of a whole buffer, padding among them, O = W / N of what one owns; of these, `num_muon` are
Muon's with its padding, and behind them `num_adam` AdamW's without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from nmt.train.parallel import ALONE, World

# torch 2.13 has other names for the same.
_scatter_sums = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
_all_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor

Named = dict[str, Tensor]  # by the parameter's name
# Elements: kernels take several at a time and those at the end alone, which they may round in another way.
ALIGNED = 64
SHARED_FROM = 50_000_000  # weights; what fewer need is not worth another message an update


@dataclass(frozen=True)
class Piece:
    """Elements `begin` to `end` of a parameter; in its owner's buffers they lie from `at` on."""

    begin: int
    end: int
    at: int

    @property
    def size(self) -> int:
        return self.end - self.begin


class Owners:
    """Where parameters lie in flat buffers. `shapes` are theirs, in order; `blocks` tells of Muon's, which come first,
    (number, rows, columns) of the matrices that each holds. What all ranks of `world` are asked for is asked of all.
    """

    def __init__(
        self, shapes: Mapping[str, torch.Size], blocks: Mapping[str, tuple[int, int, int]], world: World = ALONE
    ) -> None:
        self.shapes, self.blocks, self.world = dict(shapes), dict(blocks), world
        sizes = {name: shape.numel() for name, shape in shapes.items()}
        owner = deal(self.blocks, world.size)
        self.pieces: list[dict[str, Piece]] = [{} for _ in range(world.size)]  # of each rank
        loads = [0] * world.size
        for name, rank in owner.items():
            self.pieces[rank][name] = Piece(0, sizes[name], loads[rank])
            loads[rank] += sizes[name]
        self.num_muon = max(loads)
        rest = [name for name in shapes if name not in blocks]
        total = sum(sizes[name] for name in rest)
        self.each = -(-total // (ALIGNED * world.size)) * ALIGNED if world.size > 1 else total
        self.num_adam = max(0, min(self.each, total - world.rank * self.each))
        self.padding = self.each - self.num_adam
        self.begins = {name: owner[name] * self.num_muon + self.pieces[owner[name]][name].at for name in blocks}
        begin = 0
        for name in rest:
            self.begins[name] = world.size * self.num_muon + begin
            for rank, pieces in enumerate(self.pieces):
                first, last = max(begin, rank * self.each), min(begin + sizes[name], (rank + 1) * self.each)
                if first < last:
                    pieces[name] = Piece(first - begin, last - begin, self.num_muon + first - rank * self.each)
            begin += sizes[name]

    @property
    def size(self) -> int:
        """W."""
        return self.world.size * (self.num_muon + self.each)

    def views(self, whole: Tensor) -> Named:
        """Of a buffer (W,), each parameter's."""
        return {
            name: whole[begin : begin + shape.numel()].view(shape)
            for (name, shape), begin in zip(self.shapes.items(), map(self.begins.__getitem__, self.shapes), strict=True)
        }

    def parts(self, owned: Tensor, begin: int = 0) -> Named:
        """Views of what this rank owns, by parameter, in a buffer of the elements from `begin` on, or of the first.
        What is owned of a parameter is flat, unless that is all of it.
        """
        return self._parts(self.world.rank, owned, begin)

    def _parts(self, rank: int, owned: Tensor, begin: int) -> Named:
        found = {}
        for name, piece in sorted(self.pieces[rank].items(), key=lambda item: item[1].at):
            if piece.at >= begin and piece.at + piece.size <= begin + owned.numel():
                part = owned[piece.at - begin :][: piece.size]
                found[name] = part.view(self.shapes[name]) if piece.size == self.shapes[name].numel() else part
        return found

    def part(self, name: str, tensor: Tensor) -> Tensor:
        """Of a whole parameter what this rank owns, as `parts` has it; it does own some."""
        piece = self.pieces[self.world.rank][name]
        return tensor if piece.size == tensor.numel() else tensor.flatten()[piece.begin : piece.end]

    # --- between ranks -----------------------------------------------------------------------------------------------

    def owned(self, whole: Tensor) -> Tensor:
        """What this rank owns of a buffer (W,): (O,), the same memory where that is all of it."""
        if self.world.size == 1:
            return whole
        return torch.cat([region.chunk(self.world.size)[self.world.rank] for region in self._regions(whole)])

    def reduce(self, whole: Tensor, owned: Tensor) -> None:
        """Sum buffers (W,) over all ranks, of each element into its owner's (O,)."""
        for region, share in zip(self._regions(whole), self._shares(owned), strict=True):
            if len(share):
                _reduce_scatter(region, share)

    def publish(self, owned: Tensor, whole: Tensor) -> None:
        """Bring what ranks own, (O,), to all ranks, (W,) of another type perhaps."""
        if self.world.size == 1:
            if owned is not whole:
                whole.copy_(owned)
            return
        for region, share in zip(self._regions(whole), self._shares(owned), strict=True):
            if len(share):
                _all_gather(region, share.to(whole.dtype))

    def norm(self, owned: Tensor) -> Tensor:
        """Of the vector of which ranks own parts, (), the same on all."""
        total = torch.linalg.vector_norm(owned).square()
        self.world.all_reduce(total)
        norm: Tensor = total.sqrt()
        return norm

    def gathered(self, owned: Tensor, begin: int = 0) -> Named:
        """Whole parameters, as `parts` finds them in all ranks' buffers, in the order of `shapes`: on rank 0, others
        have nothing. Several ranks' come to the CPU, as a device may have no room for them.
        """
        if self.world.size == 1:
            return self.parts(owned, begin)
        mine = owned.detach().cpu()
        everyone = [torch.empty_like(mine) for _ in range(self.world.size)] if self.world.is_main else None
        dist.gather(mine, everyone)
        each = [self._parts(rank, part, begin) for rank, part in enumerate(everyone or [])]
        found: Named = {}
        for name, shape in self.shapes.items():
            if there := [parts[name] for parts in each if name in parts]:
                found[name] = there[0] if len(there) == 1 else torch.cat(there).view(shape)
        return found

    def _regions(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        end = self.world.size * self.num_muon
        return whole[:end], whole[end:]

    def _shares(self, owned: Tensor) -> tuple[Tensor, Tensor]:
        return owned[: self.num_muon], owned[self.num_muon :]


def _reduce_scatter(region: Tensor, share: Tensor) -> None:
    """Sum regions of all ranks, of each part of equal size into its rank's share."""
    if region.device.type != "cpu":
        _scatter_sums(share, region)
        return
    parts = torch.empty_like(region)  # Gloo's own would send as much as if all ranks wanted all
    dist.all_to_all_single(parts, region)
    torch.sum(parts.view(-1, len(share)), 0, out=share)


def who_share(world: World, model: nn.Module) -> World:
    """The ranks that share an update of the model; ALONE where it is so small that each does it whole."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return world if trained >= SHARED_FROM else ALONE


def deal(blocks: Mapping[str, tuple[int, int, int]], ranks: int) -> dict[str, int]:
    """Each parameter's rank, by what its matrices, (number, rows, columns), cost to orthogonalise: the most costly
    first, always to the rank that has least. In the order of `blocks`.
    """

    def cost(name: str) -> int:
        number, rows, columns = blocks[name]
        long, short = max(rows, columns), min(rows, columns)
        return number * (4 * long * short**2 + 2 * short**3)

    loads, found = [0] * ranks, {}
    for name in sorted(blocks, key=cost, reverse=True):
        found[name] = loads.index(min(loads))
        loads[found[name]] += cost(name)
    return {name: found[name] for name in blocks}
