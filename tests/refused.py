"""Cases of wrong input, for tests: a command that must fail after some files were changed, and what it has to say."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Change = Any  # of a file: new content, a function of the old content, FOLDER, or None to take it away
FOLDER = object()

RUN, PREPARED = "runs/mini", "data/prepared/mini"
FIRST, LAST = f"{RUN}/checkpoints/step-00000004", f"{RUN}/checkpoints/step-00000008"


@dataclass(frozen=True)
class Case:
    """A command in the folder of `project`, after `files` were changed; regular expressions for what is wrong and
    where, and for what to do.
    """

    name: str
    command: str
    says: str
    todo: str
    files: Mapping[str, Change] = field(default_factory=dict)
    stdin: bytes = b""


def parameters(cases: Sequence[Case]) -> Any:
    """For pytest.mark.parametrize."""
    assert len({case.name for case in cases}) == len(cases)
    return [pytest.param(case, id=case.name) for case in cases]


def check(case: Case, nmt: Callable[..., tuple[int, str, str]]) -> None:
    """Run it: exit code 2, the right words on stderr, nothing on stdout, and the folder is as it was."""
    change(case.files)
    before = content()
    code, out, err = nmt(*shlex.split(case.command), stdin=case.stdin)
    said = re.sub(r"[\s│╭╮╰╯─]+", " ", err)  # usage errors stand in a box
    assert "Traceback" not in err
    assert re.search(case.says, said), said
    assert code == 2, said
    assert re.search(case.todo, said), said
    assert out == ""
    assert content() == before


def change(files: Mapping[str, Change]) -> None:
    for name, new in files.items():
        path = Path(name)
        old = path.read_bytes() if path.is_file() else b""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if new is FOLDER:
            path.mkdir()
        elif new is not None:
            text = new(old) if callable(new) else new
            path.write_bytes(text.encode() if isinstance(text, str) else text)


def content() -> dict[str, str]:
    """Every file here with its checksum, and every folder; but not what is remembered of the text (see check.py)."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in Path().rglob("*")
        if not path.name.endswith(".inputs.json")
    }


# --- changes ---------------------------------------------------------------------------------------------------------


def sub(old: str, new: str) -> Callable[[bytes], bytes]:
    """Replace what must be there, once."""

    def edit(text: bytes) -> bytes:
        assert old.encode() in text
        return text.replace(old.encode(), new.encode(), 1)

    return edit


def cut(end: int) -> Callable[[bytes], bytes]:
    return lambda text: text[:end]


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda text: text[:at] + bytes([text[at] ^ 0xFF]) + text[at:][1:]


def line(number: int, new: bytes) -> Callable[[bytes], bytes]:
    """Other text in a line, counted from 1; a line break in it makes more lines."""

    def edit(text: bytes) -> bytes:
        lines = text.split(b"\n")
        lines[number - 1] = new
        return b"\n".join(lines)

    return edit


def values(**new: Any) -> Callable[[bytes], bytes]:
    """Other values in a JSON file."""
    return lambda text: json.dumps({**json.loads(text), **new}).encode()


def both(name: str, new: Change) -> dict[str, Change]:
    """The file `name` of both checkpoints."""
    return {f"{folder}/{name}": new for folder in (FIRST, LAST)}


def zipped(edit: Callable[[bytes], bytes] = bytes) -> bytes:
    """300 lines as a gzip file, edited."""
    return edit(gzip.compress(b"".join(b"line %d\n" % (i * i) for i in range(300)), mtime=0))


def parquet(**columns: list[Any]) -> bytes:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    file = io.BytesIO()
    write_table(pa.table(columns), file)
    return file.getvalue()
