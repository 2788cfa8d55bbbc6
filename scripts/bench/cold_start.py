"""How long a user waits for the first translation: a whole process, `echo … | nmt translate`, from start to end.

    python scripts/bench/cold_start.py runs/demo [--rounds 10] [--engine auto|nmt]

Each round is a new process, of a Python that has its modules compiled, as an installed program has. Beside it, in turn,
the same with what cannot be spared: Python, SentencePiece and CTranslate2, which load the same model and translate the
same line. The last line is a JSON object: medians in seconds, of wall time and of CPU time (which tells more on a
machine that is busy); and which heavy packages were loaded.
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

HEAVY = ("torch", "pandas", "pyarrow", "datasets", "matplotlib", "sacrebleu")

NMT = f"""\
import sys
from nmt.cli import main
try:
    main()
finally:
    print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)
"""

BARE = """\
import sys
import ctranslate2
from sentencepiece import SentencePieceProcessor
folder = sys.argv[1]
src, tgt = (SentencePieceProcessor(model_file=f"{folder}/tokenizer.{side}.model") for side in ("src", "tgt"))
translator = ctranslate2.Translator(folder)
lines = src.encode(sys.stdin.read().splitlines(), out_type=str)
for result in translator.translate_batch(lines, beam_size=5):
    print(tgt.decode(result.hypotheses[0]))
"""


def run(code: str, arguments: list[str], line: str, compiled: str) -> tuple[float, float, str]:
    """Seconds of wall time, of CPU time, and the last line of stderr."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], input=line + "\n", capture_output=True, text=True,
        env=environment | {"PYTHONPYCACHEPREFIX": compiled},
    )  # fmt: skip
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, used, (done.stderr.splitlines() or [""])[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--engine", choices=("auto", "nmt"), default="auto")
    parser.add_argument("--line", default="The children play in the garden.")
    options = parser.parse_args()
    translate = ["translate", "--run", str(options.run), "--engine", options.engine]
    programs = {"nmt": (NMT, translate), "bare": (BARE, [str(options.run / "ctranslate2")])}
    with tempfile.TemporaryDirectory() as compiled:
        turns = [  # the first compiles, and is not counted
            {name: run(code, arguments, options.line, compiled) for name, (code, arguments) in programs.items()}
            for _ in range(options.rounds + 1)
        ][1:]
    found: dict[str, object] = {
        name: {
            "wall_seconds": round(statistics.median(turn[name][0] for turn in turns), 3),
            "cpu_seconds": round(statistics.median(turn[name][1] for turn in turns), 3),
        }
        for name in programs
    }
    print(json.dumps(found | {"loaded": sorted({name for turn in turns for name in turn["nmt"][2].split()})}))


if __name__ == "__main__":
    main()
