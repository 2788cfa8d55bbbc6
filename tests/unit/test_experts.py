"""Mixtures of experts: which expert a token gets, and that known cases come out as they must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nmt.data.prepare import prepare
from nmt.decode.translator import Translator
from nmt.errors import Interrupted, RunError
from nmt.model.embedding import PADDING
from nmt.model.experts import Experts, watched
from nmt.model.feed_forward import ACTIVATIONS, FeedForward
from nmt.model.grouped import grouped_linear
from nmt.model.routing import (
    balance_loss,
    best,
    bias_term,
    expert_choice,
    one_level,
    two_levels,
    within_capacity,
)
from nmt.model.terms import collected_terms
from nmt.recipe import ModelSection
from nmt.run.load import load_model
from nmt.tokenizer import PAD_ID
from nmt.train.trainer import train
from tests.unit.test_denoising import stop_after
from tests.unit.test_trainer import last_bytes, records, run, timeless

SHAPE = {"d_model": 16, "d_ff": 24, "num_heads": 2, "num_encoder_layers": 2, "num_decoder_layers": 2, "dropout": 0.0}
ROUTINGS: list[dict[str, Any]] = [
    {"routing": "switch"}, {"routing": "top2"}, {"routing": "two_level", "nodes": 2},
    {"routing": "two_level", "nodes": 2, "per_node": True}, {"routing": "group_limited", "nodes": 2},
    {"routing": "expert_choice"},
]  # fmt: skip


def section(activation: str = "relu", **experts: Any) -> ModelSection:
    return ModelSection(**SHAPE, activation=activation, experts={"number": 8, **experts})


def block(seed: int = 1, **experts: Any) -> Experts:
    torch.manual_seed(seed)
    made = Experts(section(**experts))
    for linear in made.router.maps:
        torch.nn.init.normal_(linear.weight)
    return made


def some(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- routing ---------------------------------------------------------------------------------------------------------


def test_of_equal_values_the_lowest_index_is_best() -> None:
    assert best(torch.tensor([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]]), 3).tolist() == [[1, 2, 3], [0, 1, 2]]


def test_a_token_goes_to_its_most_probable_expert_and_weighs_by_its_probability() -> None:
    logits = some(50, 8)
    routed = one_level(logits, None)
    p = logits.softmax(1)
    assert routed.expert.tolist() == p.argmax(1).tolist()
    torch.testing.assert_close(routed.weight, p.max(1).values)
    assert routed.levels[0].counts.sum() == 50


def test_two_experts_share_a_token() -> None:
    logits = some(50, 8)
    routed = one_level(logits, None, 2)
    top = logits.softmax(1).topk(2, 1)
    assert routed.expert.view(2, 50).t().tolist() == top.indices.tolist()
    torch.testing.assert_close(routed.weight.view(2, 50).t(), top.values / top.values.sum(1, keepdim=True))


def test_two_levels_are_one_with_sums_as_logits() -> None:
    """softmax over (i, j) of a_i + b_j is softmax(a)_i · softmax(b)_j."""
    a, b = some(200, 4, seed=1), some(200, 3, seed=2)
    one, two = one_level((a[:, :, None] + b[:, None]).flatten(1), None), two_levels(a, b)
    assert one.expert.tolist() == two.expert.tolist()
    torch.testing.assert_close(one.weight, two.weight, atol=1e-6, rtol=1e-6)


def test_each_node_may_have_a_router_of_its_own() -> None:
    a, b = some(200, 4, seed=1), some(200, 3, seed=2)
    shared, own = two_levels(a, b), two_levels(a, b[:, None].expand(-1, 4, -1))
    assert shared.expert.tolist() == own.expert.tolist()
    torch.testing.assert_close(shared.weight, own.weight)
    assert own.levels[1].counts.shape == (4, 3)
    assert own.levels[1].counts.sum(0).tolist() == shared.levels[1].counts.tolist()


def test_experts_are_chosen_within_the_best_nodes() -> None:
    routed = one_level(some(100, 8), None, 2, nodes=4, top_nodes=1)
    nodes = (routed.expert // 2).view(2, 100)
    assert nodes[0].tolist() == nodes[1].tolist()
    free, open_to_all = one_level(some(100, 8), None, 2), one_level(some(100, 8), None, 2, nodes=4, top_nodes=4)
    assert free.expert.tolist() == open_to_all.expert.tolist()


def test_a_bias_shifts_the_choice_and_not_the_weight() -> None:
    logits, bias = some(50, 4), torch.tensor([0.0, 0.0, 2.0, 0.0])
    routed = one_level(logits, bias)
    assert set(routed.expert.tolist()) == {2}
    torch.testing.assert_close(routed.weight, logits.softmax(1)[:, 2])


def test_what_is_beyond_an_experts_capacity_is_dropped() -> None:
    logits = torch.zeros(10, 2)
    logits[:7, 0], logits[7:, 1] = 5.0, 5.0
    routed = within_capacity(one_level(logits, None), 1.0)
    assert routed.token.tolist() == [0, 1, 2, 3, 4, 7, 8, 9]
    whole = within_capacity(one_level(logits, None), 2.0)
    assert whole.token.tolist() == [*range(10)]


def test_a_node_has_its_capacity_and_then_each_of_its_experts_has_one() -> None:
    """Of 8 tokens, 6 want node 0, which takes 4; of these 3 want its first expert, which takes 2."""
    nodes, inner = torch.zeros(8, 2), torch.zeros(8, 2)
    nodes[:6, 0], nodes[6:, 1] = 5.0, 5.0
    inner[[0, 1, 2, 6], 0], inner[[3, 4, 5, 7], 1] = 5.0, 5.0
    routed = within_capacity(two_levels(nodes, inner), 1.0, nodes=2)
    kept = sorted(zip(routed.token.tolist(), routed.expert.tolist(), strict=True))
    assert kept == [(0, 0), (1, 0), (3, 1), (6, 2), (7, 3)]


def test_experts_choose_within_one_sentence() -> None:
    real = torch.arange(6) < torch.tensor([[6], [3]])
    logits = some(9, 4)
    both = expert_choice(logits, real, 2.0)
    alone = expert_choice(logits[6:], torch.ones(1, 3, dtype=torch.bool), 2.0)
    of_second = both.token >= 6
    assert (both.token[of_second] - 6).tolist() == alone.token.tolist()
    assert both.expert[of_second].tolist() == alone.expert.tolist()
    assert torch.bincount(alone.expert).tolist() == [2] * 4  # ⌈2 · 3 / 4⌉ of each
    assert torch.bincount(both.expert[~of_second]).tolist() == [3] * 4


def test_the_balance_loss_is_least_where_all_have_as_much() -> None:
    even = torch.eye(4).repeat(5, 1) * 9
    assert float(balance_loss(one_level(even, None).levels[0])) == pytest.approx(20)
    uneven = torch.eye(4)[[0] * 14 + [1, 2, 3, 1, 2, 3]] * 9
    assert float(balance_loss(one_level(uneven, None).levels[0])) > 30


def test_a_bias_is_moved_towards_an_even_load() -> None:
    level = one_level(torch.eye(4)[[0, 0, 0, 0, 1, 2, 3, 1]] * 9, None).levels[0]
    bias = torch.zeros(4, requires_grad=True)
    bias_term(level, bias).backward()  # type: ignore[no-untyped-call]
    assert bias.grad is not None
    assert bias.grad.tolist() == [2.0, 0.0, -1.0, -1.0]


# --- the block -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_expert_is_the_usual_block(activation: str) -> None:
    dense, one = FeedForward(section(activation)), Experts(section(activation, number=1))
    torch.nn.init.normal_(dense.inner.bias)
    for mine, theirs in ((one.inner, dense.inner.weight), (one.outer, dense.outer.weight),
                         (one.inner_bias, dense.inner.bias), (one.outer_bias, dense.outer.bias)):  # fmt: skip
        mine.data.copy_(theirs)
    x = some(5, 7, 16)
    torch.testing.assert_close(one(x), dense(x), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("keys", ROUTINGS)
def test_the_result_is_the_weighted_sum_of_what_the_experts_make(keys: dict[str, Any]) -> None:
    made, x = block(**keys).eval(), some(3, 6, 16)
    routed = made.router(x.view(-1, 16), torch.ones(3, 6, dtype=torch.bool))
    expected = torch.zeros(18, 16)
    inner, outer = made.inner.view(8, 24, 16), made.outer.view(8, 16, 24)
    for token, expert, weight in zip(routed.token, routed.expert, routed.weight, strict=True):
        h = torch.relu(inner[expert] @ x.view(-1, 16)[token] + made.inner_bias.view(8, 24)[expert])
        expected[token] += weight * (outer[expert] @ h + made.outer_bias.view(8, 16)[expert])
    torch.testing.assert_close(made(x).view(-1, 16), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("keys", ROUTINGS)
def test_padding_and_neighbours_change_nothing(keys: dict[str, Any]) -> None:
    made, x = block(**keys).eval(), some(4, 6, 16)
    real = torch.arange(6) < torch.tensor([[6], [3], [1], [5]])
    together = made(x, real)
    for i, length in enumerate([6, 3, 1, 5]):
        alone = made(x[i : i + 1, :length], None)
        torch.testing.assert_close(together[i, :length], alone[0], atol=1e-6, rtol=1e-5)
    assert not together[~real].any()


@pytest.mark.parametrize("keys", ROUTINGS)
def test_gradients_are_those_of_finite_differences(keys: dict[str, Any]) -> None:
    """As a line through all weights and the input: the routers' weights too, as far as no choice changes."""
    made = block(**keys, z_loss=0).double().eval()
    made.router.biases = None
    x = some(2, 4, 16).double().requires_grad_()
    where = [x, *made.parameters()]
    line = [some(*p.shape, seed=i).double() for i, p in enumerate(where)]
    towards = some(2, 4, 16, seed=9).double()

    def at(step: float) -> float:
        with torch.no_grad():
            for p, d in zip(where, line, strict=True):
                p += step * d
            value = float((made(x) * towards).sum())
            for p, d in zip(where, line, strict=True):
                p -= step * d
        return value

    (made(x) * towards).sum().backward()  # type: ignore[no-untyped-call]
    slope = sum(float((p.grad * d).sum()) for p, d in zip(where, line, strict=True) if p.grad is not None)
    assert slope == pytest.approx((at(1e-5) - at(-1e-5)) / 2e-5, rel=1e-6)


def test_what_balances_reaches_the_gradient_and_is_reported() -> None:
    for keys, names in (({"balance": 0.01}, {"balance", "router z"}), ({}, {"router z"})):
        made, x = block(routing="two_level", nodes=2, **keys).train(), some(5, 6, 16)
        with collected_terms() as terms:
            (made(x) * 0).sum().backward()  # type: ignore[no-untyped-call]
        assert set(terms) == names
        assert all(linear.weight.grad is not None and linear.weight.grad.any() for linear in made.router.maps)
        if made.router.biases is not None:
            assert all(bias.grad is not None and bias.grad.any() for bias in made.router.biases)
        assert not made.inner.grad.any()


def test_what_routers_do_can_be_watched() -> None:
    made, x = block(routing="two_level", nodes=2).eval(), some(5, 6, 16)
    holder = torch.nn.ModuleDict({"feed_forward": made})
    with watched(holder) as (loads,):
        made(x)
        made(x)
    made(x)
    ((_, load),) = loads.items()
    assert [int(level.counts.sum()) for level in load.levels] == [60, 60]
    assert [len(level.counts) for level in load.levels] == [2, 4]
    assert load.highest >= 1


def test_matrices_and_memory_are_as_said() -> None:
    made = block(number=4)
    assert made.matrices() == {"inner": 4, "outer": 4}
    assert (made.inner.shape, made.outer.shape) == ((4 * 24, 16), (4 * 16, 24))
    assert made.kept_per_token() > FeedForward(section()).kept_per_token()


# --- the recipe ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"routing": "two_level"}, "`routing: two_level` needs `nodes`, two or more, that divide `number` (8), not 1"),
        ({"routing": "two_level", "nodes": 3}, "that divide `number` (8), not 3"),
        ({"nodes": 2}, "`routing: switch` has no `nodes`; two_level and group_limited have"),
        ({"routing": "group_limited", "nodes": 4, "top_k": 3}, "`top_k: 3` experts of `top_nodes: 1` are more than"),
        ({"routing": "expert_choice", "layers": "all"}, "looks at later words and cannot be in a decoder"),
        ({"routing": "top2", "number": 1}, "needs two experts or more"),
        ({"top_k": 3}, "`routing: switch` has no `top_k`; group_limited has"),
        ({"per_node": True}, "`routing: switch` has no `per_node`; two_level has"),
    ],
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="experts") as caught:
        section(**keys)
    assert message in str(caught.value)


def test_a_run_says_what_experts_it_has() -> None:
    made = section(routing="two_level", nodes=4).experts, section(layers="encoder").experts
    assert [experts.describe() for experts in made if experts] == [
        "8 on 4 nodes, two_level, in every other layer", "8, switch, in the encoder",
    ]  # fmt: skip


def test_padding_is_what_batches_are_padded_with() -> None:
    assert PADDING == PAD_ID


# --- a whole training ------------------------------------------------------------------------------------------------

TWO_LEVEL = {"number": 4, "nodes": 2, "routing": "two_level", "layers": "all"}


def test_a_killed_training_goes_on_bit_for_bit(toy_recipe: Any, tmp_path: Path, monkeypatch: Any) -> None:
    def recipe(name: str) -> Any:
        return toy_recipe(model__experts=TWO_LEVEL, train__runs_dir=str(tmp_path / name))

    whole, killed = run(recipe("whole")), recipe("killed")
    prepared = prepare(killed)
    stop_after(monkeypatch, 5)
    with pytest.raises(Interrupted):
        train(killed, prepared, "nmt train toy.yaml")
    monkeypatch.undo()
    resumed = train(killed, prepared, "nmt train toy.yaml")
    assert last_bytes(resumed) == last_bytes(whole)
    assert timeless(resumed, "step") == timeless(whole, "step")
    assert all("router z" in record for record in records(whole, "step"))


def test_translations_do_not_depend_on_the_batch(toy_recipe: Any, toy_text: Path) -> None:
    folder = run(toy_recipe(model__experts=TWO_LEVEL, train__max_steps=60, train__eval_every=60))
    lines = (toy_text / "valid.en").read_text(encoding="utf-8").splitlines()

    def translated(batch_tokens: int, lines: list[str]) -> dict[str, str]:
        translator = Translator.load([folder], decode={"batch_tokens": batch_tokens})
        return {line: t.text for line, t in zip(lines, translator.translate(lines), strict=True)}

    assert translated(1, lines) == translated(30, lines[::-1]) == translated(10_000, lines)


def test_experts_start_as_a_dense_runs_block(toy_recipe: Any) -> None:
    """Upcycling. Where all of a token goes to two of them, nothing changes at first."""
    parent = run(toy_recipe())
    keys = {"number": 4, "routing": "top2", "layers": "all"}
    child = run(toy_recipe(name="child", model__experts=keys, train__max_steps=0, train__init_from=str(parent)))
    one, four = (load_model(folder, device="cpu")[0] for folder in (parent, child))
    src = torch.randint(4, 100, (6, 9), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(one(src, None, src), four(src, None, src), atol=1e-5, rtol=1e-4)


def test_experts_are_not_taken_for_others(toy_recipe: Any) -> None:
    parent = run(toy_recipe(model__experts=TWO_LEVEL))
    with pytest.raises(RunError) as caught:
        run(toy_recipe(name="child", train__init_from=str(parent)))
    assert "has `model.experts: " in caught.value.message


def test_a_child_may_balance_its_experts_otherwise(toy_recipe: Any) -> None:
    def recipe(name: str, parent: Path | None = None, **keys: Any) -> Any:
        begin = {} if parent is None else {"train__init_from": str(parent), "train__max_steps": 0}
        return toy_recipe(name=name, model__experts=TWO_LEVEL | keys, **begin)

    parent = run(recipe("parent", balance=0.02))
    src = torch.randint(4, 100, (6, 9), generator=torch.Generator().manual_seed(1))
    told = load_model(parent, device="cpu")[0](src, None, src)
    for name, keys in {"loss": {"balance": 0.1, "z_loss": 0, "capacity": 1.5}, "bias": {"balance": "bias"}}.items():
        child = load_model(run(recipe(name, parent, **keys)), device="cpu")[0]
        torch.testing.assert_close(child(src, None, src), told)  # biases begin as zeros
    with pytest.raises(RunError, match=r"has `model\.experts: "):
        run(recipe("wider", parent, layers="encoder"))
    choosing = {"number": 4, "routing": "expert_choice"}
    other = run(toy_recipe(name="choosing", model__experts=choosing))
    with pytest.raises(RunError, match=r"has `model\.experts: "):
        run(toy_recipe(name="fewer", model__experts=choosing | {"capacity": 1}, train__init_from=str(other)))


@pytest.mark.parametrize("sizes", [[3, 0, 2], [0, 0, 0], [0, 5, 0]])
def test_many_maps_at_once_are_each_one_by_itself(sizes: list[int]) -> None:
    weight, bias, x = some(12, 5, seed=1), some(12, seed=2), some(sum(sizes), 5, seed=3)
    given = [t.requires_grad_() for t in (x, weight, bias)]
    made = grouped_linear(*given[:1], sizes, *given[1:])
    each = [F.linear(*of) for of in zip(x.split(sizes), weight.chunk(3), bias.chunk(3), strict=True)]  # type: ignore[no-untyped-call]
    towards = some(sum(sizes), 4, seed=4)
    torch.testing.assert_close(made, torch.cat(each))
    found = torch.autograd.grad(made, given, towards)
    for mine, theirs in zip(found, torch.autograd.grad(torch.cat(each), given, towards), strict=True):
        torch.testing.assert_close(mine, theirs)
