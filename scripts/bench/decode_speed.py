"""Sentences a second of our search beside CTranslate2's and fairseq's, with the same weights, on the same text.

    python scripts/bench/decode_speed.py runs/multi30k-en-fr [--test NAME] [--rounds 3] [--batch-tokens 4096 16384]

CTranslate2 gets its best known settings for two cores: a worker for each core, with one thread. It and we read raw text
and give raw text; of fairseq only the search is timed. The engines take turns, each in a process of its own (waiting
threads would slow the others), and translate some lines before their clock starts. A table of medians is printed, and
as the last line a JSON object: each engine at its best batch size, and our ratios to the others. fairseq is installed
at the first run, as for train_speed.py; `--engines` leaves it out.
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from train_speed import install_fairseq

QUANTIZED = {"ctranslate2 float32": None, "ctranslate2 int8": "int8"}  # how the weights are stored
ENGINES = ["nmt", *QUANTIZED, "fairseq"]
WARM_UP = 50  # lines


def read(run: Path, test: str) -> tuple[list[str], list[str]]:
    """Source and reference."""
    from nmt.run.folder import load_run_recipe

    prepared = load_run_recipe(run).prepared_dir
    src, ref = ((prepared / f"{test}.{side}.txt").read_text().split("\n")[:-1] for side in ("src", "tgt"))
    return src, ref


def measure(run: Path, test: str, beam: int, batch_tokens: int, model: str | None) -> None:
    """In a process of its own: print seconds, peak MB, texts and their tokens as JSON. `model`: of CTranslate2."""
    import torch

    from nmt.decode.ct2 import CTranslate2Engine
    from nmt.decode.translator import Translator
    from nmt.device import usable_cores

    torch.set_num_threads(usable_cores())
    src, _ = read(run, test)
    translator = Translator.load(run, device="cpu")
    if model is not None:
        engine = CTranslate2Engine(Path(model), translator.tokenizer, "cpu")
        translator = Translator(engine, translator.tokenizer, translator.decode)
    changes = {"beam_size": beam, "batch_tokens": batch_tokens}
    translator.decode = translator.decode.model_copy(update=changes)
    translator.translate(src[:WARM_UP])
    begun = time.perf_counter()
    found = translator.translate(src)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    tokens = sum(len(t.hypotheses[0][1].tokens) + 1 for t in found)
    print(json.dumps([seconds, peak, [t.text for t in found], tokens]))


class Contest:
    """The engines, ready to take turns."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        import torch

        from nmt.decode.export import export
        from nmt.device import usable_cores
        from nmt.run.load import load_translator_model

        self.options, self.work, self.threads = options, work, usable_cores()
        model, self.tokenizer, recipe, _ = load_translator_model(options.run, "best", "cpu", torch.float32)
        for name, quantization in QUANTIZED.items():
            if name in options.engines:
                export(model, self.tokenizer, work / name, quantization, {})
        if "fairseq" in options.engines:
            self.python = install_fairseq(options.peer_env)
            saved = {
                "section": recipe.model.model_dump(), "decode": recipe.decode.model_dump(mode="json"),
                "pieces": list(self.tokenizer.vocabulary("tgt")), "weights": model.state_dict(),
            }  # fmt: skip
            torch.save(saved, work / "model.pt")
            ids = self.tokenizer.encode(read(options.run, options.test)[0], "src")
            (work / "sources.json").write_text(json.dumps([list(row) for row in ids]))

    def turn(self, engine: str, beam: int, batch_tokens: int) -> tuple[float, int, list[str], int]:
        """Seconds, peak MB, texts, tokens of them with `</s>`."""
        if engine == "fairseq":
            script = Path(__file__).with_name("fairseq_decoder.py")
            numbers = [beam, batch_tokens, self.threads]
            seconds, peak, hyps = run([self.python, script, self.work, *numbers])
            return seconds, peak, self.tokenizer.decode(hyps), sum(len(row) + 1 for row in hyps)
        what = [str(self.work / engine) if engine in QUANTIZED else None, beam, batch_tokens]
        own = [self.options.run, "--test", self.options.test, "--measure", json.dumps(what)]
        seconds, peak, texts, tokens = run([sys.executable, __file__, *own])
        return seconds, peak, texts, tokens


def run(command: Sequence[object]) -> Any:
    """Its last line of output."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[1]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--test", default="valid", help="a split of the prepared data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beams", type=int, nargs="+", default=[5, 1])
    parser.add_argument("--batch-tokens", type=int, nargs="+", default=[4096, 16_384])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--peer-env", type=Path, default=Path.home() / ".cache" / "nmt-bench" / "fairseq")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)  # what a process of its own is to do
    options = parser.parse_args()
    if options.measure:
        model, beam, batch_tokens = options.measure
        return measure(options.run, options.test, beam, batch_tokens, model)

    import sacrebleu

    _, ref = read(options.run, options.test)
    best: dict[str, dict[str, dict[str, float]]] = {}
    print("| engine | beam | batch_tokens | sentences/s | tokens/s | BLEU | peak MB |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(options, Path(folder))
        for beam in options.beams:
            found = best[f"beam {beam}"] = {}
            for size in options.batch_tokens:
                turns = [
                    {name: contest.turn(name, beam, size) for name in options.engines} for _ in range(options.rounds)
                ]
                for name in options.engines:
                    seconds = statistics.median(turn[name][0] for turn in turns)
                    _, _, texts, tokens = turns[0][name]
                    peak = max(turn[name][1] for turn in turns)
                    bleu = sacrebleu.corpus_bleu(texts, [ref]).score
                    speed = len(ref) / seconds
                    row = (
                        f"| {name} | {beam} | {size} | {speed:,.0f} | {tokens / seconds:,.0f} | {bleu:.2f} | {peak:,} |"
                    )
                    print(row, flush=True)
                    if name not in found or speed > found[name]["sentences_per_second"]:
                        found[name] = {"sentences_per_second": round(speed, 1), "bleu": round(bleu, 2), "peak_mb": peak}
    for found in best.values():
        for name in found if "nmt" in found else ():
            if name != "nmt":
                ours, theirs = (found[n]["sentences_per_second"] for n in ("nmt", name))
                found["nmt"][f"ratio to {name}"] = round(ours / theirs, 3)
    print(json.dumps(best))


if __name__ == "__main__":
    sys.exit(main())
