"""Many linear maps at once, each for rows of its own: one product a map, and nothing else that is done for each.

Shapes: E maps, I inputs, O outputs; P rows, those of a map behind those of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


def grouped_linear(rows: Tensor, sizes: list[int], weight: Tensor, bias: Tensor) -> Tensor:
    """rows (P,I), of which the first sizes[0] are for the first map, and so on; weight (E·O,I) and bias (E·O,) hold the
    maps one below another. Gives (P,O).
    """
    out: Tensor = _Grouped.apply(rows, weight, bias, sizes)  # type: ignore[no-untyped-call]
    return out


class _Grouped(torch.autograd.Function):
    """By hand, so that results and gradients are written where they belong, and not once more to put them there."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, sizes: list[int]) -> Tensor:
        ctx.save_for_backward(rows, weight)
        ctx.sizes = sizes
        height = len(weight) // len(sizes)
        out = rows.new_empty(len(rows), height)
        for of, part in _parts(sizes, height):
            torch.addmm(bias[part], rows[of], weight[part].t(), out=out[of])
        return out

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        height = len(weight) // len(ctx.sizes)
        grad_rows, grad_weight, grad_bias = (
            torch.empty_like(rows),
            torch.zeros_like(weight),
            weight.new_zeros(len(weight)),
        )
        for of, part in _parts(ctx.sizes, height):
            torch.mm(upstream[of], weight[part], out=grad_rows[of])
            torch.mm(upstream[of].t(), rows[of], out=grad_weight[part])
            torch.sum(upstream[of], 0, out=grad_bias[part])
        return grad_rows, grad_weight, grad_bias, None


def _parts(sizes: list[int], height: int) -> Iterator[tuple[slice, slice]]:
    """Of each map its rows, none perhaps, and its place in what holds all maps."""
    begin = 0
    for i, size in enumerate(sizes):
        yield slice(begin, begin + size), slice(i * height, (i + 1) * height)
        begin += size
