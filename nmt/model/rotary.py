"""Rotary positions (Su et al. 2021, RoFormer, section 3.2): queries and keys are turned by angles that grow with their
position, so that attention sees how far apart two tokens are, not where they stand.

Shapes: T positions, K head width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BASE = 10000.0  # of the slowest angle; as in the paper, and in sinusoids


class Rotary:
    """The angles of a head of `width` K. Dimension i < K/2 is turned together with dimension i + K/2, which is how
    CTranslate2 does it where `rotary_interleave` is off.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._known = torch.empty(2, 0, width)

    def first(self, length: int, like: Tensor) -> Tensor:
        """Cosines and sines, as `turn` takes them, of the first T = `length` positions, (2,T,K), in the
        type of `like`.
        """
        known = self._known  # another thread may put others there meanwhile
        if known.size(1) < length or known.dtype != like.dtype or known.device != like.device:
            with torch.inference_mode(False):  # else training could not keep it for the way back
                known = self._known = _table(max(256, 1 << (length - 1).bit_length()), self.width).to(
                    like.device, like.dtype
                )
        return known[:, :length]

    def at(self, positions: int | Tensor, like: Tensor) -> Tensor:
        """Those of one position, (2,K), or of many, (…): (2,…,K)."""
        last = positions if isinstance(positions, int) else int(positions.max())
        return self.first(last + 1, like)[:, positions]


def _table(length: int, width: int) -> Tensor:
    rate = BASE ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * rate
    sine = angle.sin()
    return torch.stack([torch.cat([angle.cos(), angle.cos()], 1), torch.cat([-sine, sine], 1)]).float()


class _Turn(torch.autograd.Function):
    """Its gradient is the turn back, which keeps nothing of the input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turned(x, cosine, sine)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return _turned(grad, cosine, -sine), None, None


def turn(x: Tensor, angles: Tensor) -> Tensor:
    """x (…,K) turned by the angles (2,…,K) that broadcast to it."""
    turned: Tensor = _Turn.apply(x, angles[0], angles[1])  # type: ignore[no-untyped-call]
    return turned


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    return torch.addcmul(x * cosine, x.roll(x.size(-1) // 2, -1), sine)
