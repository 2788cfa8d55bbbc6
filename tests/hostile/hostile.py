"""What a hostile input must end in, whatever it is: one to three lines that name it, and nothing written.

A case is a command in a folder with a recipe `r.yaml` and text in `text/`, after some files were changed. To add cases,
write a table of them in a file `test_*.py` beside this one and call `refused` (see there); those that take seconds by
their nature go into a table that is marked slow.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import refused as tables

RECIPE = """\
name: r
data:
  source_lang: en
  target_lang: fr
  root: text
  train: {source: train.en, target: train.fr}
  valid: {source: valid.en, target: valid.fr}
tokenizer: {vocab_size: 320}
model: {d_model: 32, d_ff: 64, num_heads: 2, num_encoder_layers: 1, num_decoder_layers: 1}
train: {max_steps: 2}
"""
LONGEST_LINE = 2100  # characters, however much of the input is quoted


@dataclass(frozen=True)
class Case:
    """Arguments of the command; a regular expression for what is said; files changed before (see tests/refused.py)."""

    name: str
    command: Sequence[str]
    says: str
    files: Mapping[str, Any] = field(default_factory=dict)
    code: int = 2
    lines: int = 3  # at most; several faults at once have a line each
    stdin: bytes = b""


def parameters(cases: Iterable[Case]) -> Any:
    """For pytest.mark.parametrize."""
    cases = list(cases)
    assert len({case.name for case in cases}) == len(cases), "two cases have the same name"
    return [pytest.param(case, id=case.name.encode("unicode_escape").decode()) for case in cases]


def make_folder(folder: Path) -> None:
    """A recipe that can be prepared, with its text."""
    (folder / "text").mkdir(parents=True)
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    for split, count in (("train", 200), ("valid", 10)):
        for lang, words in (("en", "one two three four"), ("fr", "un deux trois quatre")):
            lines = (" ".join(words.split()[i % 3 :]) + f" {i}\n" for i in range(count))
            (folder / "text" / f"{split}.{lang}").write_text("".join(lines), encoding="utf-8")


def refused(case: Case, nmt: Callable[..., tuple[int, str, str]]) -> None:
    """The command ends as it must, and the folder is as it was."""
    tables.change(case.files)
    before = content()
    code, out, err = nmt(*case.command, stdin=case.stdin)
    assert (code, out) == (case.code, ""), err
    assert content() == before
    check_words(err, case)


def check_words(err: str, case: Case) -> None:
    assert "Traceback" not in err
    assert "fault of nmt" not in err, err
    assert not re.search("[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", err), repr(err)
    said = err[max(err.find("✗"), 0) :]  # an audit may stand before it
    assert re.search(case.says, re.sub(r"\s+", " ", said)), said
    lines = said.rstrip("\n").split("\n")
    assert 1 <= len(lines) <= case.lines, said
    assert max(map(len, lines)) <= LONGEST_LINE


def content() -> dict[str, object]:
    """Everything here, as far as it can be read without waiting."""
    found: dict[str, object] = {}
    for path in Path().rglob("*"):
        regular = stat.S_ISREG(path.lstat().st_mode)
        found[str(path)] = path.read_bytes() if regular else stat.S_IFMT(path.lstat().st_mode)
    return found
