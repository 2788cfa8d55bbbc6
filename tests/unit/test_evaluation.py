"""Evaluation of runs and of files, with a stand-in that translates by looking up."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nmt.data.manifest import FORMAT, MANIFEST
from nmt.errors import DataError, NMTError, RunError
from nmt.evaluate.evaluation import evaluate_files, evaluate_run
from nmt.evaluate.metrics import score
from nmt.recipe import DecodeSection, make_recipe

SRC = ["One dog.", "", "Two\u2028cats sleep.", "A house\x85 and a tree."]
REF = ["Un chien.", "", "Deux\u2028chats dorment.", "Une maison\x85 et un arbre."]
HYP = ["Un chien.", "", "Deux chats dort.", "Une maison et l'arbre."]


@dataclass
class Line:
    text: str


class LookUp:
    """Knows the translations of SRC; everything else it leaves as it is."""

    decode = DecodeSection(beam_size=3)
    checkpoint = "step-00000020"

    def translate(self, lines: Sequence[str], *, on_progress: Callable[[int], None] | None = None) -> list[Line]:
        if on_progress:
            on_progress(len(lines))
        return [Line(dict(zip(SRC, HYP, strict=True)).get(line, line)) for line in lines]


def write_manifest(folder: Path, sums: dict[str, str]) -> None:
    empty: dict[str, object] = {"sections": {}, "inputs": {}, "splits": {}, "tokenizer": {}, "audit": {}}
    outputs = {name: {"size": 0, "sha256": digest} for name, digest in sums.items()}
    values = {"format": FORMAT, "nmt": "0", "name": "r", "fingerprint": "0", "outputs": outputs, **empty}
    (folder / MANIFEST).write_text(json.dumps(values), encoding="utf-8")


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
        write_lines(prepared / f"{name}.src.txt", SRC if name != "hard" else SRC[::-1])
        write_lines(prepared / f"{name}.tgt.txt", REF if name != "hard" else REF[::-1])
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in prepared.iterdir()}
    write_manifest(prepared, sums)
    write_manifest(run, sums)
    return run


def test_every_test_set_is_scored_and_kept(run: Path) -> None:
    evaluation = evaluate_run(run, LookUp())
    expected = {s.name: s.to_json() for s in score(HYP, REF, ["bleu", "chrf"], confidence=True)}
    assert evaluation.to_json()["easy"] == expected
    assert list(evaluation.to_json()) == ["easy", "hard"]
    folder = run / "evaluation"
    assert (folder / "hard.hyp.txt").read_bytes().decode().split("\n") == [*HYP[::-1], ""]
    assert (folder / "hard.ref.txt").read_bytes().decode().split("\n") == [*REF[::-1], ""]
    assert (folder / "hard.src.txt").read_bytes().decode().split("\n") == [*SRC[::-1], ""]
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["scores"] == evaluation.to_json()
    details = results["details"]["easy"]
    assert details.pop("seconds") >= 0
    assert details == {
        "sentences": 4, "checkpoint": "step-00000020", "step": 20, "decode": LookUp.decode.model_dump(mode="json"),
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
    write_manifest(Path("data/prepared/r"), {"easy.src.txt": "other", "easy.tgt.txt": "other"})
    assert str(refused(run, "easy")) == (
        "data/prepared/r/easy.src.txt is not the one that runs/r was trained with; it was prepared anew since.\n"
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
    assert evaluation.to_json() == {str(hyp): {s.name: s.to_json() for s in score(HYP, REF, confidence=True)}}
    assert evaluate_files(hyp, refs).to_json()[str(hyp)]["bleu"]["score"] == pytest.approx(100)


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    hyp, ref = tmp_path / "hyp", tmp_path / "ref"
    hyp.write_bytes(b"a b c d\r\ne f g h")
    ref.write_bytes(b"\xef\xbb\xbfa b c d\ne f g h\n")
    assert evaluate_files(hyp, [ref], ["bleu"]).to_json()[str(hyp)]["bleu"]["score"] == pytest.approx(100)


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
        "hyp:2 is not UTF-8 text (byte 2 of the line).\n  Convert it to UTF-8."
    )
    assert files_refused(("hyp", b"a\n"), ("ref", b""), ("ref2", b"\xe9\n")) == (
        "2 faults:\n  - ref is empty.\n  - ref2:1 is not UTF-8 text (byte 1 of the line).\n  Convert it to UTF-8."
    )
    assert "gzip" in files_refused(("hyp", gzip.compress(b"a\n" * 999)[:-9]), ("ref", b"a\n"))
