import numpy as np
import pytest

from nmt.decode.engine import plan_searches

LENGTHS = np.random.default_rng(0).integers(1, 60, 1500).tolist()


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("limit", [1, 50.5, 3000, 10**6])
def test_each_sentence_is_in_one_batch_that_is_not_too_large(limit, workers):
    plan = plan_searches(LENGTHS, limit, workers)
    assert sorted(i for batch in plan for i in batch) == list(range(len(LENGTHS)))
    for batch in plan:
        assert len(batch) == 1 or len(batch) * max(LENGTHS[i] for i in batch) <= limit
    longest = [max(LENGTHS[i] for i in batch) for batch in plan]
    assert longest == sorted(longest, reverse=True)


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("limit", [3000, 20_000, 10**6])
def test_workers_have_about_the_same_to_do(limit, workers):
    plan = plan_searches(LENGTHS, limit, workers)
    work = [len(batch) * max(LENGTHS[i] for i in batch) for batch in plan]
    assert len(plan) % workers == 0
    assert max(work) < 1.4 * min(work)


def test_little_is_not_shared():
    assert len(plan_searches([20] * 10, 3000, 2)) == 1
    assert plan_searches([], 3000, 2) == []


def test_one_long_sentence_among_short_ones_does_not_widen_them():
    plan = plan_searches([500] + [4] * 2000, 3000, 2)
    assert max(len(batch) * max(500 if i == 0 else 4 for i in batch) for batch in plan) <= 3000
