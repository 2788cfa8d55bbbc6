"""Trainings that meet with an accident, and what finds out that something is not as it was."""

import json
import os
import shutil
import signal
import threading

import pytest
import torch

from nmt import Translator
from nmt.data.prepare import prepare
from nmt.decode.streams import uninterrupted
from nmt.errors import Interrupted, RunError, TrainingError
from nmt.run import checkpoint as ckpt
from nmt.run.state import TrainState
from nmt.run.verify import verify_run
from nmt.train.health import check_interval
from nmt.train.objective import Write
from nmt.train.validation import Validator
from tests.unit.test_denoising import ENGLISH, FRENCH, VALID, stop_after
from tests.unit.test_language_model import DATA, DECODER
from tests.unit.test_mlm import ENCODER, TRANSLATION
from tests.unit.test_trainer import ChangedLoss, last_bytes, records, run, timeless


class Limited(Write):
    """Translation on a device that has memory for so many target positions."""

    def __init__(self, positions):
        super().__init__(0.1, ["bleu"])
        self.positions = positions

    def loss(self, model, batch):
        if model.training and batch.tgt_in.numel() > self.positions:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().loss(model, batch)


KINDS = {
    "denoising": {"data__train": [ENGLISH, FRENCH], "data__valid": VALID, "data__test": {}, "objective": "infill"},
    "language model": {"objective": "lm", "model": DECODER, **DATA},
    "encoder of pairs": {"objective": TRANSLATION, "model": ENCODER},
    "noise in the text": {"data__noise": {"upper": 0.2, "title": 0.2, "typos": 0.4}, "tokenizer__sampling": 0.1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_training_of_another_kind_goes_on_bit_for_bit(toy_recipe, toy_run, tmp_path, monkeypatch, kind):
    keys = KINDS[kind] | {"train__average_best": 0}
    whole = toy_run(**keys)
    recipe = toy_recipe(**keys, train__runs_dir=str(tmp_path / "killed"))
    stop_after(monkeypatch, 7)
    with pytest.raises(Interrupted):
        run(recipe)
    monkeypatch.undo()
    resumed = run(recipe)
    assert last_bytes(resumed) == last_bytes(whole)
    assert timeless(resumed, "step") == timeless(whole, "step")


def test_automatic_micro_batches_shrink_until_they_fit(toy_recipe, tmp_path, capsys):
    whole = run(toy_recipe(train__max_tokens=93, train__runs_dir=str(tmp_path / "whole")))
    capsys.readouterr()
    adapted = run(toy_recipe(), objective=Limited(100))
    # 300 tokens an update and a quarter more for padding is 375, halved twice.
    assert last_bytes(adapted) == last_bytes(whole)
    said = capsys.readouterr().err
    assert "from here on `train.max_tokens` is 187" in said
    assert "from here on `train.max_tokens` is 93" in said
    assert ckpt.find_checkpoint(adapted, "last").state.max_tokens == 93


def test_a_chosen_size_that_does_not_fit_is_an_error_with_advice(toy_recipe):
    with pytest.raises(TrainingError, match=r"out of memory on a micro-batch of \d+ pairs, \d+ source") as stopped:
        run(toy_recipe(train__max_tokens=300), objective=Limited(100))
    assert "Set a smaller `train.max_tokens` (now 300)" in stopped.value.hint
    with pytest.raises(TrainingError) as stopped:
        run(toy_recipe(name="second"), objective=Limited(0))
    assert "Take a smaller model" in stopped.value.hint


def test_a_loss_that_stays_far_above_its_best_is_said(toy_recipe, capsys):
    worse = ChangedLoss(lambda loss, n: loss * 3 if n > 1 else loss)
    run(toy_recipe(train__log_every=1, train__learning_rate=1e-5, train__max_steps=14), objective=worse)
    said = capsys.readouterr().err
    assert said.count("the training is diverging") == 1
    assert "for 10 steps" in said


def test_an_interval_of_nothing_but_skipped_steps_is_no_low_loss():
    state = TrainState(lowest_loss=2.0)
    check_interval(state, None)
    assert (state.lowest_loss, state.high_intervals) == (2.0, 0)


def test_a_damaged_best_checkpoint_gives_way_to_the_next_best(toy_recipe, capsys):
    folder = run(toy_recipe(train__eval_every=4, train__average_best=0))
    first, second, *_ = ckpt.ranked_checkpoints(folder, "best", "bleu")
    expected = Translator.load(folder, checkpoint=second.path.name).translate(["one two"])
    path = first.path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    capsys.readouterr()
    translator = Translator.load(folder)
    assert translator.checkpoint == second.path.name
    assert translator.translate(["one two"]) == expected
    assert f"{path} is damaged" in (said := capsys.readouterr().err)
    assert f"{second.path.name} is used instead" in said
    with pytest.raises(RunError, match="is damaged"):
        Translator.load(folder, checkpoint=first.path.name)


def test_verify_finds_nothing_wrong_with_a_run_left_alone(toy_recipe):
    folder = run(toy_recipe())
    assert {f.result for f in verify_run(folder)} == {"ok"}


def test_a_recipe_that_an_older_nmt_recorded_by_other_keys_is_not_called_changed(toy_recipe):
    folder = run(toy_recipe())
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    for record in lines:
        if record["event"] == "start":
            del record["recipe_file"]
            record["recipe"] = "0" * 16
    (folder / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines), encoding="utf-8")
    (found,) = (f for f in verify_run(folder) if f.what == "recipe.yaml")
    assert (found.result, found.remark) == ("missing", "an older nmt recorded it otherwise")


@pytest.mark.parametrize("what", ["weights", "state", "recipe", "tokenizer", "prepared", "text"])
def test_verify_names_what_was_changed(toy_recipe, toy_text, tmp_path, what):
    text = shutil.copytree(toy_text, tmp_path / "text")
    recipe = toy_recipe(data__root=str(text))
    folder = run(recipe)
    best = ckpt.find_checkpoint(folder, "last").path
    path, expected = {
        "weights": (best / "model.safetensors", f"{best.name}/model.safetensors"),
        "state": (best / "state.json", best.name),
        "recipe": (folder / "recipe.yaml", "recipe.yaml"),
        "tokenizer": (folder / "tokenizer.src.model", "tokenizer"),
        "prepared": (recipe.prepared_dir / "train.en.u16", str(recipe.prepared_dir / "train.en.u16")),
        "text": (text / "valid.en", str(text / "valid.en")),
    }[what]
    if what == "recipe":
        path.write_text(path.read_text().replace("label_smoothing: 0.1", "label_smoothing: 0.2"))
    elif what == "tokenizer":
        shutil.copy(path, tmp_path / "kept")
        run_recipe = toy_recipe(data__root=str(text), tokenizer__vocab_size=310, name="other",
                                data__prepared_dir=str(tmp_path / "other"))  # fmt: skip
        shutil.copy(run(run_recipe) / "tokenizer.src.model", path)
    elif what == "state":
        path.write_text("{")
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert [f.what for f in verify_run(folder) if f.result == "differs"] == [expected]


@pytest.mark.parametrize("change", ["num_heads: 2>num_heads: 4", "activation: relu>activation: gelu"])
def test_a_run_whose_recipe_was_edited_is_refused(toy_recipe, change):
    folder = run(toy_recipe())
    before, after = change.split(">")
    path = folder / "recipe.yaml"
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(RunError) as e:
        Translator.load(folder)
    assert f"was trained with `model.{before}`, but the recipe says {after.split()[1]}." in e.value.message
    key, value = after.split(": ")
    edited = toy_recipe(**{f"model__{key}": int(value) if value.isdigit() else value}, train__max_steps=13)
    with pytest.raises(RunError, match="was trained with"):
        run(edited)


def test_a_run_with_the_tokenizer_of_another_is_refused(toy_recipe, tmp_path):
    folder = run(toy_recipe())
    changes = {"tokenizer__user_symbols": ["<x>"], "name": "other", "data__prepared_dir": str(tmp_path / "other")}
    other = prepare(toy_recipe(**changes))
    for path in other.glob("tokenizer.*"):
        shutil.copy(path, folder)
    with pytest.raises(RunError) as e:
        Translator.load(folder)
    assert e.value.message == f"the tokenizer in {folder} is not the one that its model was trained with."


def test_another_precision_than_before_is_said(toy_recipe, capsys):
    keys = {"train__precision": "auto", "train__average_best": 0}
    folder = run(toy_recipe(**keys))
    run(toy_recipe(**keys, train__max_steps=13))
    assert "was trained in" not in capsys.readouterr().err
    (here,) = {r["precision"] for r in records(folder, "start")}
    there = {"fp32": "bf16", "bf16": "fp32"}[here]
    log = folder / "log.jsonl"
    log.write_text(log.read_text().replace(f'"precision": "{here}"', f'"precision": "{there}"'))
    run(toy_recipe(**keys, train__max_steps=14))
    said = " ".join(capsys.readouterr().err.split())
    assert f"{folder} was trained in {there} until now; here `train.precision: auto` chooses {here}. It goes" in said


def test_a_worse_average_does_not_take_the_place_of_a_better_one(toy_recipe, monkeypatch, capsys):
    scores = iter([1.0, 2.0, 9.0, 3.0, 4.0, 8.0, 5.0, 9.5])  # two validations and the average, one and the average, …
    monkeypatch.setattr(Validator, "measure", lambda *_, **__: ({"loss": 1.0, "bleu": next(scores)}, []))
    folder = run(toy_recipe(train__max_steps=4, train__eval_every=2))
    average = folder / "checkpoints" / "average"
    first = {path.name: path.read_bytes() for path in average.iterdir()}
    run(toy_recipe(train__max_steps=8, train__eval_every=2))
    assert {path.name: path.read_bytes() for path in average.iterdir()} == first
    assert "That after step 4 stays, which is no worse: " in " ".join(capsys.readouterr().err.split())
    assert ckpt.find_checkpoint(folder, "best").path == average
    run(toy_recipe(train__max_steps=10, train__eval_every=2))
    assert ckpt.read_checkpoint(average).state.valid["bleu"] == 9.5


def test_verify_says_what_is_not_there_and_which_versions_are_others(toy_recipe, toy_text, tmp_path):
    text = shutil.copytree(toy_text, tmp_path / "text")
    recipe = toy_recipe(data__root=str(text))
    folder = run(recipe)
    shutil.rmtree(text)
    shutil.rmtree(recipe.prepared_dir)
    log = folder / "log.jsonl"
    log.write_text(log.read_text().replace(f'"torch": "{torch.__version__}"', '"torch": "2.0"'))
    findings = {f.what: f for f in verify_run(folder)}
    assert findings[str(recipe.prepared_dir)].result == findings[str(text / "train.en")].result == "missing"
    assert findings["torch"].result == "changed"
    assert "2.0 then" in findings["torch"].remark
    assert not any(f.result == "differs" for f in findings.values())


def test_every_start_is_recorded_with_what_the_bytes_depend_on(toy_recipe):
    (start,) = records(run(toy_recipe()), "start")
    wanted = {"nmt", "python", "torch", "sentencepiece", "numpy", "machine", "processor", "device", "precision"}
    assert wanted | {"threads", "processes", "seed", "recipe", "tokenizer"} <= set(start)


def test_signals_wait_for_the_end_of_a_write():
    written = []

    def write():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            written.append("whole")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert written == ["whole"]


def test_another_thread_writes_without_touching_signals():
    failed = []

    def write():
        try:
            with uninterrupted():
                pass
        except ValueError as e:  # what Python says to signal.signal outside the main thread
            failed.append(e)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert failed == []


@pytest.mark.parametrize("then", ["removed", "renamed", "replaced"])
def test_a_run_folder_that_is_taken_away_is_not_written_back(toy_recipe, then):
    recipe = toy_recipe()
    folder = recipe.run_dir

    def take_away(total, calls):
        if calls == 6:  # after a first checkpoint, before the last
            if then == "renamed":
                folder.rename(folder.with_name("kept"))
            else:
                shutil.rmtree(folder)
            if then == "replaced":
                folder.mkdir()
                (folder / "lock").write_text("process 1 on another")
        return total

    with pytest.raises(RunError, match=r"no longer the folder|cannot be written"):
        run(recipe, objective=ChangedLoss(take_away))
    assert not folder.exists() or [path.name for path in folder.iterdir()] == ["lock"]
