"""Count the translations of data/demo/everyday.en that are fully right: equal to the reference or an alternative.

Usage: nmt translate -i data/demo/everyday.en -o out.fr && python scripts/demo_corpus/exact_match.py out.fr
"""

from __future__ import annotations

import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"


def lines(path: Path) -> list[str]:
    return [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]


def accepted() -> list[set[str]]:
    """Return the right translations of each everyday sentence: line n of everyday.fr, everyday.fr.1, ..."""
    return [set(row) for row in zip(*map(lines, sorted(DEMO.glob("everyday.fr*"))), strict=True)]


def main() -> None:
    """Print the wrong translations and the count of right ones."""
    source, output, right = lines(DEMO / "everyday.en"), lines(Path(sys.argv[1])), accepted()
    wrong = [(en, fr) for en, fr, ok in zip(source, output, right, strict=True) if fr not in ok]
    for en, fr in wrong:
        print(f"{en} -> {fr}")
    print(f"{len(source) - len(wrong)} of {len(source)} fully right")


if __name__ == "__main__":
    main()
