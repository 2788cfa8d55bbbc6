"""AdamW (Loshchilov and Hutter 2019) on slices of the flat weights, by torch's own kernels.

The arithmetic is that of torch.optim.AdamW, to the bit. That class, when it is first used, imports torch._dynamo, which
takes longer than all the rest of a start.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim.adamw import adamw

MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class Group:
    """A slice of the weights that is treated alike, (N,), and its gradient."""

    weights: Tensor
    grad: Tensor
    decay: float
    state: dict[str, Tensor] = field(default_factory=dict)  # MOMENTS (N,) and `step` (); empty before the first update


class AdamW:
    """The moments of each group, and the updates."""

    def __init__(self, groups: list[Group], betas: tuple[float, float], eps: float) -> None:
        self.groups, self.betas, self.eps = groups, betas, eps

    @torch.no_grad()
    def step(self, rate: float, wanted: Tensor) -> None:
        """Change the weights by what the gradients hold now; where `wanted`, (), is False nothing is changed."""
        unwanted = wanted.logical_not().float()
        fused = _is_fused(wanted)
        if not fused and not wanted:  # other kernels cannot tell; this waits for the device
            return
        for group in self.groups:
            weights, state = group.weights, group.state
            if not state:
                self.restore(group, {key: torch.zeros_like(weights) for key in MOMENTS}, 0)
            adamw(
                [weights], [group.grad], [state["exp_avg"]], [state["exp_avg_sq"]], [], [state["step"]],
                fused=fused, found_inf=unwanted if fused else None, amsgrad=False, beta1=self.betas[0],
                beta2=self.betas[1], lr=rate, weight_decay=group.decay, eps=self.eps, maximize=False,
            )  # fmt: skip

    def moment(self, key: str) -> Tensor | None:
        """Of all groups, one behind the other; None before the first update."""
        parts = [group.state[key] for group in self.groups if group.state]
        return torch.cat(parts) if parts else None

    @staticmethod
    def restore(group: Group, moments: dict[str, Tensor], step: int) -> None:
        # The number of updates lies where the kernel wants it.
        device = group.weights.device if _is_fused(group.weights) else "cpu"
        group.state.update(moments, step=torch.tensor(float(step), dtype=torch.float32, device=device))


def _is_fused(weights: Tensor) -> bool:
    return weights.device.type in ("cpu", "cuda", "meta")
