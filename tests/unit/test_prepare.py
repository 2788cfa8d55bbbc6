"""Preparation: the same bytes every time, nothing half-made, nothing dropped unsaid, nothing stale used."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmt.data import check, corpus
from nmt.data import filters as filters_module
from nmt.data import prepare as module
from nmt.data.check import check_inputs, check_prepared
from nmt.data.manifest import Manifest, NotPreparedError
from nmt.data.prepare import prepare
from nmt.data.rows import IdsWriter
from nmt.data.store import PreparedSplit
from nmt.errors import DataError, RunError
from nmt.recipe import Recipe, make_recipe
from nmt.tokenizer import Tokenizer

ROOT = Path(__file__).parents[2]
WORDS = [
    "a",
    "the",
    "dog",
    "cat",
    "man",
    "child",
    "ball",
    "park",
    "red",
    "green",
    "runs",
    "sleeps",
    "sees",
    "with",
    "near",
]


def sentences(count: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [f"{' '.join(rng.choices(WORDS, k=rng.randint(3, 12)))} {i}" for i in range(count)]


def write(path: Path, rows: list[str]) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    raw = "".join(f"{row}\n" for row in rows).encode()
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)


def french(rows: list[str]) -> list[str]:
    return [" ".join(word + "é" for word in row.split(" ")) if row else row for row in rows]


def values(root: Path, **changes: Any) -> dict[str, Any]:
    text = {"source": "train.en", "target": "train.fr"}
    plain: dict[str, Any] = {
        "name": "toy",
        "data": {"source_lang": "en", "target_lang": "fr", "root": str(root / "raw"), "train": text,
                 "valid": {"source": "valid.en", "target": "valid.fr"}, "prepared_dir": str(root / "data")},
        "tokenizer": {"vocab_size": 330},
        "train": {"max_steps": 1},
    }  # fmt: skip
    for key, value in changes.items():
        section, _, name = key.partition("__")
        plain[section][name] = value
    return plain


def recipe(root: Path, **changes: Any) -> Recipe:
    """The toy recipe; data__valid=… sets data.valid."""
    return make_recipe(values(root, **changes), "toy.yaml")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder with raw text for `recipe`."""
    for split, rows in (("train", sentences(300)), ("valid", sentences(40, 2))):
        write(tmp_path / "raw" / f"{split}.en", rows)
        write(tmp_path / "raw" / f"{split}.fr", french(rows))
    return tmp_path


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def read_split(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """What the ids of a split say."""
    tokenizer = Tokenizer.load(folder)
    split = PreparedSplit.open(folder, name)
    return tokenizer.decode(list(split.src)), tokenizer.decode(list(split.tgt))


def dropped(folder: Path) -> dict[str, int]:
    counts: dict[str, int] = Manifest.load(folder).splits["train"].dropped
    return counts


# --- what comes out --------------------------------------------------------------------------------------------------


def test_ids_say_what_the_text_said(toy: Path) -> None:
    folder = prepare(recipe(toy))
    assert folder == toy / "data" / "toy"
    for split, rows in (("train", sentences(300)), ("valid", sentences(40, 2))):
        assert read_split(folder, split) == (rows, french(rows))
    valid = PreparedSplit.open(folder, "valid")
    assert valid.text("src") == sentences(40, 2) and valid.text("tgt") == french(sentences(40, 2))
    assert not (folder / "train.en.txt").exists()


def test_the_manifest_says_from_what_and_how_much(toy: Path) -> None:
    write(toy / "raw" / "t.en", ["a dog", ""])
    write(toy / "raw" / "t.fr", ["", ""])
    made = recipe(toy, data__test={"t": {"source": "t.en", "target": "t.fr"}})
    folder = prepare(made)
    manifest = check_prepared(made)
    assert manifest.format == 3 and manifest.name == "toy"
    assert list(manifest.inputs) == ["train.en", "train.fr", "valid.en", "valid.fr", "t.en", "t.fr"]
    on_disk = content(folder)
    on_disk.pop("manifest.json")
    assert {name: file.sha256 for name, file in manifest.outputs.items()} == on_disk
    train, split = manifest.splits["train"], PreparedSplit.open(folder, "train")
    assert train.read == train.examples == 300 and train.lines == {"en": 300, "fr": 300}
    assert train.tgt.tokens == split.tgt.lengths.sum()
    assert train.src.longest == split.src.lengths.max()
    p99 = train.src.p99
    assert p99 is not None and (split.src.lengths <= p99).mean() >= 0.99 > (split.src.lengths <= p99 - 1).mean()
    assert manifest.tokenizer.fingerprint == Tokenizer.load(folder).fingerprint
    assert manifest.tokenizer.origin == "trained"
    assert {name: one.vocabulary for name, one in manifest.languages.items()} == {"en": "src", "fr": "tgt"}
    assert [(c.name, c.split, c.read, c.examples) for c in manifest.corpora] == [
        ("train.en and train.fr", "train", 300, {"train": 300}),
        ("valid.en and valid.fr", "valid", 40, {"valid": 40}),
        ("t.en and t.fr", "t", 2, {"t": 2}),
    ]
    assert manifest.corpora[0].sha256 == {lang: manifest.inputs[f"train.{lang}"].sha256 for lang in ("en", "fr")}
    assert manifest.audit.splits["t"].found["blank_both"].model_dump() == {"count": 1, "first": "t.en:2"}
    assert str(toy) not in (folder / "manifest.json").read_text()
    assert PreparedSplit.open(folder, "t").text("src") == ["a dog", ""]  # never filtered


def test_the_same_recipe_gives_the_same_bytes_in_any_number_of_processes(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(toy, data__valid={"holdout": 30})
    once = content(prepare(made, processes=1))
    assert content(prepare(made, force=True, processes=1)) == once
    monkeypatch.setattr(corpus, "CHUNK_PAIRS", 37)
    assert content(prepare(made, force=True, processes=1)) == once
    assert content(prepare(made, force=True, processes=2)) == once


def test_separate_vocabularies_and_a_sample_of_the_lines(toy: Path) -> None:
    plain = values(toy, tokenizer__shared=False, tokenizer__max_sentences=250) | {"model": {"tie_embeddings": "target"}}
    folder = prepare(make_recipe(plain, "toy.yaml"))
    assert {"tokenizer.src.model", "tokenizer.tgt.model"} <= set(content(folder))
    manifest = Manifest.load(folder)
    assert manifest.tokenizer.lines == 500 and manifest.splits["train"].examples == 300


def test_ids_are_those_of_the_text_without_its_line_ends(toy: Path) -> None:
    rows = [*sentences(300), "", "one \u2028 two", "CR at the end\r"]
    write(toy / "raw" / "train.en", rows)
    write(toy / "raw" / "train.fr", [*french(sentences(300)), "not blank", "un deux", "fin"])
    folder = prepare(recipe(toy))
    kept = [*sentences(300), "one \u2028 two", "CR at the end"]
    assert Tokenizer.load(folder).encode(kept, "src") == [list(row) for row in PreparedSplit.open(folder, "train").src]


# --- what is left out ------------------------------------------------------------------------------------------------


def test_each_pair_left_out_is_counted_once_under_its_reason(toy: Path) -> None:
    rows = sentences(300)
    short = min(rows, key=len)
    extra = [("", "x"), ("x", ""), ("", ""), ("y" * 70, "z" * 60), ("long " * 9, "l"), (short, french([short])[0]),
             ("Paris", "Paris"), ("", "x"), (short, "another translation")]  # fmt: skip
    write(toy / "raw" / "train.en", rows + [s for s, _ in extra])
    write(toy / "raw" / "train.fr", french(rows) + [t for _, t in extra])
    filters = {"max_chars": 65, "max_ratio": 4.0, "drop_identical": True}
    long = sum(len(row) > 65 for row in french(rows))
    folder = prepare(recipe(toy, data__filters=filters))
    assert dropped(folder) == {"blank": 4, "long": 1 + long, "ratio": 1, "identical": 1, "duplicate": 1}
    src, tgt = read_split(folder, "train")
    assert len(src) == len(tgt) == 309 - 8 - long and tgt[-1] == "another translation"
    folder = prepare(recipe(toy, data__filters={"max_chars": 0, "max_ratio": 0, "drop_blank": False,
                                                "drop_duplicates": False}), force=True)  # fmt: skip
    assert dropped(folder) == {} and len(read_split(folder, "train")[0]) == 309


def test_nothing_left_to_train_on_is_an_error(toy: Path) -> None:
    with pytest.raises(DataError) as e:
        prepare(recipe(toy, data__filters={"max_chars": 1}))
    assert e.value.message == "nothing is left to train on: of 300 pairs all are filtered or held out."
    assert not (toy / "data").exists()


def held_out(toy: Path, rows: list[tuple[str, str]], **splits: int) -> dict[str, list[tuple[str, str]]]:
    write(toy / "raw" / "train.en", [s for s, _ in rows])
    write(toy / "raw" / "train.fr", [t for _, t in rows])
    tests = {name: {"holdout": n} for name, n in splits.items() if name != "valid"}
    folder = prepare(recipe(toy, data__valid={"holdout": splits["valid"]}, data__test=tests), force=True)
    return {name: list(zip(*read_split(folder, name), strict=True)) for name in ("train", "valid", *tests)}


def test_holdouts_take_whole_groups_and_depend_on_the_text_only(toy: Path) -> None:
    rows = [(s, f"{t} {k}") for i, (s, t) in enumerate(zip(sentences(200), french(sentences(200)), strict=True))
            for k in range(1 + i % 3)]  # fmt: skip
    rows += [(s.upper(), t) for s, t in rows[:40]]
    splits = held_out(toy, rows, valid=31, t1=20, t2=7)
    assert [len(splits[name]) for name in ("valid", "t1", "t2")] == [31, 20, 7]
    groups = {name: {s.casefold() for s, _ in found} for name, found in splits.items()}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values()))  # disjoint, no group torn apart
    assert sorted(pair for found in splits.values() for pair in found) == sorted(rows)
    random.Random(3).shuffle(rows)
    assert {n: sorted(found) for n, found in held_out(toy, rows, valid=31, t1=20, t2=7).items()} == {
        n: sorted(found) for n, found in splits.items()}  # fmt: skip


def test_what_is_held_out_of_many_pairs_is_what_is_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many only the first by their hashes are sorted."""
    keys = np.random.default_rng(0).integers(0, 2**63, 5000, dtype=np.uint64) * np.uint64(2)
    keys[1000:1040] = keys.min()  # a group that does not fit
    usable = keys % np.uint64(3) > 0
    for asked in (1, 30, 600, 2000):
        every = filters_module._hold_out("valid", asked, keys, usable)
        monkeypatch.setattr(filters_module, "_MANY", 10)
        assert filters_module._hold_out("valid", asked, keys, usable).tolist() == every.tolist()
        monkeypatch.undo()


def test_a_holdout_is_never_smaller_than_asked_and_has_no_blank_lines(toy: Path) -> None:
    rows = [(s, f"{s} {k}") for s in sentences(60) for k in range(4)] + [("", "blank")] * 5
    splits = held_out(toy, rows, valid=30)
    assert len(splits["valid"]) == 32 and all(s for s, _ in splits["valid"])
    with pytest.raises(DataError) as e:
        held_out(toy, rows, valid=241)
    assert e.value.message == "`data.valid.holdout: 241` asks for more pairs than train can give: 240."


# --- what is there already -------------------------------------------------------------------------------------------


def test_prepared_data_that_matches_is_left_alone(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = recipe(toy)
    folder = prepare(made)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    shutil.rmtree(toy / "raw")  # the text may be gone by then
    assert prepare(made) == folder
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert "is prepared already and matches the recipe" in capsys.readouterr().err


def test_other_data_or_tokenizer_keys_are_refused_by_name(toy: Path) -> None:
    folder = prepare(recipe(toy))
    before = content(folder)
    for changes, message in [
        ({"tokenizer__vocab_size": 340}, "was prepared with `tokenizer.vocab_size: 330`, but the recipe says 340."),
        (
            {"data__filters": {"max_chars": 9}},
            "was prepared with `data.filters.max_chars: 2000`, but the recipe says 9.",
        ),
        ({"data__test": {"t": {"holdout": 5}}}, "was prepared without `data.test.t.holdout`, but the recipe says 5."),
        (
            {"data__valid": {"holdout": 5}},
            "was prepared without `data.valid.holdout`, but the recipe says 5. "
            "So differ: `data.valid.source`, `data.valid.target`.",
        ),
    ]:
        for refuse in (check_prepared, prepare):
            with pytest.raises(RunError) as e:
                refuse(recipe(toy, **changes), recipe_path="recipes/toy.yaml")
            assert e.value.message == f"{folder} {message}"
            assert e.value.hint == "Run: nmt prepare recipes/toy.yaml --force"
    assert content(folder) == before


def test_keys_that_do_not_change_the_bytes_are_not_compared(toy: Path) -> None:
    prepare(recipe(toy))
    (toy / "moved").mkdir()
    for changes in ({"tokenizer__sampling": 0.3}, {"data__root": str(toy / "moved")},
                    {"data__url": "http://localhost"}, {"train__max_steps": 7}):  # fmt: skip
        check_prepared(recipe(toy, **changes))


def test_a_changed_input_is_noticed_and_named(toy: Path) -> None:
    made = recipe(toy)
    prepare(made)
    write(toy / "raw" / "valid.fr", sentences(40, 3))
    with pytest.raises(RunError) as e:
        prepare(made, recipe_path="r.yaml")
    assert str(e.value) == (
        f"valid.fr has changed since {toy}/data/toy was prepared from it.\n  Run: nmt prepare r.yaml --force"
    )
    prepare(made, force=True)
    prepare(made)
    declared = recipe(toy, data__sha256={"train.en": "0" * 64})
    with pytest.raises(RunError, match=r"was prepared from another train.en than `data.sha256` says"):
        check_prepared(declared)


def test_a_text_is_read_again_only_where_its_size_or_time_is_another(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = recipe(toy)
    text = toy / "raw" / "train.en"
    for path in (toy / "raw").iterdir():
        os.utime(path, (1e9, 1e9))
    prepare(made)
    read: list[str] = []
    real = check.describe_file
    monkeypatch.setattr(check, "describe_file", lambda path: read.append(path.name) or real(path))  # type: ignore[func-returns-value]
    manifest = check_prepared(made)
    check_inputs(made, manifest, None)
    assert read == []
    os.utime(text, (1e9, 1.1e9))  # as after a copy or a checkout
    for _ in range(2):
        check_inputs(made, manifest, None)
        assert read == ["train.en"]
    (toy / "data" / ".toy.inputs.json").write_text('{"files": 3}')  # of no use, and no harm
    check_inputs(made, manifest, None)
    assert len(read) == 5
    text.write_bytes(text.read_bytes().replace(b"dog", b"cow"))
    with pytest.raises(RunError) as e:
        check_inputs(made, manifest, "r.yaml")
    assert str(e.value) == (
        f"train.en has changed since {toy}/data/toy was prepared from it.\n  Run: nmt prepare r.yaml --force"
    )
    capsys.readouterr()
    check_inputs(made, manifest, None, going_on=True)
    said = " ".join(capsys.readouterr().err.split())
    assert (
        said
        == f"! train.en has changed since {toy}/data/toy was prepared from it; runs/toy goes on with the text of then."
    )


def test_source_and_target_of_one_language_are_kept_apart(toy: Path) -> None:
    folder = prepare(recipe(toy, data__target_lang="en"))
    assert read_split(folder, "train") == (sentences(300), french(sentences(300)))
    assert {"train.en.src.u16", "train.en.tgt.u16", "valid.en.src.txt"} <= set(names(folder))


def test_missing_and_damaged_prepared_data_is_told_apart(toy: Path) -> None:
    made = recipe(toy)
    with pytest.raises(NotPreparedError):
        check_prepared(made)
    folder = prepare(made)
    (folder / "train.en.u16").write_bytes(b"")
    with pytest.raises(RunError, match=r"train.en.u16 is not as it was written"):
        check_prepared(made)
    (folder / "train.en.u16").unlink()
    with pytest.raises(RunError, match=r"train.en.u16 is missing"):
        check_prepared(made)
    whole = (folder / "manifest.json").read_text()
    for text, message in (
        ("{", "is damaged: it is no JSON"),
        ("[]", "is damaged: it holds no JSON object"),
        ('{"format": 2}', "`nmt` is missing"),
        (whole.replace('"read": 300', '"read": "300"'), "`splits.train.read` must be a whole number, but is '300'"),
        (whole.replace('"format": 3', '"format": 9'), "was prepared in format 9, but this nmt reads format 3"),
        (whole.replace('"format": 3', '"format": 1'), "was prepared in format 1, but this nmt reads format 3"),
    ):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(RunError, match=message) as e:
            check_prepared(made)
        assert not isinstance(e.value, NotPreparedError)
    prepare(made, force=True)  # of another format, but ours
    check_prepared(made)


def test_a_folder_that_is_not_ours_is_never_replaced(toy: Path) -> None:
    (toy / "data" / "toy").mkdir(parents=True)
    (toy / "data" / "toy" / "thesis.txt").write_text("years of work")
    for force in (False, True):
        with pytest.raises(RunError, match="holds no prepared data"):
            prepare(recipe(toy), force=force)
    assert content(toy / "data" / "toy").keys() == {"thesis.txt"}


@pytest.mark.parametrize("manifest", ["{}", "{", "[]", '{"format": 1}', '{"format": 1, "outputs": {"train.en": {}}}'])
def test_a_folder_with_a_manifest_that_is_not_ours_is_never_replaced(toy: Path, manifest: str) -> None:
    """As when `data.prepared_dir` is the folder that holds the corpus, and another program's manifest.json is there."""
    folder = toy / "data" / "toy"
    write(folder / "train.en", ["years of work"])
    (folder / "manifest.json").write_text(manifest)
    before = content(folder)
    with pytest.raises(RunError, match=r"manifest\.json") as e:
        prepare(recipe(toy))
    assert e.value.hint == (f"If nothing of yours is in {folder}, remove it, and prepare again: nmt prepare RECIPE")
    with pytest.raises(RunError) as e:
        prepare(recipe(toy), force=True)
    assert str(e.value) == (
        f"{folder} exists, but holds no prepared data (manifest.json is damaged, or not of nmt); it is left as it is.\n"
        "  Move it away, or set `data.prepared_dir` to another folder."
    )
    assert content(folder) == before and names(toy / "data") == ["toy"]


def test_prepared_data_with_somebodys_file_among_them_is_never_replaced(toy: Path) -> None:
    folder = prepare(recipe(toy))
    (folder / "notes.txt").write_text("mine")
    before = content(folder)
    with pytest.raises(RunError) as e:
        prepare(recipe(toy), force=True)
    assert e.value.message == f"{folder} holds what nmt did not write (notes.txt); it is left as it is."
    assert content(folder) == before


def test_a_recipe_whose_name_looks_like_a_leftover_is_none(toy: Path) -> None:
    for name in ("toy.old-99999", "toy.tmp-99999"):
        prepare(make_recipe(values(toy) | {"name": name}, "toy.yaml"))
    prepare(recipe(toy))
    assert names(toy / "data") == ["toy", "toy.old-99999", "toy.tmp-99999"]


# --- when it goes wrong ----------------------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    """Without what is remembered of the text: see check.py."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".inputs.json"))


@pytest.mark.parametrize("where", ["train_tokenizer", "write_splits", "_write_manifest"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, DataError("x"), OSError(errno.ENOSPC, "No space left on device")])
def test_an_interrupted_preparation_leaves_what_was_there(
    toy: Path, monkeypatch: pytest.MonkeyPatch, where: str, fault: BaseException
) -> None:
    before = content(prepare(recipe(toy)))

    def fail(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(module, where, fail)
    with pytest.raises((KeyboardInterrupt, DataError, RunError)) as e:
        prepare(recipe(toy, tokenizer__vocab_size=340), force=True)
    if isinstance(fault, OSError):
        assert e.value.args[0] == f"cannot write {toy}/data/toy: No space left on device."
    assert names(toy / "data") == ["toy"] and content(toy / "data" / "toy") == before


def test_a_write_that_fails_at_any_call_leaves_what_was_there(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(prepare(recipe(toy)))
    real = IdsWriter.append
    for calls in (0, 1, 3):
        left = calls

        def append(self: IdsWriter, *args: Any) -> None:
            nonlocal left
            if not left:
                raise OSError(errno.ENOSPC, "No space left on device")
            left -= 1
            real(self, *args)

        monkeypatch.setattr(IdsWriter, "append", append)
        with pytest.raises(RunError, match="No space left on device"):
            prepare(recipe(toy), force=True)
        assert names(toy / "data") == ["toy"] and content(toy / "data" / "toy") == before


def test_text_that_changes_while_it_is_read_is_refused(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = module.train_tokenizer

    def train_then_change(*args: Any) -> Any:
        result = real(*args)
        with open(toy / "raw" / "train.fr", "a") as f:
            f.write("more\n")
        return result

    monkeypatch.setattr(module, "train_tokenizer", train_then_change)
    with pytest.raises(DataError, match=r"train.(en|fr) changed while it was being prepared"):
        prepare(recipe(toy))
    assert names(toy / "data") == []


def test_a_killed_preparation_is_cleared_away_by_the_next(toy: Path) -> None:
    program = (
        "import json, os, sys; from nmt.recipe import make_recipe; from nmt.data import prepare as m\n"
        "m._write_manifest = lambda *a: os.kill(os.getpid(), 9)\n"
        "m.prepare(make_recipe(json.loads(sys.argv[1]), 'toy'))"
    )
    done = subprocess.run([sys.executable, "-c", program, json.dumps(values(toy))], cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert [name.rpartition("-")[0] for name in names(toy / "data")] == [".toy.nmt"]
    prepare(recipe(toy))
    assert names(toy / "data") == ["toy"]


def test_ctrl_c_with_workers_leaves_nothing_and_no_process(toy: Path) -> None:
    rows = sentences(4000)
    write(toy / "raw" / "train.en", rows)
    write(toy / "raw" / "train.fr", french(rows))
    program = (
        "import json, sys; from nmt.recipe import make_recipe; from nmt.data import prepare as m, corpus, kept\n"
        "corpus.CHUNK_PAIRS, kept.SHARD = 40, 1000\n"
        "real = kept.in_order\n"
        "def slow(make, *a):\n"
        "    for r in real(make, *a):\n"
        "        if make.__name__ == '_encoder':\n"
        "            print('working', flush=True)\n"
        "            import time; time.sleep(0.05)\n"
        "        yield r\n"
        "kept.in_order = slow\n"
        "m.prepare(make_recipe(json.loads(sys.argv[1]), 'toy'), processes=2)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, json.dumps(values(toy))], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "working\n"
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0 and names(toy / "data") == []
    for _ in range(100):  # the workers end with their parent
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        pytest.fail("a worker lives on")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error(toy: Path) -> None:
    (toy / "data").mkdir(mode=0o555)
    with pytest.raises(RunError, match=f"cannot write {toy}/data/toy: Permission denied"):
        prepare(recipe(toy))


def test_a_place_that_is_a_file_is_an_error(toy: Path) -> None:
    (toy / "data").write_text("")
    with pytest.raises(RunError, match=f"cannot write {toy}/data/toy: Not a directory"):
        prepare(recipe(toy))


def test_multi30k() -> None:
    folder = ROOT.parent / "shared" / "data" / "multi30k"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    from nmt.data.audit import audit
    from nmt.data.corpus import PairSource
    from nmt.recipe import Corpus, Filters

    splits = {name: [PairSource(Corpus(source=f"{file}.en.gz", target=f"{file}.fr.gz"), folder)]
              for name, file in (("train", "train"), ("valid", "val"))}  # fmt: skip
    report = audit(splits, Filters())
    assert report.splits["train"].pairs == 29_000 and report.splits["valid"].pairs == 1_014
    assert report.to_json()["splits"]["train"]["found"] == {"duplicate": {"count": 5, "first": "train.en.gz:14215"}}
    assert report.warnings == []
