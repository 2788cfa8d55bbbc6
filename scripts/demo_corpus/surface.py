"""How people type: contractions, all lower case, no full stop, all upper case, typographic apostrophes."""

from __future__ import annotations

import re

from demo_corpus.clauses import Dice
from demo_corpus.grammar import Phrase
from demo_corpus.nouns import CITIES, COUNTRIES, LANGUAGES, NAMES, NATIONALITIES

_CONTRACTIONS = [
    (r"\b(I) am\b", r"\1'm"), (r"\b([Yy]ou|[Ww]e|[Tt]hey) are\b", r"\1're"),
    (r"\b([Hh]e|[Ss]he|[Ii]t|[Tt]hat|[Ww]hat|[Ww]here|[Ww]ho|[Tt]here|[Hh]ow) is\b", r"\1's"),
    (r"\b([Dd]o|[Dd]oes|[Dd]id|[Ii]s|[Aa]re|[Ww]as|[Ww]ere|[Hh]ave|[Hh]as|[Cc]ould|[Ss]hould|[Mm]ust) not\b", r"\1n't"),
    (r"\b([Cc])annot\b", r"\1an't"), (r"\b([Ww])ill not\b", r"\1on't"),
    (r"\b(I|[Yy]ou|[Hh]e|[Ss]he|[Ww]e|[Tt]hey|[Ii]t) will\b", r"\1'll"),
    (r"\b(I|[Yy]ou|[Hh]e|[Ss]he|[Ww]e|[Tt]hey) would\b", r"\1'd"), (r"\b([Ll])et us\b", r"\1et's"),
    (r"\b(I|[Yy]ou|[Ww]e|[Tt]hey) have (?=not\b|\w+(?:ed|en|wn|ught|ost|old|lost|seen|found|left)\b)", r"\1've "),
]  # fmt: skip
_PROPER = {
    word for names in (NAMES["m"], NAMES["f"], CITIES, CITIES.values(), COUNTRIES, LANGUAGES, NATIONALITIES)
    for name in names for word in name.split()
} | {"I", "I'm", "I'd", "I'll", "I've", "Mr", "Mrs"}  # fmt: skip


def contract(en: str, d: Dice, probability: float) -> str:
    """Contract each group that can be, most of them or none."""
    if not d.chance(probability):
        return en
    for pattern, short in _CONTRACTIONS:
        if not re.search(pattern + r"[.?!,]?$", en):  # never "yes, I'm."
            en = re.sub(pattern, short, en)
    return en


def lower_first(text: str) -> str:
    """Make the first letter small, unless the word always has a capital."""
    return text if re.split(r"[ ,.!?]", text)[0] in _PROPER else text[:1].lower() + text[1:]


def bare(text: str) -> str:
    """Remove the final punctuation."""
    return re.sub(r" ?[.?!]$", "", text)


def shout(pair: Phrase) -> Phrase:
    """All upper case; the French is as ever, since so small a corpus cannot teach how to spell it in capitals."""
    return Phrase(pair.en.upper(), pair.fr, pair.combos)


def sloppy(pair: Phrase) -> Phrase:
    """All lower case and no final punctuation; the French keeps its names."""
    return Phrase(bare(pair.en).lower(), bare(lower_first(pair.fr)), pair.combos)


def typed(d: Dice, pair: Phrase) -> Phrase:
    """Write a sentence as somebody might type it."""
    en, fr = contract(pair.en, d, 0.4), pair.fr
    pair = Phrase(en.replace("'", "’") if d.chance(0.06) else en, fr, pair.combos)
    short = len(pair.en.split()) < 7  # nobody shouts long sentences
    way = d.weighted([("plain", 77), ("sloppy", 8), ("no_stop", 4), ("small", 2), ("shouted", 10 if short else 3)])
    if way == "sloppy":
        return sloppy(pair)
    if way == "no_stop":
        return Phrase(bare(pair.en), bare(fr), pair.combos)
    if way == "small":
        return Phrase(lower_first(pair.en), lower_first(fr), pair.combos)
    return shout(pair) if way == "shouted" else pair


_EXPANDED = [("can't", "cannot"), ("won't", "will not"), ("let's", "let us"), ("n't", " not"), ("'m", " am"),
             ("'re", " are"), ("'ll", " will"), ("'d ", " would "), ("'ve", " have")]  # fmt: skip


def key(text: str) -> str:
    """Reduce a sentence to what decides whether it is the same: no case, punctuation or contractions."""
    text = text.lower().replace("’", "'")
    for short, long in _EXPANDED:
        text = text.replace(short, long)
    text = re.sub(r"\b(he|she|it|that|what|where|who|there|how)'s\b", r"\1 is", text)
    return " ".join(re.findall(r"[\w'-]+", text))


def variants(pair: Phrase) -> list[Phrase]:
    """Write a fixed phrase in the ways that people type it, so that it is seen often enough."""
    ways = [pair, sloppy(pair), shout(pair), Phrase(bare(pair.en), bare(pair.fr), pair.combos)]
    short = contract(pair.en, Dice(1), 1.0)
    if short != pair.en:
        contracted = Phrase(short, pair.fr, pair.combos)
        ways += [contracted, sloppy(contracted), Phrase(short.replace("'", "’"), pair.fr, pair.combos)]
    return [way for i, way in enumerate(ways) if way.en not in {earlier.en for earlier in ways[:i]}]
