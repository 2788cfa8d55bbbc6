#!/usr/bin/env python3
"""Print a run's learning curve: minutes of training against validation scores, from its log.jsonl.

python scripts/bench/curve.py runs/multi30k-en-fr
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    print("| minutes | steps | target tokens | loss | BLEU | chrF |\n|---|---|---|---|---|---|")
    for line in (Path(sys.argv[1]) / "log.jsonl").read_text(encoding="utf-8").splitlines():
        r = json.loads(line)
        if r["event"] == "valid":
            scores = " | ".join(f"{r[key]:.2f}" if key in r else "" for key in ("bleu", "chrf"))
            print(f"| {r['seconds'] / 60:.1f} | {r['step']:,} | {r['tokens']:,} | {r['loss']:.3f} | {scores} |")


if __name__ == "__main__":
    main()
