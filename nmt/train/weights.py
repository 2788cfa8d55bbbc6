"""All weights in one flat buffer: one kernel clips, updates, averages; one all-reduce shares gradients.

The model computes with `compute` (fp32 or bf16), of which its parameters are views; the optimizer updates `master`
(always fp32; the same buffer where the model computes in fp32). Replicas of the model share `compute`; each has its
Gradients. The order is: matrices for Muon by shape, other matrices, vectors; so what is treated alike is one slice.
Parameters that want no gradient are kept apart: nothing here changes them.

Ranks may share the update: see owners.py, which says where a parameter lies. `compute` and the gradients of a
micro-batch are whole then, (W,); `master`, the optimizer's state and the moving average are what this rank owns, (O,).
Alone, O = W.

Shapes: every buffer is flat; of what is owned first come Muon's, then AdamW's. Each has moments for its own.
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
from torch.nn.functional import pad

from nmt.recipe import TrainSection
from nmt.train.adamw import MOMENTS, AdamW, Group
from nmt.train.experts import Layout, Shards
from nmt.train.muon import Muon
from nmt.train.owners import Owners
from nmt.train.parallel import ALONE, World

Model = TypeVar("Model", bound=nn.Module)
PART = 1 << 18  # elements


class Gradients:
    """Of one replica, in the flat order of the weights. A micro-batch's arrive in `latest`, in the type that the model
    computes with, and are summed in fp32 in `total`; in fp32 these are one buffer.
    """

    def __init__(self, compute: Tensor) -> None:
        self.total = torch.zeros_like(compute, dtype=torch.float32)
        self.latest = self.total if compute.dtype == torch.float32 else torch.zeros_like(compute)

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
    have, `shards` makes what one process would have, where something is saved or loaded. The ranks of `world` share the
    update, and all have to be here for whatever is done.
    """

    def __init__(
        self, model: nn.Module, section: TrainSection, dtype: torch.dtype, blocks: dict[str, int] | None = None,
        shards: Shards | None = None, world: World = ALONE,
    ) -> None:  # fmt: skip
        self.section, self.shards = section, shards or Shards(Layout(ALONE, 1, 1), None)
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        blocks = {name: number for name, number in (blocks or {}).items() if name in dict(trained)}

        def block_shape(name: str, p: Tensor) -> tuple[int, int]:
            return p.size(0) // blocks[name], p.size(1)

        def order(item: tuple[str, Tensor]) -> tuple[int, tuple[int, int]]:
            name, p = item
            return (0, block_shape(name, p)) if name in blocks else (1 if p.dim() >= 2 else 2, (0, 0))

        named = sorted(trained, key=order)
        self.owners = Owners(
            {name: p.shape for name, p in named},
            {name: (blocks[name], *block_shape(name, p)) for name, p in named if name in blocks},
            world,
        )
        whole = named[0][1].new_zeros(self.owners.size, dtype=torch.float32)
        for name, p in named:
            self.owners.views(whole)[name].copy_(p.detach())
        self.master = self.owners.owned(whole)
        self.compute = whole if dtype == torch.float32 else whole.to(dtype)
        self.frozen = {name: p.detach().float() for name, p in model.named_parameters() if not p.requires_grad}
        self._frozen_compute = {name: tensor.to(dtype) for name, tensor in self.frozen.items()}
        self.all_gradients: list[Gradients] = []  # of this model, and of its replicas
        self.gradients = self._attach(model)
        self.grad = self.gradients.total if world.size == 1 else torch.zeros_like(self.master)  # of what is owned
        self.ema = self.master.clone() if section.ema_decay else None
        self.anchored: Collection[str] = ()
        self.start: dict[str, Tensor] = {}  # what `anchor` pulls towards
        self._make_optimizers(dtype)

    def _make_optimizers(self, dtype: torch.dtype) -> None:
        section, owners, num_muon = self.section, self.owners, self.owners.num_muon
        owned = owners.parts(self.master)
        counts: Counter[tuple[int, int]] = Counter()
        for number, rows, columns in (owners.blocks[name] for name in owned if name in owners.blocks):
            counts[rows, columns] += number
        shapes = [(number, *shape) for shape, number in counts.items()]
        first = slice(0, num_muon)
        self.muon = (
            Muon(self.master[first], self.grad[first], shapes, section.weight_decay, dtype) if num_muon else None
        )
        matrices = [p for name, p in owned.items() if name not in owners.blocks and len(owners.shapes[name]) >= 2]
        decayed = num_muon + sum(p.numel() for p in matrices)
        groups = []
        end = num_muon + owners.num_adam
        for part, decay in ((slice(num_muon, decayed), section.weight_decay), (slice(decayed, end), 0.0)):
            groups.append(Group(self.master[part], self.grad[part], decay))
        self.adam = AdamW([group for group in groups if len(group.weights)], section.adam_betas, section.adam_eps)

    def anchor_here(self, names: Collection[str]) -> None:
        """From now on `anchor` pulls these, as far as they are trained, to what they are now."""
        if self.section.anchor:
            self.anchored = names
            self.start = {name: w.clone() for name, w in self.owners.parts(self.master).items() if name in names}

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
        """Sum the gradient over all ranks, where each has to have it."""
        total = self.gradients.total
        if self.owners.world.size > 1:
            self.owners.reduce(total, self.grad)
            total.zero_()
        else:
            self.shards.reduce(total, self.owners.views(total))

    def update(self, rate: float, num_tokens: int, step: int) -> Tensor:
        """One update by the mean gradient a token; gives its norm, (). Where that is not finite, nothing is changed;
        the device finds that out by itself, and nothing here waits for it.
        """
        self.grad.mul_(1 / max(1, num_tokens))
        norm = self._norm()
        finite = norm.isfinite()
        if self.section.clip_norm:
            # In float64, which MPS has not: as precise as a limit that is no number of float32
            wide = norm if norm.device.type == "mps" else norm.double()
            self.grad.mul_((self.section.clip_norm / wide).clamp_(max=1))
        for name, weights in self.owners.parts(self.master).items() if self.start else ():
            if name in self.start:
                weights.lerp_(self.start[name], finite * (rate * self.section.anchor))
        self.adam.step(rate, finite)
        if self.muon is not None:
            self.muon.step(rate, finite)
        if self.ema is not None:
            # Early on the average is of few steps, or it would remember the random start.
            self.ema.lerp_(self.master, finite * (1 - min(self.section.ema_decay, (1 + step) / (10 + step))))
        self._publish(self.master)
        self.grad.zero_()
        return norm

    def _norm(self) -> Tensor:
        """Of the whole gradient, the same on all ranks."""
        shared = self.owners.world.size > 1
        return self.owners.norm(self.grad) if shared else self.shards.norm(self.grad, self.owners.views(self.grad))

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
        kept = self.master if self.compute is not self.master else self.master.clone()
        self._publish(self.ema)
        yield  # after an error training ends, and other ranks may not be here any more
        self._publish(kept)

    def fingerprint(self) -> str:
        """16 hex digits of a sample of what the model computes with: to see whether ranks have the same."""
        common = self.shards.common(self.compute, self.owners.views(self.compute))
        sample = common[:: max(1, common.numel() // 65_536)].float().cpu().contiguous()
        return hashlib.sha256(sample.numpy().tobytes()).hexdigest()[:16]

    def translating(self) -> dict[str, Tensor]:
        """All that translates: the moving average where there is one, and what is frozen. Where ranks share the work,
        rank 0 alone has it; so of `state`, too.
        """
        return self._gathered(self.master if self.ema is None else self.ema) | self.frozen

    def state(self) -> dict[str, Tensor]:
        """Everything to be saved besides the weights used to translate: master weights, the optimizer's moments, and
        what `anchor` pulls towards, so that a run goes on without the one that it began with.
        """
        kept = {"master": self._gathered(self.master)}
        if self.anchored:
            start = torch.zeros_like(self.master)
            for name, part in self.owners.parts(start).items():
                part.copy_(self.start.get(name, part))
            kept["start"] = {name: t for name, t in self._gathered(start).items() if name in self.anchored}
        if self.muon is not None:
            kept["momentum"] = self._gathered(self.muon.momentum)
        for key in MOMENTS:
            if (moment := self.adam.moment(key)) is not None:
                kept[key] = self._gathered(pad(moment, (0, self.owners.padding)), self.owners.num_muon)
        return {f"{kind}.{name}": tensor for kind, named in kept.items() for name, tensor in named.items()}

    def load(self, weights: dict[str, Tensor], state: dict[str, Tensor], step: int) -> None:
        """Restore what the averaged `weights`, and `state` after so many steps, held."""
        self._copy(self.master, state, "master.")
        starts = {name.removeprefix("start."): t for name, t in state.items() if name.startswith("start.")}
        owned = self.owners.parts(self.master)
        self.anchored = starts.keys()
        self.start = {name: self._own(name, t).to(self.master) for name, t in starts.items() if name in owned}
        if self.ema is not None:
            self._copy(self.ema, weights, "")
        if self.muon is not None:
            self._copy(self.muon.momentum, state, "momentum.")
        if any(name.startswith(MOMENTS[0]) for name in state):
            begin = 0
            moments = {key: torch.zeros_like(self.master[self.owners.num_muon :]) for key in MOMENTS}
            for key, flat in moments.items():
                self._copy(flat, state, f"{key}.", self.owners.num_muon)
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
        gradients = Gradients(self.compute)
        weights, grads = (self.owners.views(flat) for flat in (self.compute, gradients.latest))
        for name, p in model.named_parameters():
            if name in self.frozen:
                p.data = self._frozen_compute[name]
            else:
                p.data, p.grad = weights[name], grads[name]
        self.all_gradients.append(gradients)
        return gradients

    def _publish(self, owned: Tensor) -> None:
        self.owners.publish(owned, self.compute)

    def _gathered(self, owned: Tensor, begin: int = 0) -> dict[str, Tensor]:
        """Whole parameters, as one process would have them."""
        return self.shards.gathered(self.owners.gathered(owned, begin))

    def _own(self, name: str, tensor: Tensor) -> Tensor:
        """Of a parameter, as one process would have it, what is here and owned."""
        return self.owners.part(name, self.shards.part(name, tensor))

    def _copy(self, flat: Tensor, tensors: dict[str, Tensor], prefix: str, begin: int = 0) -> None:
        for name, view in self.owners.parts(flat, begin).items():
            view.copy_(self._own(name, tensors[prefix + name]))
