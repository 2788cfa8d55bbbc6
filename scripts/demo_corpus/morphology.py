"""Inflected forms in both languages: plurals, agreement, conjugation, elision and contraction.

Words go in and words come out; nothing here knows the lexicon or what a sentence is.
"""

from __future__ import annotations

import re

FEMININES = {"beau": "belle", "vieux": "vieille", "nouveau": "nouvelle", "blanc": "blanche", "long": "longue",
             "gentil": "gentille", "frais": "fraîche", "bon": "bonne", "gros": "grosse", "bas": "basse",
             "doux": "douce", "fou": "folle", "sec": "sèche", "inquiet": "inquiète", "italien": "italienne",
             "canadien": "canadienne", "violet": "violette"}  # fmt: skip
INVARIABLE = {"marron", "bon marché", "bon_marché", "en colère", "en_colère", "en_retard"}
BEFORE_VOWEL = {
    "beau": "bel",
    "vieux": "vieil",
    "nouveau": "nouvel",
    "ce": "cet",
    "ma": "mon",
    "ta": "ton",
    "sa": "son",
}
ETRE_VERBS = {"aller", "arriver", "partir", "venir", "revenir", "rester", "tomber", "sortir", "entrer", "rentrer",
              "monter", "mourir"}  # fmt: skip
STEM_CHANGES = {"acheter": "achèt", "appeler": "appell", "nettoyer": "nettoi", "envoyer": "envoi", "lever": "lèv",
                "payer": "pai", "essayer": "essai", "préférer": "préfèr", "jeter": "jett", "répéter": "répèt",
                "espérer": "espèr"}  # fmt: skip
FUTURE_STEMS = {"envoyer": "enverr", "préférer": "préférer", "répéter": "répéter"}
IRREGULAR = {  # infinitive: present in six persons, future stem, past participle
    "être": ("suis es est sommes êtes sont", "ser", "été"),
    "avoir": ("ai as a avons avez ont", "aur", "eu"),
    "aller": ("vais vas va allons allez vont", "ir", "allé"),
    "boire": ("bois bois boit buvons buvez boivent", "boir", "bu"),
    "voir": ("vois vois voit voyons voyez voient", "verr", "vu"),
    "lire": ("lis lis lit lisons lisez lisent", "lir", "lu"),
    "dire": ("dis dis dit disons dites disent", "dir", "dit"),
    "écrire": ("écris écris écrit écrivons écrivez écrivent", "écrir", "écrit"),
    "ouvrir": ("ouvre ouvres ouvre ouvrons ouvrez ouvrent", "ouvrir", "ouvert"),
    "connaître": ("connais connais connaît connaissons connaissez connaissent", "connaîtr", "connu"),
    "suivre": ("suis suis suit suivons suivez suivent", "suivr", "suivi"),
    "prendre": ("prends prends prend prenons prenez prennent", "prendr", "pris"),
    "vouloir": ("veux veux veut voulons voulez veulent", "voudr", "voulu"),
    "pouvoir": ("peux peux peut pouvons pouvez peuvent", "pourr", "pu"),
    "devoir": ("dois dois doit devons devez doivent", "devr", "dû"),
    "revenir": ("reviens reviens revient revenons revenez reviennent", "reviendr", "revenu"),
    "partir": ("pars pars part partons partez partent", "partir", "parti"),
    "sortir": ("sors sors sort sortons sortez sortent", "sortir", "sorti"),
    "dormir": ("dors dors dort dormons dormez dorment", "dormir", "dormi"),
    "courir": ("cours cours court courons courez courent", "courr", "couru"),
    "faire": ("fais fais fait faisons faites font", "fer", "fait"),
    "savoir": ("sais sais sait savons savez savent", "saur", "su"),
    "venir": ("viens viens vient venons venez viennent", "viendr", "venu"),
    "mettre": ("mets mets met mettons mettez mettent", "mettr", "mis"),
    "comprendre": ("comprends comprends comprend comprenons comprenez comprennent", "comprendr", "compris"),
    "apprendre": ("apprends apprends apprend apprenons apprenez apprennent", "apprendr", "appris"),
    "construire": ("construis construis construit construisons construisez construisent", "construir", "construit"),
    "croire": ("crois crois croit croyons croyez croient", "croir", "cru"),
    "tenir": ("tiens tiens tient tenons tenez tiennent", "tiendr", "tenu"),
    "rire": ("ris ris rit rions riez rient", "rir", "ri"),
    "sourire": ("souris souris sourit sourions souriez sourient", "sourir", "souri"),
    "conduire": ("conduis conduis conduit conduisons conduisez conduisent", "conduir", "conduit"),
    "recevoir": ("reçois reçois reçoit recevons recevez reçoivent", "recevr", "reçu"),
    "peindre": ("peins peins peint peignons peignez peignent", "peindr", "peint"),
    "éteindre": ("éteins éteins éteint éteignons éteignez éteignent", "éteindr", "éteint"),
    "mourir": ("meurs meurs meurt mourons mourez meurent", "mourr", "mort"),
    "asseoir": ("assieds assieds assied asseyons asseyez asseyent", "assiér", "assis"),
}


def english_plural(noun: str) -> str:
    """Return the regular English plural."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def french_plural(word: str) -> str:
    """Return the plural of a French noun, adjective or participle."""
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith("al"):
        return word[:-2] + "aux"
    return word + ("x" if word.endswith(("eau", "eu")) and word != "bleu" else "s")


def starts_with_vowel(word: str) -> bool:
    """Tell whether a French word takes elision: a vowel or a mute h, but not an aspirated one."""
    word = word.lower()
    return word == "y" or (
        word[:1] in "aeiouâàéèêîôûœh" and word not in {"hibou", "hiboux", "huit", "hamburger", "hamburgers", "onze"}
    )


def agree(adjective: str, gender: str, plural: bool, next_word: str = "") -> str:
    """Inflect a French adjective; ``next_word`` is the noun after it, if any (bel, vieil, nouvel)."""
    if adjective in INVARIABLE:
        return adjective
    if gender == "m":
        if plural:
            return french_plural(adjective)
        return BEFORE_VOWEL.get(adjective, adjective) if next_word and starts_with_vowel(next_word) else adjective
    if adjective in FEMININES:
        form = FEMININES[adjective]
    elif adjective.endswith("eux"):
        form = adjective[:-1] + "se"
    elif adjective.endswith("er"):
        form = adjective[:-2] + "ère"
    elif adjective.endswith("if"):
        form = adjective[:-1] + "ve"
    else:
        form = adjective if adjective.endswith("e") else adjective + "e"
    return french_plural(form) if plural else form


def conjugate(infinitive: str, tense: str, person: int) -> str:
    """Conjugate in the present, imperfect (imparfait), future (futur simple) or conditional."""
    infinitive = infinitive.removeprefix("se-")
    stem, changed = infinitive[:-2], STEM_CHANGES.get(infinitive, infinitive[:-2])
    if infinitive in IRREGULAR:
        present, future = IRREGULAR[infinitive][0].split(), IRREGULAR[infinitive][1]
    elif infinitive.endswith("er"):
        we = stem + ("eons" if stem.endswith("g") else "ons")  # mangeons
        we = we.replace("cons", "çons")  # commençons
        present = [changed + "e", changed + "es", changed + "e", we, stem + "ez", changed + "ent"]
        future = FUTURE_STEMS.get(infinitive, changed + "er")
    elif infinitive.endswith("ir"):
        present = [stem + ending for ending in ("is", "is", "it", "issons", "issez", "issent")]
        future = infinitive
    else:
        present = [stem + ending for ending in ("s", "s", "", "ons", "ez", "ent")]
        future = infinitive[:-1]
    if tense == "present":
        return present[person]
    if tense == "future":
        return future + ("ai", "as", "a", "ons", "ez", "ont")[person]
    if tense == "conditional":
        return future + ("ais", "ais", "ait", "ions", "iez", "aient")[person]
    root = "ét" if infinitive == "être" else present[3].removesuffix("ons")
    if person in (3, 4) and root.endswith("ge"):
        root = root[:-1]  # mangions
    if person in (3, 4) and root.endswith("ç"):
        root = root[:-1] + "c"  # commencions
    return root + ("ais", "ais", "ait", "ions", "iez", "aient")[person]


def participle(infinitive: str, gender: str = "m", plural: bool = False) -> str:
    """Return the past participle, with agreement."""
    infinitive = infinitive.removeprefix("se-")
    endings = {"er": "é", "ir": "i", "re": "u"}
    form = IRREGULAR[infinitive][2] if infinitive in IRREGULAR else infinitive[:-2] + endings[infinitive[-2:]]
    return agree(form, gender, plural)


def gerund_stem(verb: str) -> str:
    """Return an English verb as it is before -ing."""
    if verb in {"swim", "run", "sit", "get", "put", "cut", "win", "stop", "begin"}:
        return verb + verb[-1]
    if verb == "die":
        return "dy"
    return verb if verb.endswith("ee") or len(verb) == 2 else verb.removesuffix("e")


def reflexive(person: int) -> str:
    """Return the French reflexive pronoun of a person."""
    return ("me", "te", "se", "nous", "vous", "se")[person]


def english_verb(verb: str, past: str, tense: str, person: int, support: bool) -> tuple[str, str]:
    """Return the auxiliary and the main part; ``support`` asks for do-support (negation and questions)."""
    am = ("am", "are", "is", "are", "are", "are")[person]
    was = "were" if am == "are" else "was"
    if verb in {"can", "must"}:
        return verb, ""
    if verb == "be" and tense in {"present", "imperfect"}:
        return (am if tense == "present" else was), ""
    head, _, particle = verb.replace("_", " ").partition(" ")
    if tense in {"progressive", "imperfect"}:
        auxiliary = am if tense == "progressive" else was
        stem = gerund_stem(head)
        main = stem + "ing"
    elif tense in {"future", "near"}:
        auxiliary, main = ("will", head) if tense == "future" else (am, f"going to {head}")
    elif tense == "perfect":
        auxiliary, main = "has" if person == 2 else "have", past
    elif support:
        auxiliary, main = ("did" if tense == "past" else "does" if person == 2 else "do"), head
    elif tense == "past":
        auxiliary, main = "", past
    else:
        third = "has" if head == "have" else head + "es" if head == "go" else english_plural(head)
        auxiliary, main = "", third if person == 2 else head
    return auxiliary, f"{main} {particle}".strip()


ELIDED = {"je", "me", "te", "se", "le", "la", "de", "ne", "que"}
CONTRACTED = {"de le": "du", "de les": "des", "à le": "au", "à les": "aux", "De le": "Du", "De les": "Des",
              "À le": "Au", "À les": "Aux"}  # fmt: skip


def sandhi(text: str) -> str:
    """Apply French elision (le homme > l'homme) and then contraction (de le > du)."""
    words: list[str] = []
    for word in text.split():
        previous = words[-1] if words else ""
        if previous.lower() in ELIDED and starts_with_vowel(word):
            words[-1] = f"{previous[:-1]}'{word}"
        elif previous == "si" and word in {"il", "ils"}:
            words[-1] = f"s'{word}"
        else:
            words.append(word)
    return re.sub(r"\b(?:[Dd]e|[Àà]) les?\b(?!')", lambda match: CONTRACTED[match.group()], " ".join(words))
