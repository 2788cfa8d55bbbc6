"""Generate the embedded English-French demo corpus from a small bilingual grammar.

The corpus (10,000 training, 500 validation and 500 test pairs) is entirely our own work: the lexicon in the
package demo_corpus beside this script is combined by about thirty sentence templates, and small morphology functions
produce the right English and French forms. Two properties make it useful for demonstrations and end-to-end tests:

* the mapping is deterministic (an English sentence has exactly one French rendering), so a small model can learn it;
* some word combinations, such as a verb with a given object, are held out: validation and test sentences each contain
  at least one that never occurs in training, so the scores measure generalisation, not memory.

Usage: python scripts/make_demo_corpus.py [--out data/demo]
"""

from __future__ import annotations

import argparse
import re
import zlib
from collections import Counter
from pathlib import Path

from demo_corpus.clauses import Dice
from demo_corpus.grammar import Combo, Phrase
from demo_corpus.templates import TEMPLATES

SEED = 20240
TRAIN_SIZE, VALID_SIZE, TEST_SIZE = 10_000, 500, 500
MIN_COUNT = 10  # how often every validation and test word must occur in training
MIN_WORDS, MAX_WORDS = 3, 17
HELD_OUT_ONE_IN = 10


def words_of(text: str) -> list[str]:
    """Split a sentence into lower-case words, at apostrophes and hyphens too."""
    return re.findall(r"\w+", text.lower())


def is_held_out(combo: Combo) -> bool:
    """Tell whether a combination is kept out of training (a checksum decides, so the choice is stable)."""
    return zlib.crc32(":".join(combo).encode()) % HELD_OUT_ONE_IN == 0


def build() -> dict[str, list[Phrase]]:
    """Generate the corpus: unique sentences, held-out combinations only in the validation and test sets."""
    d = Dice(SEED)
    seen: dict[str, str] = {}
    french: set[str] = set()
    train: list[Phrase] = []
    pool: list[Phrase] = []
    while len(train) < TRAIN_SIZE:
        pair = d.weighted(TEMPLATES)(d)
        if seen.setdefault(pair.en, pair.fr) != pair.fr:
            raise ValueError(f"two translations of {pair.en!r}: {seen[pair.en]!r} and {pair.fr!r}")
        lengths = len(pair.en.split()), len(pair.fr.split())
        if pair.fr in french or min(lengths) < MIN_WORDS or max(lengths) > MAX_WORDS:
            continue
        french.add(pair.fr)
        (pool if any(map(is_held_out, pair.combos)) else train).append(pair)
    en_counts = Counter(word for pair in train for word in words_of(pair.en))
    fr_counts = Counter(word for pair in train for word in words_of(pair.fr))
    frequent = [
        pair
        for pair in pool
        if all(en_counts[word] >= MIN_COUNT for word in words_of(pair.en))
        and all(fr_counts[word] >= MIN_COUNT for word in words_of(pair.fr))
    ]
    if len(frequent) < VALID_SIZE + TEST_SIZE:
        raise ValueError("too few held-out sentences")
    return {"train": train, "valid": frequent[:VALID_SIZE], "test": frequent[VALID_SIZE : VALID_SIZE + TEST_SIZE]}


def main() -> None:
    """Write the six files."""
    parser = argparse.ArgumentParser(description="Generate the English-French demo corpus.")
    parser.add_argument("--out", type=Path, default=Path("data/demo"), help="output directory (default: %(default)s)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for split, pairs in build().items():
        for side in ("en", "fr"):
            lines = "".join(getattr(pair, side) + "\n" for pair in pairs)
            (out / f"{split}.{side}").write_bytes(lines.encode("utf-8"))
        print(f"{split}: {len(pairs)} pairs")


if __name__ == "__main__":
    main()
