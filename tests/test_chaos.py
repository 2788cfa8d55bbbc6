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


@pytest.fixture
def mini(tmp_path, demo_data):
    recipe = tmp_path / "mini.yaml"
    recipe.write_text(MINI.format(data=tmp_path), encoding="utf-8")
    for name in ("train.en", "train.fr"):
        lines = (demo_data / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / name).write_text("".join(lines[:1000]), encoding="utf-8")
    return str(recipe)


@pytest.mark.slow
def test_two_processes_killed_six_times_end_with_the_same_bytes(root, mini):
    """One of them, or torchrun with both."""
    longer = ["train.max_steps=60", "train.eval_every=20", "train.save_every=8"]
    out = run_chaos(root, [mini, *longer, "--processes", "2", "--kills", "6", "--longest", "6", "--seed", "3"])
    assert "differing: nothing" in out


def test_a_training_killed_once_ends_with_the_same_bytes(root, mini):
    out = run_chaos(root, [mini, "--kills", "1", "--seed", "7"])  # by SIGKILL, while it validates
    assert "differing: nothing" in out
    assert sum(map(int, re.findall(r"^ *(\d+) killed: ", out, re.MULTILINE))) == 1


@pytest.mark.slow
def test_the_demo_killed_fifty_times_ends_with_the_same_bytes(root):
    short = ["train.max_steps=200", "train.eval_every=50", "train.save_every=20", "train.log_every=10"]
    assert "differing: nothing" in run_chaos(root, ["recipes/demo.yaml", *short, "--kills", "50"])


INFILL = """\
name: {name}
objective: infill
data:
  source_lang: en
  target_lang: fr
  root: {data}
  train:
    - {{text: train.en, lang: en, take: 1500}}
    - {{text: train.fr, lang: fr, take: 1500, share: 0.6}}
  valid: [{{text: valid.en, lang: en}}, {{text: valid.fr, lang: fr}}]
tokenizer: {{vocab_size: 600, sampling: 0.1}}
"""
PARENT = """\
name: parent
data:
  source_lang: en
  target_lang: fr
  root: {data}
  train: {{source: train.en, target: train.fr, take: 1500}}
  valid: {{holdout: 40}}
tokenizer: {{vocab_size: 600}}
"""
# Pairs, text of one language beside them, and what a parent learned
MIXED = """\
name: mixed
data:
  source_lang: en
  target_lang: fr
  root: {data}
  train:
    - {{source: test.en, target: test.fr}}
    - {{text: train.fr, lang: fr, take: 500, objective: {{kind: infill, mask: 0.35}}, share: 0.3}}
    - {{run: {parent}, share: 0.2}}
  valid: {{source: valid.en, target: valid.fr}}
tokenizer: {{sampling: 0.1}}
"""
SMALL = """\
model: {{d_model: 32, d_ff: 64, num_heads: 2, num_encoder_layers: 1, num_decoder_layers: 1}}
train:
  {{batch_tokens: 600, learning_rate: 5e-3, warmup_steps: 10, max_steps: {steps}, eval_every: 25, save_every: 10,
   log_every: 5, max_tokens: 300, weight_decay: 0.1, threads: 1{init}}}
decode: {{beam_size: 1, max_len_ratio: 1.0, max_len_extra: 4}}
"""


@pytest.mark.slow
def test_pre_training_killed_twenty_times_ends_with_the_same_bytes(root, tmp_path, demo_data):
    recipe = tmp_path / "infill.yaml"
    recipe.write_text((INFILL + SMALL).format(name="infill", data=demo_data, steps=150, init=""), encoding="utf-8")
    assert "differing: nothing" in run_chaos(root, [str(recipe), "--kills", "20", "--longest", "3"])


@pytest.mark.slow
def test_a_mixed_training_killed_twenty_times_ends_with_the_same_bytes(root, tmp_path, demo_data, nmt, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = [f"data.prepared_dir={tmp_path}/prepared", f"train.runs_dir={tmp_path}/runs"]
    parent, mixed, run = tmp_path / "parent.yaml", tmp_path / "mixed.yaml", tmp_path / "runs" / "parent"
    parent.write_text((PARENT + SMALL).format(data=demo_data, steps=25, init=""), encoding="utf-8")
    code, _, err = nmt("train", str(parent), *folders)
    assert code == 0, err
    init = f", init_from: {run}, guard: {run}"
    mixed.write_text((MIXED + SMALL).format(data=demo_data, parent=run, steps=150, init=init), encoding="utf-8")
    assert "differing: nothing" in run_chaos(root, [str(mixed), "--kills", "20", "--longest", "3"])
