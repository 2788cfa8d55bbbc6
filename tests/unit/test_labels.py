"""Labels as the only outputs: a trie that search is held to, and text that has others refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.decode.beam import Search, beam_search
from nmt.decode.labels import OneOf
from nmt.errors import DataError, RecipeError
from nmt.recipe import make_recipe
from nmt.tokenizer import BOS_ID, EOS_ID

OUTPUTS = [(4,), (4, 5), (6, 7, 8)]


class Table:
    """A scorer whose logits are those of a table, whatever came before."""

    max_positions = None

    def __init__(self, logits: list[float]) -> None:
        self.logits = torch.tensor(logits)

    def start(self, src: Any, src_mask: Any) -> None:
        return None

    def step(self, last: Any, state: Any) -> Any:
        return self.logits.expand(*last.shape, -1).clone()

    def select(self, state: Any, parents: Any, kept: Any) -> None:
        pass


@pytest.mark.parametrize("beam_size", [1, 2, 5, 9])
def test_search_finds_the_most_probable_output_and_no_other(beam_size: int) -> None:
    torch.manual_seed(beam_size)
    logits = torch.randn(10).tolist()
    one_of = OneOf(OUTPUTS, EOS_ID)
    how = Search(BOS_ID, EOS_ID, (0, 1, 2), beam_size, beam_size, length_penalty=0.0, rule=one_of)
    src = torch.tensor([[5, EOS_ID], [6, EOS_ID]])
    found = beam_search(Table(logits), src, None, torch.tensor([one_of.longest] * 2), how)  # type: ignore[arg-type]
    log_probs = torch.tensor(logits).log_softmax(0)
    expected = {o: float(log_probs[[*o, EOS_ID]].sum()) for o in OUTPUTS}
    for hypotheses in found:
        assert {tuple(h.tokens) for h in hypotheses} <= expected.keys()
        for h in hypotheses:
            assert h.log_prob == pytest.approx(expected[tuple(h.tokens)], abs=1e-5)
        if beam_size >= len(OUTPUTS):
            assert tuple(hypotheses[0].tokens) == max(expected, key=expected.__getitem__)


def prepared(root: Path, targets: dict[str, list[str]], **data: Any) -> Manifest:
    for name, labels in targets.items():
        rows = [f"{i} is {i * 7 % 100} of {i * i}\t{label}" for i, label in enumerate(labels)]
        (root / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    corpora = {name: {"path": f"{name}.tsv", "source": 0, "target": 1} for name in targets}
    values = {"name": "toy", "task": "classify", "tokenizer": {"vocab_size": 300},
              "data": {"root": str(root), "prepared_dir": str(root / "prepared"), **corpora, **data}}  # fmt: skip
    return Manifest.load(prepare(make_recipe(values, "r")))


GOOD = ["good", "bad ", "très bon"] * 30


def test_labels_are_those_of_the_training_text_or_of_the_recipe(tmp_path: Path) -> None:
    assert prepared(tmp_path, {"train": GOOD, "valid": ["bad"]}).labels == ["bad", "good", "très bon"]
    named = ["très bon", "good", "bad", "awful"]
    other = prepared(tmp_path, {"train": GOOD, "valid": ["bad"]}, labels=named, prepared_dir=str(tmp_path / "p"))
    assert other.labels == named
    free = prepared(tmp_path, {"train": GOOD, "valid": ["x"]}, labels=None, prepared_dir=str(tmp_path / "q"))
    assert free.labels is None


@pytest.mark.parametrize(
    ("targets", "labels", "message", "hint"),
    [
        ({"train": GOOD, "valid": ["bad", "goood", "x"]}, "auto",
         "valid.tsv:2 has `goood`, which is none of the labels. Did you mean `good`? So have 1 more line.",
         "They are: bad, good, très bon."),
        ({"train": GOOD, "valid": ["bad"]}, ["good", "bad"],
         "train.tsv:3 has `très bon`, which is none of the labels. So have 29 more lines.", "They are: good, bad."),
        ({"train": [f"label {i}" for i in range(1200)], "valid": ["bad"]}, "auto",
         "train.tsv has more than 1,000 different labels.",
         "Is it the column of labels? What is written freely is for another task than `classify`."),
    ],
)  # fmt: skip
def test_another_label_is_refused(tmp_path: Path, targets: Any, labels: Any, message: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, targets, labels=labels)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["one"], "r: `data.labels` must be `auto`, or a list of two labels or more, but is a list."),
        ("good", "r: `data.labels` must be `auto`, or a list of two labels or more, but is 'good'."),
        (["a", "b", "a"], "r: `data.labels`: `a` is there twice."),
    ],
)
def test_labels_that_are_none(labels: object, message: str) -> None:
    corpus = {"source": "a", "target": "b"}
    data = {"labels": labels, "train": corpus, "valid": corpus}
    with pytest.raises(RecipeError) as caught:
        make_recipe({"name": "r", "task": "classify", "data": data}, "r")
    assert caught.value.message == message
