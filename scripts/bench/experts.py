"""Mixtures of experts shared among processes: that they learn what one process does, what travels, and when that pays.

    python scripts/bench/experts.py --plot speed-up.png
    python scripts/bench/experts.py --model-only

Eight processes (gloo) as four nodes of two, as torchrun --nnodes 4 --nproc-per-node 2 would start them, each with a
micro-batch of its own: losses and gradients beside those of one process, bytes and messages beside what follows from
the tokens' choices. Then the speed of grouped experts beside a dense block of as many operations, on one thread. Then a
cost model of one all-to-all of 16 nodes of 8. Its last line is a JSON object: `bytes` and `messages` are between nodes,
there and back, forward and backward; differences are the largest of any number, of losses and gradients a token.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from nmt.data.batches import Batch, collate
from nmt.model.experts import Experts
from nmt.model.feed_forward import FeedForward
from nmt.model.kinds import Model, build, matrix_blocks
from nmt.model.routing import Pairs
from nmt.recipe import ExpertsSection, ModelSection, TrainSection
from nmt.train.exchange import by_way_of
from nmt.train.experts import Shards, lay_out
from nmt.train.objective import Write
from nmt.train.parallel import World
from nmt.train.traffic import Stretch, Traffic, at_once, nodes_first, predicted, wanted, within_first
from nmt.train.weights import FlatWeights

NODES, LOCAL = 4, 2
RANKS = NODES * LOCAL
EXPERTS = 16  # two on each rank
D_MODEL, VOCABULARY = 32, 64
HIERARCHICAL = "switch, within the node first"  # another transport of the same choice
ARMS: dict[str, dict[str, Any]] = {
    "switch": {"routing": "switch"},
    "top2": {"routing": "top2"},
    "two_level": {"routing": "two_level", "nodes": NODES},
    "group_limited": {"routing": "group_limited", "nodes": NODES, "top_k": 2, "top_nodes": 1},
    HIERARCHICAL: {"routing": "switch"},
}


def section_of(arm: str) -> ModelSection:
    return ModelSection(
        d_model=D_MODEL, d_ff=64, num_heads=2, num_encoder_layers=2, num_decoder_layers=2, dropout=0.0,
        experts=ExpertsSection(number=EXPERTS, **ARMS[arm]),
    )  # fmt: skip


def model_of(section: ModelSection) -> Model:
    torch.manual_seed(1)
    model = build(section, VOCABULARY, VOCABULARY)
    for module in model.modules():
        if isinstance(module, Experts):
            for weight in module.router.weights():
                torch.nn.init.normal_(weight, std=D_MODEL**-0.5)  # so that tokens choose, as they later do
    return model.train()


def micro_batches() -> list[Batch]:
    g = torch.Generator().manual_seed(3)

    def rows() -> list[list[int]]:
        lengths = torch.randint(3, 12, (16,), generator=g).tolist()
        return [torch.randint(4, VOCABULARY, (n,), generator=g).tolist() for n in lengths]

    return [collate(rows(), rows(), torch.arange(16).numpy()) for _ in range(RANKS)]


def learn(model: Model, batches: list[Batch]) -> float:
    total = 0.0
    for batch in batches:
        loss = Write(0.1, ()).loss(model, batch).total  # type: ignore[arg-type]
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total


def weights_of(model: Model, shards: Shards | None = None) -> FlatWeights:
    return FlatWeights(model, TrainSection(), torch.float32, matrix_blocks(model), shards)


# --- eight processes -------------------------------------------------------------------------------------------------


def member(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(RANKS), LOCAL_RANK=str(rank % LOCAL), LOCAL_WORLD_SIZE=str(LOCAL))
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=RANKS)
    torch.save({arm: one_update(World(rank, RANKS), arm) for arm in ARMS}, folder / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def one_update(world: World, arm: str) -> dict[str, Any]:
    """This rank's loss, what its tokens chose, what it sent; on rank 0 the gradients as one process has them."""
    section = section_of(arm)
    experts = section.experts
    assert experts is not None
    shards = Shards(lay_out(world, RANKS, experts), experts)
    model, _ = shards.divide(model_of(section), torch.float32)
    layout, each = shards.layout, EXPERTS // RANKS
    chosen: list[tuple[Tensor, Tensor]] = []
    within = by_way_of(shards.hop(layout.within(), each, 1), shards.hop(layout.between(), each * LOCAL, 1))
    for module in model.modules():
        if isinstance(module, Experts):
            own: Any = within if arm == HIERARCHICAL else module.exchange

            def exchange(here: Any, x: Tensor, pairs: Pairs, own: Any = own) -> Any:
                chosen.append((pairs.token, pairs.expert))
                return own(here, x, pairs)

            module.exchange = exchange
    weights = weights_of(model, shards)
    loss = learn(model, micro_batches()[world.rank :: RANKS])
    weights.reduce()
    gradients = shards.gathered(weights.owners.views(weights.grad))
    return {"loss": loss, "gradients": gradients, "chosen": chosen, "traffic": shards.traffic}


def way_of(arm: str, tokens: list[Tensor], chosen: list[Tensor], ranks: int, nodes: int) -> list[Stretch]:
    """What a layer's tokens go through; tokens and chosen experts are of each rank."""
    each, local = EXPERTS // ranks, ranks // nodes
    by_rank = wanted(tokens, chosen, each, ranks)
    k = 2 if arm in ("top2", "group_limited") else 1
    if arm in ("two_level", "group_limited"):
        return nodes_first(by_rank, wanted(tokens, chosen, each * local, nodes), k, min(k, each))
    if arm == HIERARCHICAL:
        return within_first(by_rank, wanted(tokens, chosen, each, local), nodes, k, k)
    return at_once(by_rank, min(k, each))


def compare(arm: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    counted, expected = Traffic.none(NODES), Traffic.none(NODES)
    for one in found:
        counted.add(one["traffic"])
    for layer in zip(*(one["chosen"] for one in found), strict=True):
        tokens, chosen = (list(of) for of in zip(*layer, strict=True))
        expected.add(predicted(way_of(arm, tokens, chosen, RANKS, NODES), D_MODEL, 4, NODES))
    model = model_of(section_of(arm))
    weights, batches = weights_of(model), micro_batches()
    loss, tokens = learn(model, batches), sum(batch.num_tokens for batch in batches)
    mine, theirs = weights.owners.views(weights.grad), found[0]["gradients"]
    assert mine.keys() == theirs.keys()
    apart = [(mine[name] - theirs[name]).abs().max() for name in mine]
    of_experts = [name for name in mine if name.endswith(("feed_forward.inner", "feed_forward.outer"))]
    (size, messages), (size_predicted, messages_predicted) = counted.between_nodes(), expected.between_nodes()
    return {
        "bytes": size, "messages": messages, "bytes_predicted": size_predicted,
        "messages_predicted": messages_predicted,
        "bytes_within": int(counted.bytes.sum()) - size, "messages_within": int(counted.messages.sum()) - messages,
        "sizes_told": int(counted.size_messages.sum()),
        "all_as_predicted": all(
            a.equal(b)
            for a, b in (
                (counted.bytes, expected.bytes), (counted.messages, expected.messages),
                (counted.size_messages, expected.size_messages),
            )
        ),
        "loss_difference": abs(sum(one["loss"] for one in found) - loss) / tokens,
        "gradient_difference": float(max(apart)) / tokens,
        # of each layer's experts, as a share of the gradient's norm
        "experts_gradient_difference": max(
            float((mine[name] - theirs[name]).norm() / mine[name].norm()) for name in of_experts
        ),
    }  # fmt: skip


def measure_processes() -> dict[str, dict[str, Any]]:
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        processes = [context.Process(target=member, args=(rank, folder)) for rank in range(RANKS)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            raise SystemExit("a process failed")
        found = [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(RANKS)]
    return {arm: compare(arm, [one[arm] for one in found]) for arm in ARMS}


# --- speed -----------------------------------------------------------------------------------------------------------


def speed_ratio(d_model: int, d_ff: int, rounds: int = 9) -> float:
    """Dense / experts, forward and backward of 2,048 tokens on one thread, in CPU seconds: others may use the machine.
    Of each the fastest of rounds in turn. A token has one of eight experts: the same operations, but for the routers'.
    """
    torch.set_num_threads(1)

    def made(experts: ExpertsSection | None) -> ModelSection:
        return ModelSection(d_model=d_model, d_ff=d_ff, num_heads=4, dropout=0.0, experts=experts)

    blocks = FeedForward(made(None)), Experts(made(ExpertsSection(routing="two_level", number=8, nodes=4)))
    x, towards = torch.randn(16, 128, d_model), torch.randn(16, 128, d_model)
    best = [float("inf")] * 2
    for _ in range(rounds + 1):  # the first allocates gradients
        for i, block in enumerate(blocks):
            given = x.clone().requires_grad_()
            begun = time.process_time()
            block.train()(given).backward(towards)
            best[i] = min(best[i], time.process_time() - begun)
    return best[0] / best[1]


# --- cost ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """n nodes of m ranks, T tokens a rank, rows of so many bytes; bytes a second of a node's network and of a rank's
    links within it. Assumed, not measured.
    """

    nodes: int = 16
    local: int = 8
    tokens: int = 16_384
    row_bytes: int = 768 * 2
    network: float = 50e9
    links: float = 300e9

    def seconds(self, arm: str, latency: float) -> float:
        """Of one all-to-all, where all choices are equally likely: messages one after another, then bytes."""
        n, m, row = self.nodes, self.local, self.tokens * self.row_bytes
        k = 2 if arm in ("top2", "group_limited") else 1
        if arm in ("switch", "top2"):
            peers, away, inside = n * m - 1, k * row * (n - 1) / n, k * row * (m - 1) / (n * m)
        else:  # group_limited sends a copy a node, whatever it wants there
            peers = (n - 1) + (m - 1)
            away, inside = row * (n - 1) / n, k * row * (m - 1) / m
        return peers * latency + away * m / self.network + inside / self.links

    def ratio(self, latency: float) -> float:
        """Of communication: one level / two levels."""
        return self.seconds("switch", latency) / self.seconds("two_level", latency)

    @property
    def limit(self) -> float:
        """Of that ratio for a large latency."""
        n, m = self.nodes, self.local
        return (n * m - 1) / (n + m - 2)

    def speed_up(self, latency: float, share: float) -> float:
        """Of a whole step of which communication has this share where there is one level."""
        return 1 / (1 - share + share / self.ratio(latency))


def messages_by_formula(nodes: int, local: int) -> dict[str, dict[str, int]]:
    """Of one all-to-all in which each rank has something for each: between nodes, and within."""
    ranks = nodes * local
    each = torch.ones(ranks, ranks, dtype=torch.int64)
    ways = {
        "one_level": at_once(each, 1),
        "two_level": nodes_first(each, each[:, :nodes] * local, 1, 1),
        "one_level_within_first": within_first(each, each[:, :local] * nodes, nodes, 1, 1),
    }
    found = {}
    for name, stretches in ways.items():
        traffic = predicted(stretches, 1, 2, nodes, backward=False)  # there and back
        between = traffic.between_nodes()[1] // 2
        found[name] = {"between_nodes": between, "within": int(traffic.messages.sum()) // 2 - between}
    return found


def cost_model(cluster: Cluster) -> dict[str, Any]:
    rows = []
    for latency in (0.0, 50e-6, 100e-6, 500e-6):
        one, two = (cluster.seconds(arm, latency) for arm in ("switch", "two_level"))
        rows.append({"latency_us": latency * 1e6, "one_level_ms": one * 1e3, "two_level_ms": two * 1e3,
                     "ratio": one / two})  # fmt: skip
    print("\n| cost of a message | one level, ms | two levels, ms | ratio |\n|---|---|---|---|")
    for row in rows:
        print("| {latency_us:.0f} µs | {one_level_ms:.1f} | {two_level_ms:.1f} | {ratio:.2f} |".format(**row))
    share = 0.6 / (1 - 1 / cluster.limit)
    print(
        f"\nFor a large latency the ratio of communication comes to {cluster.limit:.1f}; a step 2.5 times as fast "
        f"needs communication to be at least {share:.1%} of it. With bandwidth alone nothing is gained."
    )
    return {
        "table": [{key: round(value, 3) for key, value in row.items()} for row in rows],
        "limit": round(cluster.limit, 3), "share_for_2.5": round(share, 4),
        "messages_16x8": messages_by_formula(16, 8),
    }  # fmt: skip


def plot(cluster: Cluster, path: Path) -> None:
    """The speed-up of a whole step over what a message costs and the share of communication."""
    from matplotlib.figure import Figure

    latencies, shares = [i * 5.0 for i in range(101)], [i / 100 for i in range(101)]  # µs
    values = [[cluster.speed_up(latency * 1e-6, share) for latency in latencies] for share in shares]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    mesh = axes.pcolormesh(latencies, shares, values, shading="auto")
    lines = axes.contour(latencies, shares, values, levels=[1.25, 1.5, 2, 2.5, 3, 4], colors="white", linewidths=0.8)
    axes.clabel(lines)
    axes.set_xlabel("cost of a message (µs)")
    axes.set_ylabel("share of communication in a step with one level")
    axes.set_title(f"Two levels / one level, {cluster.nodes} nodes of {cluster.local} (modelled)", fontsize=10)
    figure.colorbar(mesh, label="speed-up of a step")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the modelled speed-up")
    parser.add_argument("--model-only", action="store_true", help="the cost model alone, without processes")
    options = parser.parse_args()
    cluster = Cluster()
    result: dict[str, Any] = {}
    if not options.model_only:
        result |= measure_processes()
        print("| routing | bytes | messages | predicted | loss | gradient |\n|---|---|---|---|---|---|")
        for arm, found in result.items():
            print(
                f"| {arm} | {found['bytes']:,} | {found['messages']:,} | "
                f"{'all the same' if found['all_as_predicted'] else 'NOT the same'} | {found['loss_difference']:.1e} | "
                f"{found['gradient_difference']:.1e} |"
            )
        shapes = {"128x256": (128, 256), "256x1024": (256, 1024)}
        result["speed_ratio"] = {name: round(speed_ratio(*shape), 3) for name, shape in shapes.items()}
        print(f"\nDense block / eight experts, CPU time: {result['speed_ratio']}")
    result["cost_model"] = cost_model(cluster)
    if options.plot:
        plot(cluster, options.plot)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
