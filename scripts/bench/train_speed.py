"""Training speed beside fairseq's: the same model, pieces and batch size, in turn, in one run.

    python scripts/bench/train_speed.py --text data/raw/multi30k --shape small --rounds 3 --seconds 40

Target tokens a second (</s> counted, padding not), median of the rounds, and peak memory. Text is train.en(.gz) and
train.fr(.gz). fairseq is installed into a virtual environment of its own at the first run (a minute, 1.5 GB). Its last
line is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SHAPES = {  # layers a side, d_model, heads, d_ff
    "tiny": (4, 128, 4, 256),
    "small": (3, 256, 4, 1024),
    "base": (6, 512, 8, 2048),
}
WARMUP_STEPS = {"tiny": 10, "small": 10, "base": 3}
HERE = Path(__file__).resolve()
FAIRSEQ = ["fairseq-fixed==0.12.3.1", "omegaconf==2.3.0", "hydra-core==1.3.2"]  # without what they want of old versions
FAIRSEQ_NEEDS = [
    "antlr4-python3-runtime==4.9.3", "bitarray", "cffi", "cloudpickle", "packaging", "pyyaml", "regex", "sacrebleu",
    "scikit-learn", "tensorboardX", "tqdm",
]  # fmt: skip


def recipe_values(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    layers, d_model, heads, d_ff = SHAPES[options.shape]
    root = options.text
    suffix = ".gz" if (root / "train.en.gz").exists() else ""
    return {
        "name": "speed",
        "data": {
            "source_lang": "en", "target_lang": "fr", "root": str(root), "prepared_dir": str(work / "prepared"),
            "train": {"source": f"train.en{suffix}", "target": f"train.fr{suffix}"}, "valid": {"holdout": 100},
        },
        "tokenizer": {"kind": "bpe", "vocab_size": options.vocab_size},
        "model": {
            "num_encoder_layers": layers, "num_decoder_layers": layers, "d_model": d_model, "num_heads": heads,
            "d_ff": d_ff, "dropout": 0.1,
        },
        "train": {
            "batch_tokens": options.batch_tokens, "learning_rate": 1.5e-3, "warmup_steps": 400, "max_steps": 10**6,
            "optimizer": options.optimizer, "precision": options.precision, "threads": options.threads,
            "runs_dir": str(work / "runs"),
        },
    }  # fmt: skip


def prepare(options: argparse.Namespace, work: Path) -> None:
    """Our ids, and the very same pieces as text for the peer."""
    from nmt.data.prepare import prepare as prepare_data
    from nmt.data.store import PreparedSplit
    from nmt.recipe import make_recipe
    from nmt.tokenizer import Tokenizer

    recipe = make_recipe(recipe_values(options, work), "train_speed")
    folder = prepare_data(recipe)
    tokenizer, split = Tokenizer.load(folder), PreparedSplit.open(folder, "train")
    for lang, rows in (("en", split.src), ("fr", split.tgt)):
        with open(work / f"train.{lang}", "w", encoding="utf-8") as file:
            for i in range(len(rows)):
                file.write(" ".join(tokenizer.pieces(rows[i])) + "\n")


def measure_ours(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Steps of our trainer as `nmt train` does them, for so many seconds."""
    import torch

    from nmt.data.batches import fill
    from nmt.device import choose_device
    from nmt.recipe import make_recipe
    from nmt.train.objective import choose_objective
    from nmt.train.parallel import join_world
    from nmt.train.signals import Signals
    from nmt.train.trainer import Trainer

    recipe = make_recipe(recipe_values(options, work), "train_speed")
    (recipe.run_dir / "checkpoints").mkdir(parents=True, exist_ok=True)
    device = choose_device("auto")
    objective, world = choose_objective(recipe), join_world(device.type)
    trainer = Trainer(recipe, recipe.run_dir, recipe.prepared_dir, objective, device, world, Signals(), "")
    for _ in range(WARMUP_STEPS[options.shape]):
        trainer._step()
    begun, tokens, steps = time.perf_counter(), trainer.state.tokens_seen, trainer.state.step
    while time.perf_counter() - begun < options.seconds:
        trainer._step()
    seconds = time.perf_counter() - begun
    epoch = trainer.epoch
    return {
        "tokens_per_second": round((trainer.state.tokens_seen - tokens) / seconds),
        "steps": trainer.state.step - steps,
        "fill": round(fill(epoch.updates, epoch.tgt.lengths), 3),
        "precision": str(trainer.dtype).removeprefix("torch."),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "torch": torch.__version__,
    }


def measure_fairseq(options: argparse.Namespace, work: Path) -> None:
    """Runs in fairseq's environment. Counts what each of its steps is given; ends it after so many seconds."""
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch
    from fairseq.tasks.fairseq_task import FairseqTask
    from fairseq_cli.train import cli_main

    torch.set_num_threads(options.threads)
    warmup = WARMUP_STEPS[options.shape]
    original = FairseqTask.train_step
    steps: list[tuple[float, int, int]] = []  # when it ended, real and padded target tokens

    def counted(task: Any, sample: Any, *args: Any, **kwargs: Any) -> Any:
        out = original(task, sample, *args, **kwargs)
        steps.append((time.perf_counter(), int(sample["ntokens"]), sample["target"].numel()))
        if len(steps) > warmup and steps[-1][0] - steps[warmup - 1][0] > options.seconds:
            seconds, kept = steps[-1][0] - steps[warmup - 1][0], steps[warmup:]
            real = sum(n for _, n, _ in kept)
            result = {
                "tokens_per_second": round(real / seconds), "steps": len(kept),
                "fill": round(real / sum(n for _, _, n in kept), 3),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }  # fmt: skip
            print(json.dumps(result), flush=True)
            os._exit(0)
        return out

    FairseqTask.train_step = counted
    flags = ["disable-validation", "no-epoch-checkpoints", "no-save"]
    sys.argv = [
        "fairseq-train",
        str(work / "bin"),
        *fairseq_options(options.shape, options.batch_tokens),
        *dashed(flags),
    ]
    cli_main()


def fairseq_options(shape: str, max_tokens: int) -> list[str]:
    """Of `fairseq-train`: the same model, loss and optimizer as ours."""
    layers, d_model, heads, d_ff = SHAPES[shape]
    values = {
        "source-lang": "en", "target-lang": "fr", "task": "translation", "arch": "transformer", "dropout": 0.1,
        "encoder-layers": layers, "encoder-embed-dim": d_model, "encoder-attention-heads": heads,
        "encoder-ffn-embed-dim": d_ff, "decoder-layers": layers, "decoder-embed-dim": d_model,
        "decoder-attention-heads": heads, "decoder-ffn-embed-dim": d_ff, "criterion": "label_smoothed_cross_entropy",
        "label-smoothing": 0.1, "optimizer": "adam", "adam-betas": "(0.9,0.98)", "lr": 0.0015, "clip-norm": 1.0,
        "lr-scheduler": "inverse_sqrt", "warmup-updates": 400, "max-tokens": max_tokens, "seed": 1,
        "log-format": "none", "num-workers": 0, "required-batch-size-multiple": 1,
    }  # fmt: skip
    flags = ["cpu", "encoder-normalize-before", "decoder-normalize-before", "share-all-embeddings"]
    return [*(f"--{key}={value}" for key, value in values.items()), *dashed(flags)]


def dashed(flags: list[str]) -> list[str]:
    return [f"--{flag}" for flag in flags]


def install_fairseq(folder: Path) -> Path:
    """Its python."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing fairseq into {folder} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        pins = (HERE.parent.parent / "constraints.txt").read_text().split()
        torch = next(pin for pin in pins if pin.startswith("torch=="))  # the same as ours
        subprocess.run([*pip, torch, "setuptools<81", "wheel", "cython", "numpy"], check=True)
        subprocess.run([*pip, "--no-deps", *FAIRSEQ], check=True)
        subprocess.run([*pip, *FAIRSEQ_NEEDS], check=True)
        (folder / "ready").touch()
    return python


def prepare_fairseq(python: Path, work: Path) -> None:
    counts: dict[str, int] = {}
    for lang in ("en", "fr"):
        for piece in (work / f"train.{lang}").read_text(encoding="utf-8").split():
            counts[piece] = counts.get(piece, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    (work / "dict.txt").write_text("".join(f"{piece} {n}\n" for piece, n in ranked), encoding="utf-8")
    command = [
        str(python.parent / "fairseq-preprocess"), "--source-lang", "en", "--target-lang", "fr", "--joined-dictionary",
        "--trainpref", str(work / "train"), "--srcdict", str(work / "dict.txt"), "--destdir", str(work / "bin"),
    ]  # fmt: skip
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def in_process(python: str | Path, side: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """One window of a side, in a process of its own; its last line of output is its result."""
    given = [f"--{k.replace('_', '-')}={v}" for k, v in vars(options).items() if k not in ("side", "work", "rounds")]
    command = [str(python), str(HERE), *given, f"--side={side}", f"--work={work}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=Path("data/raw/multi30k"))
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--vocab-size", type=int, default=8000)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    parser.add_argument("--optimizer", choices=["adamw", "muon"], default="adamw")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-env", type=Path, default=Path.home() / ".cache" / "nmt-bench" / "fairseq")
    parser.add_argument("--side", choices=["ours", "fairseq"], help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side == "ours":
        print(json.dumps(measure_ours(options, options.work)))
        return
    if options.side == "fairseq":
        measure_fairseq(options, options.work)
        return
    python = install_fairseq(options.peer_env)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(options, work)
        prepare_fairseq(python, work)
        rounds = []
        for number in range(1, options.rounds + 1):
            pair = [in_process(sys.executable, "ours", options, work), in_process(python, "fairseq", options, work)]
            rounds.append(pair)
            print(f"round {number}: ours {pair[0]}\n         fairseq {pair[1]}", flush=True)
    speed = [statistics.median(pair[side]["tokens_per_second"] for pair in rounds) for side in (0, 1)]
    ratio = statistics.median(a["tokens_per_second"] / b["tokens_per_second"] for a, b in rounds)
    memory = [max(pair[side]["peak_mb"] for pair in rounds) for side in (0, 1)]
    print(f"\n| {options.shape} | target tokens/s | peak MB |\n|---|---|---|")
    print(f"| nmt, {rounds[0][0]['precision']} | {speed[0]:,.0f} | {memory[0]:,} |")
    print(f"| fairseq | {speed[1]:,.0f} | {memory[1]:,} |\n| ratio | {ratio:.2f} | {memory[0] / memory[1]:.2f} |\n")
    result = {"ours": speed[0], "peer": speed[1], "ratio": round(ratio, 3), "peak_mb": memory[0]}
    print(json.dumps(result | {"peer_peak_mb": memory[1], "shape": options.shape}))


if __name__ == "__main__":
    main()
