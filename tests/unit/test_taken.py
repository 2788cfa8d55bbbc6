"""`tokenizer.from`: another run's tokenizer, or a model file, in place of one that is trained."""

import shutil

import pytest

from nmt.data.check import check_prepared
from nmt.data.prepare import prepare
from nmt.errors import RecipeError, RunError
from nmt.recipe import load_recipe, make_recipe
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.tokenizer import SEEN_FILE
from tests.unit.conftest import TRANSLATED, WORDS
from tests.unit.test_extend import ENGLISH, OTHERS, trained
from tests.unit.test_trainer import records, run


@pytest.fixture
def parent(toy_run):
    return toy_run(name="parent", train__average_best=0, tokenizer__user_symbols=["<x>"])


@pytest.fixture
def other_text(tmp_path):
    """Of the same words in other sentences, so that a tokenizer of its own would be another."""
    folder = tmp_path / "other-text"
    folder.mkdir()
    for name, number in (("train", 300), ("valid", 5), ("test", 5)):
        rows = [[(i * 3 + j) % 8 for j in range(1 + i % 4)] for i in range(number)]
        for lang, words in (("en", WORDS), ("fr", TRANSLATED)):
            text = "".join(" ".join(words[i] for i in row) + "\n" for row in rows)
            (folder / f"{name}.{lang}").write_text(text, encoding="utf-8")
    return str(folder)


def models(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.glob("tokenizer*.model"))}


def test_a_child_takes_the_tokenizer_of_the_run_that_it_begins_with(parent, toy_recipe, other_text):
    recipe = toy_recipe(name="child", data__root=other_text, tokenizer={}, train__init_from=str(parent))
    assert recipe.tokenizer.taken_from == str(parent)
    assert recipe.tokenizer.user_symbols == ["<x>"]
    folder = run(recipe)
    assert models(folder) == models(parent)
    (start,) = records(folder, "start")
    assert start["tokenizer"] == Tokenizer.load(parent).fingerprint
    assert check_prepared(recipe).tokenizer.origin == f"from {parent}"
    assert (folder / SEEN_FILE).read_bytes() != (parent / SEEN_FILE).read_bytes()  # what this training had is counted


def test_the_run_s_own_recipe_no_longer_needs_the_parent(parent, toy_recipe, other_text):
    folder = run(toy_recipe(name="child", data__root=other_text, tokenizer={"from": str(parent)}))
    before = load_recipe(folder / "recipe.yaml")
    shutil.rmtree(parent)
    assert load_recipe(folder / "recipe.yaml") == before
    assert make_recipe(before.model_dump(mode="json"), "again") == before


def test_a_model_file_serves_both_sides(parent, toy_recipe, other_text):
    model = parent / "tokenizer.src.model"
    recipe = toy_recipe(name="child", data__root=other_text, tokenizer={"from": str(model)})
    folder = prepare(recipe)
    assert models(folder) == {"tokenizer.model": model.read_bytes()}


def test_the_kind_of_a_model_file_is_read(toy_recipe, tmp_path):
    """By which its other segmentations are drawn."""
    model = tmp_path / "unigram.model"
    model.write_bytes(trained(*ENGLISH, *OTHERS, kind="unigram", vocab_size=350).files["tokenizer.src.model"])
    assert toy_recipe(tokenizer={"from": str(model), "sampling": 0.1}).tokenizer.kind == "unigram"
    with pytest.raises(RecipeError) as caught:
        toy_recipe(tokenizer={"from": str(model), "kind": "bpe"})
    assert caught.value.message == f"toy: `tokenizer.kind: bpe`, but the tokenizer of {model} has unigram."


def test_another_tokenizer_than_was_prepared_with_is_noticed(parent, toy_recipe, other_text):
    recipe = toy_recipe(name="child", data__root=other_text, tokenizer={"from": str(parent)})
    prepare(recipe)
    other = prepare(toy_recipe(name="other", tokenizer__vocab_size=310))
    for path in other.glob("tokenizer*.model"):
        shutil.copy(path, parent / path.name)
    with pytest.raises(RunError, match=r"was prepared with the tokenizer that .*parent had; it has another now\."):
        check_prepared(recipe)


@pytest.mark.parametrize("change", ["kind: bpe>kind: unigram", "vocab_size: 320>vocab_size: 400"])
def test_a_run_whose_recipe_was_edited_is_refused(parent, toy_recipe, other_text, change):
    edit(parent, change)
    before, after = change.split(">")
    with pytest.raises(RunError) as caught:
        prepare(toy_recipe(name="child", data__root=other_text, tokenizer={"from": str(parent)}))
    assert caught.value.message == (
        f"{parent} was trained with `tokenizer.{before}`, but its recipe says {after.split()[1]}."
    )
    assert caught.value.hint == "Was recipe.yaml in the run changed? Put back what it said."


def edit(folder, change):
    before, after = change.split(">")
    text = (folder / "recipe.yaml").read_text(encoding="utf-8")
    assert before in text
    (folder / "recipe.yaml").write_text(text.replace(before, after), encoding="utf-8")


def test_a_run_with_the_tokenizer_of_another_is_refused(parent, toy_recipe, other_text):
    other = prepare(toy_recipe(name="other", tokenizer__vocab_size=310))
    for path in other.glob("tokenizer*.model"):
        shutil.copy(path, parent / path.name)
    with pytest.raises(RunError) as caught:
        prepare(toy_recipe(name="child", data__root=other_text, tokenizer={"from": str(parent)}))
    assert caught.value.message == f"the tokenizer in {parent} is not the one that its model was trained with."


def test_what_the_run_has_otherwise_is_refused(parent, toy_recipe):
    with pytest.raises(RecipeError, match=r"`tokenizer\.kind: unigram`, but the tokenizer of .*parent has bpe\."):
        toy_recipe(tokenizer={"from": str(parent), "kind": "unigram"})


def test_what_is_no_tokenizer_is_refused(toy_recipe, tmp_path):
    with pytest.raises(RecipeError, match=r"`tokenizer\.from: nowhere` is neither a run folder nor a model file"):
        toy_recipe(tokenizer={"from": "nowhere"})
    with pytest.raises(RecipeError, match=r"`train\.init_from: nowhere` is neither a run folder nor a model file"):
        toy_recipe(tokenizer={}, train__init_from="nowhere")
    (tmp_path / "x.model").write_bytes(b"no model")
    with pytest.raises(RunError, match=r"x\.model is no model file of SentencePiece\."):
        prepare(toy_recipe(tokenizer={"from": str(tmp_path / "x.model")}))
