"""Tables: named columns, CSV as spreadsheets write it, headers that were taken for text."""

from __future__ import annotations

from pathlib import Path

import pytest

from nmt.data.audit import audit
from nmt.data.corpus import PairSource
from nmt.errors import DataError
from nmt.recipe import Corpus, Filters

PAIRS = [("A dog, a cat.", "Un chien, un chat."), ('He says "no".', "Il dit non ; elle aussi."), ("two\nlines", "x")]


def source(root: Path, name: str, content: str | bytes, src: object = 0, tgt: object = 1) -> PairSource:
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return PairSource(Corpus.model_validate({"path": name, "source": src, "target": tgt}), root)


def read(*args: object) -> list[tuple[str, str]]:
    chunks = source(*args).chunks()  # type: ignore[arg-type]
    return [(s.decode(), t.decode()) for c in chunks for s, t in zip(c.src, c.tgt, strict=True)]


def fault(*args: object) -> str:
    with pytest.raises(DataError) as e:
        read(*args)
    return str(e.value)


def csv_of(rows: list[tuple[str, ...]], separator: str) -> str:
    quoted = [['"' + field.replace('"', '""') + '"' for field in row] for row in rows]
    return "".join(separator.join(row) + "\r\n" for row in quoted)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("names", [True, False])
def test_csv_gives_what_a_spreadsheet_had(tmp_path: Path, separator: str, names: bool) -> None:
    rows = [("1", s, t) for s, t in PAIRS]
    text = "\ufeff" + csv_of([("id", "English", "French")] * names + rows, separator)
    columns = ("English", "French") if names else (1, 2)
    wanted = [(s.replace("\n", " "), t) for s, t in PAIRS]
    assert read(tmp_path, "t.csv", text, *columns) == wanted
    assert read(tmp_path, "t.csv", text, *reversed(columns)) == [(t, s) for s, t in wanted]


def test_csv_without_quotes_or_with_blank_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "t.csv", "a;b, c\n\nd;e\n") == [("a", "b, c"), ("d", "e")]
    assert read(tmp_path, "t.csv", 'a,"b; c"\nd,e') == [("a", "b; c"), ("d", "e")]
    assert read(tmp_path, "t.csv", "") == read(tmp_path, "t.csv", "a,b\n", "a", "b") == []


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        ('a,b\nc,"d\ne,f\n', (0, 1), "t.csv:2 is no line of a CSV file: a quoted field has no end."),
        ('a,b\nc,"d" e\n', (0, 1), "t.csv:2 is no line of a CSV file: after a quoted field comes more text."),
        ('"a\nb",c\nd\n', (0, 1), "t.csv:3 has 1 column (by commas), but column 1 is wanted (counted from 0)."),
        ("en;fr\na\n", ("en", "fr"), "t.csv:2 has 1 column (by semicolons), but the first line has `fr` as its"),
        ("en,fr\na,b\n", ("en", "de"), "t.csv:1 has no column `de`; the first line has, by commas: `en`, `fr`."),
        ("en,en\na,b\n", ("en", 1), "t.csv:1 has several columns `en`; the first line has, by commas: `en`, `en`."),
        ("en,fr\na,b\n", ("en", 0), "t.csv: `source` and `target` are the same column, en and 0."),
        ("a,b;c\nd,e;f\n", (0, 1), "t.csv can be read with commas or with semicolons between its columns."),
        (b"a,b\nc,d\xff\n", (0, 1), "t.csv:2:4 (byte 0xff) is not valid UTF-8."),
        ("a,b\nc,d\0\n", (0, 1), "t.csv:2"),
        (f'a,"{"b" * 1_000_001}"\n', (0, 1), "t.csv:1 is longer than 1,000,000 bytes; that is no sentence."),
        (
            'a,"' + ("b" * 99 + "\n") * 10_002 + '"\n', (0, 1),
            "the field that begins in t.csv:1 is longer than 1,000,000 bytes; that is no sentence.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_csv_names_the_line(
    tmp_path: Path, content: str | bytes, columns: tuple[object, object], said: str
) -> None:
    if said == "t.csv:2":  # left to the audit, which knows what to do about it
        assert read(tmp_path, "t.csv", content, *columns)[1] == ("c", "d\0")
        return
    assert fault(tmp_path, "t.csv", content, *columns).startswith(said)


def test_columns_of_a_tsv_may_have_names(tmp_path: Path) -> None:
    text = "\ufeffid\tEnglish\t French \r\n1\ta\tb\r\n2\tc\td\r\n"
    assert read(tmp_path, "t.tsv", text, "French", "English") == [("b", "a"), ("d", "c")]
    assert read(tmp_path, "t.tsv", text, "French", 1) == [("b", "a"), ("d", "c")]
    found = fault(tmp_path, "t.tsv", text, "Frensh", "English")
    assert found == (
        "t.tsv:1 has no column `Frensh`; the first line has, by tabs: `id`, `English`, `French`.\n"
        "  Did you mean `French`?"
    )
    assert fault(tmp_path, "t.tsv", "x" * 500_000 + "\tb\n", "en", 1).count("x") == 29


def test_places_count_the_line_of_names(tmp_path: Path) -> None:
    assert source(tmp_path, "t.tsv", "a\tb\n", "a", "b").where("src", 1) == "t.tsv:2"
    assert source(tmp_path, "t.csv", "a,b\n", "a", "b").where("src", 1) == "t.csv row 2"
    assert source(tmp_path, "t.tsv", "a\tb\n").where("src", 1) == "t.tsv:1"
    with pytest.raises(DataError, match=r"t\.tsv:3:2 \(byte 0xff\): not valid UTF-8"):
        audit({"train": [source(tmp_path, "t.tsv", b"a\tb\nc\td\ne\xff\tf\n", "a", "b")]}, Filters())


@pytest.mark.parametrize("name", ["t.tsv", "t.csv"])
@pytest.mark.parametrize(("names", "like_names"), [("English French", 1), ("source target", 1), ("Hello Bonjour", 0)])
def test_names_of_columns_read_as_a_pair_are_told(tmp_path: Path, name: str, names: str, like_names: int) -> None:
    separator = "\t" if name == "t.tsv" else ","
    text = "".join(separator.join(row.split()) + "\n" for row in (names, "a b", "c d"))
    report = audit({"train": [source(tmp_path, name, text)]}, Filters())
    place = {"t.tsv": "t.tsv:1", "t.csv": "t.csv row 1"}[name]
    told = f"{place} looks like the names of columns, but is read as a pair. If it is not one, give these names as "
    assert report.warnings == [told + "`source` and `target`."] * like_names
    if like_names:
        assert audit({"train": [source(tmp_path, name, text, *names.split())]}, Filters()).warnings == []


def test_byte_order_marks_and_carriage_returns_are_counted(tmp_path: Path) -> None:
    for name, text in (("t.tsv", "\ufeffa\tb\r\n"), ("t.jsonl", '\ufeff{"en": "a", "fr": "b"}\r\n')):
        columns = (0, 1) if name == "t.tsv" else ("en", "fr")
        report = audit({"train": [source(tmp_path, name, text, *columns)]}, Filters())
        assert set(report.splits["train"].found) == {"bom", "crlf"}
