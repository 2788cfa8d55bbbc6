"""Runs whose manifest is of an older format: they translate, evaluate, and go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nmt import Translator
from nmt.data.manifest import MANIFEST, Manifest
from nmt.data.prepare import prepare
from nmt.errors import RunError
from nmt.evaluate.evaluation import evaluate_run
from nmt.recipe import Recipe
from nmt.run.manifest import run_manifest, same_data
from nmt.run.overview import read_run
from nmt.run.verify import verify_run
from tests.older_format import NEWER, format_1
from tests.unit.test_trainer import last_bytes, run

Make = Callable[..., Recipe]


@pytest.fixture
def old(toy_recipe: Make) -> tuple[Recipe, Path]:
    """A run stopped after 6 of 12 steps, with a manifest of format 1."""
    recipe = toy_recipe(train__max_steps=6)
    folder = run(recipe)
    (folder / MANIFEST).write_text(json.dumps(format_1(run_manifest(folder))), encoding="utf-8")
    return recipe, folder


def test_what_an_old_manifest_says_is_what_a_new_one_says(old: tuple[Recipe, Path]) -> None:
    recipe, folder = old
    before, now = run_manifest(folder), Manifest.load(recipe.prepared_dir)
    assert before.format == 1 and before.splits == now.splits and before.languages == now.languages
    assert before.text_of("test", "tgt") == "test.fr.txt" and same_data(before, now)
    assert before.outputs == {k: v for k, v in now.outputs.items() if not k.endswith(NEWER)}


def test_an_old_run_goes_on_with_data_prepared_anew(old: tuple[Recipe, Path], toy_recipe: Make, tmp_path: Path) -> None:
    recipe, folder = old
    assert len(Translator.load(folder).translate(["one two", "six"])) == 2
    assert list(evaluate_run(folder, Translator.load(folder)).to_json()) == ["test"]
    assert ("pairs", "train 2,000, valid 20, test 20") in read_run(folder).details()
    assert {f.result for f in verify_run(folder)} == {"ok"}
    prepare(recipe, force=True)
    whole = run(toy_recipe(train__max_steps=12, train__runs_dir=str(tmp_path / "whole")))
    assert last_bytes(run(toy_recipe(train__max_steps=12))) == last_bytes(whole)
    assert run_manifest(folder).format == 3


def test_an_old_run_does_not_go_on_with_another_text(
    old: tuple[Recipe, Path], toy_recipe: Make, toy_text: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(toy_text, tmp_path / "other"))
    with open(other / "train.en", "a") as en, open(other / "train.fr", "a") as fr:
        en.write("one\n")
        fr.write("un\n")
    recipe = toy_recipe(data__root=str(other))
    prepare(recipe, force=True)
    with pytest.raises(RunError, match="was begun with other prepared data than"):
        run(recipe)


def test_lines_that_only_a_newer_nmt_leaves_out_do_not_keep_an_old_run_from_going_on(old: tuple[Recipe, Path]) -> None:
    recipe, folder = old
    before, now = run_manifest(folder), Manifest.load(recipe.prepared_dir)
    ids = {name: file.model_copy(update={"sha256": "0" * 64}) for name, file in now.outputs.items()}
    changed = now.model_copy(update={"outputs": ids})
    assert same_data(before, changed) and not before.prepares_the_same(changed)
    assert not same_data(now, changed)  # of one format, bytes decide
    tokenizer = now.tokenizer.model_copy(update={"fingerprint": "1" * 16})
    assert not same_data(before, changed.model_copy(update={"tokenizer": tokenizer}))
    keys = {**now.sections, "data.filters.max_chars": 9}
    assert not same_data(before, changed.model_copy(update={"sections": keys}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 4}, "has format 4, but this nmt reads formats 1 to 3."),
        ({"format": "1"}, "`format` must be a whole number, but is '1'."),
        ({"splits": []}, "`splits` must be a section with keys, but is a list."),
        ({"splits": {}}, "it lacks the splits `train` and `valid`"),
        ({"sections": {}}, "it lacks the languages in `sections`"),
        ({"audit": 3}, "`audit` must be a section with keys, but is 3."),
    ],
)
def test_a_damaged_manifest_of_a_run_is_named(old: tuple[Recipe, Path], change: dict[str, Any], message: str) -> None:
    _, folder = old
    values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps(values | change), encoding="utf-8")
    with pytest.raises(RunError) as e:
        run_manifest(folder)
    assert str(folder / MANIFEST) in e.value.message and message in e.value.message
