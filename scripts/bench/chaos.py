"""Kill a training again and again, start it again with the same command, and compare its end with an unbroken one's.

    python scripts/bench/chaos.py recipes/demo.yaml train.max_steps=300 train.eval_every=50 --kills 50

Trains once without interruption and once with that many kills, SIGKILL and SIGTERM mixed: some at random moments, some
as soon as a phase is seen (preparing, writing a checkpoint, validating). Ends with exit code 1 unless the bytes of the
final weights and of what resuming needs are the same, and the log neither lacks nor repeats a record. A recipe that
begins with another run, or replays it, needs that run to be there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from nmt.recipe import load_recipe
from nmt.run.checkpoint import checkpoints, find_checkpoint

NMT = [sys.executable, "-c", "from nmt.cli import main; main()"]
# What to wait for; most moments are any of the training itself, whose clock starts when it is there
PHASES = ("starting", "preparing", "checkpoint", "validation", "any", "any", "any")
EARLY = ("starting", "preparing")
POLL_SECONDS = 0.002
PATIENCE_SECONDS = 20.0  # longest wait for a phase


def command(arguments: list[str], work: Path, name: str) -> list[str]:
    prepared, runs = work / name / "prepared", work / name / "runs"
    return [*NMT, "train", *arguments, f"data.prepared_dir={prepared}", f"train.runs_dir={runs}"]


def run_folder(work: Path, name: str) -> Path | None:
    return next(iter((work / name / "runs").glob("*")), None)


def records(run: Path | None) -> list[dict[str, Any]]:
    path = run / "log.jsonl" if run else None
    if path is None or not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # cut short by a kill
    return found


def written(work: Path, name: str) -> int:
    """When a training last wrote to its log; 0 where it has none."""
    run = run_folder(work, name)
    return (run / "log.jsonl").stat().st_mtime_ns if run and (run / "log.jsonl").exists() else 0


def phase(work: Path, name: str, eval_every: int, before: int) -> str:
    """What a training is doing, by what it has on the disk; `before` is when it was last written to by another."""
    if any((work / name).glob("prepared/.*.nmt-*")):
        return "preparing"
    run = run_folder(work, name)
    if run is None or written(work, name) == before:
        return "starting"
    if any((run / "checkpoints").glob(".*.nmt-*")):
        return "checkpoint"
    last = next((r for r in reversed(records(run)) if r["event"] != "start"), None)
    if last and last["event"] == "step" and last["step"] % eval_every == 0:
        return "validation"
    return "training" if last else "starting"


def kill_once(arguments: list[str], work: Path, rng: random.Random, longest: float, eval_every: int) -> str | None:
    """Start, and kill at some moment; gives the phase and the signal, or None if the training came to its end."""
    wanted = rng.choice(PHASES)
    number = rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
    before, delay = written(work, "broken"), rng.uniform(0.2, longest)
    said = work / "stderr"
    with open(said, "wb") as errors:
        process = subprocess.Popen(command(arguments, work, "broken"), stderr=errors)
    begun = time.monotonic()
    while process.poll() is None:
        seen = phase(work, "broken", eval_every, before)
        if seen in EARLY and wanted not in EARLY:
            begun = time.monotonic()  # how long that takes is the machine's
        waited = time.monotonic() - begun
        at_random = wanted == "starting" or (wanted == "any" and seen not in EARLY)
        if (waited >= delay if at_random else seen == wanted) or waited >= PATIENCE_SECONDS:
            process.send_signal(number)
            process.wait()
            return f"{seen} {number.name}"
        time.sleep(POLL_SECONDS)
    if process.returncode:
        raise SystemExit(f"the training failed with exit code {process.returncode}:\n{said.read_text('utf-8')}")
    return None


def outcome(run: Path | None, metric: str) -> dict[str, str]:
    """sha256 of the tensors of the last checkpoint and of every one that was validated, and of the log without what
    measures time. A signal leaves checkpoints besides, at the step where it came.
    """
    assert run is not None
    last = find_checkpoint(run, "last").path
    found = {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for checkpoint in checkpoints(run)
        if checkpoint.path == last or metric in checkpoint.state.valid
        for path in sorted(checkpoint.path.glob("*.safetensors"))
        if checkpoint.path == last or path.name == "model.safetensors"
    }
    timeless = [
        {k: v for k, v in r.items() if k not in ("seconds", "tokens_per_second")}
        for r in records(run)
        if r["event"] != "start"
    ]
    return found | {"log.jsonl": hashlib.sha256(json.dumps(timeless).encode()).hexdigest()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arguments", nargs="+", metavar="RECIPE [KEY=VALUE]")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--longest", type=float, default=12.0, help="seconds before a kill at a random moment, at most")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recipe = load_recipe(options.arguments[0], options.arguments[1:])
    metric = recipe.train.metric
    rng = random.Random(options.seed)
    kills: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        subprocess.run(command(options.arguments, work, "whole"), check=True, stderr=subprocess.DEVNULL)
        ended_early = 0
        while sum(kills.values()) < options.kills:
            killed = kill_once(options.arguments, work, rng, options.longest, recipe.train.eval_every)
            if killed is None:
                ended_early += 1  # the last of the kills may come when all is done: begin another
                if outcome(run_folder(work, "broken"), metric) != outcome(run_folder(work, "whole"), metric):
                    break
                (work / "broken").rename(work / f"broken-{ended_early}")
            else:
                kills[killed] += 1
        subprocess.run(command(options.arguments, work, "broken"), check=True, stderr=subprocess.DEVNULL)
        broken, whole = (outcome(run_folder(work, name), metric) for name in ("broken", "whole"))
    for what, count in sorted(kills.items()):
        print(f"{count:4} killed: {what}")
    differing = [name for name in whole if broken.get(name) != whole[name]] + [n for n in broken if n not in whole]
    print(f"{sum(kills.values())} kills; trainings brought to their end: {ended_early + 1}")
    print(f"differing: {', '.join(differing) or 'nothing'}")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
