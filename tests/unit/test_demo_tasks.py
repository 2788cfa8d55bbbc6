"""The generated questions: they can be answered from their facts alone, and ask of what training never had together."""

import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))  # as when the generator runs as a script

import make_demo_tasks as tasks


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_one_fact_answers_a_question(split: str) -> None:
    others = []
    for row in islice(tasks.rows(tasks.question, split), 300):
        facts = [fact.removesuffix(".") for fact in str(row["context"]).split(". ")]
        # "Where is Anna's cup?" or "What colour is Anna's cup?"
        owner, thing = str(row["question"]).removesuffix("?").split(" is ")[1].split("'s ")
        told = [fact for fact in facts if fact.startswith(f"{owner}'s {thing} is ")]
        told += [f"{owner}'s {thing} is {fact.split()[3]}" for fact in facts
                 if fact.startswith(f"{owner} has a ") and fact.endswith(f" {thing}")]  # fmt: skip
        assert told == [str(row["answer"]).removesuffix(".")]
        assert tasks.split_of(owner, thing) == split
        others.append(len(facts) - 1)
    assert set(others) == ({1, 2, 3, 4} if split == "train" else {2, 3, 4})
