"""Lines in, lines out, around a Translator.

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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, count, islice, zip_longest
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from nmt import console
from nmt.decode.endpoints import Sink, cannot_read, open_input
from nmt.decode.render import DOUBTFUL, FIELDS, Format, Output, doubt, flags_of, problems, render, render_score
from nmt.decode.request import Request, parse_request
from nmt.decode.source_fields import ONE_FIELD, SourceFields
from nmt.errors import DataError, plural
from nmt.text.lines import BOM, MAX_LINE_BYTES, decode_line, too_long

if TYPE_CHECKING:
    from nmt.decode.contrast import ContrastScorer
    from nmt.decode.generator import Generator
    from nmt.decode.pairs import PairScorer
    from nmt.decode.translator import Translator

CHUNK_LINES = 2000  # translated together at most: enough to sort well by length, little enough to see progress
WAIT_SECONDS = 0.02  # for more lines to come before what is there is translated
MANY_DOUBTFUL = 0.1  # share of the lines; of held-out text like that of training, fewer are doubtful

T = TypeVar("T")
Check = Callable[[Request, str], object]


def read_lines(file: IO[bytes], name: str) -> Iterator[list[str]]:
    """Chunks of decoded lines, as large as what has come without waiting. Raises DataError naming a line that is not.

    A thread reads ahead, so that a person typing gets an answer at each line and a file is read in large chunks.
    """
    return _chunks(file, name, lambda line, _: line)


def read_requests(
    file: IO[bytes], name: str, *, input_format: Format, format: Format = "jsonl",
    source_fields: SourceFields = ONE_FIELD, check: Check = lambda *_: None,
) -> Iterator[list[Request]]:  # fmt: skip
    """Chunks of requests, as `read_lines` has them: a line of text, or a JSON object as `parse_request` describes it,
    with the fields that the run reads.

    `format` is the output's: JSON has all other fields of the input too, so none may be called as one of its own.
    `check` gets each request of JSON with the name of its line, and raises DataError for one that cannot be.
    """
    note = f"The lines of {name} end in CR LF; those of the output will end in LF."
    return _chunks(file, name, _parser(input_format, format, source_fields, check), note)


def type_requests(
    input_format: Format, format: Format = "jsonl", source_fields: SourceFields = ONE_FIELD,
    check: Check = lambda *_: None,
) -> Iterator[list[Request]]:  # fmt: skip
    """What a person types at a terminal, line by line, with the keys of readline to edit it; until Ctrl-D."""
    parse = _parser(input_format, format, source_fields, check)
    with suppress(ImportError):  # its import changes what input() does
        import readline  # noqa: F401
    # What is typed must not come out where the translations go.
    prompt = "> " if sys.stdout.isatty() else ""
    for number in count(1):
        try:
            line = input(prompt)
        except EOFError:
            console.info("")
            return
        try:
            yield [parse(_decode(os.fsencode(line), "<stdin>", number), f"<stdin>:{number}")]
        except DataError as e:
            console.error(e)  # the next may be better


def _parser(
    input_format: Format, format: Format, source_fields: SourceFields, check: Check
) -> Callable[[str, str], Request]:
    if input_format == "text":
        return lambda line, where: Request(source_fields.check(line, where))
    reserved = FIELDS if format == "jsonl" else ()

    def parse(line: str, where: str) -> Request:
        request = parse_request(line, where, reserved, source_fields)
        check(request, where)
        return request

    return parse


def _chunks(file: IO[bytes], name: str, parse: Callable[[str, str], T], crlf: str = "") -> Iterator[list[T]]:
    """`parse` gets a line and its name. Its DataError is raised after what stood before has been given. `crlf` is said
    where the first line ends so.
    """
    lines: queue.Queue[T | BaseException | None] = queue.Queue(maxsize=2 * CHUNK_LINES)

    def read() -> None:
        try:
            for number in count(1):
                raw = file.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    break
                if len(raw) > MAX_LINE_BYTES:
                    raise too_long(f"{name}:{number}")
                if crlf and number == 1 and raw.endswith(b"\r\n"):
                    console.info(crlf)
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
                raise cannot_read(name, item)
            if isinstance(item, BaseException):
                raise item
            continue
        yield chunk
        item = lines.get()


def _decode(raw: bytes, name: str, number: int) -> str:
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    if number == 1:
        raw = raw.removeprefix(BOM)
    return decode_line(raw, name, number, "The lines before it are translated. Convert the input to UTF-8.")


@dataclass
class Tally:
    """What was translated, as it goes."""

    lines: int = 0
    flagged: int = 0  # lines
    doubtful: int = 0  # lines that the model is not made for, as far as it can be told
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, found: Sequence[str]) -> None:
        self.lines += 1
        self.flagged += bool(found)
        self.doubtful += any(flag in DOUBTFUL for flag in found)
        self.flags.update(found)

    def summary(self, seconds: float) -> str:
        """One line: how many lines, how long it took, how many have which flags."""
        text = f"{plural(self.lines, 'line')} in {seconds:,.1f} s."
        if self.flagged:
            kinds = ", ".join(f"{number:,} {flag}" for flag, number in self.flags.most_common())
            text += f" {self.flagged:,} flagged: {kinds} (details: --format jsonl)."
        return text

    def doubt(self) -> str:
        """What to say where many of the lines are not what the model was trained for; else nothing."""
        if self.doubtful <= MANY_DOUBTFUL * self.lines:
            return ""
        return (
            f"{self.doubtful:,} of {plural(self.lines, 'line')}: words that the training text never had, or a "
            "translation of low probability; expect errors."
        )


def translate_stream(
    translator: Translator, chunks: Iterable[Sequence[Request]], out: Sink, wanted: Output,
    on_progress: Callable[[int], None] | None = None, typed: bool = False,
) -> Tally:  # fmt: skip
    """Translate chunk by chunk, flushing each. on_progress is told how many more lines are done. typed: a person waits,
    who hears at once of what is doubtful.
    """
    tally = Tally()
    for chunk in chunks:
        translations = translator.translate(
            chunk, n_best=wanted.n_best, alignment=wanted.alignments, attention=wanted.attention,
            on_progress=on_progress,
        )  # fmt: skip
        found = [flags_of(request, t, wanted.flags) for request, t in zip(chunk, translations, strict=True)]
        numbered = enumerate(zip(chunk, translations, found, strict=True), tally.lines + 1)
        lines = [line for n, (r, t, flags) in numbered for line in render(translator.tokenizer, r, t, n, wanted, flags)]
        with uninterrupted():
            out.write("".join(line + "\n" for line in lines).encode())
            out.flush()
        for t, flags in zip(translations, found, strict=True):
            tally.add(flags)
            for problem in problems(t, flags):
                console.warn(f"line {tally.lines:,} {problem}")
            if typed and (why := doubt(t)):
                console.warn(why)
    return tally


def score_stream(load: Callable[[], Translator], src: Path, tgt: Path, format: Format) -> Iterator[str]:
    """What the model makes of line pairs of two files, line by line. Raises DataError where they do not fit, after the
    lines before.
    """
    for translator, pairs in _with_pairs(load, src, tgt):
        for pair, found in zip(pairs, translator.score(pairs), strict=True):
            yield render_score(translator.tokenizer, *pair, found, format)


def pair_stream(load: Callable[[], PairScorer | ContrastScorer], src: Path, tgt: Path, format: Format) -> Iterator[str]:
    """How probable it is that the lines of two files belong together, pair by pair; errors as of score_stream."""
    for scorer, pairs in _with_pairs(load, src, tgt):
        for (first, second), found in zip(pairs, scorer.score(pairs), strict=True):
            record = {"source": first, "target": second, "probability": round(found, 6)}
            yield json.dumps(record, ensure_ascii=False) if format == "jsonl" else f"{found:.6f}"


def _with_pairs(load: Callable[[], T], src: Path, tgt: Path) -> Iterator[tuple[T, list[tuple[str, str]]]]:
    """What is loaded once both files are open, with many pairs of lines at a time."""
    with open_input(src) as source, open_input(tgt) as target:
        loaded, done = load(), 0
        left, right = (chain.from_iterable(read_lines(*file)) for file in (source, target))
        while pairs := list(islice(zip_longest(left, right), CHUNK_LINES)):
            whole = [(s, t) for s, t in pairs if s is not None and t is not None]
            yield loaded, whole
            done += len(whole)
            if len(whole) < len(pairs):
                shorter = src if pairs[len(whole)][0] is None else tgt
                raise DataError(
                    f"{shorter} ends after {done:,} lines, but the other file goes on.",
                    "Line n of one belongs to line n of the other; what was scored is right only if so.",
                )


def score_text(load: Callable[[], Generator], text: Path, format: Format) -> Iterator[str]:
    """What a language model makes of the lines of a file, line by line."""
    with open_input(text) as source:
        generator = load()
        for lines in read_lines(*source):
            for line, found in zip(lines, generator.score(lines), strict=True):
                yield render_score(generator.translator.tokenizer, None, line, found, format)


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
