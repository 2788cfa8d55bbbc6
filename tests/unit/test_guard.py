"""A guard against forgetting: both domains are scored, and what the run translates with obeys the limit."""

import json
import shutil

import pytest

from nmt.decode.translator import Translator
from nmt.errors import RecipeError, RunError
from nmt.evaluate.evaluation import OLD, evaluate_run
from nmt.recipe import make_recipe
from nmt.run import checkpoint as ckpt
from nmt.train.objective import FillIn
from nmt.train.validation import show
from tests.unit.test_trainer import records, run


@pytest.fixture
def parent(toy_run):
    return toy_run(name="parent", train__average_best=0, train__max_steps=120, train__eval_every=60,
                   train__metric="chrf")  # fmt: skip


@pytest.fixture
def child(toy_recipe, parent, tmp_path, toy_text):
    """Makes recipes of another domain: the same words, some of which have other translations."""
    root = tmp_path / "other"
    root.mkdir()
    for name in ("train", "valid", "test"):
        shutil.copy(toy_text / f"{name}.en", root / f"{name}.en")
        text = (toy_text / f"{name}.fr").read_text(encoding="utf-8")
        (root / f"{name}.fr").write_text(text.replace("sept", "huit").replace("deux", "trois"), "utf-8")

    def make(**keys):
        plain = {"name": "child", "data__root": str(root), "train__init_from": str(parent), "train__average_best": 0,
                 "tokenizer": {}, "train__metric": "chrf", "train__max_steps": 40, "train__eval_every": 20}  # fmt: skip
        return toy_recipe(**plain | keys)

    return make


def guard(parent, max_drop=2.0):
    return {"train__guard": {"run": str(parent), "max_drop": max_drop}}


def excesses(folder):
    return [c.state.valid[ckpt.EXCESS] for c in ckpt.checkpoints(folder) if c.state.valid]


def test_both_domains_are_scored_at_each_validation(parent, child, capsys):
    folder = run(child(**guard(parent)))
    first, *later = records(folder, "valid")
    reached = ckpt.find_checkpoint(parent, "best").state.valid["chrf"]
    assert first["step"] == 0
    assert first["old_chrf"] == reached
    assert all("old_chrf" in r for r in later)
    assert "old domain chrF" in capsys.readouterr().err


def test_the_chosen_weights_keep_to_the_limit(parent, child):
    folder = run(child(**guard(parent, 5.0)))
    best = ckpt.find_checkpoint(folder, "best")
    reached = ckpt.find_checkpoint(parent, "best").state.valid["chrf"]
    assert best.state.valid["old_chrf"] >= reached - 5.0
    assert best.state.valid[ckpt.EXCESS] == 0
    tried = [c.state.valid for c in ckpt.checkpoints(folder)]
    allowed = [v for v in tried if v.get(ckpt.EXCESS) == 0]
    assert best.state.valid["chrf"] == max(v["chrf"] for v in allowed)
    mixed = records(folder, "interpolation")
    assert [r["share"] for r in mixed] == [0.3, 0.5, 0.7, 0.8, 0.9]
    assert all({"chrf", "old_chrf", "loss"} <= r.keys() for r in mixed)


def test_a_training_that_goes_on_keeps_a_better_mixture(parent, child, monkeypatch):
    folder = run(child(**guard(parent)))
    mixed = folder / "checkpoints" / ckpt.INTERPOLATED
    state = ckpt.read_checkpoint(mixed).state
    state.valid |= {"chrf": 99.0, ckpt.EXCESS: 0.0, "old_chrf": 99.0}
    ckpt.update_state(folder, ckpt.INTERPOLATED, state)
    before = {path.name: path.read_bytes() for path in mixed.iterdir()}
    run(child(**guard(parent), train__max_steps=50))
    assert {path.name: path.read_bytes() for path in mixed.iterdir()} == before
    assert len(records(folder, "interpolation")) == 10


def test_another_limit_judges_earlier_checkpoints_anew(parent, child):
    reached = ckpt.find_checkpoint(parent, "best").state.valid["chrf"]
    folder = run(child(**guard(parent, 100.0)))
    assert set(excesses(folder)) == {0}
    best = ckpt.find_checkpoint(folder, "best", "chrf")
    best.state.valid["old_chrf"] = reached - 10  # as if it had forgotten much
    ckpt.update_state(folder, best.path.name, best.state)
    run(child(**guard(parent, 1.0)))  # it is at its end: nothing is trained
    assert ckpt.read_checkpoint(best.path).state.valid[ckpt.EXCESS] == pytest.approx(9)
    assert ckpt.find_checkpoint(folder, "best", "chrf").path != best.path
    run(child())
    assert set(excesses(folder)) == {0}


def test_without_a_limit_the_best_on_the_new_text_is_chosen(parent, child):
    folder = run(child(**guard(parent, 100.0)))
    scores = [c.state.valid["chrf"] for c in ckpt.checkpoints(folder) if c.state.valid]
    assert ckpt.find_checkpoint(folder, "best").state.valid["chrf"] == max(scores)


def test_an_evaluation_has_the_old_test_sets_too(parent, child):
    folder = run(child(**guard(parent)))
    evaluation = evaluate_run(folder, Translator.load(folder))
    assert [t.name for t in evaluation.tests] == ["test", "old:test"]
    assert evaluation.together == {}
    assert set(json.loads(json.dumps(evaluation.to_json()))) == {"test", "old:test"}
    shutil.rmtree(parent)
    assert [t.name for t in evaluate_run(folder, Translator.load(folder)).tests] == ["test"]


def test_a_guard_without_a_parent_is_refused(toy_recipe, parent):
    with pytest.raises(RecipeError) as caught:
        toy_recipe(**guard(parent))
    assert caught.value.message == "toy: `train`: `guard` needs `init_from`: without it there is nothing to forget."


def test_a_guard_that_goes_by_the_loss_is_refused(parent, child):
    with pytest.raises(RecipeError) as caught:
        child(**guard(parent), train__metric="loss")
    assert caught.value.message == "toy: `train.guard` goes by translations: set another `train.metric` than `loss`."


def test_a_parent_whose_text_is_gone_is_refused(toy_recipe, child, tmp_path):
    parent = run(toy_recipe(name="other", train__average_best=0, train__metric="chrf"))
    recipe = child(**guard(parent))
    shutil.rmtree(tmp_path / "prepared" / "other")
    with pytest.raises(RunError) as caught:
        run(recipe)
    assert caught.value.message.startswith(f"`train.guard: {parent}`: its validation set cannot be read. ")


def test_what_is_shown_of_a_guarded_validation():
    assert show({"loss": 1.0, "bleu": 40.0, "old_bleu": 30.0, "old_excess": 0.0}) == (
        "loss 1.0000 · ppl 2.72 · BLEU 40.00 · old domain BLEU 30.00"
    )
    both = FillIn(0).judge({"nll": 20.0, "masked_right": 4, "pair_nll": 6.0, "pairs": 10, "pair_right": 7}, 10)
    assert show(both) == "loss 2.6000 · ppl 7.39 · masked_accuracy 40.00 · pair_accuracy 70.00"
    assert show({"bleu": 40.0, "old_bleu": 30.0, "old_excess": 0.5}) == (
        "BLEU 40.00 · old domain BLEU 30.00 (0.50 below what is allowed)"
    )


# --- a parent of several directions ----------------------------------------------------------------------------------


LANGUAGES = ("en", "fr", "de")


@pytest.fixture
def several(tmp_path, toy_text):
    """Makes recipes of three languages; `other`: of another domain, in which some words have other translations."""

    def make(name, directions, other=False, **keys):
        root = tmp_path / ("other" if other else "three")
        root.mkdir(exist_ok=True)
        for split in ("train", "valid", "test"):
            for language in LANGUAGES:
                text = (toy_text / f"{split}.{'fr' if language == 'fr' else 'en'}").read_text(encoding="utf-8")
                text = text.upper() if language == "de" else text
                (root / f"{split}.{language}").write_text(text.replace("sept", "huit") if other else text, "utf-8")
        tables = {s: {"files": {name: f"{s}.{name}" for name in LANGUAGES}} for s in ("train", "valid", "test")}
        data = {
            "root": str(root), "prepared_dir": str(tmp_path / "prepared"), "train": tables["train"],
            "valid": tables["valid"], "test": {"t": tables["test"]}, "directions": directions,
            "filters": {"drop_duplicates": False},
        }  # fmt: skip
        model = {"d_model": 32, "d_ff": 64, "num_heads": 2, "num_encoder_layers": 1, "num_decoder_layers": 1}
        section = {
            "batch_tokens": 400, "max_steps": 12, "eval_every": 6, "threads": 1, "metric": "chrf", "average_best": 0,
            "learning_rate": 5e-3, "runs_dir": str(tmp_path / "runs"), "precision": "fp32", "samples": 1,
        }  # fmt: skip
        values = {"name": name, "data": data, "model": model, "train": section | keys.pop("train", {}),
                  "decode": {"beam_size": 1, "max_len_extra": 4}}  # fmt: skip
        return make_recipe(
            values | ({} if "init_from" in values["train"] else {"tokenizer": {"vocab_size": 320}}), name
        )

    return make


def test_of_a_parent_of_several_directions_each_is_scored_with_their_mean(several, capsys):
    parent = run(several("parent", ["en-fr", "fr-en", "de-fr"]))
    section = {"init_from": str(parent), "guard": str(parent)}
    folder = run(several("child", ["en-fr", "de-fr", "en-de"], other=True, train=section))
    valid = ckpt.find_checkpoint(parent, "best").state.valid
    first = records(folder, "valid")[0]
    shared = ["en-fr", "de-fr"]
    assert {key for key in first if key.startswith("old_chrf")} == {"old_chrf", *(f"old_chrf:{d}" for d in shared)}
    assert first["old_chrf"] == pytest.approx(sum(valid[f"chrf:{d}"] for d in shared) / 2, abs=1e-3)
    assert first["old_chrf:en-fr"] == pytest.approx(valid["chrf:en-fr"], abs=1e-3)
    assert first["old_excess"] == 0
    said = capsys.readouterr().err
    assert "old domain chrF: en-fr " in said
    evaluation = evaluate_run(folder, Translator.load(folder))
    names = [t.name for t in evaluation.tests]
    assert names == [*(f"t:{d}" for d in ("en-fr", "de-fr", "en-de")), *(f"old:t:{d}" for d in shared)]
    old = evaluation.together["old:all trained (mean)"]
    each = [t.scores for t in evaluation.tests if t.name.startswith(OLD)]
    assert old[0].value == pytest.approx(sum(scores[0].value for scores in each) / 2)


def test_a_child_of_one_of_its_directions_is_guarded_in_that(several):
    parent = run(several("parent", ["en-fr", "fr-en"]))
    section = {"init_from": str(parent), "guard": str(parent)}
    folder = run(several("child", ["en-fr"], other=True, train=section))
    first = records(folder, "valid")[0]
    assert [key for key in first if key.startswith("old_chrf")] == ["old_chrf"]
    assert first["old_chrf"] == ckpt.find_checkpoint(parent, "best").state.valid["chrf:en-fr"]
    assert [t.name for t in evaluate_run(folder, Translator.load(folder)).tests] == ["t", "old:t:en-fr"]


def test_a_parent_of_other_directions_is_refused(several):
    parent = run(several("parent", ["en-fr", "fr-en"]))
    recipe = several("child", ["en-de", "de-en"], other=True, train={"init_from": str(parent), "guard": str(parent)})
    with pytest.raises(RunError) as caught:
        run(recipe)
    assert caught.value.message == (
        f"`train.guard: {parent}` translates en-fr, fr-en, but the recipe en-de, de-en: what that run could do cannot "
        "be scored."
    )
