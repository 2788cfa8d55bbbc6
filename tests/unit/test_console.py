"""The console talks on stderr only, and only on the first rank."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nmt import console
from nmt.errors import NMTError

TALK = """
from nmt import console
from nmt.errors import NMTError
from nmt.errors import RunError, RecipeError
console.info("[bold]an info[/bold] :cat: 1,000", style="bold")
console.warn("a warning")
console.error(RunError("an error", "a hint"))
console.error(RecipeError("another"))
console.table("A table", ["name", "count"], [["a", 12345], ["b", "–"]])
with console.progress("Working", 10, "things") as advance:
    advance(4)
    advance(6, "done")
"""


def talk(root: Path, **environment: str) -> tuple[str, str]:
    env = {k: v for k, v in os.environ.items() if k not in ("RANK", "FORCE_COLOR", "TTY_COMPATIBLE")}
    done = subprocess.run(
        [sys.executable, "-c", TALK], capture_output=True, encoding="utf-8", cwd=root, check=True,
        env=env | {"PYTHONIOENCODING": "utf-8", "COLUMNS": "80"} | environment,
    )  # fmt: skip
    return done.stdout, done.stderr


def test_stdout_stays_empty_and_stderr_plain(root: Path) -> None:
    stdout, stderr = talk(root)
    assert stdout == ""
    assert "\x1b" not in stderr
    lines = stderr.splitlines()
    assert lines[:5] == ["[bold]an info[/bold] :cat: 1,000", "! a warning", "✗ an error", "  a hint", "✗ another"]
    assert any("12,345" in line for line in lines)


@pytest.mark.parametrize("rank", ["1", "7"])
def test_other_ranks_tell_errors_alone(root: Path, rank: str) -> None:
    told = f"✗ rank {rank}: an error\n  a hint\n✗ rank {rank}: another\n"
    assert talk(root, RANK=rank) == ("", told)


def test_nothing_that_is_shown_moves_the_cursor_or_turns_its_order() -> None:
    assert console.visible("a\x1b[31mb\u202ec\x85d\r\n\te") == r"a\x1b[31mb\u202ec\x85d\r\n\te"
    assert console.visible("a\x1b\n\tb", breaks=True) == "a\\x1b\n\tb"
    assert console.visible("été 北京 שלום\u200f 😀") == "été 北京 שלום\u200f 😀"


def test_what_is_told_is_escaped_and_cut_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.stderr.cache_clear()
    console.error(NMTError("a\x1b[2Jb\nc" + "x" * 500_000 + "d", "e\x07"))
    console.info("f\x1b")
    console.warn("g\x1b")
    console.table("t", ["a"], [["h\x1b\ni"]])
    console.print_table(["a", "b"], [["j\x1b", "k\tl\nm"]])
    told = capsys.readouterr()
    assert not re.search("[\x00-\x09\x0b-\x1f]", told.err)
    error, long, hint, *_ = told.err.split("\n")
    assert (error, hint) == ("✗ a\\x1b[2Jb", "  e\\x07")
    assert long.startswith("cxxx") and long.endswith("xd") and " […] " in long and len(long) < 2100
    assert told.out == "a\tb\nj\\x1b\tk\\tl\\nm\n"


def test_the_first_rank_speaks(root: Path) -> None:
    assert talk(root, RANK="0") == talk(root)


def test_progress_in_a_log_is_a_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    console.stderr.cache_clear()
    with console.progress("Reading", 2000, "lines") as advance:
        for step in range(20):
            now = step * 3.0
            advance(100, "fast")
    console.stderr.cache_clear()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"Reading: {n:,} / 2,000 lines fast" for n in (500, 900, 1300, 1700)]


# --- tables of results -----------------------------------------------------------------------------------------------

COLUMNS = ["run", "steps", "score", "what was scored", "signature"]
ROWS = [
    ["multi30k-en-fr", "6,400", "59.5 ± 1.7", "the test set of 2016", "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|x"],
    ["demo", "700", "", "held-out text", "y"],
]


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> list[str]:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    console.print_table(COLUMNS, ROWS)
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_a_table_fits_the_terminal_and_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    lines = shown(monkeypatch, capsys, width)
    assert max(map(len, lines)) <= width
    letters = sorted("".join("".join(row) for row in [COLUMNS, *ROWS]).replace(" ", ""))
    assert sorted("".join(lines).replace(" ", "").replace("─", "")) == letters


def test_at_80_columns_words_and_numbers_stay_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(shown(monkeypatch, capsys, 80))
    assert all(word in text for word in ("multi30k-en-fr", "6,400", "59.5 ± 1.7", "held-out", "what was"))


def test_in_a_pipe_cells_are_separated_by_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == ["\t".join(row) for row in [COLUMNS, *ROWS]]


def test_differences_are_marked_by_signs(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_marked("> ", [("Un ", "same"), ("chien ", "missing"), ("[b]chat ", "extra"), ("court. ", "same")])
    assert capsys.readouterr().out == "> Un [-chien-] {+[b]chat+} court.\n"
