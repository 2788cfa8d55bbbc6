"""Several references a line: from the recipe to the scores, and everything as it was where there is one."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nmt.data.audit import audit
from nmt.data.corpus import PairSource, input_paths
from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.errors import DataError, RecipeError
from nmt.evaluate.analysis import analyse, nearest_references, worst_sentences
from nmt.evaluate.compare import compare
from nmt.evaluate.evaluation import evaluate_files
from nmt.evaluate.texts import Texts
from nmt.evaluate.training_text import TrainingText
from nmt.recipe import Corpus, Filters, Recipe, make_recipe
from nmt.text.metrics import OF_TRANSLATIONS, make_metric, score
from tests.conftest import Nmt

SRC = ["A dog runs fast.", "Two cats sleep.", "No.", "It is cold today."]
REF = ["Un chien court vite.", "Deux chats dorment.", "Non.", "Il fait froid aujourd'hui."]
MORE = ["Un chien court rapidement.", "", "Ce n'est pas le cas.", " "]
HYP = ["Un chien court rapidement.", "Deux chats dorment.", "Pas.", "Il fait froid."]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


# --- scores ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_TRANSLATIONS)
def test_a_blank_line_of_a_further_reference_is_none(name: str) -> None:
    metric = make_metric(name)
    expected = metric.corpus_score(HYP, [REF, [MORE[0], None, MORE[2], None]]).score  # type: ignore[list-item]
    plain, sure = score(HYP, [REF, MORE], [name])[0], score(HYP, [REF, MORE], [name], confidence=True)[0]
    assert plain.value == pytest.approx(expected, abs=1e-9) == sure.value
    assert plain.signature.startswith("nrefs:var|") and sure.signature.startswith("nrefs:var|")
    assert score(HYP, [REF, ["", "  ", "", "\t"]], [name]) == score(HYP, REF, [name])


def test_a_first_reference_may_be_empty_as_ever() -> None:
    assert score(["", "a b c d"], [["", "a b c d"], ["x", ""]], ["ter"])[0].value == 0
    assert score(["x y", "a"], ["", "a"], ["ter"])[0].signature.startswith("nrefs:1|")


# --- recipe ----------------------------------------------------------------------------------------------------------


def recipe(**data: Any) -> Recipe:
    pair = {"source": "train.en", "target": "train.fr"}
    data = {"source_lang": "en", "target_lang": "fr", "train": pair, "valid": {"holdout": 9}} | data
    return make_recipe({"name": "toy", "data": data, "tokenizer": {"vocab_size": 330}, "train": {"max_steps": 1}}, "r")


def of(target: object, **more: object) -> dict[str, object]:
    return {"source": "t.en", "target": target, **more}


def test_targets_of_a_corpus() -> None:
    data = recipe(test={"t": of(["a", "b"]), "one": of(["c"])}).data
    assert data.test["t"].targets == ["a", "b"]
    assert data.test["one"] == Corpus(source="t.en", target="c")  # so that it prepares the same
    assert list(input_paths(data)) == ["train.en", "train.fr", "t.en", "a", "b", "c"]
    assert make_recipe({"name": "r", "data": json.loads(data.model_dump_json())}, "r").data == data


COLUMN = "a file name, a column's name, or its number from 0"


@pytest.mark.parametrize(
    ("key", "corpus", "message"),
    [
        ("test.t", of([]), "`data.test.t.target`: the list is empty; name one reference or more."),
        ("test.t", of(["a", None]), f"`data.test.t.target`: item 2 must be {COLUMN}, but is empty."),
        ("test.t", of(["a", ["b"]]), f"`data.test.t.target`: item 2 must be {COLUMN}, but is a list."),
        ("test.t", of(["a", True]), f"`data.test.t.target`: item 2 must be {COLUMN}, but is true."),
        ("test.t", of(["a", "b", "a"]), "`data.test.t.target`: 'a' is there twice, and would count as two references."),
        ("test.t", of([1, 1], path="t.tsv"),
         "`data.test.t.target`: 1 is there twice, and would count as two references."),
        ("test.t", of([1, "fr"], path="t.tsv"),
         "`data.test.t`: `target` has names and numbers of columns; give names only, or numbers only."),
        ("test.t", of(["a", 1]),
         "`data.test.t`: `source` and `target` must be file names; give `path` too if they are columns of one file."),
        ("test.t", of(["a", "t.en"]), "`data.test.t`: `source` and `target` are the same file, t.en."),
        ("valid", of(1.5), f"`data.valid.target` must be {COLUMN}, but is 1.5."),
    ],
)  # fmt: skip
def test_targets_that_are_none(key: str, corpus: dict[str, object], message: str) -> None:
    section, _, test = key.partition(".")
    with pytest.raises(RecipeError) as caught:
        recipe(**{section: {test: corpus} if test else corpus})
    assert caught.value.message == f"r: {message}"


# --- the text --------------------------------------------------------------------------------------------------------


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """train, a test set t with the references REF and MORE, and the same as tables."""
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    lines = [" ".join(words[(i * n) % 10] for n in range(1, 8)) + f" {i}" for i in range(200)]
    write(tmp_path / "train.en", lines)
    write(tmp_path / "train.fr", [line[::-1] for line in lines])
    for name, column in {"t.en": SRC, "t.fr": REF, "t.fr.1": MORE}.items():
        write(tmp_path / name, column)
    rows = list(zip(SRC, REF, MORE, strict=True))
    write(tmp_path / "t.tsv", ["en\tfr\tfr2", *map("\t".join, rows)])
    write(tmp_path / "bare.tsv", ["\t".join(row) for row in rows])
    write(tmp_path / "t.jsonl", [json.dumps(dict(zip(["en", "fr", "fr2"], row, strict=True))) for row in rows])
    return tmp_path


def prepared(root: Path, name: str, **data: Any) -> Path:
    made = recipe(root=str(root), prepared_dir=str(root / "prepared"), **data)
    return prepare(made.model_copy(update={"name": name}))


@pytest.mark.parametrize(
    "corpus",
    [
        of(["t.fr", "t.fr.1"]),
        {"path": "t.tsv", "source": "en", "target": ["fr", "fr2"]},
        {"path": "bare.tsv", "source": 0, "target": [1, 2]},
        {"path": "t.jsonl", "source": "en", "target": ["fr", "fr2"]},
    ],
)
def test_all_references_are_kept(text: Path, corpus: dict[str, Any]) -> None:
    split = PreparedSplit.open(prepared(text, "toy", test={"t": corpus}), "t")
    assert split.text("src") == SRC
    assert split.references() == [REF, MORE]


def test_what_is_prepared_is_else_the_same(text: Path) -> None:
    """Ids, examples, tokenizer: all but the file of the further reference."""
    plain = prepared(text, "plain", valid=of("t.fr"), test={"t": of("t.fr")})
    several = prepared(text, "several", valid=of(["t.fr", "t.fr.1"]), test={"t": of(["t.fr", "t.fr.1"])})
    before, after = (Manifest.load(folder).outputs for folder in (plain, several))
    assert after.keys() - before.keys() == {"t.fr.1.txt", "valid.fr.1.txt"}
    assert {name: after[name] for name in before} == before
    assert PreparedSplit.open(plain, "t").references() == [REF]
    assert Manifest.load(plain).audit == Manifest.load(several).audit
    assert Manifest.load(several).inputs["t.fr.1"].size == (text / "t.fr.1").stat().st_size


def test_what_is_held_out_of_train_has_its_further_references(text: Path) -> None:
    """The first is learned; the others go with the pairs that leave for validation or a test."""
    src = (text / "train.en").read_text(encoding="utf-8").splitlines()
    write(text / "more.fr", ["" if i % 3 == 0 else f"more of {line}" for i, line in enumerate(src)])
    write(text / "u.en", [f"only {i} of its own" for i in range(20)])
    write(text / "u.fr", [f"seul {i}" for i in range(20)])
    train = [{"source": "train.en", "target": ["train.fr", "more.fr"]}, {"source": "u.en", "target": "u.fr"}]
    folder = prepared(text, "held", train=train, valid={"holdout": 30}, test={"t": {"holdout": 20}})
    plain = prepared(text, "plain", train=[of("train.fr", source="train.en"), train[1]], valid={"holdout": 30},
                     test={"t": {"holdout": 20}})  # fmt: skip
    for name, number in {"valid": 30, "t": 20}.items():
        split = PreparedSplit.open(folder, name)
        first, second = split.references()
        assert len(first) == len(second) == number
        for source, reference, other in zip(split.text("src"), first, second, strict=True):
            own = source.startswith("only")
            assert reference == (f"seul {source.split()[1]}" if own else source[::-1])
            assert other in (("",) if own else ("", f"more of {source}"))
        assert any(second)
    before, after = (Manifest.load(made).outputs for made in (plain, folder))
    assert {name: after[name] for name in before} == before


def found(root: Path, *corpora: dict[str, Any]) -> dict[str, tuple[int, str]]:
    sources = [PairSource(Corpus(**corpus), root) for corpus in corpora]
    return audit({"t": sources}, Filters()).splits["t"].found


def test_the_audit_finds_each_thing_once(text: Path) -> None:
    (text / "t.en").write_bytes(b"\xef\xbb\xbfa\r\nb\r\n\x07c\r\n")
    (text / "t.fr").write_bytes(b"a\nb\n\n")
    (text / "t.fr.1").write_bytes(b"\n\r\nb\x07\n")
    assert found(text, of(["t.fr", "t.fr.1"])) == {
        "bom": (1, "t.en"), "crlf": (4, "t.en:1"), "control": (2, "t.en:3"), "identical": (2, "t.en:1"),
        "blank_one_side": (1, "t.en:3"),
    }  # fmt: skip
    (text / "t.tsv").write_bytes(b"\xef\xbb\xbfa\tb\tc\x07\r\n")
    columns = {"path": "t.tsv", "source": 0, "target": [1, 2]}
    assert found(text, columns) == {"bom": (1, "t.tsv"), "crlf": (1, "t.tsv:1"), "control": (1, "t.tsv:1")}


def refused(root: Path, target: list[str]) -> str:
    with pytest.raises(DataError) as caught:
        found(root, of(target))
    return caught.value.message


def test_faults_name_the_file_of_the_reference(text: Path) -> None:
    write(text / "short", MORE[:3])
    assert refused(text, ["t.fr", "short"]) == (
        "short has 3 lines, but t.en has 4; parallel files must have one line per pair."
    )
    (text / "empty").write_bytes(b"")
    (text / "latin").write_bytes("Un\nDeux\nétat\nCinq\n".encode("latin-1"))
    (text / "cut").write_bytes(gzip.compress(b"a\n" * 4)[:-9])
    (text / "t.en").write_bytes(b"a\nb\xff\nc\nd\n")
    assert refused(text, ["t.fr", "empty", "latin", "cut"]).splitlines() == [
        "4 faults:",
        "  - t.en:2:2 (byte 0xff): not valid UTF-8. Convert the file to UTF-8.",
        "  - empty has 0 lines, but t.en has 4; parallel files must have one line per pair. "
        "Where they shift cannot be told from the lengths of the lines; compare them side by side.",
        "  - latin:3:1 (byte 0xe9): not valid UTF-8. Convert the file to UTF-8.",
        "  - cut is a damaged gzip file: it ends too early. Was its download cut short?",
    ]


def test_a_missing_file_of_references_is_named(text: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepared(text, "toy", test={"t": of(["t.fr", "t.fr.9"])})
    assert caught.value.message == "t.fr.9 is missing."


# --- evaluation of files ---------------------------------------------------------------------------------------------


def test_files_are_scored_as_a_test_set_is(tmp_path: Path) -> None:
    hyp, *refs = (write(tmp_path / name, lines) for name, lines in {"h": HYP, "r": REF, "r1": MORE}.items())
    (test,) = evaluate_files(hyp, refs).tests
    assert test.scores == score(HYP, [REF, MORE], confidence=True)
    assert test.scores[0].signature.startswith("nrefs:var|")
    (ours,) = compare([hyp, refs[0]], refs)
    assert [s.score for s in ours.scores if s.system == "h"] == [pytest.approx(s.value) for s in test.scores]
    for call in (lambda: evaluate_files(hyp, [refs[0], refs[0]]), lambda: compare([hyp, hyp], [refs[0], refs[0]])):
        with pytest.raises(DataError) as caught:
            call()
        assert caught.value.message == f"`--ref {refs[0]}` is given twice."


# --- what a run keeps ------------------------------------------------------------------------------------------------


def test_fewer_references_leave_none_behind(tmp_path: Path) -> None:
    Texts(SRC, HYP, [REF, MORE, MORE]).keep(tmp_path, "t")
    assert Texts.kept(tmp_path, "t") == Texts(SRC, HYP, [REF, MORE, MORE])
    Texts(SRC, HYP, [REF, MORE]).keep(tmp_path, "t")
    assert Texts.kept(tmp_path, "t") == Texts(SRC, HYP, [REF, MORE])
    assert {path.name for path in tmp_path.iterdir()} == {"t.src.txt", "t.hyp.txt", "t.ref.txt", "t.ref.1.txt"}


def test_runs_are_compared_by_all_references(tmp_path: Path) -> None:
    for name, hyp in {"a": REF, "b": HYP}.items():
        (tmp_path / name / "evaluation").mkdir(parents=True)
        (tmp_path / name / "recipe.yaml").write_text(recipe().dump(), encoding="utf-8")
        Texts(SRC, hyp, [REF, MORE]).keep(tmp_path / name / "evaluation", "t")
    (ours,) = compare([tmp_path / "a", tmp_path / "b"])
    assert [s.score for s in ours.scores if s.system == "b"] == [
        pytest.approx(s.value) for s in score(HYP, [REF, MORE])
    ]
    assert ours.won == [(0, 2, 2)] and ours.sentences[0].ref in REF


def test_weak_spots_are_judged_by_all_references() -> None:
    texts = Texts(SRC, HYP, [REF, MORE])
    assert nearest_references(texts) == [MORE[0], REF[1], MORE[2], REF[3]]
    seen = dict.fromkeys(SRC, "new")
    training = TrainingText(Counter({"rapidement": 1, "vite": 30}), seen)  # type: ignore[arg-type]
    analysis = analyse("t", texts, training=training)
    assert [g.chrf for g in analysis.by_seen] == [round(score(HYP, [REF, MORE], ["chrf"])[0].value, 2)]
    assert {f.name: f.recall for f in analysis.by_frequency}["1-4"] == 1  # of `rapidement`
    worst = worst_sentences(texts)
    assert [s.number for s in worst][-2:] == [1, 2] and worst[-1].chrf == 100
    assert worst[0].ref == REF[2]  # the first is shown


# --- from the recipe to the scores -----------------------------------------------------------------------------------


def test_every_command_goes_by_all_references(project: Path, nmt: Nmt) -> None:
    """The further references of this run are what it will translate to: then nothing is wrong with that."""

    def run(*args: str) -> str:
        code, out, err = nmt(*args)
        assert code == 0, err
        return out

    for name in ("valid", "test"):
        last = ["--run", "runs/mini", "--checkpoint", "last", "--engine", "nmt"]
        run("translate", *last, "-i", f"text/{name}.en", "-o", f"text/{name}.fr.1")
    hyp = (project / "text/test.fr.1").read_text(encoding="utf-8").split("\n")[:-1]
    write(project / "text/test.fr.1", [*hyp[:15], *[""] * 5])
    write(project / "hyp", hyp)
    made = (project / "mini.yaml").read_text(encoding="utf-8").replace("name: mini", "name: several")
    for name in ("valid", "test"):
        made = made.replace(f"target: {name}.fr", f"target: [{name}.fr, {name}.fr.1]")
    (project / "several.yaml").write_text(made, encoding="utf-8")
    run("train", "several.yaml")
    weights = "checkpoints/step-00000008/model.safetensors"
    assert (project / "runs/several" / weights).read_bytes() == (project / "runs/mini" / weights).read_bytes()
    log = [json.loads(line) for line in (project / "runs/several/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event for event in log if event["event"] == "valid"][-1]["chrf"] == 100

    several = ["--run", "runs/several", "--checkpoint", "last", "--engine", "nmt"]
    found = json.loads(run("evaluate", *several, "--analyse", "--json"))["first"]
    refs = ["--ref", "text/test.fr", "--ref", "text/test.fr.1"]
    (by_files,) = json.loads(run("evaluate", "--hyp", "hyp", *refs, "--json")).values()
    assert {name: found[name] for name in ("bleu", "chrf")} == {name: by_files[name] for name in ("bleu", "chrf")}
    assert found["bleu"]["signature"].startswith("nrefs:var|")
    assert len([line for line in found["analysis"]["worst"] if line["chrf"] < 100]) == 5

    shutil.copytree("runs/several", "runs/one")
    Path("runs/one/evaluation/first.ref.1.txt").unlink()
    code, _, err = nmt("compare", "runs/several", "runs/one")
    assert code == 2 and "runs/one was evaluated on another `first` than runs/several: their texts differ." in err
