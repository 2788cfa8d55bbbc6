"""Several languages in one model, from the recipe to translations, scores and checks, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Nmt

WORDS = {
    "aa": ["kalo", "mipu", "tesa", "rogi"],
    "bb": ["brundi", "sklefo", "vastor", "plenku"],
    "cc": ["zhewun", "qouxip", "jydaff", "wexhol"],
}
RECIPE = """\
name: toy
data:
  root: text
  train: {files: {aa: train.aa, bb: train.bb, cc: train.cc}}
  valid: {files: {aa: valid.aa, bb: valid.bb, cc: valid.cc}}
  test: {t: {files: {aa: test.aa, bb: test.bb, cc: test.cc}}}
  directions: [aa-bb, aa-cc, bb-aa, cc-aa]
  zero_shot: [bb-cc, cc-bb]
  temperature: 2
  filters: {drop_duplicates: false}
model: {d_model: 32, d_ff: 64, num_heads: 2, num_encoder_layers: 1, num_decoder_layers: 1, dropout: 0}
train: {batch_tokens: 200, learning_rate: 1e-2, warmup_steps: 10, max_steps: 150, eval_every: 150, save_every: 75,
  average_best: 0, threads: 1, schedule: cosine, label_smoothing: 0, ema_decay: 0.9, metric: "bleu:cc-aa"}
decode: {beam_size: 2}
"""


def in_language(language: str, row: list[int]) -> str:
    return " ".join(WORDS[language][i] for i in row)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(1)
    (tmp_path / "text").mkdir()
    for split, number in (("train", 400), ("valid", 6), ("test", 5)):
        rows = [rng.integers(0, 4, rng.integers(1, 4)).tolist() for _ in range(number)]
        for language in WORDS:
            text = "".join(f"{in_language(language, row)}\n" for row in rows)
            (tmp_path / "text" / f"{split}.{language}").write_text(text, encoding="utf-8")
    (tmp_path / "toy.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "tags", ["target", pytest.param("source", marks=pytest.mark.slow), pytest.param("both", marks=pytest.mark.slow)]
)
def test_one_model_translates_into_the_language_that_is_asked_for(toy: Path, nmt: Nmt, tags: str) -> None:
    code, _, err = nmt("train", "toy.yaml", f"data.tags={tags}")
    assert code == 0, err
    log = [json.loads(line) for line in Path("runs/toy/log.jsonl").read_text(encoding="utf-8").splitlines()]
    valid = next(r for r in log if r["event"] == "valid")
    trained = [valid[f"chrf:{d}"] for d in ("aa-bb", "aa-cc", "bb-aa", "cc-aa")]
    assert valid["chrf"] == pytest.approx(sum(trained) / 4, abs=1e-3) and "chrf:bb-cc" in valid
    assert valid["chrf"] > 80, valid
    for to in ("bb", "cc"):
        # A tag as text is text; a blank line stays blank
        code, out, err = nmt("translate", "--to", to, "--from", "aa", stdin=b"kalo tesa\n\n<2bb> <2cc>\n")
        assert (code, out.splitlines()[:2]) == (0, [in_language(to, [0, 2]), ""]), err
        assert "<2" not in out
    for options in (["--sample", "--seed", "1"], ["--n-best", "2"], ["--include", "zhewun"], ["--alignments"]):
        code, out, err = nmt("translate", "--to", "cc", "--from", "aa", *options, stdin=b"kalo tesa\n")
        assert code == 0 and not any(word in out for word in [*WORDS["bb"], "<2"]), (options, out, err)
    both = [nmt("translate", "--to", "cc", "--from", "aa", "--engine", engine, "--prefix", "zhewun",
                "--format", "jsonl", stdin=b"kalo tesa rogi\n") for engine in ("nmt", "ctranslate2")]  # fmt: skip
    assert [code for code, _, _ in both] == [0, 0], both
    ours, theirs = ([json.loads(line) for line in out.splitlines()] for _, out, _ in both)
    for a, b in zip(ours, theirs, strict=True):
        assert a["translation"] == b["translation"] and a["translation"].startswith("zhewun")
    asked = '{"text": "kalo", "to": "cc", "from": "aa"}\n{"text": "qouxip", "to": "aa", "from": "cc"}\n'
    _, out, _ = nmt("translate", "--input-format", "jsonl", "--format", "jsonl", stdin=asked.encode())
    answers = [json.loads(line) for line in out.splitlines()]
    assert [(a["to"], a["translation"]) for a in answers] == [("cc", "zhewun"), ("aa", "mipu")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(toy / "cache"))
        code, _, err = nmt("package", "runs/toy", "-o", "toy.nmt", "--for", "nmt")
        assert code == 0 and "Our own engine" not in err
        for to in ("bb", "cc"):
            code, out, err = nmt("translate", "--run", "toy.nmt", "--to", to, "--from", "aa", stdin=b"kalo tesa\n")
            assert (code, out) == (0, f"{in_language(to, [0, 2])}\n"), err


def test_what_is_not_told_is_asked_for(toy: Path, nmt: Nmt) -> None:
    assert nmt("train", "toy.yaml", "train.max_steps=2", "data.tags=both")[0] == 0
    for options, message in (
        ([], "✗ runs/toy translates into bb, cc and aa; say which: --to bb"),
        (["--to", "aa"], "✗ runs/toy translates from bb and cc; say which: --from bb"),
        (["--to", "fr"], "✗ runs/toy translates into bb, cc and aa, not into 'fr'."),
        (["--to", "bb", "--from", "fr"], "✗ runs/toy translates from aa, bb and cc, not from 'fr'."),
    ):
        code, out, err = nmt("translate", "--run", "runs/toy", *options, stdin=b"a\n")
        assert (code, out, err.strip().splitlines()) == (2, "", [message])
    line = b'{"text": "a", "to": "bb", "from": "aa"}\n{"text": "a", "to": "fr"}\n'
    code, out, err = nmt("translate", "--run", "runs/toy", "--input-format", "jsonl", stdin=line)
    assert code == 2 and len(out.splitlines()) == 1
    assert "✗ <stdin>:2: runs/toy translates into bb, cc and aa, not into 'fr'." in err
    code, _, err = nmt("package", "runs/toy", "-o", "hub", "--for", "hub")
    assert (code, Path("hub").exists()) == (2, False)
    assert (
        "runs/toy is told languages by tags, and programs of translation give a model one text in one language." in err
    )
    (toy / "src").write_text("kalo\n", encoding="utf-8")
    (toy / "tgt").write_text("brundi\n", encoding="utf-8")
    code, _, err = nmt("score", "--pair", "--run", "runs/toy", "--src", "src", "--tgt", "tgt")
    assert code == 2 and "Pairs are scored by a translator of one direction" in err
    scored = [nmt("score", "--src", "src", "--tgt", "tgt", "--to", to, "--from", "aa")[1] for to in ("bb", "cc")]
    assert scored[0] != scored[1]


def test_scores_have_a_row_a_direction_and_means(toy: Path, nmt: Nmt) -> None:
    assert nmt("train", "toy.yaml", "train.max_steps=2")[0] == 0
    code, out, err = nmt("evaluate", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert list(found) == [
        "t:aa-bb", "t:aa-cc", "t:bb-aa", "t:cc-aa", "t:bb-cc", "t:cc-bb",
        "all trained (mean)", "into aa (mean)", "out of aa (mean)", "zero-shot (mean)",
    ]  # fmt: skip
    into = [found[name]["chrf"]["score"] for name in ("t:bb-aa", "t:cc-aa")]
    assert found["into aa (mean)"]["chrf"]["score"] == pytest.approx(sum(into) / 2)
    code, out, err = nmt("evaluate", "--test", "t:cc-bb")
    assert code == 0 and "t:cc-bb" in out and "t:aa-bb" not in out
    assert nmt("evaluate", "--test", "t:aa-xx")[2].strip().splitlines()[-2:] == [
        "✗ `t:aa-xx` is no test set of runs/toy.",
        "  Known: t:aa-bb, t:aa-cc, t:bb-aa, t:cc-aa, t:bb-cc, t:cc-bb.",
    ]
    for command in ("verify", "show", "report"):
        code, out, err = nmt(command, "runs/toy")
        assert code == 0, err
    assert "everything matches" in nmt("verify", "runs/toy")[1]


def test_a_training_that_goes_on_gives_the_same_weights(toy: Path, nmt: Nmt) -> None:
    keys = ["train.eval_every=6", "train.save_every=3"]
    assert nmt("train", "toy.yaml", *keys, "train.max_steps=6", "train.schedule=inverse_sqrt")[0] == 0
    whole = Path("runs/toy/checkpoints/step-00000006/model.safetensors").read_bytes()
    for steps in ("3", "6"):
        again = [*keys, f"train.max_steps={steps}", "train.schedule=inverse_sqrt", "train.runs_dir=again"]
        assert nmt("train", "toy.yaml", *again)[0] == 0
    assert Path("again/toy/checkpoints/step-00000006/model.safetensors").read_bytes() == whole
