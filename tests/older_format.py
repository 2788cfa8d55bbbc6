"""Runs and prepared data as format 1 had them: what nmt wrote before there were corpora and two model files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nmt.data.manifest import MANIFEST, Manifest
from nmt.files import describe_file
from nmt.tokenizer.tokenizer import SEEN_FILE, SHARED_FILE, SRC_FILE, TGT_FILE, fingerprint_of

SIDES = {"src": "en", "tgt": "fr"}
NEWER = (".examples.npy", ".index.json", ".lengths.npy")  # files that there were not


def format_1(manifest: Manifest) -> dict[str, Any]:
    """By side, without corpora."""
    values = manifest.model_dump()
    for name, split in values["splits"].items():
        flat = {f"{side}_{kind}": split[side][kind] for side in SIDES for kind in ("tokens", "longest", "p99")}
        values["splits"][name] = {
            "read": split["read"],
            "dropped": split["dropped"],
            "pairs": split["examples"],
            **flat,
        }
    values["splits"]["train"]["src_several_sentences"] = 0.0
    values["outputs"] = {_by_side(name): file for name, file in values["outputs"].items() if not name.endswith(NEWER)}
    values["tokenizer"].pop("origin")
    values["sections"]["tokenizer.character_coverage"] = 1.0
    for key in ("corpora", "languages"):
        values.pop(key)
    return values | {"format": 1}


def make_older(run: Path, prepared: Path) -> None:
    """Rewrite both, so that the tokenizer is one model for both sides, with the rules of the source. The ids of plain
    text are the same with either.
    """
    values = format_1(Manifest.load(prepared))
    for folder in (run, prepared):
        (folder / SRC_FILE).rename(folder / SHARED_FILE)
        for name in (TGT_FILE, SEEN_FILE):
            (folder / name).unlink()
    for path in sorted(prepared.iterdir()):
        path.unlink() if path.name.endswith(".examples.npy") else path.rename(prepared / _by_side(path.name))
    values["outputs"] = {
        path.name: {"size": path.stat().st_size, "sha256": describe_file(path).sha256}
        for path in sorted(prepared.iterdir())
        if path.name != MANIFEST
    }
    values["tokenizer"]["fingerprint"] = fingerprint_of(run)
    for folder in (run, prepared):
        (folder / MANIFEST).write_text(json.dumps(values), encoding="utf-8")
    recipe = (run / "recipe.yaml").read_text(encoding="utf-8")
    recipe = recipe.replace("character_coverage: auto", "character_coverage: 1.0")
    recipe = re.sub(r"^ +(max_segment|max_epochs|max_minutes|from):.*\n", "", recipe, flags=re.MULTILINE)
    (run / "recipe.yaml").write_text(recipe, encoding="utf-8")
    for path in (run / "checkpoints").glob("*/state.json"):
        file = json.loads(path.read_bytes())
        interval = file["state"]["interval"]
        sums = interval.pop("sums")
        file["state"]["batch_in_epoch"] = file["state"].pop("batch_in_window")
        del file["state"]["window"]
        file["state"]["interval"] = {"loss": sums.get("loss", 0.0), "plain": sums.get("nll", 0.0), **interval}
        path.write_text(json.dumps(file | {"format": 1}), encoding="utf-8")


def _by_side(name: str) -> str:
    """`train.en.u16` as `train.src.u16`."""
    for side, language in SIDES.items():
        name = name.replace(f".{language}.", f".{side}.")
    return name
