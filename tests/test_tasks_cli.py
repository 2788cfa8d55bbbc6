"""Tasks other than translation from the recipe to the scores, by the commands that people type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Nmt

WORDS = ["one", "two", "three", "four", "five", "six", "seven"]
TRAIN = {"batch_tokens": 200, "max_steps": 2, "threads": 1, "warmup_steps": 1, "average_best": 0}
MODEL = {"d_model": 32, "d_ff": 64, "num_heads": 2, "num_encoder_layers": 1, "num_decoder_layers": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, nmt: Nmt) -> Path:
    """A run of a dialogue and one of labels, of questions the recipe alone; two steps each."""
    root = tmp_path_factory.mktemp("tasks")
    rows = [
        {"history": WORDS[: i % 4], "user": f"{WORDS[i % 7]} {i}", "reply": f"{WORDS[i % 5]} {i * i % 90}",
         "label": WORDS[i % 3]}
        for i in range(80)
    ]  # fmt: skip
    (root / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = ["history\tuser\tlabel", *(f"{' '.join(row['history'])}\t{row['user']}\t{row['label']}" for row in rows)]  # type: ignore[arg-type]
    (root / "t.tsv").write_text("".join(f"{line}\n" for line in table), encoding="utf-8")
    talk = {"path": "t.jsonl", "source": ["history", "user"], "target": "reply"}
    label = {"path": "t.tsv", "source": ["history", "user"], "target": "label"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name, task, corpus in (("talk", "dialogue", talk), ("label", "classify", label)):
            recipe = {"name": name, "task": task, "tokenizer": {"vocab_size": 300}, "model": MODEL, "train": TRAIN,
                      "data": {"train": corpus, "valid": corpus, "test": {
                          "all": corpus, "without": {**corpus, "source": [None, "user"]}}}}  # fmt: skip
            (root / f"{name}.yaml").write_text(json.dumps(recipe), encoding="utf-8")
            code, _, err = nmt("train", f"{name}.yaml")
            assert code == 0, err
    return root


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def run(nmt: Nmt, *args: str, stdin: bytes = b"") -> str:
    code, out, err = nmt(*args, stdin=stdin)
    assert code == 0, err
    return out


def test_labels_are_all_that_is_written(here: Path, nmt: Nmt) -> None:
    text = "\t\u4f60\u597d \U0001f600\none\ttwo <sep> \u0e17\u0e35\u0e48\n\n".encode()
    found = run(nmt, "translate", "--run", "runs/label", stdin=text).split("\n")
    assert found[2:] == ["", ""] and set(found[:2]) <= set(WORDS[:3])
    n_best = run(nmt, "translate", "--run", "runs/label", "--n-best", "9", stdin=b"one\ttwo\n").splitlines()
    assert sorted(line.split("\t")[2] for line in n_best) == sorted(WORDS[:3])
    scores = json.loads(run(nmt, "evaluate", "--run", "runs/label", "--json"))
    assert list(scores["all"]) == ["accuracy", "macro_f1", "output"]
    assert list(scores["all"]["output"]["flags"]) == ["empty", "repetition"]
    assert "classifies texts" in run(nmt, "show", "runs/label")
    drawn = run(nmt, "translate", "--run", "runs/label", "--sample", "--seed", "3", stdin=b"one\ttwo\n" * 5)
    assert set(drawn.split()) <= set(WORDS[:3])


def test_a_conversation(here: Path, nmt: Nmt) -> None:
    """What `nmt chat` says is what `nmt translate` makes of all that was said."""
    first, second, blank, again = run(
        nmt, "chat", "--run", "runs/talk", stdin=b"Hi.\nTwo\tof us.\n\nHi.\n"
    ).splitlines()
    assert blank == "" and again == first
    history = [{"history": ["Hi.", first], "user": "Two\tof us."}, {"text": "Hi."}]
    (here / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history), encoding="utf-8")
    assert run(nmt, "translate", "--run", "runs/talk", "-i", "in.jsonl").splitlines() == [second, first]
    turns = f"Hi.\t{first}\tTwo of us.\n".encode()
    assert run(nmt, "translate", "--run", "runs/talk", stdin=turns).splitlines() == [second]
    scores = json.loads(run(nmt, "evaluate", "--run", "runs/talk", "--json", "--metrics", "em,rougeL"))
    assert list(scores["without"]) == ["em", "rougeL", "output"]


def test_runs_go_on_and_are_verified(here: Path, nmt: Nmt) -> None:
    for name in ("talk", "label"):
        assert "everything matches" in run(nmt, "verify", f"runs/{name}")
        code, _, err = nmt("train", f"{name}.yaml", "train.max_steps=3")
        assert code == 0 and f"Resuming runs/{name} after step 2." in err
        code, _, err = nmt("train", f"{name}.yaml", "train.max_steps=9", "--dry-run")
        assert code == 0, err


@pytest.mark.parametrize(
    ("command", "stdin", "message"),
    [
        (["translate", "--run", "runs/label"], b"one\ttwo\nthree\n",
         "✗ <stdin>:2 has one field, but the run reads 2, with a TAB between them: history, user.\n"
         "  The lines before it are translated.\n"),
        (["chat", "--run", "runs/label"], b"Hi.\n",
         "✗ runs/label classifies texts, and knows no conversation.\n"
         "  One line at a time: nmt translate --run runs/label. Conversations are for a run of `task: dialogue`.\n"),
        (["translate", "--run", "runs/label", "--prefix", "on"], b"one\ttwo\n",
         "✗ a run of labels writes one of them, whatever else is asked of its output.\n"
         "  Leave out prefix, include, exclude, glossary, protect, min_len_ratio and no_repeat_ngram.\n"),
        (["export", "--run", "runs/label"], b"",
         "✗ runs/label chooses one of a few labels, which CTranslate2 cannot be held to.\n"
         "  It does so with our own engine: nmt translate --run runs/label\n"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_what_such_runs_cannot_do(nmt: Nmt, command: list[str], stdin: bytes, message: str) -> None:
    code, _, err = nmt(*command, stdin=stdin)
    assert code == 2 and err.endswith(message)
