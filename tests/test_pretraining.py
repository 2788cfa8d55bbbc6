"""Pre-training pays: with few pairs, a translator that begins with text without translations is better by far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nmt.data.prepare import prepare
from nmt.recipe import make_recipe
from nmt.run.checkpoint import find_checkpoint
from nmt.train.trainer import train

DEMO = Path(__file__).resolve().parents[1] / "data" / "demo"


def trained(tmp_path: Path, name: str, **sections: Any) -> Path:
    data = {"source_lang": "en", "target_lang": "fr", "root": str(DEMO), "prepared_dir": str(tmp_path / "prepared")}
    values = {
        "name": name,
        "data": data | sections.pop("data"),
        "model": {"d_model": 128, "d_ff": 256, "num_heads": 4, "num_encoder_layers": 2, "num_decoder_layers": 2},
        "train": {"batch_tokens": 1024, "learning_rate": 3e-3, "warmup_steps": 50, "schedule": "cosine", "patience": 0,
                  "runs_dir": str(tmp_path / "runs"), "threads": 2} | sections.pop("train"),
        **sections,
    }  # fmt: skip
    recipe = make_recipe(values, name)
    return train(recipe, prepare(recipe), f"nmt train {name}.yaml")


@pytest.mark.slow
def test_a_translator_from_few_pairs_gains_by_text_without_translations(tmp_path: Path) -> None:
    text = [{"text": "train.en", "lang": "en"}, {"text": "train.fr", "lang": "fr"}]
    valid = [{"text": "valid.en", "lang": "en"}, {"text": "valid.fr", "lang": "fr"}]
    parent = trained(
        tmp_path, "parent", data={"train": text, "valid": valid}, objective="infill", tokenizer={"vocab_size": 2000},
        train={"max_steps": 600, "eval_every": 600},
    )  # fmt: skip
    pairs = {
        "train": {"source": "train.en", "target": "train.fr", "take": 500},
        "valid": {"source": "valid.en", "target": "valid.fr"},
    }
    limits = {"max_steps": 200, "eval_every": 200}
    child = trained(tmp_path, "child", data=pairs, train=limits | {"init_from": str(parent)})
    scratch = trained(tmp_path, "scratch", data=pairs, train=limits, tokenizer={"vocab_size": 600})
    with_text, without = (find_checkpoint(run, "last").state.valid["bleu"] for run in (child, scratch))
    assert with_text > without + 5
