"""Fixed expressions of the demo corpus: times, numbers, feelings, weather, each English with its French."""

from __future__ import annotations

BY_VEHICLE = [("by bus", "en bus"), ("by train", "en train"), ("by car", "en voiture"), ("by bike", "à vélo"),
              ("by plane", "en avion"), ("by taxi", "en taxi"), ("on foot", "à pied")]  # fmt: skip
TIMES = {
    "present": [("every day", "tous les jours"), ("every week", "toutes les semaines"), ("in the morning", "le matin"),
                ("in the evening", "le soir"), ("on Mondays", "le lundi"), ("on Sundays", "le dimanche"),
                ("in summer", "en été"), ("in winter", "en hiver"), ("at night", "la nuit"),
                ("in the afternoon", "l'après-midi"), ("every morning", "tous les matins"),
                ("every evening", "tous les soirs"), ("on Saturdays", "le samedi"), ("at the weekend", "le week-end")],
    "progressive": [("now", "maintenant"), ("at the moment", "en ce moment"), ("today", "aujourd'hui")],
    "past": [("yesterday", "hier"), ("this morning", "ce matin"), ("last week", "la semaine dernière"),
             ("last year", "l'année dernière"), ("on Monday", "lundi"), ("two days ago", "il y a deux jours"),
             ("yesterday evening", "hier soir"), ("last month", "le mois dernier"),
             ("last weekend", "le week-end dernier"), ("last Saturday", "samedi dernier"),
             ("last night", "la nuit dernière"),
             ("an hour ago", "il y a une heure"), ("on Friday", "vendredi"), ("last summer", "l'été dernier"),
             ("two years ago", "il y a deux ans"), ("yesterday morning", "hier matin")],
    "future": [("tomorrow", "demain"), ("this evening", "ce soir"), ("next week", "la semaine prochaine"),
               ("soon", "bientôt"), ("on Saturday", "samedi"), ("next year", "l'année prochaine"),
               ("tonight", "ce soir"), ("this afternoon", "cet après-midi"), ("tomorrow morning", "demain matin"),
               ("next month", "le mois prochain"), ("on Sunday", "dimanche"), ("on Wednesday", "mercredi"),
               ("this weekend", "ce week-end"),
               ("next Monday", "lundi prochain"), ("next weekend", "le week-end prochain"),
               ("later", "plus tard"), ("next summer", "l'été prochain")],
}  # fmt: skip
FREQUENCIES = [("often", "souvent"), ("always", "toujours"), ("sometimes", "parfois"), ("rarely", "rarement"),
               ("usually", "d'habitude")]  # fmt: skip
ADVERBS = [*FREQUENCIES, ("also", "aussi"), ("still", "encore"), ("really", "vraiment"), ("already", "déjà")]
FEELINGS = [("hungry", "faim"), ("thirsty", "soif"), ("cold", "froid"), ("hot", "chaud"), ("sleepy", "sommeil"),
            ("right", "raison"), ("wrong", "tort"), ("afraid", "peur"), ("lucky", "de la chance")]  # fmt: skip
NUMBERS = {"two": "deux", "three": "trois", "four": "quatre", "five": "cinq", "six": "six", "ten": "dix"}
UNITS = [
    "one=un",
    "two=deux",
    "three=trois",
    "four=quatre",
    "five=cinq",
    "six=six",
    "seven=sept",
    "eight=huit",
    "nine=neuf",
    "ten=dix",
    "eleven=onze",
    "twelve=douze",
    "thirteen=treize",
    "fourteen=quatorze",
    "fifteen=quinze",
    "sixteen=seize",
    "seventeen=dix-sept",
    "eighteen=dix-huit",
    "nineteen=dix-neuf",
]
TENS = ["twenty=vingt", "thirty=trente", "forty=quarante", "fifty=cinquante", "sixty=soixante"]
HOURS = [*NUMBERS.items(), ("eight", "huit"), ("2", "2"), ("5", "5"), ("8", "8"), ("10", "10"), ("12", "12")]
AGES = [("ten", "dix"), ("twelve", "douze"), ("fifteen", "quinze"), ("twenty", "vingt"), ("10", "10"), ("12", "12"),
        ("15", "15"), ("20", "20"), ("seven", "sept"), ("eight", "huit"), ("eighteen", "dix-huit"),
        ("twenty-five", "vingt-cinq"), ("18", "18"), ("25", "25")]  # fmt: skip
OLD_AGES = [("thirty", "trente"), ("fifty", "cinquante"), ("30", "30"), ("50", "50"), ("80", "80"), ("40", "40"),
            ("forty", "quarante"), ("sixty", "soixante"), ("thirty-five", "trente-cinq")]  # fmt: skip
CHEAP = [*NUMBERS.items(), *AGES]
DEAR = [("fifty", "cinquante"), ("50", "50"), ("80", "80"), ("200", "200"), ("500", "500"), ("a hundred", "cent"),
        ("100", "100"), ("two hundred", "deux cents"), ("a thousand", "mille"), ("1000", "1000")]  # fmt: skip
DAYS = {"Monday": "lundi", "Tuesday": "mardi", "Wednesday": "mercredi", "Thursday": "jeudi", "Friday": "vendredi",
        "Saturday": "samedi", "Sunday": "dimanche"}  # fmt: skip
MONTHS = {"January": "janvier", "February": "février", "March": "mars", "April": "avril", "May": "mai", "June": "juin",
          "July": "juillet", "August": "août", "September": "septembre", "October": "octobre", "November": "novembre",
          "December": "décembre"}  # fmt: skip
SEASONS = {"in spring": "au printemps", "in summer": "en été", "in autumn": "en automne", "in winter": "en hiver"}
WEATHER = {  # tense: pairs; "it" is impersonal here
    "progressive": [("it is raining", "il pleut"), ("it is snowing", "il neige"), ("it is cold", "il fait froid"),
                    ("it is hot", "il fait chaud"), ("it is windy", "il y a du vent"),
                    ("it is sunny", "il y a du soleil"),
                    ("it is warm", "il fait chaud"), ("it is cloudy", "il y a des nuages"),
                    ("it is dark", "il fait nuit"), ("it is very cold", "il fait très froid"),
                    ("it is very hot", "il fait très chaud"), ("it is not raining", "il ne pleut pas"),
                    ("it is not cold", "il ne fait pas froid"), ("the weather is nice", "il fait beau"),
                    ("the weather is good", "il fait beau"), ("the weather is bad", "il fait mauvais"),
                    ("it is foggy", "il y a du brouillard"), ("the sun is shining", "le soleil brille")],
    "past": [("it was raining", "il pleuvait"), ("it was snowing", "il neigeait"), ("it was cold", "il faisait froid"),
             ("it was hot", "il faisait chaud"), ("it was windy", "il y avait du vent"), ("it rained", "il a plu"),
             ("it snowed", "il a neigé"), ("the weather was nice", "il faisait beau"),
             ("the weather was bad", "il faisait mauvais"), ("it was very cold", "il faisait très froid")],
    "future": [("it will rain", "il pleuvra"), ("it will snow", "il neigera"), ("it will be cold", "il fera froid"),
               ("it will be hot", "il fera chaud"), ("it will be windy", "il y aura du vent"),
               ("it is going to rain", "il va pleuvoir"), ("it is going to snow", "il va neiger"),
               ("the weather will be nice", "il fera beau"), ("it will be sunny", "il y aura du soleil")],
}  # fmt: skip
QUANTITIES = {  # of what cannot be counted, or of many
    "a cup of": ("une tasse de", "coffee tea"),
    "a glass of": ("un verre de", "drink"),
    "a bottle of": ("une bouteille de", "water wine beer milk lemonade oil"),
    "a piece of": ("un morceau de", "bread cheese cake meat chocolate tart"),
    "a kilo of": ("un kilo de", "food rice sugar"),
    "a lot of": ("beaucoup de", "food mass drink thing animal friend money book work"),
    "a little": ("un peu de", "mass drink money"),
    "a pair of": ("une paire de", "pair"),
    "a slice of": ("une tranche de", "bread ham"),
    "too many": ("trop de", "book car tourist toy question"),
    "too much": ("trop de", "mass drink work money"),
    "a litre of": ("un litre de", "milk water oil"),
    "many": ("beaucoup de", "food book friend child animal picture question"),
    "enough": ("assez de", "mass drink money"),
    "a box of": ("une boîte de", "chocolate biscuit egg"),
}
