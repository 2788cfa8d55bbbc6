"""All that people see besides results: rich on stderr. stdout is for translations and scores alone.

Silent on ranks other than 0, but for errors. Plain lines where stderr is no terminal, so that logs stay readable.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from nmt.errors import NMTError, OutputError

if TYPE_CHECKING:
    from rich.console import Console


class Advance(Protocol):
    def __call__(self, amount: int, note: str = "") -> None: ...


class Output:
    """A stream to write to whose failures are OutputErrors that name it: an OSError could come from any file.

    Without a name what cannot be written is lost, as is right for messages: a full disk under stderr ends no work.
    """

    def __init__(self, stream: Any, name: str = "") -> None:
        self._stream, self._name = stream, name
        self.written = 0  # characters, or bytes

    def write(self, data: Any) -> int:
        self.written += len(data)
        return self._do(lambda: self._stream.write(data)) or len(data)

    def flush(self) -> None:
        self._do(self._stream.flush)

    @property
    def buffer(self) -> Output:
        """The bytes below the text."""
        return Output(self._stream.buffer, self._name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _do(self, action: Callable[[], int | None]) -> int | None:
        try:
            return action()
        except OSError as e:
            if not self._name:
                return None
            raise cannot_write(self._name, e) from e


def cannot_write(name: str, why: OSError) -> OutputError:
    hint = "Free some space, or write to another disk." if why.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return OutputError(f"{name} cannot be written: {why.strerror or why}.", hint)


def open_streams() -> None:
    """Make stdin, stdout and stderr fit for use, whatever the shell gave us: closed, on a full disk, in ASCII."""
    for name, mode, wrong in (("stdin", "r", os.O_WRONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:  # closed: what stands in its place fails on use, and no file gets its number
            setattr(sys, name, open(os.open(os.devnull, wrong), mode, encoding="utf-8"))  # noqa: SIM115
    streams: Any = sys
    streams.stdin.reconfigure(errors="surrogateescape")
    for stream in (streams.stdout, streams.stderr):
        stream.reconfigure(errors="backslashreplace")
    streams.stdout, streams.stderr = Output(sys.stdout, "standard output"), Output(sys.stderr)


def is_main_rank() -> bool:
    return os.environ.get("RANK", "0") == "0"


@cache
def stderr() -> Console:
    return _console(quiet=not is_main_rank())


def _console(quiet: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=True, quiet=quiet, highlight=False, emoji=False, soft_wrap=True)


_MOVING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_LONGEST, _END = 2000, 200  # characters of a line that is shown, and how many of its end


def visible(text: object, breaks: bool = False) -> str:
    """Text in which nothing can move the cursor, colour what follows or turn the order of what is seen: such characters
    are escaped. With `breaks` line breaks and tabs stay.
    """
    escaped = _MOVING.sub(lambda match: repr(match[0])[1:-1], str(text))
    return escaped if breaks else escaped.replace("\n", "\\n").replace("\t", "\\t")


def _message(text: str) -> str:
    """What people read, line by line. What is much too long is quoted from a broken file; its middle is left out."""
    lines = visible(text, breaks=True).split("\n")
    return "\n".join(x if len(x) <= _LONGEST else f"{x[: _LONGEST - _END]} […] {x[-_END:]}" for x in lines)


def info(text: str, style: str = "") -> None:
    stderr().print(_message(text), style=style, markup=False)


def warn(text: str) -> None:
    stderr().print(_message(f"! {text}"), style="yellow", markup=False)


def error(fault: NMTError) -> None:
    """On every rank: what is wrong with one may be right on all others."""
    out, whose = (stderr(), "") if is_main_rank() else (_console(), f"rank {os.environ['RANK']}: ")
    out.print(_message(f"✗ {whose}{fault.message}"), style="red", markup=False)
    if fault.hint:
        out.print(_message(f"  {fault.hint}"), markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table with numbers to the right; columns whose every cell is a number or a dash count as numeric."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    view = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for i, column in enumerate(columns):
        numeric = all(not isinstance(row[i], str) or row[i] in ("", "–") for row in rows)
        view.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        view.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else visible(cell)) for cell in row))
    stderr().print(view, soft_wrap=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Results, on stdout: a table on a terminal, tab-separated lines in a pipe."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Console(highlight=False, emoji=False)
    texts = [[visible(cell) for cell in row] for row in rows]
    if not out.is_terminal:
        print("\n".join("\t".join(row) for row in [columns, *texts]))
        return
    view = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    cells = [[row[i] for row in texts] for i in range(len(columns))]
    numeric = [i > 0 and all(map(_NUMBER.fullmatch, column)) for i, column in enumerate(cells)]
    for i, width in enumerate(_widths(columns, cells, numeric, out.width - 2 * len(columns) - 1)):
        view.add_column(columns[i], justify="right" if numeric[i] else "left", overflow="fold", width=width)
    for row in texts:
        view.add_row(*map(Text, row))
    out.print(view)


_NUMBER = re.compile(r"[-+±\d.,%\s]*")


def _widths(names: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool], room: int) -> list[int]:
    """Of columns that share `room` characters. Nothing is cut off: numbers stay whole, other cells go on in a next line
    where they must, between words as long as there is room for that.
    """
    natural = [max(map(len, (name, *column))) for name, column in zip(names, cells, strict=True)]
    for longest in (20, 16, 12, 8, 4, 1):  # a word that must stay whole
        widths = []
        for name, column, whole in zip(names, cells, numeric, strict=True):
            words = name.split() + [word for cell in column for word in ([cell] if whole else cell.split())]
            widths.append(max(1, min(longest, max(map(len, words), default=1))))
        if sum(widths) <= room:
            break
    while sum(widths) < min(room, sum(natural)):
        narrow = max(range(len(widths)), key=lambda i: natural[i] - widths[i])
        widths[narrow] += 1
    return widths


def print_marked(start: str, pieces: Sequence[tuple[str, str]]) -> None:
    """A line on stdout in which what is `missing` and what is `extra` is marked: by colour, and by signs that a pipe
    keeps: [-missing-] {+extra+}.
    """
    from rich.console import Console
    from rich.text import Text

    signs = {"missing": ("[-", "-]", "red"), "extra": ("{+", "+}", "green")}
    line = Text(visible(start))
    for text, kind in pieces:
        text = visible(text)
        before, after, style = signs.get(kind, ("", "", ""))
        bare = text.rstrip()
        line.append(f"{before}{bare}{after}{text[len(bare) :]}", style=style)
    line.rstrip()
    Console(highlight=False, emoji=False, soft_wrap=True).print(line)


@contextmanager
def progress(label: str, total: int | None, unit: str = "") -> Iterator[Advance]:
    """A bar with the time left on a terminal; elsewhere a plain line every 10 seconds."""
    label = visible(label)
    if not stderr().is_terminal or not is_main_rank():
        yield _plain_progress(label, total, unit)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    counts = TextColumn("{task.completed:,.0f}" + (" / {task.total:,.0f}" if total else "") + f" {unit}")
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        counts,
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=stderr(), transient=True) as bar:
        task = bar.add_task(label, total=total, note="")
        yield lambda amount, note="": bar.update(task, advance=amount, note=note)


def _plain_progress(label: str, total: int | None, unit: str) -> Advance:
    done, spoken = 0, time.monotonic()

    def advance(amount: int, note: str = "") -> None:
        nonlocal done, spoken
        done += amount
        if time.monotonic() - spoken >= 10:
            spoken = time.monotonic()
            of = f" / {total:,}" if total else ""
            info(f"{label}: {done:,}{of} {unit} {note}".rstrip())

    return advance
