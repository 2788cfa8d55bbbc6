"""Where the time of a training step goes, on this machine: `nmt train RECIPE --profile STEPS`."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from nmt.device import choose_device
from nmt.recipe import Recipe
from nmt.train.objective import choose_objective
from nmt.train.parallel import together
from nmt.train.signals import Signals
from nmt.train.traffic import Traffic
from nmt.train.trainer import Trainer

WARMUP_STEPS = 5
# What an operator is counted as, by how its name begins; the first that fits.
KINDS = (
    ("matrix products", ("mm", "addmm", "bmm", "baddbmm", "_scaled_dot", "linear")),
    ("softmax and cross-entropy", ("_softmax", "_log_softmax", "exp", "gather", "scatter", "log")),
    ("dropout", ("random_", "ge", "addcmul", "native_dropout", "bernoulli")),
    ("layer norm", ("native_layer_norm",)),
    ("copies", ("copy_", "cat", "clone", "contiguous", "index", "embedding", "stack", "_to_copy", "fill", "zero")),
    ("optimizer and average", ("_fused_adam", "lerp", "linalg_vector_norm", "_foreach")),
)
REST = "other operators"
OUTSIDE = "outside operators: Python, collating, waiting"


@dataclass(frozen=True)
class StepProfile:
    """Milliseconds a step by kind of operator, their sum, tokens a second, and matrix products a second (GFLOP)."""

    parts: dict[str, float]
    step_ms: float
    tokens_per_second: float
    gflops: float
    limit_gflops: float  # of a large product on as many threads
    traffic: list[
        tuple[str, str, str, str]
    ]  # of a step: from which node to which, bytes, messages, sizes told; or none

    def rows(self) -> list[tuple[str, str, str]]:
        """(what, milliseconds, share), the largest first."""
        ranked = sorted(self.parts.items(), key=lambda item: -item[1])
        return [(what, f"{ms:.1f}", f"{ms / self.step_ms:.1%}") for what, ms in ranked]


def profile_steps(recipe: Recipe, prepared: Path, steps: int) -> StepProfile:
    """Train a few steps of the recipe in a folder that is thrown away. On a CPU on one thread, so that nothing waits
    for anything and shares are of work.
    """
    device = choose_device(recipe.train.device)
    activities = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if device.type == "cuda" else [])
    with tempfile.TemporaryDirectory() as folder, together(device.type) as world:
        train = recipe.train.model_copy(update={"runs_dir": folder, "threads": 1, "tensorboard": False})
        recipe = recipe.model_copy(update={"train": train})
        (recipe.run_dir / "checkpoints").mkdir(parents=True)
        objective = choose_objective(recipe)
        trainer = Trainer(recipe, recipe.run_dir, prepared, objective, device, world, Signals(), "")
        for _ in range(WARMUP_STEPS):
            trainer._step()
        trainer.weights.shards.traffic.clear()
        tokens = trainer.state.tokens_seen
        with profile(activities=activities, with_flops=True) as profiler:
            begun = time.perf_counter()
            for _ in range(steps):
                trainer._step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds = time.perf_counter() - begun
        limit = matrix_limit(device, trainer.dtype)
        tokens = trainer.state.tokens_seen - tokens
        traffic = trainer.weights.shards.all_traffic()
    parts: dict[str, float] = defaultdict(float)
    flops = 0
    for event in profiler.key_averages():
        took = event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
        if event.key.startswith("aten::"):
            parts[_kind(event.key.removeprefix("aten::"))] += took / 1000 / steps
            flops += event.flops
    step_ms = seconds * 1000 / steps
    parts[OUTSIDE] = max(0.0, step_ms - sum(parts.values()))
    products = parts["matrix products"] * steps / 1000
    return StepProfile(
        dict(parts), step_ms, tokens / seconds, flops / max(1e-9, products) / 1e9, limit, _rows(traffic, steps)
    )


def _rows(traffic: Traffic, steps: int) -> list[tuple[str, str, str, str]]:
    """A step's, between all nodes that send each other something, and within them."""
    nodes = range(len(traffic.bytes))
    counts = traffic.bytes, traffic.messages, traffic.size_messages
    each = [(a, b, [float(kind[a, b]) / steps for kind in counts]) for a in nodes for b in nodes]
    return [
        (f"{a} → {b}", f"{size:,.0f}", f"{messages:,.1f}", f"{told:,.1f}")
        for a, b, (size, messages, told) in each
        if told
    ]


def _kind(name: str) -> str:
    return next((kind for kind, starts in KINDS if name.startswith(starts)), REST)


def matrix_limit(device: torch.device, dtype: torch.dtype) -> float:
    """GFLOP a second of a large matrix product: the median of five."""
    size = 2048 if device.type == "cpu" else 8192
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return 2 * size**3 / sorted(times[1:])[2] / 1e9
