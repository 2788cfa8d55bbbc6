"""The decoder: a stack of layers, each self-attention, cross-attention and a feed-forward block (Vaswani et al. 2017,
section 3.1). Here all target positions at once, for training; `incremental.py` decodes token by token.

Shapes: B sentences, S source, T target positions, D d_model, H heads, K head width, L layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from nmt.model.attention import Bias, CrossAttention, SelfAttention, causal_bias
from nmt.model.residual import Residual
from nmt.model.slots import fill
from nmt.recipe import ModelSection

KeysValues = tuple[Tensor, Tensor]  # of the memory, each (B,H,S,K)


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention and feed-forward block, each in its residual frame; `number` is its place in the
    stack, from 0.
    """

    def __init__(self, section: ModelSection, number: int) -> None:
        super().__init__()
        self.d_model = section.d_model
        self.self_attention = SelfAttention(section, number)
        self.cross_attention = CrossAttention(section)
        self.feed_forward = fill(section, "decoder", number)
        self.self_residual = Residual(section)
        self.cross_residual = Residual(section)
        self.ff_residual = Residual(section)

    def forward(
        self, x: Tensor, bias: Bias, cross: KeysValues, cross_bias: Tensor | None, real: Tensor | None
    ) -> Tensor:
        """x (B,T,D) to (B,T,D); biases as `attention` takes them, real (B,T) as the slot does."""
        return self._after_self_attention(self._self_attention(x, bias), cross, cross_bias, real)

    def with_attention(
        self, x: Tensor, bias: Bias, cross: KeysValues, cross_bias: Tensor | None, real: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and what it attends to in the memory: the mean over heads, (B,T,S)."""
        x = self._self_attention(x, bias)
        weights = self.cross_attention.weights(self.cross_residual.before(x), cross[0], cross_bias)
        return self._after_self_attention(x, cross, cross_bias, real), weights

    def _self_attention(self, x: Tensor, bias: Bias) -> Tensor:
        q, k, v = self.self_attention.project(self.self_residual.before(x))
        return self.self_residual.after(x, self.self_attention(q, k, v, bias))

    def _after_self_attention(
        self, x: Tensor, cross: KeysValues, cross_bias: Tensor | None, real: Tensor | None
    ) -> Tensor:
        x = self.cross_residual.after(x, self.cross_attention(self.cross_residual.before(x), *cross, cross_bias))
        return self.ff_residual.after(x, self.feed_forward(self.ff_residual.before(x), real))

    def kept_per_token(self) -> int:
        """How many numbers the backward pass needs of each position, about: 17 rows of d_model, the weights of both
        attentions (in sentences about as many as two rows more), and the feed-forward block's.
        """
        return 19 * self.d_model + self.feed_forward.kept_per_token()


class Decoder(nn.ModuleList):
    """DecoderLayers in order. Embeddings, which may be tied to others, and the last norm are the Transformer's."""

    def __iter__(self) -> Iterator[DecoderLayer]:
        return cast("Iterator[DecoderLayer]", super().__iter__())

    def forward(self, x: Tensor, memory: Tensor, cross_bias: Tensor | None, real: Tensor) -> Tensor:
        """Embedded target x (B,T,D), each position of which sees itself and all before it, to (B,T,D); memory (B,S,D)
        with its bias (B,1,1,S) as visibility_bias makes it; real (B,T) is true where there is no padding.
        """
        bias = causal_bias(x)
        for layer, cross in zip(self, self._project(memory), strict=True):
            x = layer(x, bias, cross, cross_bias, real)
        return x

    def with_attention(
        self, x: Tensor, memory: Tensor, cross_bias: Tensor | None, real: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and what each layer attends to in the memory, (L,B,T,S)."""
        bias = causal_bias(x)
        seen = []
        for layer, cross in zip(self, self._project(memory), strict=True):
            x, weights = layer.with_attention(x, bias, cross, cross_bias, real)
            seen.append(weights)
        return x, torch.stack(seen)

    def _project(self, memory: Tensor) -> list[KeysValues]:
        return [layer.cross_attention.project_kv(memory) for layer in self]
