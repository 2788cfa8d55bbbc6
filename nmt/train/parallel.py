"""Many devices, applied from outside (torchrun): every rank plans the same updates and takes its share of each.

Gradients lie in one flat buffer, so sharing them is one all-reduce an update; the model knows of none of this.
Also here: which device, precision and number of threads a process should use.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from nmt.errors import RunError, TrainingError, join_faults
from nmt.recipe import TrainSection

Value = TypeVar("Value")

DEFAULT_CPU_MAX_TOKENS = 2048
DEFAULT_CUDA_SHARES, LARGE_UPDATE = 8, 65_536  # of an update of so many tokens
# How long ranks wait for one another: for rank 0 to prepare the data, to validate, to write a checkpoint. Longer than
# any of these; if a process dies, torchrun ends the others at once.
LONGEST_WAIT = timedelta(hours=12)


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int
    size: int
    again: bool = False  # started anew by torchrun, after a failure or with another number of ranks; rank 0 knows

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def all_reduce(self, tensor: Tensor) -> None:
        """Sum over all ranks, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)

    def everyone(self, value: Value) -> list[Value]:
        """Each rank's value, in their order, on all ranks."""
        values = [value] * self.size
        if self.size > 1:
            dist.all_gather_object(values, value)
        return values

    def dealt(self, values: Sequence[Value]) -> Sequence[Value]:
        """This rank's share of what all know."""
        return values[self.rank :: self.size]

    def collected(self, mine: Sequence[Value]) -> list[Value]:
        """What ranks made of values that were dealt out to them, one of each, in the order of these, on all ranks."""
        rows = self.everyone(mine)
        return [rows[i % self.size][i // self.size] for i in range(sum(map(len, rows)))]

    def sum_by_name(self, sums: dict[str, float]) -> dict[str, float]:
        """Over all ranks, of which some may know names that others do not."""
        if self.size == 1:
            return sums
        everyone = self.everyone(sums)
        names = dict.fromkeys(name for one in everyone for name in one)
        return {name: sum(one.get(name, 0.0) for one in everyone) for name in names}

    def largest(self, values: list[float]) -> list[float]:
        """The largest of each value over all ranks: how they agree on what only some of them know."""
        if self.size == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64)  # seconds are not to be rounded
        dist.all_reduce(shared, op=dist.ReduceOp.MAX)
        agreed: list[float] = shared.tolist()
        return agreed

    def share(self, value: Value) -> Value:
        """Rank 0's value, on all ranks."""
        box = [value]
        if self.size > 1:
            dist.broadcast_object_list(box)
        return box[0]

    def check_same(self, values: Mapping[str, object]) -> None:
        """Raises RunError, on all ranks, naming those on which a value is another than on rank 0."""
        if self.size == 1:
            return
        everyone = self.everyone((socket.gethostname(), dict(values)))
        host, wanted = everyone[0]
        faults = [
            f"rank {rank} (on {where}) has {name} {found[name]}, but rank 0 (on {host}) has {wanted[name]}."
            for rank, (where, found) in enumerate(everyone)
            for name in values
            if found[name] != wanted[name]
        ]
        if faults:
            raise RunError(
                join_faults(faults),
                "All ranks need the same recipe, prepared data and run folder: put them on a disk that all hosts "
                "share, or copy them to each.",
            )

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


ALONE = World(0, 1)


def join_world(device: str) -> World:
    """The world that torchrun describes in the environment; a world of one without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    world = World(int(os.environ.get("RANK", "0")), size)
    if size > 1 and not dist.is_initialized():
        try:
            store, _, _ = next(rendezvous("env://", timeout=LONGEST_WAIT))
            # Only failures are counted, and only on their own host; where the store is, it knows of all.
            counted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
            world = World(world.rank, size, counted or store.check(["rank 0"]))
            store = PrefixStore(meet(store, world), store)
            # What is no tensor of a GPU goes by way of the hosts, and no GPU is waited for.
            backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
            dist.init_process_group(backend, store=store, rank=world.rank, world_size=size, timeout=LONGEST_WAIT)
        except RuntimeError as e:
            raise RunError(
                f"rank {world.rank} cannot join the {size} processes: {str(e).splitlines()[0]}",
                "Are all of them running, and does each reach the address that torchrun was given?",
            ) from None
    return world


def meet(store: Any, world: World) -> str:
    """A name for this start of all ranks, by which they find each other; the same on all. torchrun has one store for
    all its starts: what stands there may be of ranks that have died, as the addresses at which they listened
    (pytorch/pytorch#135712). So rank 0 answers each by a word that is new, until the answer has come.
    """
    own = uuid.uuid4().hex
    store.set(f"rank {world.rank}", own)
    if not world.is_main:
        name: str = store.get(own).decode()
        store.set(f"{name} {world.rank}", "is here")
        return name
    waiting, until = set(range(1, world.size)), time.monotonic() + LONGEST_WAIT.total_seconds()
    while waiting:
        for rank in sorted(waiting):
            if store.check([f"{own} {rank}"]):
                waiting.discard(rank)
            elif store.check([f"rank {rank}"]):
                store.set(store.get(f"rank {rank}").decode(), own)
        if time.monotonic() > until:
            raise RuntimeError(f"rank {min(waiting)} has not come.")
        time.sleep(0.02)
    return own


def local_rank() -> int:
    """Which of this machine's processes, and so of its GPUs."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def together(device: str) -> Iterator[World]:
    """The world of join_world, until it is left. A rank that fails does not take leave: it could wait for ever for
    others that have failed before it. They see its connection close.

    Raises TrainingError where that is what happened.
    """
    world = join_world(device)
    try:
        yield world
    except RuntimeError as e:
        if world.size > 1 and _is_lost_connection(e):
            raise TrainingError(
                "the connection to another process is lost: it has ended, or the network has failed.",
                "Why, that process says itself. All checkpoints are whole: start all processes again, or let torchrun "
                "do so, by --max-restarts.",
            ) from None
        raise
    if world.size > 1 and dist.is_initialized():
        dist.destroy_process_group()


def _is_lost_connection(e: RuntimeError) -> bool:
    """NCCL and the store have exceptions for it, Gloo has none."""
    return isinstance(e, dist.DistBackendError | dist.DistNetworkError) or "gloo" in str(e).lower()


def choose_shares(section: TrainSection, device: torch.device, workers: int) -> int:
    """Of what an update's micro-batches are a multiple, so that so many workers have as much each. A large update on
    GPUs is cut finer: less of it is padding, and ranks of any number that divides DEFAULT_CUDA_SHARES begin alike.
    """
    large = device.type == "cuda" and section.batch_tokens >= LARGE_UPDATE
    return workers * (-(-DEFAULT_CUDA_SHARES // workers) if large else 1)


def choose_max_tokens(section: TrainSection, device: torch.device) -> int:
    """Padded tokens a micro-batch: an update's with its padding; on a CPU no more than stay near the cache."""
    if section.max_tokens != "auto":
        return section.max_tokens
    whole = section.batch_tokens * 5 // 4
    return min(whole, DEFAULT_CPU_MAX_TOKENS) if device.type == "cpu" else whole
