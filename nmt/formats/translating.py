"""The units of documents, translated: tags put aside and put back, placeholders kept, what is known not asked again.

This knows no model: what translates is a function of sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nmt.formats.document import Unit
from nmt.text.inline import Sentence, detag, has_letters
from nmt.text.links import Link
from nmt.text.projection import keeps_codes, project, without_placeholders

CHUNK = 500  # units translated together


@dataclass(frozen=True)
class Answer:
    """A sentence's translation."""

    text: str
    links: Sequence[Link] = ()  # from the characters of the sentence to those of the text
    flags: Sequence[str] = ()  # what may be wrong with it; see nmt.text.flags


# Sentences, and for each what must stand in its translation: nothing, until it was seen that it does not by itself.
Engine = Callable[[Sequence[str], Sequence[Sequence[str]]], Sequence[Answer]]
Memory = Mapping[str, str]  # source -> translation, both without tags


@dataclass
class Tally:
    """What became of the units."""

    translated: int = 0
    from_memory: int = 0
    guesses: int = 0  # translations in which the place of a tag is a guess
    empty: int = 0  # that came out as nothing, and stay as they are
    flags: Counter[str] = field(default_factory=Counter)


def translate_units(
    units: Sequence[Unit], engine: Engine, memory: Memory | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Tally:  # fmt: skip
    """Give units their targets. `on_progress` is told how many more are done."""
    tally = Tally()
    seen: dict[tuple[str, bool], Answer] = {}
    for begin in range(0, len(units), CHUNK):
        chunk = [unit for unit in units[begin : begin + CHUNK] if has_letters(unit.source)]
        waiting = [(unit, detag(unit.source)) for unit in chunk]
        if memory:
            waiting = [
                (unit, sentence) for unit, sentence in waiting if not _from_memory(unit, sentence, memory, tally)
            ]
        for step in (_as_it_is, _with_codes, _without_codes):
            waiting = list(step(waiting, engine, seen, tally))
        on_progress(len(units[begin : begin + CHUNK]))
    return tally


Waiting = Sequence[tuple[Unit, Sentence]]


def _from_memory(unit: Unit, sentence: Sentence, memory: Memory, tally: Tally) -> bool:
    text = memory.get(normalised(sentence.text))
    if text is None or not keeps_codes(sentence, text):
        return False
    _put(unit, sentence, Answer(text), tally)
    unit.from_memory = True
    tally.from_memory += 1
    return True


def normalised(text: str) -> str:
    """As sources are compared: white space at the edges does not count, nor how much of it there is."""
    return " ".join(text.split())


def _as_it_is(
    waiting: Waiting, engine: Engine, seen: dict[tuple[str, bool], Answer], tally: Tally
) -> Iterator[tuple[Unit, Sentence]]:
    """As lines of text; gives those whose placeholders were not kept."""
    _ask([sentence.text for _, sentence in waiting], engine, seen)
    for unit, sentence in waiting:
        if not _accept(unit, sentence, seen[sentence.text, False], tally):
            yield unit, sentence


def _with_codes(
    waiting: Waiting, engine: Engine, seen: dict[tuple[str, bool], Answer], tally: Tally
) -> Iterator[tuple[Unit, Sentence]]:
    """Once more, with the placeholders asked for."""
    texts = {sentence.text: sentence.codes for _, sentence in waiting}
    for text, answer in zip(texts, engine(list(texts), list(texts.values())) if texts else (), strict=True):
        seen[text, True] = answer
    for unit, sentence in waiting:
        if not _accept(unit, sentence, seen[sentence.text, True], tally):
            yield unit, sentence


def _without_codes(
    waiting: Waiting, engine: Engine, seen: dict[tuple[str, bool], Answer], tally: Tally
) -> Iterator[tuple[Unit, Sentence]]:
    """What is left: the placeholders are taken out, and put in by the alignment."""
    bare = [(unit, detag(unit.source, show=False)) for unit, _ in waiting]
    _ask([sentence.text for _, sentence in bare], engine, seen)
    for unit, sentence in bare:
        answer = seen[sentence.text, False]
        text = without_placeholders(answer.text)
        _put(unit, sentence, Answer(text, answer.links if text == answer.text else (), answer.flags), tally)
    yield from ()


def _ask(texts: Sequence[str], engine: Engine, seen: dict[tuple[str, bool], Answer]) -> None:
    new = [text for text in dict.fromkeys(texts) if (text, False) not in seen]
    for text, answer in zip(new, engine(new, [()] * len(new)) if new else (), strict=True):
        seen[text, False] = answer


def _accept(unit: Unit, sentence: Sentence, answer: Answer, tally: Tally) -> bool:
    if not keeps_codes(sentence, answer.text):
        return False
    _put(unit, sentence, answer, tally)
    return True


def _put(unit: Unit, sentence: Sentence, answer: Answer, tally: Tally) -> None:
    if not answer.text.strip():  # better the source than nothing
        tally.empty += 1
        return
    found = project(sentence, answer.text, answer.links)
    unit.target, unit.guess = found.items, found.guess
    tally.translated += 1
    tally.guesses += found.guess
    tally.flags.update(answer.flags)
