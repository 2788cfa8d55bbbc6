"""The adjectives of the demo corpus: English[/comparative]=French | the classes or nouns they fit.

"+" marks those placed before the noun in French.
"""

from __future__ import annotations

ADJECTIVE_TABLE = """
+big/bigger=grand|animal food dish container furniture opening vehicle building place room gift toy nature problem \
idea party
+small/smaller=petit|animal food dish container furniture opening vehicle building place room lamp toy clock nature \
problem
+little/littler=petit|boy girl child dog cat bird house garden village brother sister
+tall/taller=grand|people tree
+beautiful=beau|person.f animal clothes thing picture place nature hotel museum church theatre hospital vehicle day
+handsome=beau|person.m
+pretty/prettier=joli|clothes.f picture ring lamp clock village house garden plate cup girl flower
+old/older=vieux|people animal thing clothes vehicle furniture building place press
+new/newer=nouveau|clothes pair thing container furniture vehicle press text hotel hospital school museum \
university job teacher neighbour show house flat
+young/younger=jeune|person animal
+good/better=bon|food mass drink text press show restaurant idea question answer teacher doctor friend student meal \
dinner
+bad/worse=mauvais|show idea restaurant coffee wine answer student meal
+fat/fatter=gros|cat dog pig man
long/longer=long|text street dress coat scarf skirt river road show trip day
short/shorter=court|dress skirt text trip lesson
red=rouge|clothes pair thing container vehicle door chair apple flower
blue=bleu|clothes pair container vehicle door bird dish eye sky sea
green=vert|clothes pair thing container vehicle door furniture eye apple
black=noir|clothes pair thing container vehicle animal
white=blanc|clothes pair thing dish animal house furniture wine
yellow=jaune|clothes container vehicle bird flower
grey=gris|clothes animal container house sofa sky
brown=marron|clothes pair container furniture eye
pink=rose|clothes flower container
purple=violet|clothes flower
expensive=cher|clothes pair thing furniture vehicle hotel restaurant picture flat
cheap/cheaper=bon_marché|clothes pair hotel restaurant furniture vehicle
heavy/heavier=lourd|container furniture bike
light/lighter=léger|container chair meal
dirty/dirtier=sale|clothes pair dish room vehicle container hand
clean/cleaner=propre|clothes pair dish room vehicle street hand
useful=utile|thing container knife map bike dictionary
comfortable=confortable|furniture clothes pair vehicle house hotel
interesting=intéressant|text press show museum picture lesson job
boring=ennuyeux|text show lesson job meeting
important=important|letter message question meeting exam problem
funny/funnier=drôle|text show
sad/sadder=triste|people story poem novel song film
happy/happier=heureux|people
kind/kinder=gentil|people
nice/nicer=sympathique|people
polite=poli|person kin waiter
intelligent=intelligent|people dog
clever/cleverer=intelligent|people dog
rich/richer=riche|people
poor/poorer=pauvre|person
lazy/lazier=paresseux|person kin cat
brave/braver=courageux|people
famous=célèbre|actor actress singer museum castle painting novel writer
tired=fatigué|people
sick=malade|people animal
ill=malade|people
shy/shyer=timide|person kin
serious=sérieux|people
curious=curieux|people animal
angry/angrier=en_colère|people
worried=inquiet|people
nervous=nerveux|people
surprised=surpris|people
busy/busier=occupé|people
ready=prêt|people meal dinner breakfast lunch coffee soup
late=en_retard|people transport
alone=seul|people
married=marié|person kin
proud/prouder=fier|people
patient=patient|people
strong/stronger=fort|person.m father brother horse
fresh/fresher=frais|food bread milk salad fish
sweet/sweeter=sucré|cake orange strawberry cherry pear tea lemonade
delicious=délicieux|food mass drink meal
hot/hotter=chaud|soup coffee tea milk water
cold/colder=froid|soup coffee tea milk water beer
quiet/quieter=calme|street village beach park garden hotel library
noisy/noisier=bruyant|street city restaurant child class
modern=moderne|building house factory kitchen
empty/emptier=vide|container room glass cup plate drawer fridge
full=plein|container glass cup bus train fridge
excellent=excellent|meal wine restaurant idea film teacher student doctor book
wonderful=merveilleux|show trip city idea day evening nature
warm/warmer=chaud|coat jumper bread water soup jacket
wet/wetter=mouillé|clothes pair street dog towel
dry/drier=sec|clothes towel pair
round/rounder=rond|table mirror face carpet ball
free=libre|chair table room taxi
thin/thinner=mince|people
crazy/crazier=fou|people idea dog
stupid=stupide|question idea answer mistake film
sure=sûr|people
soft/softer=doux|pillow blanket towel carpet
high/higher=haut|mountain castle tree price hill
strange/stranger=étrange|story idea person animal word film
lost=perdu|people
broken=cassé|dish lamp clock toy window chair phone computer watch television
open=ouvert|opening shop supermarket museum bank pharmacy restaurant bakery
closed=fermé|opening shop supermarket museum bank pharmacy restaurant bakery
dangerous=dangereux|street forest factory snake animal road
dark/darker=sombre|room forest street
fast/faster=rapide|vehicle horse train
slow/slower=lent|vehicle donkey train waiter
easy/easier=facile|exercise exam question language lesson
difficult=difficile|text exercise exam question language lesson job
hard/harder=dur|bed bread job
French=français|wine cheese press show teacher restaurant car person kin
English=anglais|tea press show teacher car person
Italian=italien|wine restaurant show car teacher
American=américain|show car tourist person
favourite=préféré|food drink clothes show press animal
"""
NO_COMPARATIVE = {
    "new", "sick", "ill", "empty", "delicious", "red", "blue", "green", "black", "white", "yellow", "grey", "brown",
    "pink", "purple", "full", "broken", "open", "closed", "late", "alone", "married", "ready", "French", "English",
    "Italian", "American", "favourite", "little", "surprised", "bad", "angry",
    "excellent", "wonderful", "free", "sure", "lost", "stupid",
}  # fmt: skip
# What comparatives and superlatives are made of, as in a phrase book.
COMPARED = {
    "big", "small", "tall", "old", "young", "good", "long", "short", "expensive", "cheap", "heavy", "dirty",
    "clean", "comfortable", "interesting", "boring", "important", "funny", "sad", "happy", "nice", "intelligent",
    "rich", "poor", "brave", "famous", "tired", "strong", "fresh", "hot", "cold", "quiet", "modern", "warm", "high",
    "dangerous", "dark", "fast", "slow", "easy", "difficult", "beautiful", "pretty",
}  # fmt: skip
ATTRIBUTE_ONLY = {"new", "little", "favourite"}  # not after "to be" ("neuf" or "petit" there)
PREDICATE_ONLY = {
    "angry",
    "late",
    "alone",
    "ready",
    "busy",
    "worried",
    "open",
    "ill",
    "surprised",
    "cheap",
    "free",
    "sure",
    "lost",
    "thin",
    "crazy",
}
TOO = {"big", "small", "old", "young", "long", "short", "expensive", "heavy", "dirty", "lazy", "shy", "serious",
       "sweet", "dangerous", "dark", "slow", "difficult", "hot", "cold", "noisy", "easy", "hard"}  # fmt: skip
RIVALS = [
    "red blue green black white yellow grey brown pink purple",
    "big small long short pretty beautiful little fat tall",
    "old new modern young",
    "clean dirty",
    "fast slow",
    "good delicious bad",
    "interesting funny difficult boring easy",
    "open closed",
    "French English Italian American",
    "hot cold",
    "empty full",
]  # "red, but not blue" would be silly
