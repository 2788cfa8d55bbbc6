"""What every interface asks for: texts translated, with a language told or detected."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from starlette.requests import Request as HttpRequest

from nmt.decode.request import Request
from nmt.errors import NMTError
from nmt.serve.limits import MAX_LINES, Keys, Quota, check_texts
from nmt.serve.markup import Queue, in_thread
from nmt.serve.metrics import Metrics
from nmt.serve.models import Models, Way
from nmt.serve.refusal import Refusal
from nmt.serve.scheduler import How, Scheduler
from nmt.serve.texts import Lines
from nmt.text.spans import protected_spans
from nmt.text.terms import Terms

T = TypeVar("T")
_TAG = re.compile(r"<[^<>]*>")
_NUMBER = re.compile(r"[$€£¥]?[\d.,:/-]+")


@dataclass(frozen=True)
class Answer:
    """A text's translation. `alternatives`: others, best first."""

    text: str
    source: str
    sure: float = 100.0  # of the source language, in percent
    alternatives: tuple[str, ...] = ()


class Service:
    """Models, and the threads that translate with them. `reload`: loads the models anew."""

    def __init__(
        self, load: Callable[[], Models], metrics: Metrics, *, workers: int, most: int, alone: bool = False,
        keys: Keys | None = None,
    ) -> None:  # fmt: skip
        self._load, self.metrics, self.keys = load, metrics, keys
        self.quota = Quota(keys) if keys else None
        self.models = load()
        self.scheduler = Scheduler(workers, most, metrics, alone=alone)
        self.used: Counter[str] = Counter()  # key → characters
        self.stopping = False
        self.ready = False
        self._loading = threading.Lock()
        metrics.gauges |= {
            "nmt_queue_lines": ("Lines that wait.", lambda: self.scheduler.depth),
            "nmt_queue_characters": ("Characters that wait.", lambda: self.scheduler.waiting),
            "nmt_load_seconds": ("Time that loading the models took.", lambda: sum(m.seconds for m in self.models.all)),
        }

    def warm_up(self) -> None:
        """Every model answers once; only then is the server ready."""
        _try(self.models)
        self.ready = True

    def warm_up_terms(self) -> None:
        """What translates with a glossary is loaded now, in the background, and not while somebody waits for it."""
        models = self.models
        threading.Thread(target=lambda: _try(models, ("a",)), name="warm-up", daemon=True).start()

    def reload(self) -> None:
        """Load the models anew. What was begun ends with the old ones. Raises NMTError, the old ones stay, where the
        new ones cannot be loaded.
        """
        with self._loading:
            models = self._load()
            _try(models)
            self.models = models

    def ways(self, texts: Sequence[str], source: str | None, target: str) -> list[Way]:
        """Of each text; `source` None: it is detected. Raises Refusal."""
        models = self.models  # the same for all, whatever is loaded meanwhile
        return [models.way(source, target, text) for text in texts]

    async def translate(
        self, texts: list[str], source: str | None, target: str, *, alternatives: int = 0, key: str = "",
        terms: Terms | None = None,
    ) -> list[Answer]:  # fmt: skip
        """Translate texts line by line, with the terms of a glossary if there is one. Raises Refusal."""
        check_texts(texts)
        ways = self.ways(texts, source, target)
        self.charge(key, sum(map(len, texts)))
        lines = [Lines(text) for text in texts]
        if sum(len(own.parts) for own in lines) > MAX_LINES:
            raise Refusal(413, f"Invalid request: more than {MAX_LINES} lines")
        waiting: list[list[asyncio.Future]] = []  # type: ignore[type-arg]
        try:
            for own, way in zip(lines, ways, strict=True):
                waiting.append(self._begin(own, way, alternatives, terms))
            return [
                await self._answer(own, futures, way, alternatives)
                for own, futures, way in zip(lines, waiting, ways, strict=True)
            ]
        finally:
            for future in (future for futures in waiting for future in futures):
                future.cancel()

    def charge(self, key: str, characters: int) -> None:
        """Count what a key has translated. Raises Refusal (429) where it may not have so much now."""
        if self.quota:
            self.quota.take(key, characters)
        self.used[key] += characters

    def _begin(
        self, lines: Lines, way: Way, alternatives: int, terms: Terms | None
    ) -> list[asyncio.Future]:  # type: ignore[type-arg]  # fmt: skip
        if way.translator is None:
            return []
        self.metrics.text(f"{way.source}-{way.target}", sum(map(len, lines.parts)))
        how = How(way.translator, way.target, way.source, alternatives + 1)
        return self.scheduler.begin([Request(part, include=_wanted(part, terms)) for part in lines.parts], how)

    @staticmethod
    async def _answer(
        lines: Lines, futures: Sequence[Awaitable], way: Way, alternatives: int  # type: ignore[type-arg]
    ) -> Answer:  # fmt: skip
        if way.translator is None:
            return Answer(lines.unchanged(), way.source, way.sure)
        found = [await future for future in futures]
        text = lines.joined([translation.text for translation in found])
        others: list[str] = []
        for rank in range(1, alternatives + 1):
            # A line that has fewer keeps its best.
            hypotheses = [t.hypotheses for t in found]
            if all(rank >= len(own) for own in hypotheses):
                break
            other = lines.joined([own[rank if rank < len(own) else 0][0] for own in hypotheses])
            if other != text and other not in others:
                others.append(other)
        return Answer(text, way.source, way.sure, tuple(others))

    async def translate_marked(
        self, texts: list[str], source: str | None, target: str, kind: Callable[[Queue, str], str], key: str = "",
        terms: Terms | None = None,
    ) -> list[Answer]:  # fmt: skip
        """Translate texts with tags: `kind` is of nmt.serve.markup. Raises Refusal."""
        check_texts(texts)
        ways = self.ways([_TAG.sub(" ", text) for text in texts], source, target)
        self.charge(key, sum(map(len, texts)))
        answers = []
        for text, way in zip(texts, ways, strict=True):
            queue = self.queue(way, terms=terms)
            found = text if queue is None else await in_thread(queue, partial(kind, queue, text))
            answers.append(Answer(found, way.source, way.sure))
        return answers

    def queue(self, way: Way, document: bool = False, terms: Terms | None = None) -> Queue | None:
        """What threads ask for translations. None where there is nothing to translate."""
        if way.translator is None:
            return None
        return Queue(self.scheduler, How(way.translator, way.target, way.source), document, terms)


def _try(models: Models, include: tuple[str, ...] = ()) -> None:
    for model in models.all:
        source, target = model.pairs[0]
        model.translator.translate([Request(".", include=include)], to=target, source=source)


def _wanted(text: str, terms: Terms | None) -> tuple[str, ...]:
    """What must stand in the translation: addresses, tags and placeholders as they are, and what a glossary says.
    Numbers may be written as words.
    """
    kept = [span for span in protected_spans(text) if not _NUMBER.fullmatch(span)]
    return (*(terms.of(text) if terms else ()), *kept)


async def while_connected(request: HttpRequest, work: Awaitable[T]) -> T:
    """The result, unless whoever asked leaves: then the work is cancelled, too. The body must have been read."""
    task = asyncio.ensure_future(work)
    leaves = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, leaves}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Refusal(499, "whoever asked has left")
        return task.result()
    except NMTError as e:
        raise Refusal(400, e.message) from e
    finally:
        leaves.cancel()
        task.cancel()


async def _left(request: HttpRequest) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
