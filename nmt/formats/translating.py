"""The units of documents, translated: tags put aside and put back, placeholders kept, what is known not asked again.

This knows no model: what translates is a function of sentences.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Question:
    """A sentence to translate. codes: what must stand in its translation, asked for where it does not by itself.
    aligned: whether links are needed.
    """

    text: str
    codes: tuple[str, ...] = ()
    aligned: bool = False


Engine = Callable[[Sequence[Question]], Sequence[Answer]]
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
    ask = _Asking(engine)
    for begin in range(0, len(units), CHUNK):
        chunk = [unit for unit in units[begin : begin + CHUNK] if has_letters(unit.source)]
        waiting = [(unit, detag(unit.source)) for unit in chunk]
        if memory:
            waiting = [one for one in waiting if not _from_memory(*one, memory, tally)]
        # As lines of text; where placeholders were not kept once more, with these asked for.
        for codes in (False, True):
            answers = ask([_question(sentence, codes) for _, sentence in waiting])
            waiting = [one for one, answer in zip(waiting, answers, strict=True) if not _accept(*one, answer, tally)]
        # What is left: they are taken out, and put in by the alignment.
        bare = [(unit, detag(unit.source, show=False)) for unit, _ in waiting]
        for one, answer in zip(bare, ask([_question(sentence, False) for _, sentence in bare]), strict=True):
            text = without_placeholders(answer.text)
            _put(*one, Answer(text, answer.links if text == answer.text else (), answer.flags), tally)
        on_progress(len(units[begin : begin + CHUNK]))
    return tally


class _Asking:
    """An engine that is asked nothing twice."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.seen: dict[Question, Answer] = {}

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        new = [question for question in dict.fromkeys(questions) if question not in self.seen]
        self.seen |= zip(new, self.engine(new) if new else (), strict=True)
        return [self.seen[question] for question in questions]


def _question(sentence: Sentence, codes: bool) -> Question:
    return Question(sentence.text, tuple(sentence.codes) if codes else (), bool(sentence.nodes))


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
