"""The update shared by ranks: what each owns, and that it comes out as if each did all of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nmt.model.kinds import build, matrix_blocks
from nmt.recipe import ModelSection, Recipe, TrainSection
from nmt.train import owners as owners_module
from nmt.train.owners import Owners, deal, who_share
from nmt.train.parallel import ALONE, World
from nmt.train.trainer import train
from nmt.train.weights import FlatWeights
from tests.ranks import processes
from tests.unit.test_trainer import last_bytes, prepared, records

SHAPES = {"a": (6, 4), "b": (4, 4), "c": (4, 4), "d": (9, 5), "e": (7,), "f": (3,)}
BLOCKS = {"a": (1, 6, 4), "b": (1, 4, 4), "c": (2, 2, 4)}


def laid_out(world: World) -> Owners:
    return Owners({name: torch.Size(shape) for name, shape in SHAPES.items()}, BLOCKS, world)


@given(ranks=st.integers(1, 9))
def test_every_element_has_one_owner_and_matrices_of_muon_are_whole(ranks: int) -> None:
    every = [laid_out(World(rank, ranks)) for rank in range(ranks)]
    whole = torch.full((every[0].size,), -1.0)
    number = 0
    for view in every[0].views(whole).values():
        view.copy_(torch.arange(number, number + view.numel()).view(view.shape))
        number += view.numel()
    regions = every[0].num_muon * ranks
    seen: list[float] = []
    for rank, owners in enumerate(every):
        mine = torch.cat([part.chunk(ranks)[rank] for part in (whole[:regions], whole[regions:])])
        parts = owners.parts(mine)
        for name, part in parts.items():
            assert torch.equal(part, owners.part(name, owners.views(whole)[name]))
            assert name not in BLOCKS or part.shape == SHAPES[name]
            seen += part.flatten().tolist()
        assert list(owners.parts(mine[owners.num_muon :], owners.num_muon)) == [n for n in parts if n not in BLOCKS]
        assert list(owners.parts(mine[: owners.num_muon])) == [n for n in parts if n in BLOCKS]
    assert sorted(seen) == list(range(number))


def test_one_rank_owns_all_in_order_and_without_padding() -> None:
    owners = laid_out(ALONE)
    assert owners.size == sum(torch.Size(shape).numel() for shape in SHAPES.values())
    flat = torch.arange(owners.size)
    assert owners.owned(flat) is flat
    assert torch.cat([view.flatten() for view in owners.views(flat).values()]).equal(flat)


def test_the_most_costly_matrices_are_dealt_out_first() -> None:
    blocks = {"small": (1, 2, 2), "wide": (1, 2, 32), "large": (1, 8, 8), "three": (3, 2, 2)}
    assert deal(blocks, 2) == {"small": 1, "wide": 1, "large": 0, "three": 1}
    assert deal(blocks, 1) == dict.fromkeys(blocks, 0)
    assert deal({}, 3) == {}


def test_small_models_are_updated_by_each() -> None:
    world = World(0, 2)
    with torch.device("meta"):
        assert who_share(world, torch.nn.Linear(7_000, 7_000)) == ALONE
        assert who_share(world, torch.nn.Linear(7_100, 7_100)) == world


# --- updates ---------------------------------------------------------------------------------------------------------

SECTION = ModelSection(d_model=16, d_ff=24, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)


def updated(world: World, shared: bool, keys: dict[str, Any], dtype: torch.dtype) -> Any:
    """Three updates, of which the second has a gradient that is not finite."""
    torch.manual_seed(1)
    model = build(SECTION, 50, 50)
    section = TrainSection(weight_decay=0.1, anchor=0.5, init_from="runs/x", **keys)
    blocks = matrix_blocks(model) if section.optimizer == "muon" else {}
    weights = FlatWeights(model, section, dtype, blocks, world=world if shared else ALONE)
    weights.anchor_here({"encoder.0.feed_forward.inner.weight", "src_embedding.tokens.weight", "output.bias"})
    norms, seen = [], []
    for step in range(1, 4):
        for i, p in enumerate(model.parameters()):
            p.grad.copy_(
                torch.randn(p.shape, generator=torch.Generator().manual_seed(100 * i + 10 * step + world.rank))
            )
            if step == 2 and world.rank == 1 and i == 3:
                p.grad.view(-1)[0] = float("nan")
        weights.gradients.add_micro_batch()
        if shared or world.size == 1:
            weights.reduce()
        else:
            world.all_reduce(weights.grad)
        norms.append(float(weights.update(0.01, 7, step)))
        seen.append(weights.fingerprint())
        assert not weights.gradients.total.any()
    with weights.averaged(model):
        average = {name: p.detach().float().clone() for name, p in model.named_parameters()}
    assert weights.fingerprint() == seen[-1]
    state, translating = weights.state(), weights.translating()
    return {"norms": norms, "seen": seen, "average": average, "state": state, "translating": translating,
            "memory": weights.master.numel()}  # fmt: skip


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_two_ranks_that_share_an_update_do_what_each_would(tmp_path: Path, optimizer: str, dtype: torch.dtype) -> None:
    """To the bit where nothing is clipped: of the norm alone the sum is in another order."""
    keys = {"optimizer": optimizer, "clip_norm": 0}
    apart = processes(1, 2, tmp_path, updated, False, keys, dtype)[0]
    first, second = processes(1, 2, tmp_path, updated, True, keys, dtype)
    assert first["seen"] == second["seen"]
    for found in (first, apart):
        assert found["seen"][0] == found["seen"][1] != found["seen"][2]  # the second step is none
    assert first["norms"][::2] == pytest.approx(apart["norms"][::2], rel=1e-6)
    assert first["memory"] < 0.6 * apart["memory"]
    assert second["state"] == {}
    for what in ("state", "translating", "average"):
        assert first[what].keys() == apart[what].keys()
        assert all(torch.equal(tensor, apart[what][name]) for name, tensor in first[what].items()), what
    assert all(torch.equal(tensor, first["average"][name]) for name, tensor in second["average"].items())


def test_three_ranks_that_share_a_clipped_update_do_what_each_would(tmp_path: Path) -> None:
    apart = processes(1, 3, tmp_path, updated, False, {"clip_norm": 0.5}, torch.float32)[0]
    first = processes(1, 3, tmp_path, updated, True, {"clip_norm": 0.5}, torch.float32)[0]
    for what in ("state", "translating", "average"):
        for name, tensor in first[what].items():
            torch.testing.assert_close(tensor, apart[what][name], atol=2e-6, rtol=1e-5)


def trained(world: World, recipe: Recipe) -> None:
    owners_module.SHARED_FROM = 1
    train(recipe, recipe.prepared_dir, "")


@pytest.mark.slow
def test_a_shared_run_goes_on_on_any_number_of_ranks(toy_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    """Two that stop and go on end with the same bytes; three and one with about the same weights."""

    def recipe(name: str, steps: int) -> Recipe:
        return toy_recipe(train__adam_eps=1e-3, train__max_tokens=60, train__max_steps=steps, train__average_best=0,
                          train__runs_dir=str(tmp_path / name))  # fmt: skip

    prepared(recipe("whole", 12))
    processes(1, 2, tmp_path, trained, recipe("whole", 12))
    processes(1, 2, tmp_path, trained, recipe("broken", 4))
    for name in ("one", "three"):
        shutil.copytree(tmp_path / "broken", tmp_path / name)
    processes(1, 2, tmp_path, trained, recipe("broken", 12))
    processes(1, 3, tmp_path, trained, recipe("three", 12))
    train(recipe("one", 12), recipe("one", 12).prepared_dir, "")
    whole = recipe("whole", 12).run_dir
    assert last_bytes(recipe("broken", 12).run_dir) == last_bytes(whole)
    wanted = valid_losses(whole)
    for name in ("broken", "three", "one"):
        found = valid_losses(recipe(name, 12).run_dir)
        assert {step: found[step] for step in wanted} == pytest.approx(wanted, rel=1e-4)


def valid_losses(run: Path) -> dict[int, float]:
    return {record["step"]: record["loss"] for record in records(run, "valid")}
