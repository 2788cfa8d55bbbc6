"""The encoder: a stack of layers, each self-attention and a feed-forward block (Vaswani et al. 2017, section 3.1).

Shapes: B sentences, S source positions, D d_model, H heads, K head width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

from torch import Tensor, nn

from nmt.model.attention import SelfAttention
from nmt.model.residual import Residual
from nmt.model.slots import fill
from nmt.recipe import ModelSection


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward block, each in its residual frame. `number` is its place in the stack, from 0."""

    def __init__(self, section: ModelSection, number: int, stack: Literal["encoder", "decoder"] = "encoder") -> None:
        super().__init__()
        self.d_model = section.d_model
        self.self_attention = SelfAttention(section, number)
        self.feed_forward = fill(section, stack, number)
        self.self_residual = Residual(section)
        self.ff_residual = Residual(section)

    def forward(self, x: Tensor, bias: Tensor | None, real: Tensor | None) -> Tensor:
        """x (B,S,D) to (B,S,D); bias as `attention` takes it, real (B,S) as the slot does."""
        return self.attended(x, *self.project(x), bias, real)

    def project(self, x: Tensor, positions: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """x (B,S,D), at positions (B,S), None: from 0 on, to the queries, keys and values that `attended` takes, each
        (B,H,S,K).
        """
        return self.self_attention.project(self.self_residual.before(x), positions)

    def attended(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, real: Tensor | None) -> Tensor:
        """What the layer makes of x (B,S,D) and of what `project` gave of it."""
        x = self.self_residual.after(x, self.self_attention(q, k, v, bias))
        return self.ff_residual.after(x, self.feed_forward(self.ff_residual.before(x), real))

    def kept_per_token(self) -> int:
        """How many numbers the backward pass needs of each position, about: ten rows of d_model, attention weights (in
        sentences about as many as two rows more), and the feed-forward block's.
        """
        return 12 * self.d_model + self.feed_forward.kept_per_token()


class Encoder(nn.ModuleList):
    """EncoderLayers in order. Embeddings, which may be tied to others, and the last norm are the Transformer's."""

    def __iter__(self) -> Iterator[EncoderLayer]:
        return cast("Iterator[EncoderLayer]", super().__iter__())

    def forward(self, x: Tensor, bias: Tensor | None, real: Tensor | None) -> Tensor:
        """Embedded source x (B,S,D) to (B,S,D); real (B,S) is true where there is no padding, None: everywhere; bias
        (B,1,1,S) is what visibility_bias makes of it.
        """
        for layer in self:
            x = layer(x, bias, real)
        return x
