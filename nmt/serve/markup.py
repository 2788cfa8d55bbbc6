"""Text with tags: its sentences wait with all others, its tags are put where the alignment says. Taking them out and
putting them in is work of its own, done in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from lxml import etree

from nmt.decode.documents import engine_of
from nmt.decode.request import Request
from nmt.errors import NMTError
from nmt.formats.choose import read_document
from nmt.formats.document import About, Unit
from nmt.formats.translating import translate_units
from nmt.serve.refusal import Refusal
from nmt.serve.scheduler import How, Scheduler
from nmt.text.inline import with_codes, written
from nmt.text.terms import Terms

if TYPE_CHECKING:
    from nmt.decode.assembly import Translation

T = TypeVar("T")


class Queue:
    """Translates as a Translator does, for a thread: what it is asked waits in the scheduler, until it is told to
    leave.
    """

    def __init__(self, scheduler: Scheduler, how: How, document: bool, terms: Terms | None = None) -> None:
        self.scheduler, self.how, self.document, self.terms = scheduler, how, document, terms
        self.domain, self.tokenizer = how.translator.domain, how.translator.tokenizer
        self._left = False
        self._waiting: Future[list[Translation]] | None = None
        self._loop = asyncio.get_running_loop()

    def translate(self, lines: Sequence[str | Request], *, alignment: bool = False) -> list[Translation]:
        requests = [line if isinstance(line, Request) else Request(line) for line in lines]
        if self.terms is not None:
            requests = [replace(r, include=(*r.include, *self.terms.of(r.text))) for r in requests]
        how = replace(self.how, alignment=alignment)
        work = self.scheduler.translate(requests, how, document=self.document)
        self._waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        if self._left:
            self._waiting.cancel()
        return self._waiting.result()

    def leave(self) -> None:
        """Whoever asked has left: nothing more is translated, and whatever thread waits for it ends."""
        self._left = True
        if self._waiting is not None:
            self._waiting.cancel()


async def in_thread(queue: Queue, work: Callable[[], T]) -> T:
    """Work that asks a queue, in a thread. Cancelled, it ends at once, or at its next question."""
    try:
        return await asyncio.to_thread(work)
    except NMTError as e:
        raise Refusal(400, str(e)) from e
    finally:
        queue.leave()


def html(queue: Queue, text: str) -> str:
    """A page, or a part of one, translated; whatever is no text stays as it is."""
    about = About("the text", queue.how.source, queue.how.to)
    document = read_document(text.encode(), about, "html")
    translate_units(document.units, engine_of(queue, flags=False))
    return document.write().decode()


def xml(queue: Queue, text: str) -> str:
    """A text with tags of XML among it, translated. Raises Refusal (400) where they are not well-formed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        etree.fromstring(f"<x>{text}</x>".encode(), parser)
    except etree.XMLSyntaxError:
        raise Refusal(400, "Tag handling parsing failed, please check input.") from None
    unit = Unit(with_codes(text), "the text")
    translate_units([unit], engine_of(queue, flags=False))
    return text if unit.target is None else written(unit.target)
