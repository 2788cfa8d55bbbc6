"""Many devices, applied from outside (torchrun): every rank plans the same updates and takes its share of each.

Gradients lie in one flat buffer, so sharing them is one all-reduce an update; the model knows of none of this.
Also here: which device, precision and number of threads a process should use.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from nmt.data.workers import usable_cores
from nmt.errors import RecipeError
from nmt.recipe import TrainSection

DEFAULT_CPU_MAX_TOKENS = 2048


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int
    size: int
    local_rank: int

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    def all_reduce(self, tensor: Tensor) -> None:
        """Sum over all ranks, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)

    def largest(self, values: list[float], device: torch.device) -> list[float]:
        """The largest of each value over all ranks: how they agree on what only some of them know."""
        if self.size == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float32, device=device)
        dist.all_reduce(shared, op=dist.ReduceOp.MAX)
        agreed: list[float] = shared.tolist()
        return agreed

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


def join_world(device: str) -> World:
    """The world that torchrun describes in the environment; a world of one without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    world = World(int(os.environ.get("RANK", "0")), size, int(os.environ.get("LOCAL_RANK", "0")))
    if size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    return world


def local_rank() -> int:
    """Which of this machine's processes, and so of its GPUs."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def leave_world(world: World) -> None:
    if world.size > 1 and dist.is_initialized():
        dist.destroy_process_group()


def choose_device(name: str, local_rank: int = 0, said: str = "`train.device:") -> torch.device:
    """`auto` takes a GPU if there is one. Raises RecipeError for a device that is not there; `said` is who wants it."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if not available.get(name):
        here = ", ".join(kind for kind, there in available.items() if there)
        raise RecipeError(f"{said} {name}` is not available here; this machine has {here}.")
    if name == "cuda":
        torch.cuda.set_device(local_rank)
        return torch.device("cuda", local_rank)
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """`auto` takes bf16 where the hardware multiplies it natively; elsewhere it would be emulated, and slow."""
    if precision == "auto":
        match device.type:
            case "cuda":
                native = torch.cuda.is_bf16_supported(including_emulation=False)
            case "cpu":
                native = _cpu_multiplies_bf16()
            case _:
                native = False
        return torch.bfloat16 if native else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def choose_max_tokens(section: TrainSection, device: torch.device) -> int:
    """Padded tokens a micro-batch: an update's with its padding; on a CPU no more than stay near the cache."""
    if section.max_tokens != "auto":
        return section.max_tokens
    whole = section.batch_tokens * 5 // 4
    return min(whole, DEFAULT_CPU_MAX_TOKENS) if device.type == "cpu" else whole


def _cpu_multiplies_bf16() -> bool:
    if hasattr(torch.cpu, "get_capabilities"):
        features = torch.cpu.get_capabilities()
        return bool(features.get("avx512_bf16") or features.get("amx_bf16"))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def set_threads(wanted: int = 0) -> int:
    """Use `wanted` threads, or as many as this process may (affinity, container limit, its share under torchrun)."""
    threads = wanted or max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    torch.set_num_threads(threads)
    return threads
