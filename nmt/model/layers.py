"""What Transformer layers are made of, and the encoder and decoder layer themselves.

Shapes: B batch, T positions, D d_model, F d_ff.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nmt.model.attention import CrossAttention, SelfAttention
from nmt.model.dropout import dropout, dropout_add
from nmt.recipe import ModelSection

KeysValues = tuple[Tensor, Tensor]


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
        out: Tensor = self.outer(activate(self.inner(x), self.activation))
        return out


def activate(h: Tensor, activation: str) -> Tensor:
    """What stands between the two projections."""
    if activation == "swiglu":
        gate, value = h.chunk(2, -1)
        return F.silu(gate) * value
    return F.relu(h) if activation == "relu" else F.gelu(h)


class Residual(nn.Module):
    """The frame of a sublayer: x + dropout(f(norm(x))), or norm(x + dropout(f(x))) for post-norm."""

    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(section.d_model)
        self.pre = section.norm == "pre"
        self.p = section.dropout

    def before(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, y: Tensor) -> Tensor:
        x = dropout_add(x, y, self.p if self.training else 0.0)
        return x if self.pre else self.norm(x)


class EncoderLayer(nn.Module):
    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        self.self_attention = SelfAttention(section.d_model, section.num_heads, section.attention_dropout)
        self.feed_forward = FeedForward(section)
        self.self_residual = Residual(section)
        self.ff_residual = Residual(section)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """x (B,S,D); bias as `attention` takes it."""
        q, k, v = self.self_attention.project(self.self_residual.before(x))
        x = self.self_residual.after(x, self.self_attention(q, k, v, bias))
        return self.ff_residual.after(x, self.feed_forward(self.ff_residual.before(x)))


class DecoderLayer(nn.Module):
    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        self.self_attention = SelfAttention(section.d_model, section.num_heads, section.attention_dropout)
        self.cross_attention = CrossAttention(section.d_model, section.num_heads, section.attention_dropout)
        self.feed_forward = FeedForward(section)
        self.self_residual = Residual(section)
        self.cross_residual = Residual(section)
        self.ff_residual = Residual(section)

    def forward(
        self, x: Tensor, bias: Tensor, cross: KeysValues, cross_bias: Tensor | None, seen: list[Tensor] | None = None
    ) -> Tensor:
        """x (B,T,D), and the memory's keys and values (B,H,S,K); biases as `attention` takes them. Adds to `seen` what
        it attends to in the memory, (B,T,S).
        """
        q, k, v = self.self_attention.project(self.self_residual.before(x))
        x = self.self_residual.after(x, self.self_attention(q, k, v, bias))
        h = self.cross_residual.before(x)
        if seen is not None:
            seen.append(self.cross_attention.weights(h, cross[0], cross_bias))
        x = self.cross_residual.after(x, self.cross_attention(h, *cross, cross_bias))
        return self.ff_residual.after(x, self.feed_forward(self.ff_residual.before(x)))


class Embedding(nn.Module):
    """Scaled token embeddings plus positions (Vaswani et al. 2017, sections 3.4 and 3.5), then dropout."""

    def __init__(self, section: ModelSection, tokens: nn.Embedding) -> None:
        super().__init__()
        self.tokens = tokens
        self.scale = math.sqrt(section.d_model)
        self.p = section.dropout
        learned = section.positions == "learned"
        self.positions = nn.Embedding(section.max_positions, section.d_model) if learned else None
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=section.d_model**-0.5)
        self.sinusoids: Tensor
        self.register_buffer("sinusoids", torch.empty(0, section.d_model), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B,T), at positions from 0 on, to (B,T,D)."""
        x = self.tokens(ids) * self.scale + self.table(ids.size(1))
        return dropout(x, self.p) if self.training else x

    def at(self, ids: Tensor, position: int) -> Tensor:
        """ids (N), all at this position, to (N,D), without dropout."""
        return torch.add(self.table(position + 1)[position], self.tokens(ids), alpha=self.scale)

    def table(self, length: int) -> Tensor:
        """The first `length` positions, (length, D). Raises ValueError beyond the learned ones."""
        if self.positions is not None:
            if length > self.positions.num_embeddings:
                raise ValueError(
                    f"{length} tokens, but the model has learned {self.positions.num_embeddings} positions"
                )
            return self.positions.weight[:length]
        known = self.sinusoids  # another thread may put others there meanwhile
        if known.size(0) < length or known.dtype != self.tokens.weight.dtype:
            size = max(256, 1 << (length - 1).bit_length())
            known = self.sinusoids = sinusoids(size, self.tokens.embedding_dim).to(self.tokens.weight)
        return known[:length]


def sinusoids(length: int, d_model: int) -> Tensor:
    """Sine at even and cosine at odd dimensions (Vaswani et al. 2017, section 3.5), (length, d_model)."""
    position = torch.arange(length, dtype=torch.float64)[:, None]
    rate = torch.exp(torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10000.0) / d_model))
    return torch.stack([(position * rate).sin(), (position * rate).cos()], -1).flatten(1).float()
