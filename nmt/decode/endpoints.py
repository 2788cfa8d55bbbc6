"""Where text comes from and where translations go: stdin and stdout, files, gzip files, pipes and devices."""

from __future__ import annotations

import gzip
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

from nmt import console
from nmt.decode.render import Format
from nmt.errors import DataError
from nmt.formats.choose import kind_by_name
from nmt.text.documents import kind_of
from nmt.text.lines import is_gzip

_STDIN_HINT = "Give a file with -i, or lines through a pipe: echo 'A dog.' | nmt translate"


class Sink(Protocol):
    """What translations are written to."""

    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> None: ...


def format_of(path: Path | None) -> Format:
    """JSON lines if the file is called so, `.jsonl` or `.jsonl.gz`; stdin and stdout are text."""
    return "jsonl" if path and path.name.lower().endswith((".jsonl", ".jsonl.gz")) else "text"


def input_format_of(path: Path | None) -> Format:
    """As `format_of`. Raises DataError for a document by its name: line by line it would be destroyed."""
    kind = kind_of(path) if path else None
    if path is not None and kind is not None and kind[1] != ".jsonl":
        raise DataError(
            f"{path} looks like {kind[0]} ({kind[1]}); translated line by line, it would be destroyed.",
            f"Run: nmt translate {path} -o OUTPUT. If it is a file of lines: --input-format text"
            if kind_by_name(path.name)
            else "Save its text as a plain file, one sentence a line. If it is such a file: --input-format text",
        )
    return format_of(path)


@contextmanager
def open_input(path: Path | None) -> Iterator[tuple[IO[bytes], str]]:
    """stdin, or a plain or gzip file, with the name to call it by. Raises DataError where it cannot be read."""
    if path is None:
        yield sys.stdin.buffer, "<stdin>"
        return
    try:
        raw = open(path, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise DataError(f"there is no input file {path}.") from None
    except OSError as e:
        raise cannot_read(str(path), e) from None
    with raw:
        try:
            zipped = is_gzip(raw, str(path))
        except OSError as e:
            raise cannot_read(str(path), e) from None
        yield (gzip.GzipFile(fileobj=raw) if zipped else raw), str(path)  # type: ignore[misc]


def count_lines(path: Path | None) -> int | None:
    """The lines of a plain file; None of what cannot be read twice, or has to be unpacked."""
    try:
        if path is None or not path.is_file() or path.suffix == ".gz":
            return None
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError:
        return None


def cannot_read(name: str, why: OSError) -> DataError:
    return DataError(f"{name} cannot be read: {why.strerror or why}.", _STDIN_HINT if name == "<stdin>" else "")


@contextmanager
def open_output(path: Path | None, source: IO[bytes] | None = None) -> Iterator[Sink]:
    """stdout, or a file (gzip if it ends in .gz) that takes its name only when it is complete, with the mode and owner
    of the file that was there; a pipe or a device is written to as it is. A link stays one.

    What an interrupted translation has written stays beside it as `<name>.partial`, complete to a line. Raises
    DataError where the file is also the `source`, which would be lost, or cannot be written.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    there = _status(path)
    if there is not None and not stat.S_ISREG(there.st_mode):
        if stat.S_ISDIR(there.st_mode):
            raise DataError(f"{path} cannot be written: it is a folder.", "Give the name of a file.")
        with _written(_opened(path, path, os.O_WRONLY), path) as out:
            yield out
        return
    if there is not None and source is not None and _is_same(source, there):
        raise DataError(f"{path} is the input itself, and would be lost.", "Give the output another name.")
    if there is not None and not os.access(path, os.W_OK):
        raise DataError(f"{path} cannot be written: it is write-protected.", "Give the output another name.")
    target = Path(os.path.realpath(path))
    partial, raw = _new_beside(target, path, there)
    written = 0
    try:
        with _written(raw, path) as out:
            try:
                yield out
            finally:
                written = out.written
        try:
            os.replace(partial, target)
        except OSError as e:
            raise console.cannot_write(str(path), e) from None
    except BaseException:
        if written and partial.stat().st_size:  # a full disk takes nothing
            console.warn(f"What was translated so far is in {partial}.")
        else:
            partial.unlink(missing_ok=True)
        raise


@contextmanager
def _written(raw: IO[bytes], path: Path) -> Iterator[console.Output]:
    """A file to write to, which is closed at the end. Raises OutputError where that fails."""
    # No time in the header of gzip: the same input gives the same bytes.
    file: Any = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if path.suffix == ".gz" else raw
    try:
        yield console.Output(file, str(path))
        try:
            file.close()
            raw.close()
        except OSError as e:
            raise console.cannot_write(str(path), e) from e
    finally:
        for opened in (file, raw):  # where that is not done: what it holds is as good as lost
            with suppress(OSError):
                opened.close()


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _is_same(source: IO[bytes], there: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(source.fileno()), there)
    except OSError:  # it is no file
        return False


def _new_beside(target: Path, path: Path, there: os.stat_result | None) -> tuple[Path, IO[bytes]]:
    """A new file beside `target`, open: whoever else writes there has another."""
    mode, number = stat.S_IMODE(there.st_mode) if there else 0o666, 1
    while True:
        partial = target.with_name(f"{target.name}.partial{number if number > 1 else ''}")
        try:
            raw = _opened(partial, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            number += 1
            continue
        if there is not None:
            os.fchmod(raw.fileno(), mode)
            if (there.st_uid, there.st_gid) != (os.geteuid(), os.getegid()):
                _give(raw.fileno(), there)
        return partial, raw


def _give(file: int, there: os.stat_result) -> None:
    """The owner of the file that was there, as far as we may."""
    with suppress(PermissionError):
        os.fchown(file, there.st_uid, there.st_gid)


def _opened(file: Path, path: Path, flags: int, mode: int = 0o666) -> IO[bytes]:
    """Raises DataError naming `path`, which the user gave."""
    try:
        return open(os.open(file, flags, mode), "wb")
    except FileExistsError:
        raise
    except FileNotFoundError:
        folder = file.parent if path.parent.exists() else path.parent  # that which a link points to
        raise DataError(f"{path} cannot be written: there is no folder {folder}.", f"Run: mkdir -p {folder}") from None
    except OSError as e:
        raise DataError(f"{path} cannot be written: {e.strerror or e}.") from None
