"""Dropout (Srivastava et al. 2014), with masks that are cheap on a CPU and drawn by each thread for itself."""

from __future__ import annotations

import threading

import torch
from torch import Tensor
from torch.nn import functional as F


class _Own(threading.local):
    generator: torch.Generator | None = None  # None: torch's own, which all threads share


_own = _Own()


def seed_dropout(seed: int, device: torch.device) -> None:
    """What this thread's masks on the CPU follow from; on another device, those of all threads."""
    if device.type != "cpu":
        torch.manual_seed(seed)
        return
    if _own.generator is None:
        _own.generator = torch.Generator()
    _own.generator.manual_seed(seed)


def dropout_mask(like: Tensor, p: float) -> Tensor:
    """1 where an element is kept, 0 with probability `dropped(p)`; of `like`'s shape and type, whatever that is.

    One random byte an element, eight from each 64-bit number: on a CPU the numbers would else cost more than the layer.
    """
    if _too_fine(p):
        uniform = torch.empty(like.shape).uniform_(generator=_own.generator)
        return uniform.ge_(p).to(like.dtype)
    numbers = torch.empty((like.numel() + 7) // 8, dtype=torch.int64)
    numbers.random_(-(2**63), None, generator=_own.generator)
    threshold = round(256 * dropped(p))
    return numbers.view(torch.uint8)[: like.numel()].view(like.shape).ge(threshold).to(like.dtype)


def dropped(p: float) -> float:
    """The share that a mask for p drops: the nearest of 1/256 … 255/256, but p itself where that would be 0."""
    return p if _too_fine(p) else min(255, round(256 * p)) / 256


def _too_fine(p: float) -> bool:
    """For bytes."""
    return round(256 * p) == 0


def dropout_add(x: Tensor, y: Tensor, p: float) -> Tensor:
    """x + dropout(y), all of one shape. What is kept is scaled so that the expectation stays."""
    if not p:
        return x + y
    if y.device.type != "cpu":
        return x + F.dropout(y, p)
    return torch.addcmul(x, y, dropout_mask(y, p), value=1 / (1 - dropped(p)))


def dropout(y: Tensor, p: float) -> Tensor:
    """y with a share p of its elements zero, the others scaled so that the expectation stays."""
    if not p:
        return y
    return F.dropout(y, p) if y.device.type != "cpu" else y * dropout_mask(y, p).mul_(1 / (1 - dropped(p)))
