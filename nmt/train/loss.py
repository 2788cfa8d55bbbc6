"""Label-smoothed cross-entropy (Szegedy et al. 2016, section 7) fused with the output projection.

The logits of a batch are its largest tensor by far. Here they exist only a few hundred rows at a time: each chunk's
loss and gradients are worked out together, so nothing is kept for the backward pass and nothing is computed twice.

Shapes: M positions, D d_model, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nmt.tokenizer import PAD_ID

CHUNK_ELEMENTS = 1 << 21  # logits at a time: 8 MB in fp32, which stays in a CPU's cache
CHUNK_ELEMENTS_GPU = 1 << 28
# For one product that gives the weight's gradient. In bf16 each is rounded, then added in fp32, a pass over all of the
# weight: with many pieces a chunk has few rows, and that pass took longer than its product.
PRODUCT_ROWS = 512


def smoothed_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Sums over the real positions, in nats: the smoothed loss (differentiable) and the plain -log p(target).

    hidden (…,D), weight (V,D), bias (V,), target (…) with PAD_ID where there is nothing to learn. The smoothed target
    is 1 - ε on the right piece plus ε / V on every piece.
    """
    real = (target != PAD_ID).flatten().nonzero()[:, 0]
    rows = hidden.flatten(0, -2)
    if len(real) < len(rows):
        rows, target = rows[real], target.flatten()[real]
    smoothed, plain = _ProjectedLoss.apply(rows, weight, bias, target.flatten(), smoothing)  # type: ignore[no-untyped-call]
    return smoothed, plain


class _ProjectedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        vocab = weight.size(0)

        def zeros(like: Tensor) -> Tensor:
            return torch.zeros(like.shape, dtype=torch.float32, device=like.device)

        # What is frozen needs none.
        needed = ctx.needs_input_grad
        grad_hidden = torch.empty_like(hidden) if needed[0] else None
        grad_weight, grad_bias = (zeros(p) if need else None for p, need in ((weight, needed[1]), (bias, needed[2])))
        smoothed = torch.zeros((), dtype=torch.float32, device=hidden.device)
        plain = torch.zeros((), dtype=torch.float32, device=hidden.device)
        elements = CHUNK_ELEMENTS if hidden.device.type == "cpu" else CHUNK_ELEMENTS_GPU
        size = max(1, elements // vocab)
        exact = hidden.dtype == torch.float32
        many = size if exact else max(1, PRODUCT_ROWS // size) * size
        for rows, targets, outs in _chunks(hidden, target, grad_hidden, many):
            low = rows.new_empty(len(rows), vocab) if any(needed) and not exact else None
            for i, (h, t, out) in enumerate(_chunks(rows, targets, outs, size)):
                logits = torch.addmm(bias, h, weight.t())  # (m,V)
                log_probs = torch.log_softmax(logits, -1, dtype=torch.float32)
                right = log_probs.gather(1, t[:, None])
                plain -= right.sum()
                smoothed -= (1 - smoothing) * right.sum() + smoothing * log_probs.sum() / vocab
                if not any(needed):
                    continue
                # d loss / d logits = p - smoothed target
                grad = log_probs.exp_().sub_(smoothing / vocab)
                grad.scatter_add_(1, t[:, None], torch.full_like(right, smoothing - 1))
                if grad_bias is not None:
                    grad_bias += grad.sum(0)
                if low is not None:
                    grad = low[i * size :][: len(h)].copy_(grad)
                if out is not None:
                    torch.mm(grad, weight, out=out)
            if grad_weight is not None:
                grad_weight.addmm_(grad.t(), rows) if low is None else grad_weight.add_(low.t() @ rows)
        if any(needed):
            ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
            ctx.dtype = weight.dtype
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        # Out of place: the saved tensors must survive a second backward pass.
        gradients = [None if g is None else (g * upstream).to(ctx.dtype) for g in ctx.saved_tensors]
        return *gradients, None, None


def _chunks(
    hidden: Tensor, target: Tensor, grad: Tensor | None, size: int
) -> list[tuple[Tensor, Tensor, Tensor | None]]:
    grads = [None] * -(-len(hidden) // size) if grad is None else list(torch.split(grad, size))
    return list(zip(torch.split(hidden, size), torch.split(target, size), grads, strict=True)) if len(hidden) else []
