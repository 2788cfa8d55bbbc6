"""Weak spots of a run that was trained for a few steps, and of texts whose answer is known."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from nmt.errors import RunError
from nmt.evaluate.analysis import analyse, analyse_run, worst_sentences
from nmt.evaluate.texts import Texts
from nmt.evaluate.training_text import TrainingText, read_training_text
from nmt.text.metrics import score
from nmt.text.words import words

SRC = ["One dog runs.", "Two cats sleep in a very small house.", "", "No."]
REF = ["Un chien court.", "Deux chats dorment.", "", "Non."]
HYP = ["Un chien court.", "Deux deux chiens.", "", "Non non."]


def test_groups_by_length_cover_every_sentence() -> None:
    found = analyse("t", Texts(SRC, HYP, [REF]))
    assert [(g.name, g.sentences) for g in found.by_length] == [("1-5", 3), ("6-10", 1)]
    bleu, chrf = score([HYP[1]], [REF[1]], ["bleu", "chrf"])
    assert (found.by_length[1].bleu, found.by_length[1].chrf) == (round(bleu.value, 2), round(chrf.value, 2))
    assert found.by_length[1].length_ratio == round(17 / 19, 3)
    assert (found.by_seen, found.by_frequency) == ([], [])


def test_words_are_produced_as_often_as_they_stand_in_both() -> None:
    counts = Counter({"un": 5000, "deux": 7, "chien": 7, "non": 30})
    training = TrainingText(counts, dict(zip(SRC, ["seen", "near", "new", "new"], strict=True)))
    found = analyse("t", Texts(SRC, HYP, [REF]), training=training)
    by_name = {f.name: (f.words, f.precision, f.recall, f.f1) for f in found.by_frequency}
    assert by_name == {
        "0": (3, 0.5, 0.3333, 0.4),  # court, chats, dorment; produced: court, chiens
        "5-19": (2, 0.6667, 1.0, 0.8),  # chien, deux; produced: chien, deux, deux
        "20-99": (1, 0.5, 1.0, 0.6667),
        "1,000+": (1, 1.0, 1.0, 1.0),
    }
    assert [(g.name, g.sentences) for g in found.by_seen] == [
        ("in training", 1), ("in training but for a word", 1), ("new", 2)
    ]  # fmt: skip
    assert sum(g.sentences for g in found.by_difficulty) == len(SRC)
    rarest = [min((counts[word] for word in words(line)), default=0) for line in REF]
    assert [(g.name, g.sentences) for g in found.by_difficulty if g.name == "0"] == [("0", rarest.count(0))]
    assert len(found.group_rows()[0]) == 7 and len(found.frequency_rows()[0]) == 6


def test_the_worst_come_first_with_what_looks_wrong() -> None:
    worst = worst_sentences(Texts(SRC, [*HYP[:3], "non " * 9], [REF]), 2)
    assert [(s.number, s.flags) for s in worst] == [(3, []), (4, ["repetition", "too_long"])]


# --- a run -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run whose references passed for its translations."""
    folder = tmp_path_factory.mktemp("evaluated") / "project"
    shutil.copytree(trained, folder)
    kept = folder / "runs/mini/evaluation"
    kept.mkdir(exist_ok=True)
    for kind, lang in (("src", "en"), ("ref", "fr"), ("hyp", "fr")):
        shutil.copy(folder / f"text/test.{lang}", kept / f"first.{kind}.txt")
    return folder


def test_the_training_text_is_counted_without_the_raw_text(evaluated: Path) -> None:
    train = [(evaluated / f"text/train.{lang}").read_text(encoding="utf-8").split("\n")[:-1] for lang in ("en", "fr")]
    first = train[0][0]
    words = first.rstrip(".?!").split()
    assert len(words) >= 4
    other = " ".join([*words[:-1], "xyzzy"])
    src = [first, first.upper(), other, " ".join([*words, "indeed"]), "Nothing like it was ever said.", "xyzzy", ""]
    prepared = next((evaluated / "data/prepared").iterdir())
    shutil.rmtree(evaluated / "text")
    found, written = read_training_text(evaluated / "runs/mini", prepared, src, [train[1][0], "xyzzy"])
    assert [found.seen[line] for line in src] == ["seen", "seen", "near", "near", "new", "new", "new"]
    assert set(written) == {train[1][0], "xyzzy"} and found.counts["xyzzy"] == 0
    expected = Counter(w.strip(".,!?").lower() for line in train[1] for w in line.split())
    for word in train[1][0].rstrip(".?!").lower().split():
        if word.isalpha():
            assert found.counts[word] >= expected[word] > 0


def test_a_run_is_analysed_from_what_it_keeps(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(evaluated)
    (found,) = analyse_run(Path("runs/mini"))
    assert sum(g.sentences for g in found.by_length) == sum(g.sentences for g in found.by_seen) == 20
    assert all(f.f1 == 1 for f in found.by_frequency) and found.missing == ""
    assert "name" not in found.to_json()


def test_without_prepared_data_it_says_what_is_missing(evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(evaluated)
    (found,) = analyse_run(Path("runs/mini"), prepared=Path("gone"))
    assert found.missing == "no prepared data in gone."
    assert (found.by_seen, found.by_frequency) == ([], []) and found.by_length and found.worst


def test_a_run_that_was_not_evaluated(trained: Path) -> None:
    with pytest.raises(RunError, match="has not been evaluated"):
        analyse_run(trained / "runs/mini")
