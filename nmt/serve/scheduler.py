"""Lines that wait for a translator, and the threads that translate them.

Nobody waits for company: a thread that is free takes what waits at that moment, up to a batch of it. What a person
waits for goes before parts of documents.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from nmt.serve.refusal import Refusal

if TYPE_CHECKING:
    from nmt.decode.assembly import Translation
    from nmt.decode.request import Request
    from nmt.decode.translator import Translator
    from nmt.serve.metrics import Metrics

BATCH = 32  # lines at most that a thread takes at a time: more gain nothing on a CPU, and others would wait longer


@dataclass(frozen=True)
class How:
    """What lines that are translated together have in common."""

    translator: Translator  # compared by identity
    to: str
    source: str
    n_best: int = 1
    alignment: bool = False


@dataclass(eq=False)
class _Job:
    request: Request
    how: How
    size: int
    found: Future[Translation] = field(default_factory=Future)


class Scheduler:
    """`workers` threads; `most` characters may wait. `alone`: every line in a call of its own, for translations that
    depend on no neighbour down to the last bit.
    """

    def __init__(self, workers: int, most: int, metrics: Metrics, *, alone: bool = False) -> None:
        self.most, self.metrics, self.batch = most, metrics, 1 if alone else BATCH
        self.waiting = 0  # characters
        self._urgent: deque[_Job] = deque()
        self._documents: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, name=f"translate-{i}") for i in range(workers)]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    async def translate(self, requests: Sequence[Request], how: How, *, document: bool = False) -> list[Translation]:
        """Translations, in order. Cancelled, it takes along what still waits. Raises Refusal (503) where too much
        waits already; but a document waits until there is room for the next part of it.
        """
        if not document:
            return await _all(self.begin(requests, how))
        found: list[Translation] = []
        while len(found) < len(requests):
            part = self._part(requests[len(found) :])
            while self.waiting and self.waiting + _size(part) > self.most:
                await asyncio.sleep(0.05)
            found += await _all(self.begin(part, how, document=True))
        return found

    def _part(self, requests: Sequence[Request]) -> Sequence[Request]:
        """How many of a document may wait at a time: enough for every thread, and never most of what may wait."""
        sizes = accumulate(len(request.text) + 1 for request in requests[: 2 * self.batch * len(self._threads)])
        return requests[: max(1, sum(size <= self.most // 4 for size in sizes))]

    def begin(
        self, requests: Sequence[Request], how: How, *, document: bool = False
    ) -> list[asyncio.Future[Translation]]:
        """As translate, without waiting for it."""
        jobs = [_Job(request, how, len(request.text) + 1) for request in requests]
        size = _size(requests)
        with self._changed:
            # A text that is longer than all that may wait is taken where nothing waits.
            if self.waiting and self.waiting + size > self.most:
                raise Refusal(503, "Too much text is waiting to be translated. Try again.", retry_after=1)
            (self._documents if document else self._urgent).extend(jobs)
            self.waiting += size
            self._changed.notify(len(jobs))
        futures = [asyncio.wrap_future(job.found) for job in jobs]
        return futures

    def stop(self) -> None:
        """Once all that waits is done."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while jobs := self._take():
            began = time.monotonic()
            if not _done(jobs) and len(jobs) > 1:  # a fault of one must not be the others'
                for job in jobs:
                    _done([job])
            self.metrics.batch(len(jobs), time.monotonic() - began)

    def _take(self) -> list[_Job]:
        """What to do next; waits for it. Nothing: it is over."""
        with self._changed:
            while True:
                jobs = self._next()
                if jobs or self._stopped:
                    return jobs
                self._changed.wait()

    def _next(self) -> list[_Job]:
        """The first that waits, with others that are translated alike: a fair share of them, so that no thread is idle
        while another has all.
        """
        how = next((job.how for job in chain(self._urgent, self._documents) if not job.found.cancelled()), None)
        room = min(self.batch, -(-(len(self._urgent) + len(self._documents)) // len(self._threads)))
        taken: list[_Job] = []
        for queue in (self._urgent, self._documents):
            kept: list[_Job] = []
            while queue and len(taken) < room:
                job = queue.popleft()
                if job.how is not how and job.how != how:
                    kept.append(job)
                    if len(kept) > self.batch:  # do not look through all that waits for others
                        break
                    continue
                self.waiting -= job.size
                if job.found.set_running_or_notify_cancel():  # whoever asked is still there
                    taken.append(job)
            queue.extendleft(reversed(kept))
        return taken

    @property
    def depth(self) -> int:
        """Lines that wait."""
        return len(self._urgent) + len(self._documents)


def _size(requests: Sequence[Request]) -> int:
    return sum(len(request.text) + 1 for request in requests)


async def _all(futures: Sequence[asyncio.Future[Translation]]) -> list[Translation]:
    try:
        return [await future for future in futures]
    finally:
        for future in futures:
            future.cancel()


def _done(jobs: Sequence[_Job]) -> bool:
    """Translate these, which ask for the same. False: several, one of which cannot be translated."""
    how = jobs[0].how
    try:
        found = how.translator.translate(
            [job.request for job in jobs], to=how.to, source=how.source, n_best=how.n_best, alignment=how.alignment,
        )  # fmt: skip
    except Exception as e:  # noqa: BLE001  # it is told to whoever asked
        if len(jobs) == 1:
            jobs[0].found.set_exception(e)
        return False
    for job, translation in zip(jobs, found, strict=True):
        job.found.set_result(translation)
    return True
