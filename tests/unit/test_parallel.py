import subprocess
import sys

import pytest
import torch

from nmt.data.prepare import prepare
from nmt.device import choose_device, choose_dtype
from nmt.errors import RecipeError
from nmt.run import checkpoint as ckpt
from nmt.train.trainer import train


def test_two_processes_train_what_one_does(toy_recipe, tmp_path):
    """Without dropout, whose masks depend on how an update is cut, only the order of sums differs."""
    keys = {"model__dropout": 0.0, "train__adam_eps": 1e-3, "train__max_steps": 6}  # see test_trainer's SMOOTH
    one, two = (toy_recipe(**keys, train__runs_dir=str(tmp_path / name)) for name in ("one", "two"))
    prepare(one)
    (tmp_path / "two.yaml").write_text(two.dump(), encoding="utf-8")
    (tmp_path / "start.py").write_text("from nmt.cli import main; main()\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        str(tmp_path / "start.py"), "train", str(tmp_path / "two.yaml"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    train(one, one.prepared_dir, "")
    a, b = (ckpt.find_checkpoint(r.run_dir, "last").tensors("train.safetensors") for r in (one, two))
    for name, tensor in a.items():
        if name.startswith("master."):
            torch.testing.assert_close(tensor, b[name], atol=2e-4, rtol=1e-3)


def test_the_wanted_device_must_be_there():
    if not torch.cuda.is_available():
        with pytest.raises(RecipeError, match=r"`train\.device: cuda` is not available here; this machine has cpu"):
            choose_device("cuda")


def test_precision_can_be_chosen():
    cpu = torch.device("cpu")
    assert choose_dtype("fp32", cpu) == torch.float32
    assert choose_dtype("bf16", cpu) == torch.bfloat16
    assert choose_dtype("auto", cpu) in (torch.float32, torch.bfloat16)
