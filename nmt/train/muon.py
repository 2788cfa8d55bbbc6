"""Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon): momentum, orthogonalised.

Shapes: N matrices of R rows and C columns.

A gradient of a weight matrix has a few large singular values, so that plain steps move it along a few directions only;
Muon makes all directions equally large. It is for the matrices of layers; embeddings, norms and biases keep AdamW.
"""

from __future__ import annotations

import torch
from torch import Tensor

MOMENTUM = 0.95
# Of a quintic whose iteration drives singular values of (0, 1] towards 1, fast rather than exactly: five steps take all
# from 0.0015 up to 0.68-1.20, and multiply smaller ones by up to 485.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonalize(x: Tensor) -> Tensor:
    """About U Vᵀ for each matrix x = U S Vᵀ of (N,R,C), by Newton-Schulz iteration: products only.

    Directions whose singular value is below 0.0015 of the matrix's Frobenius norm stay smaller than the others.
    """
    a, b, c = COEFFICIENTS
    tall = x.size(1) > x.size(2)
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon:
    """For matrices that lie one after another, in groups of equal shape, in a flat buffer.

    `weights` and `grad` are flat and of one length; `shapes` are (N,R,C) of the groups, in order. Products are done in
    `dtype`. An update is as large as AdamW's (Liu et al. 2025, section 2.2), so that one learning rate and one weight
    decay serve both.
    """

    def __init__(
        self, weights: Tensor, grad: Tensor, shapes: list[tuple[int, int, int]], decay: float, dtype: torch.dtype
    ) -> None:
        self.weights, self.grad, self.shapes, self.decay, self.dtype = weights, grad, shapes, decay, dtype
        self.momentum = torch.zeros_like(weights)

    def step(self, rate: float, wanted: Tensor) -> None:
        """Change the weights by what `grad`, which may be overwritten, holds now; where `wanted`, (), is False nothing
        is changed, whatever it holds.
        """
        torch.where(wanted, self.grad, self.momentum, out=self.grad)
        self.momentum.lerp_(self.grad, 1 - MOMENTUM)
        direction = self.grad.lerp(self.momentum, MOMENTUM).to(self.dtype).mul_(wanted)  # Nesterov's
        self.weights.mul_(torch.where(wanted, 1 - rate * self.decay, 1.0))
        begin = 0
        for number, rows, columns in self.shapes:
            part = slice(begin, begin + number * rows * columns)
            update = orthogonalize(direction[part].view(number, rows, columns)).float()
            self.weights[part].view(update.shape).add_(update, alpha=-rate * 0.2 * max(rows, columns) ** 0.5)
            begin = part.stop
