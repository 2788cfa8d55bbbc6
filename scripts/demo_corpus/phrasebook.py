"""Phrases with slots: the files in phrases/ hold one "English | French" a line, and this module fills them in.

* ``{drink food/a the/pl}`` is a noun phrase: classes of nouns, determiners to choose from, ``pl`` for the plural and
  ``adj`` for an adjective; the French side takes the phrases in the same order with ``{}``, or by number with ``{2}``;
* ``{name}``, ``{hour}``, ``{city}`` ... are the other fillers, listed in FILLERS;
* ``[good|bad]`` on both sides is a choice, the same one on both;
* ``<It is|That is>`` is a choice of the English alone;
* ``prêt~1`` agrees with the first slot.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demo_corpus import clock
from demo_corpus.clauses import Dice, attribute, name, plural_of
from demo_corpus.expressions import BY_VEHICLE, NUMBERS, TIMES
from demo_corpus.grammar import NounPhrase, Phrase, finish, noun_phrase
from demo_corpus.lexicon import NOUNS, expand
from demo_corpus.morphology import agree
from demo_corpus.nouns import CITIES, COUNTRIES, LANGUAGES, NATIONALITIES, SINGULAR_ONLY, UNCOUNTABLE

FOLDER = Path(__file__).parent / "phrases"
_SLOT, _CHOICE = re.compile(r"\{([^}]*)\}"), re.compile(r"\[([^\]]*)\]")
_SYNONYMS = re.compile(r"<([^>]*)>")


def _country(form: int) -> Callable[[Dice], Phrase]:
    def pick(d: Dice) -> Phrase:
        en, fr = d.pick(list(COUNTRIES.items()))
        return Phrase(en, fr.split()[form])

    return pick


def _table(table: dict[str, str]) -> Callable[[Dice], Phrase]:
    return lambda d: Phrase(*d.pick(list(table.items())))


FILLERS: dict[str, Callable[[Dice], Phrase]] = {
    "name": name, "number": clock.number, "hour": clock.hour, "day": clock.day, "month": clock.month,
    "date": clock.date, "country": _country(0), "in_country": _country(1), "from_country": _country(2),
    "city": _table(CITIES), "language": _table(LANGUAGES), "nationality": _table(NATIONALITIES),
    "soon": lambda d: Phrase(*d.pick(TIMES["future"])), "past": lambda d: Phrase(*d.pick(TIMES["past"])),
    "by": lambda d: Phrase(*d.pick(BY_VEHICLE)), "when": clock.calendar,
}  # fmt: skip


@dataclass(frozen=True)
class PhrasePattern:
    """One line of a phrase file."""

    en: str
    fr: str
    end: str

    @property
    def fixed(self) -> bool:
        return not re.search(r"[{\[<]", self.en)

    @property
    def has_slots(self) -> bool:
        return "{" in self.en

    @property
    def weight(self) -> float:
        """Grow with the number of sentences that the pattern can make, up to a limit."""
        weight = 1.0
        for choice in _CHOICE.findall(self.en):
            weight *= len(choice.split("|"))
        for slot in _SLOT.findall(self.en):
            weight *= 10 if slot in FILLERS else len(expand(slot.split("/")[0]))
        return min(weight, 12)

    def fill(self, d: Dice) -> Phrase:
        """Fill the slots and make the choices, at random."""
        slots = [_fill(d, slot) for slot in _SLOT.findall(self.en)]
        heads = [slot.noun if isinstance(slot, NounPhrase) else slot.en for slot in slots]
        if len(set(heads)) < len(heads):
            return self.fill(d)  # nobody prefers tea to tea
        return self._with(d, slots, [d.pick(options) for options in self._choices()])

    def every(self, d: Dice) -> Iterator[Phrase]:
        """Make all choices, one after the other, where there is no slot."""
        for choices in itertools.product(*self._choices()):
            yield self._with(d, [], list(choices))

    def _choices(self) -> list[range]:
        return [range(len(options.split("|"))) for options in _CHOICE.findall(self.en)]

    def _with(self, d: Dice, slots: list[Phrase], choices: list[int]) -> Phrase:
        left, numbers = iter(slots), iter(range(len(slots)))
        en = _SYNONYMS.sub(lambda m: d.pick(m[1].split("|")), self.en)
        en = _SLOT.sub(lambda _: next(left).en, _choose(en, choices))
        fr = _choose(self.fr, choices)
        fr = re.sub(r"(\w+)~(\d)", lambda m: _agreed(m[1], slots[int(m[2]) - 1]), fr)
        fr = _SLOT.sub(lambda m: slots[int(m[1]) - 1 if m[1] else next(numbers)].fr, fr)
        nouns = [slot.noun for slot in slots if isinstance(slot, NounPhrase) and slot.noun in NOUNS]
        combos = tuple(("phrase", self.en, noun) for noun in nouns)
        return finish(Phrase(en, fr, sum((slot.combos for slot in slots), ()) + combos), self.end)


def _choose(text: str, choices: list[int]) -> str:
    chosen = iter(choices)
    return _CHOICE.sub(lambda m: m[1].split("|")[next(chosen)], text)


def _agreed(adjective: str, phrase: Phrase) -> str:
    assert isinstance(phrase, NounPhrase)
    return agree(adjective, phrase.gender, phrase.plural)


def _fill(d: Dice, slot: str) -> Phrase:
    if slot in FILLERS:
        return FILLERS[slot](d)
    classes, dets, *options = slot.split("/")
    noun, det = d.pick(expand(classes)), d.word(dets).replace("_", " ")
    cls = NOUNS[noun].cls
    if cls in UNCOUNTABLE and cls != "drink" and det in {"a", "one"}:
        det = "some"
    many = "pl" in options or (det in {"some", "ask"} and cls not in UNCOUNTABLE)
    adjective = attribute(d, noun, 0.5) if "adj" in options else ""
    counted = many and (cls not in SINGULAR_ONLY or det in NUMBERS)  # two coffees
    return noun_phrase(noun, det, counted or plural_of(d, noun, 0), adjective)


def read(folder: Path = FOLDER) -> list[PhrasePattern]:
    """Read all phrase files, in the order of their names."""
    patterns, faults = [], []
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            en, bar, fr = (side.strip() for side in line.partition(" | "))
            sizes = [[len(c.split("|")) for c in _CHOICE.findall(side)] for side in (en, fr)]
            if not bar or sizes[0] != sizes[1]:
                faults.append(f"{path.name}:{number}: {line!r}: choices of {sizes[0]} and {sizes[1]}")
            end = en[-1] if en[-1] in ".?!" else ""
            patterns.append(PhrasePattern(en.removesuffix(end), fr.removesuffix(end).rstrip(), end))
    if faults:
        raise ValueError("\n".join(faults))
    return patterns


PATTERNS = read()
FIXED = [pattern for pattern in PATTERNS if pattern.fixed]
CHOICES = [pattern for pattern in PATTERNS if not pattern.fixed and not pattern.has_slots]
_SLOTTED = [pattern for pattern in PATTERNS if pattern.has_slots for _ in range(round(10 * pattern.weight))]


def phrase(d: Dice) -> Phrase:
    """Pick a phrase with slots and fill it in."""
    return d.pick(_SLOTTED).fill(d)
