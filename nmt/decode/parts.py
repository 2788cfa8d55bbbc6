"""A line is searched for in parts, where it has several sentences, or is longer than what the model was trained on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nmt.decode.engine import Sentence
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.request import Request
from nmt.decode.routes import ANY, Route
from nmt.decode.source_fields import ONE_FIELD, SourceFields
from nmt.text.flags import FLAGS, TAGS
from nmt.text.pieces import begin_words
from nmt.text.sentences import split
from nmt.tokenizer import Side, Tokenizer, Unseen

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

_SENTENCE_END = re.compile(r"[.!?…:;]$")  # before a space
_FULL_WIDTH_END = re.compile(r"[。！？；]$")
_WITHIN_CHARACTER = re.compile(r"<0x[89AB].>")  # a byte of UTF-8 that is not the first of its character


@dataclass(frozen=True)
class Domain:
    """What a model was trained on: directions, and lengths of source lines in tokens."""

    routes: tuple[Route, ...] = (ANY,)
    typical: int | None = None  # 99 % of the lines are not longer
    longest: int | None = None
    several_sentences: bool = True  # in a line are nothing new to it
    fields: SourceFields = ONE_FIELD  # of a source
    labels: tuple[str, ...] = ()  # the only outputs there are; none: any
    flags: tuple[str, ...] = (*FLAGS, TAGS)  # what may be wrong with an output; see nmt.text.flags


@dataclass
class Part:
    """One search. `text` has the white space after it; joined, a line's parts are the line."""

    line: int
    text: str
    sentence: Sentence
    n_best: int
    route: Route = ANY
    cut: bool = False  # within a sentence, for want of another place
    anywhere: tuple[str, ...] = ()  # phrases that must be in this part if they are in no other of the line
    include: tuple[str, ...] = ()  # that must be in it
    can_include: bool = True  # as far as is known
    appended: tuple[str, ...] = ()  # of them, those that stand behind the end of the translation
    exclude: tuple[str, ...] = ()
    searched: Sentence | None = None  # what was last searched for
    hypotheses: list[tuple[str, Hypothesis]] = field(default_factory=list)  # once found, best first
    unseen: Unseen = field(default_factory=Unseen)  # of the source


class Cutter:
    """Lines to parts."""

    def __init__(self, tokenizer: Tokenizer, domain: Domain, max_positions: int | None, decode: DecodeSection) -> None:
        """max_positions: the most tokens, `</s>` counted, that the model knows places for. Of the section `decode` it
        goes by `split_sentences` (auto: lines are cut where sentences end that are longer than most the model has seen,
        or of more sentences than it knows) and `max_segment`, the most tokens of a part.
        """
        self.tokenizer, self.domain, max_segment = tokenizer, domain, decode.max_segment
        self.by_sentence, self.whole = decode.split_sentences == "auto", decode.split_sentences == "whole"
        tags = max(len(route.tags.read([])) for route in domain.routes)
        limits = [max_segment, None if self.whole else domain.longest, max_positions and max_positions - 1 - tags]
        self.most = min(limit for limit in limits if limit)
        self.typical = domain.typical or max_segment

    def cut(self, requests: Sequence[Request], n_best: int, routes: Sequence[Route]) -> list[Part]:
        """The parts of all lines in order, each with its route; a blank line has none. A line break within a line
        counts as a space.

        The prefix is for the first part of a line; what to include, for the longest if no other has it.
        """
        texts = [" ".join(r.text.splitlines()) for r in requests]
        parts: list[Part] = []
        rows = self._encode(texts, routes)
        for i, (request, text, ids, route) in enumerate(zip(requests, texts, rows, routes, strict=True)):
            if not ids:
                continue
            number = n_best if request.n_best is None else request.n_best
            own = [
                Part(i, part, Sentence(piece, tags=route.tags), number, route, cut)
                for part, piece, cut in self._cut_line(text, ids, route)
            ]
            if request.prefix:
                prefix = tuple(self.tokenizer.encode_beginning(request.prefix))
                own[0].sentence = replace(own[0].sentence, prefix=prefix)
            longest = max(own, key=lambda part: len(part.sentence.ids))
            longest.anywhere = tuple(request.include)
            for part in own:
                part.exclude = tuple(request.exclude)
            parts += own
        return parts

    def _encode(self, texts: Sequence[str], routes: Sequence[Route]) -> list[list[int]]:
        sides: tuple[Side, Side] = ("src", "tgt")
        rows = {
            side: iter(self.tokenizer.encode([t for t, r in zip(texts, routes, strict=True) if r.side == side], side))
            for side in sides
        }
        return [next(rows[route.side]) for route in routes]

    def _cut_line(self, text: str, ids: list[int], route: Route) -> Iterator[tuple[str, list[int], bool]]:
        if self.whole:  # what was said last matters most
            kept = ids[-self.most :] if self.domain.fields.turns else ids[: self.most]
            yield text, kept, len(kept) < len(ids)
            return
        sentences = [text]
        if self.by_sentence and (len(ids) > self.typical or not self.domain.several_sentences):
            sentences = split(text, route.source_lang)
        for sentence in sentences:
            own = ids if len(sentences) == 1 else self.tokenizer.encode([sentence], route.side)[0]
            pieces = list(self._cut_ids(own))
            for piece in pieces:
                # A part that was cut by tokens: its text is no more needed than for terms in it.
                whole = len(pieces) == 1
                yield (sentence if whole else self.tokenizer.decode([piece], "src")[0] + " "), piece, not whole

    def _cut_ids(self, ids: list[int]) -> Iterator[list[int]]:
        """Cut what is too long for one search: at a sentence's end if there is one, else between words or anywhere."""
        while len(ids) > self.most:
            pieces = self.tokenizer.pieces(ids[: self.most + 1], "src")
            words = [i for i, begins in enumerate(begin_words(pieces)) if begins and i]
            ends = [i for i in words if _SENTENCE_END.search(pieces[i - 1])]
            ends += [i for i in range(1, self.most + 1) if _FULL_WIDTH_END.search(pieces[i - 1])]
            cut = max(ends, default=0) or max(words, default=0) or _between_characters(pieces)
            yield ids[:cut]
            ids = ids[cut:]
        if ids:
            yield ids


def _between_characters(pieces: Sequence[str]) -> int:
    """The last place before the last piece at which no character is cut, of those that are several bytes."""
    places = (i for i in range(len(pieces) - 1, 0, -1) if not _WITHIN_CHARACTER.fullmatch(pieces[i]))
    return next(places, len(pieces) - 1)
