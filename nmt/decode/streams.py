"""Lines in, lines out: files, gzip files and pipes around a Translator.

Line n of the output answers line n of the input, always; a pipe gets its answers as soon as its lines have come.
"""

from __future__ import annotations

import gzip
import json
import os
import queue
import signal
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from nmt import console
from nmt.data.lines import MAX_LINE_BYTES, is_gzip, too_long
from nmt.decode.beam import Hypothesis
from nmt.decode.flags import flags
from nmt.decode.request import Request, parse_request
from nmt.decode.translator import Translation, Translator
from nmt.errors import DataError

CHUNK_LINES = 2000  # translated together at most: enough to sort well by length, little enough to see progress
WAIT_SECONDS = 0.02  # for more lines to come before what is there is translated

OUTPUT_FIELDS = ("source", "translation", "hypotheses", "flags")

# Mean log-probability of a token below which a translation is marked. With runs of Multi30k (fr, de) and of Tatoeba
# it marks 0, 1.5 and 7 % of held-out lines of their kind, but 77, 99 and 100 % of French taken for English, and all
# random letters. The demo's run is sure of whatever it says: none of its own lines, 16 % of the French are marked.
LOW_PROBABILITY = -0.8

Format = Literal["text", "jsonl"]
T = TypeVar("T")


def input_format(path: Path | None) -> Format:
    """JSON lines if the file is called so, `.jsonl` or `.jsonl.gz`; stdin is text."""
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
    reserved = OUTPUT_FIELDS if format == "jsonl" else ()
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
    translator: Translator,
    chunks: Iterable[Sequence[str | Request]],
    out: IO[bytes],
    *,
    format: Format,
    n_best: int,
    scores: bool,
) -> int:
    """Translate chunk by chunk, flushing each; gives the number of lines."""
    done = 0
    for chunk in chunks:
        requests = [Request(line) if isinstance(line, str) else line for line in chunk]
        translations = translator.translate([request.text for request in requests], n_best=n_best)
        rendered: list[str] = []
        for number, (request, t) in enumerate(zip(requests, translations, strict=True), done + 1):
            if format == "jsonl":
                rendered.append(json.dumps(_object(translator, request, t), ensure_ascii=False))
            else:
                rendered += _text(t, number, n_best, scores)
        with uninterrupted():
            out.write("".join(line + "\n" for line in rendered).encode())
            out.flush()
        for number, t in enumerate(translations, done + 1):
            if t.segments > 1:
                console.warn(f"line {number:,} is very long; it was translated in {t.segments} parts.")
        done += len(requests)
    return done


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


def _text(t: Translation, number: int, n_best: int, scores: bool) -> list[str]:
    """The output of one line as text: one line, unless n-best lists are asked for."""
    # A source in JSON may have line breaks, but an answer is a line.
    hypotheses = [(text.replace("\r", " ").replace("\n", " "), h) for text, h in t.hypotheses]
    if n_best > 1:
        return [f"{number}\t{h.score:.4f}\t{text}" for text, h in hypotheses]
    text, h = hypotheses[0]
    return [f"{h.score:.4f}\t{text}" if scores else text]


def _object(translator: Translator, request: Request, t: Translation) -> dict[str, Any]:
    """The output of one line as JSON: fields that came with it, then our own."""
    found = flags(request.text, t.text)
    if _mean_log_prob(t) < LOW_PROBABILITY:
        found.append("low_probability")
    return {
        **request.fields,
        "source": request.text,
        "translation": t.text,
        "hypotheses": [_hypothesis(translator, text, h) for text, h in t.hypotheses],
        "flags": found,
    }


def _hypothesis(translator: Translator, text: str, h: Hypothesis) -> dict[str, Any]:
    values = {
        "text": text,
        "score": round(h.score, 6),
        "log_prob": round(h.log_prob, 6),
        "tokens": translator.tokenizer.pieces(h.tokens, "tgt"),
    }
    if (alignment := getattr(h, "alignment", None)) is not None:
        values["alignment"] = " ".join(f"{src}-{tgt}" for src, tgt in alignment)  # as Pharaoh writes it
    return values


def _mean_log_prob(t: Translation) -> float:
    """Of the tokens of the best hypothesis, each part's `</s>` counted; 0 of a blank line."""
    best = t.hypotheses[0][1]
    return best.log_prob / max(1, len(best.tokens) + t.segments)


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
