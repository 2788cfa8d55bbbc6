"""Token embeddings and positions, where these are not rotary alone.

Shapes: B sentences, T positions, N tokens, D d_model.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nmt.model.dropout import dropout
from nmt.recipe import ModelSection

PADDING = 0  # the id of what is no token; the model knows no tokenizer


class Embedding(nn.Module):
    """Scaled token embeddings plus positions (Vaswani et al. 2017, sections 3.4 and 3.5), then dropout."""

    def __init__(self, section: ModelSection, tokens: nn.Embedding) -> None:
        super().__init__()
        self.tokens = tokens
        self.scale = math.sqrt(section.d_model)
        self.p = section.dropout
        learned = section.positions == "learned"
        self.positions = nn.Embedding(section.max_positions, section.d_model) if learned else None
        self.absolute = section.first_rotary != 0  # otherwise attention alone knows the positions
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=section.d_model**-0.5)
        self.sinusoids: Tensor
        self.register_buffer("sinusoids", torch.empty(0, section.d_model), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B,T), at positions from 0 on, to (B,T,D)."""
        x = self.tokens(ids) * self.scale
        x = x + self.table(ids.size(1)) if self.absolute else x
        return dropout(x, self.p) if self.training else x

    def placed(self, ids: Tensor, positions: Tensor) -> Tensor:
        """ids (B,T) at positions (B,T) below T, to (B,T,D)."""
        x = self.tokens(ids) * self.scale
        x = x + self.table(ids.size(1))[positions] if self.absolute else x
        return dropout(x, self.p) if self.training else x

    def at(self, ids: Tensor, position: int | Tensor) -> Tensor:
        """ids (N), all at this position, or each at its own (N), to (N,D), without dropout."""
        if not self.absolute:
            scaled: Tensor = self.tokens(ids) * self.scale
            return scaled
        last = position if isinstance(position, int) else int(position.max())
        return torch.add(self.table(last + 1)[position], self.tokens(ids), alpha=self.scale)

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
