"""What updates came to, kept on the device until somebody asks: reading it makes the host wait for the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sums:
    """Of an update's micro-batches on this rank, by name; values (K,)."""

    names: tuple[str, ...]
    values: Tensor

    @classmethod
    def of(cls, parts: list[dict[str, Tensor]], device: torch.device) -> Sums:
        """Of the micro-batches' scalars; what one has not is 0 there."""
        names = tuple(dict.fromkeys(name for part in parts for name in part))
        zero = torch.zeros((), device=device)
        rows = [torch.stack([part.get(name, zero).float() for name in names]) for part in parts if part]
        return cls(names, torch.stack(rows).sum(0) if rows else zero.new_zeros(0))


@dataclass(frozen=True)
class Outcome:
    """Of one update: sums by name, and the norm of its gradient."""

    step: int
    tokens: int
    sums: dict[str, float]
    norm: float


class Outcomes:
    """Of the updates since it was last asked."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, int, tuple[str, ...], Tensor]] = []

    def add(self, step: int, tokens: int, sums: Sums, norm: Tensor) -> None:
        self._kept.append((step, tokens, sums.names, torch.cat([sums.values, norm[None]])))

    def taken(self) -> Iterator[Outcome]:
        """In order; none is given twice."""
        kept, self._kept = self._kept, []
        values = torch.cat([row for *_, row in kept]).tolist() if kept else []
        for step, tokens, names, row in kept:
            *sums, norm = values[: len(row)]
            del values[: len(row)]
            yield Outcome(step, tokens, dict(zip(names, sums, strict=True)), norm)
