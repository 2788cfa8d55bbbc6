"""Killed at any moment and started again, a training ends with the same bytes: scripts/bench/chaos.py, in short."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

MINI = """\
name: mini
data:
  source_lang: en
  target_lang: fr
  root: {data}
  train: {{source: train.en, target: train.fr}}
  valid: {{holdout: 10}}
tokenizer: {{vocab_size: 600, sampling: 0.1}}
model: {{d_model: 32, d_ff: 64, num_heads: 2, num_encoder_layers: 1, num_decoder_layers: 1}}
train:
  {{batch_tokens: 400, learning_rate: 5e-3, warmup_steps: 10, max_steps: 12, eval_every: 4, save_every: 3,
   log_every: 5, patience: 3, max_tokens: 250, weight_decay: 0.1, threads: 1}}
decode: {{beam_size: 2, max_len_ratio: 1.0, max_len_extra: 4}}
"""


def run_chaos(root: Path, arguments: list[str]) -> str:
    command = [sys.executable, str(root / "scripts" / "bench" / "chaos.py"), *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    return done.stdout


def test_a_training_killed_once_ends_with_the_same_bytes(root, tmp_path, demo_data):
    recipe = tmp_path / "mini.yaml"
    recipe.write_text(MINI.format(data=tmp_path), encoding="utf-8")
    for name in ("train.en", "train.fr"):
        lines = (demo_data / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / name).write_text("".join(lines[:1000]), encoding="utf-8")
    out = run_chaos(root, [str(recipe), "--kills", "1", "--seed", "7"])  # by SIGKILL, while it validates
    assert "differing: nothing" in out
    assert sum(map(int, re.findall(r"^ *(\d+) killed: ", out, re.MULTILINE))) == 1


@pytest.mark.slow
def test_the_demo_killed_fifty_times_ends_with_the_same_bytes(root):
    short = ["train.max_steps=200", "train.eval_every=50", "train.save_every=20", "train.log_every=10"]
    assert "differing: nothing" in run_chaos(root, ["recipes/demo.yaml", *short, "--kills", "50"])
