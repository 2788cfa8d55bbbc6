"""Does preparing take time in proportion to the text, and memory that hardly grows?

    python scripts/bench/prepare_speed.py --text data/raw/multi30k --pairs 100000,300000,1000000

Prepares so many pairs, of train.en and train.fr (plain or .gz) or of a table `source TAB target` (.tsv or .tsv.gz),
again and again, each time with another number at the end of every line, so that none is a duplicate. Prints pairs,
seconds, those without the tokenizer's training, and peak memory, workers included; the last line is a JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from memory import NMT, watch

Sides = dict[str, list[bytes]]


def read(path: Path) -> Sides:
    def lines(file: Path) -> list[bytes]:
        raw = file.read_bytes() if file.exists() else Path(f"{file}.gz").read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).splitlines()

    if path.is_dir():
        return {lang: lines(path / f"train.{lang}") for lang in ("en", "fr")}
    rows = [row.split(b"\t") for row in lines(path)]
    return {lang: [row[i] for row in rows] for i, lang in enumerate(("en", "fr"))}


def repeated(lines: list[bytes], number: int) -> Iterator[bytes]:
    for begin in range(0, number, len(lines)):
        end = b" %d\n" % (begin // len(lines)) if begin else b"\n"
        yield b"".join([line + end for line in lines[: number - begin]])


def prepare(text: Sides, pairs: int) -> dict[str, float]:
    """Seconds, seconds without the tokenizer's training, peak MB."""
    with tempfile.TemporaryDirectory() as folder:
        for lang, lines in text.items():
            with open(Path(folder) / f"train.{lang}", "wb") as file:
                file.writelines(repeated(lines, pairs))
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(
            f"name: speed\ndata:\n  source_lang: en\n  target_lang: fr\n  root: {folder}\n"
            "  train: {source: train.en, target: train.fr}\n  valid: {holdout: 500}\n"
            f"  prepared_dir: {folder}/prepared\ntokenizer: {{vocab_size: 8000}}\ntrain: {{max_steps: 1}}\n"
        )
        process = subprocess.Popen([*NMT, "prepare", str(recipe)], stderr=subprocess.PIPE, text=True)
        peak = max(mb for _, mb in watch(process))
        assert process.stderr is not None
        said = process.stderr.read()
        times = re.search(r"in ([\d.]+) s, of which the tokenizer's training took ([\d.]+) s", " ".join(said.split()))
        if process.returncode or not times:
            raise SystemExit(f"exit code {process.returncode}:\n{said[-2000:]}")
    seconds, training = float(times[1]), float(times[2])
    return {
        "pairs": pairs,
        "seconds": seconds,
        "without_training": round(seconds - training, 1),
        "peak_mb": round(peak),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=Path("data/raw/multi30k"))
    parser.add_argument("--pairs", default="100000,300000,1000000", help="numbers with commas between them")
    options = parser.parse_args()
    text = read(options.text)
    print("| pairs | seconds | without the tokenizer's training | peak MB |\n|---|---|---|---|", flush=True)
    rows = []
    for pairs in map(int, options.pairs.split(",")):
        rows.append(prepare(text, pairs))
        seconds, without, peak = (rows[-1][key] for key in ("seconds", "without_training", "peak_mb"))
        print(f"| {pairs:,} | {seconds:.1f} | {without:.1f} | {peak:,.0f} |", flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
