import pytest

from nmt.recipe import TrainSection
from nmt.train.schedule import learning_rate


def rates(steps, d_model=512, total=1000, **keys):
    section = TrainSection(max_steps=total, **keys)
    return [learning_rate(section, d_model, step, total) for step in steps]


@pytest.mark.parametrize("schedule", ["inverse_sqrt", "cosine", "linear"])
def test_warmup_rises_linearly_to_the_peak(schedule):
    got = rates([1, 50, 100], schedule=schedule, learning_rate=2e-3, warmup_steps=100)
    assert got == pytest.approx([2e-5, 1e-3, 2e-3])


def test_inverse_sqrt_halves_in_four_times_the_steps():
    assert rates([100, 400], learning_rate=2e-3, warmup_steps=100) == pytest.approx([2e-3, 1e-3])


def test_noam_is_the_papers_formula():
    # Vaswani et al. 2017, section 5.3
    for step in (1, 4000, 10000):
        wanted = 512**-0.5 * min(step**-0.5, step * 4000**-1.5)
        got = rates([step], schedule="noam", learning_rate=1.0, warmup_steps=4000)
        assert got == pytest.approx([wanted])


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_falling_schedules_end_at_the_minimum(schedule):
    keys = {"schedule": schedule, "learning_rate": 1e-3, "min_learning_rate": 1e-5, "warmup_steps": 100}
    middle, end, beyond = rates([550, 1000, 2000], **keys)
    assert middle == pytest.approx((1e-3 + 1e-5) / 2)
    assert end == beyond == pytest.approx(1e-5)


def test_no_warmup_begins_at_the_peak():
    assert rates([1], learning_rate=1e-3, warmup_steps=0) == pytest.approx([1e-3])
