"""What ranks send and keep for an update: each doing all of it, and sharing it. The last line of the output is JSON.

    python scripts/bench/sharing.py --ranks 2
    python scripts/bench/sharing.py --ranks 4 --precision bf16 --width 512

Processes of this machine, by gloo, which send over a network of their own (Linux, as root) so that nothing else is
counted. Bytes are those that the network saw, of all ranks together, in an update; memory is that of a rank's tensors
between updates: weights, gradients, the optimizer's state. Both ways are compared after the last update: 0 means the
same weights to the bit.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from nmt.model.kinds import build, matrix_blocks
from nmt.recipe import ModelSection, TrainSection
from nmt.train.parallel import ALONE, World
from nmt.train.weights import FlatWeights

UPDATES = 4
WAYS = ("each", "shared")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def sent() -> int:
    """Bytes over the loopback device so far."""
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[8])
    raise SystemExit("there is no loopback device")


def memory() -> float:
    """MB of all tensors that there are."""
    found = (
        tensor.untyped_storage() for tensor in gc.get_objects() if type(tensor) in (torch.Tensor, torch.nn.Parameter)
    )
    return sum({storage.data_ptr(): storage.nbytes() for storage in found}.values()) / 1e6


def rank(number: int, way: str, o: argparse.Namespace, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=f"file://{folder}/{way}", rank=number, world_size=o.ranks)
    world, before = World(number, o.ranks), memory()
    shape: dict[str, Any] = {"num_encoder_layers": o.layers, "num_decoder_layers": o.layers, "num_heads": 4}
    section = ModelSection(d_model=o.width, d_ff=4 * o.width, **shape)
    torch.manual_seed(1)
    model = build(section, o.vocab, o.vocab)
    train = TrainSection(max_steps=1, clip_norm=0)
    shared = way == "shared"
    weights = FlatWeights(model, train, DTYPES[o.precision], matrix_blocks(model), world=world if shared else ALONE)
    draw, begun = torch.Generator(), 0
    for step in range(1, UPDATES + 1):
        for name, view in weights.owners.views(weights.gradients.latest).items():
            view.copy_(torch.randn(view.shape, generator=draw.manual_seed(hash_of(name, step, number))))
        weights.gradients.add_micro_batch()
        dist.barrier()
        if step == 2:  # connections are made in the first
            begun = sent()
        if shared:
            weights.reduce()
        else:
            world.all_reduce(weights.grad)
        weights.update(1e-3, 100, step)
        dist.barrier()
    bytes_each, kept = (sent() - begun) / (UPDATES - 1), memory() - before
    views = {name: view.float().clone() for name, view in weights.owners.views(weights.compute).items()}
    torch.save((bytes_each, kept, views), Path(folder) / f"{way}-{number}.pt")
    dist.barrier()
    dist.destroy_process_group()


def hash_of(name: str, step: int, number: int) -> int:
    """A seed that does not depend on where a weight lies."""
    return sum((i + 1) * byte for i, byte in enumerate(f"{name} {step} {number}".encode())) % (1 << 31)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--precision", choices=DTYPES, default="fp32")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--vocab", type=int, default=8000)
    o = parser.parse_args()
    if "NMT_OWN_NETWORK" not in os.environ:
        command = 'ip link set lo up && exec "$@"'
        environment = os.environ | {"NMT_OWN_NETWORK": "1"}
        own = ["unshare", "--net", "sh", "-c", command, "sh", sys.executable, *sys.argv]
        sys.exit(subprocess.run(own, env=environment, check=False).returncode)
    context = multiprocessing.get_context("fork")
    result: dict[str, Any] = vars(o)
    weights = []
    with tempfile.TemporaryDirectory() as folder:
        for way in WAYS:
            processes = [context.Process(target=rank, args=(number, way, o, folder)) for number in range(o.ranks)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            found = [torch.load(Path(folder) / f"{way}-{number}.pt") for number in range(o.ranks)]
            result[way] = {
                "MB_sent_an_update": round(found[0][0] / 1e6, 2),
                "MB_kept_by_rank": [round(kept) for _, kept, _ in found],
            }
            weights.append(found[-1][2])
            print(f"{way}: {result[way]}", flush=True)
    result["weights"] = sum(tensor.numel() for tensor in weights[0].values())
    result["largest_difference"] = max(float((weights[0][name] - w).abs().max()) for name, w in weights[1].items())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
