"""Lines of plain or gzip text as bytes, a block at a time.

Memory stays flat, whatever a broken or hostile file expands to.
Lines end at \\n only: U+2028, U+0085, form feeds and lone \\r stand inside lines, whatever a text editor shows.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import IO

from nmt.errors import DataError

MAX_LINE_BYTES = 1_000_000
BLOCK = 1 << 20
_MAX_EXPANSION = 300  # text shrinks 3 to 30 times; gzip can reach 1,032 times, with billions of blank lines
BOM = b"\xef\xbb\xbf"
_NOT_TEXT = {b"PK\x03\x04": "a zip archive", b"\xfd7zXZ": "xz-compressed", b"BZh": "bzip2-compressed",
             b"\x28\xb5\x2f\xfd": "zstd-compressed", b"PAR1": "a Parquet file",
             b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text"}  # fmt: skip

Found = tuple[int, str]  # how often, and the first place


def add_found(into: dict[str, Found], kind: str, count: int, where: str) -> None:
    """Count `kind` once more; the first place stays."""
    if count:
        before, first = into.get(kind, (0, where))
        into[kind] = (before + count, first)


def too_long(where: str) -> DataError:
    return DataError(
        f"{where} is longer than {MAX_LINE_BYTES:,} bytes; that is no sentence.",
        "Is it text with one sentence a line, and does every line end in \\n?",
    )


def is_gzip(raw: BufferedReader, name: str) -> bool:
    """By how a file begins, which is still read afterwards. Raises DataError where it is neither gzip nor text."""
    magic = raw.peek(6)[:6]
    for start, kind in _NOT_TEXT.items():
        if magic.startswith(start):
            raise DataError(f"{name} is {kind}, not plain or gzip UTF-8 text.", "Convert it first.")
    return magic.startswith(b"\x1f\x8b")


def line_blocks(path: Path, name: str, found: dict[str, Found]) -> Iterator[list[bytes]]:
    """Lists of lines without their line ends; a BOM and trailing \\r are taken away and counted in `found`."""
    try:
        with open(path, "rb") as raw:
            yield from _split_lines(_blocks(raw, name, is_gzip(raw, name)), name, found)
    except (EOFError, zlib.error, gzip.BadGzipFile) as e:
        reason = "it ends too early" if isinstance(e, EOFError) else str(e)
        raise DataError(f"{name} is a damaged gzip file: {reason}.", "Was its download cut short?") from None
    except OSError as e:
        raise DataError(f"{name} cannot be read: {e.strerror or e} ({path}).") from None


def _blocks(raw: IO[bytes], name: str, zipped: bool) -> Iterator[bytes]:
    file: IO[bytes] = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[assignment]
    size = 0
    while block := file.read(BLOCK):
        size += len(block)
        if zipped and size > 32 * BLOCK and size > _MAX_EXPANSION * raw.tell():
            raise DataError(f"{name} expands more than {_MAX_EXPANSION} times; that is no text.")
        yield block


def _split_lines(blocks: Iterable[bytes], name: str, found: dict[str, Found]) -> Iterator[list[bytes]]:
    rest, line = b"", 1  # line: number of the first line of the block
    for i, block in enumerate(blocks):
        if i == 0 and block.startswith(BOM):
            add_found(found, "bom", 1, name)
            block = block[len(BOM) :]
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if max(map(len, lines), default=0) > MAX_LINE_BYTES:
            raise too_long(f"{name}:{line + next(i for i, x in enumerate(lines) if len(x) > MAX_LINE_BYTES)}")
        if len(rest) > MAX_LINE_BYTES:
            raise too_long(f"{name}:{line + len(lines)}")
        yield _without_cr(lines, name, line, found)
        line += len(lines)
    if rest:
        yield _without_cr([rest], name, line, found)


def _without_cr(lines: list[bytes], name: str, line: int, found: dict[str, Found]) -> list[bytes]:
    ends = [i for i, x in enumerate(lines) if x.endswith(b"\r")]
    for i in ends:
        lines[i] = lines[i].rstrip(b"\r")
    if ends:
        add_found(found, "crlf", len(ends), f"{name}:{line + ends[0]}")
    return lines


# --- UTF-8 -----------------------------------------------------------------------------------------------------------


def decode_line(raw: bytes, name: str, number: int, hint: str = "Convert it to UTF-8.") -> str:
    """The text of a line. Raises DataError naming file, line and byte."""
    try:
        return raw.decode()
    except UnicodeDecodeError as e:
        raise DataError(f"{name}:{number}{bad_byte(raw, e)} is not valid UTF-8.", hint) from None


def bad_byte(raw: bytes, error: UnicodeDecodeError) -> str:
    """Which one it is, from 1, as it may follow the place of the line."""
    return f":{error.start + 1} (byte 0x{raw[error.start]:02x})"


def decoded_lines(path: Path, name: str) -> Iterator[str]:
    """The lines of a plain or gzip file of UTF-8 text. Raises DataError naming file, line and byte of what is none."""
    lines = chain.from_iterable(line_blocks(path, name, {}))
    return (decode_line(raw, name, number) for number, raw in enumerate(lines, 1))
