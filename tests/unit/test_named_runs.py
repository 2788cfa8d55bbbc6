"""Where a recipe names a run, it may name that run's recipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nmt.errors import RecipeError
from nmt.recipe import Recipe, load_recipe
from nmt.recipe.plain_yaml import parse_yaml


@pytest.fixture
def write(toy_recipe: Callable[..., Recipe], tmp_path: Path) -> Callable[..., Path]:
    """Writes a toy recipe of that name; the run of `parent` is trained."""

    def make(name: str, **keys: object) -> Path:
        recipe = toy_recipe(name=name)
        values = parse_yaml(recipe.dump(), name)
        for place, value in keys.items():
            section, _, key = place.partition("__")
            values[section][key] = value
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(values), encoding="utf-8")
        if name == "parent":
            recipe.run_dir.mkdir(parents=True)
            (recipe.run_dir / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
        return path

    return make


def test_a_recipe_stands_for_its_run(write: Callable[..., Path], tmp_path: Path) -> None:
    parent, run = write("parent"), str(tmp_path / "runs/parent")
    for named in (str(parent), {"run": str(parent), "parts": ["encoder"]}):
        child = load_recipe(write("child", train__init_from=named))
        assert child.train.init_from is not None and child.train.init_from.run == run
        assert str(parent) not in child.dump()
    assert load_recipe(write("child", tokenizer__from=str(parent))).tokenizer.taken_from == run
    pairs = [{"source": "train.en", "target": "train.fr"}, {"run": str(parent), "share": 0.5}]
    assert load_recipe(write("child", data__train=pairs)).data.train[1].run == run


def test_what_is_not_trained_and_what_needs_itself_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    other = write("other")
    with pytest.raises(RecipeError) as e:
        load_recipe(write("child", train__init_from=str(other)))
    assert e.value.message == f"{tmp_path}/child.yaml: `train.init_from: {other}` is not trained yet."
    assert e.value.hint == f"Train it first: nmt train {other}"
    write("a", train__init_from=str(tmp_path / "b.yaml"))
    with pytest.raises(RecipeError, match=r"`train.init_from: \S+/b.yaml` needs itself"):
        load_recipe(write("b", train__init_from=str(tmp_path / "a.yaml")))
    with pytest.raises(RecipeError, match="there is no recipe"):
        load_recipe(write("child", train__init_from=str(tmp_path / "none.yaml")))
