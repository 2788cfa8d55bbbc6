"""Errors carry a message, a hint and an exit code."""

from __future__ import annotations

import pytest

from nmt.errors import DataError, NMTError, RecipeError, RunError, TrainingError, join_faults


@pytest.mark.parametrize(
    ("kind", "code"), [(NMTError, 2), (RecipeError, 2), (DataError, 2), (RunError, 2), (TrainingError, 1)]
)
def test_the_exit_code_says_whose_fault_it_is(kind: type[NMTError], code: int) -> None:
    assert kind("x").exit_code == code


def test_the_hint_stands_below() -> None:
    assert str(NMTError("what is wrong", "what to do")) == "what is wrong\n  what to do"
    assert str(NMTError("what is wrong")) == "what is wrong"


def test_a_lone_fault_is_no_list() -> None:
    assert join_faults(["a"]) == "a"
    assert join_faults(["a", "b"]) == "2 faults:\n  - a\n  - b"
