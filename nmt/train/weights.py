"""All weights in one flat buffer: one kernel clips, updates, averages; one all-reduce shares gradients.

The model computes with `compute` (fp32 or bf16), of which its parameters are views; the optimizer updates `master`
(always fp32; the same buffer where the model computes in fp32). Replicas of the model share `compute`; each has its
Gradients. The order is: matrices for Muon by shape, other matrices, vectors; so what is treated alike is one slice.
Parameters that want no gradient are kept apart: nothing here changes them.

Shapes: every buffer is flat, (W,) for W trained weights; its first M are Muon's, the others AdamW's. Moments of AdamW
are (W-M,), Muon's momentum (M,).
"""

from __future__ import annotations

import copy
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from nmt.recipe import TrainSection
from nmt.train.adamw import MOMENTS, AdamW, Group
from nmt.train.experts import Layout, Shards
from nmt.train.muon import Muon
from nmt.train.parallel import World

Model = TypeVar("Model", bound=nn.Module)
PART = 1 << 18  # elements


class Gradients:
    """Of one replica, in the flat order of the weights. A micro-batch's arrive in `latest`, in the type that the model
    computes with, and are summed in fp32 in `total`; in fp32 these are one buffer.
    """

    def __init__(self, master: Tensor, dtype: torch.dtype) -> None:
        self.total = torch.zeros_like(master)
        self.latest = self.total if dtype == torch.float32 else torch.zeros_like(master, dtype=dtype)

    def add_micro_batch(self) -> None:
        """Take a micro-batch's gradients into the sum; after each backward pass."""
        if self.latest is not self.total:
            # Adding another type makes a copy in fp32: by parts that stay in the cache.
            for total, latest in zip(torch.split(self.total, PART), torch.split(self.latest, PART), strict=True):
                total.add_(latest)
            self.latest.zero_()

    def take(self, other: Gradients) -> None:
        """Move another replica's sum into this one."""
        self.total.add_(other.total)
        other.total.zero_()


class FlatWeights:
    """Owns the model's parameters from now on, their gradients, the optimizer and the moving average.

    `blocks`, for Muon: names of its matrices → into how many of equal height each is to be cut. Of what only some ranks
    have, `shards` makes what one process would have, where something is saved or loaded.
    """

    def __init__(
        self, model: nn.Module, section: TrainSection, dtype: torch.dtype, blocks: dict[str, int] | None = None,
        shards: Shards | None = None,
    ) -> None:  # fmt: skip
        self.section, self.shards = section, shards or Shards(Layout(World(0, 1), 1, 1), None)
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        blocks = {name: number for name, number in (blocks or {}).items() if name in dict(trained)}

        def block_shape(name: str, p: Tensor) -> tuple[int, int]:
            return p.size(0) // blocks[name], p.size(1)

        def order(item: tuple[str, Tensor]) -> tuple[int, tuple[int, int]]:
            name, p = item
            return (0, block_shape(name, p)) if name in blocks else (1 if p.dim() >= 2 else 2, (0, 0))

        named = sorted(trained, key=order)
        self.shapes = {name: p.shape for name, p in named}
        self.master = torch.cat([p.detach().float().flatten() for _, p in named])
        self.compute = self.master if dtype == torch.float32 else self.master.to(dtype)
        self.frozen = {name: p.detach().float() for name, p in model.named_parameters() if not p.requires_grad}
        self._frozen_compute = {name: tensor.to(dtype) for name, tensor in self.frozen.items()}
        self.all_gradients: list[Gradients] = []  # of this model, and of its replicas
        self.gradients = self._attach(model)
        self.grad = self.gradients.total
        self.ema = self.master.clone() if section.ema_decay else None
        self.start: dict[str, Tensor] = {}  # what `anchor` pulls towards
        counts = Counter(block_shape(name, p) for name, p in named for _ in range(blocks.get(name, 0)))
        self.num_muon = sum(p.numel() for name, p in named if name in blocks)
        first = slice(0, self.num_muon)
        shapes = [(count, *shape) for shape, count in counts.items()]
        self.muon = Muon(self.master[first], self.grad[first], shapes, section.weight_decay, dtype) if blocks else None
        decayed = sum(p.numel() for _, p in named if p.dim() >= 2)
        groups = []
        # Biases and norms are not decayed.
        for part, decay in ((slice(self.num_muon, decayed), section.weight_decay), (slice(decayed, None), 0.0)):
            groups.append(Group(self.master[part], self.grad[part], decay))
        self.adam = AdamW(groups, section.adam_betas, section.adam_eps)

    def anchor_here(self, names: Collection[str]) -> None:
        """From now on `anchor` pulls these, as far as they are trained, to what they are now."""
        if self.section.anchor:
            self.start = {name: w.clone() for name, w in self.named(self.master).items() if name in names}

    def replicate(self, model: Model) -> tuple[Model, Gradients]:
        """Another model with the same weights, changed by every update like the first, and its own gradients."""
        replica = copy.deepcopy(model)
        return replica, self._attach(replica)

    def clear_gradients(self) -> None:
        """Forget an update that was begun."""
        for gradients in self.all_gradients:
            gradients.total.zero_()
            gradients.latest.zero_()

    def reduce(self) -> None:
        """Sum the gradient over all ranks."""
        self.shards.reduce(self.grad, self.named(self.grad))

    def update(self, rate: float, num_tokens: int, step: int) -> tuple[float, bool]:
        """One update by the mean gradient a token; gives its norm, and whether that was finite and so used."""
        self.grad.mul_(1 / max(1, num_tokens))
        norm = self.shards.norm(self.grad, self.named(self.grad))
        finite = norm < float("inf")
        if finite:
            if self.section.clip_norm and norm > self.section.clip_norm:
                self.grad.mul_(self.section.clip_norm / norm)
            for name, weights in self.named(self.master).items() if self.start else ():
                if name in self.start:
                    weights.lerp_(self.start[name], rate * self.section.anchor)
            self.adam.step(rate)
            if self.muon is not None:
                self.muon.step(rate)
            if self.ema is not None:
                # Early on the average is of few steps, or it would remember the random start.
                self.ema.lerp_(self.master, 1 - min(self.section.ema_decay, (1 + step) / (10 + step)))
            self._publish(self.master)
        self.grad.zero_()
        return norm, finite

    @contextmanager
    def averaged(self, model: nn.Module) -> Iterator[None]:
        """Within, the model computes with the moving average instead of the last weights. Where it is not the one that
        is trained, as that has not all weights, it gets them on rank 0; all ranks have to be here.
        """
        if self.shards.names:
            weights = self.translating()
            for name, p in model.named_parameters() if weights else ():
                p.data.copy_(weights[name])
            yield
            return
        if self.ema is None:
            yield
            return
        kept = self.compute.clone()
        self.compute.copy_(self.ema)
        try:
            yield
        finally:
            self.compute.copy_(kept)

    def named(self, flat: Tensor, begin: int = 0) -> dict[str, Tensor]:
        """Views, by parameter name, of a flat buffer that holds the elements from `begin` on, or the first of them."""
        views, at = {}, 0
        for name, shape in self.shapes.items():
            if at >= begin and at + shape.numel() <= begin + flat.numel():
                views[name] = flat[at - begin :][: shape.numel()].view(shape)
            at += shape.numel()
        return views

    def fingerprint(self) -> str:
        """16 hex digits of a sample of the master weights: to see whether ranks have the same."""
        common = self.shards.common(self.master, self.named(self.master))
        sample = common[:: max(1, common.numel() // 65_536)].cpu().contiguous()
        return hashlib.sha256(sample.numpy().tobytes()).hexdigest()[:16]

    def translating(self) -> dict[str, Tensor]:
        """All that translates: the moving average where there is one, and what is frozen."""
        return self.shards.gathered(self.named(self.master if self.ema is None else self.ema)) | self.frozen

    def state(self) -> dict[str, Tensor]:
        """Everything to be saved besides the weights used to translate: master weights, the optimizer's moments, and
        what `anchor` pulls towards, so that a run goes on without the one that it began with.
        """
        kept = {"master": self.named(self.master), "start": self.start}
        if self.muon is not None:
            kept["momentum"] = self.named(self.muon.momentum)
        for key in MOMENTS:
            if (moment := self.adam.moment(key)) is not None:
                kept[key] = self.named(moment, self.num_muon)
        return {f"{kind}.{k}": v for kind, named in kept.items() for k, v in self.shards.gathered(named).items()}

    def load(self, weights: dict[str, Tensor], state: dict[str, Tensor], step: int) -> None:
        """Restore what the averaged `weights`, and `state` after so many steps, held."""
        self._copy(self.master, state, "master.")
        starts = {name.removeprefix("start."): t for name, t in state.items() if name.startswith("start.")}
        self.start = {name: self.shards.part(name, tensor).to(self.master) for name, tensor in starts.items()}
        if self.ema is not None:
            self._copy(self.ema, weights, "")
        if self.muon is not None:
            self._copy(self.muon.momentum, state, "momentum.")
        if any(name.startswith(MOMENTS[0]) for name in state):
            begin = 0
            moments = {key: torch.empty_like(self.master[self.num_muon :]) for key in MOMENTS}
            for key, flat in moments.items():
                self._copy(flat, state, f"{key}.", self.num_muon)
            for group in self.adam.groups:
                end = begin + group.weights.numel()
                self.adam.restore(group, {key: flat[begin:end].clone() for key, flat in moments.items()}, step)
                begin = end
        self._publish(self.master)
        for name, tensor in self.frozen.items():
            tensor.copy_(weights[name])
            self._frozen_compute[name].copy_(tensor)

    def _attach(self, model: nn.Module) -> Gradients:
        """Make the model's parameters views of the weights."""
        gradients = Gradients(self.master, self.compute.dtype)
        weights, grads = (self.named(flat) for flat in (self.compute, gradients.latest))
        for name, p in model.named_parameters():
            if name in self.frozen:
                p.data = self._frozen_compute[name]
            else:
                p.data, p.grad = weights[name], grads[name]
        self.all_gradients.append(gradients)
        return gradients

    def _publish(self, flat: Tensor) -> None:
        if self.compute is not self.master:
            self.compute.copy_(flat)

    def _copy(self, flat: Tensor, tensors: dict[str, Tensor], prefix: str, begin: int = 0) -> None:
        for name, view in self.named(flat, begin).items():
            view.copy_(self.shards.part(name, tensors[prefix + name]))
