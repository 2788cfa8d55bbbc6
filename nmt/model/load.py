"""What routers do while they are watched: how evenly tokens are spread, what is dropped, how clear choices are.

Everything is a sum over tokens, so that parts of an update can be added up. Letters: N experts; n that a level has to
choose from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nmt.model.routing import Routed, margins

NEAR = 1e-5  # a margin below may be decided by rounding


@dataclass
class LevelLoad:
    """Of one router. A margin is by how much what was chosen is above the next best."""

    counts: Tensor  # (n,) choices that fell on each
    tokens: int = 0
    lost: int = 0  # choices that there was no room for
    asked: int = 0  # choices that came here
    top: float = 0.0  # sum of the best probability
    margin: float = 0.0
    margins: int = 0  # how many margins there are
    near: int = 0  # margins below NEAR

    @property
    def highest(self) -> float:
        """What most fell on, as a multiple of the mean. 1: all have as much."""
        total = int(self.counts.sum())
        return float(self.counts.max() * len(self.counts) / total) if total else 1.0

    def statistics(self) -> dict[str, float]:
        """For the log. `entropy` is of the shares that all got, 1: even, 0: one has all."""
        share = self.counts / max(1, int(self.counts.sum()))
        entropy = float(torch.special.entr(share).sum()) / math.log(len(share)) if len(share) > 1 else 1.0
        values = {
            "load": self.highest, "entropy": entropy, "dropped": self.lost / max(1, self.asked),
            "top_probability": self.top / max(1, self.tokens), "margin": self.margin / max(1, self.margins),
            "near_ties": self.near / max(1, self.margins),
        }  # fmt: skip
        return {name: round(value, 5) for name, value in values.items()}


@dataclass
class Load:
    """Of one layer."""

    levels: list[LevelLoad] = field(default_factory=list)
    experts: Tensor | None = None  # (N,) choices of each expert

    def add(self, routed: Routed, lost: tuple[int, ...] = ()) -> None:
        """What was chosen, and how many choices each level then had no room for."""
        number = math.prod(level.logits.size(1) for level in routed.levels)
        experts = torch.bincount(routed.expert, minlength=number).cpu()
        self.experts = experts if self.experts is None else self.experts + experts
        asked = len(routed.expert)
        for i, level in enumerate(routed.levels):
            if i == len(self.levels):
                self.levels.append(LevelLoad(torch.zeros(level.counts.numel(), dtype=torch.int64)))
            sums, apart = self.levels[i], margins(level)
            sums.counts += level.counts.reshape(-1).cpu()
            sums.tokens += len(level.first)
            sums.top += float(level.probabilities.detach().gather(1, level.first[:, None]).sum())
            sums.margin += float(apart.sum())
            sums.margins += len(apart)
            sums.near += int((apart < NEAR).sum())
            sums.asked += asked
            if i < len(lost):
                sums.lost += lost[i]
                asked -= lost[i]

    def merge(self, other: Load) -> None:
        if self.experts is None or other.experts is None:
            self.experts = other.experts if self.experts is None else self.experts
        else:
            self.experts = self.experts + other.experts
        for i, level in enumerate(other.levels):
            if i == len(self.levels):
                self.levels.append(LevelLoad(torch.zeros_like(level.counts)))
            for name, value in vars(level).items():
                setattr(self.levels[i], name, getattr(self.levels[i], name) + value)

    @property
    def highest(self) -> float:
        """Of any level."""
        return max((level.highest for level in self.levels), default=1.0)

    @property
    def counts(self) -> list[int]:
        """Choices of each expert."""
        return [] if self.experts is None else [int(n) for n in self.experts]

    def statistics(self) -> dict[str, Any]:
        """For the log: choices of each expert, and of each level how even and how clear they are."""
        return {"experts": self.counts, "levels": [level.statistics() for level in self.levels]}


Loads = dict[str, Load]  # by the layer's name


def merged(every: list[Loads]) -> Loads:
    """Those of replicas, or ranks, together."""
    total: Loads = {}
    for loads in every:
        for name, load in loads.items():
            total.setdefault(name, Load()).merge(load)
    return total


def summary(loads: Mapping[str, Load]) -> str:
    """`expert load 1.31 (encoder.1) · top probability 0.42 · dropped 1.2 % · near ties 0.01 %`: the load is the highest
    of all layers, the rest means over layers and levels.
    """
    name, highest = max(((name, load.highest) for name, load in loads.items()), key=lambda one: one[1])
    levels = [level.statistics() for load in loads.values() for level in load.levels]
    means = {key: sum(level[key] for level in levels) / len(levels) for key in levels[0]}
    return (
        f"expert load {highest:.2f} ({name}) · top probability {means['top_probability']:.2f} · "
        f"dropped {means['dropped']:.1%} · near ties {means['near_ties']:.2%}"
    ).replace("%", " %")
