"""Scores are those of the sacrebleu command, to the last digit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from nmt.commands.evaluating import Tokenize
from nmt.errors import DataError
from nmt.recipe import EvaluateSection
from nmt.text.metrics import OF_TRANSLATIONS, Score, bleu_tokenizer, score

HYPS = ["The cat sits on the mat.", "Two  dogs are running in the snow ", "", "A man, who sings!", "C'est déjà l'été."]
REFS = ["The cat sat on the mat.", "Two dogs run through the snow.", "Nothing", "A man who sings.", "C’est déjà l’été."]
MORE = ["A cat sat on a mat.", "Two dogs running in snow", "Nought", "A singing man.", "L'été est déjà là."]
OPTIONS = {
    "bleu": ["-m", "bleu"],
    "chrf": ["-m", "chrf"],
    "chrf++": ["-m", "chrf", "--chrf-word-order", "2"],
    "ter": ["-m", "ter"],
}


def by_command(tmp_path: Path, hyps: list[str], references: list[list[str]], options: list[str]) -> tuple[float, str]:
    paths = []
    for i, lines in enumerate([hyps, *references]):
        paths.append(tmp_path / f"{i}.txt")
        paths[-1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", *map(str, paths[1:]), "-i", str(paths[0]), *options, "-w", "12"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (tmp_path / "said").write_text(done.stdout, encoding="utf-8")
    result = json.loads(done.stdout)
    return result["score"], result["signature"]


@pytest.mark.parametrize("metric", OPTIONS)
@pytest.mark.parametrize("references", [[REFS], [REFS, MORE]], ids=["one reference", "two references"])
def test_the_same_as_the_command(tmp_path: Path, metric: str, references: list[list[str]]) -> None:
    value, signature = by_command(tmp_path, HYPS, references, OPTIONS[metric])
    (ours,) = score(HYPS, references, [metric])
    assert (ours.name, round(ours.value, 12), ours.signature) == (metric, value, signature)


@pytest.mark.parametrize("metric", OPTIONS)
def test_confidence_is_that_of_the_command(tmp_path: Path, metric: str) -> None:
    refs = [f"the {word} cat number {i} sat on a mat" for i, word in enumerate(["big", "small", "old"] * 10)]
    hyps = [line.replace("sat", "was") if i % 3 else line for i, line in enumerate(refs)]
    (ours,) = score(hyps, refs, [metric], confidence=True)
    value, signature = by_command(tmp_path, hyps, [refs], [*OPTIONS[metric], "--confidence"])
    assert (round(ours.value, 12), ours.signature) == (value, signature)
    found = json.loads((tmp_path / "said").read_text(encoding="utf-8"))
    assert ours.interval == pytest.approx(found["confidence_var"], abs=1e-9)
    assert str(ours) == f"{ours.value:.1f} ± {ours.interval:.1f}"


def test_confidence_where_hardly_anything_is_right() -> None:
    scores = score([*HYPS, ""], [*REFS, "x"], confidence=True)
    assert [round(s.value, 9) for s in scores] == [round(s.value, 9) for s in score([*HYPS, ""], [*REFS, "x"])]
    assert all(s.interval is not None and s.interval >= 0 for s in scores)


def test_bleu_splits_words_as_asked(tmp_path: Path) -> None:
    (ours,) = score(HYPS, REFS, ["bleu"], "char")
    value, signature = by_command(tmp_path, HYPS, [REFS], ["-m", "bleu", "--tokenize", "char"])
    assert (round(ours.value, 12), ours.signature) == (value, signature)
    assert "tok:char" in signature


def test_one_list_of_references_is_one_reference_each() -> None:
    assert score(HYPS, REFS) == score(HYPS, [REFS])
    assert [s.name for s in score(HYPS, REFS)] == list(OF_TRANSLATIONS)


def test_perfect_and_hopeless() -> None:
    assert [round(s.value, 6) for s in score(REFS, REFS)] == [100, 100, 100, 0]
    assert score([""] * 3, ["a b c d"] * 3, ["bleu"])[0].value == 0


def test_scores_as_json() -> None:
    assert Score("bleu", 12.5, "tok:13a").to_json() == {"score": 12.5, "signature": "tok:13a"}


@pytest.mark.parametrize(
    ("hyps", "refs", "message"),
    [
        ([], [], "there are no references to score."),
        ([], ["a"], "there are no translations to score."),
        (["a"], [], "there are no references to score."),
        (["a"] * 1000, ["a"] * 1001, "there are 1,000 translations, but 1,001 references; line n belongs to line n."),
        (["a"], [["a"], []], "there are 1 translations, but 0 references; line n belongs to line n."),
    ],
)
def test_what_cannot_be_scored(hyps: list[str], refs: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        score(hyps, refs)
    assert caught.value.message == message


def test_a_tokenizer_that_is_not_installed() -> None:
    pytest.importorskip("sacrebleu")
    try:
        import ko_mecab  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        with pytest.raises(DataError) as caught:
            score(["a"], ["a"], ["bleu"], "ko-mecab")
        assert caught.value.message.startswith("BLEU cannot be computed with `bleu_tokenize: ko-mecab`: ")


def test_an_unknown_metric() -> None:
    with pytest.raises(DataError, match="`blue` is no metric"):
        score(["a"], ["a"], ["blue"])


@pytest.mark.parametrize(
    ("wanted", "language", "tokenizer"),
    [
        ("auto", "fr", "13a"),
        ("auto", "zh", "zh"),
        ("auto", "zh-Hant", "zh"),
        ("auto", "th", "char"),
        ("intl", "zh", "intl"),
    ],
)
def test_bleu_splits_words_by_the_language(wanted: str, language: str, tokenizer: str) -> None:
    assert bleu_tokenizer(wanted, language) == tokenizer


def test_a_perfect_chinese_translation_has_full_marks_and_half_of_one_has_some() -> None:
    refs = ["我们明天去海边。", "他昨天买了一辆新车。"]
    tokenize = bleu_tokenizer("auto", "zh")
    assert score(refs, refs, ["bleu"], tokenize)[0].value == pytest.approx(100)
    half = ["我们明天去山上。", "他昨天买了一本新书。"]
    assert 10 < score(half, refs, ["bleu"], tokenize)[0].value < 90


def test_recipes_and_options_know_the_same_tokenizers() -> None:
    wanted = get_args(EvaluateSection.model_fields["bleu_tokenize"].annotation)
    assert set(wanted) == {"auto", *Tokenize}
