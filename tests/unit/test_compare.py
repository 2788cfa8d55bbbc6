"""Comparing systems: scores and p-values are those of the sacrebleu command, to the last digit."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.errors import DataError, RunError
from nmt.evaluate.compare import compare
from nmt.recipe import make_recipe
from nmt.text.metrics import OF_TRANSLATIONS, score

PAIR = {"source": "a", "target": "b"}


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def worse(lines: list[str], share: float, seed: int) -> list[str]:
    """Some words are gone."""
    rng = random.Random(seed)
    return [" ".join(w for w in line.split() if rng.random() >= share) or "?" for line in lines]


@pytest.fixture(scope="module")
def refs(demo_data: Path) -> list[str]:
    return (demo_data / "test.fr").read_text(encoding="utf-8").split("\n")[:60]


@pytest.fixture
def files(tmp_path: Path, refs: list[str]) -> tuple[Path, Path, Path]:
    """References, a good system and a bad one."""
    return (write(tmp_path / "ref.txt", refs), write(tmp_path / "good.txt", worse(refs, 0.05, 1)),
            write(tmp_path / "bad.txt", worse(refs, 0.4, 2)))  # fmt: skip


@pytest.mark.parametrize(("option", "field"), [("--paired-bs", "p_bootstrap"), ("--paired-ar", "p_randomization")])
def test_the_same_as_the_command(files: tuple[Path, Path, Path], tmp_path: Path, option: str, field: str) -> None:
    ref, good, _ = files
    near = write(tmp_path / "near.txt", worse(ref.read_text(encoding="utf-8").split("\n")[:-1], 0.07, 3))
    (ours,) = compare([good, near], [ref])
    mine = [ours.to_json()["metrics"][name]["near.txt"] for name in ("bleu", "chrf", "ter")]
    command = [sys.executable, "-m", "sacrebleu", ref, "-i", good, near, "-m", "bleu", "chrf", "ter", option]
    said = subprocess.run([*command, "-f", "text", "-w", "6"], capture_output=True, text=True, check=True).stdout
    scores, p_values = said[said.index("near.txt") :].splitlines()[:2]
    assert re.findall(r"(?<=\(p = )[\d.]+", p_values) == [f"{m[field]:.4f}" for m in mine]
    if field == "p_bootstrap":
        assert re.findall(r"([\d.]+) \([\d.]+ ± ([\d.]+)\)", scores) == [
            (f"{m['score']:.6f}", f"{m['interval']:.6f}") for m in mine
        ]


def test_a_clear_difference_is_significant_and_none_is_not(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    ref, good, bad = files
    (ours,) = compare(
        [good, bad, write(tmp_path / "same.txt", good.read_text(encoding="utf-8").split("\n")[:-1])], [ref]
    )
    verdicts = {(s.system, s.metric): s.significant for s in ours.scores}
    assert all(verdicts["bad.txt", metric] for metric in OF_TRANSLATIONS)
    assert not any(verdicts["same.txt", metric] for metric in OF_TRANSLATIONS)
    assert {s.p_bootstrap for s in ours.scores if s.system == "same.txt"} == {1.0}
    assert [row[-1] for row in ours.rows()] == ["baseline", "significant", "may be chance"] * len(OF_TRANSLATIONS)
    (won, lost, tied), same = ours.won
    assert won + lost + tied == 60 and lost > won
    assert same == (0, 0, 60)
    assert ours.sentences[0].by == max(s.by for s in ours.sentences)


def evaluated(run: Path, refs: list[str], hyps: list[str], test: str = "first", tokenize: str = "13a") -> Path:
    for kind, lines in {"src": refs, "ref": refs, "hyp": hyps}.items():
        write(run / "evaluation" / f"{test}.{kind}.txt", lines)
    data = {"source_lang": "en", "target_lang": "fr", "train": PAIR, "valid": PAIR}
    recipe = {"name": "r", "data": data, "train": {"max_steps": 1}, "evaluate": {"bleu_tokenize": tokenize}}
    (run / "recipe.yaml").write_text(make_recipe(recipe, "r").dump(), encoding="utf-8")
    return run


def test_runs_are_compared_on_the_tests_that_all_have(tmp_path: Path, refs: list[str]) -> None:
    a = evaluated(tmp_path / "a", refs[:9], worse(refs[:9], 0.1, 1))
    b = evaluated(tmp_path / "b", refs[:9], worse(refs[:9], 0.3, 1))
    evaluated(a, refs[:5], refs[:5], "second")
    (ours,) = compare([a, b])
    assert (ours.name, ours.systems) == ("first", ["a", "b"])
    assert ours.sentences[0].src in refs


def test_words_are_split_as_the_runs_recipe_says(tmp_path: Path, refs: list[str]) -> None:
    a, b = (
        evaluated(tmp_path / name, refs[:9], worse(refs[:9], 0.3, i), tokenize="char") for i, name in enumerate("ab")
    )
    (ours,) = compare([a, b])
    (expected,) = score(worse(refs[:9], 0.3, 0), refs[:9], ["bleu"], "char")
    assert ours.scores[0].score == pytest.approx(expected.value)


def test_what_cannot_be_compared_is_told(tmp_path: Path, refs: list[str], files: tuple[Path, Path, Path]) -> None:
    ref, good, bad = files
    a = evaluated(tmp_path / "a", refs[:9], refs[:9])
    other = evaluated(tmp_path / "other", refs[1:10], refs[:9])
    unlike = evaluated(tmp_path / "unlike", refs[:9], refs[:9], "second")
    (tmp_path / "empty").mkdir()
    short = write(tmp_path / "short.txt", refs[:4])
    for systems, more, message in [
        ([a], [], "there is nothing to compare: one system was given"),
        ([a, tmp_path / "none"], [], "none is not there"),
        ([a, good], [], "good.txt is a file; its references are needed"),
        ([a, bad], [ref], "is a folder, but `--ref` is given"),
        ([a, other], [], "was evaluated on another `first`"),
        ([a, unlike], [], "the runs have no test set in common: "),
        ([good, short], [ref], "short.txt has 4 lines, but the references or sources 60"),
        ([good, tmp_path / "gone.txt"], [ref], "there is no file"),
    ]:  # fmt: skip
        with pytest.raises(DataError, match=message):
            compare(systems, more)
    with pytest.raises(RunError, match="has not been evaluated") as e:
        compare([a, tmp_path / "empty"])
    assert e.value.hint == f"Run: nmt evaluate --run {tmp_path / 'empty'}"


def test_files_are_split_into_words_as_asked(tmp_path: Path) -> None:
    ref = write(tmp_path / "ref", ["我们明天去海边。", "他昨天买了一辆新车。"])
    hyp = write(tmp_path / "hyp", ["我们明天去山上。", "他昨天买了一辆新车。"])
    (ours,) = compare([hyp, ref], [ref], bleu_tokenize="zh")
    assert ours.scores[1].score == pytest.approx(100)
    assert 50 < ours.scores[0].score < 100
