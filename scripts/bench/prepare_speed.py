"""Does preparing take time in proportion to the text, and memory that does not grow?

    python scripts/bench/prepare_speed.py --text data/raw/multi30k --copies 35

Prepares train.en and train.fr (plain or .gz) 1/16, 1/4 and 1 times `--copies`, the filter of duplicates off. Prints
pairs, seconds, those without the tokenizer's training, and peak memory; the last line is a JSON object.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import tempfile
from pathlib import Path

from memory import NMT, watch


def prepare(text: dict[str, bytes], copies: int) -> tuple[int, float, float, float]:
    """Pairs, seconds, seconds of the tokenizer's training, peak MB."""
    with tempfile.TemporaryDirectory() as folder:
        for lang, content in text.items():
            with open(Path(folder) / f"train.{lang}", "wb") as file:
                for _ in range(copies):
                    file.write(content)
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(
            f"name: speed\ndata:\n  source_lang: en\n  target_lang: fr\n  root: {folder}\n"
            "  train: {source: train.en, target: train.fr}\n  valid: {holdout: 500}\n"
            f"  filters: {{drop_duplicates: false}}\n  prepared_dir: {folder}/prepared\n"
            "tokenizer: {vocab_size: 8000}\ntrain: {max_steps: 1}\n"
        )
        process = subprocess.Popen([*NMT, "prepare", str(recipe)], stderr=subprocess.PIPE, text=True)
        peak = max(mb for _, mb in watch(process))
        assert process.stderr is not None
        said = process.stderr.read()
        times = re.search(r"in ([\d.]+) s, of which the tokenizer's training took ([\d.]+) s", " ".join(said.split()))
        if process.returncode or not times:
            raise SystemExit(f"exit code {process.returncode}:\n{said[-2000:]}")
    return copies * text["en"].count(b"\n"), float(times[1]), float(times[2]), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=Path("data/raw/multi30k"))
    parser.add_argument("--copies", type=int, default=35)
    options = parser.parse_args()
    text = {}
    for lang in ("en", "fr"):
        path = options.text / f"train.{lang}"
        text[lang] = path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    print("| pairs | seconds | without the tokenizer's training | peak MB |\n|---|---|---|---|", flush=True)
    rows = []
    for share in (16, 4, 1):
        pairs, seconds, training, peak = prepare(text, max(1, options.copies // share))
        rows.append({"pairs": pairs, "seconds": seconds, "without_training": seconds - training, "peak_mb": peak})
        print(f"| {pairs:,} | {seconds:.1f} | {seconds - training:.1f} | {peak:,.0f} |", flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
