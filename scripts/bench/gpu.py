"""What a GPU gives a training step: its limits, attention, the loss, whole steps. The last line is JSON.

    python scripts/bench/gpu.py        # all of it, for the big Transformer in bf16
    python scripts/bench/gpu.py step --shape base --tokens 25000 --compile
    python scripts/bench/gpu.py --device cpu --shape tiny --tokens 300 --vocab 500 --steps 2 --repeat 1  # does it run?

No text is needed: ids are random, lengths of sentences log-normal. Model FLOPs utilization (Chowdhery et al. 2022)
counts real tokens alone, no padding, 6 operations a weight and token, against the GPU's dense bf16 products.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nmt.data.batches import plan_batches
from nmt.data.sides import Sides
from nmt.model.attention import attention_weights, fused
from nmt.model.kinds import build, matrix_blocks
from nmt.recipe import ModelSection, TrainSection
from nmt.run.state import TrainState
from nmt.tokenizer import RaggedIds
from nmt.train.accumulation import Accumulation
from nmt.train.epochs import Epoch, TrainingData
from nmt.train.loss import smoothed_loss
from nmt.train.objective import Write
from nmt.train.outcomes import Outcomes
from nmt.train.parallel import ALONE
from nmt.train.replicas import Replicas
from nmt.train.weights import FlatWeights

SHAPES = {"tiny": (4, 128, 4, 256), "base": (6, 512, 8, 2048), "big": (6, 1024, 16, 4096)}  # layers, d, heads, d_ff
PEAK = {"A100": 312e12, "H100": 989e12, "H200": 989e12}  # operations a second in bf16, by part of the name
WARMUP = 5
LENGTHS = (16, 30, 64, 128, 256)
Result = dict[str, Any]


def median_ms(work: Callable[[], Any], device: torch.device, repeat: int) -> float:
    for _ in range(min(WARMUP, repeat)):
        work()
    times = []
    for _ in range(repeat):
        wait(device)
        begun = time.perf_counter()
        work()
        wait(device)
        times.append((time.perf_counter() - begun) * 1000)
    return round(statistics.median(times), 4)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def gradients_ms(loss: Callable[[], Tensor], of: list[Tensor], device: torch.device, repeat: int) -> float:
    """Forward and backward."""
    return median_ms(lambda: torch.autograd.grad(loss().sum(), of), device, repeat)


def limits(o: argparse.Namespace, device: torch.device) -> Result:
    """Of copying, and of the products that the shape has."""
    _, d, _, d_ff = SHAPES[o.shape]
    numbers = torch.randn(1 << (28 if device.type == "cuda" else 20), device=device)
    target = torch.empty_like(numbers)
    found = {"copy_GB_per_s": 8 * len(numbers) / median_ms(lambda: target.copy_(numbers), device, o.repeat) / 1e6}
    for rows, inner, columns in (
        (o.tokens, d, 3 * d),
        (o.tokens, d, d_ff),
        (o.tokens, d_ff, d),
        (o.tokens, d, o.vocab),
    ):
        a = torch.randn(rows, inner, device=device, dtype=torch.bfloat16)
        b = torch.randn(inner, columns, device=device, dtype=torch.bfloat16)
        ms = median_ms(lambda a=a, b=b: a @ b, device, o.repeat)  # type: ignore[misc]
        found[f"product_{rows}x{inner}x{columns}_TFLOP_per_s"] = 2 * rows * inner * columns / ms / 1e9
    return {name: round(value, 2) for name, value in found.items()}


def attention(o: argparse.Namespace, device: torch.device) -> Result:
    """Milliseconds of looking back only, over so many tokens in sentences of one length: by a kernel that gets a bias,
    by one that is told, by two products.
    """
    _, d, heads, _ = SHAPES[o.shape]
    found: Result = {}
    for length in LENGTHS:
        size = max(1, o.tokens // length), heads, length, d // heads
        q, k, v = (torch.randn(size, device=device, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
        bias = torch.full((length, length), float("-inf"), device=device, dtype=torch.bfloat16).triu_(1)
        ways: dict[str, Callable[[], Tensor]] = {
            "bias": lambda q=q, k=k, v=v, bias=bias: fused(q, k, v, bias),  # type: ignore[misc]
            "told": lambda q=q, k=k, v=v: fused(q, k, v, "causal"),  # type: ignore[misc]
            "products": lambda q=q, k=k, v=v, bias=bias: attention_weights(q, k, bias) @ v,  # type: ignore[misc]
        }
        found[str(length)] = {way: gradients_ms(work, [q, k, v], device, o.repeat) for way, work in ways.items()}
    return found


def loss(o: argparse.Namespace, device: torch.device) -> Result:
    """Milliseconds and peak memory of the loss with the output projection: ours, torch's, and of the products alone."""
    d = SHAPES[o.shape][1]
    hidden = torch.randn(o.tokens, d, device=device, dtype=torch.bfloat16, requires_grad=True)
    weight = (torch.randn(o.vocab, d, device=device) * d**-0.5).bfloat16().requires_grad_()
    bias = torch.zeros(o.vocab, device=device, dtype=torch.bfloat16, requires_grad=True)
    target = torch.randint(4, o.vocab, (o.tokens,), device=device)

    def products() -> None:
        with torch.no_grad():
            logits = torch.addmm(bias, hidden, weight.t())
            torch.mm(logits, weight), torch.mm(logits.t(), hidden)

    def torchs() -> Tensor:
        logits = F.linear(hidden, weight, bias)
        return F.cross_entropy(logits, target, label_smoothing=0.1, reduction="sum")

    found: Result = {"products_alone_ms": median_ms(products, device, o.repeat)}
    ways = {"ours": lambda: smoothed_loss(hidden, weight, bias, target, 0.1, o.tokens)[0], "torch": torchs}
    for name, work in ways.items():
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        found[f"{name}_ms"] = gradients_ms(work, [hidden, weight, bias], device, o.repeat)
        if device.type == "cuda":
            found[f"{name}_peak_MB"] = torch.cuda.max_memory_allocated() >> 20
    return found


class RandomText:
    """Stands for the training data: one epoch that does not end."""

    def __init__(self, o: argparse.Namespace) -> None:
        self.shares = 1
        self.max_tokens = o.max_tokens or o.tokens * 5 // 4
        rng = np.random.default_rng(1)
        pairs = max(64, o.tokens * (o.steps + 4 * WARMUP) // o.length)
        src = np.clip(rng.lognormal(np.log(o.length), 0.6, pairs), 1, 250).astype(np.int64)
        tgt = np.clip(src * rng.lognormal(0, 0.2, pairs), 1, 250).astype(np.int64)
        sides = Sides(*(ragged(rng, lengths, o.vocab) for lengths in (src, tgt)))
        self.lengths = src + 1, tgt + 1
        self._epoch = Epoch(sides, plan_batches(src, tgt, o.tokens, self.max_tokens, 1, 0))

    def epoch(self, number: int, window: int = 0) -> Epoch:
        return self._epoch


def ragged(rng: np.random.Generator, lengths: Any, vocab: int) -> RaggedIds:
    ids = rng.integers(4, vocab, lengths.sum()).astype(np.uint16)
    return RaggedIds(ids, np.concatenate([[0], lengths.cumsum()]))


def step(o: argparse.Namespace, device: torch.device) -> Result:
    """Whole steps, by the parts that the trainer is made of."""
    layers, d, heads, d_ff = SHAPES[o.shape]
    section = ModelSection(
        d_model=d, num_heads=heads, d_ff=d_ff, num_encoder_layers=layers, num_decoder_layers=layers, dropout=0.1
    )
    train = TrainSection(max_steps=1, optimizer=o.optimizer)
    torch.manual_seed(1)
    model = build(section, o.vocab, o.vocab).to(device)
    weights = FlatWeights(model, train, torch.bfloat16, matrix_blocks(model) if o.optimizer == "muon" else {})
    net: Any = torch.compile(model, dynamic=True) if o.compile else model
    data, state, outcomes = RandomText(o), TrainState(), Outcomes()
    replicas = Replicas(net, weights, 1, torch.get_num_threads())
    accumulation = Accumulation(
        1, train, Write(0.1, ()), cast(TrainingData, data), weights, replicas, device, ALONE
    )  # fmt: skip
    updates = data.epoch(0).updates

    def one() -> None:
        sums, tokens = accumulation.gradients(state)
        state.step += 1
        state.batch_in_window = (state.batch_in_window + 1) % len(updates)
        outcomes.add(state.step, tokens, sums, weights.update(1e-4, tokens, state.step))

    for _ in range(min(WARMUP, o.steps)):
        one()
    list(outcomes.taken())
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    first = state.batch_in_window
    wait(device)
    begun = time.perf_counter()
    for _ in range(o.steps):
        one()
    host = time.perf_counter() - begun
    done = list(outcomes.taken())
    wait(device)
    seconds = time.perf_counter() - begun
    parts = [part for i in range(o.steps) for part in updates[(first + i) % len(updates)]]
    real = [sum(int(lengths[part].sum()) for part in parts) for lengths in data.lengths]
    padded = [sum(len(part) * int(lengths[part].max()) for part in parts) for lengths in data.lengths]
    encoder, decoder = layers * (4 * d * d + 2 * d * d_ff), layers * (6 * d * d + 2 * d * d_ff)
    operations = 6 * (real[0] * (encoder + layers * 2 * d * d) + real[1] * (decoder + o.vocab * d))
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    peak = next((value for part, value in PEAK.items() if part in name), None)
    found: Result = {
        "ms": round(seconds * 1000 / o.steps, 2), "host_ms": round(host * 1000 / o.steps, 2),
        "target_tokens_per_s": round(real[1] / seconds), "TFLOP_per_s": round(operations / seconds / 1e12, 3),
        "utilization": round(operations / seconds / peak, 4) if peak else None,
        "real_of_padded": [round(r / p, 4) for r, p in zip(real, padded, strict=True)],
        "micro_batches": len(parts) / o.steps, "loss": round(done[-1].sums["nll"] / done[-1].tokens, 4),
    }  # fmt: skip
    if device.type == "cuda":
        found |= {"peak_MB": torch.cuda.max_memory_allocated() >> 20, "waits": waits(one), **kernels(one, device)}
    return found


def waits(work: Callable[[], None]) -> dict[str, int]:
    """Where the host waits for the device in one step, and how often."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        work()
        torch.cuda.set_sync_debug_mode("default")
    said = [w for w in caught if "synchroniz" in str(w.message)]
    return dict(Counter(f"{w.filename.rsplit('/', 1)[-1]}:{w.lineno}" for w in said))


def kernels(work: Callable[[], None], device: torch.device) -> Result:
    """How many a step starts, and how long the longest keep the device busy."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
        work()
        wait(device)
    events = [event for event in profiler.events() if str(event.device_type).endswith("CUDA")]
    busy: Counter[str] = Counter()
    for event in events:
        busy[event.name[:70]] += event.device_time_total / 1000  # type: ignore[assignment]
    longest = {name: round(ms, 3) for name, ms in busy.most_common(20)}
    return {"launches": len(events), "busy_ms": round(sum(busy.values()), 2), "kernels_ms": longest}


PARTS: dict[str, Callable[[argparse.Namespace, torch.device], Result]] = {
    "limits": limits, "attention": attention, "loss": loss, "step": step,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them where none is named")
    parser.add_argument("--shape", choices=SHAPES, default="big")
    parser.add_argument("--tokens", type=int, default=50_000, help="real target tokens an update")
    parser.add_argument("--max-tokens", type=int, default=0, help="padded tokens a micro-batch; 0: all of an update")
    parser.add_argument("--vocab", type=int, default=32_000)
    parser.add_argument("--length", type=int, default=27, help="median length of a source")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="muon")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default="cuda")
    o = parser.parse_args()
    o.parts = o.parts or list(PARTS)
    if unknown := [part for part in o.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    device = torch.device(o.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    result: Result = {"torch": torch.__version__, "device": name, **vars(o)}
    for part in o.parts:
        begun = time.perf_counter()
        result[part] = PARTS[part](o, device)
        print(f"{part}, {time.perf_counter() - begun:.1f} s: {result[part]}", flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
