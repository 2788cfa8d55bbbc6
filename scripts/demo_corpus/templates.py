"""All sentence templates with their shares of the corpus."""

from __future__ import annotations

from collections.abc import Callable

from demo_corpus import clock, daily, one_clause, phrasebook, questions, two_clauses
from demo_corpus.clauses import Dice
from demo_corpus.grammar import Phrase

Template = Callable[[Dice], Phrase]

# The dice walk this list, so its order decides the corpus as much as the weights do.
TEMPLATES: list[tuple[Template, float]] = [
    (phrasebook.phrase, 50),
    (daily.intransitive, 9),
    (daily.manner, 3),
    (daily.somewhere, 6),
    (daily.fragment, 5),
    (daily.short_action, 9),
    (daily.wish, 7),
    (daily.liking_to, 2),
    (daily.quantity, 2.5),
    (daily.pronoun_thing, 3),
    (daily.dative, 3),
    (daily.is_it, 4),
    (daily.is_like, 7),
    (daily.superlative, 2),
    (daily.belongs, 2.5),
    (daily.ask_doing, 5),
    (daily.answer, 2),
    (clock.clock_time, 2),
    (clock.today, 1.5),
    (clock.timetable, 2),
    (clock.scheduled, 3),
    (clock.price_tag, 1),
    (clock.age_word, 1.5),
    (one_clause.action, 6.5),
    (one_clause.motion, 4),
    (one_clause.at_an_hour, 0.5),
    (one_clause.description, 2),
    (one_clause.comparison, 1.3),
    (one_clause.location, 4),
    (one_clause.ownership, 1),
    (one_clause.age, 1),
    (one_clause.price, 1),
    (one_clause.modal, 1.5),
    (one_clause.giving, 1.2),
    (one_clause.state, 5),
    (one_clause.this_is, 2),
    (one_clause.object_pronoun, 3),
    (questions.imperative, 2.5),
    (questions.addressed, 1.2),
    (questions.yes_no, 4),
    (questions.where_why_when, 2),
    (questions.what_who, 3),
    (questions.how_many, 0.7),
    (two_clauses.joined, 3),
    (two_clauses.because, 0.5),
    (two_clauses.contrast, 0.5),
    (two_clauses.weather, 1),
    (two_clauses.coordination, 0.5),
    (two_clauses.object_again, 0.5),
    (two_clauses.relative_subject, 0.3),
    (two_clauses.relative_object, 0.4),
    (two_clauses.reported, 0.6),
]
