"""The help of every command as a person sees it, 100 characters wide, in tests/golden/help: to read it in one place."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "help"
RENEW = "NMT_RENEW_HELP"

SHOW = """
import contextlib, io, json, sys
from typer.main import get_command
from nmt import cli
helps = {}
for name in ["nmt", *get_command(cli.app).commands]:
    sys.argv = ["nmt", *([name] if name != "nmt" else []), "--help"]
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        cli.main()
    text = out.buffer.getvalue().decode().strip()
    helps[name] = "".join(line.rstrip() + "\\n" for line in text.splitlines())
print(json.dumps(helps))
"""


@pytest.fixture(scope="module")
def helps() -> dict[str, str]:
    """Command → its help; `nmt` → that of all."""
    colours = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH", "TTY_COMPATIBLE")
    plain = {k: v for k, v in os.environ.items() if k not in colours}
    done = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, encoding="utf-8", check=True, cwd=ROOT,
        env=plain | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8", "TERM": "dumb"},
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_help_is_as_it_was_read(helps: dict[str, str]) -> None:
    """To renew the files: NMT_RENEW_HELP=1 python -m pytest tests/test_help.py. Then read what git says of them."""
    lines = (ROOT / "scripts/constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    other = [name for name in ("typer", "rich") if version(name) != pins[name]]
    if other:
        pytest.skip(f"NOT TESTED: {' and '.join(other)} is not the version of scripts/constraints.txt")
    if os.environ.get(RENEW):
        GOLDEN.mkdir(exist_ok=True)
        for path in GOLDEN.iterdir():
            path.unlink()
        for name, text in helps.items():
            (GOLDEN / f"{name}.txt").write_text(text, encoding="utf-8")
    before = {path.stem: path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.txt")}
    changed = [
        "\n".join(difflib.unified_diff(*(texts.get(name, "").splitlines() for texts in (before, helps)), name, "now"))
        for name in sorted({*before, *helps})
        if before.get(name) != helps.get(name)
    ]
    assert not changed, "\n".join([*changed, f"If that reads well: {RENEW}=1 python -m pytest tests/test_help.py"])


def test_every_command_shows_an_example(helps: dict[str, str]) -> None:
    assert [name for name, text in helps.items() if "xample" not in text and name != "nmt"] == []
