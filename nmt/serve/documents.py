"""Documents translated: each is read and written by a process of its own (document_process), its sentences wait with
those of everybody.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from nmt.decode.documents import engine_of
from nmt.errors import NMTError
from nmt.formats.translating import Engine, Question
from nmt.serve.limits import MAX_FILE
from nmt.serve.markup import Queue
from nmt.serve.refusal import Refusal

AT_ONCE = 4  # documents; others wait
HELD = 200 << 20  # bytes of documents that come, wait or are worked on
SILENCE = 600.0  # seconds that a process may say nothing
MOST = 4 * MAX_FILE  # bytes of a message
_COMMAND = (sys.executable, "-P", "-c", "from nmt.serve.document_process import main; main()")


@dataclass(frozen=True)
class File:
    """A document that was translated."""

    data: bytes
    characters: int  # of its text


class Documents:
    """All that are translated now. Reading and writing one may take `seconds` of a processor, and `megabytes`."""

    def __init__(self, seconds: int = 120, megabytes: int = 1024) -> None:
        self._limits = {"seconds": seconds, "megabytes": megabytes}
        self.held = 0  # bytes
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, "document")

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Within, so many bytes are held. Raises Refusal (503) where there is no room for them."""
        if self.held and self.held + size > HELD:
            raise Refusal(503, "Too many documents are being translated. Try again.", retry_after=10)
        self.held += size
        try:
            yield
        finally:
            self.held -= size

    async def translated(
        self, name: str, data: bytes, target: str, queue_for: Callable[[str], Queue | None],
        charge: Callable[[int], None],
    ) -> File:  # fmt: skip
        """A document in another language. `queue_for`: gives what translates, once it is given some of the text; None:
        it is in that language. `charge` is told its characters before they are translated. Cancelled, it ends the
        process. Raises Refusal.
        """
        with self.holding(len(data)):
            async with self._turns:
                process = await asyncio.create_subprocess_exec(
                    *_COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                )  # fmt: skip
                try:
                    return await self._conversation(_Process(process, name), data, target, queue_for, charge)
                finally:
                    with suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()

    async def _conversation(
        self, process: _Process, data: bytes, target: str, queue_for: Callable[[str], Queue | None],
        charge: Callable[[int], None],
    ) -> File:  # fmt: skip
        about = {"name": process.name, "target": target} | self._limits
        await process.send(json.dumps(about).encode(), data)
        found = await process.told()
        queue = queue_for(found["sample"])
        if queue is None:
            return File(data, 0)
        charge(found["characters"])
        engine = engine_of(queue, flags=False)
        try:
            while "questions" in (message := await process.told()):
                questions = [Question(text, tuple(codes), aligned) for text, codes, aligned in message["questions"]]
                work = asyncio.get_running_loop().run_in_executor(self._threads, _answers, engine, questions)
                await process.send(await work)
        except NMTError as e:
            raise Refusal(400, str(e)) from e
        finally:
            queue.leave()
        return File(await process.hear(), found["characters"])


class _Process:
    """Messages to and from one."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        assert process.stdin is not None and process.stdout is not None
        self.name, self.stdin, self.stdout = name, process.stdin, process.stdout

    async def send(self, *messages: bytes) -> None:
        with suppress(ConnectionError):  # it has ended; what is heard next says why
            for message in messages:
                self.stdin.write(len(message).to_bytes(8) + message)
            await self.stdin.drain()

    async def hear(self) -> bytes:
        """Raises Refusal (400) where it ended instead, by its limits."""
        try:
            async with asyncio.timeout(SILENCE):
                size = int.from_bytes(await self.stdout.readexactly(8))
                if size <= MOST:
                    return await self.stdout.readexactly(size)
        except (asyncio.IncompleteReadError, TimeoutError):
            pass
        raise Refusal(400, f"{self.name} takes more time or memory than a document may. Send it in parts.")

    async def told(self) -> dict[str, Any]:
        """Raises Refusal (400) for what is wrong with the document."""
        message: dict[str, Any] = json.loads(await self.hear())
        if "fault" in message:
            raise Refusal(400, message["fault"])
        if "broken" in message:
            raise RuntimeError(f"a document could not be read:\n{message['broken']}")
        return message


def _answers(engine: Engine, questions: Sequence[Question]) -> bytes:
    return json.dumps([
        [answer.text, [[*link.src, *link.tgt, link.weak] for link in answer.links]] for answer in engine(questions)
    ]).encode()  # fmt: skip
