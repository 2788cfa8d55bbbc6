"""Every example that `nmt translate --help` shows is run; what options print."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from itertools import chain
from pathlib import Path

import pytest

from nmt.commands.translating import SEARCH, app
from nmt.recipe import DecodeSection
from tests import documents

LINES = "The cat sleeps.\n\nThe child eats a red apple in the garden.\n"


def examples() -> list[str]:
    command = next(c for c in app.registered_commands if c.callback and c.callback.__name__ == "translate")
    return re.findall(r"`(nmt translate [^`]+)`", f"{command.callback.__doc__} {command.epilog}")


def test_every_key_of_the_search_is_an_option() -> None:
    """But for the beam of the validations in training."""
    assert {*chain.from_iterable(SEARCH.values()), "valid_beam_size"} == set(DecodeSection.model_fields)
    assert all(field.description for field in DecodeSection.model_fields.values())


def test_examples_show_every_control() -> None:
    assert len(examples()) == 10
    for option in ("beam-size", "no-repeat-ngram", "coverage-penalty", "min-len-ratio", "diverse-groups", "n-best"):
        assert any(f"--{option}" in example for example in examples())


@pytest.mark.parametrize("example", examples())
def test_every_example_works(project: Path, nmt, example: str) -> None:
    words = shlex.split(example)
    (project / "input.txt").write_text(LINES, encoding="utf-8")
    rows = [json.dumps({"id": i, "text": line}) for i, line in enumerate(LINES.splitlines())]
    (project / "input.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (project / "terms.tsv").write_text("apple\tpomme\n", encoding="utf-8")
    (project / "report.docx").write_bytes(documents.docx())
    for name in ("one", "two"):
        shutil.copytree(project / "runs/mini", project / "runs" / name)
    stdin, target = b"", None
    if "<" in words:
        stdin = (project / words[words.index("<") + 1]).read_bytes()
        words = words[: words.index("<")]
    if "-o" in words:
        target = project / words[words.index("-o") + 1]
    code, out, err = nmt(*words[1:], stdin=stdin)
    assert code == 0, err
    if target and target.suffix == ".docx":
        assert target.stat().st_size > 0
        return
    lines = (target.read_bytes().decode() if target else out).split("\n")[:-1]
    if "--n-best" in words:
        numbers = [line.partition("\t")[0] for line in lines]
        assert numbers == sorted(numbers) and set(numbers) == {"1", "2", "3"}
        assert numbers.count("1") == numbers.count("3") == int(words[words.index("--n-best") + 1])
    else:
        assert len(lines) == 3
    if "--prefix" in words:
        assert lines[0].startswith("Deux chiens") and "neige" in lines[0] and "blanc" not in lines[0]
    if "--glossary" in words:
        assert "pomme" in lines[2]


def test_attention_and_alignment_in_json(project: Path, nmt) -> None:
    code, out, _ = nmt("translate", "--format", "jsonl", "--attention", "--alignments", stdin=b"The cat sleeps.\n")
    assert code == 0
    found = json.loads(out)
    (best,) = found["hypotheses"]
    assert re.fullmatch(r"(\d+-\d+( \d+-\d+)*)?", best["alignment"])
    assert [len(row) for row in best["attention"]] == [len(found["source_tokens"])] * len(best["tokens"])


def test_a_phrase_that_is_missing_is_said(project: Path, nmt) -> None:
    arguments = ["--max-len-ratio", "0.01", "--prefix", "Un très long début de phrase", "--exclude", "long"]
    code, out, err = nmt("translate", *arguments, stdin=b"The cat sleeps.\n")
    assert code == 0
    assert out.startswith("Un très long début")
    assert "line 1 has what should not be in its translation: long" in err


def test_scores_are_those_of_the_search(project: Path, nmt) -> None:
    Path("src.txt").write_text("The cat sleeps.\nA dog.\n", encoding="utf-8")
    Path("tgt.txt").write_text("Le chat dort.\nUn chien.\n", encoding="utf-8")
    code, out, _ = nmt("score", "--src", "src.txt", "--tgt", "tgt.txt")
    assert code == 0
    score, log_prob = map(float, out.splitlines()[0].split("\t"))
    code, out, _ = nmt("score", "--src", "src.txt", "--tgt", "tgt.txt", "--format", "jsonl")
    first = json.loads(out.splitlines()[0])
    assert (first["score"], first["log_prob"]) == (score, log_prob)
    assert len(first["tokens"]) == len(first["log_probs"])
    assert sum(first["log_probs"]) == pytest.approx(log_prob, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["translate", "--beam-size", "5", "--diverse-groups", "3"],
            "`diverse_groups` (3) must divide `beam_size` (5)",
        ),
        (["translate", "--sample", "--diverse-groups", "2"], "exclude each other"),
        (["translate", "--top-p", "0.5"], "`--top-p` changes nothing without --sample"),
        (["translate", "--diversity", "1"], "`--diversity` changes nothing without --diverse-groups"),
        (["translate", "--ensemble", "log"], "`--ensemble` changes nothing without a second --run"),
        (["translate", "--exclude", " "], "a phrase to exclude is blank"),
        (["translate", "--min-len-ratio", "3"], "`min_len_ratio` (3.0) is above `max_len_ratio` (2.0)"),
        (
            ["translate", "--sample", "--top-p", "0"],
            "Invalid value for '--top-p': must be greater than 0, but is 0.",
        ),
        (["translate", "--beam-size", "many"], "'--beam-size': must be a whole number, but is 'many'."),
        (["translate", "--beam-size", "[1"], "'--beam-size': must be a whole number, but is '[1'."),
        (["evaluate", "--beam-size", "101"], "'--beam-size': must be at most 100, but is 101."),
        (["score", "--length-penalty", "-1"], "'--length-penalty': must be at least 0, but is -1."),
        (["translate", "--mbr", "ter"], "'--mbr': must be one of `none`, `chrf`, `bleu`, but is 'ter'."),
        (["translate", "--include", "caf\udce9"], "the phrase 'caf\\udce9' is not valid Unicode (character 4)."),
        (["translate", "--sample", "--protect"], "`sampling` cannot be combined with phrases"),
        (["translate", "--attention"], "`--attention` does not fit in a line of text"),
        (["translate", "--glossary", "no.tsv"], "no.tsv cannot be read"),
        (["translate", "--run", "runs/mini", "--run", "runs/no"], "runs/no is not a run folder"),
        (["score", "--src", "text/test.en", "--tgt", "text/train.fr"], "text/test.en ends after 20 lines"),
        (["score", "--src", "text/test.en", "--tgt", "no.fr"], "there is no input file no.fr"),
    ],
)
def test_what_cannot_be_done_is_said(project: Path, nmt, arguments: list[str], message: str) -> None:
    code, _, err = nmt(*arguments, stdin=b"A dog.\n")
    assert code == 2
    assert message in " ".join(err.split())


def test_runs_with_other_tokenizers_make_no_ensemble(project: Path, nmt) -> None:
    code, _, err = nmt("train", "mini.yaml", "name=other", "tokenizer.vocab_size=420", "train.max_steps=4")
    assert code == 0, err
    code, out, err = nmt("translate", "--run", "runs/mini", "--run", "runs/other", stdin=b"A dog.\n")
    assert (code, out) == (2, "")
    assert "have different tokenizers" in err


def test_the_report_shows_what_the_model_looks_at(project: Path, nmt) -> None:
    assert nmt("report", "runs/mini")[0] == 0
    before = Path("runs/mini/report.html").read_text(encoding="utf-8").count('aria-label="attention"')
    assert nmt("evaluate", "--run", "runs/mini")[0] == 0
    assert nmt("report", "runs/mini")[0] == 0
    after = Path("runs/mini/report.html").read_text(encoding="utf-8").count('aria-label="attention"')
    assert (before, after) == (0, 3)
    for weights in Path("runs/mini/checkpoints").glob("*/model.safetensors"):
        weights.write_bytes(weights.read_bytes()[:-1])
    code, _, err = nmt("report", "runs/mini")
    assert code == 0 and "The report is without attention" in err
