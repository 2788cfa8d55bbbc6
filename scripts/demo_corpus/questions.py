"""Templates addressed to somebody: commands, remarks after a first name, questions."""

from __future__ import annotations

import re

from demo_corpus.clauses import (
    Dice,
    add_time,
    any_pronoun,
    be_adjective,
    complement,
    governed,
    human_or_pronoun,
    name,
    object_of,
    pick_tense,
    place,
    question,
    statement,
    thing,
    wh_question,
)
from demo_corpus.grammar import NounPhrase, Phrase, finish, noun_phrase, pronoun
from demo_corpus.lexicon import MOODS, NOUNS, STAYING, TRANSITIVE, VERBS
from demo_corpus.morphology import conjugate
from demo_corpus.nouns import FAMILY
from demo_corpus.verbs import VERB_PLACES


def imperative(d: Dice) -> Phrase:
    verb = VERBS[d.word("open close take bring wash clean prepare repair feed call help wait_for look_for")]
    friend = name(d) if d.chance(0.5) else None
    obj = object_of(d, verb, NounPhrase(person=4))
    if re.match(r"(?:a|some) ", obj.en):
        obj = noun_phrase(obj.noun, "this", obj.plural)
    en, form = verb.en.replace("_", " "), conjugate(verb.fr, "present", 4)
    if friend:
        return finish(Phrase(f"{friend.en}, {en}", f"{friend.fr}, {form}") + governed(verb, obj), "!")
    if d.chance(0.4):
        return finish(Phrase(f"do not {en}", f"ne {form} pas") + governed(verb, obj), "!")
    return finish(Phrase(f"please {en}", form) + governed(verb, obj) + Phrase("", ", si il vous plaît"))


def addressed(d: Dice) -> Phrase:
    friend = name(d)
    call = Phrase(friend.en + ",", friend.fr + ",")
    you = pronoun(NounPhrase(person=4, gender=friend.gender))
    if d.chance(0.3):
        return finish(call + be_adjective(d, you, d.pick(MOODS)))
    verb = d.pick([verb for verb in TRANSITIVE if set(verb.flags) & set("ps")])
    tense, rest = "progressive" if "p" in verb.flags else "present", complement(d, verb, you)
    if d.chance(0.6):
        return finish(call + question(you, verb, tense, rest), "?")
    return finish(call + statement(you, verb, tense, rest))


def yes_no(d: Dice) -> Phrase:
    subject, verb = human_or_pronoun(d), d.pick(TRANSITIVE)
    tense = pick_tense(d, verb, imperfect=False)
    clause = question(subject, verb, tense, complement(d, verb, subject))
    return finish(clause if tense == "present" else add_time(d, clause, subject, tense, 0.2, 0), "?")


def where_why_when(d: Dice) -> Phrase:
    subject, wh = human_or_pronoun(d), Phrase(*d.pick([("where", "où"), ("why", "pourquoi"), ("when", "quand")]))
    if d.chance(0.4):
        verb = VERBS[d.word("work sleep swim sing dance run walk")]
        tense = "past" if wh.en == "when" else d.word("past progressive" if "p" in verb.flags else "past")
        return finish(wh_question(wh, subject, verb, tense), "?")
    verb = VERBS[d.word("buy find lose see meet draw eat sell")]
    noun = d.pick(verb.objects)
    obj = thing(d, noun, "his her my our" if NOUNS[noun].cls in FAMILY else "this", 0.3)
    return finish(wh_question(wh, subject, verb, "past", governed(verb, obj)), "?")


def what_who(d: Dice) -> Phrase:
    if d.chance(0.5):
        verb = d.pick([verb for verb in TRANSITIVE + STAYING if verb.flags])
        anyone = NounPhrase("who", "qui")
        clause = statement(anyone, verb, pick_tense(d, verb, imperfect=False), complement(d, verb, anyone))
        return finish(clause, "?")
    subject = any_pronoun(d, first=False)
    verb = VERBS[d.word("eat drink read buy look_for draw write prepare wear sell find break want")]
    tense = d.word(" ".join(["progressive"] * ("p" in verb.flags) + ["past"] * ("n" not in verb.flags)) or "present")
    clause = wh_question(Phrase("what", "que"), subject, verb, tense)
    if verb.en in VERB_PLACES and d.chance(0.8):
        return finish(clause + place(d, d.word(VERB_PLACES[verb.en])), "?")
    return finish(clause if tense == "present" else add_time(d, clause, subject, tense, 0.6, 0), "?")


def how_many(d: Dice) -> Phrase:
    subject, verb = human_or_pronoun(d), VERBS[d.word("want have buy find sell draw")]
    counted = noun_phrase(d.pick([n for n in verb.objects if NOUNS[n].cls not in {"mass", "drink"}]), "any", True)
    wh = Phrase("how many " + counted.en.removeprefix("any "), f"combien {counted.fr}", governed(verb, counted).combos)
    return finish(wh_question(wh, subject, verb, "present" if "n" in verb.flags else "past", preceding=counted), "?")
