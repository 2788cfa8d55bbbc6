"""Exact match, word F1, accuracy, macro-F1, distinct-n, copied share: and that they are metrics as BLEU is one."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from nmt.errors import DataError
from nmt.evaluate.compare import compare
from nmt.evaluate.evaluation import evaluate_files
from nmt.text.answers import normalized
from nmt.text.metrics import METRICS, OF_TRANSLATIONS, score
from nmt.version import VERSION
from tests.conftest import Nmt

BLEU_MOSES = "bleu_moses_lc"  # wants to know the language: test_moses.py
OTHERS = [name for name in METRICS if name not in (*OF_TRANSLATIONS, BLEU_MOSES)]


def value(name: str, hyps: list[str], refs: list[str] | list[list[str]], **more: list[str]) -> float:
    return score(hyps, refs, [name], **more)[0].value  # type: ignore[arg-type]


def test_answers_are_normalized_as_for_squad() -> None:
    assert normalized(" The Eiffel-Tower,  an  icon (of a city)! ") == "eiffeltower icon of city"
    assert normalized("Theatre another") == "theatre another"


def test_exact_match_takes_any_reference() -> None:
    refs = [["Paris", "two", "no"], ["the city of Paris", "", "never"]]
    assert value("em", ["City of paris.", "2", "No!"], refs) == pytest.approx(200 / 3)
    assert value("em", ["它在桌上", "صباح الخير"], ["它在桌上", "صباح الخير!"]) == 100


@pytest.mark.parametrize(
    ("hyp", "refs", "expected"),
    [
        ("the big red dog", ["a red dog", "cat"], 80),  # 2 of 3 and 2 of 2
        ("red red", ["red dog"], 50),
        ("", ["the"], 100),  # nothing is left of either
        ("dog", [""], 0),
        ("我爱你", ["我爱她"], 200 / 3),
    ],
)
def test_word_f1(hyp: str, refs: list[str], expected: float) -> None:
    assert value("f1", [hyp], [[ref] for ref in refs]) == pytest.approx(expected)


def test_labels() -> None:
    refs = ["good", "good", "good", "bad", "so-so"]
    hyps = ["good", "good ", "bad", "bad", "fine"]
    assert value("accuracy", hyps, refs) == pytest.approx(60)
    assert value("accuracy", ["Good"], ["good"]) == 0
    of_labels = [2 * 2 / 5, 2 * 1 / 3, 0, 0]  # good, bad, so-so, fine
    assert value("macro_f1", hyps, refs) == pytest.approx(100 * sum(of_labels) / 4)
    assert value("macro_f1", ["bad"], [["good"], ["bad"]]) == 100  # a further reference is right, too
    sure = score(refs, refs, ["macro_f1"], confidence=True)[0]
    assert (sure.value, sure.interval) == (pytest.approx(100), pytest.approx(0))


def test_variety() -> None:
    hyps = ["a dog runs", "a dog sleeps", ""]
    assert value("distinct1", hyps, hyps) == pytest.approx(100 * 4 / 6)
    assert value("distinct2", hyps, hyps) == pytest.approx(100 * 3 / 4)
    assert value("distinct2", ["a", ""], ["a", ""]) == 0
    assert value("copied_share", ["a dog runs", "", "x"], ["", "", ""], src=["A dog.", "b", "y"]) == pytest.approx(
        100 * (2 / 3) / 3
    )


@pytest.mark.parametrize("name", OTHERS)
def test_an_interval_shrinks_with_more_lines_and_leaves_the_score(name: str) -> None:
    draw = random.Random(5)
    refs = [" ".join(str(int(1 / (0.02 + draw.random()))) for _ in range(3)) for _ in range(400)]
    hyps = [ref if draw.random() < 0.7 else "1 " + refs[draw.randrange(9)] for ref in refs]
    few, many = (score(hyps[:n], refs[:n], [name], confidence=True, src=refs[:n])[0] for n in (40, 400))
    assert few.interval is not None and many.interval is not None and 0 < many.interval < few.interval < 30
    assert many.value == pytest.approx(value(name, hyps, refs, src=refs))


@pytest.mark.parametrize("name", [*OTHERS, BLEU_MOSES])
def test_each_can_be_compared(tmp_path: Path, name: str) -> None:
    lines = [f"the {i} dogs run {i % 7} times" for i in range(30)]
    files = {"ref.en": lines, "good": [*lines[:-1], "x"], "bad": ["dogs dogs fly"] * 30}
    for file, text in files.items():
        (tmp_path / file).write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    ref, good, bad = (tmp_path / file for file in files)
    (ours,) = compare([good, bad], [ref], ref, metrics=[name])
    assert [s.metric for s in ours.scores] == [name, name] and ours.scores[1].significant
    (test,) = evaluate_files(good, [ref], ref, metrics=[name]).tests
    assert test.scores[0].value == pytest.approx(ours.scores[0].score)


def test_what_reads_the_source_needs_it() -> None:
    with pytest.raises(DataError) as caught:
        score(["a"], ["a"], ["copied_share"])
    assert (caught.value.message, caught.value.hint) == ("`copied_share` reads the source, too.", "Give `--src FILE`.")


def test_signatures() -> None:
    found = [s.signature.removesuffix(f"|version:{VERSION}") for s in score(["a"], ["a"], OTHERS[4:], src=["a"])]
    assert found == [
        "em:exact|norm:squad|refs:1", "f1:words|norm:squad|refs:1", "accuracy:exact|refs:1", "macro_f1:labels|refs:1",
        "distinct:1|tok:unicode", "distinct:2|tok:unicode", "copied:words|tok:unicode|against:source",
    ]  # fmt: skip


# --- the command line ------------------------------------------------------------------------------------------------


def test_files_are_scored_by_the_metrics_that_are_named(tmp_path: Path, nmt: Nmt) -> None:
    (tmp_path / "hyp").write_text("Paris.\na red dog\n", encoding="utf-8")
    (tmp_path / "ref").write_text("Paris\nthe big dog\n", encoding="utf-8")
    files = ["--hyp", str(tmp_path / "hyp"), "--ref", str(tmp_path / "ref")]
    code, out, err = nmt("evaluate", *files, "--metrics", "rouge1,rouge2, rougeL,em,f1", "--json")
    assert code == 0, err
    found = json.loads(out)[str(tmp_path / "hyp")]
    scores = {name: round(found[name]["score"], 4) for name in found if name != "output"}
    assert scores == {"rouge1": 66.6667, "rouge2": 0, "rougeL": 66.6667, "em": 50, "f1": 75}
    assert nmt("compare", files[1], files[3], *files[2:], "--metrics", "em")[1].count("exact match") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "rougel"],
         "✗ `rougel` is no metric.\n  Did you mean `rougeL`? Known: bleu, bleu_moses_lc, chrf, chrf++, ter, rouge1, "
         "rouge2, rougeL, rougeLsum, em, f1, accuracy, macro_f1, distinct1, distinct2, copied_share.\n"),
        (["--metrics", "em,f1,em"], "✗ the metric `em` is named twice.\n  Name each once.\n"),
        (["--metrics", " ,"],
         "✗ `--metrics` names none.\n  Give names with commas between them, such as rouge1,em.\n"),
        (["--metrics", "copied_share"], "✗ `copied_share` reads the source, too.\n  Give `--src FILE`.\n"),
    ],
)  # fmt: skip
def test_metrics_that_cannot_be_had(tmp_path: Path, nmt: Nmt, options: list[str], message: str) -> None:
    (tmp_path / "t").write_text("a\n", encoding="utf-8")
    path = str(tmp_path / "t")
    assert nmt("evaluate", "--hyp", path, "--ref", path, *options) == (2, "", message)
