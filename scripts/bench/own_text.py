"""How near the derived defaults come to a tuned recipe, on a text of one's own of 5,000, 30,000 or 150,000 pairs.

    python scripts/bench/own_text.py --text data/raw/tatoeba/eng-fra.tsv.gz --minutes 10 --work /tmp/own-text

Of each size a sample of Tatoeba, with 1,000 more pairs each held out for validation and test. The README's recipe for
one's own text (a name, the data, the minutes) is trained, and beside it recipes by hand: those of this repository and
one made for few pairs. The one that is best on the validation set is `tuned`. The ratio of their BLEU on the test set
is what counts.

Minutes mean something on a quiet machine only. On a busy one, --as-on GFLOPS trains as many steps as that many minutes
have where matrix products of 1,024 reach that speed (2 cores of a Zen 4: 110): --as-on 110.

Each training is a line of WORK/results.jsonl as soon as it is done; what is there is not trained again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.recipe import Recipe, make_recipe
from nmt.recipe.defaults import Counts, Machine, derive, plan_of
from nmt.run.checkpoint import find_checkpoint
from nmt.train.settle import counts_of

NMT = [sys.executable, "-c", "from nmt.cli import main; main()"]
SIZES = (5_000, 30_000, 150_000)
HELD_OUT = 1_000
DEFAULT = "default"
BY_HAND: dict[str, dict[str, Any]] = {
    "as tatoeba.yaml": {
        "tokenizer": {"vocab_size": 4000},
        "model": {"preset": "tiny", "dropout": 0.1},
        "train": {"batch_tokens": 2048, "learning_rate": 6e-3, "warmup_steps": 300, "schedule": "cosine"},
    },
    "as multi30k.yaml": {
        "tokenizer": {"vocab_size": 4000},
        "model": {"preset": "tiny", "dropout": 0.2},
        "train": {
            "batch_tokens": 2048, "learning_rate": 6e-3, "weight_decay": 0.1, "warmup_steps": 300, "schedule": "cosine",
        },
    },
    "for few pairs": {
        "tokenizer": {"vocab_size": 2000},
        "model": {"preset": "tiny", "dropout": 0.3},
        "train": {
            "batch_tokens": 1024, "learning_rate": 6e-3, "weight_decay": 0.1, "warmup_steps": 300, "schedule": "cosine",
        },
    },
}  # fmt: skip


def sample(text: Path, pairs: int, folder: Path) -> str:
    """Write a sample of the text and give its name. Pairs are drawn, as the file is sorted by length."""
    with gzip.open(text, "rt", encoding="utf-8") if text.suffix == ".gz" else open(text, encoding="utf-8") as file:
        lines = file.read().splitlines()
    chosen = sorted(random.Random(1).sample(range(len(lines)), min(len(lines), pairs + 2 * HELD_OUT)))
    folder.mkdir(parents=True, exist_ok=True)
    name = f"pairs-{pairs}.tsv"
    (folder / name).write_text("".join(lines[i] + "\n" for i in chosen), encoding="utf-8")
    return name


def recipe_of(name: str, table: str, options: argparse.Namespace, keys: dict[str, Any]) -> Recipe:
    work: Path = options.work
    values: dict[str, Any] = {
        "name": name,
        "data": {
            "source_lang": "en",
            "target_lang": "fr",
            "root": str(work),
            "train": {"path": table, "source": 0, "target": 1},
            "valid": {"holdout": options.held_out},
            "test": {"held_out": {"holdout": options.held_out}},
            "prepared_dir": str(work / "prepared"),
        },
    }
    values |= {section: dict(inner) for section, inner in keys.items()}
    values.setdefault("train", {})
    values["train"] |= {"max_minutes": options.minutes, "runs_dir": str(work / "runs")}
    return make_recipe(values, name)


def by_steps(recipe: Recipe, counts: Counts, vocab_size: int, gflops: float) -> Recipe:
    """The recipe with every key settled as on a quiet machine of that speed, and steps instead of minutes."""
    machine = Machine(0.5e9 * gflops, 0.005)
    if "tokenizer.vocab_size" in recipe.open_keys:
        recipe = recipe.filled({"tokenizer.vocab_size": vocab_size})
    recipe = recipe.filled(derive(recipe, counts, machine))
    section = recipe.train
    plan = plan_of(recipe, section, recipe.model, counts, section.batch_tokens, machine)
    assert plan.steps is not None, "there are minutes"
    return recipe.filled({"train.max_minutes": None, "train.max_steps": max(1, round(plan.steps))})


def train(recipe: Recipe, options: argparse.Namespace) -> dict[str, Any]:
    folder = prepare(recipe)
    manifest = Manifest.load(folder)
    if options.as_on:
        recipe = by_steps(recipe, counts_of(recipe, manifest), max(manifest.tokenizer.vocab_sizes), options.as_on)
    path = options.work / f"{recipe.name}.yaml"
    path.write_text(recipe.dump(), encoding="utf-8")
    began = time.perf_counter()
    subprocess.run([*NMT, "train", str(path)], check=True)
    minutes = (time.perf_counter() - began) / 60
    done = subprocess.run([*NMT, "evaluate", "--run", str(recipe.run_dir), "--json"], check=True, capture_output=True)
    best = find_checkpoint(recipe.run_dir)
    return {
        "steps": find_checkpoint(recipe.run_dir, "last").state.step,
        "minutes": round(minutes, 1),
        "valid": best.state.valid["bleu"],
        "test": json.loads(done.stdout)["held_out"]["bleu"]["score"],
    }


def report(results: list[dict[str, Any]]) -> None:
    print("| pairs | recipe | steps | minutes | valid BLEU | test BLEU | of the tuned |\n|---|---|---|---|---|---|---|")
    for pairs in sorted({r["pairs"] for r in results}):
        rows = [r for r in results if r["pairs"] == pairs]
        hand = [r for r in rows if r["recipe"] != DEFAULT]
        tuned = max(hand, key=lambda r: r["valid"]) if hand else None
        for r in rows:
            ratio = f"{r['test'] / max(1e-9, tuned['test']):.2f}" if tuned else "–"
            name = f"{r['recipe']} (tuned)" if r is tuned else r["recipe"]
            scores = f"{r['valid']:.1f} | {r['test']:.1f} | {ratio}"
            print(f"| {pairs:,} | {name} | {r['steps']:,} | {r['minutes']} | {scores} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=Path("data/raw/tatoeba/eng-fra.tsv.gz"))
    parser.add_argument("--work", type=Path, default=Path("own-text"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--as-on", type=float, metavar="GFLOPS", help="by steps, as on a quiet machine of that speed")
    parser.add_argument("--pairs", type=int, nargs="+", default=SIZES)
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--recipes", nargs="+", choices=[DEFAULT, *BY_HAND], default=[DEFAULT, *BY_HAND])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    log = options.work / "results.jsonl"
    results = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for pairs in options.pairs:
        table = sample(options.text, pairs, options.work)
        for which in options.recipes:
            if any((r["pairs"], r["recipe"]) == (pairs, which) for r in results):
                continue
            name = f"{which.replace(' ', '-').removesuffix('.yaml')}-{pairs}"
            recipe = recipe_of(name, table, options, BY_HAND.get(which, {}))
            results.append({"pairs": pairs, "recipe": which, **train(recipe, options)})
            with open(log, "a", encoding="utf-8") as file:
                file.write(json.dumps(results[-1]) + "\n")
    report(results)


if __name__ == "__main__":
    main()
