"""The verbs of the demo corpus and where their actions happen.

A line is English past[/participle]=French[_preposition] | objects | flags; "se-" marks a reflexive verb, "_" in
English a particle. Flags: h habitual present, p progressive, s stative present, i imparfait, f futur simple, o the
object may be left out, n no simple past (it would not be a passé composé, or looks like the present), a accidental
(nobody is going to forget something).
"""

from __future__ import annotations

VERB_TABLE = """
eat ate/eaten=manger|food mass|hpifo
drink drank/drunk=boire|drink|hpo
buy bought=acheter|food mass drink clothes pair thing dish container picture press vehicle furniture house flat|hpf
sell sold=vendre|food vehicle furniture clothes picture house|hpf
see saw/seen=voir|people animal vehicle transport nature show|sf
look_for looked=chercher|thing container picture press clothes animal pair job hotel|p
find found=trouver|thing container picture press animal job flat answer|fa
lose lost=perdre|key umbrella phone ring pen bag map suitcase hat scarf wallet passport ticket job money watch|ha
read read=lire|text press|hpino
write wrote/written=écrire|text book exercise|hpo
open opened=ouvrir|opening container shop envelope|pf
close closed=fermer|opening container shop|pf
wash washed=laver|clothes pair dish vehicle|hpf
wear wore/worn=porter|clothes|hpi
like liked=aimer|food mass drink animal text picture clothes place family nature show music job city teacher|sn
love loved=aimer|people food mass drink animal show city music|sn
choose chose/chosen=choisir|clothes pair thing press picture furniture meal hotel|pf
repair repaired=réparer|vehicle clock lamp phone computer toy door fridge television|pf
draw drew/drawn=dessiner|animal house castle boat church map tree flower|hp
visit visited=visiter|museum castle church village university factory zoo city flat|hpf
know knew/known=connaître|people village street restaurant museum hotel city song|sn
call called=appeler|people taxi|hp
invite invited=inviter|people|hpf
help helped=aider|people|hpf
watch watched=regarder|animal train boat plane television film match programme sky|hpi
wait_for waited=attendre|people bus train taxi letter answer|hpi
meet met=rencontrer|people|f
follow followed=suivre|person animal vehicle|p
feed fed=nourrir|animal|hp
clean cleaned=nettoyer|room furniture vehicle house flat|hp
take took/taken=prendre|thing dish container picture transport breakfast|fhp
bring brought=apporter|food bread cheese wine water gift book chair basket newspaper flower dessert|hpf
prepare prepared=préparer|soup salad cake sandwich coffee tea meal breakfast lunch dinner|hpf
forget forgot/forgotten=oublier|key umbrella phone bag gift map suitcase book coat passport birthday name wallet|af
break broke/broken=casser|dish lamp toy clock phone window chair leg arm|a
want wanted=vouloir|food mass drink clothes pair thing picture bike house animal job|sn
have had=avoir|animal vehicle thing coat hat shirt container house kin problem question idea meeting lesson exam \
garden job flat party|sfn
listen_to listened=écouter|music radio song teacher story people concert|hpi
look_at looked=regarder|picture map clock animal sky sea people flower photo|hp
learn learned=apprendre|song language word lesson poem|hpfo
understand understood=comprendre|question answer lesson word language teacher problem text people|sno
hear heard=entendre|music song bird people story child radio|sn
put_on put=mettre|clothes pair ring|pf
turn_on turned=allumer|lamp radio television computer oven|pf
turn_off turned=éteindre|lamp radio television computer oven|p
use used=utiliser|phone computer dictionary knife camera car map soap|hpf
pay_for paid=payer|meal ticket coffee drink taxi dinner|f
finish finished=finir|book letter work exercise breakfast meal exam lunch|fo
start started=commencer|book lesson job work letter meal|fo
miss missed=manquer|train bus plane meeting lesson|a
carry carried=porter|container box chair table baby|hp
cut cut=couper|bread meat cheese cake apple onion tree paper|pn
paint painted=peindre|house door picture wardrobe flower boat|po
drive drove/driven=conduire|car lorry bus taxi|hpo
cook cooked=préparer|meal dinner lunch meat fish chicken vegetable|hpf
touch touched=toucher|painting cat dog picture flower oven|p
sing sang/sung=chanter|song|hpio
study studied=étudier|language lesson|hpo
teach taught=enseigner|language music|hpn
win won=gagner|match money ring|fo
make made=faire|cake mistake coffee tea salad soup|hpf
answer answered=répondre_à|question letter message email teacher|hpfo
ask_for asked=demander|price address key book|p
begin began/begun=commencer|lesson work meal exam trip|fo
stop stopped=arrêter|car bus taxi train music work|f
try tried=essayer|clothes pair dessert car|pf
build built=construire|house castle boat bridge shelf hotel|pf
keep kept=garder|key money dog baby letter photo child book|f
borrow borrowed=emprunter|money book car bike pen umbrella|pf
kiss kissed=embrasser|people|hp
explain explained=expliquer|question problem word lesson exercise idea|hpf
catch caught=attraper|ball bird fish bus mouse butterfly|p
throw threw/thrown=jeter|ball box paper letter|p
push pushed=pousser|car door bike table|p
order ordered=commander|food drink meal|hpf
cross crossed=traverser|street river bridge park field|hpf
count counted=compter|money book sheep star animal|p
thank thanked=remercier|people|pf
believe believed=croire|people story|sn
hold held=tenir|hand baby bag flower door umbrella|p
hide hid/hidden=cacher|key money letter gift|p
receive received=recevoir|letter message gift email postcard answer|hf
hate hated=détester|food mass drink animal show city job|sn
rent rented=louer|car bike flat house boat room|pf
play played=jouer_de|instrument|hpif
play played=jouer_à|game|hpif
talk_to talked=parler_à|people|hpi
phone phoned=téléphoner_à|people|hpf
write_to wrote/written=écrire_à|people|hp
give gave/given=donner|food thing book painting dress hat coat money answer flower|f
show showed/shown=montrer|picture house book letter ring horse passport ticket|f
send sent=envoyer|letter message photo gift book email postcard|
lend lent=prêter|book money pen car bike umbrella|f
work worked=travailler||hpif
sleep slept=dormir||hpif
dance danced=danser||hpi
swim swam/swum=nager||hpi
run ran/run=courir||hpi
walk walked=marcher||hpi
cry cried=pleurer||hpi
play played=jouer||hpif
laugh laughed=rire||hpi
smile smiled=sourire||hp
wait waited=attendre||hpi
speak spoke/spoken=parler||hpi
talk talked=parler||hpi
travel travelled=voyager||hpif
live lived=habiter||si
smoke smoked=fumer||hpi
climb climbed=grimper||hp
shout shouted=crier||hp
jump jumped=sauter||hp
cook cooked=cuisiner||hpi
rest rested=se-reposer||hpf
get_up got/got=se-lever||hf
wake_up woke/woken=se-réveiller||hf
get_dressed got/got=se-habiller||hp
wash washed=se-laver||hp
sit_down sat=se-asseoir||fp
hurry hurried=se-dépêcher||p
arrive arrived=arriver||fh
leave left=partir||pfh
come_back came/come=revenir||fh
come came/come=venir||pfh
come_in came/come=entrer||f
stay stayed=rester||fh
fall fell/fallen=tomber||a
go_out went/gone=sortir||hpf
go went/gone=aller||hpf
go_to_bed went/gone=se-coucher||hpf
return returned=revenir||f
die died=mourir||a
listen listened=écouter||hp
bark barked=aboyer||hpi
fly flew/flown=voler||hpi
shine shone=briller||hp
dream dreamed=rêver||hp
think thought=penser||
be was/been=être||
can could=pouvoir||
must must=devoir||
say said=dire||
cost cost=coûter||n
"""

VERB_PLACES = {  # where an action makes sense
    "eat": "kitchen garden restaurant park beach hotel", "drink": "kitchen garden restaurant hotel living_room bar",
    "read": "library garden bedroom living_room park", "draw": "garden bedroom park school",
    "write": "library bedroom garden hotel", "wait_for": "station airport park restaurant hotel",
    "meet": "market station park library beach museum", "see": "street village park market forest zoo",
    "find": "street garden bedroom forest", "lose": "street forest market station park beach", "buy": "market",
    "work": "hospital school restaurant hotel bank library factory museum garden airport university bakery office shop",
    "sleep": "bedroom hotel living_room garden hospital", "sing": "church theatre garden street bathroom",
    "dance": "street living_room theatre village", "swim": "swimming_pool", "run": "park forest street beach",
    "walk": "park forest street beach garden village city",
    "cry": "bedroom street garden hospital", "play": "garden park street bedroom beach stadium",
    "stay": "hotel hospital village bedroom castle", "fall": "street garden kitchen bathroom forest",
    "wait": "station airport park restaurant hotel street office", "rest": "garden hotel bedroom park",
    "live": "village city town castle flat house street", "study": "library university bedroom school",
    "cook": "kitchen restaurant", "jump": "garden street swimming_pool", "learn": "school university",
    "laugh": "cinema classroom street", "talk": "street office garden", "smoke": "street garden bar",
    "sit_down": "kitchen garden park", "arrive": "station airport hotel office school",
}  # fmt: skip
ACTORS = {  # who does it, where not everybody does
    "bark": "dog", "fly": "bird plane butterfly duck", "shine": "sun moon star", "go_to_bed": "people",
    "cry": "baby child girl boy", "die": "king grandfather dog cat bird tree queen",
}  # fmt: skip
ANIMAL_ACTS = ["eat", "drink", "sleep", "run", "walk", "swim", "play", "jump", "arrive", "wait", "come_back", "leave"]
MANNERS = {  # how, by verb
    "well": ("bien", "sleep dance swim sing cook drive work play"),
    "badly": ("mal", "sleep dance swim sing cook drive"),
    "fast": ("vite", "run walk drive speak swim talk eat work"),
    "slowly": ("lentement", "walk drive speak eat work talk swim"),
    "a lot": ("beaucoup", "work eat read travel smoke sleep talk laugh drink study walk"),
    "too much": ("trop", "work eat smoke talk drink"),
    "together": ("ensemble", ""),
    "here": ("ici", "work live play sleep eat study wait stay"),
    "there": ("là-bas", "work live play sleep eat wait stay"),
    "alone": ("seul", ""),
    "early": ("tôt", "get_up arrive leave go_to_bed wake_up come_back"),
    "late": ("tard", "get_up arrive leave go_to_bed wake_up work come_back"),
    "with us": ("avec nous", "work live play eat come stay sing dance travel"),
    "with me": ("avec moi", "work live play eat come stay dance travel"),
    "with them": ("avec eux", "work live play eat come stay travel"),
    "with him": ("avec lui", "work live play come stay dance travel"),
    "at home": ("à la maison", "eat stay work sleep wait rest cook study"),
}  # fmt: skip
INFINITIVES = [  # what one can, wants to or likes to do; English = French
    "sleep=dormir", "eat=manger", "swim=nager", "go home=rentrer à la maison", "leave=partir", "dance=danser",
    "go to the beach=aller à la plage", "go to the cinema=aller au cinéma", "come with us=venir avec nous",
    "come with me=venir avec moi", "cook=cuisiner", "travel=voyager", "drive=conduire", "sing=chanter", "read=lire",
    "work=travailler", "stay here=rester ici", "stay at home=rester à la maison", "learn French=apprendre le français",
    "learn English=apprendre l'anglais", "speak French=parler français", "speak English=parler anglais",
    "play football=jouer au football", "play tennis=jouer au tennis", "play the piano=jouer du piano",
    "go out=sortir", "watch television=regarder la télévision", "listen to music=écouter de la musique",
    "take a photo=prendre une photo", "see the menu=voir la carte", "pay=payer", "wait=attendre", "run=courir",
    "drink something=boire quelque chose", "eat something=manger quelque chose", "buy a ticket=acheter un billet",
    "take the train=prendre le train", "take the bus=prendre le bus", "go to bed=aller au lit", "walk=marcher",
    "make a cake=faire un gâteau", "phone my mother=téléphoner à ma mère",
    "help you=vous aider", "help me=me aider", "see you=vous voir", "try this=essayer ceci", "stop=arrêter",
    "rent a car=louer une voiture", "see a doctor=voir un médecin", "go by bus=aller en bus", "study=étudier",
    "book a room=réserver une chambre", "book a table=réserver une table", "visit Paris=visiter Paris", "ski=skier",
    "open the window=ouvrir la fenêtre", "close the door=fermer la porte", "go shopping=faire les courses",
    "go to the supermarket=aller au supermarché", "ride a bike=faire du vélo", "write a letter=écrire une lettre",
    "ask a question=poser une question", "take a shower=prendre une douche", "have a coffee=prendre un café",
    "have breakfast=prendre le petit-déjeuner", "have lunch=déjeuner", "have dinner=dîner", "smoke=fumer",
    "get up early=se-lever tôt", "change money=changer de l'argent", "say something=dire quelque chose",
    "go to Italy=aller en Italie", "go to France=aller en France", "draw=dessiner", "cook dinner=préparer le dîner",
    "talk to you=vous parler", "know why=savoir pourquoi", "be a doctor=être médecin", "live in Paris=habiter à Paris",
    "come back tomorrow=revenir demain", "sit down=se-asseoir", "do it=le faire", "see it=le voir", "buy it=l'acheter",
    "go there=y aller", "read this book=lire ce livre", "see that film=voir ce film", "be late=être en retard",
]  # fmt: skip
