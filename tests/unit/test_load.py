"""What is said of routers: by hand, in the log, in the report."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from nmt.evaluate.expert_report import experts_section
from nmt.evaluate.report import build_report
from nmt.model.load import Load, merged, summary
from nmt.model.routing import margins, one_level, two_levels, within_capacity
from tests.unit.test_experts import block, some
from tests.unit.test_trainer import records, run

SHAPE = {"number": 4, "nodes": 2, "routing": "two_level", "layers": "all"}


def test_statistics_are_those_worked_out_by_hand() -> None:
    """Three tokens want expert 0, one expert 1; each takes two."""
    logits = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 5e-6]])
    routed = one_level(logits, None)
    load = Load()
    load.add(routed, within_capacity(routed, 1.0).lost)
    p, q = math.e / (math.e + 1), 0.5
    (found,) = load.statistics()["levels"]
    assert load.statistics()["experts"] == [3, 1]
    assert found["load"] == 1.5
    assert found["entropy"] == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)), abs=1e-5)
    assert found["dropped"] == 0.25
    assert found["top_probability"] == pytest.approx((3 * p + q) / 4, abs=1e-4)
    assert found["margin"] == pytest.approx(3 * (2 * p - 1) / 4, abs=1e-4)
    assert found["near_ties"] == 0.25


def test_what_is_dropped_is_told_level_by_level() -> None:
    """Of 8 tokens, 6 want node 0, which takes 4; of these 3 want its first expert, which takes 2."""
    nodes, inner = torch.zeros(8, 2), torch.zeros(8, 2)
    nodes[:6, 0], nodes[6:, 1] = 5.0, 5.0
    inner[[0, 1, 2, 6], 0], inner[[3, 4, 5, 7], 1] = 5.0, 5.0
    routed = two_levels(nodes, inner)
    kept = within_capacity(routed, 1.0, nodes=2)
    assert kept.lost == (2, 1)
    load = Load()
    load.add(routed, kept.lost)
    first, second = load.statistics()["levels"]
    assert (first["dropped"], second["dropped"]) == (0.25, round(1 / 6, 5))
    assert (1 - first["dropped"]) * (1 - second["dropped"]) == pytest.approx(len(kept.token) / 8, abs=1e-5)
    assert load.counts == [3, 3, 1, 1]


def test_margins_are_of_the_last_choice() -> None:
    level = one_level(torch.tensor([[3.0, 2.0, 1.0, 0.0]]), None, 2).levels[0]
    p = torch.tensor([3.0, 2.0, 1.0, 0.0]).softmax(0)
    torch.testing.assert_close(margins(level), (p[1] - p[2])[None])
    no_choice = one_level(some(5, 4), None, 2, nodes=2, top_nodes=1).levels[0]  # all of the node
    assert len(margins(no_choice)) == 0


def test_parts_of_an_update_add_up() -> None:
    made = block(routing="two_level", nodes=2, capacity=1.0).train()
    x = some(6, 5, 16)
    made.load = whole = Load()
    made(x)
    half = [Load(), Load()]
    for load, part in zip(half, x.split(3), strict=True):  # type: ignore[no-untyped-call]
        made.load = load
        made(part)
    total = merged([{"a": half[0]}, {"a": half[1]}, {}])["a"]
    assert total.counts == whole.counts
    for mine, theirs in zip(total.statistics()["levels"], whole.statistics()["levels"], strict=True):
        assert {**mine, "dropped": 0} == pytest.approx({**theirs, "dropped": 0}, abs=1e-4)
    assert summary({"a": total}).startswith(f"expert load {total.highest:.2f} (a) · top probability ")


def test_a_training_tells_how_its_experts_are_used(toy_recipe: Any, capsys: Any) -> None:
    folder = run(toy_recipe(model__experts=SHAPE))
    logged = records(folder, "experts")
    assert [record["step"] for record in logged] == [3, 6, 9, 12]
    for record in logged:
        assert list(record["layers"]) == ["encoder.0", "decoder.0"]
        # All target tokens of an update, each with one expert
        assert sum(record["layers"]["decoder.0"]["experts"]) > 200
        assert [len(one["levels"]) for one in record["layers"].values()] == [2, 2]
    assert records(folder, "expert_directions") == []  # there is one
    page = build_report(folder)
    assert "<h2" in page
    assert "experts by layer" in page
    assert "Highest load of an expert" in page
    assert "expert load" in capsys.readouterr().err


def test_a_training_without_experts_tells_of_none(toy_run: Any) -> None:
    folder = toy_run()
    assert records(folder, "experts") == []
    assert "experts by layer" not in build_report(folder)


def test_several_directions_have_a_map_of_each_layer() -> None:
    level = dict.fromkeys(("load", "entropy", "dropped", "top_probability", "margin", "near_ties"), 1.0)
    log: list[dict[str, Any]] = [
        {"event": "experts", "step": 5, "layers": {"encoder.1": {"experts": [1] * 100, "levels": [level]}}},
        {"event": "expert_directions", "step": 5,
         "directions": {"en-fr": {"encoder.1": [5, 1]}, "fr-en": {"encoder.1": [0, 6]}}},
    ]  # fmt: skip
    markup = experts_section(log).markup
    assert "Experts by direction" in markup
    assert "experts of encoder.1" in markup
    assert "fr-en" in markup
    assert experts_section([]).markup == ""
