"""The words of the demo corpus: nouns, adjectives and verbs with what they go with, and fixed expressions.

The tables are written compactly, to be read and extended; the parsers below them turn them into `NOUNS`, `ADJECTIVES`,
`VERBS` and the selections that the clauses and templates draw from.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo_corpus.morphology import english_plural, french_plural

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
ANIMATE, FAMILY = set(GROUPS["people"].split()), set(GROUPS["family"].split())
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
WEATHER = {  # tense: pairs; "it" is impersonal here
    "progressive": [("it is raining", "il pleut"), ("it is snowing", "il neige"), ("it is cold", "il fait froid"),
                    ("it is hot", "il fait chaud"), ("it is windy", "il y a du vent")],
    "past": [("it was raining", "il pleuvait"), ("it was snowing", "il neigeait"), ("it was cold", "il faisait froid"),
             ("it was hot", "il faisait chaud"), ("it was windy", "il y avait du vent")],
    "future": [("it will rain", "il pleuvra"), ("it will snow", "il neigera"), ("it will be cold", "il fera froid"),
               ("it will be hot", "il fera chaud"), ("it will be windy", "il y aura du vent")],
}  # fmt: skip


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
