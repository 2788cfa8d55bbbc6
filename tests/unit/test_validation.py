"""Validation, shared by ranks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nmt.errors import TrainingError
from nmt.recipe import Recipe
from nmt.run.load import load_model
from nmt.tokenizer import Tokenizer
from nmt.train.objective import choose_objective
from nmt.train.parallel import ALONE, World
from nmt.train.validation import Validator
from tests.ranks import processes
from tests.unit.test_trainer import prepared


def validator(recipe: Recipe, run: Path) -> Validator:
    tokenizer, model = Tokenizer.load(recipe.prepared_dir), load_model(run, device="cpu")[0]
    objective = choose_objective(recipe)
    return Validator(recipe.prepared_dir, recipe, tokenizer, objective, model, torch.device("cpu"), 60)


def measured(world: World, recipe: Recipe, run: Path) -> Any:
    own = validator(recipe, run)
    own.also = lambda ranks: {"old_bleu": float(len(own.translate(own.sets[0].src[:7], own.sets[0].direction, ranks)))}
    valid, hyps = own.measure(world=world)
    alone, _ = own.measure(with_text=False, world=world)
    return valid, hyps, alone, {name: load.counts for name, load in own.experts.items() for load in load.values()}


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_that_share_a_validation_have_the_scores_and_strings_of_one(
    toy_recipe: Callable[..., Recipe], toy_run: Callable[..., Path], tmp_path: Path, ranks: int
) -> None:
    """Twenty sentences cannot be dealt out evenly to three."""
    keys = {"model__experts": {"number": 4, "layers": "all"}}
    recipe, run = toy_recipe(**keys), toy_run(**keys)
    prepared(recipe)
    valid, hyps, by_loss, experts = measured(ALONE, recipe, run)
    assert set(valid) >= {"loss", "bleu", "chrf", "old_bleu"}
    assert len(hyps[0]) == 20
    assert experts.keys() == {"en-fr"}
    first, *others = processes(1, ranks, tmp_path, measured, recipe, run)
    assert first[:3] == (valid, hyps, by_loss)
    assert first[3]  # of a search how many tokens it looks at depends on what is searched beside it
    for found in others:
        assert found[1:] == first[1:]


def lost(world: World, recipe: Recipe, run: Path) -> str:
    own = validator(recipe, run)
    if world.rank == 1:
        loss = own.objective.loss

        def broken(model: Any, batch: Any) -> Any:
            found = loss(model, batch)
            return dataclasses.replace(found, sums={name: value * float("nan") for name, value in found.sums.items()})

        own.objective.loss = broken  # type: ignore[method-assign]
    try:
        own.measure(world=world)
    except TrainingError as e:
        return e.message
    return ""


def test_all_ranks_stop_where_one_finds_that_weights_are_of_no_use(
    toy_recipe: Callable[..., Recipe], toy_run: Callable[..., Path], tmp_path: Path
) -> None:
    recipe, run = toy_recipe(), toy_run()
    prepared(recipe)
    said = processes(1, 2, tmp_path, lost, recipe, run)
    assert said == ["the validation loss is nan: these weights are of no use."] * 2
