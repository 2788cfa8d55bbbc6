"""Templates of statements with one clause: actions, descriptions, places, ages, prices, states."""

from __future__ import annotations

import re
from dataclasses import replace

from demo_corpus.adjectives import COMPARED
from demo_corpus.clauses import (
    Dice,
    add_time,
    any_pronoun,
    attribute,
    be_adjective,
    complement,
    fitting,
    governed,
    human,
    object_of,
    pick_neg,
    pick_tense,
    place,
    question,
    spot,
    statement,
    thing,
)
from demo_corpus.expressions import AGES, BY_VEHICLE, CHEAP, DEAR, FEELINGS, FREQUENCIES, HOURS, NUMBERS, OLD_AGES
from demo_corpus.grammar import NounPhrase, Phrase, finish, noun_phrase, possessive
from demo_corpus.lexicon import (
    ADJECTIVES,
    BE_AVOIR,
    GIVING,
    MOODS,
    NOUNS,
    PEOPLE,
    PEOPLE_VERBS,
    PREDICATES_OF,
    STAYING,
    TRANSITIVE,
    VERBS,
    expand,
)
from demo_corpus.morphology import agree
from demo_corpus.nouns import ANIMATE, PROFESSIONS, PUBLIC
from demo_corpus.verbs import VERB_PLACES


def action(d: Dice) -> Phrase:
    subject, verb = human(d), d.pick(TRANSITIVE if d.chance(0.75) else STAYING)
    tense = pick_tense(d, verb)
    neg = pick_neg(d, verb, tense)
    rest = complement(d, verb, subject, neg, habitual=tense == "present")
    if tense == "present" and "h" in verb.flags and not neg and d.chance(0.5):
        return finish(statement(subject, verb, tense, rest, adverb=Phrase(*d.pick(FREQUENCIES))))
    if tense in {"past", "progressive"} and verb.objects and verb.en in VERB_PLACES and d.chance(0.4):
        return finish(statement(subject, verb, tense, rest + place(d, d.word(VERB_PLACES[verb.en])), neg))
    clause = statement(subject, verb, tense, rest, neg)
    timeless = "s" in verb.flags or neg == "never" or (tense == "present" and neg)
    return finish(clause if timeless else add_time(d, clause, subject, tense))


def motion(d: Dice) -> Phrase:
    subject, verb = human(d), VERBS[d.word("go go arrive come_back leave go_out")]
    tense = pick_tense(d, verb)
    if verb.en in {"leave", "go_out"}:
        goal = Phrase("with", "avec") + thing(d, d.pick(expand("kin friend")), possessive(subject), 0)
    else:
        prep = {"go": ("to", "à"), "arrive": ("at", "à"), "come_back": ("from", "de")}[verb.en]
        goal = Phrase(*prep) + thing(d, d.pick(expand("building park village factory castle")), "the", 0, 0.15)
    if verb.en == "go" and d.chance(0.3):
        return finish(statement(subject, verb, tense, goal + Phrase(*d.pick(BY_VEHICLE))))
    neg = "not" if tense != "present" and d.chance(0.2) else ""
    return finish(add_time(d, statement(subject, verb, tense, goal, neg), subject, tense))


def at_an_hour(d: Dice) -> Phrase:
    subject = thing(d, d.word("train bus plane boat"), "the our this", 0) if d.chance(0.5) else human(d)
    verb = VERBS[d.word("leave arrive")]
    en, fr = d.pick(HOURS)
    tense = d.word("past past near future" if "f" in verb.flags else "past near")
    return finish(statement(subject, verb, tense, Phrase(f"at {en} o'clock", f"à {fr} heures")))


def description(d: Dice) -> Phrase:
    described = d.pick([noun for noun in NOUNS if PREDICATES_OF[noun] and NOUNS[noun].cls not in ANIMATE])
    dets = "the this" if NOUNS[described].cls in PUBLIC else "the this my your his her our their"
    subject = human(d) if d.chance(0.4) else thing(d, described, dets)
    adjective = d.pick(PREDICATES_OF.get(subject.noun) or MOODS)
    tense = d.weighted([("present", 3), ("imperfect", 1), ("future", 0.3)])
    return finish(be_adjective(d, subject, adjective, tense, "not" if d.chance(0.25) else ""))


def comparison(d: Dice) -> Phrase:
    if d.chance(0.5):
        adjective = ADJECTIVES[d.pick([mood for mood in MOODS if mood in COMPARED])]
        left, right = human(d, pronouns=False), human(d, pronouns=False)
    else:
        adjective = d.pick(
            [adj for adj in ADJECTIVES.values() if adj.en in COMPARED and not set(adj.nouns) & set(PEOPLE)]
        )
        noun = d.pick(adjective.nouns)
        public = NOUNS[noun].cls in PUBLIC
        left = thing(d, noun, "this" if public else "the this my your")
        alike = [noun for noun in adjective.nouns if NOUNS[noun].cls == NOUNS[left.noun].cls]
        right = thing(d, d.pick(alike), "the" if public else "the his her their")
    if left.noun == right.noun:
        return comparison(d)
    form = agree(adjective.fr, left.gender, left.plural)
    if adjective.en == "cheap":
        less = Phrase("cheaper than", f"moins {agree('cher', left.gender, left.plural)} que")
        return finish(statement(left, VERBS["be"], "present", less + right))
    better = agree("meilleur", left.gender, left.plural) if adjective.fr == "bon" else f"plus {form}"
    en, fr = d.pick(
        [(f"{adjective.comparative} than", f"{better} que"), (f"as {adjective.en} as", f"aussi {form} que")]
    )
    degree = Phrase(en, fr, (("adjective-noun", adjective.en, left.noun),))
    return finish(statement(left, VERBS["be"], "present", degree + right))


def location(d: Dice) -> Phrase:
    noun = d.pick(expand("animal food thing dish press container picture"))
    where = spot(d, NOUNS[noun].cls)
    if d.chance(0.4):
        subject = thing(d, noun, "the my your his her our their", 0.3, 0.3)
        tense = d.word("present present imperfect")
        return finish(statement(subject, VERBS["be"], tense, where, "not" if d.chance(0.2) else ""))
    if d.chance(0.2):
        subject = noun_phrase(noun, "any", True)
        return finish(Phrase(f"there are no {subject.en.removeprefix('any ')}", f"il ne y a pas {subject.fr}") + where)
    det = d.pick(["a", "a", "some", *NUMBERS])
    subject = noun_phrase(noun, det, det != "a", attribute(d, noun, 0.3))
    return finish(Phrase("there is" if det == "a" else "there are", "il y a") + subject + where)


def ownership(d: Dice) -> Phrase:
    owner = human(d, pronouns=False)
    noun = d.pick(expand("vehicle clothes thing animal house garden"))
    item = noun_phrase(noun, "the", d.chance(0.2))
    suffix = "'" if owner.plural and owner.en.endswith("s") else "'s"
    en, fr = item.en.removeprefix("the "), owner.fr.replace(" et ", " et de ")
    owned = replace(item, en=f"{owner.en}{suffix} {en}", fr=f"{item.fr} de {fr}", combos=owner.combos)
    if d.chance(0.5):
        return finish(be_adjective(d, owned, d.pick(PREDICATES_OF[noun]), neg="not" if d.chance(0.2) else ""))
    verb = VERBS[d.pick([en for en in ("see", "find", "look_for", "want", "like") if noun in VERBS[en].objects])]
    return finish(statement(any_pronoun(d), verb, pick_tense(d, verb, imperfect=False), governed(verb, owned)))


def age(d: Dice) -> Phrase:
    subject = human(d)
    if d.chance(0.15) and subject.noun and subject.person != 3:
        are, have = ("are", "ont") if subject.plural else ("is", "a")
        return finish(Phrase(f"how old {are}", f"quel âge {have}") + subject, "?")
    adult = subject.noun in expand("elder couple person") and subject.noun not in expand("boy girl child student")
    en, fr = d.pick(OLD_AGES if adult else AGES)
    return finish(statement(subject, BE_AVOIR, "present", Phrase(f"{en} years old", f"{fr} ans")))


def price(d: Dice) -> Phrase:
    cheap = d.chance(0.5)
    nouns = expand(
        "press dish pen toy umbrella hat basket" if cheap else "furniture coat dress jacket phone clock ring painting"
    )
    item = thing(d, d.pick(nouns), "the this", 0.25, 0.3)
    en, fr = d.pick(CHEAP if cheap else DEAR)
    return finish(statement(item, VERBS["cost"], "present", Phrase(f"{en} euros", f"{fr} euros")))


def modal(d: Dice) -> Phrase:
    subject, auxiliary = human(d), VERBS[d.word("want can must")]
    verb = d.pick([v for v in TRANSITIVE if "s" not in v.flags and v.en not in {"lose", "find", "forget", "break"}])
    infinitive = Phrase(("to " if auxiliary.en == "want" else "") + verb.en.replace("_", " "), verb.fr)
    rest = infinitive + governed(verb, object_of(d, verb, subject))
    if auxiliary.en != "must" and subject.person != 0 and d.chance(0.2):
        return finish(question(subject, auxiliary, "present", rest), "?")
    neg = "not" if not re.search(r"\b(?:a|some)\b", rest.en) and d.chance(0.3) else ""
    return finish(statement(subject, auxiliary, "present", rest, neg))


def giving(d: Dice) -> Phrase:
    subject, verb = human(d), d.pick(GIVING)
    tense = d.word("past past near future" if "f" in verb.flags else "past near")
    noun = d.pick(fitting(subject, expand("family friend neighbour teacher waiter nurse baker student")))
    own = NOUNS[noun].cls != "person" or noun in expand("friend neighbour")
    receiver = thing(d, noun, possessive(subject) if own else "the", 0.15)
    rest = complement(d, verb, subject) + Phrase("to", "à") + receiver
    return finish(add_time(d, statement(subject, verb, tense, rest), subject, tense, 0.2))


def state(d: Dice) -> Phrase:
    subject = human(d)
    tense, neg = d.word("present imperfect"), "not" if d.chance(0.25) else ""
    if subject.plural or subject.person == 4 or subject.noun in expand("person") or d.chance(0.5):
        en, fr = d.pick(FEELINGS)
        if d.chance(0.15) and fr in {"faim", "soif", "froid", "chaud", "sommeil", "peur"}:
            en, fr = f"very {en}", f"très {fr}"
        return finish(
            statement(subject, BE_AVOIR, tense, Phrase(en, "de chance" if neg and en == "lucky" else fr), neg)
        )
    en, fr = d.pick(list(PROFESSIONS.items()))
    return finish(statement(subject, VERBS["be"], tense, Phrase(f"a {en}", fr.split()[subject.gender == "f"]), neg))


def this_is(d: Dice) -> Phrase:
    noun = d.pick(expand("kin thing clothes animal vehicle picture press container"))
    item = thing(d, noun, "my his her our your their", 0.3, 0 if NOUNS[noun].cls == "kin" else 0.5)
    en, fr = ("these are", "ce sont") if item.plural else ("this is", "c'est")
    if d.chance(0.25):
        en, fr = en + " not", "ce ne sont pas" if item.plural else "ce n'est pas"
    return finish(Phrase(en, fr) + item)


def object_pronoun(d: Dice) -> Phrase:
    subject, verb = human(d), d.pick(PEOPLE_VERBS)
    en, fr, person, gender = d.pick([
        ("me", "me", 0, "m"), ("him", "le", 2, "m"), ("her", "la", 2, "f"), ("us", "nous", 3, "m"),
        ("you", "vous", 4, "m"), ("them", "les", 5, "m"),
    ])  # fmt: skip
    if subject.person == person != 2 or {subject.person, person} == {0, 3}:
        return object_pronoun(d)  # no reflexives
    obj = NounPhrase(person=person, gender=gender, plural=person in (3, 5))
    tense = pick_tense(d, verb, imperfect=False)
    if d.chance(0.2) and subject.person != 0:
        return finish(question(subject, verb, tense, Phrase(en), fr, obj), "?")
    clause = statement(subject, verb, tense, Phrase(en), "not" if d.chance(0.35) else "", clitic=fr, preceding=obj)
    return finish(clause if "s" in verb.flags else add_time(d, clause, subject, tense))
