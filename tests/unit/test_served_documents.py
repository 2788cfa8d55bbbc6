"""Documents in processes of their own: as without them, and whatever is in one, its process alone ends."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nmt.decode.documents import engine_of
from nmt.decode.request import Request
from nmt.formats.choose import read_document
from nmt.formats.document import About
from nmt.formats.translating import translate_units
from nmt.serve import documents
from nmt.serve.documents import Documents, File
from nmt.serve.refusal import Refusal
from tests.documents import all_documents


class Upper:
    """Translates into capitals, as soon as it may."""

    domain, tokenizer = SimpleNamespace(flags=()), None

    def __init__(self, may: bool = True) -> None:
        self.asked, self.may, self.left = threading.Event(), threading.Event(), False
        if may:
            self.may.set()

    def translate(self, lines: Sequence[str | Request], *, alignment: bool = False) -> list[SimpleNamespace]:
        self.asked.set()
        self.may.wait()
        best = SimpleNamespace(attention=None)
        texts = [line.text if isinstance(line, Request) else line for line in lines]
        return [SimpleNamespace(text=text.upper(), hypotheses=[(text, best)]) for text in texts]

    def leave(self) -> None:
        self.left = True
        self.may.set()


def translated(
    name: str, data: bytes, upper: Upper | None = None, charge: Callable[[int], None] = lambda _: None, **limits: int
) -> File:
    async def ask() -> File:
        return await Documents(**limits).translated(name, data, "fr", lambda _: upper or Upper(), charge)  # type: ignore[arg-type,return-value]

    return asyncio.run(ask())


@pytest.mark.parametrize("name", all_documents())
def test_a_document_is_what_it_is_without_a_process(name: str) -> None:
    data = all_documents()[name]
    document = read_document(data, About(name, target="fr"))
    translate_units(document.units, engine_of(Upper(), flags=False))  # type: ignore[arg-type]
    assert translated(name, data).data == document.write() != data


def test_what_a_document_has_is_told_before_it_is_translated() -> None:
    told: list[Any] = []
    upper = Upper()

    async def ask() -> None:
        def queue_for(sample: str) -> Upper:
            told.append(sample)
            return upper

        await Documents().translated("a.html", b"<p>One dog</p><p>Two</p>", "fr", queue_for, told.append)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert told == ["One dog Two", 10]

    def refuse(_: int) -> None:
        raise Refusal(429, "Slowdown")

    fresh = Upper()
    with pytest.raises(Refusal, match="Slowdown"):
        translated("a.txt", b"A dog.", fresh, refuse)
    assert not fresh.asked.is_set()


LINE = b"The dog is in the garden and my sister has two cats.\n"


@pytest.mark.parametrize(
    ("name", "data", "limits", "message"),
    [
        ("memory.txt", b"a dog\n" * 500_000, {"megabytes": 100}, "memory.txt takes more time or memory than"),
        ("time.md", b"[" * 2_000_000, {"seconds": 1}, "time.md takes more time or"),
        ("long.txt", b"a dog " * 20_000, {}, "120,000 characters without a break (line 1); at most 50,000"),
        ("numbers.txt", b"1 2 3\n", {}, "nothing to translate was found in numbers.txt"),
        ("broken.docx", b"PK\x03\x04 broken", {}, "broken.docx is damaged"),
        ("deep.json", b"[" * 1_000_000, {}, "deep.json"),
        ("deep.html", b"<div>" * 300_000 + b"a dog", {"megabytes": 100}, "deep.html takes more time or memory than"),
        ("laughs.xliff", b'<!DOCTYPE x [<!ENTITY a "aa">]><xliff>&a;</xliff>', {}, "not safe to read"),
    ],
)
def test_what_is_too_much_or_damaged_is_refused(name: str, data: bytes, limits: dict[str, int], message: str) -> None:
    with pytest.raises(Refusal) as refused:
        translated(name, data, **limits)
    assert refused.value.status == 400 and message in refused.value.message


def children() -> set[str]:
    return {
        child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()
    }  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="processes are listed on Linux alone")
def test_whoever_leaves_takes_its_process_along() -> None:
    before = children()

    async def ask() -> None:
        upper = Upper(may=False)
        work = asyncio.ensure_future(Documents().translated("a.txt", LINE, "fr", lambda _: upper, lambda _: None))  # type: ignore[arg-type,return-value]
        await asyncio.to_thread(upper.asked.wait)
        assert len(children() - before) == 1
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert upper.left and children() - before == set()

    asyncio.run(ask())


def test_only_so_many_are_worked_on_and_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "HELD", 6 * len(LINE))

    async def ask() -> None:
        all_of_them, uppers = Documents(), [Upper(may=False) for _ in range(6)]

        def begin(upper: Upper) -> asyncio.Task[File]:
            return asyncio.ensure_future(all_of_them.translated("a.txt", LINE, "fr", lambda _: upper, lambda _: None))  # type: ignore[arg-type,return-value]

        tasks = [begin(upper) for upper in uppers]
        for upper in uppers[:4]:
            await asyncio.to_thread(upper.asked.wait)
        assert not uppers[4].asked.is_set()
        with pytest.raises(Refusal, match="Too many documents") as refused:
            await begin(Upper())
        assert refused.value.status == 503 and refused.value.retry_after
        for upper in uppers:
            upper.may.set()
        assert [file.data for file in await asyncio.gather(*tasks)] == [LINE.upper()] * 6
        assert all_of_them.held == 0

    asyncio.run(ask())
