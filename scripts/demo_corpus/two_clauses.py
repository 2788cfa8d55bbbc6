"""Templates that join clauses: conditions, reasons, contrasts, relative clauses, reported speech."""

from __future__ import annotations

from dataclasses import replace

from demo_corpus.adjectives import RIVALS
from demo_corpus.clauses import (
    Dice,
    add_time,
    any_pronoun,
    be_adjective,
    complement,
    governed,
    human,
    object_of,
    other_human,
    place,
    statement,
    thing,
)
from demo_corpus.expressions import FEELINGS, WEATHER
from demo_corpus.grammar import NOTHING, NounPhrase, Phrase, finish, noun_phrase, pronoun
from demo_corpus.lexicon import (
    ACTORS_OF,
    ADJECTIVES_OF,
    BE_AVOIR,
    INTRANSITIVE,
    MOODS,
    NOUNS,
    PREDICATES_OF,
    STAYING,
    TRANSITIVE,
    VERBS,
    expand,
)
from demo_corpus.nouns import ANIMATE, PUBLIC


def weather(d: Dice) -> Phrase:
    if d.chance(0.3):
        tense = d.pick(list(WEATHER))
        where = place(d, d.word("village forest garden park beach")) if d.chance(0.4) else NOTHING
        return finish(add_time(d, Phrase(*d.pick(WEATHER[tense])) + where, NounPhrase(), tense, 1.0))
    verb = d.pick([v for v in TRANSITIVE + STAYING if "f" in v.flags and "s" not in v.flags])
    subject = human(d)
    en, fr = d.pick([*WEATHER["progressive"][2:], ("it rains", "il pleut"), ("it snows", "il neige")])
    clause = statement(subject, verb, "future", complement(d, verb, subject))
    return finish(Phrase(f"if {en},", f"si {fr},") + clause)


def because(d: Dice) -> Phrase:
    subject = human(d)
    verb, reasons, en, fr = d.pick([("stay", "tired sick", "at home", "à la maison"), ("cry", "sad tired sick", "", ""),
                                    ("sleep", "tired sick", "", ""), ("sing", "happy", "", "")])  # fmt: skip
    tense = "past" if verb == "stay" else d.word("past progressive")
    clause = statement(subject, VERBS[verb], tense, Phrase(en, fr)) + Phrase("because", "parce que")
    be = "imperfect" if tense == "past" else "present"
    return finish(clause + be_adjective(d, pronoun(subject), d.word(reasons), be))


def contrast(d: Dice) -> Phrase:
    noun = d.pick([noun for noun in NOUNS if len(PREDICATES_OF[noun]) > 3 and NOUNS[noun].cls not in ANIMATE])
    subject = thing(d, noun, "the this" if NOUNS[noun].cls in PUBLIC else "the this my her")
    one = d.pick(PREDICATES_OF[noun])
    rivals = {one, *(adj for group in RIVALS for adj in group.split() if one in group.split())}
    others = [adj for adj in PREDICATES_OF[noun] if adj not in rivals]
    if not others:
        return contrast(d)
    other = d.pick(others)
    first = be_adjective(d, subject, one, degree=False) + Phrase(", but", ", mais")
    combo = Phrase("", "", (("adjective-noun", other, noun),))
    return finish(first + be_adjective(d, pronoun(subject), other, "present", "not", degree=False) + combo)


def coordination(d: Dice) -> Phrase:
    parts = []
    first = human(d)
    for subject in (first, other_human(d, first)):
        verb = d.pick([verb for verb in TRANSITIVE if "p" in verb.flags])
        parts.append(statement(subject, verb, "progressive", complement(d, verb, subject)))
    return finish(parts[0] + Phrase(*d.pick([("and", "et"), (", but", ", mais")])) + parts[1])


def joined(d: Dice) -> Phrase:
    """Build two short clauses with and, but, so or because: "I am hungry, so I am going to eat"."""
    subject = human(d)
    state, act = _state(d, subject), _act(d, pronoun(subject))
    kind = d.weighted([("so", 2), ("because", 2), ("and", 3), ("but", 1.5)])
    if kind == "so":
        return finish(state + Phrase(", so", ", donc") + act)
    if kind == "because":
        return finish(_act(d, subject) + Phrase("because", "parce que") + _state(d, pronoun(subject)))
    link = Phrase("and", "et") if kind == "and" else Phrase(", but", ", mais")
    other = other_human(d, subject)
    if d.chance(0.5):
        return finish(_act(d, subject) + link + _act(d, other))
    return finish(state + link + (_state(d, other) if d.chance(0.5) else act))


def _state(d: Dice, subject: NounPhrase) -> Phrase:
    """Say how somebody is."""
    neg = "not" if d.chance(0.15) else ""
    if d.chance(0.4):
        return statement(subject, BE_AVOIR, "present", Phrase(*d.pick(FEELINGS[:5])), neg)
    return be_adjective(d, subject, d.pick(MOODS), "present", neg, degree=d.chance(0.3))


def _act(d: Dice, subject: NounPhrase) -> Phrase:
    """Say what somebody does, without or with an object or a place."""
    verb = d.pick([verb for verb in (INTRANSITIVE, TRANSITIVE, STAYING)[d.pick(range(3))] if "p" in verb.flags])
    if verb.en in ACTORS_OF:
        return _act(d, subject)
    rest = complement(d, verb, subject) if verb.objects or verb in STAYING else NOTHING
    return statement(subject, verb, d.word("progressive progressive present past near"), rest)


def object_again(d: Dice) -> Phrase:
    subject = human(d)
    first, second, nouns = d.pick([
        ("buy", "eat", "food mass"), ("buy", "bring", "food chair basket newspaper"),
        ("find", "take", "thing container"), ("choose", "buy", "clothes thing furniture"),
        ("see", "follow", "animal"), ("find", "sell", "picture"),
        ("repair", "sell", "vehicle"), ("see", "draw", "animal"), ("prepare", "eat", "cake soup meat salad sandwich"),
        ("find", "feed", "animal"), ("buy", "break", "cup plate glass lamp"),
    ])  # fmt: skip
    obj = object_of(d, VERBS[first], subject, noun=d.pick(expand(nouns)))
    it, fr = ("them", "les") if obj.plural else ("it", "le" if obj.gender == "m" else "la")
    clause = statement(subject, VERBS[first], "past", governed(VERBS[first], obj))
    neg = "not" if d.chance(0.35) else ""
    link = Phrase(", but", ", mais") if neg else Phrase("and", "et")
    rest = Phrase(it, "", (("verb-object", second, obj.noun),))
    tense = d.word("past past near")
    return finish(
        clause + link + statement(pronoun(subject), VERBS[second], tense, rest, neg, clitic=fr, preceding=obj)
    )


def relative_subject(d: Dice) -> Phrase:
    noun = d.pick([noun for noun in expand("person") if noun not in expand("friend neighbour")])
    person = noun_phrase(noun, "the", d.chance(0.25))
    verb = d.pick([verb for verb in TRANSITIVE + STAYING if "p" in verb.flags])
    who = replace(person, en=f"{person.en} who", fr=f"{person.fr} qui")
    clause = statement(who, verb, "progressive", complement(d, verb, person))
    if d.chance(0.3):
        knowing = statement(any_pronoun(d), VERBS["know"], "present", neg="not" if d.chance(0.4) else "")
        return finish(knowing + clause)
    if d.chance(0.5) and not person.plural:
        kin = d.pick([noun for noun in expand("kin") if NOUNS[noun].gender == person.gender])
        return finish(clause + Phrase("is", "est") + thing(d, kin, "my his her our their", 0))
    nobody = replace(person, en="", fr="")
    return finish(clause + be_adjective(d, nobody, d.pick(ADJECTIVES_OF[noun]), degree=False))


def relative_object(d: Dice) -> Phrase:
    verb = VERBS[d.word("buy see find read choose draw lose want repair write bring break sell")]
    nouns = [noun for noun in verb.objects if PREDICATES_OF[noun] and NOUNS[noun].cls not in ANIMATE]
    item = thing(d, d.pick(nouns), "the", 0.3)
    subject = any_pronoun(d) if d.chance(0.5) else human(d, pronouns=False)
    tense = "progressive" if verb.en == "read" else "present" if "n" in verb.flags else "past"
    inner = statement(subject, verb, tense, preceding=item)
    full = replace(item, en=f"{item.en} that {inner.en}", fr=f"{item.fr} que {inner.fr}",
                   combos=(*inner.combos, ("verb-object", verb.en, item.noun)))  # fmt: skip
    if d.chance(0.3):
        other = VERBS[d.pick([en for en in ("look_for", "like", "want") if item.noun in VERBS[en].objects] or ["see"])]
        seeker, tense = any_pronoun(d), "progressive" if other.en == "look_for" else "present"
        return finish(statement(seeker, other, tense, full))
    return finish(be_adjective(d, full, d.pick(PREDICATES_OF[item.noun]), neg="not" if d.chance(0.25) else ""))


def reported(d: Dice) -> Phrase:
    speaker = human(d)
    other = pronoun(speaker) if d.chance(0.4) else other_human(d, speaker)
    if d.chance(0.5):
        clause = be_adjective(d, other, d.pick(PREDICATES_OF.get(other.noun) or MOODS))
    else:
        verb = d.pick([verb for verb in TRANSITIVE if "p" in verb.flags and "n" not in verb.flags])
        clause = statement(other, verb, d.word("near past"), complement(d, verb, other))
    return finish(statement(speaker, VERBS[d.word("say think")], "present", Phrase("that", "que")) + clause)
