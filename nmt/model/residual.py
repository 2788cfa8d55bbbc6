"""The residual connection around each sublayer of a layer.

Shapes: D d_model; `…` is any number of dimensions before it.
"""

from __future__ import annotations

from torch import Tensor, nn

from nmt.model.dropout import dropout_add
from nmt.recipe import ModelSection


class Residual(nn.Module):
    """The frame of a sublayer f: x + dropout(f(norm(x))), or norm(x + dropout(f(x))) for post-norm."""

    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(section.d_model)
        self.pre = section.norm == "pre"
        self.p = section.dropout

    def before(self, x: Tensor) -> Tensor:
        """What the sublayer gets, of x (…,D)."""
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, y: Tensor) -> Tensor:
        """The sublayer's result y (…,D) joined with x (…,D)."""
        x = dropout_add(x, y, self.p if self.training else 0.0)
        return x if self.pre else self.norm(x)
