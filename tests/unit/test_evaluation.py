"""Evaluation of runs and of files, with a stand-in that translates by looking up."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nmt.errors import DataError, NMTError, RunError
from nmt.evaluate.comet import MODEL, comet
from nmt.evaluate.evaluation import MEAN, POOLED, evaluate_files, evaluate_run
from nmt.evaluate.texts import read_translations
from nmt.recipe import DecodeSection, make_recipe
from nmt.text.flags import FLAGS
from nmt.text.metrics import score
from tests.manifests import manifest

SRC = ["One dog runs.", "", "Two\u2028cats sleep.", "A house\x85 and a tree."]
REF = ["Un chien.", "", "Deux\u2028chats dorment.", "Une maison\x85 et un arbre."]
HYP = ["Un chien.", "", "Deux chats dort.", "Une maison et l'arbre."]


@dataclass
class Line:
    text: str


class LookUp:
    """Knows the translations of SRC; everything else it leaves as it is."""

    decode = DecodeSection(beam_size=3)
    checkpoint = "step-00000020"
    engine_name = "nmt fp32"

    def translate(
        self, lines: Sequence[str], *, to: str | None = None, source: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Line]:  # fmt: skip
        if on_progress:
            on_progress(len(lines))
        return [Line(dict(zip(SRC, HYP, strict=True)).get(line, line)) for line in lines]


def write_manifest(folder: Path, sums: dict[str, str]) -> None:
    manifest([("en", "fr")], sums, ("train", "valid", "easy", "hard")).save(folder)


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """runs/r and data/prepared/r with the splits valid, easy, hard."""
    monkeypatch.chdir(tmp_path)
    pair = {"source": "a", "target": "b"}
    recipe = make_recipe(
        {
            "name": "r",
            "data": {"source_lang": "en", "target_lang": "fr", "train": pair, "valid": pair,
                     "test": {"easy": pair, "hard": pair}},
            "train": {"max_steps": 20},
            "evaluate": {"metrics": ["bleu", "chrf"]},
        },
        "test",
    )  # fmt: skip
    run, prepared = recipe.run_dir, recipe.prepared_dir
    step = run / "checkpoints" / "step-00000020"
    step.mkdir(parents=True)
    (step / "state.json").write_text(json.dumps({"format": 1, "state": {"step": 20}, "sha256": {}}), encoding="utf-8")
    (run / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    prepared.mkdir(parents=True)
    for name in ("valid", "easy", "hard"):
        write_lines(prepared / f"{name}.en.txt", SRC if name != "hard" else SRC[::-1])
        write_lines(prepared / f"{name}.fr.txt", REF if name != "hard" else REF[::-1])
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in prepared.iterdir()}
    write_manifest(prepared, sums)
    write_manifest(run, sums)
    return run


def test_every_test_set_is_scored_and_kept(run: Path) -> None:
    evaluation = evaluate_run(run, LookUp())
    expected = {s.name: s.to_json() for s in score(HYP, REF, ["bleu", "chrf"], confidence=True)}
    found = evaluation.to_json()["easy"]
    output = found.pop("output")
    assert found == expected
    assert (output["sentences"], output["flags"]) == (4, dict.fromkeys(FLAGS, 0))
    assert list(evaluation.to_json()) == ["easy", "hard", MEAN, POOLED]
    folder = run / "evaluation"
    assert (folder / "hard.hyp.txt").read_bytes().decode().split("\n") == [*HYP[::-1], ""]
    assert (folder / "hard.ref.txt").read_bytes().decode().split("\n") == [*REF[::-1], ""]
    assert (folder / "hard.src.txt").read_bytes().decode().split("\n") == [*SRC[::-1], ""]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["scores"] == {t.name: {s.name: s.to_json() for s in t.scores} for t in evaluation.tests}
    details = results["details"]["easy"]
    assert details.pop("seconds") >= 0
    assert details.pop("flags") == dict.fromkeys(FLAGS, 0)
    assert details == {
        "sentences": 4, "checkpoint": "step-00000020", "step": 20, "engine": "nmt fp32",
        "decode": LookUp.decode.model_dump(mode="json"),
    }  # fmt: skip
    assert not list(folder.glob("*.tmp*"))


def test_rows_are_for_reading(run: Path) -> None:
    bleu, chrf = score(HYP, REF, ["bleu", "chrf"], confidence=True)
    assert evaluate_run(run, LookUp(), test=["easy"]).rows() == [
        ["easy", "BLEU", str(bleu), bleu.signature],
        ["easy", "chrF", str(chrf), chrf.signature],
    ]


def test_one_test_set_leaves_the_others_results(run: Path) -> None:
    evaluate_run(run, LookUp(), test=["hard"])
    evaluation = evaluate_run(run, LookUp(), test=["valid", "valid"])
    assert list(evaluation.to_json()) == ["valid"]
    results = json.loads((run / "evaluation" / "results.json").read_text(encoding="utf-8"))
    assert sorted(results["scores"]) == sorted(results["details"]) == ["hard", "valid"]


@pytest.mark.parametrize("text", ["{", "[]", '{"scores": 3}', ""])
def test_damaged_results_are_written_anew(run: Path, text: str) -> None:
    (run / "evaluation").mkdir()
    (run / "evaluation" / "results.json").write_text(text, encoding="utf-8")
    evaluate_run(run, LookUp(), test=["easy"])
    assert json.loads((run / "evaluation" / "results.json").read_text(encoding="utf-8"))["scores"]["easy"]


def test_several_test_sets_are_taken_together(run: Path) -> None:
    evaluation = evaluate_run(run, LookUp())
    easy, hard = (t.scores for t in evaluation.tests)
    assert [s.value for s in evaluation.together[MEAN]] == [(a.value + b.value) / 2 for a, b in zip(easy, hard)]  # noqa: B905
    assert evaluation.together[POOLED] == score(HYP + HYP[::-1], REF + REF[::-1], ["bleu", "chrf"], confidence=True)
    assert [row[0] for row in evaluation.rows()] == ["easy", "easy", "hard", "hard", MEAN, MEAN, POOLED, POOLED]
    kept = json.loads((run / "evaluation/results.json").read_text(encoding="utf-8"))["together"]
    assert kept == {"tests": ["easy", "hard"], "scores": {n: evaluation.to_json()[n] for n in (MEAN, POOLED)}}
    assert evaluate_run(run, LookUp(), test=["hard"]).together == {}
    assert "together" not in json.loads((run / "evaluation/results.json").read_text(encoding="utf-8"))


class Parrot(LookUp):
    """Copies, stutters, or says nothing."""

    def translate(
        self, lines: Sequence[str], *, to: str | None = None, source: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Line]:  # fmt: skip
        return [Line(text) for text in (lines[0], "", "Deux chats " * 5, "")]


def test_outputs_that_look_wrong_are_counted(run: Path) -> None:
    (test,) = evaluate_run(run, Parrot(), test=["easy"]).tests
    counts = {"empty": 1, "copied": 1, "repetition": 1, "too_long": 1, "too_short": 0}
    assert test.flags == test.to_json()["output"]["flags"] == counts
    (row,) = evaluate_run(run, Parrot(), test=["easy"]).output_rows()
    assert row[:3] == ["easy", "4", "nmt fp32"] and row[4] == "" and row[5:] == ["1", "1", "1", "1", "0"]
    assert test.speed is None or test.speed == pytest.approx(4 / test.details["seconds"])


def test_prepared_data_may_be_elsewhere(run: Path, tmp_path: Path) -> None:
    (tmp_path / "data/prepared/r").rename(tmp_path / "moved")
    assert evaluate_run(run, LookUp(), test=["easy"], prepared=tmp_path / "moved").to_json()["easy"]


def refused(run: Path, *test: str) -> NMTError:
    with pytest.raises(NMTError) as caught:
        evaluate_run(run, LookUp(), test=test)
    assert not (run / "evaluation").exists()
    return caught.value


def test_unknown_test_sets(run: Path) -> None:
    assert str(refused(run, "easy", "eazy")) == "`eazy` is no test set of runs/r.\n  Known: easy, hard, valid."
    assert refused(run, "train", "x").message == "`train`, `x` are no test sets of runs/r."
    assert isinstance(refused(run, "x"), DataError)


def test_prepared_data_that_are_gone(run: Path) -> None:
    Path("data/prepared/r").rename("data/elsewhere")
    error = refused(run)
    assert isinstance(error, RunError)
    assert str(error) == (
        "the test sets of runs/r are not in data/prepared/r: its prepared data are gone.\n"
        "  Run: nmt prepare runs/r/recipe.yaml"
    )


def test_prepared_data_that_are_others(run: Path) -> None:
    write_manifest(Path("data/prepared/r"), {"easy.en.txt": "other", "easy.fr.txt": "other"})
    assert str(refused(run, "easy")) == (
        "data/prepared/r/easy.en.txt is not the one that runs/r was trained with; it was prepared anew since.\n"
        "  Run: nmt prepare runs/r/recipe.yaml --force"
    )


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        evaluate_run(tmp_path, LookUp())


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["txt", "txt.gz"])
def test_files_are_scored_line_by_line(tmp_path: Path, suffix: str) -> None:
    hyp = write_lines(tmp_path / f"hyp.{suffix}", HYP)
    refs = [write_lines(tmp_path / f"ref{i}.{suffix}", lines) for i, lines in enumerate([REF, HYP])]
    evaluation = evaluate_files(hyp, refs[:1])
    assert evaluation.tests[0].scores == score(HYP, REF, confidence=True)
    assert evaluate_files(hyp, refs).to_json()[str(hyp)]["bleu"]["score"] == pytest.approx(100)


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    hyp, ref = tmp_path / "hyp", tmp_path / "ref"
    hyp.write_bytes(b"a b c d\r\ne f g h")
    ref.write_bytes(b"\xef\xbb\xbfa b c d\ne f g h\n")
    assert evaluate_files(hyp, [ref], metrics=["bleu"]).to_json()[str(hyp)]["bleu"]["score"] == pytest.approx(100)


def test_json_lines_of_the_translate_command(tmp_path: Path) -> None:
    hyp = write_lines(tmp_path / "hyp.jsonl.gz", [json.dumps({"source": "x", "translation": t}) for t in HYP])
    ref, src = write_lines(tmp_path / "ref", REF), write_lines(tmp_path / "src", SRC)
    (with_source,) = evaluate_files(hyp, [ref], src).tests
    (without,) = evaluate_files(hyp, [ref]).tests
    assert with_source.scores == without.scores == score(HYP, REF, confidence=True)
    assert list(with_source.flags) == list(FLAGS)
    assert list(without.flags) == [name for name in FLAGS if name != "copied"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "is not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."),
        ("[1]", "has no text in a field `translation`."),
        ('{"text": "a"}', "has no text in a field `translation`."),
        ('{"translation": 3}', "has no text in a field `translation`."),
        ("", "is not valid JSON: Expecting value: line 1 column 1 (char 0)."),
        ("[" * 100_000, "is not valid JSON: "),
    ],
)
def test_malformed_json_lines_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(Path("hyp.jsonl"), ['{"translation": "a"}', line, '{"translation": "b"}'])
    write_lines(Path("ref"), ["a", "b", "c"])
    with pytest.raises(DataError) as caught:
        evaluate_files(Path("hyp.jsonl"), [Path("ref")])
    assert caught.value.message.startswith(f"hyp.jsonl:2 {says}")


def files_refused(*files: tuple[str, bytes]) -> str:
    for name, content in files:
        Path(name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        evaluate_files(Path("hyp"), [Path(name) for name in ("ref", "ref2")[: max(1, len(files) - 1)]])
    return caught.value.message


def test_files_that_cannot_be_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert files_refused() == "2 faults:\n  - there is no file hyp.\n  - there is no file ref."
    assert files_refused(("hyp", b"a\nb\n"), ("ref", b"a\n")) == (
        "hyp has 2 lines, but ref has 1; line n belongs to line n."
    )
    assert files_refused(("hyp", b""), ("ref", b"a\n")) == "hyp is empty."
    assert files_refused(("hyp", b"a\nb\xffc\n"), ("ref", b"a\n")) == (
        "hyp:2:2 (byte 0xff) is not valid UTF-8.\n  Convert it to UTF-8."
    )
    assert files_refused(("hyp", b"a\n"), ("ref", b""), ("ref2", b"\xe9\n")) == (
        "2 faults:\n  - ref is empty.\n  - ref2:1:1 (byte 0xe9) is not valid UTF-8.\n  Convert it to UTF-8."
    )
    assert "gzip" in files_refused(("hyp", gzip.compress(b"a\n" * 999)[:-9]), ("ref", b"a\n"))


def test_a_source_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hyp, ref, src = (write_lines(Path(name), lines) for name, lines in (("h", HYP), ("r", REF), ("s", SRC[:3])))
    with pytest.raises(DataError, match=r"^h has 4 lines, but s has 3; line n belongs to line n\.$"):
        evaluate_files(hyp, [ref], src)


# --- COMET -----------------------------------------------------------------------------------------------------------

COMET = """#!{python}
import json, sys
from pathlib import Path
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
Path({said!r}).write_text(json.dumps(sys.argv[1:]))
lines = {{name: Path(options[name]).read_text(encoding="utf-8").split("\\n")[:-1] for name in ("-s", "-t", "-r")}}
if lines["-t"][0] == "fail":
    sys.exit("CUDA went away\\nNo model")
rows = [dict(src=s, mt=t, ref=r, COMET=len(t) / 100) for s, t, r in zip(*lines.values())]
Path(sys.argv[-1]).write_text(json.dumps({{options["-t"]: rows}}))
"""


@pytest.fixture
def comet_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `comet-score` that gives a hundredth for each character; where it writes how it was called."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin/comet-score"
    command.write_text(COMET.format(python=sys.executable, said=str(tmp_path / "said")), encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "said"


def test_comet_by_its_command(comet_score: Path, run: Path) -> None:
    evaluation = evaluate_run(run, LookUp(), with_comet=True)
    assert [s.name for s in evaluation.tests[0].scores] == ["bleu", "chrf", "comet"]
    expected = sum(map(len, HYP)) / len(HYP)
    values = [t.scores[-1].value for t in evaluation.tests] + [s[-1].value for s in evaluation.together.values()]
    assert values == pytest.approx([expected] * 4)
    assert ["easy", "COMET", f"{expected:.1f}", f"nrefs:1|model:{MODEL}|scale:100"] in evaluation.rows()
    assert json.loads(comet_score.read_text(encoding="utf-8")) == [
        "-s", "src", "-t", "hyp", "-r", "ref", "--model", MODEL, "--gpus", "0", "--quiet", "--only_system",
        "--to_json", "scores.json",
    ]  # fmt: skip


@pytest.mark.usefixtures("comet_score")
def test_comet_keeps_lines_together_and_tells_why_it_fails() -> None:
    assert comet(["a\rb"], ["c\u2028d"], ["e"]).value == pytest.approx(3)
    with pytest.raises(DataError, match=r"`comet-score` failed: No model"):
        comet(["a"], ["fail"], ["b"])


def test_comet_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError) as caught:
        evaluate_run(run, LookUp(), with_comet=True)
    assert caught.value.message == "`--comet` needs the command `comet-score`, which is not installed."
    assert caught.value.hint.startswith("Run: pipx install unbabel-comet")
    assert not (run / "evaluation").exists()


@pytest.mark.usefixtures("comet_score")
def test_comet_needs_the_source(tmp_path: Path) -> None:
    hyp, ref = write_lines(tmp_path / "h", HYP), write_lines(tmp_path / "r", REF)
    with pytest.raises(DataError, match=r"COMET reads the source, too\."):
        evaluate_files(hyp, [ref], with_comet=True)


def test_half_a_surrogate_pair_is_an_error_that_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "hyp.jsonl"
    path.write_text('{"translation": "a"}\n{"translation": "b\\ud83d"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"hyp.jsonl:2: `translation` holds half a surrogate pair at character 2\."):
        read_translations(path)
