"""The words of the demo corpus: nouns, adjectives and verbs with what they go with.

The tables of `nouns`, `adjectives` and `verbs` are written compactly, to be read and extended; the parsers here turn
them into `NOUNS`, `ADJECTIVES`, `VERBS` and the selections that the clauses and templates draw from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from demo_corpus.adjectives import ADJECTIVE_TABLE, ATTRIBUTE_ONLY, NO_COMPARATIVE, PREDICATE_ONLY
from demo_corpus.morphology import english_plural, french_plural
from demo_corpus.nouns import GROUPS, NOUN_TABLE
from demo_corpus.verbs import ACTORS, ANIMAL_ACTS, VERB_PLACES, VERB_TABLE


@dataclass(frozen=True)
class Noun:
    en: str
    en_plural: str
    fr: str
    fr_plural: str
    gender: str
    cls: str


@dataclass(frozen=True)
class Adjective:
    en: str
    comparative: str
    fr: str
    before: bool
    nouns: tuple[str, ...]


@dataclass(frozen=True)
class Verb:
    en: str
    past: str
    participle: str
    fr: str
    prep: str
    objects: tuple[str, ...]
    flags: str


def parse_nouns() -> dict[str, Noun]:
    """Read NOUN_TABLE."""
    nouns = {}
    for cls, entries in NOUN_TABLE.items():
        for entry in entries.split():
            words, gender = entry.split(":")
            (en, _, en_plural), (fr, _, fr_plural) = (word.partition("/") for word in words.split("="))
            plurals = en_plural or english_plural(en), fr_plural or french_plural(fr)
            nouns[en] = Noun(en, plurals[0], fr, plurals[1], gender, cls)
    return nouns


@cache
def expand(classes: str) -> tuple[str, ...]:
    """Expand classes ("animal"), groups ("people"), genders ("person.f") and single nouns to noun keys."""
    found: list[str] = []
    for item in classes.split():
        name, _, gender = item.partition(".")
        for cls in GROUPS.get(name, name).split():
            members = [n.en for n in NOUNS.values() if n.cls == cls and gender in ("", n.gender)]
            if not members and cls not in NOUNS:
                raise KeyError(cls)
            found += [noun for noun in members or [cls] if noun not in found]
    return tuple(found)


def parse_adjectives() -> dict[str, Adjective]:
    """Read ADJECTIVE_TABLE."""
    adjectives = {}
    for line in ADJECTIVE_TABLE.strip().splitlines():
        words, classes = line.split("|")
        english, fr = words.lstrip("+").split("=")
        en, _, comparative = english.partition("/")
        comparative = "" if en in NO_COMPARATIVE else comparative or f"more {en}"
        adjectives[en] = Adjective(en, comparative, fr, line.startswith("+"), expand(classes))
    return adjectives


def parse_verbs() -> list[Verb]:
    """Read VERB_TABLE."""
    verbs = []
    for line in VERB_TABLE.strip().splitlines():
        words, objects, flags = line.split("|")
        english, french = words.split("=")
        en, pasts = english.split()
        past, _, participle = pasts.partition("/")
        fr, _, prep = french.partition("_")
        verbs.append(Verb(en, past, participle or past, fr, prep, expand(objects), flags))
    return verbs


NOUNS = parse_nouns()
ADJECTIVES = parse_adjectives()
VERB_LIST = parse_verbs()
VERBS = {verb.en: verb for verb in reversed(VERB_LIST)}  # of two with one name the first
_FITTING = {noun: [adj.en for adj in ADJECTIVES.values() if noun in adj.nouns] for noun in NOUNS}
ADJECTIVES_OF = {noun: [adj for adj in fitting if adj not in PREDICATE_ONLY] for noun, fitting in _FITTING.items()}
PREDICATES_OF = {noun: [adj for adj in fitting if adj not in ATTRIBUTE_ONLY] for noun, fitting in _FITTING.items()}
MOODS = [adj for adj in PREDICATES_OF["sister"] if adj in PREDICATES_OF["brother"]]  # fit any person
BE_AVOIR = Verb("be", "was", "been", "avoir", "", (), "")  # to be ten years old, to be hungry
GIVING = [VERBS[en] for en in ("give", "show", "send", "lend")]
TRANSITIVE = [verb for verb in VERB_LIST if verb.objects and verb not in GIVING]
STAYING = [verb for verb in VERB_LIST if not verb.objects and verb.en in VERB_PLACES]
_NEVER_ALONE = {"cost", "go", "live"}
INTRANSITIVE = [
    replace(verb, objects=(), prep="")
    for verb in VERB_LIST
    if verb.flags and verb.en not in _NEVER_ALONE and ("o" in verb.flags or not verb.objects)
]
ANIMAL_VERBS = [verb for verb in INTRANSITIVE if verb.en in ANIMAL_ACTS]
ACTORS_OF = {verb: expand(nouns) for verb, nouns in ACTORS.items()}
PEOPLE = expand("people")
ELDERS = expand("elder couple")
_ABOUT_PEOPLE = ("see", "know", "call", "invite", "help", "wait_for", "meet", "love", "understand", "hear", "listen_to",
                 "follow", "look_for")  # fmt: skip
PEOPLE_VERBS = [VERBS[en] for en in _ABOUT_PEOPLE]
