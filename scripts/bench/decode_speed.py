"""Sentences a second: what a user gets, our own search, a bare loop around CTranslate2, and fairseq; same weights.

    python scripts/bench/decode_speed.py runs/multi30k-en-fr [--test NAME] [--rounds 3] [--batch-tokens 4096 16384]

`default` is `nmt translate` as it is without options, which takes the run's export for CTranslate2 (`nmt export`), and
`nmt` our own engine. The bare loops cut text by SentencePiece, call `translate_batch` once and put the text together:
what CTranslate2 costs where nothing else is done. They get its best known settings: a worker for each core, with one
thread. All read raw text and give raw text, but of fairseq only the search is timed. The engines take turns, each in a
process of its own (waiting threads would slow the others), and translate some lines before their clock starts. A table
of medians is printed, and as the last line a JSON object: each engine at its best batch size, and the ratios of
`default` and `nmt` to the others; those of CPU time hold on a machine that has other things to do, too. fairseq is
installed at the first run, as for train_speed.py; `--engines` leaves it out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from train_speed import install_fairseq

DEFAULT, OWN = "default", "nmt"
LOOPS = {"loop float32": "float32", "loop int8": "int8"}  # what CTranslate2 computes with
ENGINES = [DEFAULT, OWN, *LOOPS, "fairseq"]
WARM_UP = 50  # lines

Translate = Callable[[list[str]], tuple[list[str], int]]  # gives texts, and how many tokens they have with `</s>`


def read(run: Path, test: str) -> tuple[list[str], list[str]]:
    """Source and reference."""
    from nmt.run.folder import load_run_recipe
    from nmt.run.manifest import run_manifest

    prepared, manifest = load_run_recipe(run).prepared_dir, run_manifest(run)
    src, ref = ((prepared / manifest.text_of(test, side)).read_text().split("\n")[:-1] for side in ("src", "tgt"))
    return src, ref


def ours(run: Path, engine: str, beam: int, batch_tokens: int) -> Translate:
    from nmt.decode.translator import Translator

    changes: dict[str, object] = {"beam_size": beam, "batch_tokens": batch_tokens}
    name = "auto" if engine == DEFAULT else "nmt"
    translator = Translator.load(run, device="cpu", engine=name, decode=changes, threads=0)
    if translator.why_own:
        raise SystemExit(f"By default {run} translates with our own engine: {translator.why_own}.")

    def translate(lines: list[str]) -> tuple[list[str], int]:
        found = translator.translate(lines)
        return [t.text for t in found], sum(len(t.hypotheses[0][1].tokens) + 1 for t in found)

    return translate


def loop(run: Path, compute: str, beam: int, batch_tokens: int) -> Translate:
    """With nothing of nmt."""
    import ctranslate2
    from sentencepiece import SentencePieceProcessor

    folder = run / "ctranslate2"
    names = [
        name if (folder / name).exists() else "tokenizer.model"
        for name in ("tokenizer.src.model", "tokenizer.tgt.model")
    ]
    src, tgt = (SentencePieceProcessor(model_file=str(folder / name)) for name in names)
    cores = len(os.sched_getaffinity(0))
    translator = ctranslate2.Translator(str(folder), compute_type=compute, inter_threads=cores, intra_threads=1)

    def translate(lines: list[str]) -> tuple[list[str], int]:
        results = translator.translate_batch(
            src.encode(lines, out_type=str), beam_size=beam, max_batch_size=batch_tokens // beam, batch_type="tokens"
        )
        pieces = [result.hypotheses[0] for result in results]
        return tgt.decode(pieces), sum(len(row) + 1 for row in pieces)

    return translate


def measure(run: Path, test: str, engine: str, beam: int, batch_tokens: int) -> None:
    """In a process of its own: print seconds, those of all threads, peak MB, texts and their tokens as JSON."""
    src, _ = read(run, test)
    translate = (loop if engine in LOOPS else ours)(run, LOOPS.get(engine, engine), beam, batch_tokens)
    translate(src[:WARM_UP])
    begun, cpu = time.perf_counter(), time.process_time()
    texts, tokens = translate(src)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps([seconds, cpu, peak, texts, tokens]))


class Turn(NamedTuple):
    seconds: float
    cpu: float  # seconds, of all threads; nan: not measured
    peak: int  # MB
    texts: list[str]
    tokens: int  # of the texts, with `</s>`


class Contest:
    """The engines, ready to take turns."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options, self.work = options, work
        if "fairseq" not in options.engines:
            return
        import torch

        from nmt.device import usable_cores
        from nmt.run.load import load_translator_model

        self.threads = usable_cores()
        model, self.tokenizer, recipe, _ = load_translator_model(options.run, "best", "cpu", "fp32")
        self.python = install_fairseq(options.peer_env)
        saved = {
            "section": recipe.model.model_dump(), "decode": recipe.decode.model_dump(mode="json"),
            "pieces": list(self.tokenizer.vocabulary("tgt")), "weights": model.state_dict(),
        }  # fmt: skip
        torch.save(saved, work / "model.pt")
        ids = self.tokenizer.encode(read(options.run, options.test)[0], "src")
        (work / "sources.json").write_text(json.dumps([list(row) for row in ids]))

    def turn(self, engine: str, beam: int, batch_tokens: int) -> Turn:
        if engine == "fairseq":
            script = Path(__file__).with_name("fairseq_decoder.py")
            numbers = [beam, batch_tokens, self.threads]
            seconds, peak, hyps = run([self.python, script, self.work, *numbers])
            return Turn(seconds, math.nan, peak, self.tokenizer.decode(hyps), sum(len(row) + 1 for row in hyps))
        own = [self.options.run, "--test", self.options.test, "--measure", json.dumps([engine, beam, batch_tokens])]
        return Turn(*run([sys.executable, __file__, *own]))


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
        return measure(options.run, options.test, *options.measure)

    import sacrebleu

    _, ref = read(options.run, options.test)
    best: dict[str, dict[str, dict[str, float]]] = {}
    print("| engine | beam | batch_tokens | sentences/s | tokens/s | CPU s | BLEU | peak MB |" + "\n|" + 8 * "---|")
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(options, Path(folder))
        for beam in options.beams:
            found = best[f"beam {beam}"] = {}
            for size in options.batch_tokens:
                turns = [
                    {name: contest.turn(name, beam, size) for name in options.engines} for _ in range(options.rounds)
                ]
                for name in options.engines:
                    own = [turn[name] for turn in turns]
                    seconds, cpu = (statistics.median(getattr(t, key) for t in own) for key in ("seconds", "cpu"))
                    peak, bleu = max(t.peak for t in own), sacrebleu.corpus_bleu(own[0].texts, [ref]).score
                    speed, tokens = len(ref) / seconds, own[0].tokens / seconds
                    row = f"{speed:,.0f} | {tokens:,.0f} | {cpu:.2f} | {bleu:.2f} | {peak:,}"
                    print(f"| {name} | {beam} | {size} | {row} |", flush=True)
                    if name not in found or speed > found[name]["sentences_per_second"]:
                        found[name] = {
                            "sentences_per_second": round(speed, 1), "cpu_seconds": round(cpu, 3),
                            "bleu": round(bleu, 2), "peak_mb": peak,
                        }  # fmt: skip
    for found in best.values():
        for mine in {DEFAULT, OWN} & found.keys():
            for other in found.keys() - {mine}:
                fast, slow = (found[n]["sentences_per_second"] for n in (mine, other))
                found[mine][f"ratio to {other}"] = round(fast / slow, 3)
                less, more = (found[n]["cpu_seconds"] for n in (mine, other))
                found[mine][f"CPU ratio to {other}"] = round(more / less, 3)
    print(json.dumps(best))


if __name__ == "__main__":
    sys.exit(main())
