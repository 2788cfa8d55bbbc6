"""How a command ends, whatever the shell gave it for stdin, stdout and stderr: as processes, without a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NMT = f"{sys.executable} -c 'from nmt.cli import main; main()'"


def run(command: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """By bash, in a folder without runs."""
    done = subprocess.run(
        ["bash", "-c", command.replace("nmt ", f"{NMT} ", 1)], capture_output=True, encoding="utf-8", cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), **environment}, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


FULL = "✗ standard output cannot be written: No space left on device.\n  Free some space, or write to another disk.\n"


@pytest.mark.parametrize(
    ("command", "code", "err"),
    [
        ("nmt --help > /dev/full", 1, FULL),
        ("nmt --version >&-", 1, "✗ standard output cannot be written: Bad file descriptor.\n"),
        ("nmt show nowhere 2> /dev/full", 2, ""),
        ("nmt show nowhere 2>&-", 2, ""),
        ("nmt --version <&-", 0, ""),
        ("set -o pipefail; nmt evaluate --help | true", 141, ""),
    ],
)
def test_what_is_wrong_with_a_stream_is_said_and_nothing_else(
    tmp_path: Path, command: str, code: int, err: str
) -> None:
    # The help of evaluate is written after `true` has ended.
    assert (run(command, tmp_path)[::2]) == (code, err)


def test_what_ascii_does_not_have_is_escaped(tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, _, err = run("nmt show nowhere", tmp_path, **plain)
    assert (code, err.split()[0]) == (2, "\\u2717")
    code, out, err = run("nmt evaluate --help", tmp_path, **plain)
    assert (code, err) == (0, "")
    assert "test set \\u2192" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["A man is", "riding."], "the text to translate was given as an argument."),
        (["my.txt"], "where shall the translation of my.txt go?"),
        (["-i", "Film.SRT"], "Film.SRT looks like subtitles (.srt); translated line by line, it would be destroyed."),
        (["-i", "a.docx"], "a.docx looks like a document (.docx); translated line by line, it would be destroyed."),
    ],
)
def test_what_translate_cannot_take_is_said_before_a_run_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nmt, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.txt").touch()
    code, out, err = nmt("translate", *words)
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == f"✗ {says}"
    hint = {1: "nmt translate my.txt -o my.translated.txt", 2: "--input-format text"}
    assert hint[len(words)] in err or "echo 'A man is riding.' | nmt translate" in err
