"""Experts shared among processes: all must come out as in one process, and what travels as it is worked out."""

from __future__ import annotations

import math
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nmt.data.batches import Batch, collate
from nmt.errors import Interrupted, RecipeError, RunError
from nmt.model.experts import Experts
from nmt.model.kinds import build, matrix_blocks
from nmt.model.routing import Pairs
from nmt.model.terms import collected_terms
from nmt.model.transformer import Transformer
from nmt.recipe import ExpertsSection, ModelSection, Recipe, TrainSection
from nmt.run import checkpoint as ckpt
from nmt.run.load import load_model
from nmt.train.exchange import by_way_of
from nmt.train.experts import Shards, idle, lay_out
from nmt.train.objective import Write
from nmt.train.parallel import World
from nmt.train.profile import profile_steps
from nmt.train.traffic import LABEL_BYTES, Stretch, Traffic, at_once, nodes_first, predicted, wanted, within_first
from nmt.train.trainer import Trainer, train
from nmt.train.weights import FlatWeights
from tests.ranks import processes
from tests.unit.test_trainer import last_bytes, prepared, records, run, timeless

SHAPE: dict[str, Any] = {
    "d_model": 16,
    "d_ff": 24,
    "num_heads": 2,
    "num_encoder_layers": 2,
    "num_decoder_layers": 2,
    "dropout": 0.0,
}
ROUTINGS: list[dict[str, Any]] = [
    {"routing": "switch"}, {"routing": "top2", "capacity": 1.0}, {"routing": "two_level", "nodes": 4, "capacity": 1.0},
    {"routing": "two_level", "nodes": 4, "per_node": True, "balance": 0.01},
    {"routing": "group_limited", "nodes": 4, "top_k": 2, "top_nodes": 1},
    {"routing": "group_limited", "nodes": 4, "top_k": 3, "top_nodes": 2},
]  # fmt: skip


def model_section(**experts: Any) -> ModelSection:
    return ModelSection(**SHAPE, experts=ExpertsSection(**{"number": 8, "layers": "all", **experts}))


def made(section: ModelSection) -> Transformer:
    torch.manual_seed(1)
    model = build(section, 50, 50)
    assert isinstance(model, Transformer)
    for module in model.modules():
        if isinstance(module, Experts):
            for linear in module.router.maps:
                torch.nn.init.normal_(linear.weight)  # type: ignore[arg-type]
    return model.train()


def batches(number: int) -> list[Batch]:
    """Of three sentences of various lengths, with padding."""
    g = torch.Generator().manual_seed(3)
    found = []
    for _ in range(number):
        rows = [torch.randint(4, 50, (int(n),), generator=g).tolist() for n in torch.randint(1, 9, (6,), generator=g)]
        found.append(collate(rows[:3], rows[3:], torch.arange(3).numpy()))
    return found


def learned(model: Transformer, given: list[Batch]) -> tuple[float, dict[str, float]]:
    """Forward and backward; the loss, and what layers report."""
    total, said = 0.0, dict[str, float]()
    for batch in given:
        with collected_terms() as terms:
            loss = Write(0.1, ()).loss(model, batch)
            loss.total.backward()  # type: ignore[no-untyped-call]
        total += float(loss.total.detach())
        said = {name: said.get(name, 0.0) + float(term) for name, term in terms.items()}
    return total, said


def weights_of(model: Transformer, shards: Shards | None = None) -> FlatWeights:
    return FlatWeights(model, TrainSection(adam_eps=1e-3), torch.float32, matrix_blocks(model), shards)


def noted(model: Transformer) -> list[tuple[Tensor, Tensor]]:
    """The tokens and experts that layers ask for from now on, one layer's after another's."""
    asked: list[tuple[Tensor, Tensor]] = []
    for module in model.modules():
        if isinstance(module, Experts) and module.exchange is not None:

            def exchange(here: Any, x: Tensor, pairs: Pairs, exchange: Any = module.exchange) -> Tensor:
                asked.append((pairs.token, pairs.expert))
                made: Tensor = exchange(here, x, pairs)
                return made

            module.exchange = exchange
    return asked


def one_update(world: World, section: ModelSection, size: int, number: int) -> dict[str, Any]:
    """The gradient of `number` micro-batches, dealt out to the ranks, and the weights that an update makes of it."""
    shards = Shards(lay_out(world, size, section.experts), section.experts)
    model, whole = shards.divide(made(section), torch.float32)
    weights = weights_of(model, shards)
    asked = noted(model)
    mine = batches(number)[world.rank :: world.size]
    loss, said = learned(model, mine)
    if len(mine) < -(-number // world.size):
        idle(model)
    weights.reduce()
    common = weights.shards.common(weights.grad, weights.owners.views(weights.grad)).clone()
    gradients = {k: v.clone() for k, v in shards.gathered(weights.owners.views(weights.grad)).items()}
    norm = float(weights.update(1e-2, 40, 1))
    with weights.averaged(whole):
        validates = {k: v.detach().clone() for k, v in whole.named_parameters()} if world.is_main else {}
    return {
        "loss": loss, "said": said, "gradients": gradients, "norm": norm, "common": common,
        "state": weights.state(), "translating": weights.translating(), "validates": validates,
        "asked": asked, "traffic": shards.traffic,
        "held": [len(m.held) for m in model.modules() if isinstance(m, Experts)],
    }  # fmt: skip


def check_traffic(section: ModelSection, found: list[dict[str, Any]], nodes: int) -> None:
    """Of one set, on so many nodes: what was counted is what follows from the choices of tokens."""
    assert section.experts is not None
    ranks, number, most = len(found), section.experts.number, int(section.experts.per_token)
    each, on_node = number // ranks, number // nodes
    expected = Traffic.none(nodes)
    for call in zip(*(one["asked"] for one in found), strict=True):
        tokens, experts = zip(*call, strict=True)
        by_rank, by_node = wanted(tokens, experts, each, ranks), wanted(tokens, experts, on_node, nodes)
        if section.experts.nodes > 1 and nodes > 1:
            stretches = nodes_first(by_rank, by_node, min(most, on_node), min(most, each))
            stretches = [s for s in stretches if int(s.together.sum()) > ranks]  # a node of one rank has no way within
        else:
            stretches = at_once(by_rank, min(most, each))
        expected.add(predicted(stretches, section.d_model, 4, nodes))
    counted = Traffic.none(nodes)
    for one in found:
        counted.add(one["traffic"])
    assert counted.bytes.equal(expected.bytes)
    assert counted.messages.equal(expected.messages)
    assert counted.size_messages.equal(expected.size_messages)
    assert counted.bytes.any()


def check_as_one(section: ModelSection, found: list[dict[str, Any]], number: int, size: int) -> None:
    model = made(section)
    weights = weights_of(model)
    loss, said = learned(model, batches(number))
    gradients = {name: g.clone() for name, g in weights.owners.views(weights.grad).items()}
    norm = float(weights.update(1e-2, 40, 1))
    assert sum(one["loss"] for one in found) == pytest.approx(loss, rel=1e-6)
    for name, value in said.items():
        assert sum(one["said"].get(name, 0.0) for one in found) == pytest.approx(value, rel=1e-5)
    main = found[0]
    assert main["held"] == [8 // size] * 4
    assert main["gradients"].keys() == gradients.keys()
    for name, g in gradients.items():
        torch.testing.assert_close(main["gradients"][name], g, atol=2e-5, rtol=1e-5, msg=name)
    for kind, wanted_ in (("state", weights.state()), ("translating", weights.translating())):
        assert {k: v.shape for k, v in main[kind].items()} == {k: v.shape for k, v in wanted_.items()}
    for name, tensor in weights.owners.views(weights.master).items():
        torch.testing.assert_close(main["state"][f"master.{name}"], tensor, atol=1e-4, rtol=1e-4, msg=name)
        assert main["validates"][name].equal(main["translating"][name])
    for one in found:
        assert one["norm"] == found[0]["norm"] == pytest.approx(norm, rel=1e-5)
        assert one["common"].equal(main["common"])
        assert math.isfinite(one["norm"])


@pytest.mark.parametrize("keys", ROUTINGS, ids=lambda keys: "-".join(map(str, keys.values())))
def test_two_processes_that_share_experts_learn_what_one_does(keys: dict[str, Any], tmp_path: Path) -> None:
    """On two nodes; of three micro-batches one process has one, and meanwhile its experts have the other's tokens."""
    section = model_section(**keys)
    found = processes(2, 1, tmp_path, one_update, section, 2, 3)
    check_as_one(section, found, 3, 2)
    check_traffic(section, found, 2)


def test_two_sets_of_experts_learn_what_one_does(tmp_path: Path) -> None:
    section = model_section(routing="two_level", nodes=2)
    check_as_one(section, processes(1, 4, tmp_path, one_update, section, 2, 5), 5, 2)


@pytest.mark.slow
@pytest.mark.parametrize("keys", ROUTINGS, ids=lambda keys: "-".join(map(str, keys.values())))
@pytest.mark.parametrize(("nodes", "local", "size"), [(4, 2, 8), (2, 4, 8), (4, 2, 4)])
def test_eight_processes_that_share_experts_learn_what_one_does(
    keys: dict[str, Any], nodes: int, local: int, size: int, tmp_path: Path
) -> None:
    section = model_section(**keys)
    found = processes(nodes, local, tmp_path, one_update, section, size, 10)
    check_as_one(section, found, 10, size)
    if size == 8:
        check_traffic(section, found, nodes)


# --- traffic ---------------------------------------------------------------------------------------------------------


def random_pairs(ranks: int, number: int, k: int) -> tuple[list[Tensor], list[Tensor]]:
    """Of each rank some tokens, each with k of so many experts."""
    g = torch.Generator().manual_seed(7)
    token, expert = [], []
    for rank in range(ranks):
        chosen = torch.rand(3 + 2 * rank, number, generator=g).topk(k, 1).indices
        token.append(torch.arange(len(chosen))[:, None].expand_as(chosen).flatten())
        expert.append(chosen.flatten())
    return token, expert


def walked(ways: list[list[int]], experts: set[int]) -> set[tuple[int, int]]:
    """Which stretches from rank to rank a token goes: `ways` has for each expert the ranks on its way."""
    return {(ways[e][i], ways[e][i + 1]) for e in experts for i in range(len(ways[e]) - 1)}


@pytest.mark.parametrize("k", [1, 3])
def test_what_travels_is_as_if_each_token_was_followed(k: int) -> None:
    """Four nodes of two ranks, two experts on each: every copy of a token, counted one by one."""
    nodes, local, each = 4, 2, 2
    ranks = nodes * local
    token, expert = random_pairs(ranks, ranks * each, k)
    by_rank = wanted(token, expert, each, ranks)
    by_node = wanted(token, expert, each * local, nodes)
    by_place = wanted(token, expert, each, local)
    transports: dict[str, tuple[list[Stretch], Callable[[int, int], list[int]]]] = {
        "straight": (at_once(by_rank, k), lambda a, b: [a, b]),
        "nodes first": (nodes_first(by_rank, by_node, k, k), lambda a, b: [a, b // local * local + a % local, b]),
        "within first": (
            within_first(by_rank, by_place, nodes, k, k), lambda a, b: [a, a // local * local + b % local, b],
        ),
    }  # fmt: skip
    for name, (stretches, way) in transports.items():
        copies = torch.zeros(ranks, ranks, dtype=torch.int64)
        for rank in range(ranks):
            for t in range(int(token[rank].max()) + 1):
                experts = set(expert[rank][token[rank] == t].tolist())
                ways = [way(rank, e // each) for e in range(ranks * each)]
                for a, b in walked(ways, experts):
                    copies[a, b] += a != b
        diagonal = torch.eye(ranks, dtype=torch.bool)
        assert sum(s.copies.masked_fill(diagonal, 0) for s in stretches).equal(copies), name  # type: ignore[union-attr]
        there = predicted(stretches, 16, 4, nodes, backward=False)
        assert int(there.bytes.sum()) == int(copies.sum()) * (2 * 16 * 4 + k * (4 + LABEL_BYTES))
        both = predicted(stretches, 16, 4, nodes)
        assert int((both.bytes - there.bytes).sum()) == int(copies.sum()) * (2 * 16 * 4 + k * 4)


def test_messages_between_nodes_are_as_many_as_ranks_meet() -> None:
    """n(n-1)m² messages between nodes become n(n-1)m, for as many bytes where a token has one expert."""
    nodes, local = 4, 2
    token = [torch.arange(64)] * 8
    expert = [torch.arange(64) % 8] * 8  # every rank has something for every other
    by_rank, by_node = wanted(token, expert, 1, 8), wanted(token, expert, 2, nodes)
    one = predicted(at_once(by_rank, 1), 16, 4, nodes, backward=False)
    two = predicted(nodes_first(by_rank, by_node, 1, 1), 16, 4, nodes, backward=False)
    assert one.between_nodes()[1] == 2 * nodes * (nodes - 1) * local**2
    assert two.between_nodes()[1] == 2 * nodes * (nodes - 1) * local
    assert one.between_nodes()[0] == two.between_nodes()[0]


def exchanged(world: World) -> dict[str, Any]:
    """A sum by each transport, where expert e makes e times the token."""
    experts = ExpertsSection(number=16, routing="group_limited", nodes=4, top_k=3, top_nodes=2)
    shards = Shards(lay_out(world, world.size, experts), experts)
    layout, each = shards.layout, experts.number // world.size
    token, expert = (pairs[world.rank] for pairs in random_pairs(world.size, 16, 3))
    x = torch.arange(1.0, int(token.max()) + 2)[:, None] + 100 * torch.arange(4)
    held = set(range(world.rank * each, (world.rank + 1) * each))

    def here(x: Tensor, pairs: Pairs) -> Tensor:
        assert set(pairs.expert.tolist()) <= held
        rows = x[pairs.token] * pairs.expert[:, None] * pairs.weight[:, None]
        return torch.zeros_like(x).index_add(0, pairs.token, rows)

    weight = 1.0 + torch.arange(len(token))
    expected = torch.zeros_like(x).index_add(0, token, x[token] * expert[:, None] * weight[:, None])
    between, within = layout.between(), layout.within()
    ways = {
        "straight": [(layout.same(), each, 3)], "nodes first": [(between, each * 2, 3), (within, each, 3)],
        "within first": [(within, each, 3), (between, each * 2, 3)],
    }  # fmt: skip
    found = {}
    for name, way in ways.items():
        shards.traffic.clear()
        made = by_way_of(*(shards.hop(*stretch) for stretch in way))(here, x, Pairs(token, expert, weight))
        torch.testing.assert_close(made, expected)
        found[name] = [counts.clone() for counts in (shards.traffic.bytes, shards.traffic.messages)]
    return found


def one_token(world: World, dtype: torch.dtype, tokens: int) -> Tensor:
    """So many tokens of each rank go to the other's expert."""
    experts = ExpertsSection(number=2)
    exchange = Shards(lay_out(world, 2, experts), experts).exchange(experts)
    x = torch.full((tokens, 4), 1.0 + world.rank, dtype=dtype, requires_grad=True)
    pairs = Pairs(torch.arange(tokens), torch.full((tokens,), 1 - world.rank), torch.full((tokens,), 0.5))
    y = exchange(lambda x, pairs: x * pairs.weight[:, None] * (10 + world.rank), x, pairs)
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return torch.stack([y.detach(), x.grad])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("tokens", [0, 1, 3])
def test_few_tokens_of_any_type_travel(dtype: torch.dtype, tokens: int, tmp_path: Path) -> None:
    first, second = processes(2, 1, tmp_path, one_token, dtype, tokens)
    assert first.dtype == dtype
    assert first.tolist() == [[[1.0 * 0.5 * 11] * 4] * tokens, [[0.5 * 11] * 4] * tokens]
    assert second.tolist() == [[[2.0 * 0.5 * 10] * 4] * tokens, [[0.5 * 10] * 4] * tokens]


@pytest.mark.slow
def test_every_transport_brings_tokens_to_their_experts_and_back(tmp_path: Path) -> None:
    found = processes(4, 2, tmp_path, exchanged)
    token, expert = random_pairs(8, 16, 3)
    by_rank, by_node, by_place = (wanted(token, expert, *places) for places in ((2, 8), (4, 4), (2, 2)))
    for name, stretches in (
        ("straight", at_once(by_rank, 3)),
        ("nodes first", nodes_first(by_rank, by_node, 3, 3)),
        ("within first", within_first(by_rank, by_place, 4, 3, 3)),
    ):
        expected = predicted(stretches, 4, 4, 4, backward=False)
        assert sum(one[name][0] for one in found).equal(expected.bytes), name
        assert sum(one[name][1] for one in found).equal(expected.messages), name


# --- a whole training ------------------------------------------------------------------------------------------------

# Without dropout, whose masks depend on how an update is cut; see test_trainer's SMOOTH
KEYS: dict[str, Any] = {
    "model__experts": {"number": 4, "routing": "two_level", "nodes": 2, "layers": "all"}, "model__dropout": 0.0,
    "train__adam_eps": 1e-3, "train__save_every": 2, "train__max_steps": 8, "train__eval_every": 4,
}  # fmt: skip


def trained(world: World, recipe: Recipe, kill_after: int) -> str:
    """What is said of a training that its second process gets a signal in; empty where it came to its end."""
    step = Trainer._step

    def killed(self: Trainer) -> None:
        step(self)
        if self.state.step == kill_after and world.rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    Trainer._step = killed  # type: ignore[method-assign]
    try:
        train(recipe, recipe.prepared_dir, "nmt train toy.yaml")
    except Interrupted as e:
        return e.message
    return ""


def test_a_run_of_processes_that_share_experts_is_that_of_one(toy_recipe: Any, tmp_path: Path) -> None:
    """Its files, what it is validated by; killed and begun again it ends with the same bytes; one process goes on."""
    one, two, killed, on = (
        toy_recipe(**KEYS, train__expert_parallel=size, train__runs_dir=str(tmp_path / name))
        for name, size in (("one", 1), ("two", 2), ("killed", 2), ("on", 1))
    )
    whole = run(one)
    assert processes(2, 1, tmp_path, trained, two, 0) == ["", ""]
    stopped = processes(2, 1, tmp_path, trained, killed, 3)
    assert all(message.startswith("stopped by signal 15 after step 3; everything is saved") for message in stopped)
    shutil.copytree(killed.run_dir, on.run_dir)
    assert processes(2, 1, tmp_path, trained, killed, 0) == ["", ""]
    assert last_bytes(killed.run_dir) == last_bytes(two.run_dir)
    for event in ("valid", "experts"):
        assert timeless(killed.run_dir, event) == timeless(two.run_dir, event)
    for mine, theirs in zip(records(two.run_dir, "experts"), records(whole, "experts"), strict=True):
        for layer, load in theirs["layers"].items():
            assert sum(mine["layers"][layer]["experts"]) == sum(load["experts"])  # of the tokens of all processes
    for folder in (two.run_dir, run(on)):
        assert [v["step"] for v in records(folder, "valid")] == [4, 8]
        for mine, theirs in zip(records(folder, "valid"), records(whole, "valid"), strict=True):
            assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
        for file in ("model.safetensors", "train.safetensors"):
            mine, theirs = (ckpt.find_checkpoint(path, "last").tensors(file) for path in (folder, whole))
            assert {k: v.shape for k, v in mine.items()} == {k: v.shape for k, v in theirs.items()}
            for name, tensor in theirs.items():
                torch.testing.assert_close(mine[name], tensor, atol=3e-4, rtol=1e-3, msg=name)
    load_model(two.run_dir, device="cpu")


def profiled(world: World, recipe: Recipe) -> list[tuple[str, str, str, str]]:
    return profile_steps(recipe, recipe.prepared_dir, 2).traffic


def test_a_profile_tells_what_travels(toy_recipe: Any, tmp_path: Path) -> None:
    recipe = toy_recipe(**KEYS, train__expert_parallel=2)
    prepared(recipe)
    on_two, _ = processes(2, 1, tmp_path, profiled, recipe)
    assert [row[0] for row in on_two] == ["0 → 1", "1 → 0"]
    for _, size, messages, told in on_two:
        assert int(size.replace(",", "")) > 0
        # Two layers, each with a way there and back, and their gradients; sizes are told once
        assert (messages, told) == ("8.0", "2.0")
    on_one, _ = processes(1, 2, tmp_path, profiled, recipe)
    assert [row[0] for row in on_one] == ["0 → 0"]


# --- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ranks", "per_node", "size", "message"),
    [
        (1, 1, 4, "`train.expert_parallel: 4` needs 4 processes or a multiple of them, and there is 1."),
        (6, 6, 4, "`train.expert_parallel: 4` needs 4 processes or a multiple of them, and there are 6."),
        (12, 3, 4, "`train.expert_parallel: 4`: sets of 4 processes cannot be laid on nodes of 3."),
        (8, 1, 8, "`model.experts.nodes: 4` cannot be laid on 8 nodes of 1 processes."),
    ],
)
def test_ranks_that_do_not_fit_are_refused(
    ranks: int, per_node: int, size: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(per_node))
    with pytest.raises(RunError) as caught:
        lay_out(World(0, ranks), size, ExpertsSection(routing="two_level", nodes=4))
    assert caught.value.message == message
    assert caught.value.hint


def test_sets_lie_on_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    layout = lay_out(World(5, 8), 4, None)
    assert (layout.nodes, layout.sets, layout.own) == (2, 2, 1)
    assert layout.same() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert layout.peers() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    assert layout.between() == [[0, 2], [1, 3], [4, 6], [5, 7]]
    assert layout.within() == [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "`train.expert_parallel: 4` needs `model.experts`: there are none to share"),
        ({"model__experts": {"number": 6}}, "`train.expert_parallel: 4` must divide `model.experts.number` (6)"),
        ({"model__experts": {"routing": "expert_choice"}}, "is for tokens that choose their experts"),
        ({"model__experts": {}, "train__compile": True}, "cannot be compiled"),
        (
            {"model__experts": {}, "train__init_from": {"run": "runs/x", "freeze": ["encoder"]}},
            "trains all weights; leave out `train.init_from.freeze`",
        ),
    ],
)
def test_a_recipe_that_cannot_share_experts_is_refused(toy_recipe: Any, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        toy_recipe(train__expert_parallel=4, **keys)
    assert message in caught.value.message
