"""Does memory stay flat? The resident memory of a command while its input grows, read from /proc every half second.

    python scripts/bench/memory.py translate runs/demo --lines 1000000    # the demo's test sentences, again and again
    python scripts/bench/memory.py prepare --pairs 5000000                # the demo's training pairs, again and again

Prints the memory of the command and its worker processes, in MB, at each tenth of the way, and the peak.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

DEMO = Path(__file__).parent.parent.parent / "data" / "demo"
NMT = [sys.executable, "-c", "from nmt.cli import main; main()"]


def resident_mb(pid: int) -> float:
    """Of a process and its children."""
    total = 0.0
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) / 1024
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            total += resident_mb(int(child))
    except OSError:
        pass  # it has just ended
    return total


def watch(process: subprocess.Popen[bytes]) -> Iterator[tuple[float, float]]:
    """Seconds since the start, and memory, until the process ends."""
    begun = time.monotonic()
    while process.poll() is None:
        yield time.monotonic() - begun, resident_mb(process.pid)
        time.sleep(0.5)


def show(samples: list[tuple[float, float]], what: str) -> None:
    end = samples[-1][0]
    print(f"{what}: {end:.0f} s\n| share of the time | MB |\n|---|---|")
    for tenth in range(1, 11):
        at = min(samples, key=lambda s: abs(s[0] - end * tenth / 10))
        print(f"| {tenth * 10} % | {at[1]:,.0f} |")
    print(f"| peak | {max(mb for _, mb in samples):,.0f} |")


def translate(run: Path, number: int) -> None:
    lines = (DEMO / "test.en").read_bytes().splitlines(keepends=True)
    command = [*NMT, "translate", "--run", str(run), "--beam-size", "1"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=1 << 20
    )
    assert process.stdin is not None
    assert process.stdout is not None
    feed, answers = process.stdin, process.stdout

    def write() -> None:
        feed.writelines(itertools.islice(itertools.cycle(lines), number))
        feed.close()

    counted = [0]

    def count() -> None:
        counted[0] = sum(1 for _ in answers)

    threads = [threading.Thread(target=write), threading.Thread(target=count)]
    for thread in threads:
        thread.start()
    samples = list(watch(process))
    for thread in threads:
        thread.join()
    if process.returncode or counted[0] != number:
        raise SystemExit(f"exit code {process.returncode}, {counted[0]:,} lines for {number:,}")
    show(samples, f"translating {number:,} lines")


def prepare(pairs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for lang in ("en", "fr"):
            lines = (DEMO / f"train.{lang}").read_bytes().splitlines(keepends=True)
            with open(Path(folder) / f"train.{lang}", "wb") as file:
                file.writelines(itertools.islice(itertools.cycle(lines), pairs))
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(
            f"name: memory\ndata:\n  source_lang: en\n  target_lang: fr\n  root: {folder}\n"
            "  train: {source: train.en, target: train.fr}\n  valid: {holdout: 500}\n"
            f"  filters: {{drop_duplicates: false}}\n  prepared_dir: {folder}/prepared\n"
            "tokenizer: {vocab_size: 1000}\ntrain: {max_steps: 1}\n"
        )
        process = subprocess.Popen([*NMT, "prepare", str(recipe)], stderr=subprocess.DEVNULL)
        samples = list(watch(process))
        if process.returncode:
            raise SystemExit(f"exit code {process.returncode}")
    show(samples, f"preparing {pairs:,} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("translate")
    one.add_argument("run", type=Path)
    one.add_argument("--lines", type=int, default=1_000_000)
    commands.add_parser("prepare").add_argument("--pairs", type=int, default=5_000_000)
    options = parser.parse_args()
    if options.command == "translate":
        translate(options.run, options.lines)
    else:
        prepare(options.pairs)


if __name__ == "__main__":
    main()
