"""Generate the embedded English-French demo corpus from a small bilingual grammar.

The corpus (10,000 training, 500 validation and 500 test pairs) is entirely our own work: the lexicon below is
combined by about thirty sentence templates, and small morphology functions produce the right English and French
forms. Two properties make it useful for demonstrations and end-to-end tests:

* the mapping is deterministic (an English sentence has exactly one French rendering), so a small model can learn it;
* some word combinations, such as a verb with a given object, are held out: validation and test sentences each contain
  at least one that never occurs in training, so the scores measure generalisation, not memory.

Usage: python scripts/make_demo_corpus.py [--out data/demo]
"""

from __future__ import annotations

import argparse
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Combo = tuple[str, str, str]  # (kind, word, word), such as ("verb-object", "eat", "apple")

SEED = 20240
TRAIN_SIZE, VALID_SIZE, TEST_SIZE = 10_000, 500, 500
MIN_COUNT = 10  # how often every validation and test word must occur in training
MIN_WORDS, MAX_WORDS = 3, 17
HELD_OUT_ONE_IN = 10

# ------------------------------------------------------------------------------------------------------- lexicon
# Nouns by semantic class: English[/irregular plural]=French[/irregular plural]:gender. "_" stands for a space.
NOUN_TABLE = {
    "person": "man/men=homme:m woman/women=femme:f boy=garçon:m girl=fille:f child/children=enfant:m friend=ami:m "
    "neighbour=voisin:m teacher=professeur:m doctor=médecin:m student=étudiant:m baker=boulanger:m farmer=fermier:m "
    "tourist=touriste:m waiter=serveur:m waitress=serveuse:f actor=acteur:m actress=actrice:f nurse=infirmière:f "
    "policeman/policemen=policier:m singer=chanteur:m lawyer=avocat:m",
    "kin": "brother=frère:m sister=sœur:f uncle=oncle:m aunt=tante:f cousin=cousin:m son=fils:m daughter=fille:f",
    "elder": "mother=mère:f father=père:m grandmother=grand-mère:f grandfather=grand-père:m",  # singular only
    "couple": "parents/parents=parents/parents:m grandparents/grandparents=grands-parents/grands-parents:m",
    "animal": "dog=chien:m cat=chat:m bird=oiseau:m horse=cheval:m cow=vache:f mouse/mice=souris:f "
    "goat=chèvre:f rabbit=lapin:m duck=canard:m hen=poule:f owl=hibou/hiboux:m donkey=âne:m goose/geese=oie:f "
    "squirrel=écureuil:m",
    "food": "apple=pomme:f orange=orange:f egg=œuf:m cake=gâteau:m tomato/tomatoes=tomate:f carrot=carotte:f "
    "potato/potatoes=pomme_de_terre/pommes_de_terre:f sandwich=sandwich:m strawberry=fraise:f cherry=cerise:f "
    "pear=poire:f banana=banane:f",
    "mass": "bread=pain:m cheese=fromage:m meat=viande:f soup=soupe:f rice=riz:m salad=salade:f chocolate=chocolat:m",
    "drink": "water=eau:f milk=lait:m coffee=café:m tea=thé:m wine=vin:m lemonade=limonade:f",
    "text": "letter=lettre:f novel=roman:m story=histoire:f message=message:m article=article:m poem=poème:m",
    "press": "book=livre:m newspaper=journal:m magazine=magazine:m",
    "clothes": "dress=robe:f shirt=chemise:f hat=chapeau:m coat=manteau:m skirt=jupe:f scarf/scarves=écharpe:f "
    "jacket=veste:f tie=cravate:f uniform=uniforme:m",
    "thing": "key=clé:f umbrella=parapluie:m phone=téléphone:m lamp=lampe:f clock=horloge:f toy=jouet:m pen=stylo:m "
    "computer=ordinateur:m ring=bague:f gift=cadeau:m",
    "dish": "knife/knives=couteau:m plate=assiette:f cup=tasse:f glass=verre:m",
    "container": "bag=sac:m box=boîte:f basket=panier:m suitcase=valise:f",
    "picture": "painting=tableau:m photo=photo:f map=carte:f",
    "furniture": "table=table:f chair=chaise:f bed=lit:m desk=bureau:m sofa=canapé:m armchair=fauteuil:m "
    "wardrobe=armoire:f",
    "opening": "door=porte:f window=fenêtre:f drawer=tiroir:m",
    "vehicle": "car=voiture:f bike=vélo:m boat=bateau:m lorry=camion:m",
    "transport": "bus=bus:m train=train:m plane=avion:m",
    "building": "market=marché:m station=gare:f school=école:f hospital=hôpital:m church=église:f "
    "library=bibliothèque:f restaurant=restaurant:m hotel=hôtel:m museum=musée:m theatre=théâtre:m zoo=zoo:m "
    "bank=banque:f airport=aéroport:m bakery=boulangerie:f university=université:f beach=plage:f "
    "swimming_pool=piscine:f",
    "place": "park=parc:m garden=jardin:m village=village:m forest=forêt:f street=rue:f castle=château:m "
    "house=maison:f factory=usine:f",
    "room": "kitchen=cuisine:f bedroom=chambre:f bathroom=salle_de_bains/salles_de_bains:f living_room=salon:m",
    "instrument": "piano=piano:m guitar=guitare:f violin=violon:m flute=flûte:f",
    "game": "football=football:m tennis=tennis:m cards/cards=cartes/cartes:f chess/chess=échecs/échecs:m",
}
GROUPS = {"people": "person kin elder couple", "family": "kin elder couple"}
NAMES = {
    "m": ["Paul", "Louis", "Lucas", "Thomas", "Antoine", "Martin"],
    "f": ["Marie", "Anna", "Emma", "Alice", "Julie", "Sophie"],
}
PLURAL_GAMES = {"cards", "chess"}
PUBLIC = {"building", "place"}  # their nouns take no possessive here
PROFESSIONS = {  # one form for men and women
    "doctor": "médecin", "teacher": "professeur", "journalist": "journaliste", "architect": "architecte",
    "dentist": "dentiste", "photographer": "photographe", "pilot": "pilote", "engineer": "ingénieur",
}  # fmt: skip

# Adjectives: English[/comparative]=French | the classes or nouns they fit; "+" marks those placed before the noun.
ADJECTIVE_TABLE = """
+big/bigger=grand|animal food dish container furniture opening vehicle building place room gift toy
+small/smaller=petit|animal food dish container furniture opening vehicle building place room lamp toy clock
+tall/taller=grand|people
+beautiful=beau|person.f animal clothes thing picture place hotel museum church theatre hospital vehicle
+handsome=beau|person.m
+pretty/prettier=joli|clothes.f picture ring lamp clock village house garden plate cup
+old/older=vieux|people animal thing clothes vehicle furniture building place press
+new/newer=nouveau|clothes thing container furniture vehicle press text hotel hospital school museum university
+young/younger=jeune|person animal
+good/better=bon|food mass drink text press restaurant
+long/longer=long|text street dress coat scarf skirt
red=rouge|clothes thing container vehicle door chair
blue=bleu|clothes container vehicle door bird dish
green=vert|clothes thing container vehicle door furniture
black=noir|clothes thing container vehicle animal
white=blanc|clothes thing dish animal house furniture
yellow=jaune|clothes container vehicle bird
grey=gris|clothes animal container house sofa
expensive=cher|clothes thing furniture vehicle hotel restaurant picture
heavy/heavier=lourd|container furniture bike
dirty/dirtier=sale|clothes dish room vehicle container
clean/cleaner=propre|clothes dish room vehicle street
useful=utile|thing container knife map bike
comfortable=confortable|furniture clothes vehicle house hotel
interesting=intéressant|text press museum picture
funny/funnier=drôle|text
sad/sadder=triste|people story poem novel
happy/happier=heureux|people
kind/kinder=gentil|people
intelligent=intelligent|people
rich/richer=riche|people
lazy/lazier=paresseux|person kin cat
brave/braver=courageux|people
famous=célèbre|actor actress singer museum castle painting novel
tired=fatigué|people
sick=malade|people animal
shy/shyer=timide|person kin
serious=sérieux|people
curious=curieux|people animal
strong/stronger=fort|person.m father brother horse
fresh/fresher=frais|food bread milk salad
sweet/sweeter=sucré|cake orange strawberry cherry pear tea lemonade
delicious=délicieux|food mass drink
quiet/quieter=calme|street village beach park garden hotel library
modern=moderne|building house factory kitchen
empty/emptier=vide|container room glass cup plate drawer
dangerous=dangereux|street forest factory
dark/darker=sombre|room forest street
fast/faster=rapide|vehicle horse
slow/slower=lent|vehicle donkey
difficult=difficile|text
"""
NO_COMPARATIVE = {"new", "sick", "empty", "delicious", "red", "blue", "green", "black", "white", "yellow", "grey"}
TOO = {"big", "small", "tall", "old", "young", "long", "expensive", "heavy", "dirty", "lazy", "shy", "serious", "sweet",
       "dangerous", "dark", "slow", "difficult"}  # fmt: skip
RIVALS = [
    "red blue green black white yellow grey",
    "big small long pretty beautiful",
    "old new modern",
    "clean dirty",
    "fast slow",
    "good delicious",
    "interesting funny difficult",
]  # "red, but not blue" would be silly
FEMININES = {"beau": "belle", "vieux": "vieille", "nouveau": "nouvelle", "blanc": "blanche", "long": "longue",
             "gentil": "gentille", "frais": "fraîche", "bon": "bonne"}  # fmt: skip
BEFORE_VOWEL = {
    "beau": "bel",
    "vieux": "vieil",
    "nouveau": "nouvel",
    "ce": "cet",
    "ma": "mon",
    "ta": "ton",
    "sa": "son",
}

# Verbs: English past=French [preposition] | objects | flags: h habitual present, p progressive, s stative present,
# i imparfait, f futur simple, n no simple past (it would not be a passé composé, or looks like the present),
# a accidental (nobody is going to forget something).
VERB_TABLE = """
eat ate=manger|food mass|hpif
drink drank=boire|drink|hp
buy bought=acheter|food mass drink clothes thing dish container picture press vehicle furniture|hpf
sell sold=vendre|food vehicle furniture clothes picture|hp
see saw=voir|people animal vehicle transport|sf
look_for looked=chercher|thing container picture press clothes animal|p
find found=trouver|thing container picture press animal|fa
lose lost=perdre|key umbrella phone ring pen bag map suitcase hat scarf|ha
read read=lire|text press|hpin
write wrote=écrire|text book|hp
open opened=ouvrir|opening container|p
close closed=fermer|opening container|p
wash washed=laver|clothes dish vehicle|hp
wear wore=porter|clothes|hpi
like liked=aimer|food mass drink animal text picture clothes place family|sn
choose chose=choisir|clothes thing press picture furniture|p
repair repaired=réparer|vehicle clock lamp phone computer toy door|pf
draw drew=dessiner|animal house castle boat church map|hp
visit visited=visiter|museum castle church village university factory zoo|hpf
know knew=connaître|people village street restaurant museum hotel|sn
call called=appeler|people|hp
invite invited=inviter|people|hpf
help helped=aider|people|hpf
watch watched=regarder|animal train boat plane|hpi
wait_for waited=attendre|people bus train|hpi
meet met=rencontrer|people|
follow followed=suivre|person animal vehicle|p
feed fed=nourrir|animal|hp
clean cleaned=nettoyer|room furniture vehicle house|hp
take took=prendre|thing dish container picture bus train|f
bring brought=apporter|food bread cheese wine water gift book chair basket newspaper|hp
prepare prepared=préparer|soup salad cake sandwich coffee tea meat|hp
forget forgot=oublier|key umbrella phone bag gift map suitcase book coat|a
break broke=casser|dish lamp toy clock phone window chair|a
want wanted=vouloir|food mass drink clothes thing picture bike|sn
have had=avoir|animal vehicle thing coat hat shirt container house|sfn
play played=jouer_de|instrument|hpif
play played=jouer_à|game|hpif
talk_to talked=parler_à|people|hpi
give gave=donner|food thing book painting dress hat coat|f
show showed=montrer|picture house book letter ring horse|
send sent=envoyer|letter message photo gift book|
work worked=travailler||hpif
sleep slept=dormir||hpi
sing sang=chanter||hpi
dance danced=danser||hp
swim swam=nager||hp
run ran=courir||hp
walk walked=marcher||hp
cry cried=pleurer||p
play played=jouer||hpif
go went=aller||hpf
arrive arrived=arriver||f
leave left=partir||p
come_back came=revenir||
stay stayed=rester||f
fall fell=tomber||a
go_out went=sortir||hp
be was=être||
can could=pouvoir||
must must=devoir||
say said=dire||
think thought=penser||
cost cost=coûter||n
"""
ETRE_VERBS = {"aller", "arriver", "partir", "revenir", "rester", "tomber", "sortir"}
STEM_CHANGES = {"acheter": "achèt", "appeler": "appell", "nettoyer": "nettoi", "envoyer": "envoi"}
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
}

VERB_PLACES = {  # where an action makes sense
    "eat": "kitchen garden restaurant park beach hotel", "drink": "kitchen garden restaurant hotel living_room",
    "read": "library garden bedroom living_room park", "draw": "garden bedroom park school",
    "write": "library bedroom garden hotel", "wait_for": "station airport park restaurant hotel",
    "meet": "market station park library beach museum", "see": "street village park market forest zoo",
    "find": "street garden bedroom forest", "lose": "street forest market station park beach", "buy": "market",
    "work": "hospital school restaurant hotel bank library factory museum garden airport university bakery",
    "sleep": "bedroom hotel living_room garden hospital", "sing": "church theatre garden street bathroom",
    "dance": "street living_room theatre village", "swim": "swimming_pool", "run": "park forest street beach",
    "walk": "park forest street beach garden village",
    "cry": "bedroom street garden hospital", "play": "garden park street bedroom",
    "stay": "hotel hospital village bedroom castle", "fall": "street garden kitchen bathroom forest",
}  # fmt: skip
BY_VEHICLE = [("by bus", "en bus"), ("by train", "en train"), ("by car", "en voiture"), ("by bike", "à vélo")]
TIMES = {
    "present": [("every day", "tous les jours"), ("every week", "toutes les semaines"), ("in the morning", "le matin"),
                ("in the evening", "le soir"), ("on Mondays", "le lundi"), ("on Sundays", "le dimanche"),
                ("in summer", "en été"), ("in winter", "en hiver")],
    "progressive": [("now", "maintenant"), ("at the moment", "en ce moment"), ("today", "aujourd'hui")],
    "past": [("yesterday", "hier"), ("this morning", "ce matin"), ("last week", "la semaine dernière"),
             ("last year", "l'année dernière"), ("on Monday", "lundi"), ("two days ago", "il y a deux jours")],
    "future": [("tomorrow", "demain"), ("this evening", "ce soir"), ("next week", "la semaine prochaine"),
               ("soon", "bientôt"), ("on Saturday", "samedi"), ("next year", "l'année prochaine")],
}  # fmt: skip
FREQUENCIES = [("often", "souvent"), ("always", "toujours"), ("sometimes", "parfois"), ("rarely", "rarement")]
FEELINGS = [("hungry", "faim"), ("thirsty", "soif"), ("cold", "froid"), ("hot", "chaud"), ("sleepy", "sommeil"),
            ("right", "raison"), ("wrong", "tort")]  # fmt: skip
NUMBERS = {"two": "deux", "three": "trois", "four": "quatre", "five": "cinq", "six": "six", "ten": "dix"}
HOURS = [*NUMBERS.items(), ("eight", "huit"), ("2", "2"), ("5", "5"), ("8", "8"), ("10", "10"), ("12", "12")]
AGES = [("ten", "dix"), ("twelve", "douze"), ("fifteen", "quinze"), ("twenty", "vingt"), ("10", "10"), ("12", "12"),
        ("15", "15"), ("20", "20")]  # fmt: skip
OLD_AGES = [("thirty", "trente"), ("fifty", "cinquante"), ("30", "30"), ("50", "50"), ("80", "80")]
CHEAP = [*NUMBERS.items(), *AGES]
DEAR = [("fifty", "cinquante"), ("50", "50"), ("80", "80"), ("200", "200"), ("500", "500")]
DETERMINERS = {  # masculine, feminine, plural; "some" in the singular is the partitive
    "the": "le la les", "a": "un une -", "some": "de_le de_la des", "this": "ce cette ces", "my": "mon ma mes",
    "thy": "ton ta tes", "your": "votre votre vos", "his": "son sa ses", "her": "son sa ses", "our": "notre notre nos",
    "their": "leur leur leurs", "all": "le la les", "any": "de de de", "not a": "de de -",
}  # fmt: skip
WEATHER = {  # tense: pairs; "it" is impersonal here
    "progressive": [("it is raining", "il pleut"), ("it is snowing", "il neige"), ("it is cold", "il fait froid"),
                    ("it is hot", "il fait chaud"), ("it is windy", "il y a du vent")],
    "past": [("it was raining", "il pleuvait"), ("it was snowing", "il neigeait"), ("it was cold", "il faisait froid"),
             ("it was hot", "il faisait chaud"), ("it was windy", "il y avait du vent")],
    "future": [("it will rain", "il pleuvra"), ("it will snow", "il neigera"), ("it will be cold", "il fera froid"),
               ("it will be hot", "il fera chaud"), ("it will be windy", "il y aura du vent")],
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------- data types
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
    fr: str
    prep: str
    objects: tuple[str, ...]
    flags: str


@dataclass(frozen=True)
class Phrase:
    """A piece of sentence in both languages, with the word combinations it contains; ``+`` joins pieces."""

    en: str = ""
    fr: str = ""
    combos: tuple[Combo, ...] = ()

    def __add__(self, other: Phrase) -> Phrase:
        return Phrase(f"{self.en} {other.en}".strip(), f"{self.fr} {other.fr}".strip(), self.combos + other.combos)


@dataclass(frozen=True)
class NounPhrase(Phrase):
    """A phrase that verbs and adjectives agree with; ``person`` indexes je, tu, il/elle, nous, vous, ils/elles."""

    person: int = 2
    gender: str = "m"
    plural: bool = False
    noun: str = ""  # the English head word, empty for pronouns
    animate: bool = True


# ---------------------------------------------------------------------------------------------------- morphology
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
    return word + ("x" if word.endswith("eau") else "s")


def starts_with_vowel(word: str) -> bool:
    """Tell whether a French word takes elision: a vowel or a mute h, but not an aspirated one."""
    word = word.lower()
    return word == "y" or (word[:1] in "aeiouâàéèêîôûœh" and word not in {"hibou", "hiboux", "huit"})


def agree(adjective: str, gender: str, plural: bool, next_word: str = "") -> str:
    """Inflect a French adjective; ``next_word`` is the noun after it, if any (bel, vieil, nouvel)."""
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
    else:
        form = adjective if adjective.endswith("e") else adjective + "e"
    return french_plural(form) if plural else form


def conjugate(infinitive: str, tense: str, person: int) -> str:
    """Conjugate a French verb in the present, imperfect (imparfait) or future (futur simple)."""
    stem, changed = infinitive[:-2], STEM_CHANGES.get(infinitive, infinitive[:-2])
    if infinitive in IRREGULAR:
        present, future = IRREGULAR[infinitive][0].split(), IRREGULAR[infinitive][1]
    elif infinitive.endswith("er"):
        we = stem + ("eons" if stem.endswith("g") else "ons")  # mangeons
        present = [changed + "e", changed + "es", changed + "e", we, stem + "ez", changed + "ent"]
        future = changed + "er"
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
    root = "ét" if infinitive == "être" else present[3].removesuffix("ons")
    if person in (3, 4) and root.endswith("ge"):
        root = root[:-1]  # mangions
    return root + ("ais", "ais", "ait", "ions", "iez", "aient")[person]


def imperative_form(infinitive: str, person: int) -> str:
    """Return the imperative for tu (1) or vous (4)."""
    form = conjugate(infinitive, "present", person)
    return form[:-1] if person == 1 and form.endswith("es") else form


def participle(infinitive: str, gender: str = "m", plural: bool = False) -> str:
    """Return the past participle, with agreement."""
    endings = {"er": "é", "ir": "i", "re": "u"}
    form = IRREGULAR[infinitive][2] if infinitive in IRREGULAR else infinitive[:-2] + endings[infinitive[-2:]]
    return agree(form, gender, plural)


def french_verb(
    verb: str, tense: str, subject: NounPhrase, preceding: NounPhrase | None = None, clitic: str = ""
) -> tuple[str, str]:
    """Return the finite verb (with a clitic that goes before it) and the non-finite rest.

    The participle agrees with the subject after être and with a ``preceding`` direct object after avoir.
    """
    if tense == "near":
        return conjugate("aller", "present", subject.person), f"{clitic} {verb}".strip()
    rest = ""
    if tense == "past":
        auxiliary = "être" if verb in ETRE_VERBS else "avoir"
        target = subject if auxiliary == "être" else preceding
        rest = participle(verb, target.gender, target.plural) if target else participle(verb)
        finite = conjugate(auxiliary, "present", subject.person)
    else:
        finite = conjugate(verb, {"progressive": "present", "habit": "imperfect"}.get(tense, tense), subject.person)
    return f"{clitic} {finite}".strip(), rest


def invert(finite: str, subject: NounPhrase) -> str:
    """Attach the subject pronoun to a finite verb, with -t- between vowels."""
    link = "-t-" if finite[-1] in "ae" and subject.person in (2, 5) else "-"
    return finite + link + pronoun(subject).fr


def english_verb(verb: str, past: str, tense: str, person: int, support: bool) -> tuple[str, str]:
    """Return the auxiliary and the main part; ``support`` asks for do-support (negation and questions)."""
    am = ("am", "are", "is", "are", "are", "are")[person]
    if verb in {"can", "must"}:
        return verb, ""
    if verb == "be" and tense in {"present", "imperfect"}:
        return (am if tense == "present" else {"am": "was", "is": "was"}.get(am, "were")), ""
    head, _, particle = verb.partition("_")
    if tense in {"progressive", "imperfect"}:
        auxiliary = am if tense == "progressive" else {"am": "was", "is": "was"}.get(am, "were")
        stem = head + head[-1] if head in {"swim", "run"} else head.removesuffix("e")
        main = stem + "ing"
    elif tense in {"future", "near"}:
        auxiliary, main = ("will", head) if tense == "future" else (am, f"going to {head}")
    elif tense == "habit":
        auxiliary, main = "", f"used to {head}"
    elif support:
        auxiliary, main = ("did" if tense == "past" else "does" if person == 2 else "do"), head
    elif tense == "past":
        auxiliary, main = "", past
    else:
        third = "has" if head == "have" else head + "es" if head == "go" else english_plural(head)
        auxiliary, main = "", third if person == 2 else head
    return auxiliary, f"{main} {particle}".strip()


def sandhi(text: str) -> str:
    """Apply French elision (le homme > l'homme) and then contraction (de le > du)."""
    words: list[str] = []
    for word in text.split():
        previous = words[-1] if words else ""
        if previous in {"je", "me", "le", "la", "de", "ne", "que"} and starts_with_vowel(word):
            words[-1] = f"{previous[:-1]}'{word}"
        elif previous == "si" and word in {"il", "ils"}:
            words[-1] = f"s'{word}"
        else:
            words.append(word)
    contracted = {"de le": "du", "de les": "des", "à le": "au", "à les": "aux"}
    return re.sub(r"\b(?:de|à) les?\b(?!')", lambda match: contracted[match.group()], " ".join(words))


def noun_phrase(noun: str, det: str, plural: bool = False, adjective: str = "") -> NounPhrase:
    """Build a noun phrase; ``det`` is a key of DETERMINERS or a number."""
    entry, adj = NOUNS[noun], ADJECTIVES.get(adjective)
    en, fr = (entry.en_plural, entry.fr_plural) if plural else (entry.en, entry.fr)
    first = fr
    if adj:
        form = agree(adj.fr, entry.gender, plural, fr if adj.before else "")
        en, fr = f"{adj.en} {en}", f"{form} {fr}" if adj.before else f"{fr} {form}"
        first = form if adj.before else first
    if det in DETERMINERS:
        fr_det = DETERMINERS[det].split()[2 if plural else 0 if entry.gender == "m" else 1].replace("_", " ")
        if not plural and starts_with_vowel(first):
            fr_det = BEFORE_VOWEL.get(fr_det, fr_det)
        if det == "some" and plural and adj and adj.before:
            fr_det = "de"  # de beaux arbres
        en_det = {"all": "", "thy": "your", "not a": "a", "this": "these" if plural else "this"}.get(det, det)
    else:
        en_det, fr_det = det, NUMBERS.get(det, det)
    combos = (("adjective-noun", adj.en, noun),) if adj else ()
    person = 5 if plural else 2
    return NounPhrase(
        f"{en_det} {en}".strip(), f"{fr_det} {fr}", combos, person, entry.gender, plural, noun, entry.cls in ANIMATE
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
    return ("my", "thy", "his" if subject.gender == "m" else "her", "our", "your", "their")[subject.person]


def finish(phrase: Phrase, end: str = ".") -> Phrase:
    """Turn a phrase into a sentence: a/an, elision, capitals and punctuation (a space before ? and ! in French)."""
    en = re.sub(r"\b([Aa]) (?=[aeio]|u(?!s|ni))", r"\1n ", phrase.en).replace("can not", "cannot")
    fr = sandhi(phrase.fr)
    en, fr = (text.replace("_", " ").replace(" ,", ",") for text in (en, fr))
    en, fr = (text[0].upper() + text[1:] for text in (en, fr))
    return Phrase(en + end, fr + (end if end == "." else f" {end}"), phrase.combos)


# ------------------------------------------------------------------------------------------------ lexicon parsing
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
        en, past = english.split()
        fr, _, prep = french.partition("_")
        verbs.append(Verb(en, past, fr, prep, expand(objects), flags))
    return verbs


ANIMATE = {"person", "kin", "elder", "couple"}
NOUNS = parse_nouns()
ADJECTIVES = parse_adjectives()
VERB_LIST = parse_verbs()
VERBS = {verb.en: verb for verb in VERB_LIST}
ADJECTIVES_OF = {noun: [adj.en for adj in ADJECTIVES.values() if noun in adj.nouns] for noun in NOUNS}
PREDICATES_OF = {noun: [adj for adj in adjs if adj != "new"] for noun, adjs in ADJECTIVES_OF.items()}  # "neuf" there
MOODS = [adj for adj in ADJECTIVES_OF["sister"] if adj in ADJECTIVES_OF["brother"]]  # fit any person
BE_AVOIR = Verb("be", "was", "avoir", "", (), "")  # to be ten years old, to be hungry
GIVING = [VERBS["give"], VERBS["show"], VERBS["send"]]
TRANSITIVE = [verb for verb in VERB_LIST if verb.objects and verb not in GIVING]
STAYING = [verb for verb in VERB_LIST if not verb.objects and verb.en in VERB_PLACES]
PEOPLE = expand("people")
ELDERS = expand("elder couple")
PEOPLE_VERBS = [VERBS[en] for en in ("see", "know", "call", "invite", "help", "wait_for", "meet")]


# --------------------------------------------------------------------------------------------- clauses and chance
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


def statement(
    subject: NounPhrase, verb: Verb, tense: str, rest: Phrase = Phrase(), neg: str = "", *, adverb: Phrase = Phrase(),
    clitic: str = "", preceding: NounPhrase | None = None,
) -> Phrase:  # fmt: skip
    """Build a declarative clause; ``neg`` is "", "not", "never" or "no longer"."""
    auxiliary, main = english_verb(verb.en, verb.past, tense, subject.person, neg == "not")
    en = " ".join(part for part in (subject.en, auxiliary, neg, adverb.en, main) if part)
    finite, tail = french_verb(verb.fr, tense, subject, preceding, clitic)
    if neg:
        finite = f"ne {finite} " + {"not": "pas", "never": "jamais", "no longer": "plus"}[neg]
    fr = " ".join(part for part in (subject.fr, finite, adverb.fr, tail) if part)
    return Phrase(en, fr, subject.combos + subject_verb(subject, verb)) + rest


def question(
    subject: NounPhrase,
    verb: Verb,
    tense: str,
    rest: Phrase = Phrase(),
    clitic: str = "",
    preceding: NounPhrase | None = None,
) -> Phrase:
    """Build a yes/no question with est-ce que."""
    auxiliary, main = english_verb(verb.en, verb.past, tense, subject.person, True)
    clause = statement(subject, verb, tense, clitic=clitic, preceding=preceding)
    en = " ".join(part for part in (auxiliary, subject.en, main) if part)
    return Phrase(en, "est-ce que " + clause.fr, clause.combos) + rest


def wh_question(
    wh: Phrase,
    subject: NounPhrase,
    verb: Verb,
    tense: str,
    rest: Phrase = Phrase(),
    preceding: NounPhrase | None = None,
) -> Phrase:
    """Build a question with inversion: a noun stays in front and its pronoun follows the verb."""
    auxiliary, main = english_verb(verb.en, verb.past, tense, subject.person, True)
    finite, tail = french_verb(verb.fr, tense, subject, preceding)
    front = subject.fr if subject.noun else ""
    en = " ".join(part for part in (wh.en, auxiliary, subject.en, main) if part)
    fr = " ".join(part for part in (wh.fr, front, invert(finite, subject), tail) if part)
    return Phrase(en, fr, wh.combos + subject.combos + subject_verb(subject, verb)) + rest


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
    return cls not in {"elder", "mass", "drink", "instrument", "game"} and d.chance(probability)


def thing(
    d: Dice, noun: str, dets: str = "the this my our", plural: float = 0.25, adjective: float = 0.0
) -> NounPhrase:
    """Build a noun phrase with a random determiner among ``dets``."""
    choice = d.pick(ADJECTIVES_OF[noun]) if ADJECTIVES_OF[noun] and d.chance(adjective) else ""
    return noun_phrase(noun, d.word(dets), plural_of(d, noun, plural), choice)


def human(d: Dice, pronouns: bool = True) -> NounPhrase:
    """Pick a human subject: pronoun, name, pair of names, relative or other person."""
    kind = d.weighted([("pronoun", 4 if pronouns else 0), ("name", 2), ("pair", 0.5), ("family", 2), ("person", 2)])
    if kind == "pronoun":
        return any_pronoun(d)
    if kind in {"name", "pair"}:
        one, other = name(d), name(d)
        if kind == "name" or one == other:
            return one
        gender = "f" if one.gender == other.gender == "f" else "m"
        return NounPhrase(f"{one.en} and {other.en}", f"{one.fr} et {other.fr}", (), 5, gender, True, one.noun)
    noun = d.pick(expand(kind))
    if kind == "family" or noun in expand("friend neighbour"):
        return thing(d, noun, "my his her our your their", 0.2)
    return thing(d, noun, "the the this", adjective=0.25)


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
    adjective = d.pick(ADJECTIVES_OF[noun]) if ADJECTIVES_OF[noun] and d.chance(0.3) else ""
    if cls in GROUPS["family"].split():
        return noun_phrase(noun, own, plural_of(d, noun, 0.2))
    if cls in {"instrument", "game"}:
        return noun_phrase(noun, "the" if cls == "instrument" else "all", plural_of(d, noun, 0))
    mass = cls in {"mass", "drink"}
    definite = 0.0 if habitual and cls in {"food", "mass", "drink"} else 1.0  # nobody eats "the egg" every day
    if verb.en == "like" and cls in {"food", "mass", "drink", "animal", "text"} and d.chance(0.7):
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
    dets = [("the", 2 * definite), ("this", definite)]
    if verb.en not in {"know", "like"} and cls not in {"room", "building", "place"}:
        number = d.pick([*NUMBERS, "8", "12", "20"] if cls == "food" else [*NUMBERS])
        dets += [("not a", 2.0), ("any", 1.0)] if neg else [("a", 2.0), ("some", 1.0), (number, 0.8)]
    if verb.en in {"buy", "choose", "want", "have"}:
        own = "the"  # rather than buying what one owns
    if cls not in {"building", "place", "person"} or noun in {"friend", "neighbour", "garden", "house"}:
        dets.append((own, 2.0))
    det = d.weighted(dets)
    plural = det not in DETERMINERS or det in {"some", "any"}
    return noun_phrase(noun, det, plural or (det not in {"a", "not a"} and d.chance(0.25)), adjective)


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
    preps = [("under", "sous"), ("next to", "à côté de"), ("behind", "derrière")] + [("on", "sur")] * (
        3 * (cls != "animal")
    )
    return Phrase(*d.pick(preps)) + thing(d, d.word("table chair bed desk sofa armchair"), "the my", 0, 0.15)


def pick_tense(d: Dice, verb: Verb, imperfect: bool = True) -> str:
    """Pick a tense that the verb allows."""
    h, p, s, i, f, n, a = (flag in verb.flags for flag in "hpsifna")
    return d.weighted([
        ("present", 3 * (h or s)), ("progressive", 3 * p), ("past", 3.5 * (not n)), ("future", 1.5 * f),
        ("near", 1.5 * (not s and not a)), ("imperfect", imperfect * i), ("habit", imperfect * i),
    ])  # fmt: skip


def pick_neg(d: Dice, verb: Verb, tense: str) -> str:
    """Choose the polarity of a clause."""
    if tense != "present":
        return "not" if tense != "habit" and d.chance(0.2) else ""
    return d.weighted([("", 7), ("not", 1.8), ("never", 0.8 * ("h" in verb.flags)), ("no longer", 0.8)])


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
    if tense == "habit":
        young = be_adjective(d, pronoun(subject), "young", "imperfect", degree=False)
        return clause + Phrase("when", "quand") + young
    when = Phrase(*d.pick(TIMES["future" if tense == "near" else tense]))
    return Phrase(when.en + ",", when.fr + ",") + clause if d.chance(front) else clause + when


# ------------------------------------------------------------------------------------------------------ templates
Template = Callable[[Dice], Phrase]
TEMPLATES: list[tuple[Template, float]] = []


def template(weight: float) -> Callable[[Template], Template]:
    """Register a sentence template with its share of the corpus."""

    def register(function: Template) -> Template:
        TEMPLATES.append((function, weight))
        return function

    return register


@template(24)
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
    timeless = "s" in verb.flags or neg in {"never", "no longer"} or (tense == "present" and neg)
    return finish(clause if timeless else add_time(d, clause, subject, tense))


@template(8)
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


@template(1)
def at_an_hour(d: Dice) -> Phrase:
    subject = thing(d, d.word("train bus plane boat"), "the our this", 0) if d.chance(0.5) else human(d)
    verb = VERBS[d.word("leave arrive")]
    en, fr = d.pick(HOURS)
    tense = d.word("past past near future" if "f" in verb.flags else "past near")
    return finish(statement(subject, verb, tense, Phrase(f"at {en} o'clock", f"à {fr} heures")))


@template(6)
def description(d: Dice) -> Phrase:
    described = d.pick([noun for noun in NOUNS if PREDICATES_OF[noun] and NOUNS[noun].cls not in ANIMATE])
    dets = "the this" if NOUNS[described].cls in PUBLIC else "the this my your his her our their"
    subject = human(d) if d.chance(0.4) else thing(d, described, dets)
    adjective = d.pick(PREDICATES_OF.get(subject.noun) or MOODS)
    tense = d.weighted([("present", 3), ("imperfect", 1), ("future", 0.3)])
    return finish(be_adjective(d, subject, adjective, tense, "not" if d.chance(0.25) else ""))


@template(4)
def comparison(d: Dice) -> Phrase:
    if d.chance(0.5):
        adjective = ADJECTIVES[d.pick(MOODS)]
        left, right = human(d, pronouns=False), human(d, pronouns=False)
    else:
        adjective = d.pick([adj for adj in ADJECTIVES.values() if adj.comparative and not set(adj.nouns) & set(PEOPLE)])
        noun = d.pick(adjective.nouns)
        public = NOUNS[noun].cls in PUBLIC
        left = thing(d, noun, "this" if public else "the this my your")
        alike = [noun for noun in adjective.nouns if NOUNS[noun].cls == NOUNS[left.noun].cls]
        right = thing(d, d.pick(alike), "the" if public else "the his her their")
    if left.noun == right.noun:
        return comparison(d)
    form = agree(adjective.fr, left.gender, left.plural)
    better = agree("meilleur", left.gender, left.plural) if adjective.fr == "bon" else f"plus {form}"
    en, fr = d.pick(
        [(f"{adjective.comparative} than", f"{better} que"), (f"as {adjective.en} as", f"aussi {form} que")]
    )
    degree = Phrase(en, fr, (("adjective-noun", adjective.en, left.noun),))
    return finish(statement(left, VERBS["be"], "present", degree + right))


@template(3)
def because(d: Dice) -> Phrase:
    subject = human(d)
    verb, reasons, en, fr = d.pick([("stay", "tired sick", "at home", "à la maison"), ("cry", "sad tired sick", "", ""),
                                    ("sleep", "tired sick", "", ""), ("sing", "happy", "", "")])  # fmt: skip
    tense = "past" if verb == "stay" else d.word("past progressive")
    clause = statement(subject, VERBS[verb], tense, Phrase(en, fr)) + Phrase("because", "parce que")
    be = "imperfect" if tense == "past" else "present"
    return finish(clause + be_adjective(d, pronoun(subject), d.word(reasons), be))


@template(4)
def contrast(d: Dice) -> Phrase:
    noun = d.pick([noun for noun in NOUNS if len(PREDICATES_OF[noun]) > 3 and NOUNS[noun].cls not in ANIMATE])
    subject = thing(d, noun, "the this" if NOUNS[noun].cls in PUBLIC else "the this my her")
    one = d.pick(PREDICATES_OF[noun])
    rivals = {one, *(adj for group in RIVALS for adj in group.split() if one in group.split())}
    other = d.pick([adj for adj in PREDICATES_OF[noun] if adj not in rivals])
    first = be_adjective(d, subject, one, degree=False) + Phrase(", but", ", mais")
    combo = Phrase("", "", (("adjective-noun", other, noun),))
    return finish(first + be_adjective(d, pronoun(subject), other, "present", "not", degree=False) + combo)


@template(6)
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
    subject = noun_phrase(noun, det, det != "a", d.pick(ADJECTIVES_OF[noun]) if d.chance(0.3) else "")
    return finish(Phrase("there is" if det == "a" else "there are", "il y a") + subject + where)


@template(3)
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


@template(2)
def age(d: Dice) -> Phrase:
    subject = human(d)
    if d.chance(0.15) and subject.person != 0:
        return finish(wh_question(Phrase("how old", "quel âge"), subject, BE_AVOIR, "present"), "?")
    adult = subject.noun in expand("elder couple person") and subject.noun not in expand("boy girl child student")
    en, fr = d.pick(OLD_AGES if adult else AGES)
    return finish(statement(subject, BE_AVOIR, "present", Phrase(f"{en} years old", f"{fr} ans")))


@template(2)
def price(d: Dice) -> Phrase:
    cheap = d.chance(0.5)
    nouns = expand(
        "press dish pen toy umbrella hat basket" if cheap else "furniture coat dress jacket phone clock ring painting"
    )
    item = thing(d, d.pick(nouns), "the this", 0.25, 0.3)
    en, fr = d.pick(CHEAP if cheap else DEAR)
    return finish(statement(item, VERBS["cost"], "present", Phrase(f"{en} euros", f"{fr} euros")))


@template(3)
def weather(d: Dice) -> Phrase:
    if d.chance(0.3):
        tense = d.pick(list(WEATHER))
        where = place(d, d.word("village forest garden park beach")) if d.chance(0.4) else Phrase()
        return finish(add_time(d, Phrase(*d.pick(WEATHER[tense])) + where, NounPhrase(), tense, 1.0))
    verb = d.pick([v for v in TRANSITIVE + STAYING if "f" in v.flags and "s" not in v.flags])
    subject = human(d)
    en, fr = d.pick([*WEATHER["progressive"][2:], ("it rains", "il pleut"), ("it snows", "il neige")])
    clause = statement(subject, verb, "future", complement(d, verb, subject))
    return finish(Phrase(f"if {en},", f"si {fr},") + clause)


@template(6)
def modal(d: Dice) -> Phrase:
    subject, auxiliary = human(d), VERBS[d.word("want can must")]
    verb = d.pick([v for v in TRANSITIVE if "s" not in v.flags and v.en not in {"lose", "find", "forget", "break"}])
    infinitive = Phrase(("to " if auxiliary.en == "want" else "") + verb.en.replace("_", " "), verb.fr)
    rest = infinitive + governed(verb, object_of(d, verb, subject))
    if auxiliary.en != "must" and subject.person != 0 and d.chance(0.2):
        return finish(question(subject, auxiliary, "present", rest), "?")
    neg = "not" if not re.search(r"\b(?:a|some)\b", rest.en) and d.chance(0.3) else ""
    return finish(statement(subject, auxiliary, "present", rest, neg))


@template(4)
def giving(d: Dice) -> Phrase:
    subject, verb = human(d), d.pick(GIVING)
    tense = d.word("past past near future" if "f" in verb.flags else "past near")
    noun = d.pick(fitting(subject, expand("family friend neighbour teacher waiter nurse baker student")))
    own = NOUNS[noun].cls != "person" or noun in expand("friend neighbour")
    receiver = thing(d, noun, possessive(subject) if own else "the", 0.15)
    rest = complement(d, verb, subject) + Phrase("to", "à") + receiver
    return finish(add_time(d, statement(subject, verb, tense, rest), subject, tense, 0.2))


@template(3)
def imperative(d: Dice) -> Phrase:
    verb = VERBS[d.word("open close take bring wash clean prepare repair feed call help wait_for look_for")]
    friend = name(d) if d.chance(0.5) else None
    person = 1 if friend else 4
    obj = object_of(d, verb, NounPhrase(person=person))
    if re.match(r"(?:a|some) ", obj.en):
        obj = noun_phrase(obj.noun, "this", obj.plural)
    en, form = verb.en.replace("_", " "), imperative_form(verb.fr, person)
    if friend:
        return finish(Phrase(f"{friend.en}, {en}", f"{friend.fr}, {form}") + governed(verb, obj), "!")
    if d.chance(0.4):
        return finish(Phrase(f"do not {en}", f"ne {form} pas") + governed(verb, obj), "!")
    return finish(Phrase(f"please {en}", form) + governed(verb, obj) + Phrase("", ", si il vous plaît"))


@template(5)
def addressed(d: Dice) -> Phrase:
    friend = name(d)  # a first name makes "you" tu instead of vous
    call = Phrase(friend.en + ",", friend.fr + ",")
    you = pronoun(NounPhrase(person=1, gender=friend.gender))
    if d.chance(0.3):
        return finish(call + be_adjective(d, you, d.pick(MOODS)))
    verb = d.pick([verb for verb in TRANSITIVE if set(verb.flags) & set("ps")])
    tense, rest = "progressive" if "p" in verb.flags else "present", complement(d, verb, you)
    if d.chance(0.6):
        return finish(call + question(you, verb, tense, rest), "?")
    return finish(call + statement(you, verb, tense, rest))


@template(4)
def yes_no(d: Dice) -> Phrase:
    subject, verb = human_or_pronoun(d), d.pick(TRANSITIVE)
    tense = pick_tense(d, verb, imperfect=False)
    clause = question(subject, verb, tense, complement(d, verb, subject))
    return finish(clause if tense == "present" else add_time(d, clause, subject, tense, 0.2, 0), "?")


@template(4)
def where_why_when(d: Dice) -> Phrase:
    subject, wh = human_or_pronoun(d), Phrase(*d.pick([("where", "où"), ("why", "pourquoi"), ("when", "quand")]))
    if d.chance(0.4):
        verb = VERBS[d.word("work sleep swim sing dance run walk")]
        tense = "past" if wh.en == "when" else d.word("past progressive" if "p" in verb.flags else "past")
        return finish(wh_question(wh, subject, verb, tense), "?")
    verb = VERBS[d.word("buy find lose see meet draw eat sell")]
    noun = d.pick(verb.objects)
    obj = thing(d, noun, "his her my our" if NOUNS[noun].cls in GROUPS["family"] else "this", 0.3)
    return finish(wh_question(wh, subject, verb, "past", governed(verb, obj)), "?")


@template(5)
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


@template(2)
def how_many(d: Dice) -> Phrase:
    subject, verb = human_or_pronoun(d), VERBS[d.word("want have buy find sell draw")]
    counted = noun_phrase(d.pick([n for n in verb.objects if NOUNS[n].cls not in {"mass", "drink"}]), "any", True)
    wh = Phrase("how many " + counted.en.removeprefix("any "), f"combien {counted.fr}", governed(verb, counted).combos)
    return finish(wh_question(wh, subject, verb, "present" if "n" in verb.flags else "past", preceding=counted), "?")


@template(4)
def state(d: Dice) -> Phrase:
    subject = human(d)
    tense, neg = d.word("present imperfect"), "not" if d.chance(0.25) else ""
    if subject.plural or subject.person == 4 or subject.noun in expand("person") or d.chance(0.4):
        return finish(statement(subject, BE_AVOIR, tense, Phrase(*d.pick(FEELINGS)), neg))
    en, fr = d.pick(list(PROFESSIONS.items()))
    return finish(statement(subject, VERBS["be"], tense, Phrase(f"a {en}", fr), neg))


@template(2)
def this_is(d: Dice) -> Phrase:
    noun = d.pick(expand("kin thing clothes animal vehicle picture press container"))
    item = thing(d, noun, "my his her our your their", 0.3, 0 if NOUNS[noun].cls == "kin" else 0.5)
    en, fr = ("these are", "ce sont") if item.plural else ("this is", "c'est")
    if d.chance(0.25):
        en, fr = en + " not", "ce ne sont pas" if item.plural else "ce n'est pas"
    return finish(Phrase(en, fr) + item)


@template(3)
def coordination(d: Dice) -> Phrase:
    parts = []
    first = human(d)
    for subject in (first, other_human(d, first)):
        verb = d.pick([verb for verb in TRANSITIVE if "p" in verb.flags])
        parts.append(statement(subject, verb, "progressive", complement(d, verb, subject)))
    return finish(parts[0] + Phrase(*d.pick([("and", "et"), (", but", ", mais")])) + parts[1])


@template(6)
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


@template(6)
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


@template(4)
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


@template(5)
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


@template(3)
def reported(d: Dice) -> Phrase:
    speaker = human(d)
    other = pronoun(speaker) if d.chance(0.4) else other_human(d, speaker)
    if d.chance(0.5):
        clause = be_adjective(d, other, d.pick(PREDICATES_OF.get(other.noun) or MOODS))
    else:
        verb = d.pick([verb for verb in TRANSITIVE if "p" in verb.flags and "n" not in verb.flags])
        clause = statement(other, verb, d.word("near past"), complement(d, verb, other))
    return finish(statement(speaker, VERBS[d.word("say think")], "present", Phrase("that", "que")) + clause)


# --------------------------------------------------------------------------------------------------- split and main
def words_of(text: str) -> list[str]:
    """Split a sentence into lower-case words, at apostrophes and hyphens too."""
    return re.findall(r"\w+", text.lower())


def is_held_out(combo: Combo) -> bool:
    """Tell whether a combination is kept out of training (a checksum decides, so the choice is stable)."""
    return zlib.crc32(":".join(combo).encode()) % HELD_OUT_ONE_IN == 0


def build() -> dict[str, list[Phrase]]:
    """Generate the corpus: unique sentences, held-out combinations only in the validation and test sets."""
    d = Dice(SEED)
    seen: dict[str, str] = {}
    french: set[str] = set()
    train: list[Phrase] = []
    pool: list[Phrase] = []
    while len(train) < TRAIN_SIZE:
        pair = d.weighted(TEMPLATES)(d)
        if seen.setdefault(pair.en, pair.fr) != pair.fr:
            raise ValueError(f"two translations of {pair.en!r}: {seen[pair.en]!r} and {pair.fr!r}")
        lengths = len(pair.en.split()), len(pair.fr.split())
        if pair.fr in french or min(lengths) < MIN_WORDS or max(lengths) > MAX_WORDS:
            continue
        french.add(pair.fr)
        (pool if any(map(is_held_out, pair.combos)) else train).append(pair)
    en_counts = Counter(word for pair in train for word in words_of(pair.en))
    fr_counts = Counter(word for pair in train for word in words_of(pair.fr))
    frequent = [
        pair
        for pair in pool
        if all(en_counts[word] >= MIN_COUNT for word in words_of(pair.en))
        and all(fr_counts[word] >= MIN_COUNT for word in words_of(pair.fr))
    ]
    if len(frequent) < VALID_SIZE + TEST_SIZE:
        raise ValueError("too few held-out sentences")
    return {"train": train, "valid": frequent[:VALID_SIZE], "test": frequent[VALID_SIZE : VALID_SIZE + TEST_SIZE]}


def main() -> None:
    """Write the six files."""
    parser = argparse.ArgumentParser(description="Generate the English-French demo corpus.")
    parser.add_argument("--out", type=Path, default=Path("data/demo"), help="output directory (default: %(default)s)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for split, pairs in build().items():
        for side in ("en", "fr"):
            lines = "".join(getattr(pair, side) + "\n" for pair in pairs)
            (out / f"{split}.{side}").write_bytes(lines.encode("utf-8"))
        print(f"{split}: {len(pairs)} pairs")


if __name__ == "__main__":
    main()
