"""How far a training is, and where its schedule ends."""

import math

import pytest

from nmt.recipe import TrainSection
from nmt.run.state import TrainState
from nmt.train.progress import Progress
from nmt.train.schedule import learning_rate


def progress(steps_per_epoch: int = 10, **keys: object) -> Progress:
    return Progress(TrainSection(**keys), steps_per_epoch)


def test_steps_and_epochs_give_the_end_exactly() -> None:
    state = TrainState(step=7, seconds=1e9)
    assert progress(max_steps=50).planned_steps(state) == 50
    assert progress(max_epochs=3).planned_steps(state) == 30
    assert progress(max_epochs=3, max_steps=50).planned_steps(state) == 30
    assert progress(patience=3).planned_steps(state) is None


@pytest.mark.parametrize(("seconds", "planned"), [(0.0, math.inf), (60, 500), (300, 100), (600, 50)])
def test_minutes_give_it_by_the_share_that_is_spent(seconds: float, planned: float) -> None:
    assert progress(max_minutes=10).planned_steps(TrainState(step=50, seconds=seconds)) == planned


def test_the_limit_that_comes_first_is_the_end() -> None:
    both = progress(max_minutes=10, max_steps=80)
    assert both.planned_steps(TrainState(step=50, seconds=300)) == 80
    assert both.planned_steps(TrainState(step=50, seconds=500)) == 60


def test_what_is_shown_is_what_the_minutes_allow() -> None:
    """Though a recipe of minutes alone is given epochs, too, which are more than anybody waits for."""
    by_time = progress(max_minutes=10, max_epochs=30, steps_per_epoch=100)
    assert by_time.of_total(TrainState(step=100, seconds=60)) == "/~1,000"
    assert by_time.of_total(TrainState(step=100, seconds=1)) == "/3,000"
    assert progress(max_steps=1900).of_total(TrainState(step=100, seconds=60)) == "/1,900"
    assert progress(max_minutes=10).of_total(TrainState()) == progress(patience=3).of_total(TrainState(step=7)) == ""


def test_a_rate_that_ends_with_the_minutes_only_falls_however_the_speed_changes() -> None:
    """After the warm-up the rate never rises again, and at the last minute it is all but zero."""
    by_time = progress(max_minutes=1, schedule="cosine", warmup_steps=5, learning_rate=1e-3)
    took = [1, 1, 1, 1, 1, 0.2, 0.2, 3, 0.1, 8, 0.1, 0.1, 5, 0.5, 0.5, 20, 1, 1, 1, 10, 3]
    rates = [
        learning_rate(by_time.section, 64, step, by_time.planned_steps(TrainState(step=step, seconds=sum(took[:step]))))
        for step in range(1, len(took) + 1)
    ]
    assert rates[:5] == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 1e-3])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[-1] < 1e-5


def test_a_validation_that_would_outlast_the_minutes_waits_for_the_end() -> None:
    short = progress(max_minutes=1)
    short.validation_took(15)
    assert short.validation_fits(TrainState(seconds=40))
    assert not short.validation_fits(TrainState(seconds=50))
    unlimited = progress(max_steps=9)
    unlimited.validation_took(15)
    assert unlimited.validation_fits(TrainState(seconds=1e6))
