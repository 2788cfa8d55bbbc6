"""The nouns of the demo corpus by semantic class, in compact tables.

An entry is English[/irregular plural]=French[/irregular plural]:gender; "_" stands for a space.
"""

from __future__ import annotations

NOUN_TABLE = {
    "person": "man/men=homme:m woman/women=femme:f boy=garçon:m girl=fille:f child/children=enfant:m baby=bébé:m "
    "friend=ami:m neighbour=voisin:m teacher=professeur:m doctor=médecin:m student=étudiant:m baker=boulanger:m "
    "farmer=fermier:m tourist=touriste:m waiter=serveur:m waitress=serveuse:f actor=acteur:m actress=actrice:f "
    "nurse=infirmière:f policeman/policemen=policier:m singer=chanteur:m lawyer=avocat:m customer=client:m "
    "guest=invité:m boss=patron:m colleague=collègue:m pupil=élève:m cook=cuisinier:m driver=chauffeur:m "
    "dentist=dentiste:m engineer=ingénieur:m hairdresser=coiffeur:m postman/postmen=facteur:m artist=artiste:m "
    "writer=écrivain:m lady=dame:f king=roi:m queen=reine:f soldier=soldat:m worker=ouvrier:m "
    "musician=musicien:m secretary=secrétaire:f butcher=boucher:m",
    "kin": "brother=frère:m sister=sœur:f uncle=oncle:m aunt=tante:f cousin=cousin:m son=fils:m daughter=fille:f "
    "nephew=neveu/neveux:m niece=nièce:f",
    "spouse": "husband=mari:m wife/wives=femme:f",  # singular only
    "elder": "mother=mère:f father=père:m grandmother=grand-mère:f grandfather=grand-père:m mum=maman:f dad=papa:m",
    "couple": "parents/parents=parents/parents:m grandparents/grandparents=grands-parents/grands-parents:m",
    "animal": "dog=chien:m cat=chat:m bird=oiseau:m horse=cheval:m cow=vache:f mouse/mice=souris:f "
    "goat=chèvre:f rabbit=lapin:m duck=canard:m hen=poule:f owl=hibou/hiboux:m donkey=âne:m goose/geese=oie:f "
    "squirrel=écureuil:m pig=cochon:m sheep/sheep=mouton:m lion=lion:m tiger=tigre:m elephant=éléphant:m "
    "monkey=singe:m snake=serpent:m bear=ours:m fox=renard:m wolf/wolves=loup:m frog=grenouille:f "
    "butterfly=papillon:m spider=araignée:f turtle=tortue:f",
    "food": "apple=pomme:f orange=orange:f egg=œuf:m cake=gâteau:m tomato/tomatoes=tomate:f carrot=carotte:f "
    "potato/potatoes=pomme_de_terre/pommes_de_terre:f sandwich=sandwich:m strawberry=fraise:f cherry=cerise:f "
    "pear=poire:f banana=banane:f lemon=citron:m peach=pêche:f onion=oignon:m mushroom=champignon:m pizza=pizza:f "
    "biscuit=biscuit:m pancake=crêpe:f croissant=croissant:m sausage=saucisse:f vegetable=légume:m "
    "ice_cream=glace:f steak=steak:m tart=tarte:f dessert=dessert:m hamburger=hamburger:m",
    "mass": "bread=pain:m cheese=fromage:m meat=viande:f soup=soupe:f rice=riz:m salad=salade:f chocolate=chocolat:m "
    "butter=beurre:m sugar=sucre:m salt=sel:m oil=huile:f jam=confiture:f honey=miel:m ham=jambon:m chicken=poulet:m "
    "fish=poisson:m pepper=poivre:m cream=crème:f yoghurt=yaourt:m fruit=fruit:m",
    "drink": "water=eau:f milk=lait:m coffee=café:m tea=thé:m wine=vin:m lemonade=limonade:f beer=bière:f "
    "orange_juice=jus_d'orange:m apple_juice=jus_de_pomme:m hot_chocolate=chocolat_chaud:m",
    "stuff": "money=argent:m soap=savon:m paper=papier:m music=musique:f work=travail:m",  # uncountable, not eaten
    "text": "letter=lettre:f novel=roman:m story=histoire:f message=message:m article=article:m poem=poème:m "
    "postcard=carte_postale/cartes_postales:f email=e-mail:m",
    "press": "book=livre:m newspaper=journal:m magazine=magazine:m dictionary=dictionnaire:m",
    "show": "film=film:m song=chanson:f programme=émission:f match=match:m concert=concert:m",
    "clothes": "dress=robe:f shirt=chemise:f hat=chapeau:m coat=manteau:m skirt=jupe:f scarf/scarves=écharpe:f "
    "jacket=veste:f tie=cravate:f uniform=uniforme:m jumper=pull:m cap=casquette:f belt=ceinture:f suit=costume:m "
    "T-shirt=t-shirt:m",
    "pair": "shoe=chaussure:f sock=chaussette:f boot=botte:f glove=gant:m",  # mostly in the plural
    "thing": "key=clé:f umbrella=parapluie:m phone=téléphone:m lamp=lampe:f clock=horloge:f toy=jouet:m pen=stylo:m "
    "computer=ordinateur:m ring=bague:f gift=cadeau:m watch=montre:f wallet=portefeuille:m passport=passeport:m "
    "ticket=billet:m pencil=crayon:m notebook=cahier:m camera=appareil_photo/appareils_photo:m ball=ballon:m "
    "doll=poupée:f mirror=miroir:m towel=serviette:f pillow=oreiller:m blanket=couverture:f candle=bougie:f "
    "stamp=timbre:m envelope=enveloppe:f flower=fleur:f radio=radio:f television=télévision:f "
    "toothbrush=brosse_à_dents/brosses_à_dents:f",
    "dish": "knife/knives=couteau:m plate=assiette:f cup=tasse:f glass=verre:m fork=fourchette:f spoon=cuillère:f "
    "bowl=bol:m",
    "container": "bag=sac:m box=boîte:f basket=panier:m suitcase=valise:f bottle=bouteille:f",
    "picture": "painting=tableau:m photo=photo:f map=carte:f",
    "furniture": "table=table:f chair=chaise:f bed=lit:m desk=bureau:m sofa=canapé:m armchair=fauteuil:m "
    "wardrobe=armoire:f shelf/shelves=étagère:f cupboard=placard:m carpet=tapis:m fridge=frigo:m oven=four:m",
    "opening": "door=porte:f window=fenêtre:f drawer=tiroir:m",
    "vehicle": "car=voiture:f bike=vélo:m boat=bateau:m lorry=camion:m motorbike=moto:f",
    "transport": "bus=bus:m train=train:m plane=avion:m taxi=taxi:m tram=tramway:m underground=métro:m",
    "building": "market=marché:m station=gare:f school=école:f hospital=hôpital:m church=église:f "
    "library=bibliothèque:f restaurant=restaurant:m hotel=hôtel:m museum=musée:m theatre=théâtre:m zoo=zoo:m "
    "bank=banque:f airport=aéroport:m bakery=boulangerie:f university=université:f beach=plage:f "
    "swimming_pool=piscine:f supermarket=supermarché:m shop=magasin:m pharmacy=pharmacie:f post_office=poste:f "
    "cinema=cinéma:m office=bureau:m stadium=stade:m bookshop=librairie:f town_hall=mairie:f bar=bar:m "
    "police_station=commissariat:m bus_stop=arrêt_de_bus/arrêts_de_bus:m",
    "place": "park=parc:m garden=jardin:m village=village:m forest=forêt:f street=rue:f castle=château:m "
    "house=maison:f factory=usine:f city=ville:f town=ville:f flat=appartement:m",
    "nature": "mountain=montagne:f river=rivière:f lake=lac:m sea=mer:f island=île:f tree=arbre:m bridge=pont:m "
    "field=champ:m sky=ciel:m sun=soleil:m moon=lune:f star=étoile:f road=route:f square=place:f hill=colline:f",
    "room": "kitchen=cuisine:f bedroom=chambre:f bathroom=salle_de_bains/salles_de_bains:f living_room=salon:m "
    "dining_room=salle_à_manger/salles_à_manger:f room=chambre:f classroom=salle_de_classe/salles_de_classe:f",
    "body": "head=tête:f hand=main:f foot/feet=pied:m eye=œil/yeux:m ear=oreille:f nose=nez:m mouth=bouche:f "
    "arm=bras:m leg=jambe:f back=dos:m stomach=ventre:m tooth/teeth=dent:f throat=gorge:f finger=doigt:m "
    "knee=genou/genoux:m face=visage:m neck=cou:m",
    "idea": "question=question:f answer=réponse:f problem=problème:m idea=idée:f price=prix:m name=nom:m "
    "address=adresse:f word=mot:m mistake=erreur:f language=langue:f job=travail:m number=numéro:m",
    "event": "party=fête:f lesson=leçon:f exam=examen:m meeting=réunion:f class=cours:m wedding=mariage:m "
    "trip=voyage:m birthday=anniversaire:m exercise=exercice:m day=journée:f evening=soirée:f weekend=week-end:m "
    "meal=repas:m breakfast=petit-déjeuner:m lunch=déjeuner:m dinner=dîner:m",
    "instrument": "piano=piano:m guitar=guitare:f violin=violon:m flute=flûte:f",
    "game": "football=football:m tennis=tennis:m cards/cards=cartes/cartes:f chess/chess=échecs/échecs:m "
    "basketball=basket:m",
}  # fmt: skip

GROUPS = {"people": "person kin spouse elder couple", "family": "kin spouse elder couple"}
ANIMATE, FAMILY = set(GROUPS["people"].split()), set(GROUPS["family"].split())
UNCOUNTABLE = {"mass", "drink", "stuff"}
SINGULAR_ONLY = UNCOUNTABLE | {"elder", "spouse", "instrument", "game"}
SINGULAR_NOUNS = {"king", "queen", "sky", "sun", "moon", "sea", "underground", "town_hall", "post_office", "boss"}
PLURAL_GAMES = {"cards", "chess"}
PUBLIC = {"building", "place", "nature"}  # their nouns take no possessive here

NAMES = {
    "m": ["Paul", "Louis", "Lucas", "Thomas", "Antoine", "Martin", "Pierre", "Tom", "John", "David", "Peter",
          "Michael", "James", "Robert", "Daniel", "Mark", "Max", "Hugo", "Nicolas", "Simon", "Jack", "Ben", "Adam",
          "Richard", "Julien", "Sam", "Philippe", "George", "Henri", "Oliver"],
    "f": ["Marie", "Anna", "Emma", "Alice", "Julie", "Sophie", "Sarah", "Claire", "Lisa", "Mary", "Laura", "Kate",
          "Jane", "Emily", "Lucy", "Maria", "Nina", "Helen", "Susan", "Linda", "Charlotte", "Eva", "Olivia",
          "Hannah", "Nora", "Elizabeth", "Karen", "Nathalie", "Isabelle", "Sandra"],
}  # fmt: skip
PROFESSIONS = {  # masculine and feminine
    "doctor": "médecin médecin", "teacher": "professeur professeur", "journalist": "journaliste journaliste",
    "architect": "architecte architecte", "dentist": "dentiste dentiste", "photographer": "photographe photographe",
    "pilot": "pilote pilote", "engineer": "ingénieur ingénieur", "student": "étudiant étudiante",
    "nurse": "infirmier infirmière", "singer": "chanteur chanteuse", "baker": "boulanger boulangère",
    "lawyer": "avocat avocate", "cook": "cuisinier cuisinière", "artist": "artiste artiste",
    "farmer": "fermier fermière",
    "writer": "écrivain écrivaine", "secretary": "secrétaire secrétaire", "musician": "musicien musicienne",
    "mechanic": "mécanicien mécanicienne", "hairdresser": "coiffeur coiffeuse",
}  # fmt: skip
COUNTRIES = {  # name, "in" or "to", "from"
    "France": "la_France en_France de_France", "England": "l'Angleterre en_Angleterre d'Angleterre",
    "Germany": "l'Allemagne en_Allemagne d'Allemagne", "Spain": "l'Espagne en_Espagne d'Espagne",
    "Italy": "l'Italie en_Italie d'Italie", "Canada": "le_Canada au_Canada du_Canada",
    "Portugal": "le_Portugal au_Portugal du_Portugal", "Japan": "le_Japon au_Japon du_Japon",
    "China": "la_Chine en_Chine de_Chine", "Switzerland": "la_Suisse en_Suisse de_Suisse",
    "Belgium": "la_Belgique en_Belgique de_Belgique",
    "the United States": "les_États-Unis aux_États-Unis des_États-Unis",
    "Russia": "la_Russie en_Russie de_Russie", "Greece": "la_Grèce en_Grèce de_Grèce",
}  # fmt: skip
CITIES = {"Paris": "Paris", "London": "Londres", "Berlin": "Berlin", "Rome": "Rome", "Lyon": "Lyon", "Madrid": "Madrid",
          "Brussels": "Bruxelles", "New York": "New York", "Geneva": "Genève", "Vienna": "Vienne", "Lisbon": "Lisbonne",
          "Barcelona": "Barcelone", "Moscow": "Moscou", "Athens": "Athènes", "Tokyo": "Tokyo", "Boston": "Boston",
          "Dublin": "Dublin", "Marseille": "Marseille", "Montreal": "Montréal", "Milan": "Milan"}  # fmt: skip
LANGUAGES = {"French": "français", "English": "anglais", "German": "allemand", "Spanish": "espagnol",
             "Italian": "italien", "Chinese": "chinois", "Russian": "russe", "Japanese": "japonais",
             "Portuguese": "portugais"}  # fmt: skip
NATIONALITIES = {**LANGUAGES, "American": "américain", "Canadian": "canadien", "Swiss": "suisse", "Belgian": "belge"}
