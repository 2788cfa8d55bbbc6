"""nmt's own interface: what `nmt translate --format jsonl` reads and writes, over HTTP; and what a server tells of
itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from nmt.decode.assembly import Translation
from nmt.decode.render import Output, flags_of, render
from nmt.decode.request import Request, parse_request
from nmt.errors import NMTError
from nmt.serve.access import key_of, route, service_of
from nmt.serve.limits import MAX_ALTERNATIVES, check_texts
from nmt.serve.models import Models
from nmt.serve.reading import text_field, values_of
from nmt.serve.refusal import Refusal
from nmt.serve.scheduler import How
from nmt.serve.service import Service, while_connected
from nmt.version import VERSION

_OUTPUT = Output("jsonl", alignments=True)
_OWN = ("requests", "model", "api_key")  # fields of a body that are no request's


class _Asked:
    """The requests of a body, each with how it is searched for."""

    def __init__(self, service: Service, values: dict[str, Any], key: str) -> None:
        many = values.get("requests")
        objects = [{k: v for k, v in values.items() if k not in _OWN}] if many is None else many
        if not isinstance(objects, list) or not objects:
            raise Refusal(400, "`requests` must be a list of objects that is not empty")
        self.several = many is not None
        model = values.get("model")
        if model is not None and not isinstance(model, str):
            raise Refusal(400, "`model` must be a string")
        self.requests = [_request(value, number) for number, value in enumerate(objects, 1)]
        texts = [request.text for request in self.requests]
        check_texts(texts)
        service.charge(key, sum(map(len, texts)))
        self.hows: list[How] = []
        models = service.models  # the same for all, whatever is loaded meanwhile
        for request in self.requests:
            source, target = _pair(models, request)
            service.metrics.text(f"{source}-{target}", len(request.text))
            translator = models.pick(source, target, model).translator
            self.hows.append(How(translator, target, source, request.n_best or 1, alignment=True))

    def begin(self, service: Service) -> list[asyncio.Future[Translation]]:
        plain = [replace(request, to=None, source=None) for request in self.requests]
        return [service.scheduler.begin([request], how)[0] for request, how in zip(plain, self.hows, strict=True)]

    def answer(self, number: int, translation: Translation) -> dict[str, Any]:
        request, translator = self.requests[number], self.hows[number].translator
        found = flags_of(request, translation, translator.domain.flags)
        [line] = render(translator.tokenizer, request, translation, number + 1, _OUTPUT, found)
        answer: dict[str, Any] = json.loads(line)
        return answer | {"from": self.hows[number].source, "to": self.hows[number].to}


def _request(value: Any, number: int) -> Request:
    try:
        request = parse_request(json.dumps(value), f"request {number}")
    except NMTError as e:
        raise Refusal(400, str(e)) from None
    if (request.n_best or 1) > MAX_ALTERNATIVES + 1:
        raise Refusal(400, f"request {number} has n_best {request.n_best}; at most {MAX_ALTERNATIVES + 1}")
    return request


def _pair(models: Models, request: Request) -> tuple[str, str]:
    """Source and target language: those that are named; else the only ones that there are; else the detected source."""
    source = models.source(request.source) if request.source else models.detected(request.text)[0]
    if request.to:
        target = models.target(request.to, source)
        if target == source:
            raise Refusal(400, f"nothing translates from {source} into {source}")
        return source, target
    if len(models.targets[source]) > 1:
        raise Refusal(400, f"say into which language: `to` may be {', '.join(models.targets[source])}")
    return source, models.targets[source][0]


async def translate(request: HttpRequest) -> Response:
    """POST /api/translate: an object as a line of `nmt translate --format jsonl` reads it, or several in `requests`."""
    service, values = service_of(request), await values_of(request)
    asked = _Asked(service, values, key_of(request, values))
    waiting = asked.begin(service)
    try:
        found = await while_connected(request, asyncio.gather(*waiting))
    finally:
        for future in waiting:
            future.cancel()
    answers = [asked.answer(number, translation) for number, translation in enumerate(found)]
    return JSONResponse({"translations": answers} if asked.several else answers[0])


async def stream(request: HttpRequest) -> Response:
    """POST /api/translate/stream: as /api/translate, a line of JSON as soon as each is done, in order."""
    service, values = service_of(request), await values_of(request)
    asked = _Asked(service, values, key_of(request, values))
    return StreamingResponse(_lines(asked, asked.begin(service)), media_type="application/x-ndjson")


async def _lines(asked: _Asked, waiting: Sequence[asyncio.Future[Translation]]) -> AsyncIterator[bytes]:
    try:
        for number, future in enumerate(waiting):
            yield json.dumps(asked.answer(number, await future), ensure_ascii=False).encode() + b"\n"
    finally:  # also where whoever asked has left
        for future in waiting:
            future.cancel()


async def alternatives(request: HttpRequest) -> Response:
    """POST /api/alternatives: how the translation of `text` may go on after `prefix`."""
    service, values = service_of(request), await values_of(request)
    values.setdefault("n_best", 5)
    text_field(values, "text")
    asked = _Asked(service, values, key_of(request, values))
    if asked.several:
        raise Refusal(400, "alternatives are of one text")
    [translation] = await while_connected(request, asyncio.gather(*asked.begin(service)))
    return JSONResponse({"alternatives": list(dict.fromkeys(text for text, _ in translation.hypotheses))})


async def all_models(request: HttpRequest) -> Response:
    """GET /api/models"""
    return JSONResponse({"version": VERSION, "models": [model.card() for model in service_of(request).models.all]})


async def ready(request: HttpRequest) -> Response:
    """GET /ready: 200 once every model has translated something, and until the server is told to stop."""
    service = service_of(request)
    there = service.ready and not service.stopping
    return JSONResponse({"ready": there}, 200 if there else 503)


async def metrics(request: HttpRequest) -> Response:
    """GET /metrics"""
    return PlainTextResponse(service_of(request).metrics.render(), media_type="text/plain; version=0.0.4")


def routes() -> list[Route]:
    return [
        route("/api/translate", translate, "POST"),
        route("/api/translate/stream", stream, "POST"),
        route("/api/alternatives", alternatives, "POST"),
        route("/api/models", all_models),
        route("/ready", ready),
        route("/metrics", metrics),
    ]
