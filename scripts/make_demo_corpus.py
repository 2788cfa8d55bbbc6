"""Generate the embedded English-French demo corpus from a small bilingual grammar and a phrase book of our own.

The corpus is entirely our own work: the lexicon in the package demo_corpus beside this script is combined by about
fifty sentence templates and the phrases in demo_corpus/phrases, and small morphology functions produce the right
English and French forms. Three properties make it useful for demonstrations and end-to-end tests:

* the mapping is deterministic (an English sentence has exactly one French rendering), so a small model can learn it;
* some word combinations, such as a verb with a given object, are held out: validation and test sentences each contain
  at least one that never occurs in training, so the scores measure generalisation, not memory;
* a share of the training lines is written as people type: contracted, in lower or upper case, without a full stop.

The sentences of everyday.en, which are written by hand, are never generated.

Usage: python scripts/make_demo_corpus.py [--out data/demo]
"""

from __future__ import annotations

import argparse
import re
import zlib
from collections import Counter
from pathlib import Path

from demo_corpus import phrasebook, surface
from demo_corpus.clauses import Dice
from demo_corpus.grammar import Combo, Phrase
from demo_corpus.lexicon import NOUNS
from demo_corpus.templates import TEMPLATES

SEED = 20240
TRAIN_SIZE, VALID_SIZE, TEST_SIZE = 36_000, 500, 500
MIN_COUNT = 10  # how often every validation and test word must occur in training
MAX_WORDS = 12
HELD_OUT_ONE_IN = 10
KNOWN, KEPT = 30, 0.7  # a training sentence whose words all occurred so often already is kept with this probability
RARE = 12  # a sentence of the phrase book with a word that is rarer is written in two ways
EVERYDAY = Path(__file__).resolve().parents[1] / "data" / "demo" / "everyday.en"


def words_of(text: str) -> list[str]:
    """Split a sentence into lower-case words, at apostrophes and hyphens too."""
    return re.findall(r"\w+", text.lower())


def both_sides(pair: Phrase) -> list[str]:
    """The words of both sides, each marked with its language."""
    return [f"{side}:{word}" for side in ("en", "fr") for word in words_of(getattr(pair, side))]


def is_held_out(combo: Combo) -> bool:
    """Tell whether a combination is kept out of training (a checksum decides, so the choice is stable)."""
    return zlib.crc32(":".join(combo).encode()) % HELD_OUT_ONE_IN == 0


def seen_in(text: str, combo: Combo) -> bool:
    """Tell whether an adjective stands before its noun in the text, as a sentence of the phrase book may have it."""
    kind, adjective, noun = combo
    if kind != "adjective-noun" or noun not in NOUNS:
        return False
    forms = (NOUNS[noun].en, NOUNS[noun].en_plural)
    return any(f" {adjective} {form.replace('_', ' ')}".lower() in text for form in forms)


def build() -> dict[str, list[Phrase]]:
    """Generate the corpus: unique sentences, held-out combinations only in the validation and test sets."""
    d, typing, luck = Dice(SEED), Dice(SEED + 1), Dice(SEED + 2)
    everyday = {surface.key(line) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()}
    seen: dict[str, str] = {}
    fixed: list[Phrase] = []
    train: list[Phrase] = []
    pool: list[Phrase] = []
    choices: list[Phrase] = []
    counts: Counter[str] = Counter()
    for pattern in phrasebook.FIXED:
        pair = pattern.fill(d)
        if surface.key(pair.en) not in everyday:
            seen[surface.key(pair.en)] = surface.key(pair.fr)
            fixed += surface.variants(pair)
    for pattern in phrasebook.CHOICES:
        for pair in pattern.every(d):
            if surface.key(pair.en) not in everyday | seen.keys():
                seen[surface.key(pair.en)] = surface.key(pair.fr)
                choices.append(pair)
    for pair in [*fixed, *choices]:
        counts.update(both_sides(pair))
    for pair in choices:
        rare = min(counts[word] for word in both_sides(pair)) < RARE
        fixed += dict.fromkeys([pair] * rare + [surface.typed(typing, pair)])
    templates = [template for template, share in TEMPLATES for _ in range(round(10 * share))]
    while len(fixed) + len(train) < TRAIN_SIZE:
        pair = d.pick(templates)(d)
        en, fr = surface.key(pair.en), surface.key(pair.fr)
        if en in everyday or max(len(pair.en.split()), len(pair.fr.split())) > MAX_WORDS:
            continue
        words, held_out = both_sides(pair), any(map(is_held_out, pair.combos))
        if not held_out and min(counts[word] for word in words) >= KNOWN and not luck.chance(KEPT):
            continue
        if en not in seen:  # the first translation of an ambiguous sentence ("I am going to work") stays the only one
            seen[en] = fr
            if held_out:
                pool.append(pair)
            else:
                train.append(pair)
                counts.update(words)
    translations = {surface.key(pair.fr) for pair in fixed + train}
    train = [surface.typed(typing, pair) for pair in train] + fixed
    en_counts = Counter(word for pair in train for word in words_of(pair.en))
    fr_counts = Counter(word for pair in train for word in words_of(pair.fr))
    text = "\n".join(pair.en.lower() for pair in train)
    frequent: dict[str, Phrase] = {}
    for pair in pool:
        known = all(en_counts[word] >= MIN_COUNT for word in words_of(pair.en)) and all(
            fr_counts[word] >= MIN_COUNT for word in words_of(pair.fr)
        )
        known = known and not any(seen_in(text, combo) for combo in pair.combos if is_held_out(combo))
        if known and surface.key(pair.fr) not in translations:
            frequent.setdefault(surface.key(pair.fr), pair)
    unseen = list(frequent.values())
    if len(unseen) < VALID_SIZE + TEST_SIZE:
        raise ValueError("too few held-out sentences")
    return {"train": train, "valid": unseen[:VALID_SIZE], "test": unseen[VALID_SIZE : VALID_SIZE + TEST_SIZE]}


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
