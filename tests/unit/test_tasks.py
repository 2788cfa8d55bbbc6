"""Tasks other than translation: what a recipe's `task` sets, sources of several fields and turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.errors import DataError, RecipeError
from nmt.recipe import Recipe, load_recipe, make_recipe
from nmt.recipe.task import TASKS
from nmt.text.fields import join
from nmt.tokenizer import Tokenizer

TABLE = {"path": "t.tsv", "source": ["question", "context"], "target": "answer"}
PARTS = {"root": ".", "train": TABLE, "valid": TABLE}


def recipe(task: str = "answer", data: dict[str, Any] | None = None, **more: Any) -> Recipe:
    values = {"name": "toy", "task": task, "data": PARTS if data is None else PARTS | data,
              "tokenizer": {"vocab_size": 320}, "train": {"max_steps": 1}} | more  # fmt: skip
    return make_recipe(values, "r")


def refused(task: str, data: dict[str, Any], **more: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        recipe(task, data, **more)
    return caught.value.message


# --- what a task sets ------------------------------------------------------------------------------------------------


def test_a_translation_is_what_it_was_without_the_key() -> None:
    values = {"name": "r", "data": {"source_lang": "en", "target_lang": "fr", "train": {"source": "a", "target": "b"},
                                    "valid": {"holdout": 9}}}  # fmt: skip
    assert make_recipe({**values, "task": "translate"}, "r") == make_recipe(values, "r")
    assert make_recipe(values, "r").evaluate.metrics == list(TASKS["translate"].metrics)


@pytest.mark.parametrize("task", [name for name in TASKS if name != "translate"])
def test_a_task_fills_what_the_recipe_leaves_open_and_nothing_else(task: str) -> None:
    made, own = recipe(task), TASKS[task]  # type: ignore[index]
    assert made.evaluate.metrics == list(own.metrics) and made.train.metric == own.metric
    assert (made.data.source_lang, made.data.target_lang) == ("und", "und")
    assert made.decode.split_sentences == "whole" and made.data.filters.max_ratio == 0
    said = recipe(task, {"source_lang": "de", "filters": {"max_ratio": 9}}, train={"metric": "bleu"},
                  evaluate={"metrics": ["ter"]}, decode={"max_len_ratio": 3, "split_sentences": "auto"})  # fmt: skip
    assert said.evaluate.metrics == ["ter"] and said.train.metric == "bleu" and said.decode.max_len_ratio == 3
    assert (said.data.target_lang, said.data.filters.max_ratio, said.decode.split_sentences) == ("de", 9, "auto")
    assert said.data.filters.max_chars == 10_000 and said.decode.max_segment == 2000


def test_the_recipe_in_a_run_folder_reads_back_as_equal(tmp_path: Path) -> None:
    for task in TASKS:
        made = recipe(task, {"source_lang": "en", "target_lang": "fr"})
        (tmp_path / "recipe.yaml").write_text(made.dump(), encoding="utf-8")
        assert load_recipe(tmp_path / "recipe.yaml") == made


@pytest.mark.parametrize(
    ("task", "data", "message"),
    [
        ("answers", {}, "r: `task` must be one of `translate`, `summarise`, `answer`, `dialogue`, `generate`, "
         "`classify`, but is 'answers'."),
        ("answer", {"train": {**TABLE, "source": []}},
         "r: `data.train.source`: the list is empty; name one field or more."),
        ("answer", {"train": {**TABLE, "source": ["question", "question"]}},
         "r: `data.train.source`: 'question' is there twice, and would count as two fields."),
        ("answer", {"train": {**TABLE, "source": ["question", "answer"]}},
         "r: `data.train`: `source` and `target` are the same column, answer."),
        ("answer", {"train": {**TABLE, "source": ["question", 1]}},
         "r: `data.train`: `source` has names and numbers of columns; give names only, or numbers only."),
        ("answer", {"train": {"source": ["q", "c"], "target": "a"}},
         "r: `data.train`: several fields are read from a table: give its file as `path`, and its columns as "
         "`source`."),
        ("dialogue", {"train": {"source": "h", "target": "r"}},
         "r: `data.train`: turns are read from a table: give its file as `path`, and its columns as `source`."),
        ("answer", {"valid": {**TABLE, "source": "question"}},
         "r: `data`: the corpora have sources of 1 and 2 fields; null stands for a field that one lacks."),
        ("dialogue", {"valid": {**TABLE, "turns": False}}, "r: `data`: some corpora have `turns`, and some have not."),
        ("generate", {"source_lang": "en", "train": {"text": "a", "lang": "en"}, "valid": {"text": "b", "lang": "en"}},
         "r: `task: generate` is learned from sources with targets, and `data.train` has none; text alone needs no "
         "`task`."),
    ],
)  # fmt: skip
def test_what_a_task_cannot_be(task: str, data: dict[str, Any], message: str) -> None:
    assert refused(task, data, **({"objective": "lm"} if "text" in data.get("train", {}) else {})) == message


def test_a_translation_still_needs_its_languages() -> None:
    assert refused("translate", {}).splitlines()[1:] == [
        "  - r: `data.source_lang` is missing.", "  - r: `data.target_lang` is missing.",
    ]  # fmt: skip


# --- fields ----------------------------------------------------------------------------------------------------------


def test_fields_keep_their_places_and_turns_do_not() -> None:
    assert join([b"a\tb", b"", b"c"], turns=False) == b"a b\t\tc"
    assert join([b"a\tb", b" ", b"c"], turns=True) == b"a b\tc"


def prepared(root: Path, rows: list[dict[str, Any]], task: str = "answer", **data: Any) -> Path:
    """`rows` as valid.jsonl, and train.jsonl made of many like the first."""
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    train = [{**rows[0], "answer": f"{words[i % 10]} {words[i * 7 % 10]} {i}"} for i in range(120)]
    for name, lines in {"train": train, "valid": rows}.items():
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    corpora = {name: {**TABLE, "path": f"{name}.jsonl", **data} for name in ("train", "valid")}
    return prepare(recipe(task, {"root": str(root), "prepared_dir": str(root / "prepared"), **corpora}))


def pieces(folder: Path) -> list[str]:
    """Of the sources of the validation set, joined."""
    tokenizer, split = Tokenizer.load(folder), PreparedSplit.open(folder, "valid")
    return ["".join(tokenizer.pieces(row, "src")) for row in split.lines["und.src"]]


def test_fields_are_joined_by_a_piece_that_text_cannot_make(tmp_path: Path) -> None:
    rows = [{"question": "Who?", "context": "He <sep> is\there.", "answer": "he"},
            {"question": "", "context": "<sep>", "answer": "x"},
            {"question": "Who?", "context": "", "answer": "y"}]  # fmt: skip
    folder = prepared(tmp_path, rows)
    tokenizer = Tokenizer.load(folder)
    joint = tokenizer.control["<sep>"]
    ids = PreparedSplit.open(folder, "valid").lines["und.src"]
    assert [list(row).count(joint) for row in ids] == [1, 1, 1]
    assert ids[1].tolist().index(joint) == 0 and ids[2].tolist().index(joint) == len(ids[2]) - 1
    assert tokenizer.decode(ids, "src") == ["Who? He <sep> is here.", "<sep>", "Who?"]
    assert PreparedSplit.open(folder, "valid").text("src")[0] == "Who?\tHe <sep> is here."
    # what the model reads when it is asked is what it was trained on
    assert tokenizer.encode(["Who?\tHe <sep> is here."], "src")[0] == list(ids[0])
    assert joint not in tokenizer.encode(["a\tb"], "tgt")[0]
    assert tokenizer.encode(["\t"], "src") == [[]]
    assert tokenizer.fingerprint == Manifest.load(folder).tokenizer.fingerprint


def test_a_list_of_turns(tmp_path: Path) -> None:
    rows = [{"question": ["Hi.", "Hello!"], "context": "A table\tfor two.", "answer": "When?"},
            {"question": [], "context": "Hi.", "answer": "Hello!"}]  # fmt: skip
    folder = prepared(tmp_path, rows, "dialogue")
    assert PreparedSplit.open(folder, "valid").text("src") == ["Hi.\tHello!\tA table for two.", "Hi."]
    assert [text.count("<turn>") for text in pieces(folder)] == [2, 0]


def test_a_field_that_null_stands_for_is_blank(tmp_path: Path) -> None:
    rows = [{"question": "Who?", "context": "He.", "answer": "he"}]
    folder = prepared(tmp_path, rows, source=["question", None])
    assert PreparedSplit.open(folder, "valid").text("src") == ["Who?\t"]


def test_a_list_is_no_field_where_there_are_no_turns(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, [{"question": ["a"], "context": "b", "answer": "c"}])
    assert caught.value.message.splitlines()[-1].strip() == (
        "- valid.jsonl:1: field `question` must be text, but is a list."
    )


def test_a_tab_is_white_space_where_there_is_one_field(tmp_path: Path) -> None:
    folder = prepared(tmp_path, [{"question": "a\tb", "answer": "c"}], source="question")
    assert Tokenizer.load(folder).joint is None and pieces(folder) == ["▁a▁b"]


def test_columns_of_tables(tmp_path: Path) -> None:
    rows = [f"He is {i * i}.\the\tWho is {i} to {i * 7 % 100}?" for i in range(100)]
    text = "\n".join(["context\tanswer\tquestion", *rows, ""])
    (tmp_path / "t.tsv").write_text(text, encoding="utf-8")
    (tmp_path / "t.csv").write_text(text.replace("\t", ","), encoding="utf-8")
    for name in ("t.tsv", "t.csv"):
        corpus = {**TABLE, "path": name}
        folder = prepare(recipe("answer", {"root": str(tmp_path), "prepared_dir": str(tmp_path / f"{name}.p"),
                                           "train": corpus, "valid": corpus},
                                tokenizer={"vocab_size": 300}))  # fmt: skip
        assert PreparedSplit.open(folder, "valid").text("src")[1] == "Who is 1 to 7?\tHe is 1."
