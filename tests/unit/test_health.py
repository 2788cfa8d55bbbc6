"""Trainings that end before they learned anything."""

from __future__ import annotations

import numpy as np
import pytest

from nmt.recipe import TrainSection
from nmt.run.state import TrainState
from nmt.tokenizer import RaggedIds
from nmt.train.health import hardly_learned, unigram_loss

SECTION = TrainSection(max_steps=100, warmup_steps=20)


def test_guessing_by_frequency_costs_the_entropy() -> None:
    """Four kinds of token, all as frequent as the end of a sentence: ln 5 nats each."""
    rows = RaggedIds.of([[4, 5, 6, 7]] * 50_000)
    assert unigram_loss(rows, RaggedIds.of([[7, 5], [4]])) == pytest.approx(np.log(5), rel=1e-4)


def test_a_token_that_training_never_had_is_no_trouble() -> None:
    wanted = (np.log(38 / 1) + np.log(38 / 10)) / 2  # 20 tokens and ten ends seen, and each of 8 kinds once more
    assert unigram_loss(RaggedIds.of([[1, 2]] * 10), RaggedIds.of([[7]])) == pytest.approx(wanted)


def test_a_training_inside_its_warmup_is_told_so() -> None:
    said = hardly_learned(TrainState(step=20), SECTION, {"loss": 1.0, "bleu": 50.0}, 5.0)
    assert said is not None
    assert said.startswith("All 20 steps lay in the warm-up of 20, so the model learned little.")


def test_a_loss_near_that_of_guessing_is_told() -> None:
    said = hardly_learned(TrainState(step=100), SECTION, {"loss": 4.2, "bleu": 0.2}, 5.0)
    assert said is not None
    assert "validation loss, 4.20, is not well below the 5.00 of guessing" in said


@pytest.mark.parametrize("valid", [{"loss": 3.0, "bleu": 0.2}, {"loss": 4.2, "bleu": 3.0}])
def test_one_that_learned_is_done(valid: dict[str, float]) -> None:
    assert hardly_learned(TrainState(step=100), SECTION, valid, 5.0) is None
