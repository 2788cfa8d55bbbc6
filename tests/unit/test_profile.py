import pytest
import torch

from nmt.data.prepare import prepare
from nmt.train.profile import OUTSIDE, matrix_limit, profile_steps


def test_the_parts_of_a_step_add_up_to_it_and_nothing_is_left_behind(toy_recipe, tmp_path):
    recipe = toy_recipe()
    found = profile_steps(recipe, prepare(recipe), 2)
    assert sum(found.parts.values()) == pytest.approx(found.step_ms, rel=0.2)
    assert {"matrix products", "layer norm", "optimizer and average", OUTSIDE} <= set(found.parts)
    assert all(ms >= 0 for ms in found.parts.values())
    assert found.tokens_per_second > 0
    assert found.gflops > 0
    assert [ms for _, ms, _ in found.rows()] == sorted((ms for _, ms, _ in found.rows()), key=float, reverse=True)
    assert not recipe.run_dir.exists()


def test_a_large_product_has_a_speed():
    assert matrix_limit(torch.device("cpu"), torch.float32) > 0
