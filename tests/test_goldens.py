"""Goldens of preparing: the bytes of the ids, offsets and texts, and the plan of batches, as they have always been.

They are integers, so they are the same on every machine. What depends on the machine (losses, weights, translations) is
compared between two checkouts on one machine: scripts/bench/goldens.py. Where a change is wanted, the test names a file
with the new numbers to put in place of tests/golden/prepared.json.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmt.data.batches import plan_batches
from tests.conftest import Nmt

GOLDEN = Path(__file__).parent / "golden" / "prepared.json"
EPOCHS = (0, 3)

# Every key that decides the bytes is given: a new default is no change of what preparing does.
COMMON = """\
  filters: {max_chars: 90, max_ratio: 3.0, drop_blank: true, drop_duplicates: true, drop_identical: true}
  prepared_dir: prepared
model: {tie_embeddings: target}
train: {max_steps: 1}
"""
RECIPES = {
    "one corpus": """\
name: golden
data:
  source_lang: en
  target_lang: fr
  root: text
  train: {source: first.en, target: first.fr}
  valid: {source: test.en, target: test.fr}
  test:
    test: {source: test.en, target: test.fr}
""" + COMMON + "tokenizer: {kind: bpe, vocab_size: 340, character_coverage: 1.0, normalization: nmt_nfkc}\n",
    "two corpora": """\
name: golden
data:
  source_lang: en
  target_lang: fr
  root: text
  train:
    - {path: first.tsv, source: 1, target: 0}
    - {path: second.jsonl, source: text.en, target: text.fr}
  valid: {holdout: 12}
  test:
    lines: {source: test.en, target: test.fr}
    rows: {path: first.tsv, source: 1, target: 0}
""" + COMMON + """\
tokenizer: {kind: bpe, shared: false, vocab_size: 330, character_coverage: 1.0, normalization: nmt_nfkc}
""",
}  # fmt: skip

SUBJECTS = [("The dog", "Le chien"), ("A small child", "Un petit enfant"), ("My sister", "Ma sœur"), ("She", "Elle")]
VERBS = [("sees", "voit"), ("draws", "dessine"), ("is looking for", "cherche"), ("sells", "vend"), ("finds", "trouve")]
OBJECTS = [
    ("a red ball", "un ballon rouge"), ("the café", "le café"), ("two old houses", "deux vieilles maisons"),
    ("bread", "du pain"), ("it", "ça"), ("the map of this town", "la carte de cette ville"), ("me", "moi"),
]  # fmt: skip
ENDS = [(".", "."), (" today.", " aujourd'hui."), (" in the garden of his aunt!", " dans le jardin de sa tante !")]
# A pair that comes twice, blanks, sides of unequal length, a copy, a long line, and characters that are normalised.
ODD = [
    ("She sees me.", "Elle voit moi."), ("She sees me.", "Elle voit moi."), ("", "Rien."), ("Nothing.", ""),
    ("Yes.", "Oui, oui, oui, oui, oui, oui, oui, oui, oui, oui, oui."), ("Paris", "Paris"),
    ("word " * 20 + "end", "mot " * 20 + "fin"), ("½ of １２ …", "½ de １２…"), ("日本 is far.", "Le 日本 est loin."),
]  # fmt: skip


def pairs() -> list[tuple[str, str]]:
    """420 different pairs in an order without a pattern, by arithmetic alone."""
    made = [
        (f"{s[0]} {v[0]} {o[0]}{e[0]}", f"{s[1]} {v[1]} {o[1]}{e[1]}")
        for s in SUBJECTS for v in VERBS for o in OBJECTS for e in ENDS
    ]  # fmt: skip
    return [made[i * 173 % len(made)] for i in range(len(made))]


def write_text(folder: Path) -> None:
    folder.mkdir()
    everything = pairs()
    train, test = everything[:390], everything[390:]
    for name, chosen in (("first", train[:200] + ODD), ("test", test)):
        for side, lang in enumerate(("en", "fr")):
            text = "".join(f"{pair[side]}\n" for pair in chosen)
            (folder / f"{name}.{lang}").write_text(text, encoding="utf-8", newline="\n")
    rows = "".join(f"{fr}\t{en}\n" for en, fr in train[:200] + ODD)
    (folder / "first.tsv").write_text(rows, encoding="utf-8", newline="\n")
    objects = [json.dumps({"text": {"en": en, "fr": fr}}) for en, fr in train[180:] + ODD]
    (folder / "second.jsonl").write_text("".join(f"{o}\n" for o in objects), encoding="utf-8", newline="\n")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def by_side(name: str) -> str:
    """The name of a file of English or French as the golden numbers have it."""
    return name.replace(".en.", ".src.").replace(".fr.", ".tgt.")


def golden_bytes(path: Path) -> bytes:
    """Of a file; lengths as the offsets that they were stored as when the golden numbers were written."""
    if not path.name.endswith(".lengths.npy"):
        return path.read_bytes()
    file = io.BytesIO()
    np.save(file, np.concatenate([[0], np.cumsum(np.load(path), dtype=np.int64)]))
    return file.getvalue()


def plan(folder: Path, epoch: int) -> list[list[list[int]]]:
    """Updates → micro-batches → pairs, as seed 1 has them."""
    src, tgt = (np.load(folder / f"train.{language}.lengths.npy").astype(np.int64) for language in ("en", "fr"))
    updates = plan_batches(src, tgt, batch_tokens=300, max_tokens=200, seed=1, epoch=epoch, shares=2)
    return [[part.tolist() for part in update] for update in updates]


def test_prepared_bytes_and_plans_are_the_golden_ones(
    nmt: Nmt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, dict[str, Any]] = {}
    for kind, recipe in RECIPES.items():
        project = tmp_path / kind
        project.mkdir()
        monkeypatch.chdir(project)
        write_text(project / "text")
        (project / "golden.yaml").write_text(recipe, encoding="utf-8")
        code, _, err = nmt("prepare", "golden.yaml")
        assert code == 0, err
        folder = project / "prepared" / "golden"
        # Of a tokenizer the file also tells the version that wrote it; what it does is in the ids.
        chosen = [path for path in sorted(folder.iterdir()) if path.suffix in (".u16", ".npy", ".txt")]
        files = {by_side(path.name).replace(".lengths.", ".offsets."): path for path in chosen}
        examples = [files.pop(name) for name in list(files) if name.endswith(".examples.npy")]
        assert len(files) == 3 * 6 - 2 + 6 * (kind == "two corpora")
        for path in examples:  # example i is row i on both sides
            table = np.load(path)
            assert table[:, 1].tolist() == table[:, 2].tolist() == list(range(len(table)))
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        plans = {epoch: plan(folder, epoch) for epoch in EPOCHS}
        found[kind] = {
            "files": {name: sha256(golden_bytes(path)) for name, path in files.items()},
            "dropped": manifest["splits"]["train"]["dropped"],
            "plan": {f"epoch {epoch}": sha256(json.dumps(updates).encode()) for epoch, updates in plans.items()},
            "updates": {f"epoch {epoch}": [len(update) for update in updates] for epoch, updates in plans.items()},
        }
    new = tmp_path / "prepared.json"
    new.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8")), f"the new numbers are in {new}"
