"""All sentence templates with their shares of the corpus."""

from __future__ import annotations

from collections.abc import Callable

from demo_corpus import one_clause, questions, two_clauses
from demo_corpus.clauses import Dice
from demo_corpus.grammar import Phrase

Template = Callable[[Dice], Phrase]

# The dice walk this list, so its order decides the corpus as much as the weights do.
TEMPLATES: list[tuple[Template, float]] = [
    (one_clause.action, 24),
    (one_clause.motion, 8),
    (one_clause.at_an_hour, 1),
    (one_clause.description, 6),
    (one_clause.comparison, 4),
    (two_clauses.because, 3),
    (two_clauses.contrast, 4),
    (one_clause.location, 6),
    (one_clause.ownership, 3),
    (one_clause.age, 2),
    (one_clause.price, 2),
    (two_clauses.weather, 3),
    (one_clause.modal, 6),
    (one_clause.giving, 4),
    (questions.imperative, 3),
    (questions.addressed, 5),
    (questions.yes_no, 4),
    (questions.where_why_when, 4),
    (questions.what_who, 5),
    (questions.how_many, 2),
    (one_clause.state, 4),
    (one_clause.this_is, 2),
    (two_clauses.coordination, 3),
    (one_clause.object_pronoun, 6),
    (two_clauses.object_again, 6),
    (two_clauses.relative_subject, 4),
    (two_clauses.relative_object, 5),
    (two_clauses.reported, 3),
]
