import errno
import itertools
import json
import os
import pathlib

import pytest
import torch

from nmt.errors import RunError
from nmt.recipe import ModelSection
from nmt.run import checkpoint as ckpt
from nmt.run.folder import latest_run
from nmt.run.log import RunLog
from nmt.run.state import Interval, TrainState, read_state


@pytest.fixture
def run(tmp_path):
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    return tmp_path


def save(run, step, bleu=None, trainable=True):
    valid = {} if bleu is None else {"bleu": bleu, "loss": 100 - bleu}
    state = TrainState(step=step, valid=valid)
    tensors = {"w": torch.full((2, 2), float(step))}
    training = {"m": torch.ones(3)} if trainable else None
    return ckpt.save_checkpoint(run, f"step-{step:08d}", state, tensors, training, ModelSection(num_heads=8))


def test_what_was_saved_is_read_back(run):
    save(run, 7, 12.5)
    found = ckpt.find_checkpoint(run, "last")
    assert found.state.step == 7
    assert torch.equal(found.tensors("model.safetensors")["w"], torch.full((2, 2), 7.0))


def test_best_is_by_the_metric_and_last_is_the_newest(run):
    for step, bleu in ((1, 10.0), (2, 30.0), (3, 20.0), (4, None)):
        save(run, step, bleu)
    assert ckpt.find_checkpoint(run, "best", "bleu").state.step == 2
    assert ckpt.find_checkpoint(run, "best", "loss").state.step == 2
    assert ckpt.find_checkpoint(run, "last").state.step == 4
    assert ckpt.find_checkpoint(run, "3").state.step == 3


@pytest.mark.parametrize("metric", ["bleu", "chrf", "loss"])
def test_of_equal_scores_chrf_decides_then_loss_then_who_was_first(run, metric):
    same = {"bleu": 0.0, "chrf": 9.0, "loss": 5.0}
    others = [same | {"chrf": 8.0}, same | {"loss": 6.0}, same, dict(same), same | {"chrf": 7.0}]
    if metric != "bleu":
        others = [scores | {metric: same[metric]} for scores in others]
    for step, valid in enumerate(others, 1):
        state = TrainState(step=step, valid=valid)
        ckpt.save_checkpoint(run, f"step-{step:08d}", state, {"w": torch.ones(1)}, None, ModelSection())
    found = [c.state.step for c in ckpt.best_first(ckpt.checkpoints(run), metric)]
    assert found == {"bleu": [3, 4, 2, 1, 5], "chrf": [1, 3, 4, 5, 2], "loss": [2, 3, 4, 1, 5]}[metric]


def test_a_checkpoint_knows_the_model_that_it_is_of(run):
    save(run, 1)
    found = ckpt.find_checkpoint(run, "last")
    found.check_model(ModelSection(num_heads=8, dropout=0.5, attention_dropout=0.5, activation_dropout=0.5))
    with pytest.raises(RunError) as e:
        found.check_model(ModelSection(num_heads=4, activation="gelu"))
    assert e.value.message == (
        f"{found.path} was trained with `model.num_heads: 8`, `model.activation: relu`, but the recipe says 4, gelu."
    )
    path = found.path / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in state.items() if k != "model"}))  # as an older nmt wrote it
    ckpt.read_checkpoint(found.path).check_model(ModelSection(num_heads=4))


def test_an_unknown_checkpoint_is_named_with_those_there_are(run):
    save(run, 1, 1.0)
    with pytest.raises(RunError) as e:
        ckpt.find_checkpoint(run, "step-9")
    assert "has no checkpoint `step-9`" in e.value.message
    assert "step-00000001" in e.value.hint


def test_pruning_keeps_the_newest_the_best_and_what_can_be_resumed(run):
    for step, bleu in ((1, 10.0), (2, 90.0), (3, 80.0), (4, 20.0), (5, 30.0), (6, None)):
        save(run, step, bleu)
    ckpt.prune(run, 2, "bleu")
    kept = {c.state.step: c.trainable for c in ckpt.checkpoints(run)}
    assert kept == {2: False, 3: False, 5: True, 6: True}


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_file_is_noticed_and_named(run, damage):
    path = save(run, 1) / "model.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content = content[:-1] if damage == "truncate" else content[:-1] + bytes([content[-1] ^ 1])
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.safetensors (is damaged|cannot be read)"):
        ckpt.find_checkpoint(run, "last").tensors("model.safetensors")


def test_the_average_is_of_those_that_are_whole(run, capsys):
    for step in (1, 2, 4, 8):
        save(run, step, float(step))
    damaged = run / "checkpoints" / "step-00000004" / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    mean, taken = ckpt.average(ckpt.best_first(ckpt.checkpoints(run), "bleu"), 2)
    assert [c.state.step for c in taken] == [8, 2]
    assert torch.equal(mean["w"], torch.full((2, 2), 5.0))
    assert "It is left out of the average." in " ".join(capsys.readouterr().err.split())


def test_a_checkpoint_with_a_broken_state_is_left_out_aloud(run, capsys):
    save(run, 1)
    (save(run, 2) / "state.json").write_text("{")
    assert [c.state.step for c in ckpt.checkpoints(run)] == [1]
    assert "step-00000002/state.json is not valid JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": "7"}, "`state.step` must be a whole number, but is '7'."),
        ({"step": -7}, "`state.step` must be at least 0, but is -7."),
        ({"interval": {"sums": [1.0]}}, "`state.interval.sums` must be a section with keys, but is a list."),
        ({"valid": {"bleu": "x"}, "seconds": None},
         "`state.seconds` must be a number, but is empty. `state.valid.bleu` must be a number, but is 'x'."),
    ],
)  # fmt: skip
def test_values_of_other_types_are_named_with_file_and_key(run, change, said):
    path = save(run, 7, 12.5) / "state.json"
    content = json.loads(path.read_text())
    content["state"] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(RunError) as refused:
        read_state(path)
    assert refused.value.message == f"{path}: {said}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 10_000, "is not valid JSON: maximum recursion depth exceeded"),
        ("[]", "must hold keys and values, but is a list."),
        ('{"format": 4}', "was written by a newer version of nmt."),
        ('{"format": 2}', ": `state` is missing. `sha256` is missing."),
    ],
)
def test_a_state_that_cannot_be_read_is_named(run, content, said):
    path = save(run, 7) / "state.json"
    path.write_text(content)
    with pytest.raises(RunError) as refused:
        read_state(path)
    assert refused.value.message.removeprefix(str(path)).strip().startswith(said)


def test_a_state_of_format_1_is_read(run):
    """As nmt wrote it before objectives had names."""
    path = save(run, 7) / "state.json"
    path.write_text(
        """{"format": 1, "state": {
        "step": 7, "epoch": 1, "batch_in_epoch": 2, "tokens_seen": 99, "seconds": 1.5, "best_score": 12.5,
        "best_step": 6, "bad_validations": 0, "skipped_steps": 0, "bad_in_a_row": 0,
        "interval": {"loss": 30.5, "plain": 20.25, "tokens": 10, "steps": 2, "seconds": 0.5},
        "lowest_loss": 3.0, "high_intervals": 0, "max_tokens": null, "valid": {"loss": 2, "bleu": 12.5}},
        "sha256": {"model.safetensors": "00"}}"""
    )
    file = read_state(path)
    assert file.sha256 == {"model.safetensors": "00"}
    assert file.state.interval == Interval({"loss": 30.5, "nll": 20.25}, 10, 2, 0.5)
    assert (file.state.step, file.state.best_score, file.state.valid) == (7, 12.5, {"loss": 2.0, "bleu": 12.5})


def test_half_a_checkpoint_does_not_count(run):
    save(run, 1)
    (run / "checkpoints" / "step-00000002.tmp").mkdir()
    assert [c.state.step for c in ckpt.checkpoints(run)] == [1]


class FullDisk:
    """Fails the n-th of all calls that change the disk."""

    CALLS = (
        (os, "mkdir"), (os, "rename"), (os, "fsync"), (os, "replace"),
        (pathlib.Path, "write_bytes"), (pathlib.Path, "write_text"),
    )  # fmt: skip

    def __init__(self, monkeypatch, n):
        self.left = n
        for owner, name in self.CALLS:
            monkeypatch.setattr(owner, name, self.counted(getattr(owner, name)))

    def counted(self, original):
        def call(*args, **kwargs):
            self.left -= 1
            if self.left == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return original(*args, **kwargs)

        return call


def test_whichever_write_fails_the_older_checkpoints_stay_valid(run, monkeypatch):
    save(run, 1)
    for n in itertools.count(1):
        with monkeypatch.context() as patch:
            disk = FullDisk(patch, n)
            try:
                save(run, 2)
            except RunError as e:
                assert "step-00000002: No space left on device" in e.message
                assert "The checkpoints before it are whole" in e.hint
        found = ckpt.checkpoints(run)
        assert [c.state.step for c in found][:1] == [1]
        for c in found:
            assert c.tensors("model.safetensors")["w"][0, 0] == c.state.step
        if disk.left > 0:
            break
    assert n > 8
    assert [c.state.step for c in found] == [1, 2]
    assert [p.name for p in sorted((run / "checkpoints").iterdir())] == ["step-00000001", "step-00000002"]


def test_what_a_kill_left_is_cleared_away_or_brought_back(run):
    path = save(run, 1)
    folder = path.parent
    (folder / ".step-00000002.nmt-aaaaaaaa" / "new").mkdir(parents=True)
    (folder / ".step-00000001.nmt-bbbbbbbb").mkdir()
    for work in folder.glob(".*.nmt-*"):
        (work / "made-by-nmt").touch()
    os.rename(path, folder / ".step-00000001.nmt-bbbbbbbb" / "old")
    for name in (".step-00000003.removed", ".step-00000004.removed"):
        (folder / name).mkdir()
        (folder / name / "train.safetensors").touch()
    (folder / ".step-00000004.removed" / "notes").touch()
    assert ckpt.checkpoints(run) == []
    ckpt.clear_leftovers(run)
    assert [p.name for p in sorted(folder.iterdir())] == [".step-00000004.removed", path.name]
    assert [c.state.step for c in ckpt.checkpoints(run)] == [1]


def test_a_checkpoint_with_somebodys_notes_in_it_is_not_removed(run):
    (save(run, 1, bleu=1.0) / "notes.txt").write_text("mine")
    for step in (2, 3, 4):
        save(run, step)
    ckpt.prune(run, 0, "bleu")
    assert [c.state.step for c in ckpt.checkpoints(run)] == [1, 3, 4]
    with pytest.raises(RunError, match=r"step-00000001 holds what nmt did not write \(notes\.txt\)") as e:
        save(run, 1)
    assert e.value.hint.startswith("The checkpoints before it are whole. Move it away")


def test_the_run_trained_last_is_found(tmp_path):
    with pytest.raises(RunError, match="no trained run") as e:
        latest_run(tmp_path)
    assert "nmt train" in e.value.hint
    for name in ("a", "b"):
        save(tmp_path / name, 1)
    assert latest_run(tmp_path).name == "b"
    save(tmp_path / "a", 2)
    assert latest_run(tmp_path).name == "a"


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        ckpt.find_checkpoint(tmp_path / "nothing")


def test_the_log_goes_on_without_gap_or_repetition(tmp_path):
    path = tmp_path / "log.jsonl"
    log = RunLog(path, 0)
    for step in range(1, 6):
        log.write(event="step", step=step)
    with open(path, "a") as file:
        file.write('{"event": "ste')  # a crash in the middle of a line
    log = RunLog(path, 3)
    log.write(event="step", step=4)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3, 4]
