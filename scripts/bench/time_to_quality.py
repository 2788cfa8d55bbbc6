"""Seconds of training until fairseq's translations of the validation set reach a BLEU; to be put beside ours.

    python scripts/bench/time_to_quality.py --text data/raw/multi30k --seconds 900

fairseq trains the small shape (3+3 layers, d_model 256, joint BPE of 8,000, 1,024 target tokens a step, learning rate
1.5e-3) on the pieces of `train.en` and `train.fr`; every 200 updates its weights are kept, and afterwards all of them
translate `val.en` with beam 5. Only training counts: no saving, no validation. BLEU is sacreBLEU's on raw text. Our
side is the log of any run (scripts/bench/curve.py); so only fairseq's is run here. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from train_speed import HERE as SPEED
from train_speed import dashed, fairseq_options, install_fairseq, prepare, prepare_fairseq

SAVE_EVERY = 200


def train(options: argparse.Namespace, work: Path) -> None:
    """Runs in fairseq's environment. Writes `clock.json`: seconds of training at each update."""
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    import torch
    from fairseq.tasks.fairseq_task import FairseqTask
    from fairseq_cli import train as fairseq_train

    torch.set_num_threads(options.threads)
    original_step, original_save = FairseqTask.train_step, fairseq_train.checkpoint_utils.save_checkpoint
    clock = {"seconds": 0.0, "since": time.perf_counter()}
    times: list[float] = []

    def stepped(*args: Any, **kwargs: Any) -> Any:
        out = original_step(*args, **kwargs)
        now = time.perf_counter()
        clock["seconds"], clock["since"] = clock["seconds"] + now - clock["since"], now
        times.append(clock["seconds"])
        return out

    def saved(*args: Any, **kwargs: Any) -> Any:
        out = original_save(*args, **kwargs)
        (work / "clock.json").write_text(json.dumps(times))
        if clock["seconds"] > options.seconds:
            os._exit(0)
        clock["since"] = time.perf_counter()  # saving does not count
        return out

    FairseqTask.train_step = stepped
    fairseq_train.checkpoint_utils.save_checkpoint = saved
    own = [f"--save-dir={work / 'checkpoints'}", f"--save-interval-updates={SAVE_EVERY}"]
    own += dashed(["disable-validation", "no-epoch-checkpoints", "no-last-checkpoints"])
    sys.argv = ["fairseq-train", str(work / "bin"), *fairseq_options("small", 1024), *own]
    fairseq_train.cli_main()


def translate(python: Path, work: Path, checkpoint: Path, sources: str) -> list[str]:
    command = [
        str(python.parent / "fairseq-interactive"), str(work / "bin"), "--path", str(checkpoint), "--beam", "5",
        "--source-lang", "en", "--target-lang", "fr", "--buffer-size", "2000", "--batch-size", "64", "--cpu",
    ]  # fmt: skip
    env = {**os.environ, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    done = subprocess.run(command, input=sources, capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"fairseq-interactive failed:\n{done.stderr[-2000:]}")
    found = re.findall(r"^H-(\d+)\t[^\t]*\t(.*)$", done.stdout, re.MULTILINE)
    by_line = {int(number): pieces.replace(" ", "").replace("▁", " ").strip() for number, pieces in found}
    return [by_line[i] for i in range(len(by_line))]


def read(path: Path) -> list[str]:
    content = path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    return content.decode().split("\n")[:-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=Path("data/raw/multi30k"))
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-env", type=Path, default=Path.home() / ".cache" / "nmt-bench" / "fairseq")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)  # where a process of its own is to train
    options = parser.parse_args()
    if options.work:
        train(options, options.work)
        return
    import sacrebleu

    from nmt.tokenizer import Tokenizer

    # What train_speed's preparation asks for
    options.shape, options.vocab_size, options.batch_tokens = "small", 8000, 1024
    options.optimizer, options.precision = "adamw", "fp32"
    python = install_fairseq(options.peer_env)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(options, work)
        prepare_fairseq(python, work)
        command = [str(python), __file__, "--work", folder, "--seconds", str(options.seconds)]
        env = {**os.environ, "PYTHONPATH": str(SPEED.parent)}
        done = subprocess.run([*command, "--threads", str(options.threads)], env=env, capture_output=True, text=True)
        if not (work / "clock.json").exists():
            raise SystemExit(f"fairseq failed:\n{done.stderr[-2000:]}")
        clock = json.loads((work / "clock.json").read_text())
        tokenizer = Tokenizer.load(work / "prepared" / "speed")
        encoded = tokenizer.encode(read(options.text / "val.en"), "src")
        pieces = [" ".join(tokenizer.pieces(ids, "src")) for ids in encoded]
        print("| seconds | updates | BLEU |\n|---|---|---|", flush=True)
        for updates in range(SAVE_EVERY, len(clock) + 1, SAVE_EVERY):
            (checkpoint,) = (work / "checkpoints").glob(f"checkpoint_*_{updates}.pt")
            hyps = translate(python, work, checkpoint, "\n".join(pieces) + "\n")
            bleu = sacrebleu.corpus_bleu(hyps, [read(options.text / "val.fr")], force=True).score
            rows.append({"seconds": round(clock[updates - 1], 1), "updates": updates, "bleu": round(bleu, 2)})
            print(f"| {rows[-1]['seconds']:.0f} | {updates:,} | {bleu:.2f} |", flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
