"""What many tests need: where the data are, a small project with a trained run, and commands run in this process."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples everywhere, and no verdict by the clock: machines differ, and this one may be busy.
settings.register_profile("nmt", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nmt")

# One thread each: the models are tiny, and scripts/test runs as many processes as there are cores. Where a test has
# more, they sleep while they wait for each other. Torch reads both when it is first imported; so tests that do without
# torch do not import it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Started in the background, a process and its children ignore Ctrl-C; what we test is what a person's terminal does.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def demo_data() -> Path:
    """The embedded English-French corpus."""
    return ROOT / "data" / "demo"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Corpora that are too large, or not ours, to be in the repository; tests that need them are skipped without."""
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "multi30k").is_dir():
        pytest.skip(f"NOT TESTED: there are no corpora in {folder}")
    return folder


# --- a small project, and its commands -------------------------------------------------------------------------------

RECIPE = """\
name: mini
data:
  source_lang: en
  target_lang: fr
  root: text
  train: {source: train.en, target: train.fr}
  valid: {source: valid.en, target: valid.fr}
  test:
    first: {source: test.en, target: test.fr}
tokenizer: {vocab_size: 400}
model: {d_model: 32, d_ff: 64, num_heads: 2, num_encoder_layers: 1, num_decoder_layers: 1, dropout: 0.1}
train:
  {batch_tokens: 500, learning_rate: 5e-3, weight_decay: 0, warmup_steps: 10, max_steps: 8, eval_every: 4,
   average_best: 0, threads: 1, schedule: inverse_sqrt, patience: 0, precision: fp32}
decode: {beam_size: 2}
"""

Nmt = Callable[..., tuple[int, str, str]]


def _nmt(*args: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run a command in this process; gives exit code, stdout, stderr."""
    from nmt import cli

    # As Python makes them: what stderr cannot show it escapes, and stdout is strict.
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace", newline="\n")
    terminated = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"stdin": io.TextIOWrapper(io.BytesIO(stdin)), "stdout": out, "stderr": err}.items():
            patch.setattr(sys, name, value)
        patch.setattr(sys, "argv", ["nmt", *args])
        patch.setattr(os, "_exit", sys.exit)  # where a thread still reads; it would take all tests along
        cli.console.stderr.cache_clear()
        try:
            with pytest.raises(SystemExit) as stop:
                cli.main()
        finally:
            signal.signal(signal.SIGTERM, terminated)
            cli.console.stderr.cache_clear()
        for stream in (out, err):
            stream.flush()
    code = stop.value.code or 0
    assert isinstance(code, int)
    return code, *(stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def nmt() -> Nmt:
    """`nmt("train", "mini.yaml", stdin=b"")` gives exit code, stdout and stderr of the command."""
    return _nmt


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, demo_data: Path, nmt: Nmt) -> Path:
    """A folder with a recipe, its text, and a run trained for a few steps. Not to be changed: see `project`."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "mini.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "text").mkdir()
    for split, lines in (("train", 300), ("valid", 20), ("test", 20)):
        for lang in ("en", "fr"):
            text = (demo_data / f"{split}.{lang}").read_text(encoding="utf-8").split("\n")[:lines]
            (folder / "text" / f"{split}.{lang}").write_text("".join(line + "\n" for line in text), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code, _, err = nmt("train", "mini.yaml")
    assert code == 0, err
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `trained`, to change; the folder in which the test works."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder)
    monkeypatch.chdir(folder)
    return folder
