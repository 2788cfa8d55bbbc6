"""Label-smoothed cross-entropy (Szegedy et al. 2016, section 7) fused with the output projection; and for two passes
over the same targets, what they differ by, too (R-Drop, Liang et al. 2021; SimCut, Gao et al. 2022).

The logits of a batch are its largest tensor by far. Here they exist only a few hundred rows at a time: each chunk's
loss and gradients are worked out together, so nothing is kept for the backward pass and nothing is computed twice.

Shapes: P passes, M positions, m positions of a chunk, D d_model, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nmt.tokenizer import PAD_ID

CHUNK_ELEMENTS = 1 << 21  # logits at a time: 8 MB in fp32, which stay in a CPU's cache
CHUNK_ELEMENTS_PAIR = 1 << 20  # of both passes, whose loss looks at each of them more often
CHUNK_ELEMENTS_GPU = 1 << 28
# For one product that gives the weight's gradient. In bf16 each is rounded, then added in fp32, a pass over all of the
# weight: with many pieces a chunk has few rows, and that pass took longer than its product.
PRODUCT_ROWS = 512

# Of log-probabilities (P,m,V), which it may overwrite, and the right pieces (m,): sums of the loss and of what else is
# reported, (K,); and, if it is wanted, the loss's gradient by the logits, (P,m,V)
Rule = Callable[[Tensor, Tensor, bool], tuple[Tensor, Tensor | None]]


def smoothed_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, smoothing: float, num_real: int | None = None
) -> tuple[Tensor, Tensor]:
    """Sums over the real positions, in nats: the smoothed loss (differentiable) and the plain -log p(target).

    hidden (…,D), weight (V,D), bias (V,), target (…) with PAD_ID where there is nothing to learn. The smoothed target
    is 1 - ε on the right piece plus ε / V on every piece. `num_real`: how many positions are real; None: they are
    counted, for which the host waits for the device.
    """

    def rule(log_probs: Tensor, right: Tensor, wanted: bool) -> tuple[Tensor, Tensor | None]:
        index, vocab = right[None, :, None], log_probs.size(-1)
        of_right = log_probs.gather(-1, index)
        plain = -of_right.sum()
        sums = torch.stack([(1 - smoothing) * plain - smoothing * log_probs.sum() / vocab, plain])
        if not wanted:
            return sums, None
        # d loss / d logits = p - smoothed target
        grad = log_probs.exp_().sub_(smoothing / vocab)
        return sums, grad.scatter_add_(-1, index, torch.full_like(of_right, smoothing - 1))

    hidden = hidden.flatten(0, -2)[None]
    loss, reported = _projected(hidden, weight, bias, target, rule, CHUNK_ELEMENTS, num_real)
    return loss, reported[0]


@dataclass(frozen=True)
class Mixture:
    """What the loss of two passes is made of: the cross-entropy of each, and KL(first ‖ second) and KL(second ‖ first),
    which count `weight` times.
    """

    cross_entropy: tuple[float, float]
    divergence: tuple[float, float]
    weight: float


def pair_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    target: Tensor,
    smoothing: float,
    mixture: Mixture,
    num_real: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Of two passes over the same targets, sums over the real positions, in nats: the loss (differentiable), the plain
    -log p(target), mixed as the cross-entropies are, and the divergence without its weight.

    hidden (2,…,D), the rest as in smoothed_loss. With p and q the two predictions, l = log p - log q, a and b the
    weights of KL(p‖q) and KL(q‖p), and c that of the first cross-entropy, y being the smoothed target:
    d loss / d first logits = c (p - y) + a p (l - KL(p‖q)) + b (p - q); for the second pass with p and q, a and b
    exchanged.
    """
    (c, d), (a, b) = mixture.cross_entropy, (mixture.weight * part for part in mixture.divergence)

    def rule(log_probs: Tensor, right: Tensor, wanted: bool) -> tuple[Tensor, Tensor | None]:
        index, vocab = right[None, :, None].expand(2, -1, 1), log_probs.size(-1)
        of_right = log_probs.gather(-1, index)
        p, q = log_probs.exp()
        gap = log_probs[0] - log_probs[1]
        kl_p, kl_q = (p * gap).sum(-1, keepdim=True), -(q * gap).sum(-1, keepdim=True)
        cross = log_probs.new_tensor([c, d])
        plain = -(cross * of_right.sum((1, 2))).sum()
        even = -(cross * log_probs.sum((1, 2))).sum() / vocab
        divergence = mixture.divergence[0] * kl_p.sum() + mixture.divergence[1] * kl_q.sum()
        loss = (1 - smoothing) * plain + smoothing * even + mixture.weight * divergence
        sums = torch.stack([loss, plain, divergence])
        if not wanted:
            return sums, None
        grad = log_probs  # which nothing needs any more
        first = torch.mul(gap, a, out=grad[0]).add_(c + b - a * kl_p).mul_(p)
        first.sub_(q, alpha=b).sub_(c * smoothing / vocab)
        second = torch.mul(gap, -b, out=grad[1]).add_(d + a - b * kl_q).mul_(q)
        second.sub_(p, alpha=a).sub_(d * smoothing / vocab)
        steps = (cross * (smoothing - 1))[:, None, None].expand_as(of_right)
        return sums, grad.scatter_add_(-1, index, steps)

    loss, reported = _projected(hidden.flatten(1, -2), weight, bias, target, rule, CHUNK_ELEMENTS_PAIR, num_real)
    return loss, reported[0], reported[1]


def _projected(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, rule: Rule, elements: int, num_real: int | None
) -> tuple[Tensor, Tensor]:
    """The rule's loss, (), and what else it reports, (K-1,), of hidden (P,M,D) where target (…), M in all, is real."""
    target = target.flatten()
    if num_real is None:
        num_real = int((target != PAD_ID).sum())
    if num_real < len(target):
        real = (target == PAD_ID).byte().argsort(stable=True)[:num_real]  # in order, and not waited for
        hidden, target = hidden[:, real], target[real]
    elements = elements if hidden.device.type == "cpu" else CHUNK_ELEMENTS_GPU
    rows = max(1, elements // (weight.size(0) * len(hidden)))
    loss, reported = _ProjectedLoss.apply(hidden, weight, bias, target, rule, rows)  # type: ignore[no-untyped-call]
    return loss, reported


class _ProjectedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, rule: Rule, rows: int
    ) -> tuple[Tensor, Tensor]:
        passes, number, width = hidden.shape
        full = torch.promote_types(hidden.dtype, torch.float32)
        # What is frozen needs none.
        needed = ctx.needs_input_grad
        grad_hidden = torch.empty_like(hidden) if needed[0] else None
        grad_weight, grad_bias = (
            torch.zeros_like(p, dtype=full) if need else None for p, need in ((weight, needed[1]), (bias, needed[2]))
        )
        exact, found = hidden.dtype == full, []
        many = rows if exact else max(1, PRODUCT_ROWS // (passes * rows)) * rows
        for start in range(0, max(1, number), many):
            part = hidden[:, start : start + many]
            low = part.new_empty(*part.shape[:2], weight.size(0)) if any(needed) and not exact else None
            for begin in range(0, max(1, part.size(1)), rows):
                chunk, place = slice(begin, begin + rows), slice(start + begin, start + begin + rows)
                h = part[:, chunk].flatten(0, 1)  # (P·m,D)
                log_probs = torch.log_softmax(torch.addmm(bias, h, weight.t()), -1, dtype=full)
                sums, grad = rule(log_probs.view(passes, -1, weight.size(0)), target[place], any(needed))
                found.append(sums)
                if grad is None:
                    continue
                grad = grad.flatten(0, 1)
                if grad_bias is not None:
                    grad_bias += grad.sum(0)
                if low is not None:
                    low[:, chunk] = grad.view(passes, -1, weight.size(0))
                    grad = low[:, chunk].flatten(0, 1)
                if grad_hidden is not None:
                    grad_hidden[:, place] = torch.mm(grad, weight).view(passes, -1, width)
                if grad_weight is not None and low is None:
                    grad_weight.addmm_(grad.t(), h)
            if grad_weight is not None and low is not None:
                grad_weight.add_(low.flatten(0, 1).t() @ part.flatten(0, 1))
        if any(needed):
            ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
            ctx.dtype = weight.dtype
        loss, *reported = torch.stack(found).sum(0)
        others = torch.stack(reported)
        ctx.mark_non_differentiable(others)
        return loss, others

    @staticmethod
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        # Out of place: the saved tensors must survive a second backward pass.
        gradients = [None if g is None else (g * upstream).to(ctx.dtype) for g in ctx.saved_tensors]
        return *gradients, None, None, None
