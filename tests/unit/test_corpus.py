"""Every kind of source gives the same pairs; lines end at \\n only; broken and hostile files end in a clear error."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from nmt.data import corpus
from nmt.data.corpus import PairSource, input_paths, resolve_files
from nmt.errors import DataError
from nmt.recipe import Corpus, DataSection
from nmt.text import lines

SRC = ["A dog runs.", "", "Two\u2028parts", "x\u0085y\x0bz\x0c", "déjà vu \U0001f600", "lone \r inside", "last"]
TGT = ["Un chien court.", "Rien", "Deux\u2028parties", "x\u0085y", "déjà vu", "", "dernière"]


def text_file(path: Path, rows: list[str], end: str = "\n") -> str:
    raw = "".join(row + end for row in rows).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path.name


def pairs(root: Path, **keys: Any) -> list[tuple[str, str]]:
    chunks = list(PairSource(Corpus(**keys), root).chunks())
    assert [c.first_line for c in chunks] == [1 + sum(len(c.src) for c in chunks[:i]) for i in range(len(chunks))]
    return [(s.decode(), t.decode()) for c in chunks for s, t in zip(c.src, c.tgt, strict=True)]


def read(root: Path, **keys: Any) -> None:
    for _ in PairSource(Corpus(**keys), root).chunks():
        pass


def data(root: Path, **keys: Any) -> DataSection:
    text = {"source": "a.en", "target": "a.fr"}
    return DataSection.model_validate(
        {"source_lang": "en", "target_lang": "fr", "root": str(root), "train": text, "valid": text} | keys
    )


@pytest.mark.parametrize("chunk", [2, 20_000])
def test_every_kind_of_source_gives_the_same_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(corpus, "CHUNK_PAIRS", max(chunk, 4))
    monkeypatch.setattr(lines, "BLOCK", 7 if chunk == 2 else 1 << 20)
    wanted = list(zip(SRC, TGT, strict=True))
    for end in ("\n", "\r\n"):
        for suffix in ("", ".gz"):
            text_file(tmp_path / f"a.en{suffix}", SRC, end)
            text_file(tmp_path / f"a.fr{suffix}", TGT)
            assert pairs(tmp_path, source=f"a.en{suffix}", target=f"a.fr{suffix}") == wanted
    for suffix in ("", ".gz"):
        name = text_file(tmp_path / f"a.tsv{suffix}", [f"id\t{t}\t{s}\tmore" for s, t in wanted])
        assert pairs(tmp_path, path=name, source=2, target=1) == wanted
        records = [json.dumps({"id": 1, "translation": {"en": s, "fr": t}}) for s, t in wanted]
        name = text_file(tmp_path / f"a.jsonl{suffix}", records)
        assert pairs(tmp_path, path=name, source="translation.en", target="translation.fr") == wanted
    flat = pa.table({"id": list(range(len(SRC))), "en": SRC, "fr": TGT})
    pq.write_table(flat, tmp_path / "flat.parquet")
    assert pairs(tmp_path, path="flat.parquet", source="en", target="fr") == wanted
    nested = pa.table({"translation": [{"en": s, "fr": t} for s, t in wanted]})
    pq.write_table(nested, tmp_path / "nested.parquet")
    assert pairs(tmp_path, path="nested.parquet", source="translation.en", target="translation.fr") == wanted


def test_a_hub_data_set_gives_the_same_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    wanted = list(zip(SRC, TGT, strict=True))
    (tmp_path / "hub").mkdir()
    pq.write_table(
        pa.table({"translation": [{"en": s, "fr": t} for s, t in wanted]}), tmp_path / "hub" / "train.parquet"
    )
    keys = {"hub": str(tmp_path / "hub"), "split": "train", "revision": "main"}
    assert pairs(tmp_path, source="translation.en", target="translation.fr", **keys) == wanted
    with pytest.raises(DataError, match="cannot be loaded"):
        read(tmp_path, source="en", target="fr", hub=str(tmp_path / "nowhere"), split="train", revision="main")


def test_what_reading_takes_away_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_bytes(b"\xef\xbb\xbfone\r\ntwo\nthree\r\n")
    (tmp_path / "a.fr").write_bytes(b"un\ndeux\ntrois")
    (chunk,) = PairSource(Corpus(source="a.en", target="a.fr"), tmp_path).chunks()
    assert chunk.src == [b"one", b"two", b"three"] and chunk.tgt == [b"un", b"deux", b"trois"]
    assert chunk.found == {"bom": (1, "a.en"), "crlf": (2, "a.en:1")}
    text_file(tmp_path / "a.jsonl", [json.dumps({"en": "a", "fr": "b"}), json.dumps({"en": "a\r\nb\n", "fr": "c"})])
    (chunk,) = PairSource(Corpus(path="a.jsonl", source="en", target="fr"), tmp_path).chunks()
    assert chunk.src == [b"a", b"a b"] and chunk.found == {"field_break": (1, "a.jsonl:2")}


def test_unequal_files_are_read_to_the_end_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CHUNK_PAIRS", 3)
    text_file(tmp_path / "a.en", ["x"] * 10)
    text_file(tmp_path / "a.fr", ["y"] * 4)
    for source, target, sizes in [("a.en", "a.fr", (10, 4)), ("a.fr", "a.en", (4, 10))]:
        chunks = list(PairSource(Corpus(source=source, target=target), tmp_path).chunks())
        assert (sum(len(c.src) for c in chunks), sum(len(c.tgt) for c in chunks)) == sizes
        assert all(max(len(c.src), len(c.tgt)) <= 3 for c in chunks)


def test_malformed_tables_name_file_and_line(tmp_path: Path) -> None:
    text_file(tmp_path / "a.tsv", ["a\tb", "only one"])
    text_file(tmp_path / "a.jsonl", ['{"en": "a", "fr": "b"}', "{broken"])
    text_file(tmp_path / "b.jsonl", ['{"en": "a", "fr": 3}'])
    text_file(tmp_path / "c.jsonl", ['{"en": "a", "de": "b"}'])
    text_file(tmp_path / "d.jsonl", ['{"en": "\\ud800", "fr": "b"}'])
    text_file(tmp_path / "e.jsonl", ["[" * 100_000])
    text_file(tmp_path / "f.parquet", ["not parquet"])
    en_fr = {"source": "en", "target": "fr"}
    for keys, message in [
        (
            {"path": "a.tsv", "source": 0, "target": 1},
            "a.tsv:2 has 1 column (by tabs), but column 1 is wanted (counted from 0).",
        ),
        (
            {"path": "a.tsv", "source": "en", "target": 1},
            "a.tsv:1 has no column `en`; the first line has, by tabs: `a`, `b`.",
        ),
        ({"path": "a.jsonl", **en_fr}, "a.jsonl:2 is not a JSON record: "),
        ({"path": "b.jsonl", **en_fr}, "b.jsonl:1: field `fr` must be text, but is `3`."),
        ({"path": "c.jsonl", **en_fr}, "c.jsonl:1 has no field `fr`; it has `en`, `de`."),
        ({"path": "d.jsonl", **en_fr}, "d.jsonl:1: field `en` holds half a surrogate pair at character 1."),
        ({"path": "e.jsonl", **en_fr}, "e.jsonl:1 is not a JSON record: "),
        ({"path": "a.dat", **en_fr}, "a.dat is no known table: "),
        ({"path": "a.xlsx", **en_fr}, "a.xlsx is a spreadsheet (.xlsx), which cannot be read as it is."),
        ({"path": "f.parquet", **en_fr}, "f.parquet cannot be read as Parquet: "),
    ]:
        with pytest.raises(DataError) as e:
            read(tmp_path, **keys)
        assert e.value.message.startswith(message)


def test_broken_and_hostile_files_end_in_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 1 << 16)
    good = text_file(tmp_path / "good", ["x"] * 5)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a line\n" * 5000)[:-20])
    (tmp_path / "bent.gz").write_bytes(b"\x1f\x8b" + b"nonsense" * 9)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(5_000_000)))
    (tmp_path / "blank.gz").write_bytes(gzip.compress(b"\n" * 5_000_000))
    (tmp_path / "long").write_bytes(b"one\n" + b"a" * (lines.MAX_LINE_BYTES + 1) + b"\ntwo\n")
    (tmp_path / "endless").write_bytes(b"one\n" + b"a" * 3_000_000)
    (tmp_path / "utf16").write_bytes("text".encode("utf-16"))
    (tmp_path / "a.xz").write_bytes(b"\xfd7zXZ\x00rest")
    for name, message in [
        ("cut.gz", "cut.gz is a damaged gzip file: it ends too early."),
        ("bent.gz", "bent.gz is a damaged gzip file: "),
        ("bomb.gz", "bomb.gz:1 is longer than 1,000,000 bytes; that is no sentence."),
        ("blank.gz", "blank.gz expands more than 300 times; that is no text."),
        ("long", "long:2 is longer than 1,000,000 bytes; that is no sentence."),
        ("endless", "endless:2 is longer than 1,000,000 bytes; that is no sentence."),
        ("utf16", "utf16 is UTF-16 text, not plain or gzip UTF-8 text."),
        ("a.xz", "a.xz is xz-compressed, not plain or gzip UTF-8 text."),
        ("absent", "absent cannot be read: No such file or directory"),
    ]:
        with pytest.raises(DataError) as e:
            read(tmp_path, source=name, target=good)
        assert e.value.message.startswith(message)


def test_all_missing_files_are_named_at_once_with_their_place(tmp_path: Path) -> None:
    section = data(tmp_path, test={"flickr": {"path": "t.tsv", "source": 0, "target": 1}})
    assert input_paths(section) == {name: tmp_path / name for name in ("a.en", "a.fr", "t.tsv")}
    with pytest.raises(DataError) as e:
        resolve_files(section)
    assert str(e.value) == (
        "3 files are missing: a.en, a.fr, t.tsv.\n"
        f"  Put them into {tmp_path}/, or set `data.root` to the folder that has them."
    )
    text_file(tmp_path / "a.en", SRC)
    text_file(tmp_path / "t.tsv", SRC)
    text_file(tmp_path / "a.fr.gz", SRC)
    with pytest.raises(DataError) as e:
        resolve_files(section)
    assert e.value.message == "a.fr (but a.fr.gz is there) is missing."


def test_present_files_are_checked_against_their_checksum(tmp_path: Path) -> None:
    for name in ("a.en", "a.fr"):
        text_file(tmp_path / name, SRC)
    sha256 = hashlib.sha256((tmp_path / "a.en").read_bytes()).hexdigest()
    files = resolve_files(data(tmp_path, sha256={"a.en": sha256}))
    assert files["a.en"].sha256 == sha256 and files["a.en"].size == (tmp_path / "a.en").stat().st_size
    with pytest.raises(DataError) as e:
        resolve_files(data(tmp_path, sha256={"a.en": "0" * 64}))
    assert e.value.message == (
        f"a.en is not the file the recipe means: its sha256 is {sha256}, but `data.sha256` says {'0' * 64}."
    )


@pytest.mark.parametrize("name", ["../a.en", "/tmp/a.en", "b/../../a.en"])
def test_no_download_leaves_the_root(tmp_path: Path, name: str) -> None:
    text = {"source": name, "target": "a.fr"}
    text_file(tmp_path / "a.fr", TGT)
    section = data(
        tmp_path / "deeper" / "root", url="http://localhost:9", train=text, valid=text, sha256={name: "0" * 64}
    )
    with pytest.raises(DataError, match="would land outside"):
        resolve_files(section)


def test_a_download_needs_a_checksum(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"`data.sha256` has no checksum of a.en; without one it is not downloaded."):
        resolve_files(data(tmp_path, url="http://localhost:9"))
