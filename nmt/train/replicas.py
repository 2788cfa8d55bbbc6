"""Micro-batches of one update side by side on the cores of a CPU.

The operators of a small model are too short to be divided among threads: two threads that train a micro-batch each get
through a fifth more than two that share every product. So an update's micro-batches are dealt out to replicas of the
model, which share its weights; each has its own gradients and a thread of its own. On a GPU there is one replica.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import nn

from nmt.recipe import TrainSection
from nmt.train.weights import FlatWeights, Gradients

Part = TypeVar("Part")
Result = TypeVar("Result")

MAX_REPLICAS = 8  # each holds gradients of its own
MIN_SHARE = 512  # target tokens; fewer at a time would no longer keep a core busy


def choose_replicas(section: TrainSection, device: torch.device, threads: int, processes: int) -> int:
    """How many replicas share this process's part of an update, each with as many of its threads."""
    if device.type != "cpu" or section.compile or section.expert_parallel > 1:  # exchanges have one order
        return 1
    tokens = section.batch_tokens // processes
    most = min(threads, MAX_REPLICAS)
    return max(n for n in range(1, most + 1) if threads % n == 0 and (n == 1 or tokens // n >= MIN_SHARE))


class Replicas:
    """`count` models of the same weights, the given one among them, and the threads that they run in."""

    def __init__(self, model: nn.Module, weights: FlatWeights, count: int, threads: int) -> None:
        self.threads = threads
        self.members: list[tuple[Any, Gradients]] = [(model, weights.gradients)]
        self.members += [weights.replicate(model) for _ in range(count - 1)]
        self.pool = ThreadPoolExecutor(count - 1, "replica") if count > 1 else None

    def run(self, parts: Sequence[Part], work: Callable[[Any, Part], Result]) -> list[Result]:
        """work(replica, part) of every part, in order of the parts; their gradients are then summed in the first
        replica's. Which replica takes which part, and the order of sums, depend on nothing but their numbers.
        """
        count = len(self.members)
        shares = [list(range(i, len(parts), count)) for i in range(count)]
        results: dict[int, Result] = {}

        def one(member: tuple[Any, Gradients], share: list[int]) -> None:
            model, gradients = member
            for i in share:
                results[i] = work(model, parts[i])
                gradients.add_micro_batch()

        if self.pool is None:
            one(self.members[0], shares[0])
        else:
            torch.set_num_threads(self.threads // count)
            others = [self.pool.submit(one, *pair) for pair in zip(self.members[1:], shares[1:], strict=True)]
            try:
                one(self.members[0], shares[0])
            finally:
                for future in others:
                    future.exception()  # waits: nothing may still run when an error is handled
                torch.set_num_threads(self.threads)
            for future in others:
                future.result()
            for _, gradients in self.members[1:]:
                self.members[0][1].take(gradients)
        return [results[i] for i in range(len(parts))]
