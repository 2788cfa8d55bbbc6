"""Sentences a second of our search beside CTranslate2's, with the same weights, on the same text.

    python scripts/bench/decode_speed.py runs/multi30k-en-fr [--test NAME] [--rounds 3] [--batch-tokens 2048 4096 8192]

CTranslate2 gets its best known settings for two cores: a worker for each core, with one thread. All read raw text and
give raw text. The engines take turns; a table of medians is printed, and as the last line a JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import sacrebleu
import torch

from nmt.data.workers import usable_cores
from nmt.decode.ct2 import CTranslate2Engine
from nmt.decode.export import export
from nmt.decode.translator import Translator

NAMES = ("nmt", "ctranslate2 float32", "ctranslate2 int8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--test", default="valid", help="a split of the prepared data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--batch-tokens", type=int, nargs="+", help="of ours and theirs; the recipe's if not given")
    options = parser.parse_args()
    torch.set_num_threads(usable_cores())
    ours = Translator.load(options.run, device="cpu")
    from nmt.train.checkpoint import load_run_recipe

    prepared = load_run_recipe(options.run).prepared_dir
    src, ref = ((prepared / f"{options.test}.{side}.txt").read_text().split("\n")[:-1] for side in ("src", "tgt"))
    translators = {"nmt": ours}
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, quantization in zip(NAMES[1:], (None, "int8"), strict=True):
            path = Path(folder) / name
            export(ours.engine.scorer.model, ours.tokenizer, path, quantization, {})  # type: ignore[attr-defined]
            translators[name] = Translator(CTranslate2Engine(path, ours.tokenizer, "cpu"), ours.tokenizer, ours.decode)
        for beam in options.beams:
            for batch_tokens in options.batch_tokens or [ours.decode.batch_tokens]:
                decode = ours.decode.model_copy(update={"beam_size": beam, "batch_tokens": batch_tokens})
                seconds: dict[str, list[float]] = {name: [] for name in NAMES}
                bleu = {}
                for _ in range(options.rounds):
                    for name, translator in translators.items():
                        translator.decode = decode
                        begun = time.perf_counter()
                        hyps = [t.text for t in translator.translate(src)]
                        seconds[name].append(time.perf_counter() - begun)
                        bleu[name] = sacrebleu.corpus_bleu(hyps, [ref]).score
                for name in NAMES:
                    speed = len(src) / statistics.median(seconds[name])
                    found[f"{name}, beam {beam}, batch_tokens {batch_tokens}"] = {
                        "sentences_per_second": round(speed, 1), "bleu": round(bleu[name], 2),
                    }  # fmt: skip
                    print(f"| {name} | {beam} | {batch_tokens} | {speed:,.0f} | {bleu[name]:.2f} |", flush=True)
    print(json.dumps({**found, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    sys.exit(main())
