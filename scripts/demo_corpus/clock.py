"""Numbers in words, hours of the day, dates, ages and prices."""

from __future__ import annotations

from demo_corpus.clauses import Dice, human, pick_tense, statement, thing
from demo_corpus.expressions import DAYS, MONTHS, SEASONS, TENS, TIMES, UNITS
from demo_corpus.grammar import Phrase, finish
from demo_corpus.lexicon import ACTORS_OF, BE_AVOIR, INTRANSITIVE, VERBS, expand


def _numbers() -> list[tuple[str, str]]:
    units = [tuple(pair.split("=")) for pair in UNITS]
    words = list(units)
    for tens in TENS:
        en, fr = tens.split("=")
        words.append((en, fr))
        words += [(f"{en}-{u}", f"{fr} et un" if u == "one" else f"{fr}-{v}") for u, v in units[:9]]
    words += [("seventy", "soixante-dix"), ("seventy-five", "soixante-quinze"), ("eighty", "quatre-vingts"),
              ("eighty-five", "quatre-vingt-cinq"), ("ninety", "quatre-vingt-dix"), ("a hundred", "cent"),
              ("two hundred", "deux cents"), ("a thousand", "mille")]  # fmt: skip
    return [(en, fr) for en, fr in words]


NUMBER_WORDS = _numbers()
_HOURS = NUMBER_WORDS[:12]
_PARTS = [("five past", "cinq"), ("ten past", "dix"), ("quarter past", "et quart"), ("twenty past", "vingt"),
          ("half past", "et demie"), ("twenty-five to", "moins vingt-cinq"), ("twenty to", "moins vingt"),
          ("quarter to", "moins le quart"), ("ten to", "moins dix"), ("five to", "moins cinq"),
          ("a quarter past", "et quart"), ("a quarter to", "moins le quart"), ("half past", "et demie")]  # fmt: skip


def number(d: Dice) -> Phrase:
    """Pick a number of things, two or more, in words or figures."""
    if d.chance(0.3):
        figure = d.word("2 3 4 5 6 7 8 9 10 12 15 20 25 30 40 50 60 75 80 90 100 150 200")
        return Phrase(figure, figure)
    return Phrase(*d.pick([pair for pair in NUMBER_WORDS[1:] if not pair[1].endswith(("et un", "mille"))]))


def hour(d: Dice) -> Phrase:
    """Pick a time of day: "half past three", "trois heures et demie"."""
    en, fr = d.pick(_HOURS)
    hours = "une heure" if en == "one" else f"{fr} heures"
    kind = d.weighted([("full", 3), ("part", 4), ("noon", 0.5), ("bare", 1), ("half", 0.7), ("figure", 1), ("pm", 1)])
    if kind == "noon":
        return Phrase(*d.pick([("noon", "midi"), ("midnight", "minuit"), ("half past twelve", "midi et demi")]))
    if kind == "full":
        return Phrase(f"{en} o'clock", hours)
    if kind == "bare":
        return Phrase(en, hours)
    if kind == "half":
        return Phrase(f"{en} thirty", f"{hours} trente")
    if kind == "figure":
        figure = d.word("2 3 4 5 6 7 8 9 10 11")
        return Phrase(f"{figure} o'clock", f"{figure} heures")
    if kind == "pm" and 1 <= (value := _HOURS.index((en, fr)) + 1) <= 11:
        parts = [("in the morning", "du matin")] * (value > 4) + [("in the evening", "du soir")] * (value > 5)
        when = d.pick(parts + [("in the afternoon", "de l'après-midi")] * (value < 6))
        return Phrase(f"{en} o'clock {when[0]}", f"{hours} {when[1]}")
    part, minutes = d.pick(_PARTS)
    return Phrase(f"{part} {en}", "midi et demi" if (en, part) == ("twelve", "half past") else f"{hours} {minutes}")


def day(d: Dice) -> Phrase:
    return Phrase(*d.pick(list(DAYS.items())))


def month(d: Dice) -> Phrase:
    return Phrase(*d.pick(list(MONTHS.items())))


def date(d: Dice) -> Phrase:
    """Pick a day of a month: "3 May", "the third of May"."""
    en, fr = month(d).en, MONTHS
    if d.chance(0.3):
        ordinal, number_word = d.pick([("first", "premier"), ("second", "deux"), ("third", "trois"),
                                       ("fourth", "quatre"),
                                       ("fifth", "cinq"), ("tenth", "dix"), ("twentieth", "vingt")])  # fmt: skip
        return Phrase(f"the {ordinal} of {en}", f"le {number_word} {fr[en]}")
    figure = str(2 + int(d.word("0 1 2 3 5 7 8 10 12 13 16 18 20 23 25 28")))
    return Phrase(f"{figure} {en}", f"le {figure} {fr[en]}")


def calendar(d: Dice) -> Phrase:
    """Pick an expression of time that any action may have: "on Tuesday", "in May", "at half past six"."""
    kind = d.weighted([("day", 3), ("month", 1.5), ("season", 1), ("hour", 4), ("span", 1.5)])
    if kind == "day":
        en, fr = d.pick(list(DAYS.items()))
        part = d.pick([("", ""), ("", ""), (" morning", " matin"), (" evening", " soir")])
        return Phrase(f"on {en}{part[0]}", f"{fr}{part[1]}")
    if kind == "month":
        return Phrase("in", "en") + month(d)
    if kind == "season":
        return Phrase(*d.pick(list(SEASONS.items())))
    if kind == "hour":
        return Phrase("at", "à") + hour(d)
    return Phrase(*d.pick([("for two hours", "pendant deux heures"), ("all day", "toute la journée"),
                           ("for three days", "pendant trois jours"), ("in an hour", "dans une heure"),
                           ("in two weeks", "dans deux semaines"), ("before lunch", "avant le déjeuner"),
                           ("after dinner", "après le dîner"), ("after school", "après l'école"),
                           ("in ten minutes", "dans dix minutes"), ("for a week", "pendant une semaine")]))  # fmt: skip


def clock_time(d: Dice) -> Phrase:
    it = d.pick([("it is", "il est"), ("it is", "il est"), ("it is almost", "il est presque"),
                 ("it is already", "il est déjà"), ("it is not yet", "il n'est pas encore")])  # fmt: skip
    return finish(Phrase(*it) + hour(d))


def today(d: Dice) -> Phrase:
    kind = d.weighted([("day", 3), ("date", 3), ("birthday", 2), ("open", 3)])
    if kind == "day":
        start = d.pick([("today is", "aujourd'hui, c'est"), ("it is", "c'est"), ("tomorrow is", "demain, c'est"),
                        ("yesterday was", "hier, c'était"), ("today is", "aujourd'hui, c'est")])  # fmt: skip
        return finish(Phrase(*start) + day(d))
    if kind == "date":
        start = d.pick([("today is", "aujourd'hui, c'est"), ("it is", "c'est"), ("tomorrow is", "demain, c'est")])
        return finish(Phrase(*start) + date(d))
    if kind == "birthday":
        owner = d.pick([("my", "mon"), ("his", "son"), ("her", "son"), ("your", "votre"), ("our", "notre")])
        when = Phrase("in", "en") + month(d) if d.chance(0.5) else Phrase("on", "") + date(d)
        return finish(Phrase(f"{owner[0]} birthday is", f"{owner[1]} anniversaire est") + when)
    subject = thing(d, d.pick(expand("shop supermarket museum bank pharmacy bakery library post_office swimming_pool")),
                    "the this", 0)  # fmt: skip
    verb, fr = d.pick([("opens", "ouvre"), ("closes", "ferme"), ("is closed", "est fermé"), ("is open", "est ouvert")])
    if fr.startswith("est") and subject.gender == "f":
        fr += "e"
    when = Phrase("at", "à") + hour(d) if fr in {"ouvre", "ferme"} else Phrase("on", "") + day(d)
    return finish(subject + Phrase(verb, fr + ("" if when.en.startswith("at") else " le")) + when)


def timetable(d: Dice) -> Phrase:
    """Build "the train leaves at ten past five"."""
    if d.chance(0.6):
        subject = thing(d, d.word("train bus plane boat film concert lesson meeting class match"), "the our my", 0)
        show = subject.noun in expand("show event")
        en, fr = d.pick([("starts", "commence"), ("begins", "commence"), ("finishes", "finit"), ("ends", "finit")]
                        if show else [("leaves", "part"), ("arrives", "arrive")])  # fmt: skip
        return finish(subject + Phrase(en, fr) + Phrase("at", "à") + hour(d))
    subject = human(d)
    verb = VERBS[d.word("get_up get_up go_to_bed leave arrive wake_up come_back")]
    tense = d.word("present present past future" if "f" in verb.flags else "present past")
    return finish(statement(subject, verb, tense, Phrase("at", "à") + hour(d)))


def scheduled(d: Dice) -> Phrase:
    """Build an action with a day, a month or an hour."""
    subject, verb = human(d), d.pick([v for v in INTRANSITIVE if "h" in v.flags and v.en not in ACTORS_OF])
    tense = pick_tense(d, verb, imperfect=False)
    when = calendar(d) if tense != "progressive" else Phrase(*d.pick(TIMES["progressive"]))
    return finish(statement(subject, verb, tense, when))


def price_tag(d: Dice) -> Phrase:
    kind, amount = d.weighted([("alone", 1), ("it", 2), ("that", 1)]), number(d)
    euros = amount + Phrase("euros", "euros")
    if kind == "alone":
        return finish(euros)
    start = d.pick([("it costs", "cela coûte"), ("that is", "cela fait"), ("it is", "c'est"), ("I have", "j'ai"),
                    ("I only have", "je n'ai que"), ("this costs", "ceci coûte"),
                    ("they cost", "ils coûtent")])  # fmt: skip
    return finish(Phrase(*start) + euros)


def age_word(d: Dice) -> Phrase:
    """Build ages with every number: "I am thirty-two years old" (and without "years old")."""
    subject, years = human(d), number(d)
    while years.en in {"100", "150", "200", "a hundred", "two hundred"}:
        years = number(d)
    old = " years old" if d.chance(0.8) else ""
    return finish(statement(subject, BE_AVOIR, "present", Phrase(years.en + old, f"{years.fr} ans")))
