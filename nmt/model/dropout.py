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
    """1 where an element is kept, 0 with probability round(256 p) / 256; of `like`'s shape and type.

    One random byte an element, eight from each 64-bit number: on a CPU the numbers would else cost more than the layer.
    """
    numbers = torch.empty((like.numel() + 7) // 8, dtype=torch.int64)
    numbers.random_(-(2**63), None, generator=_own.generator)
    return numbers.view(torch.uint8)[: like.numel()].view(like.shape).ge(round(256 * p)).to(like.dtype)


def dropout_add(x: Tensor, y: Tensor, p: float) -> Tensor:
    """x + dropout(y). What is kept is scaled so that the expectation stays."""
    drop = min(255, round(256 * p))
    if not drop:
        return x + y
    if y.device.type != "cpu":
        return x + F.dropout(y, p)
    return torch.addcmul(x, y, dropout_mask(y, p), value=256 / (256 - drop))


def dropout(y: Tensor, p: float) -> Tensor:
    """y with a share p of its elements zero, the others scaled so that the expectation stays."""
    drop = min(255, round(256 * p))
    if not drop:
        return y
    return F.dropout(y, p) if y.device.type != "cpu" else y * dropout_mask(y, p).mul_(256 / (256 - drop))
