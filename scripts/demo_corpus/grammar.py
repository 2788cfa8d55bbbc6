"""Pieces of sentences in both languages: phrases, noun phrases, pronouns, verb groups, and the finished sentence.

All of it is deterministic; what is left to chance is in `clauses`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from demo_corpus.expressions import NUMBERS
from demo_corpus.lexicon import ADJECTIVES, NOUNS
from demo_corpus.morphology import (
    BEFORE_VOWEL,
    ETRE_VERBS,
    agree,
    conjugate,
    participle,
    reflexive,
    sandhi,
    starts_with_vowel,
)
from demo_corpus.nouns import ANIMATE

Combo = tuple[str, str, str]  # (kind, word, word), such as ("verb-object", "eat", "apple")

DETERMINERS = {  # masculine, feminine, plural; "some" in the singular is the partitive
    "the": "le la les", "a": "un une -", "some": "de_le de_la des", "this": "ce cette ces",
    "that": "ce cette ces", "what a": "quel quelle quels", "which": "quel quelle quels", "my": "mon ma mes",
    "your": "votre votre vos", "his": "son sa ses", "her": "son sa ses", "our": "notre notre nos",
    "their": "leur leur leurs", "no": "- - -", "all": "le la les", "any": "de de de", "ask": "de_le de_la des",
    "not a": "de de -",
}  # fmt: skip


POSSESSIVES = {"my", "your", "his", "her", "our", "their"}


@dataclass(frozen=True)
class Phrase:
    """A piece of sentence in both languages, with the word combinations it contains; ``+`` joins pieces."""

    en: str = ""
    fr: str = ""
    combos: tuple[Combo, ...] = ()

    def __add__(self, other: Phrase) -> Phrase:
        return Phrase(f"{self.en} {other.en}".strip(), f"{self.fr} {other.fr}".strip(), self.combos + other.combos)


NOTHING = Phrase()


@dataclass(frozen=True)
class NounPhrase(Phrase):
    """A phrase that verbs and adjectives agree with; ``person`` indexes je, tu, il/elle, nous, vous, ils/elles."""

    person: int = 2
    gender: str = "m"
    plural: bool = False
    noun: str = ""  # the English head word, empty for pronouns
    animate: bool = True


def french_verb(
    verb: str, tense: str, subject: NounPhrase, preceding: NounPhrase | None = None, clitic: str = ""
) -> tuple[str, str]:
    """Return the finite verb (with a clitic that goes before it) and the non-finite rest.

    The participle agrees with the subject after être and with a ``preceding`` direct object after avoir.
    """
    if verb.startswith("se-"):
        verb, clitic = verb.removeprefix("se-"), reflexive(subject.person)
        auxiliary = "être"
    else:
        auxiliary = "être" if verb in ETRE_VERBS else "avoir"
    if tense == "near":
        return conjugate("aller", "present", subject.person), f"{clitic} {verb}".strip()
    rest = ""
    if tense in {"past", "perfect"}:
        target = subject if auxiliary == "être" else preceding
        rest = participle(verb, target.gender, target.plural) if target else participle(verb)
        finite = conjugate(auxiliary, "present", subject.person)
    else:
        finite = conjugate(verb, "present" if tense == "progressive" else tense, subject.person)
    return f"{clitic} {finite}".strip(), rest


def invert(finite: str, subject: NounPhrase) -> str:
    """Attach the subject pronoun to a finite verb, with -t- between vowels."""
    link = "-t-" if finite[-1] in "ae" and subject.person in (2, 5) else "-"
    return finite + link + pronoun(subject).fr


def noun_phrase(noun: str, det: str, plural: bool = False, adjective: str = "") -> NounPhrase:
    """Build a noun phrase; ``det`` is a key of DETERMINERS or a number."""
    entry, adj = NOUNS[noun], ADJECTIVES.get(adjective)
    if adjective == "favourite" and det not in POSSESSIVES:
        adj = None
    en, fr = (entry.en_plural, entry.fr_plural) if plural else (entry.en, entry.fr)
    first = fr
    if adj:
        form = agree(adj.fr, entry.gender, plural, fr if adj.before else "")
        en, fr = f"{adj.en} {en}", f"{form} {fr}" if adj.before else f"{fr} {form}"
        first = form if adj.before else first
    if det in DETERMINERS:
        fr_det = (
            DETERMINERS[det]
            .split()[2 if plural else 0 if entry.gender == "m" else 1]
            .replace("_", " ")
            .replace("-", "")
        )
        if not plural and starts_with_vowel(first):
            fr_det = BEFORE_VOWEL.get(fr_det, fr_det)
        if det == "some" and plural and adj and adj.before:
            fr_det = "de"  # de beaux arbres
        en_det = {"all": "", "not a": "a", "no": "", "ask": "any", "this": "these" if plural else "this",
                  "that": "those" if plural else "that"}.get(det, det)  # fmt: skip
    else:
        en_det, fr_det = det, NUMBERS.get(det, det)
    combos = (("adjective-noun", adj.en, noun),) if adj else ()
    person = 5 if plural else 2
    return NounPhrase(
        f"{en_det} {en}".strip(),
        f"{fr_det} {fr}".strip(),
        combos,
        person,
        entry.gender,
        plural,
        noun,
        entry.cls in ANIMATE,
    )


def pronoun(subject: NounPhrase) -> NounPhrase:
    """Return the subject pronoun that stands for a noun phrase."""
    third_en = ("he" if subject.gender == "m" else "she") if subject.animate else "it"
    en = ("I", "you", third_en, "we", "you", "they")[subject.person]
    third_fr = "il" if subject.gender == "m" else "elle"
    fr = ("je", "tu", third_fr, "nous", "vous", third_fr + "s")[subject.person]
    return NounPhrase(en, fr, (), subject.person, subject.gender, subject.plural, "", subject.animate)


def possessive(subject: NounPhrase) -> str:
    """Return the possessive determiner that refers back to the subject."""
    return ("my", "your", "his" if subject.gender == "m" else "her", "our", "your", "their")[subject.person]


def finish(phrase: Phrase, end: str = ".") -> Phrase:
    """Turn a phrase into a sentence: a/an, elision, capitals and punctuation (a space before ? and ! in French)."""
    en = re.sub(r"\b([Aa]) (?=[aeioAEI]|u(?!s|ni)|hour)", r"\1n ", phrase.en).replace("can not", "cannot")
    fr = sandhi(phrase.fr)
    en, fr = (text.replace("_", " ").replace(" ,", ",") for text in (en, fr))
    en, fr = (text[0].upper() + text[1:] for text in (en, fr))
    return Phrase(en + end, fr + (end if end in {"", "."} else f" {end}"), phrase.combos)
