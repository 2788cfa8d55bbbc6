"""Keys that a recipe leaves open, settled before training."""

from __future__ import annotations

import re

import pytest
import yaml

from nmt.data.check import check_prepared
from nmt.data.prepare import prepare
from nmt.errors import RecipeError, RunError
from nmt.recipe import load_recipe, make_recipe
from nmt.run import checkpoint as ckpt
from nmt.train import settle as settle_module
from nmt.train.settle import counts_of, settle
from nmt.train.trainer import train

OPEN = {f"train__{key}": "auto" for key in ("warmup_steps", "schedule", "eval_every", "patience", "average_best")}


def run(recipe):
    return train(recipe, prepare(recipe), "nmt train toy.yaml")


def test_the_run_holds_the_numbers_and_says_them_once(toy_recipe, capsys):
    folder = run(toy_recipe(**OPEN, train__max_steps=30))
    said = capsys.readouterr().err
    (line,) = re.findall(r"^Derived from [\d,]+ target tokens .*$", said, re.MULTILINE)
    assert line.endswith("train.eval_every 8, train.schedule cosine, train.warmup_steps 3.")
    settled = load_recipe(folder / "recipe.yaml")
    assert settled.open_keys == []
    assert (settled.train.schedule, settled.train.warmup_steps, settled.train.eval_every) == ("cosine", 3, 8)


def test_a_run_that_goes_on_keeps_what_it_was_begun_with(toy_recipe, capsys):
    folder = run(toy_recipe(**OPEN, train__max_steps=12))
    before = load_recipe(folder / "recipe.yaml").train
    capsys.readouterr()
    run(toy_recipe(**OPEN, train__max_steps=30))
    assert "Derived from" not in capsys.readouterr().err
    after = load_recipe(folder / "recipe.yaml").train
    assert after == before.changed({"max_steps": 30})
    assert ckpt.find_checkpoint(folder, "last").state.step == 30


def test_nothing_is_said_where_nothing_of_note_is_derived(toy_recipe, capsys):
    run(toy_recipe(train__patience="auto", train__average_best="auto"))
    assert "Derived from" not in capsys.readouterr().err


def test_by_steps_nothing_depends_on_the_speed_of_the_machine(toy_recipe, monkeypatch):
    def never(*_):
        raise AssertionError("it was measured")

    monkeypatch.setattr(settle_module, "measure", never)
    recipe = toy_recipe(**OPEN)
    prepare(recipe)
    assert settle(recipe, check_prepared(recipe)).open_keys == []


def test_by_minutes_it_does(toy_recipe):
    recipe = toy_recipe(**OPEN, train__max_steps=None, train__max_minutes=1)
    prepare(recipe)
    settled = settle(recipe, check_prepared(recipe)).train
    assert settled.schedule == "cosine"
    assert settled.max_epochs == 200
    assert settled.warmup_steps <= 4 * recipe.model.d_model


def test_the_vocabulary_follows_from_the_text(toy_recipe):
    """As large as the rule says, or as many pieces as the text has."""
    recipe = toy_recipe(tokenizer__vocab_size="auto")
    prepare(recipe)
    manifest = check_prepared(recipe)
    assert manifest.sections["tokenizer.vocab_size"] == "auto"
    size = manifest.tokenizer.src_vocab_size
    assert size < 500  # of sixteen words
    assert settle(recipe, manifest).tokenizer.vocab_size == size
    assert check_prepared(toy_recipe(tokenizer__vocab_size=size)) == manifest  # which is the same
    with pytest.raises(
        RunError, match=rf"was prepared with `tokenizer\.vocab_size: auto`, but the recipe says {size + 1}"
    ):
        check_prepared(toy_recipe(tokenizer__vocab_size=size + 1))


def test_a_recipe_that_says_auto_does_not_take_what_was_prepared_otherwise(toy_recipe):
    prepare(toy_recipe(tokenizer__vocab_size=320))
    with pytest.raises(RunError, match=r"was prepared with `tokenizer\.vocab_size: 320`, but the recipe says auto"):
        check_prepared(toy_recipe(tokenizer__vocab_size="auto"))


def test_a_run_that_begins_with_another_has_its_shape(toy_recipe, tmp_path):
    parent = run(toy_recipe())
    child = toy_recipe(name="child", data__prepared_dir=str(tmp_path / "prepared"), train__init_from=str(parent))
    values = yaml.safe_load(child.dump())
    values["model"] = {"dropout": 0.1}
    child = make_recipe(values, "child")
    assert "model.preset" in child.open_keys
    folder = run(child)
    assert load_recipe(folder / "recipe.yaml").model.d_model == 32


def test_counts_are_of_the_prepared_pairs(toy_recipe):
    recipe = toy_recipe()
    folder = prepare(recipe)
    counts = counts_of(recipe, check_prepared(recipe))
    splits = yaml.safe_load((folder / "manifest.json").read_text())["splits"]
    assert counts.target_tokens == splits["train"]["tgt"]["tokens"] + 2000
    assert counts.valid_tokens == splits["valid"]["tgt"]["tokens"] + 20


def test_a_training_without_an_end_is_refused_before_anything_is_made(toy_recipe):
    recipe = toy_recipe(train__max_steps=None)
    folder = prepare(recipe)
    with pytest.raises(RecipeError) as refused:
        train(recipe, folder, "")
    assert refused.value.message == "the recipe does not say how long to train: `train` has no limit."
    assert not recipe.run_dir.exists()


def test_a_text_of_a_few_words_is_no_fault(toy_recipe, toy_text):
    """It has fewer pieces than a recipe may ask for."""
    for side, line in (("en", "aa ab"), ("fr", "ba bb")):
        (toy_text / f"few.{side}").write_text(f"{line}\n" * 40, encoding="utf-8")
    few = {"source": "few.en", "target": "few.fr"}
    recipe = toy_recipe(
        tokenizer={"vocab_size": "auto"}, data__train=few, data__valid=few, data__test={},
        data__filters={"drop_duplicates": False}, train__max_steps=2,
    )  # fmt: skip
    assert load_recipe(run(recipe) / "recipe.yaml").tokenizer.vocab_size == 300
