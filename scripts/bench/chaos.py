"""Kill a training again and again, start it again with the same command, and compare its end with an unbroken one's.

    python scripts/bench/chaos.py recipes/demo.yaml train.max_steps=300 train.eval_every=50 --kills 50

Trains once without interruption and once with that many kills, SIGKILL and SIGTERM mixed: some at random moments, some
as soon as a phase is seen (preparing, writing a checkpoint, validating). Ends with exit code 1 unless the bytes of the
final weights and of what resuming needs are the same, and the log neither lacks nor repeats a record. A recipe that
begins with another run, or replays it, needs that run to be there.

With `--processes 2` it trains in so many processes of torchrun. A SIGKILL then meets one of these, and torchrun starts
all again; a SIGTERM meets torchrun itself, and the command is given again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
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
RESTARTS = 1000  # by torchrun
ONE_RANK = 0.7  # of SIGKILLs; the others meet all processes at once


def command(arguments: list[str], work: Path, name: str, processes: int = 1) -> list[str]:
    prepared, runs = work / name / "prepared", work / name / "runs"
    start = NMT if processes == 1 else [*torchrun(processes), *NMT]
    return [*start, "train", *arguments, f"data.prepared_dir={prepared}", f"train.runs_dir={runs}"]


def torchrun(processes: int) -> list[str]:
    restarts = f"--max-restarts={RESTARTS}"
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", restarts,
        "--no-python",
    ]  # fmt: skip


def members(launcher: int) -> list[int]:
    """The processes that torchrun has started, those that are training; Linux alone tells."""
    found = Path(f"/proc/{launcher}/task/{launcher}/children").read_text(encoding="ascii").split()
    return [int(child) for child in found]


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


class Training:
    """A command that is started again whenever it has been killed."""

    def __init__(self, arguments: list[str], work: Path, processes: int) -> None:
        self.arguments, self.work, self.processes, self.said = arguments, work, processes, work / "stderr"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """The running command, if it has not ended."""
        if self.process is None or self.process.poll() is not None:
            with open(self.said, "wb") as errors:
                self.process = subprocess.Popen(
                    command(self.arguments, self.work, "broken", self.processes), stderr=errors
                )
        return self.process

    def kill_once(self, rng: random.Random, longest: float, eval_every: int) -> str | None:
        """Kill at some moment; gives the phase and the signal, or None if the training came to its end."""
        wanted = rng.choice(PHASES)
        number = rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        before, delay = written(self.work, "broken"), rng.uniform(0.2, longest)
        process = self.start()
        begun = time.monotonic()
        while process.poll() is None:
            seen = phase(self.work, "broken", eval_every, before)
            if seen in EARLY and wanted not in EARLY:
                begun = time.monotonic()  # how long that takes is the machine's
            waited = time.monotonic() - begun
            at_random = wanted == "starting" or (wanted == "any" and seen not in EARLY)
            if (waited >= delay if at_random else seen == wanted) or waited >= PATIENCE_SECONDS:
                return f"{seen} {self.kill(process, number, rng)}"
            time.sleep(POLL_SECONDS)
        self.check(process)
        return None

    def kill(self, process: subprocess.Popen[bytes], number: signal.Signals, rng: random.Random) -> str:
        """Gives what was killed, and how."""
        ranks = members(process.pid) if self.processes > 1 and number == signal.SIGKILL else []
        if ranks and rng.random() < ONE_RANK:
            os.kill(rng.choice(ranks), number)
            return f"{number.name} of one process"
        process.send_signal(number)
        for rank in ranks:  # as when a host dies: alone they would go on
            with suppress(ProcessLookupError):
                os.kill(rank, number)
        process.wait()
        return number.name

    def end(self) -> None:
        """Let it come to its end."""
        process = self.start()
        process.wait()
        self.check(process)

    def check(self, process: subprocess.Popen[bytes]) -> None:
        if process.returncode:
            said = self.said.read_text("utf-8", errors="replace")
            raise SystemExit(f"the training failed with exit code {process.returncode}:\n{said}")


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
    parser.add_argument("--processes", type=int, default=1, help="of torchrun")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    recipe = load_recipe(options.arguments[0], options.arguments[1:])
    metric = recipe.train.metric
    rng = random.Random(options.seed)
    kills: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        subprocess.run(
            command(options.arguments, work, "whole", options.processes), check=True, stderr=subprocess.DEVNULL
        )
        training = Training(options.arguments, work, options.processes)
        ended_early = 0
        while sum(kills.values()) < options.kills:
            killed = training.kill_once(rng, options.longest, recipe.train.eval_every)
            if killed is None:
                ended_early += 1  # the last of the kills may come when all is done: begin another
                if outcome(run_folder(work, "broken"), metric) != outcome(run_folder(work, "whole"), metric):
                    break
                (work / "broken").rename(work / f"broken-{ended_early}")
            else:
                kills[killed] += 1
        training.end()
        broken, whole = (outcome(run_folder(work, name), metric) for name in ("broken", "whole"))
    for what, count in sorted(kills.items()):
        print(f"{count:4} killed: {what}")
    differing = [name for name in whole if broken.get(name) != whole[name]] + [n for n in broken if n not in whole]
    print(f"{sum(kills.values())} kills; trainings brought to their end: {ended_early + 1}")
    print(f"differing: {', '.join(differing) or 'nothing'}")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
