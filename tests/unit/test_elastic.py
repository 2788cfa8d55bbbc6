"""Trainings in several processes of torchrun that meet with an accident, or go on in another number of processes."""

import re
import shutil

import pytest
import torch

from nmt.data.prepare import prepare
from nmt.run import checkpoint as ckpt
from nmt.train.parallel import ALONE
from nmt.train.trainer import train
from tests.ranks import processes
from tests.unit.test_parallel import torchrun
from tests.unit.test_trainer import records

pytestmark = pytest.mark.slow
SMOOTH = {"model__dropout": 0.0, "train__adam_eps": 1e-3}  # see test_trainer's


def write(recipe, path):
    path.write_text(recipe.dump(), encoding="utf-8")
    return path


def losses(run):
    return [record["loss"] for record in records(run, "step")]


def last(run):
    return ckpt.find_checkpoint(run, "last")


def test_memory_that_gives_out_on_one_rank_makes_all_take_smaller_parts(toy_recipe, tmp_path):
    keys = {**SMOOTH, "train__max_steps": 4}
    one, two = (toy_recipe(**keys, train__runs_dir=str(tmp_path / name)) for name in ("one", "two"))
    prepare(one)
    train(one, one.prepared_dir, "")
    limited = """
from nmt.train.objective import Write
import torch
loss = Write.loss
def limited(self, model, batch):
    if os.environ["RANK"] == "1" and model.training and batch.tgt_in.numel() > 100:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return loss(self, model, batch)
Write.loss = limited
"""
    done = torchrun(tmp_path, "train", write(two, tmp_path / "two.yaml"), before=limited)
    assert done.returncode == 0, done.stderr
    assert "from here on `train.max_tokens` is 93" in done.stderr
    assert last(two.run_dir).state.max_tokens == 93
    torch.testing.assert_close(losses(two.run_dir), losses(one.run_dir), atol=2e-4, rtol=1e-4)
    chosen = torchrun(tmp_path, "train", tmp_path / "two.yaml", "--fresh", "train.max_tokens=300", before=limited)
    assert chosen.returncode != 0
    assert len(re.findall(r"^✗ (?:rank 1: )?out of memory on a micro-batch of", chosen.stderr, re.MULTILINE)) == 2


def test_a_training_goes_on_in_another_number_of_processes(toy_recipe, tmp_path):
    """On fewer the micro-batches are those of before, and so are the dropout masks: only sums are in another order."""
    whole, part = (
        toy_recipe(train__adam_eps=1e-3, train__max_steps=6, train__runs_dir=str(tmp_path / name)) for name in "ab"
    )
    prepare(whole)
    path = write(whole, tmp_path / "whole.yaml")
    assert torchrun(tmp_path, "train", path).returncode == 0
    path = write(part, tmp_path / "part.yaml")
    assert torchrun(tmp_path, "train", path, "train.max_steps=3").returncode == 0
    train(part, part.prepared_dir, "")
    torch.testing.assert_close(losses(part.run_dir), losses(whole.run_dir), atol=1e-4, rtol=1e-4)
    assert last(part.run_dir).state.shares == 2
    done = torchrun(tmp_path, "train", path, "train.max_steps=8", processes=3)
    assert done.returncode == 0, done.stderr
    assert last(part.run_dir).state.step == 8
    assert last(part.run_dir).state.shares == 3


def trained(world, recipe):
    train(recipe, recipe.prepared_dir, "")
    return losses(recipe.run_dir) if world.is_main else []


def test_updates_are_the_same_on_any_number_of_ranks(toy_recipe, tmp_path):
    """With dropout, whose masks follow from how an update is cut: as it was when the run began, here by four ranks."""
    keys = {"train__adam_eps": 1e-3, "train__max_tokens": 60, "train__average_best": 0, "train__eval_every": 20,
            "train__log_every": 1}  # fmt: skip

    def recipe(name, steps):
        return toy_recipe(**keys, train__max_steps=steps, train__runs_dir=str(tmp_path / name))

    prepare(recipe("four", 2))
    processes(1, 4, tmp_path, trained, recipe("four", 2))
    for name in ("one", "two", "elastic"):
        shutil.copytree(tmp_path / "four", tmp_path / name)
    whole = processes(1, 4, tmp_path, trained, recipe("four", 62))[0]
    assert len(whole) == 62
    found = {"one": trained(ALONE, recipe("one", 62)), "two": processes(1, 2, tmp_path, trained, recipe("two", 62))[0]}
    for ranks, steps in ((2, 22), (1, 42), (3, 62)):
        found["elastic"] = processes(1, ranks, tmp_path, trained, recipe("elastic", steps))[0]
    expected = last(recipe("four", 62).run_dir)
    for name, each in found.items():
        torch.testing.assert_close(each, whole, atol=1e-4, rtol=1e-4, msg=lambda said, name=name: f"{name}: {said}")
        checkpoint = last(recipe(name, 62).run_dir)
        assert checkpoint.state.shares == 4
        for which in ("model", "train"):
            theirs = expected.tensors(f"{which}.safetensors")
            for key, tensor in checkpoint.tensors(f"{which}.safetensors").items():
                if which == "model" or key.startswith("master."):
                    torch.testing.assert_close(tensor, theirs[key], atol=2e-4, rtol=1e-3)


def test_a_rank_without_the_run_folder_is_named(toy_recipe, tmp_path):
    """Two hosts whose disks are not shared: their runs are relative to folders of their own."""
    recipe = toy_recipe(train__max_steps=4, train__runs_dir="runs")
    for name in ("0", "1"):
        (tmp_path / "host" / name).mkdir(parents=True)
    apart = f"os.chdir({str(tmp_path / 'host')!r} + '/' + os.environ['RANK'])"
    path = write(recipe, tmp_path / "apart.yaml")
    begun = torchrun(tmp_path, "train", path, before=apart)
    assert begun.returncode == 0, begun.stderr  # begins alike; only rank 0 saves
    on = torchrun(tmp_path, "train", path, "train.max_steps=8", before=apart)
    assert on.returncode != 0
    assert re.search(r"rank 1 \(on .+\) has step 0, but rank 0 \(on .+\) has 4\.", on.stderr)
    assert "All ranks need the same recipe, prepared data and run folder" in on.stderr
    assert last(tmp_path / "host/0/runs/toy").state.step == 4


KILLED_ONCE = """
if os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
    from nmt.train.accumulation import Accumulation
    gradients = Accumulation.gradients
    def killed(self, state):
        if state.step == 7:
            os.kill(os.getpid(), 9)
        return gradients(self, state)
    Accumulation.gradients = killed
os.environ["TORCHELASTIC_RESTART_COUNT"] = "0"  # as where a host has come or gone: that is not counted
"""


def test_torchrun_starts_a_training_again_that_lost_a_rank(toy_recipe, tmp_path):
    """It ends with the bytes of an undisturbed one; `--fresh` is of the first start alone."""
    keys = {"train__max_steps": 10, "train__save_every": 3}
    whole, broken = (toy_recipe(**keys, train__runs_dir=str(tmp_path / name)) for name in "ab")
    prepare(whole)
    assert torchrun(tmp_path, "train", write(whole, tmp_path / "whole.yaml")).returncode == 0
    shutil.copytree(whole.run_dir, broken.run_dir)
    path = write(broken, tmp_path / "broken.yaml")
    done = torchrun(tmp_path, "train", path, "--fresh", before=KILLED_ONCE, options=["--max-restarts=1"])
    assert done.returncode == 0, done.stderr
    assert "Resuming" in done.stderr
    assert "✗ the connection to another process is lost: it has ended, or the network has failed.\n" in done.stderr
    assert "fault of nmt" not in done.stderr
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["toy", "toy.1"]
    a, b = (last(r.run_dir) for r in (whole, broken))
    assert a.sha256 == b.sha256
    assert losses(whole.run_dir) == losses(broken.run_dir)
