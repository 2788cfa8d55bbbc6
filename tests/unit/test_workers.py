"""Work in several processes: order kept, errors told, nobody left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from nmt.data.workers import in_order
from nmt.device import usable_cores
from nmt.errors import DataError, RunError


def doubler(fail_at: int, delay: float) -> Callable[[int], tuple[int, int]]:
    def double(task: int) -> tuple[int, int]:
        time.sleep(delay * (task % 3))
        if task == fail_at:
            raise DataError("what", "hint")
        if task == -fail_at:
            os._exit(3)
        return 2 * task, os.getpid()

    return double


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_results_come_in_the_order_of_the_tasks(processes: int) -> None:
    results = list(in_order(doubler, (99, 0.003), range(20), processes))
    assert [(task, double) for task, (double, _) in results] == [(i, 2 * i) for i in range(20)]
    assert len({pid for _, (_, pid) in results}) == max(1, processes)


def test_few_tasks_start_no_process() -> None:
    assert [pid for _, (_, pid) in in_order(doubler, (99, 0.0), range(2), 2)] == [os.getpid()] * 2
    assert list(in_order(doubler, (99, 0.0), [], 2)) == []


def test_an_error_of_a_worker_is_raised_here_whole() -> None:
    with pytest.raises(DataError) as e:
        list(in_order(doubler, (7, 0.0), range(20), 2))
    assert (e.value.message, e.value.hint) == ("what", "hint")


def test_a_worker_that_dies_is_an_error_not_a_wait() -> None:
    with pytest.raises(RunError, match=r"a worker process ended unexpectedly \(exit code 3\)"):
        list(in_order(doubler, (-7, 0.0), range(20), 2))


def test_tasks_are_taken_as_they_are_needed() -> None:
    taken = 0

    def tasks() -> object:
        nonlocal taken
        while taken < 1000:
            yield taken
            taken += 1

    work = in_order(doubler, (9999, 0.0), tasks(), 2)  # type: ignore[arg-type]
    for _ in range(10):
        next(work)
    work.close()
    assert taken < 30


def test_usable_cores_are_at_least_one_and_at_most_those_of_the_machine() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
