"""Text and tables that no person means well, given as training data."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.hostile import Case, parameters, refused
from tests.refused import FOLDER, parquet

FR = "text/train.fr"
LINES = "".join(f"un deux {i}\n" for i in range(200))


def target(name: str, content: object, says: str, lines: int = 3) -> Case:
    """Other content of the target file."""
    return Case(f"text: {name}", ("prepare", "r.yaml"), says, {FR: content}, lines=lines)


def table(name: str, file: str, content: str | bytes, says: str, source: object = "en", target: object = "fr") -> Case:
    corpus = f"data.train={{path: {file}, source: {json.dumps(source)}, target: {json.dumps(target)}}}"
    return Case(f"{file}: {name}", ("prepare", "r.yaml", corpus), says, {f"text/{file}": content})


def place(name: str, says: str) -> Case:
    """Something else in the place of the target file."""
    return Case(f"place: {name}", ("prepare", "r.yaml", f"data.train.target={name}"), says)


def with_line(number: int, line: bytes) -> bytes:
    lines = LINES.encode().split(b"\n")
    lines[number - 1] = line
    return b"\n".join(lines)


BAD_BYTES = [b"\x80", b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xf0\x9f\x98"]
TEXT = [
    *(
        target(f"bytes {bad.hex()}", with_line(7, b"a" + bad), r"train\.fr:7:2 \(byte 0x..\): not valid UTF-8")
        for bad in BAD_BYTES
    ),
    target("NUL", with_line(3, b"a\0b"), r"train\.fr:3: holds a NUL byte"),
    target("NULs alone", bytes(5000), r"train\.fr has 1 line|holds a NUL byte", 4),
    target("one endless line", b"x" * 3_000_000, r"train\.fr:1 is longer than 1,000,000 bytes"),
    target("endless after a while", LINES.encode() + b"x" * 1_000_001, r"train\.fr:201 is longer than"),
    target("carriage returns", LINES.replace("\n", "\r"), r"train\.fr has 1 line, but train\.en has 200"),
    target("no lines", b"", r"train\.fr has 0 lines, but train\.en has 200"),
    target("many lines more", b"x\n" * 100_000, r"train\.en has 200 lines, but train\.fr has 100,000"),
    target("gzip alone", b"\x1f\x8b", r"train\.fr is a damaged gzip file"),
    target("gzip of nothing", gzip.compress(b""), r"train\.fr has 0 lines"),
    target("gzip in gzip", gzip.compress(gzip.compress(LINES.encode())), r"train\.fr(:\d+)+ \(byte|has \d+ lines?", 4),
    target("gzip bomb", gzip.compress(bytes(40_000_000)), r"train\.fr:1 is longer than"),
    *(
        target(kind, start + bytes(100), "train\\.fr is .*, not plain or gzip UTF-8 text")
        for kind, start in [
            ("zip", b"PK\x03\x04"),
            ("xz", b"\xfd7zXZ\0"),
            ("bzip2", b"BZh9"),
            ("zstd", b"\x28\xb5\x2f\xfd"),
            ("Parquet", b"PAR1"),
            ("UTF-16", b"\xff\xfe"),
            ("UTF-16 big", b"\xfe\xff"),
        ]
    ),
    target("folder", FOLDER, "Is a directory"),
    target("missing", None, r"train\.fr is missing"),
]
SLOW = [
    target("gzip bomb of lines", gzip.compress(b"\n" * 40_000_000), "expands more than 300 times"),
    target("a million lines more", b"x\n" * 1_000_000, r"train\.en has 200 lines, but train\.fr has 1,000,000"),
]
PLACES = [
    place("/dev/zero", "/dev/zero is a device, but training text is read several times"),
    place("/dev/urandom", "/dev/urandom is a device"),
    place("/dev/null", "/dev/null is a device"),
    place("pipe", "pipe is a pipe, but training text is read several times: save it to a file"),
    place("loop", "loop is missing|loop cannot be read|symbolic links"),
    place("/proc/self/mem", "/proc/self/mem"),
    place("'\x1b[31m'", "U\\+001B"),
    place("'a\u202eb'", r"a\\u202eb is missing"),
    place("train.en/x", r"train\.en/x is missing"),
    *(
        place(f"train.fr{suffix}", f"train\\.fr\\{suffix} is .*, not plain text")
        for suffix in [
            ".srt",
            ".vtt",
            ".po",
            ".xliff",
            ".xlf",
            ".tmx",
            ".html",
            ".xml",
            ".docx",
            ".pdf",
            ".md",
            ".xlsx",
            ".json",
            ".csv",
            ".tsv",
            ".jsonl",
            ".parquet",
            ".tsv.gz",
            ".SRT",
        ]
    ),
]
LONG = "x" * 500_000
TABLES = [
    *(
        table("unreadable format", f"t{suffix}", b"x", r"cannot be read as it is|is no known table")
        for suffix in [
            ".xlsx",
            ".xls",
            ".ods",
            ".html",
            ".docx",
            ".json",
            ".txt",
            ".zip",
            ".gz",
        ]
    ),
    table(
        "no such name",
        "t.tsv",
        "en\tde\na\tb\n",
        r"t\.tsv:1 has no column `fr`; the first line has, by tabs: `en`, `de`",
    ),
    table("name of a colour", "t.tsv", "en\t\x1b[31m\na\tb\n", r"`\\x1b\[31m`"),
    table("a first line of 500,000 letters", "t.tsv", f"{LONG}\ten\na\tb\n", "has no column `fr`"),
    table("ragged", "t.tsv", "en\tfr\na\tb\nc\n", r"t\.tsv:3 has 1 column"),
    table("ragged by number", "t.tsv", "a\tb\nc\n", r"t\.tsv:2 has 1 column", 0, 1),
    table("column 9999", "t.tsv", "a\tb\n", r"t\.tsv:1 has 2 columns", 0, 9999),
    table("column 10000", "t.tsv", "a\tb\n", "must be a file name", 0, 10_000),
    table("column -1", "t.tsv", "a\tb\n", "must be a file name", 0, -1),
    table("the same column", "t.tsv", "en\tfr\na\tb\n", "the same column", "en", 0),
    table("names in Latin-1", "t.tsv", b"en\tfr\xe9\na\tb\n", r"t\.tsv:1:3 \(byte 0xe9\) is not valid UTF-8"),
    table("no names", "t.tsv", "\n", r"t\.tsv:1 has no column"),
    table("nothing", "t.tsv", "", "has no pairs"),
    table("names alone", "t.tsv", "en\tfr\n", "has no pairs"),
    table("names alone", "t.csv", "en,fr\n", "has no pairs"),
    table("nothing", "t.csv", "", "has no pairs"),
    table(
        "no end of a quote",
        "t.csv",
        'en,fr\na,"b\n' + "c,d\n" * 99,
        r"t\.csv:2 is no line of a CSV file: .* has no end",
    ),
    table(
        "a quote that never ends", "t.csv", 'en,fr\na,"b\n' + "c,d\n" * 400_000, r"begins in t\.csv:2 is longer than"
    ),
    table("text after a quote", "t.csv", 'en,fr\n"a"b,c\n', r"t\.csv:2 .*after a quoted field"),
    table("ragged", "t.csv", "en,fr\na\n", r"t\.csv:2 has 1 column \(by commas\)"),
    table("both signs", "t.csv", "a,b;c\nd,e;f\n", "with commas or with semicolons", 0, 1),
    table("bad byte", "t.csv", b"en,fr\na,\xff\n", r"t\.csv:2:3 \(byte 0xff\) is not valid UTF-8"),
    table("NUL", "t.csv", b"en,fr\na,\0\n", r"holds a NUL byte"),
    table("field of 2 MB", "t.csv", f'en,fr\na,"{LONG}\n{LONG}\n{LONG}"\n', r"begins in t\.csv:2 is longer than"),
    table("many columns", "t.csv", "," * 400_000 + "\n", "has no column `en`"),
    table("broken", "t.jsonl", '{"en": "a", "fr": "b"}\n{"en"\n', r"t\.jsonl:2 is not a JSON record"),
    table("deep", "t.jsonl", "[" * 100_000, r"t\.jsonl:1 is not a JSON record"),
    table("deep objects", "t.jsonl", '{"en":' * 100_000, r"t\.jsonl:1 is not a JSON record"),
    table("list", "t.jsonl", '["a"]\n', r"t\.jsonl:1 has no field `en`"),
    table("number", "t.jsonl", '{"en": 1, "fr": "b"}\n', "must be text, but is `1`"),
    table("number of 5,000 digits", "t.jsonl", f'{{"en": {"9" * 5000}, "fr": "b"}}\n', r"t\.jsonl:1"),
    table("not a number", "t.jsonl", '{"en": NaN, "fr": "b"}\n', "must be text, but is `nan`"),
    table("null", "t.jsonl", '{"en": null, "fr": "b"}\n', "must be text, but is empty"),
    table("key of 500,000 letters", "t.jsonl", json.dumps({LONG: 1}) + "\n", "has no field `en`; it has `x{50}"),
    table("key with a colour", "t.jsonl", '{"\\u001b[31m": 1}\n', r"it has `\\x1b\[31m`"),
    table(
        "value of 500,000 letters",
        "t.jsonl",
        json.dumps({"en": [LONG], "fr": "b"}) + "\n",
        "must be text, but is a list",
    ),
    table("half a pair", "t.jsonl", '{"en": "\\ud800", "fr": "b"}\n', "half a surrogate pair at character 1"),
    table("bad byte", "t.jsonl", b'{"en": "\xff", "fr": "b"}\n', r"t\.jsonl:1 "),
    table("UTF-16", "t.jsonl", '{"en": "a"}'.encode("utf-16"), "is UTF-16 text"),
    table("nothing", "t.jsonl", "", "has no pairs"),
    table("blank line", "t.jsonl", '{"en": "a", "fr": "b"}\n\n', r"t\.jsonl:2 is not a JSON record"),
    table("no Parquet", "t.parquet", b"PAR1" + bytes(50), "cannot be read as Parquet"),
    table("empty", "t.parquet", b"", "cannot be read as Parquet"),
    table("truncated", "t.parquet", parquet(en=["a"], fr=["b"])[:-9], "cannot be read as Parquet"),
    table("no such column", "t.parquet", parquet(en=["a"], de=["b"]), "has no field `fr`"),
    table("numbers", "t.parquet", parquet(en=["a"], fr=[1]), "must be text, but is `1`"),
    table("nulls", "t.parquet", parquet(en=["a"], fr=[None]), "must be text, but is empty"),
    table("bytes", "t.parquet", parquet(en=["a"], fr=[b"\xff"]), "must be text"),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", parameters(SLOW))
def test_hostile_text_that_takes_long_is_refused(
    folder: Path, nmt: Callable[..., tuple[int, str, str]], case: Case
) -> None:
    refused(case, nmt)


@pytest.mark.parametrize("case", parameters([*TEXT, *PLACES, *TABLES]))
def test_hostile_text_is_refused(folder: Path, nmt: Callable[..., tuple[int, str, str]], case: Case) -> None:
    os.mkfifo("text/pipe")
    os.symlink("loop", "text/loop")
    refused(case, nmt)
