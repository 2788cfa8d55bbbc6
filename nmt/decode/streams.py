"""Lines in, lines out: files, gzip files and pipes around a Translator.

Line n of the output answers line n of the input, always; a pipe gets its answers as soon as its lines have come.
"""

from __future__ import annotations

import gzip
import os
import queue
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import IO, TypeVar

from nmt import console
from nmt.decode.render import FIELDS, Format, Output, problems, render, render_score
from nmt.decode.request import Request, parse_request
from nmt.decode.translator import Translator
from nmt.errors import DataError
from nmt.text.lines import MAX_LINE_BYTES, is_gzip, too_long

CHUNK_LINES = 2000  # translated together at most: enough to sort well by length, little enough to see progress
WAIT_SECONDS = 0.02  # for more lines to come before what is there is translated

T = TypeVar("T")


def format_of(path: Path | None) -> Format:
    """JSON lines if the file is called so, `.jsonl` or `.jsonl.gz`; stdin and stdout are text."""
    return "jsonl" if path and path.name.lower().endswith((".jsonl", ".jsonl.gz")) else "text"


def read_lines(file: IO[bytes], name: str) -> Iterator[list[str]]:
    """Chunks of decoded lines, as large as what has come without waiting. Raises DataError naming a line that is not.

    A thread reads ahead, so that a person typing gets an answer at each line and a file is read in large chunks.
    """
    return _chunks(file, name, lambda line, _: line)


def read_requests(
    file: IO[bytes], name: str, *, input_format: Format, format: Format = "jsonl"
) -> Iterator[list[Request]]:
    """Chunks of requests, as `read_lines` has them: a line of text, or a JSON object as `parse_request` describes it.

    `format` is the output's: JSON has all other fields of the input too, so none may be called as one of its own.
    """
    if input_format == "text":
        return _chunks(file, name, lambda line, _: Request(line))
    reserved = FIELDS if format == "jsonl" else ()
    return _chunks(file, name, lambda line, where: parse_request(line, where, reserved))


def _chunks(file: IO[bytes], name: str, parse: Callable[[str, str], T]) -> Iterator[list[T]]:
    """`parse` gets a line and its name. Its DataError is raised after what stood before has been given."""
    lines: queue.Queue[T | BaseException | None] = queue.Queue(maxsize=2 * CHUNK_LINES)

    def read() -> None:
        try:
            for number in _count():
                raw = file.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    break
                if len(raw) > MAX_LINE_BYTES:
                    raise too_long(f"{name}:{number}")
                lines.put(parse(_decode(raw, name, number), f"{name}:{number}"))
            lines.put(None)
        except Exception as e:  # noqa: BLE001 - whatever it is, who waits must hear of it
            lines.put(e)

    threading.Thread(target=read, daemon=True).start()
    item = lines.get()
    while item is not None:
        chunk: list[T] = []
        while item is not None and not isinstance(item, BaseException) and len(chunk) < CHUNK_LINES:
            chunk.append(item)
            try:
                item = lines.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                break
        else:
            if chunk:
                yield chunk
            if isinstance(item, DataError):
                raise item
            if isinstance(item, (EOFError, zlib.error, gzip.BadGzipFile)):
                raise DataError(
                    f"{name} is a damaged gzip file: {item}.",
                    "Was its download cut short? What came before the damage is translated.",
                )
            if isinstance(item, OSError):
                raise DataError(f"{name} cannot be read: {item}.")
            if isinstance(item, BaseException):
                raise item
            continue
        yield chunk
        item = lines.get()


def _count() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def _decode(raw: bytes, name: str, number: int) -> str:
    try:
        return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as e:
        raise DataError(
            f"{name}:{number} is not valid UTF-8 (byte {e.start + 1} of the line).",
            "The lines before it are translated. Convert the input to UTF-8.",
        ) from None


def translate_stream(
    translator: Translator, chunks: Iterable[Sequence[Request]], out: IO[bytes], wanted: Output
) -> int:
    """Translate chunk by chunk, flushing each; gives the number of lines."""
    done = 0
    for chunk in chunks:
        attention = wanted.alignments or wanted.attention
        translations = translator.translate(chunk, n_best=wanted.n_best, attention=attention)
        lines: list[str] = []
        for number, (request, t) in enumerate(zip(chunk, translations, strict=True), done + 1):
            lines += render(translator.tokenizer, request, t, number, wanted)
        with uninterrupted():
            out.write("".join(line + "\n" for line in lines).encode())
            out.flush()
        for number, t in enumerate(translations, done + 1):
            for problem in problems(t):
                console.warn(f"line {number:,} {problem}")
        done += len(chunk)
    return done


def score_stream(load: Callable[[], Translator], src: Path, tgt: Path, format: Format) -> Iterator[str]:
    """What the model makes of line pairs of two files, line by line. Raises DataError where they do not fit, after the
    lines before.
    """
    with open_input(src) as source, open_input(tgt) as target:
        translator, done = load(), 0
        left, right = (chain.from_iterable(read_lines(*file)) for file in (source, target))
        while pairs := list(islice(zip_longest(left, right), CHUNK_LINES)):
            whole = [(s, t) for s, t in pairs if s is not None and t is not None]
            for pair, found in zip(whole, translator.score(whole), strict=True):
                yield render_score(translator.tokenizer, *pair, found, format)
            done += len(whole)
            if len(whole) < len(pairs):
                shorter = src if pairs[len(whole)][0] is None else tgt
                raise DataError(
                    f"{shorter} ends after {done:,} lines, but the other file goes on.",
                    "Line n of one belongs to line n of the other; what was scored is right only if so.",
                )


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM take effect at the end of the block, so that what is written ends with a whole line."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals only ever reach the main thread
        return
    waiting: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {n: signal.signal(n, lambda number, _: waiting.append(number)) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


@contextmanager
def open_input(path: Path | None) -> Iterator[tuple[IO[bytes], str]]:
    """stdin, or a plain or gzip file, with the name to call it by. Raises DataError where it cannot be read."""
    if path is None:
        yield sys.stdin.buffer, "<stdin>"
        return
    try:
        with open(path, "rb") as raw:
            zipped = is_gzip(raw, str(path))
            yield (gzip.GzipFile(fileobj=raw) if zipped else raw), str(path)  # type: ignore[misc]
    except FileNotFoundError:
        raise DataError(f"there is no input file {path}.") from None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}.") from None


@contextmanager
def open_output(path: Path | None) -> Iterator[IO[bytes]]:
    """stdout, or a file (gzip if it ends in .gz) that takes its name only when it is complete.

    What an interrupted translation has written stays beside it as `<name>.partial`, complete to a line.
    """
    if path is None:
        yield sys.stdout.buffer
        return
    if path.is_dir():
        raise DataError(f"{path} cannot be written: it is a directory.", "Give the name of a file.")
    partial = path.with_name(path.name + ".partial")
    try:
        raw = open(partial, "wb")  # noqa: SIM115 - closed below
    except OSError as e:
        raise DataError(f"{path} cannot be written: {e.strerror or e}.") from None
    with raw:
        if path.suffix == ".gz":
            # No time in the header: the same input gives the same bytes.
            with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as zipped:
                yield zipped  # type: ignore[misc]
        else:
            yield raw
    os.replace(partial, path)
