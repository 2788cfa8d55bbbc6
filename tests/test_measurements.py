"""Measurements that need a machine that is not here: whether they run at all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SMALL = ("--device", "cpu", "--shape", "tiny", "--tokens", "300", "--vocab", "500", "--steps", "2", "--repeat", "1")


@pytest.mark.slow
def test_what_a_gpu_gives_can_be_measured(root: Path) -> None:
    command = [sys.executable, str(root / "scripts" / "bench" / "gpu.py"), *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["step"]["target_tokens_per_s"] > 0
    assert 5 < found["step"]["loss"] < 9  # nats; ids are random
    assert set(found["attention"]["30"]) == {"bias", "told", "products"}
    wrong = subprocess.run([*command, "stap"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "no part stap; there are limits, attention, loss, step" in wrong.stderr
