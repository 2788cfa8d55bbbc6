"""All weights in one flat buffer: one kernel clips, updates, averages; one all-reduce shares gradients.

The model computes with `compute` (fp32 or bf16), of which its parameters are views; AdamW updates `master` (always
fp32; the same buffer where the model computes in fp32). Gradients of a micro-batch arrive in views of `grad_compute`
and are summed in fp32 in `grad`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nmt.recipe import TrainSection


class FlatWeights:
    """Owns the model's parameters from now on, their gradients, the optimizer and the moving average."""

    def __init__(self, model: nn.Module, section: TrainSection, dtype: torch.dtype) -> None:
        self.section = section
        # Decayed weights first, so that each group is one slice. Biases and norms are not decayed.
        named = sorted(model.named_parameters(), key=lambda item: item[1].dim() < 2)
        device = named[0][1].device
        self.shapes = {name: p.shape for name, p in named}
        self.master = torch.cat([p.detach().float().flatten() for _, p in named])
        self.compute = self.master if dtype == torch.float32 else self.master.to(dtype)
        self.grad = torch.zeros_like(self.master)
        self.grad_compute = self.grad if dtype == torch.float32 else torch.zeros_like(self.compute)
        self.ema = self.master.clone() if section.ema_decay else None
        for (_, p), view, grad in zip(named, self._split(self.compute), self._split(self.grad_compute), strict=True):
            p.data = view
            p.grad = grad
        decayed = sum(p.numel() for _, p in named if p.dim() >= 2)
        groups = []
        for part, decay in ((slice(0, decayed), section.weight_decay), (slice(decayed, None), 0.0)):
            weights = self.master[part]
            weights.grad = self.grad[part]
            groups.append({"params": [weights], "weight_decay": decay})
        self.optimizer = torch.optim.AdamW(
            groups, lr=0.0, betas=section.adam_betas, eps=section.adam_eps, fused=device.type in ("cpu", "cuda")
        )

    def add_micro_batch(self) -> None:
        """Take a micro-batch's gradients into the sum; after each backward pass."""
        if self.grad_compute is not self.grad:
            self.grad.add_(self.grad_compute)
            self.grad_compute.zero_()

    def update(self, rate: float, num_tokens: int, step: int) -> tuple[float, bool]:
        """One AdamW update by the mean gradient a token; gives its norm, and whether that was finite and so used."""
        self.grad.mul_(1 / max(1, num_tokens))
        norm = float(torch.linalg.vector_norm(self.grad))
        finite = norm < float("inf")
        if finite:
            if self.section.clip_norm and norm > self.section.clip_norm:
                self.grad.mul_(self.section.clip_norm / norm)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
            if self.ema is not None:
                # Early on the average is of few steps, or it would remember the random start.
                self.ema.lerp_(self.master, 1 - min(self.section.ema_decay, (1 + step) / (10 + step)))
            self._publish(self.master)
        self.grad.zero_()
        return norm, finite

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the model computes with the moving average instead of the last weights."""
        if self.ema is None:
            yield
            return
        kept = self.compute.clone()
        self.compute.copy_(self.ema)
        try:
            yield
        finally:
            self.compute.copy_(kept)

    def named(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of a flat buffer by parameter name."""
        return dict(zip(self.shapes, self._split(flat), strict=True))

    def state(self) -> dict[str, Tensor]:
        """Everything to be saved besides the weights used to translate: master weights and AdamW's moments."""
        out = {f"master.{k}": v for k, v in self.named(self.master).items()}
        for key in ("exp_avg", "exp_avg_sq"):
            parts = [self.optimizer.state[g["params"][0]].get(key) for g in self.optimizer.param_groups]
            if all(p is not None for p in parts):
                out |= {f"{key}.{k}": v for k, v in self.named(torch.cat(parts)).items()}
        return out

    def load(self, weights: dict[str, Tensor], state: dict[str, Tensor] | None, step: int) -> None:
        """Restore what `state` and the averaged weights held; without a state, begin anew from the weights alone."""
        self._copy(self.master, weights if state is None else state, "" if state is None else "master.")
        if self.ema is not None:
            self._copy(self.ema, weights, "")
        if state is not None and f"exp_avg.{next(iter(self.shapes))}" in state:
            begin = 0
            moments = {key: torch.empty_like(self.master) for key in ("exp_avg", "exp_avg_sq")}
            for key, flat in moments.items():
                self._copy(flat, state, f"{key}.")
            for group in self.optimizer.param_groups:
                weights_slice = group["params"][0]
                end = begin + weights_slice.numel()
                entry = {key: flat[begin:end].clone() for key, flat in moments.items()}
                self.optimizer.state[weights_slice] = {"step": torch.tensor(float(step)), **entry}
                begin = end
        self._publish(self.master)

    def _publish(self, flat: Tensor) -> None:
        if self.compute is not self.master:
            self.compute.copy_(flat)

    def _copy(self, flat: Tensor, tensors: dict[str, Tensor], prefix: str) -> None:
        for name, view in self.named(flat).items():
            view.copy_(tensors[prefix + name])

    def _split(self, flat: Tensor) -> list[Tensor]:
        parts = torch.split(flat, [shape.numel() for shape in self.shapes.values()])
        return [part.view(shape) for part, shape in zip(parts, self.shapes.values(), strict=True)]
