"""The feed-forward block of a layer.

Shapes: D d_model, F d_ff; `…` is any number of dimensions before them.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from nmt.recipe import ModelSection


class FeedForward(nn.Module):
    """Two projections around ReLU (Vaswani et al. 2017), GELU, or SwiGLU (Shazeer 2020), whose first is doubled."""

    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        self.activation = section.activation
        gated = section.activation == "swiglu"
        self.inner = nn.Linear(section.d_model, section.d_ff * (2 if gated else 1))
        self.outer = nn.Linear(section.d_ff, section.d_model)
        for linear in (self.inner, self.outer):
            nn.init.xavier_uniform_(linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """x (…,D) to (…,D)."""
        out: Tensor = self.outer(activate(self.inner(x), self.activation))
        return out


def activate(h: Tensor, activation: str) -> Tensor:
    """What stands between the two projections, (…,F) to (…,F); for SwiGLU (…,2F) to (…,F)."""
    if activation == "swiglu":
        gate, value = h.chunk(2, -1)
        return F.silu(gate) * value
    return F.relu(h) if activation == "relu" else F.gelu(h)
