"""Micro-batches on their way to the device. A GPU is not to wait while Python collates: a thread does so for the update
after this one, into memory that the GPU copies by itself. A CPU would only lose what it works with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor

from nmt.data.batches import Indices
from nmt.train.epochs import Epoch


class Feed:
    """Gives what Epoch.batch does, on the device; `ahead`: whether a thread collates what is announced."""

    def __init__(self, device: torch.device, ahead: bool) -> None:
        self.device = device
        self._pool = ThreadPoolExecutor(1, "feed") if ahead else None
        self._coming: list[tuple[Indices, Future[Any]]] = []

    def announce(self, epoch: Epoch, parts: Sequence[Indices]) -> None:
        """These will be asked for next; what was announced before and not asked for is forgotten."""
        if self._pool is not None:
            self._coming = [(part, self._pool.submit(self._collate, epoch, part)) for part in parts]

    def batch(self, epoch: Epoch, part: Indices) -> Any:
        coming = next((future for announced, future in self._coming if announced is part), None)
        return (self._collate(epoch, part) if coming is None else coming.result()).to(self.device)

    def _collate(self, epoch: Epoch, part: Indices) -> Any:
        batch: Any = epoch.batch(part)
        if self.device.type != "cuda":
            return batch
        values = vars(batch).items()
        return dataclasses.replace(batch, **{k: v.pin_memory() for k, v in values if isinstance(v, Tensor)})
