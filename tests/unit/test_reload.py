"""Models loaded anew at any moment: whoever asks is answered by the old or the new, and never by both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import pytest

from nmt.decode.request import Request
from nmt.serve.app import application
from nmt.serve.glossaries import Glossaries
from nmt.serve.metrics import Metrics
from nmt.serve.models import Model, Models
from nmt.serve.service import Service


class Into:
    """A translator that says into which language it translates."""

    languages, checkpoint, engine_name, decode = None, "step", "none", SimpleNamespace(beam_size=1)
    domain = SimpleNamespace(flags=())
    tokenizer = SimpleNamespace(pieces=lambda tokens, side: [])

    def __init__(self, source: str, target: str) -> None:
        self.pair = source, target

    def translate(
        self, requests: Sequence[Request], *, to: str, source: str, n_best: int = 1, alignment: bool = False
    ) -> list[SimpleNamespace]:
        assert (source, to) == self.pair
        best = SimpleNamespace(attention=None)
        return [SimpleNamespace(text=to, hypotheses=[(to, best)], src_tokens=[]) for _ in requests]


def models(*pairs: tuple[str, str]) -> Models:
    return Models([Model(f"{s}-{t}", Into(s, t), ((s, t),), 0.0) for s, t in pairs])  # type: ignore[arg-type]


class Changing(Service):
    """Its models are others whenever they are looked at."""

    turns: Iterator[Models] | None = None

    @property  # type: ignore[override]
    def models(self) -> Models:
        return next(self.turns) if self.turns else self.first

    @models.setter
    def models(self, loaded: Models) -> None:
        self.first = loaded


async def answer(app: Any, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
    told: list[dict[str, Any]] = []
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if sent:
            return sent.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    path, _, query = path.partition("?")
    await app(
        {"type": "http", "method": "POST" if body else "GET", "path": path, "raw_path": path.encode(), "scheme": "http",
         "query_string": query.encode(), "root_path": "", "http_version": "1.1", "client": ("127.0.0.1", 1),
         "server": ("127.0.0.1", 80),
         "headers": [(b"host", b"localhost"), (b"content-type", kind.encode()),
                     (b"content-length", str(len(body)).encode())]},
        receive, send,
    )  # fmt: skip
    over.set()
    return told[0]["status"], b"".join(message.get("body", b"") for message in told[1:])


FILE = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
UPLOAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nA dog.\r\n--x--\r\n'
ASKED: list[tuple[str, Any]] = [
    ("/translate", {"q": "A dog.", "source": "en", "target": "fr"}),
    ("/translate", {"q": ["A dog.", "Two"], "source": "auto", "target": "fr"}),
    ("/translate", {"q": "<b>A dog.</b>", "source": "en", "target": "fr", "format": "html"}),
    ("/translate?langpair=en|fr&q=A+dog", None),
    ("/v2/translate", {"text": ["A dog."], "target_lang": "FR"}),
    ("/v2/translate", {"text": ["A dog."], "source_lang": "EN", "target_lang": "FR", "tag_handling": "xml"}),
    ("/v2/glossaries", {"name": "a", "source_lang": "en", "target_lang": "fr", "entries": "a\tb",
                        "entries_format": "tsv"}),
    ("/api/translate", {"text": "A dog.", "from": "en", "to": "fr", "model": "en-fr"}),
    ("/api/alternatives", {"text": "A dog."}),
    ("/translate_file", FILE % (b"source", b"auto") + FILE % (b"target", b"fr") + UPLOAD),
    ("/frontend/settings", None),
    ("/languages", None),
    ("/v2/languages?type=target", None),
    ("/api/models", None),
]  # fmt: skip


@pytest.mark.parametrize("begins", [0, 1])
@pytest.mark.parametrize(("path", "body"), ASKED)
def test_a_reload_between_any_two_looks_is_no_fault(
    path: str, body: Any, begins: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmt.serve.native._Asked.answer", lambda asked, number, translation: translation.text)
    two = [models(("en", "fr")), models(("de", "es"), ("es", "de"))]
    service = Changing(lambda: two[0], Metrics(), workers=1, most=1000)
    monkeypatch.setattr(service, "warm_up_terms", lambda: None)
    service.turns = cycle(two[begins:] + two[:begins])
    app = application(service, Glossaries(None), hosts=())
    kind = "multipart/form-data; boundary=x" if isinstance(body, bytes) else "application/json"
    sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    status, content = asyncio.run(answer(app, path, sent, kind))
    service.scheduler.stop()
    assert status < 300 or (status == 400 and content), content
    if begins == 0 and body is not None:
        assert status in (200, 201) or path.startswith("/v2/"), content
