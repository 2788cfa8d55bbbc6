"""Templates of short everyday sentences: a subject and a verb, a noun on its own, wishes, abilities, things owned."""

from __future__ import annotations

from dataclasses import replace

from demo_corpus import clock
from demo_corpus.adjectives import COMPARED
from demo_corpus.clauses import (
    Dice,
    add_time,
    any_pronoun,
    attribute,
    be_adjective,
    complement,
    governed,
    human,
    human_or_pronoun,
    infinitive,
    name,
    object_of,
    pick_neg,
    pick_tense,
    place,
    question,
    statement,
    thing,
    wh_question,
)
from demo_corpus.expressions import ADVERBS, FEELINGS, QUANTITIES
from demo_corpus.grammar import NOTHING, NounPhrase, Phrase, finish, noun_phrase
from demo_corpus.lexicon import (
    ACTORS_OF,
    ADJECTIVES,
    ANIMAL_VERBS,
    BE_AVOIR,
    GIVING,
    INTRANSITIVE,
    MOODS,
    NOUNS,
    PREDICATES_OF,
    STAYING,
    TRANSITIVE,
    VERBS,
    Verb,
    expand,
)
from demo_corpus.morphology import agree, conjugate, english_verb, reflexive
from demo_corpus.nouns import ANIMATE, NAMES, PUBLIC, SINGULAR_ONLY
from demo_corpus.verbs import INFINITIVES, MANNERS, VERB_PLACES

_NAMES = {name for names in NAMES.values() for name in names}
ACCIDENTS = {"find", "lose", "forget", "break", "miss", "receive", "hear", "understand"}


def doer(d: Dice, verb: Verb) -> NounPhrase:
    """Pick a subject for an intransitive verb."""
    if verb.en in ACTORS_OF and (verb.en != "cry" or d.chance(0.4)):
        return thing(d, d.pick(ACTORS_OF[verb.en]), "the the my this her", 0.3)
    if verb in ANIMAL_VERBS and d.chance(0.35):
        return thing(d, d.pick(expand("animal")), "the the my this that our his", 0.3, 0.25)
    return human(d)


def intransitive(d: Dice) -> Phrase:
    """Build "the baby sleeps", in all tenses, sometimes with a time."""
    verb = d.pick(INTRANSITIVE)
    subject = doer(d, verb)
    tense = pick_tense(d, verb)
    neg = pick_neg(d, verb, tense)
    if tense in {"present", "progressive"} and not neg and d.chance(0.15):
        return finish(statement(subject, verb, tense, adverb=Phrase(*d.pick(ADVERBS))))
    clause = statement(subject, verb, tense, neg=neg)
    if tense == "imperfect" or d.chance(0.3):
        return finish(add_time(d, clause, subject, tense, 0.3 if tense == "present" and not neg else 0.9, 0.1))
    return finish(clause)


def manner(d: Dice) -> Phrase:
    """Build "she sings well", "he works too much"."""
    how, (fr, verbs) = d.pick([item for item in MANNERS.items() if item[1][1]])
    verb = d.pick([v for v in [*INTRANSITIVE, VERBS["live"]] if v.en in verbs.split()])
    subject = doer(d, verb)
    tense = d.word("present present progressive" if "p" in verb.flags else "present")
    neg = "not" if d.chance(0.2) else ""
    very = d.chance(0.2) and how in {"well", "badly", "fast", "slowly", "early", "late"}
    adverb = Phrase(f"very {how}", f"très {fr}") if very else Phrase(how, fr)
    return finish(statement(subject, verb, tense, adverb, neg))


def somewhere(d: Dice) -> Phrase:
    """Build what somebody does in a place: "the children play in the park", "she is reading a book in the garden"."""
    verb = d.pick([v for v in [*INTRANSITIVE, *STAYING, *TRANSITIVE] if v.en in VERB_PLACES])
    subject = thing(d, d.word("child boy girl student man woman"), "the", 0.5) if d.chance(0.3) else human(d)
    tense = d.word("present progressive past" if {"p", "h"} <= set(verb.flags) else "past near")
    if "n" in verb.flags and tense == "past":
        tense = "progressive"
    neg = "not" if d.chance(0.1) else ""
    rest = governed(verb, object_of(d, verb, subject, neg)) if verb.objects else NOTHING
    return finish(statement(subject, verb, tense, rest + place(d, d.word(VERB_PLACES[verb.en])), neg))


def fragment(d: Dice) -> Phrase:
    """Build a noun phrase on its own: "this red car", "two cats", "dog"."""
    noun = d.pick(list(NOUNS))
    kind = d.weighted([("det", 6), ("bare", 1.5), ("number", 1.5), ("and", 1)])
    dets = "the a this that my your his her our their"
    uncountable = NOUNS[noun].cls in SINGULAR_ONLY
    if kind == "bare":
        phrase: Phrase = noun_phrase(noun, "no")
    elif kind == "number" and not uncountable:
        count = clock.number(d)
        many = noun_phrase(noun, "no", True, attribute(d, noun, 0.3))
        phrase = count + many
    elif kind == "and":
        other = d.pick([n for n in NOUNS if NOUNS[n].cls == NOUNS[noun].cls and n != noun])
        det = d.word("the my a") if not uncountable else d.word("the my")
        phrase = noun_phrase(noun, det) + Phrase("and", "et") + noun_phrase(other, det)
    else:
        phrase = thing(d, noun, dets if not uncountable else dets.replace(" a ", " "), 0, attribute(d, noun, 1) and 0.7)
        if not uncountable and d.chance(0.25):
            phrase = thing(d, noun, "the this that my your some", 1, 0.5)
    return finish(phrase, d.pick(["", "", "."]))


def short_action(d: Dice) -> Phrase:
    """Build subject, verb and object with nothing else, or a perfect: "I have lost my keys"."""
    subject, verb = human(d), d.pick(TRANSITIVE)
    if d.chance(0.25) and "n" not in verb.flags:
        adverb = Phrase("already", "déjà") if d.chance(0.2) else NOTHING
        neg = "not" if not adverb.en and d.chance(0.25) else ""
        return finish(statement(subject, verb, "perfect", complement(d, verb, subject, neg), neg, adverb=adverb))
    tense = pick_tense(d, verb, imperfect=False)
    neg = pick_neg(d, verb, tense)
    adverb = Phrase(*d.pick(ADVERBS)) if tense == "present" and not neg and d.chance(0.2) else NOTHING
    if adverb.en == "also" and d.chance(0.5):
        clause = statement(subject, verb, tense, complement(d, verb, subject), adverb=Phrase("", adverb.fr))
        return finish(clause + Phrase("too"))
    return finish(statement(subject, verb, tense, complement(d, verb, subject, neg), neg, adverb=adverb))


MODALS = [("can", "pouvoir", "present"), ("cannot", "pouvoir", "present"), ("must", "devoir", "present"),
          ("have to", "devoir", "present"), ("want to", "vouloir", "present"),
          ("would like to", "vouloir", "conditional"),
          ("should", "devoir", "conditional"), ("like to", "aimer", "present"), ("could", "pouvoir", "conditional"),
          ("must not", "devoir", "present"), ("do not want to", "vouloir", "present"),
          ("should not", "devoir", "conditional"), ("love to", "aimer", "present"), ("hope to", "espérer", "present"),
          ("prefer to", "préférer", "present"), ("do not have to", "devoir", "present")][:-1]  # fmt: skip


def wish(d: Dice) -> Phrase:
    """Build a modal verb with an infinitive: "I would like to go home", "can you swim?"."""
    subject = any_pronoun(d) if d.chance(0.6) else human(d)
    modal, fr, tense = d.pick(MODALS)
    finite = conjugate(fr, tense, subject.person)
    negated = modal in {"cannot", "must not", "do not want to", "should not"}
    if subject.person == 2:
        head, _, rest = modal.partition(" ")
        third = {"have": "has", "do": "does", "want": "wants", "like": "likes", "love": "loves", "hope": "hopes",
                 "prefer": "prefers"}.get(head, head)  # fmt: skip
        modal = f"{third} {rest}".strip()
    if d.chance(0.65):
        en, fr = d.pick([pair.split("=") for pair in INFINITIVES])
        if set(en.split()) & {"me", "you", "us"} and subject.person in (0, 1, 3, 4):
            return wish(d)
        doing = Phrase(en, fr.replace("se-", reflexive(subject.person) + " "))
    else:
        verb = d.pick([v for v in TRANSITIVE if "s" not in v.flags and v.en not in ACCIDENTS])
        obj = object_of(d, verb, subject, "not" if negated else "")
        doing = Phrase(verb.en.replace("_", " "), infinitive(verb, subject)) + governed(verb, obj)
    if not negated and subject.person != 0 and d.chance(0.2) and modal.split()[0] in {"can", "must", "should", "could"}:
        asked = Phrase(f"{modal} {subject.en}", f"est-ce que {subject.fr} {finite}")
        return finish(asked + doing, "?")
    finite = f"ne {finite} pas" if negated else finite
    return finish(Phrase(f"{subject.en} {modal}", f"{subject.fr} {finite}") + doing)


def liking_to(d: Dice) -> Phrase:
    """Build "he likes swimming", "do you like cooking?"."""
    subject, verb = human(d), VERBS[d.word("like like love hate")]
    en, fr = d.pick([("swimming", "nager"), ("cooking", "cuisiner"), ("dancing", "danser"),
                     ("reading", "lire"), ("singing", "chanter"), ("travelling", "voyager"), ("working", "travailler"),
                     ("getting up early", "se-lever tôt"), ("going to the cinema", "aller au cinéma"),
                     ("playing football", "jouer au football"), ("playing tennis", "jouer au tennis"),
                     ("listening to music", "écouter de la musique"), ("watching television", "regarder la télévision"),
                     ("skiing", "skier"), ("walking", "marcher"), ("driving", "conduire"), ("running", "courir"),
                     ("playing cards", "jouer aux cartes"), ("waiting", "attendre"), ("eating", "manger"),
                     ("learning languages", "apprendre des langues"),
                     ("speaking French", "parler français")])  # fmt: skip
    doing = Phrase(en, fr.replace("se-", reflexive(subject.person) + " "))
    if d.chance(0.25) and subject.person != 0:
        return finish(question(subject, verb, "present", doing), "?")
    return finish(statement(subject, verb, "present", doing, "not" if d.chance(0.25) else ""))


def quantity(d: Dice) -> Phrase:
    """Build "a cup of tea" on its own or as what somebody wants, drinks or has."""
    en, (fr, nouns) = d.pick(list(QUANTITIES.items()))
    noun = d.pick(expand(nouns))
    plural = NOUNS[noun].cls not in SINGULAR_ONLY
    if (en == "too much" and plural) or (en == "a little" and plural):
        return quantity(d)
    amount = Phrase(en, fr) + noun_phrase(noun, "no", plural)
    kind = d.weighted([("alone", 2), ("please", 2), ("would", 2), ("have", 2), ("there", 1), ("buy", 1)])
    if kind == "alone":
        return finish(amount, d.pick(["", "."]))
    if kind == "please":
        return finish(amount + Phrase(", please", ", s'il vous plaît"))
    if kind == "would":
        subject = human(d)
        wanting = Phrase(
            f"{subject.en} would like", f"{subject.fr} {conjugate('vouloir', 'conditional', subject.person)}"
        )
        return finish(wanting + amount)
    if kind == "there":
        return finish(
            Phrase("there is" if not plural or (en.startswith("a ") and "lot" not in en) else "there are", "il y a")
            + amount
        )
    verb = VERBS["have" if kind == "have" else "drink" if NOUNS[noun].cls == "drink" and d.chance(0.6) else "buy"]
    return finish(statement(human(d), verb, "present" if kind == "have" else d.word("past near"), amount))


def pronoun_thing(d: Dice) -> Phrase:
    """Build "I like it", "she bought them": a thing as a pronoun, masculine without an antecedent."""
    subject = human(d)
    verb = d.pick([v for v in TRANSITIVE if not v.prep and v.en != "love" and "_" not in v.en])
    en, fr, plural = d.pick([("it", "le", False), ("it", "le", False), ("them", "les", True)])
    obj = NounPhrase(plural=plural)
    tense = pick_tense(d, verb, imperfect=False)
    if d.chance(0.2) and subject.person != 0:
        return finish(question(subject, verb, tense, Phrase(en), fr, obj), "?")
    return finish(
        statement(subject, verb, tense, Phrase(en), "not" if d.chance(0.25) else "", clitic=fr, preceding=obj)
    )


def dative(d: Dice) -> Phrase:
    """Build "he gave me the book", "she is talking to him", "we will show you the house"."""
    subject = human(d)
    en, fr, person = d.pick([("me", "me", 0), ("you", "vous", 4), ("him", "lui", 2), ("her", "lui", 2),
                             ("us", "nous", 3),
                             ("them", "leur", 5)])  # fmt: skip
    if subject.person == person != 2 or {subject.person, person} == {0, 3} or (person, subject.person) == (4, 1):
        return dative(d)
    neg = "not" if d.chance(0.15) else ""
    if d.chance(0.3):
        verb = VERBS[d.word("talk_to phone write_to answer")]
        tense = d.word("present past progressive" if "p" in verb.flags else "present past")
        return finish(statement(subject, verb, tense, Phrase(en), neg, clitic=fr))
    verb = d.pick(GIVING)
    tense = d.word("past past present near future" if "f" in verb.flags else "past present near")
    obj = thing(d, d.pick(verb.objects), "the a my his this", 0.2) if not neg else thing(d, d.pick(verb.objects), "the")
    if NOUNS[obj.noun].cls in SINGULAR_ONLY:
        obj = noun_phrase(obj.noun, "the")
    return finish(statement(subject, verb, tense, Phrase(en) + Phrase(obj.en, obj.fr, obj.combos), neg, clitic=fr))


def is_it(d: Dice) -> Phrase:
    """Build "is your sister tired?", "are they hungry?", "is the shop open?"."""
    if d.chance(0.3):
        subject = human_or_pronoun(d)
        return finish(question(subject, BE_AVOIR, "present", Phrase(*d.pick(FEELINGS[:-1]))), "?")
    noun = d.pick([noun for noun in NOUNS if PREDICATES_OF[noun] and NOUNS[noun].cls not in ANIMATE])
    dets = "the this that" if NOUNS[noun].cls in PUBLIC else "the this your his that"
    subject = human_or_pronoun(d) if d.chance(0.5) else thing(d, noun, dets)
    adjective = d.pick(PREDICATES_OF.get(subject.noun) or MOODS)
    clause = be_adjective(d, subject, adjective, "present", degree=d.chance(0.3))
    be = english_verb("be", "was", "present", subject.person, True)[0]
    en = clause.en.removeprefix(subject.en).strip().removeprefix(be).strip()
    return finish(Phrase(f"{be} {subject.en} {en}", f"est-ce que {clause.fr}", clause.combos), "?")


def is_like(d: Dice) -> Phrase:
    """Build a short description, with this, that and the pronouns: "that house is old", "she is tired"."""
    noun = d.pick([noun for noun in NOUNS if PREDICATES_OF[noun] and NOUNS[noun].cls not in ANIMATE])
    subject = human(d) if d.chance(0.5) else thing(d, noun, "the this that this that my your our")
    adjective = d.pick(PREDICATES_OF.get(subject.noun) or MOODS)
    tense = d.word("present present present imperfect")
    return finish(be_adjective(d, subject, adjective, tense, "not" if d.chance(0.2) else "", degree=d.chance(0.4)))


def superlative(d: Dice) -> Phrase:
    """Build "it is the biggest house in the village", "the most expensive car in the world"."""
    adjective = d.pick([adj for adj in ADJECTIVES.values() if adj.en in COMPARED and adj.nouns])
    noun = d.pick([n for n in adjective.nouns if NOUNS[n].cls not in SINGULAR_ONLY] or ["house"])
    if noun not in adjective.nouns or adjective.en == "cheap":
        return superlative(d)
    entry = NOUNS[noun]
    form, the = agree(adjective.fr, entry.gender, False), "le" if entry.gender == "m" else "la"
    best = agree("meilleur", entry.gender, False) if adjective.en == "good" else f"plus {form}"
    en = {"good": "best"}.get(adjective.en) or (
        adjective.comparative.replace("more ", "most ")
        if " " in adjective.comparative
        else adjective.comparative[:-1] + "st"
    )
    fr = f"{the} {best} {entry.fr}" if adjective.before else f"{the} {entry.fr} {the} {best}"
    where = d.pick([("in the village", "du village"), ("in the world", "du monde"), ("in the city", "de la ville"),
                    ("", ""), ("in France", "de France"), ("here", "ici")])  # fmt: skip
    start = d.pick([("this is", "c'est"), ("it is", "c'est"), ("that is", "c'est"), ("where is", "où est")])
    clause = (
        Phrase(*start) + Phrase(f"the {en} {entry.en}", fr, (("adjective-noun", adjective.en, noun),)) + Phrase(*where)
    )
    return finish(clause, "?" if start[0] == "where is" else ".")


def belongs(d: Dice) -> Phrase:
    """Build "this is Paul's car", "my sister's dog"."""
    owner = (
        name(d)
        if d.chance(0.5)
        else thing(d, d.pick(expand("kin elder spouse friend neighbour teacher")), "my his her your", 0)
    )
    noun = d.pick(expand("vehicle clothes thing animal house garden press kin container flat"))
    plural = d.chance(0.2)
    item = noun_phrase(noun, "the", plural)
    owned = Phrase(f"{owner.en}'s {item.en.removeprefix('the ')}", f"{item.fr} de {owner.fr}",
                   (("owner", owner.noun, noun),))  # fmt: skip
    if plural:
        start = d.pick([("these are", "ce sont"), ("where are", "où sont"), ("", "")])
    else:
        start = d.pick([("this is", "c'est"), ("that is", "c'est"), ("where is", "où est"), ("it is", "c'est"),
                        ("", ""),
                        ("is this", "est-ce que c'est")])  # fmt: skip
    ending = "?" if start[0].startswith(("where", "is ")) else "." if start[0] else ""
    return finish(Phrase(*start) + owned, ending)


def ask_doing(d: Dice) -> Phrase:
    """Build questions without an object: "does your son sleep?", "where does he work?", "when did they arrive?"."""
    subject, verb = human_or_pronoun(d), d.pick([v for v in INTRANSITIVE if v.en not in ACTORS_OF])
    tense = pick_tense(d, verb, imperfect=False)
    if d.chance(0.5):
        rest = Phrase(*d.pick([("here", "ici"), ("now", "maintenant"), ("", ""), ("", ""), ("", "")]))
        rest = NOTHING if rest.en == "now" and tense != "progressive" else rest
        return finish(question(subject, verb, tense, rest), "?")
    where = [
        v
        for v in STAYING
        if v.en in {"work", "sleep", "live", "study", "dance", "swim", "play", "stay", "rest", "wait"}
    ]
    wh = d.pick([("where", "où"), ("why", "pourquoi"), ("when", "quand"), ("what time", "à quelle heure"),
                 ("how", "comment"), ("where", "où")])  # fmt: skip
    if wh[0] == "where":
        verb = d.pick([*where, VERBS["go"], VERBS["go"]])
        tense = d.word("present progressive past" if "p" in verb.flags else "present")
    elif wh[0] == "what time":
        verb = VERBS[d.word("get_up leave arrive go_to_bed come_back wake_up start finish")]
        verb, tense = replace(verb, objects=()), d.word("present present past")
    elif wh[0] == "how":
        verb, tense = VERBS[d.word("sleep work travel come live swim dance")], d.word("present past")
    elif "h" not in verb.flags or tense == "progressive":
        tense = d.word(
            "progressive past"
            if "p" in verb.flags and wh[0] == "why"
            else "past future"
            if "f" in verb.flags
            else "past"
        )
    if verb.en == "live" and tense != "present":
        tense = "present"
    return finish(wh_question(Phrase(*wh), subject, verb, tense), "?")


def answer(d: Dice) -> Phrase:
    """Build an answer: yes or no and a short sentence."""
    told = d.pick([intransitive, is_like, short_action, wish])(d)
    if not told.en.endswith("."):
        return answer(d)
    lowered = [text if text.split()[0] in {"I", "I'm"} or text.split()[0] in _NAMES else text[0].lower() + text[1:]
               for text in (told.en, told.fr)]  # fmt: skip
    start = d.pick([("Yes,", "Oui,"), ("No,", "Non,"), ("Sorry,", "Désolé,"), ("Excuse me,", "Excusez-moi,"),
                    ("But", "Mais"), ("And", "Et")])  # fmt: skip
    return Phrase(f"{start[0]} {lowered[0]}", f"{start[1]} {lowered[1]}", told.combos)
