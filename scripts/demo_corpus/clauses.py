"""Clauses and their parts: statements and questions, then subjects, objects, places and tenses chosen by dice."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

from demo_corpus.adjectives import TOO
from demo_corpus.expressions import NUMBERS, TIMES
from demo_corpus.grammar import (
    DETERMINERS,
    NOTHING,
    Combo,
    NounPhrase,
    Phrase,
    french_verb,
    invert,
    noun_phrase,
    possessive,
    pronoun,
)
from demo_corpus.lexicon import (
    ADJECTIVES,
    ADJECTIVES_OF,
    ELDERS,
    NOUNS,
    VERBS,
    Verb,
    expand,
)
from demo_corpus.morphology import agree, english_verb, participle, reflexive
from demo_corpus.nouns import FAMILY, NAMES, PLURAL_GAMES, SINGULAR_NOUNS, SINGULAR_ONLY, UNCOUNTABLE
from demo_corpus.verbs import VERB_PLACES

T = TypeVar("T")


class Dice:
    """Random choices built on ``Random.random`` alone, the one method whose output is stable across versions."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self._random.random() * len(items))]

    def word(self, words: str) -> str:
        return self.pick(words.split())

    def weighted(self, items: Iterable[tuple[T, float]]) -> T:
        choices = [(item, round(weight * 10)) for item, weight in items]  # integers: float sums vary with the version
        point = self._random.random() * sum(weight for _, weight in choices)
        for item, weight in choices:
            point -= weight
            if point < 0:
                return item
        raise ValueError("no choice has a positive weight")


def english_of(verb: Verb, tense: str, subject: NounPhrase, support: bool) -> tuple[str, str]:
    """Return the auxiliary and the main part of the English verb."""
    past = verb.participle if tense == "perfect" else verb.past
    return english_verb(verb.en, past, tense, subject.person, support)


def infinitive(verb: Verb, subject: NounPhrase) -> str:
    """Return the French infinitive, with the subject's pronoun if the verb is reflexive."""
    return verb.fr.replace("se-", reflexive(subject.person) + " ") if verb.fr.startswith("se-") else verb.fr


def statement(
    subject: NounPhrase, verb: Verb, tense: str, rest: Phrase = NOTHING, neg: str = "", *, adverb: Phrase = NOTHING,
    clitic: str = "", preceding: NounPhrase | None = None,
) -> Phrase:  # fmt: skip
    """Build a declarative clause; ``neg`` is "", "not" or "never"."""
    auxiliary, main = english_of(verb, tense, subject, neg == "not")
    en = " ".join(part for part in (subject.en, auxiliary, neg, adverb.en, main) if part)
    finite, tail = french_verb(verb.fr, tense, subject, preceding, clitic)
    if neg:
        finite = f"ne {finite} " + {"not": "pas", "never": "jamais"}[neg]
    fr = " ".join(part for part in (subject.fr, finite, adverb.fr, tail) if part)
    return Phrase(en, fr, subject.combos + subject_verb(subject, verb)) + rest


def question(
    subject: NounPhrase,
    verb: Verb,
    tense: str,
    rest: Phrase = NOTHING,
    clitic: str = "",
    preceding: NounPhrase | None = None,
) -> Phrase:
    """Build a yes/no question with est-ce que."""
    auxiliary, main = english_of(verb, tense, subject, True)
    clause = statement(subject, verb, tense, clitic=clitic, preceding=preceding)
    en = " ".join(part for part in (auxiliary, subject.en, main) if part)
    return Phrase(en, "est-ce que " + clause.fr, clause.combos) + rest


def wh_question(
    wh: Phrase,
    subject: NounPhrase,
    verb: Verb,
    tense: str,
    rest: Phrase = NOTHING,
    preceding: NounPhrase | None = None,
) -> Phrase:
    """Build a question with an interrogative word: inversion of a pronoun, est-ce que before a noun."""
    if subject.noun:
        return wh + question(subject, verb, tense, rest, preceding=preceding)
    auxiliary, main = english_of(verb, tense, subject, True)
    finite, tail = french_verb(verb.fr, tense, subject, preceding)
    en = " ".join(part for part in (wh.en, auxiliary, subject.en, main) if part)
    fr = " ".join(part for part in (wh.fr, invert(finite, subject), tail) if part)
    return Phrase(en, fr, wh.combos + subject.combos) + rest


def subject_verb(subject: NounPhrase, verb: Verb) -> tuple[Combo, ...]:
    """Return the combination of a noun subject and its verb."""
    return (("subject-verb", subject.noun, verb.en),) if subject.noun and verb.en != "be" else ()


def governed(verb: Verb, obj: NounPhrase) -> Phrase:
    """Attach an object to its verb: the French preposition if there is one, and the combination."""
    return Phrase(obj.en, f"{verb.prep} {obj.fr}".strip(), (*obj.combos, ("verb-object", verb.en, obj.noun)))


def be_adjective(
    d: Dice, subject: NounPhrase, adjective: str, tense: str = "present", neg: str = "", degree: bool = True
) -> Phrase:
    """Build "subject is adjective", sometimes with very or too."""
    word = agree(ADJECTIVES[adjective].fr, subject.gender, subject.plural)
    en_degree, fr_degree = "", ""
    if degree and ADJECTIVES[adjective].comparative and d.chance(0.35):
        en_degree, fr_degree = ("too", "trop") if adjective in TOO and d.chance(0.5) else ("very", "très")
    combos = (("adjective-noun", adjective, subject.noun),) if subject.noun else ()
    rest = Phrase(f"{en_degree} {adjective}".strip(), f"{fr_degree} {word}".strip(), combos)
    return statement(subject, VERBS["be"], tense, rest, neg)


LIKING = {"like", "love", "hate", "teach"}
FAMILIAR = {"friend", "neighbour", "boss", "teacher", "colleague"}
PRONOUNS = [NounPhrase(person=person, gender=gender, plural=person in (3, 5))
            for person, gender in ((0, "m"), (2, "m"), (2, "f"), (3, "m"), (4, "m"), (5, "m"))]  # fmt: skip


def any_pronoun(d: Dice, first: bool = True) -> NounPhrase:
    """Pick a subject pronoun; ``first`` allows "I", which a question with inversion does not."""
    return pronoun(d.pick(PRONOUNS[0 if first else 1 :]))


def name(d: Dice) -> NounPhrase:
    """Pick a first name."""
    gender = d.pick("mf")
    word = d.pick(NAMES[gender])
    return NounPhrase(word, word, (), 2, gender, False, word)


def plural_of(d: Dice, noun: str, probability: float) -> bool:
    """Choose a number that the noun allows."""
    cls = NOUNS[noun].cls
    if cls == "couple" or noun in PLURAL_GAMES:
        return True
    if cls in SINGULAR_ONLY or noun in SINGULAR_NOUNS:
        return False
    return d.chance(0.8 if cls == "pair" else probability)


def attribute(d: Dice, noun: str, probability: float) -> str:
    """Pick an adjective that may stand with the noun, or none."""
    return d.pick(ADJECTIVES_OF[noun]) if ADJECTIVES_OF[noun] and d.chance(probability) else ""


def thing(
    d: Dice, noun: str, dets: str = "the this my our", plural: float = 0.25, adjective: float = 0.0
) -> NounPhrase:
    """Build a noun phrase with a random determiner among ``dets``."""
    choice = attribute(d, noun, adjective)
    return noun_phrase(noun, d.word(dets), plural_of(d, noun, plural), choice)


def human(d: Dice, pronouns: bool = True) -> NounPhrase:
    """Pick a human subject: pronoun, name, pair of names, relative or other person."""
    kind = d.weighted(
        [
            ("pronoun", 5 if pronouns else 0),
            ("name", 1.5),
            ("pair", 0.3),
            ("family", 2),
            ("person", 2),
            ("everybody", 0.3),
            ("couple", 0.3),
        ]
    )
    if kind == "pronoun":
        return any_pronoun(d)
    if kind == "everybody":
        en, fr, gender = d.pick([("everybody", "tout le monde", "m"), ("somebody", "quelqu'un", "m"),
                                 ("my family", "ma famille", "f"), ("someone", "quelqu'un", "m")])  # fmt: skip
        return NounPhrase(en, fr, (), 2, gender, False, en)
    if kind == "couple":
        one, other = (d.pick(expand("kin elder")) for _ in range(2))
        mine, yours = noun_phrase(one, d.word("my his her your")), noun_phrase(other, "my")
        if d.chance(0.5) or one == other:
            return NounPhrase(f"{mine.en} and I", f"{mine.fr} et moi", (), 3, "m", True, one)
        gender = "f" if mine.gender == yours.gender == "f" else "m"
        mine = noun_phrase(one, "my")
        return NounPhrase(f"{mine.en} and {yours.en}", f"{mine.fr} et {yours.fr}", (), 5, gender, True, one)
    if kind in {"name", "pair"}:
        one, other = name(d), name(d)
        if kind == "name" or one == other:
            return one
        gender = "f" if one.gender == other.gender == "f" else "m"
        return NounPhrase(f"{one.en} and {other.en}", f"{one.fr} et {other.fr}", (), 5, gender, True, one.noun)
    noun = d.pick(expand(kind))
    if kind == "family" or noun in FAMILIAR:
        return thing(d, noun, "my his her your" if noun in {"husband", "wife"} else "my his her our your their", 0.2)
    return thing(d, noun, "the the this that", adjective=0.25)


def other_human(d: Dice, first: NounPhrase) -> NounPhrase:
    """Pick the subject of a second clause; a "they" in it takes the gender of a plural first subject."""
    other = human(d)
    return pronoun(first) if first.person == 5 and other.person == 5 and not other.noun else other


def human_or_pronoun(d: Dice) -> NounPhrase:
    """Pick the subject of a question: half pronouns, never "I"."""
    return any_pronoun(d, first=False) if d.chance(0.5) else human(d, pronouns=False)


def object_of(
    d: Dice, verb: Verb, subject: NounPhrase, neg: str = "", noun: str = "", habitual: bool = False
) -> NounPhrase:
    """Choose an object that makes sense, with a suitable determiner."""
    feminine = {"dress", "skirt"} if verb.en == "wear" and subject.gender == "m" else set()
    noun = noun or d.pick([choice for choice in fitting(subject, verb.objects) if choice not in feminine])
    cls = NOUNS[noun].cls
    own = possessive(subject) if verb.en == "wear" or d.chance(0.85) else d.word("my his her our their")
    adjective = attribute(d, noun, 0.3)
    if cls in FAMILY:
        return noun_phrase(noun, own, plural_of(d, noun, 0.2))
    if cls in {"instrument", "game"}:
        return noun_phrase(noun, "the" if cls == "instrument" else "all", plural_of(d, noun, 0))
    mass = cls in UNCOUNTABLE
    definite = 0.0 if habitual and cls in {"food", "mass", "drink"} else 1.0  # nobody eats "the egg" every day
    if verb.en in LIKING and cls in {"food", "mass", "drink", "animal", "text", "stuff"} and d.chance(0.7):
        return noun_phrase(noun, "all", not mass, "" if cls in {"food", "mass", "drink"} else adjective)
    if mass:
        return noun_phrase(
            noun,
            d.weighted([("any" if neg else "some", 2), ("the", definite), ("this", definite / 2)]),
            False,
            adjective,
        )
    if verb.en == "wear":  # one piece of clothing each
        worn = ["any" if neg else "some", own] if subject.plural else ["not a" if neg else "a", "this", own]
        return noun_phrase(noun, d.pick(worn), subject.plural, adjective)
    if noun in SINGULAR_NOUNS:
        return noun_phrase(noun, "the")
    dets = [("the", 2 * definite), ("this", definite), ("that", definite / 2)]
    if verb.en not in {"know", *LIKING} and cls not in {"room", "building", "place", "nature"}:
        number = d.pick([*NUMBERS, "8", "12", "20"] if cls == "food" else [*NUMBERS])
        dets += [("not a", 2.0), ("any", 1.0)] if neg else [("a", 2.0), ("some", 1.0), (number, 0.8)]
    if verb.en in {"buy", "choose", "want", "have"}:
        own = "the"  # rather than buying what one owns
    if cls not in {"building", "place", "person"} or noun in {*FAMILIAR, "garden", "house", "flat"}:
        dets.append((own, 2.0))
    det = d.weighted(dets)
    plural = det not in DETERMINERS or det in {"some", "any"}
    often = 0.8 if cls == "pair" else 0.25
    return noun_phrase(noun, det, plural or (det not in {"a", "not a"} and d.chance(often)), adjective)


def fitting(subject: NounPhrase, nouns: Iterable[str]) -> list[str]:
    """Leave out the parents and grandparents of parents and grandparents."""
    return [noun for noun in nouns if not (noun in ELDERS and subject.noun in ELDERS)]


def complement(d: Dice, verb: Verb, subject: NounPhrase, neg: str = "", habitual: bool = False) -> Phrase:
    """Build what follows a verb: its object, or the place where the action happens."""
    if verb.objects:
        return governed(verb, object_of(d, verb, subject, neg, habitual=habitual))
    return place(d, d.word(VERB_PLACES[verb.en]), 0.15)


def place(d: Dice, noun: str, adjective: float = 0.0) -> Phrase:
    """Build "at the market" or "in the garden"."""
    en, fr = ("at", "à") if NOUNS[noun].cls == "building" else ("in", "dans")
    return Phrase(en, fr) + thing(d, noun, "the", 0, adjective)


def spot(d: Dice, cls: str) -> Phrase:
    """Pick a spot for an animal or a thing."""
    if cls == "animal" and d.chance(0.6):
        prep = Phrase(*d.pick([("in front of", "devant"), ("behind", "derrière"), ("near", "près de")]))
        return prep + thing(d, d.pick(expand("house church school castle forest station")), "the", 0)
    if cls in {"food", "dish"}:
        return Phrase("on", "sur") + thing(d, d.word("table table desk"), "the my our", 0)
    if cls in {"thing", "press", "food", "picture"} and d.chance(0.4):
        return Phrase("in", "dans") + thing(
            d, d.word("bag box basket suitcase drawer kitchen car bedroom"), "the my", 0
        )
    preps = [("under", "sous"), ("next to", "à côté de"), ("behind", "derrière")] + [("on", "sur")] * (
        3 * (cls != "animal")
    )
    return Phrase(*d.pick(preps)) + thing(d, d.word("table chair bed desk sofa armchair"), "the my", 0, 0.15)


def pick_tense(d: Dice, verb: Verb, imperfect: bool = True) -> str:
    """Pick a tense that the verb allows."""
    h, p, s, i, f, n, a = (flag in verb.flags for flag in "hpsifna")
    return d.weighted([
        ("present", 3 * (h or s)), ("progressive", 3 * p), ("past", 3.5 * (not n)), ("future", 1.5 * f),
        ("near", 1.5 * (not s and not a)), ("imperfect", imperfect * i),
    ])  # fmt: skip


def pick_neg(d: Dice, verb: Verb, tense: str) -> str:
    """Choose the polarity of a clause."""
    if tense != "present":
        return "not" if d.chance(0.2) else ""
    return d.weighted([("", 7), ("not", 1.8), ("never", 0.8 * ("h" in verb.flags))])


def add_time(
    d: Dice, clause: Phrase, subject: NounPhrase, tense: str, probability: float = 0.6, front: float = 0.2
) -> Phrase:
    """Add a time expression that suits the tense, at the end or sometimes in front."""
    if tense == "imperfect":
        visitor = d.pick([one for names in NAMES.values() for one in names if one not in clause.en])
        agreed = participle("arriver", "f" if visitor in NAMES["f"] else "m")
        return clause + Phrase(f"when {visitor} arrived", f"quand {visitor} est {agreed}")
    if not d.chance(probability):
        return clause
    when = Phrase(*d.pick(TIMES["future" if tense == "near" else tense]))
    comma = "," if d.chance(0.6) else ""
    return Phrase(when.en + comma, when.fr + ",") + clause if d.chance(front) else clause + when
