"""Which device, which precision and how many threads or processes this process should use."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.errors import RecipeError

if TYPE_CHECKING:
    import torch

KERNELS = "64"  # that each cache holds


def usable_cores() -> int:
    """Cores that this process may use: its affinity, capped by the CPU quota of its container (cgroup v2)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup v2, or quota "max"
        return cores


def choose_device(name: str, local_rank: int = 0, said: str = "`train.device:") -> torch.device:
    """`auto` takes a GPU if there is one. Raises RecipeError for a device that is not there; `said` is who wants it."""
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if not available.get(name):
        here = ", ".join(kind for kind, there in available.items() if there)
        raise RecipeError(f"{said} {name}` is not available here; this machine has {here}.")
    _bound_kernel_caches()
    if name == "cuda":
        torch.cuda.set_device(local_rank)
        return torch.device("cuda", local_rank)
    return torch.device(name)


def _bound_kernel_caches() -> None:
    """Before the first product, as they are read then. On a CPU, products in bf16 keep the kernel of every shape that
    they have seen, in two caches of 1,024 that each thread has its own of: a gigabyte, as batches seldom repeat a
    shape. What the user has set stays.
    """
    for names in (("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"), ("LRU_CACHE_CAPACITY",)):
        if not any(name in os.environ for name in names):
            os.environ[names[0]] = KERNELS


def memory_size(device: torch.device) -> int | None:
    """Bytes that the device has in all; of a machine's own memory, those that this container may use (cgroup v2). None:
    this system does not tell.
    """
    import torch

    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    try:
        return min(size, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return size


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """`auto` takes bf16 where the hardware multiplies it natively; elsewhere it would be emulated, and slow."""
    import torch

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


def _cpu_multiplies_bf16() -> bool:
    import torch

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
    import torch

    threads = wanted or max(1, usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    torch.set_num_threads(threads)
    return threads
