"""What the audit finds, says and refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from nmt.data import alignment, corpus
from nmt.data.audit import LABELS, AuditReport, audit
from nmt.data.corpus import PairSource
from nmt.data.kept import Work
from nmt.errors import DataError
from nmt.recipe import Corpus, Filters


class Files:
    """Splits written to disk and audited."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.splits: dict[str, list[PairSource]] = {}

    def add(self, split: str, src: Sequence[str] | bytes, tgt: Sequence[str] | bytes) -> Files:
        stem = f"{split}{len(self.splits.get(split, []))}" if split in self.splits else split
        for side, rows in (("en", src), ("fr", tgt)):
            raw = rows if isinstance(rows, bytes) else "".join(f"{row}\n" for row in rows).encode()
            (self.root / f"{stem}.{side}").write_bytes(raw)
        source = PairSource(Corpus(source=f"{stem}.en", target=f"{stem}.fr"), self.root)
        self.splits.setdefault(split, []).append(source)
        return self

    def audit(self, filters: Filters | None = None, processes: int = 1) -> AuditReport:
        return audit(self.splits, filters or Filters(), Work(processes))

    def fault(self) -> str:
        with pytest.raises(DataError) as e:
            self.audit()
        return str(e.value)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def sentence(i: int) -> str:
    """Sentences of all lengths, all different."""
    return f"number {i} " + "and so on " * (i * 7919 % 13) + "end"


def test_unequal_counts_name_both_files_and_the_line(files: Files) -> None:
    lines = [sentence(i) for i in range(2000)]
    message = files.add("train", lines, lines[:1199] + lines[1200:]).fault()
    assert message == (
        "train.fr has 1,999 lines, but train.en has 2,000; parallel files must have one line per pair.\n"
        "  The texts seem to shift at line 1,200."
    )


def test_unequal_counts_at_the_end_and_where_nothing_can_be_told(files: Files, tmp_path: Path) -> None:
    lines = [sentence(i) for i in range(1000)]
    assert (
        files.add("train", lines, lines[:900])
        .fault()
        .endswith("\n  They seem to agree up to line 900; the lines after it have no counterpart.")
    )
    (tmp_path / "few").mkdir()
    assert (
        Files(tmp_path / "few")
        .add("train", ["a", "b"], ["a"])
        .fault()
        .endswith("\n  Where they shift cannot be told from the lengths of the lines; compare them side by side.")
    )


def test_shifts_of_a_long_text_are_found_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh(name: str, src: Sequence[str], tgt: Sequence[str]) -> Files:
        (tmp_path / name).mkdir()
        return Files(tmp_path / name).add("train", src, tgt)

    monkeypatch.setattr(alignment, "LOOKED_AT", 400)
    lines = [sentence(i) for i in range(2000)]
    assert fresh("same", lines, lines).audit().warnings == []
    lost = fresh("lost", lines, [*lines[:1119], *lines[1120:]])
    assert lost.fault().endswith("The texts seem to shift at line 1,120.")
    made_up = [*lines[:499], *lines[500:1500], sentence(5000), *lines[1500:]]
    report = fresh("made up", lines, made_up).audit()
    assert any("lines 500 to" in w and "seem to be shifted against each other by 1 line" in w for w in report.warnings)


def test_a_shift_made_up_for_later_is_a_loud_warning(files: Files) -> None:
    lines = [sentence(i) for i in range(2000)]
    report = files.add("train", lines, [*lines[:499], *lines[500:1500], sentence(5000), *lines[1500:]]).audit()
    assert report.warnings == [
        "train.en and train.fr: lines 500 to 1,500 seem to be shifted against each other by 1 line. "
        "The counts agree, but the pairs there do not belong together."
    ]


def test_all_fatal_faults_of_all_splits_are_told_together(files: Files) -> None:
    files.add("train", "caf\xe9 noir\nb\n".encode("latin-1"), b"a\nb\0c\n")
    files.add("train", b"\xff\n" * 5, b"x\n" * 5)
    files.add("valid", b"", b"").add("flickr", ["a", "b"], ["a"])
    assert files.fault() == "\n".join(
        [
            "5 faults:",
            "  - train.en:1:4 (byte 0xe9): not valid UTF-8. Convert the file to UTF-8.",
            "  - train.fr:2: holds a NUL byte. Is it text? Remove the bytes, or convert it to UTF-8 if it is UTF-16.",
            "  - train1.en:1:1 (byte 0xff), train1.en:2:1 (byte 0xff), train1.en:3:1 (byte 0xff) and 2 more lines: "
            "not valid UTF-8. Convert the file to UTF-8.",
            "  - `data.valid` has no pairs: valid.en is empty.",
            "  - flickr.fr has 1 line, but flickr.en has 2; parallel files must have one line per pair. "
            "Where they shift cannot be told from the lengths of the lines; compare them side by side.",
        ]
    )


def test_a_file_that_cannot_be_read_hides_no_other_fault(files: Files, tmp_path: Path) -> None:
    files.add("train", ["a"], ["a"]).add("valid", b"\xff\n", b"x\n")
    (tmp_path / "train.en").unlink()
    assert "train.en cannot be read" in (message := files.fault()) and "valid.en:1:1" in message


def test_what_is_unusual_is_counted_with_its_first_place(files: Files) -> None:
    src = [
        "same",
        "\u2028 x",
        "y\x0b",
        "z\x07",
        "q\ufffd",
        "",
        " \u200b\u3000",
        "a" * 61,
        "short",
        "twice",
        "twice",
        "twice",
        "\ufeffw",
    ]
    tgt = ["same", "x", "y", "z", "q", "blank", "\ufeff", "b" * 50, "c" * 59, "deux", "deux", "two", "w\x85"]
    assert len(src) == len(tgt)
    files.add("train", src, tgt).add("valid", ["TWICE", "twice", "new", ""], ["2", "deux", "neuf", "blank"])
    report = files.audit(Filters(max_chars=60, max_ratio=3.0))
    assert report.to_json()["splits"] == {
        "train": {"pairs": 13, "found": {
            "blank_one_side": {"count": 1, "first": "train.en:6"},
            "blank_both": {"count": 1, "first": "train.en:7"},
            "inner_break": {"count": 3, "first": "train.en:2"},
            "control": {"count": 3, "first": "train.en:4"},
            "replacement": {"count": 1, "first": "train.en:5"},
            "long": {"count": 1, "first": "train.en:8"},
            "ratio": {"count": 1, "first": "train.en:9"},
            "identical": {"count": 4, "first": "train.en:1"},
            "duplicate": {"count": 1, "first": "train.en:11"}}},
        "valid": {"pairs": 4, "found": {
            "blank_one_side": {"count": 1, "first": "valid.en:4"},
            "leak_source": {"count": 2, "first": "valid.en:1"},
            "leak_pair": {"count": 1, "first": "valid.en:2"}}},
    }  # fmt: skip
    assert report.rows()[0] == ["train", LABELS["blank_one_side"], 1, "train.en:6"]
    json.dumps(report.to_json())


def test_clean_text_gives_an_empty_table(files: Files) -> None:
    report = files.add("train", ["one", "two"], ["un", "deux"]).add("valid", ["three"], ["trois"]).audit()
    assert report.rows() == [] and report.warnings == []


def test_limits_of_zero_are_no_limits(files: Files) -> None:
    report = files.add("train", ["a" * 9000, "b"], ["b", "c"]).audit(Filters(max_chars=0, max_ratio=0))
    assert report.rows() == []


def test_places_are_those_of_the_file_not_of_the_split(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CHUNK_PAIRS", 2)
    files.add("train", ["a", "b", "c"], ["a", "b", "c"]).add("train", ["d", "e", "f", "a"], ["x", "y", "f", "a"])
    found = files.audit().splits["train"].found
    assert found["duplicate"] == (1, "train1.en:4") and found["identical"] == (5, "train.en:1")


def test_any_number_of_processes_finds_the_same(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CHUNK_PAIRS", 50)
    src = [sentence(i % 350) for i in range(400)]
    files.add("train", src, [s.upper() for s in src]).add("valid", src[:20], src[5:25])
    one, two = files.audit(processes=1), files.audit(processes=2)
    assert one.to_json() == two.to_json()
    for name in ("flags", "src_keys", "pair_keys", "repeated"):
        assert (getattr(one.splits["train"], name) == getattr(two.splits["train"], name)).all()
