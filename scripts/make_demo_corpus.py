"""Generate the embedded English-French demo corpus from a small bilingual grammar.

The corpus (10,000 training, 500 validation and 500 test pairs) is entirely our own work: the lexicon below is
combined by about forty sentence templates, and small morphology functions produce the right English and French
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
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Combo = tuple[str, str, str]  # (kind, word, word), such as ("verb-object", "eat", "apple")

SEED = 20240
TRAIN_SIZE, VALID_SIZE, TEST_SIZE = 10_000, 500, 500
MIN_COUNT = 10  # how often every validation and test word must occur in training
MIN_WORDS, MAX_WORDS = 3, 17
HELD_OUT_ONE_IN = 25

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
    "sheep/sheep=mouton:m rabbit=lapin:m duck=canard:m hen=poule:f owl=hibou/hiboux:m donkey=âne:m goose/geese=oie:f "
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
    "vehicle": "car=voiture:f bike=vélo:m bus=bus:m train=train:m boat=bateau:m plane=avion:m lorry=camion:m",
    "building": "market=marché:m station=gare:f school=école:f hospital=hôpital:m church=église:f "
    "library=bibliothèque:f restaurant=restaurant:m hotel=hôtel:m museum=musée:m theatre=théâtre:m zoo=zoo:m "
    "bank=banque:f airport=aéroport:m bakery=boulangerie:f university=université:f beach=plage:f "
    "swimming_pool=piscine:f",
    "place": "park=parc:m garden=jardin:m village=village:m forest=forêt:f street=rue:f castle=château:m house=maison:f "
    "factory=usine:f",
    "room": "kitchen=cuisine:f bedroom=chambre:f bathroom=salle_de_bains/salles_de_bains:f living_room=salon:m",
    "instrument": "piano=piano:m guitar=guitare:f violin=violon:m flute=flûte:f",
    "game": "football=football:m tennis=tennis:m cards/cards=cartes/cartes:f chess/chess=échecs/échecs:m",
}
GROUPS = {"people": "person kin elder couple", "family": "kin elder couple"}
NAMES = {"m": "Paul Louis Lucas Thomas Antoine Martin".split(), "f": "Marie Anna Emma Alice Julie Sophie".split()}
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
+bad=mauvais|food mass drink text restaurant
+long/longer=long|text street dress coat scarf skirt
red=rouge|clothes thing container vehicle door chair
blue=bleu|clothes container vehicle door bird dish
green=vert|clothes thing container vehicle door furniture
black=noir|clothes thing container vehicle animal
white=blanc|clothes thing dish animal house furniture
yellow=jaune|clothes container vehicle bird flower
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
NO_COMPARATIVE = {"bad", "empty", "delicious"}
FEMININES = {"beau": "belle", "vieux": "vieille", "nouveau": "nouvelle", "blanc": "blanche", "long": "longue",
             "gentil": "gentille", "frais": "fraîche", "bon": "bonne"}  # fmt: skip
BEFORE_VOWEL = {"beau": "bel", "vieux": "vieil", "nouveau": "nouvel", "ce": "cet", "ma": "mon", "ta": "ton", "sa": "son"}

# Verbs: English past=French [preposition] | objects | flags: h habitual present, p progressive, s stative present,
# i imparfait, f futur simple, n no simple past (it would not be a passé composé, or looks like the present).
VERB_TABLE = """
eat ate=manger|food mass|hpif
drink drank=boire|drink|hpi
buy bought=acheter|food mass drink clothes thing dish container picture press vehicle furniture|hpf
sell sold=vendre|food vehicle furniture clothes picture|hpi
see saw=voir|people animal vehicle|sf
look_for looked=chercher|thing container picture press clothes animal|pi
find found=trouver|thing container picture press animal|f
lose lost=perdre|key umbrella phone ring pen bag map suitcase hat scarf|h
read read=lire|text press|hpifn
write wrote=écrire|text book|hpi
open opened=ouvrir|opening container|pf
close closed=fermer|opening container|p
wash washed=laver|clothes dish vehicle|hpi
wear wore=porter|clothes|hpi
like liked=aimer|animal text picture clothes place family|s
choose chose=choisir|clothes thing press picture furniture|pf
repair repaired=réparer|vehicle clock lamp phone computer toy door|pif
draw drew=dessiner|animal house castle boat church map|hpi
visit visited=visiter|museum castle church house village university factory zoo|hpf
know knew=connaître|people village street restaurant museum hotel|sn
call called=appeler|people|hpf
invite invited=inviter|people|hpf
help helped=aider|people|hpif
watch watched=regarder|animal train boat plane|hpi
wait_for waited=attendre|people bus train|hpi
meet met=rencontrer|people|f
follow followed=suivre|person animal vehicle|pi
feed fed=nourrir|animal|hpi
clean cleaned=nettoyer|room furniture vehicle house|hp
take took=prendre|thing dish container picture bus train|f
bring brought=apporter|food bread cheese wine water gift book chair basket newspaper|hpf
prepare prepared=préparer|soup salad cake sandwich coffee tea meat|hpi
forget forgot=oublier|key umbrella phone bag gift map suitcase book coat|hf
break broke=casser|dish lamp toy clock phone window chair|
hear heard=entendre|animal.m train plane|s
admire admired=admirer|picture castle church garden|p
want wanted=vouloir|food mass drink clothes thing picture bike|sn
have had=avoir|animal vehicle thing clothes container house|sfn
play played=jouer_de|instrument|hpi
play played=jouer_à|game|hpif
talk_to talked=parler_à|people|hpif
answer answered=répondre_à|people|
give gave=donner|food thing book painting dress hat coat|f
show showed=montrer|picture house book letter ring horse|f
send sent=envoyer|letter message photo gift book|
work worked=travailler||hpif
sleep slept=dormir||hpif
sing sang=chanter||hpif
dance danced=danser||hpi
swim swam=nager||hpi
run ran=courir||hpi
walk walked=marcher||hpi
laugh laughed=rire||pi
cry cried=pleurer||pi
play played=jouer||hpi
travel travelled=voyager||hpf
go went=aller||hpf
arrive arrived=arriver||f
leave left=partir||pf
come_back came=revenir||f
stay stayed=rester||pf
fall fell=tomber||
go_out went=sortir||hp
be was=être|||
can could=pouvoir|||
must must=devoir|||
say said=dire|||
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
    "rire": ("ris ris rit rions riez rient", "rir", "ri"),
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
    "walk": "park forest street beach garden village", "laugh": "theatre kitchen street school",
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
QUANTITIES = [*NUMBERS.items(), ("eight", "huit"), ("twelve", "douze"), ("fifteen", "quinze"), ("twenty", "vingt")]
DIGITS = ["2", "5", "8", "10", "12", "15", "20", "25", "30", "50"]
DETERMINERS = {  # masculine, feminine, plural; "some" in the singular is the partitive
    "the": "le la les", "a": "un une -", "some": "de_le de_la des", "this": "ce cette ces", "my": "mon ma mes",
    "thy": "ton ta tes", "your": "votre votre vos", "his": "son sa ses", "her": "son sa ses", "our": "notre notre nos",
    "their": "leur leur leurs", "all": "le la les", "any": "de de de", "not a": "de de -",
}  # fmt: skip
POSSESSIVES = ["my", "thy", "his", "our", "your", "their"]
WEATHER = {  # tense: pairs; "it" is impersonal here
    "progressive": [("it is raining", "il pleut"), ("it is snowing", "il neige"), ("it is cold", "il fait froid"),
                    ("it is hot", "il fait chaud"), ("it is windy", "il y a du vent")],
    "past": [("it was raining", "il pleuvait"), ("it was snowing", "il neigeait"), ("it was cold", "il faisait froid"),
             ("it was hot", "il faisait chaud"), ("it was windy", "il y avait du vent")],
    "future": [("it will rain", "il pleuvra"), ("it will snow", "il neigera"), ("it will be cold", "il fera froid"),
               ("it will be hot", "il fera chaud"), ("it will be windy", "il y aura du vent")],
}  # fmt: skip
