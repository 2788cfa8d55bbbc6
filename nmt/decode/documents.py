"""A Translator as the engine of documents: sentences in, translations with links between their characters out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nmt.decode.assembly import Translation
from nmt.decode.parts import Domain
from nmt.decode.render import flags_of
from nmt.decode.request import Request
from nmt.errors import RecipeError
from nmt.formats.translating import Answer, Engine, Question
from nmt.text.flags import TAGS
from nmt.text.links import link
from nmt.tokenizer import Tokenizer


class Translates(Protocol):
    """What is asked of a Translator here."""

    @property
    def domain(self) -> Domain: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    def translate(self, lines: Sequence[str | Request], *, alignment: bool = False) -> list[Translation]: ...


def engine_of(translator: Translates, *, flags: bool = True) -> Engine:
    """What `nmt.formats.translating` asks; with what may be wrong with a translation, if `flags` are wanted."""
    looked_for = tuple(flag for flag in translator.domain.flags if flag != TAGS)  # which are no part of a sentence

    def translate(questions: Sequence[Question]) -> list[Answer]:
        found: dict[int, Answer] = {}
        for aligned in (False, True):
            own = [i for i, question in enumerate(questions) if question.aligned is aligned]
            for i, t in zip(own, _translated(translator, [questions[i] for i in own], aligned), strict=True):
                request = Request(questions[i].text)
                found[i] = _answer(translator, request, t, flags_of(request, t, looked_for) if flags else ())
        return [found[i] for i in range(len(questions))]

    return translate


def _translated(translator: Translates, questions: Sequence[Question], aligned: bool) -> list[Translation]:
    if not questions:
        return []
    requests = [Request(question.text, include=question.codes) for question in questions]
    try:
        return translator.translate(requests, alignment=aligned)
    except RecipeError:
        if not any(question.codes for question in questions):
            raise
        # This search cannot be told what must be in a translation.
        return translator.translate([question.text for question in questions], alignment=aligned)


def _answer(translator: Translates, request: Request, t: Translation, flags: Sequence[str]) -> Answer:
    best = t.hypotheses[0][1]
    if best.attention is None:
        return Answer(t.text, (), flags)
    pieces = translator.tokenizer.pieces(best.tokens, "tgt")
    return Answer(t.text, link(best.attention.tolist(), t.src_tokens, pieces, request.text, t.text), flags)
