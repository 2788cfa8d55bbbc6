"""Sentences a second of our search beside CTranslate2's, with the same weights, on the same text.

    python scripts/bench/decode_speed.py runs/multi30k-en-fr [--test NAME] [--rounds 3] [--batch-tokens 2048 4096 8192]

CTranslate2 gets its best known settings for two cores: a worker for each core, with one thread. All read raw text and
give raw text. The engines take turns, each in a process of its own (waiting threads would slow the others), and
translates some lines before its clock starts. A table of medians is printed, and as the last line a JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = {"nmt": None, "ctranslate2 float32": None, "ctranslate2 int8": "int8"}  # and how its weights are stored
WARM_UP = 50  # lines


def measure(run: Path, test: str, beam: int, batch_tokens: int | None, model: Path | None) -> None:
    """In a process of its own: print seconds, BLEU, sentences and memory as JSON."""
    import sacrebleu
    import torch

    from nmt.data.workers import usable_cores
    from nmt.decode.ct2 import CTranslate2Engine
    from nmt.decode.translator import Translator
    from nmt.train.checkpoint import load_run_recipe

    torch.set_num_threads(usable_cores())
    prepared = load_run_recipe(run).prepared_dir
    src, ref = ((prepared / f"{test}.{side}.txt").read_text().split("\n")[:-1] for side in ("src", "tgt"))
    translator = Translator.load(run, device="cpu")
    if model is not None:
        engine = CTranslate2Engine(model, translator.tokenizer, "cpu")
        translator = Translator(engine, translator.tokenizer, translator.decode)
    changes = {"beam_size": beam} | ({"batch_tokens": batch_tokens} if batch_tokens else {})
    translator.decode = translator.decode.model_copy(update=changes)
    translator.translate(src[:WARM_UP])
    begun = time.perf_counter()
    hyps = [t.text for t in translator.translate(src)]
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([seconds, sacrebleu.corpus_bleu(hyps, [ref]).score, len(src), peak]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--test", default="valid", help="a split of the prepared data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--batch-tokens", type=int, nargs="+", default=[0], help="the recipe's if not given")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)  # what a process of its own is to do
    options = parser.parse_args()
    if options.measure:
        model, beam, batch_tokens = options.measure
        return measure(options.run, options.test, beam, batch_tokens, model and Path(model))

    import torch

    from nmt.decode.export import export
    from nmt.train.checkpoint import load_model

    found = {}
    print("| engine | beam | batch_tokens | sentences/s | BLEU | peak MB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        model, tokenizer, _, _ = load_model(options.run, "best", "cpu", torch.float32)
        paths = {name: Path(folder) / name for name in list(NAMES)[1:]}
        for name, path in paths.items():
            export(model, tokenizer, path, NAMES[name], {})
        for beam in options.beams:
            for batch_tokens in options.batch_tokens:
                results: dict[str, list[list[float]]] = {name: [] for name in NAMES}
                for _ in range(options.rounds):
                    for name in NAMES:
                        what = json.dumps([str(paths[name]) if name in paths else None, beam, batch_tokens])
                        command = [
                            sys.executable,
                            __file__,
                            str(options.run),
                            "--test",
                            options.test,
                            "--measure",
                            what,
                        ]
                        done = subprocess.run(command, capture_output=True, text=True, check=True)
                        results[name].append(json.loads(done.stdout))
                for name, rows in results.items():
                    speed = rows[0][2] / statistics.median(row[0] for row in rows)
                    bleu, peak = rows[0][1], max(row[3] for row in rows)
                    key = f"{name}, beam {beam}, batch_tokens {batch_tokens or 'of the recipe'}"
                    found[key] = {"sentences_per_second": round(speed, 1), "bleu": round(bleu, 2), "peak_mb": peak}
                    print(
                        f"| {name} | {beam} | {batch_tokens or ''} | {speed:,.0f} | {bleu:.2f} | {peak:,} |", flush=True
                    )
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
