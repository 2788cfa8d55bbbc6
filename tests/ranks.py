"""Processes of this one's, as ranks that work together: forked, so that nothing is imported anew."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from nmt.train.parallel import World


def member(rank: int, nodes: int, local: int, folder: Path, work: Callable[..., Any], args: Any) -> None:
    torch.set_num_threads(1)
    size = str(nodes * local)
    os.environ.update(RANK=str(rank), WORLD_SIZE=size, LOCAL_WORLD_SIZE=str(local), LOCAL_RANK=str(rank % local))
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=nodes * local)
    torch.save(work(World(rank, nodes * local), *args), folder / f"{rank}.pt")
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def processes(nodes: int, local: int, folder: Path, work: Callable[..., Any], *args: Any) -> list[Any]:
    """What `work(world, *args)` gives in each of so many processes, as if on so many nodes."""
    context = multiprocessing.get_context("fork")
    (folder / "meet").unlink(missing_ok=True)
    started = [
        context.Process(target=member, args=(rank, nodes, local, folder, work, args)) for rank in range(nodes * local)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(240)
        process.kill()
    assert [process.exitcode for process in started] == [0] * len(started)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(nodes * local)]
