"""COMET (Rei et al. 2020, 2022): a neural metric that reads the source too, by the `comet-score` command.

A command, not an import: unbabel-comet needs numpy below 2 and nmt 2 or newer, so each has an environment of its own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from nmt.errors import DataError
from nmt.text.metrics import Score

COMMAND = "comet-score"
MODEL = "Unbabel/wmt22-comet-da"


def check_comet() -> str:
    """Where the command is. Raises DataError where it is not installed."""
    found = shutil.which(COMMAND)
    if found is None:
        raise DataError(
            f"`--comet` needs the command `{COMMAND}`, which is not installed.",
            "Run: pipx install unbabel-comet (or pip install unbabel-comet in an environment of its own, on the PATH).",
        )
    return found


def comet(src: Sequence[str], hyps: Sequence[str], refs: Sequence[str], gpus: int = 0) -> Score:
    """The mean over all sentences, times 100. Raises DataError where the command is not there, or fails."""
    command = check_comet()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, lines in (("src", src), ("hyp", hyps), ("ref", refs)):
            # The command takes a lone \r for the end of a line.
            text = "".join(" ".join(line.split("\r")) + "\n" for line in lines)
            (folder / kind).write_text(text, encoding="utf-8", newline="\n")
        done = subprocess.run(
            [command, "-s", "src", "-t", "hyp", "-r", "ref", "--model", MODEL, "--gpus", str(gpus), "--quiet",
             "--only_system", "--to_json", "scores.json"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        try:
            (rows,) = json.loads((folder / "scores.json").read_text(encoding="utf-8")).values()
            values = [float(row["COMET"]) for row in rows]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            values = []
    if done.returncode or len(values) != len(hyps):
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise DataError(f"`{COMMAND}` failed: {said[-1]}", "Try it alone; its model must be downloaded once.")
    return Score("comet", 100 * sum(values) / len(values), f"nrefs:1|model:{MODEL}|scale:100")
