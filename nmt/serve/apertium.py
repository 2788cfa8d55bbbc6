"""Apertium APy's interface (wiki.apertium.org/wiki/Apertium-apy), which OmegaT and Weblate have built in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nmt.serve.access import key_of, route, service_of
from nmt.serve.reading import text_field, values_of
from nmt.serve.refusal import Refusal
from nmt.serve.service import while_connected


async def translate(request: Request) -> Response:
    """GET /translate?q=TEXT&langpair=en|fr"""
    service, values = service_of(request), await values_of(request)
    key = key_of(request, values, "key")
    text, pair = text_field(values, "q"), text_field(values, "langpair")
    source, bar, target = pair.partition("|")
    if not bar:
        raise Refusal(400, "That pair is invalid, use e.g. en|fr")
    [answer] = await while_connected(request, service.translate([text], source, target, key=key))
    return JSONResponse(_response({"translatedText": answer.text}))


async def pairs(request: Request) -> Response:
    """GET /listPairs"""
    found = [
        {"sourceLanguage": source, "targetLanguage": target} for source, target in service_of(request).models.of_pair
    ]
    return JSONResponse(_response(found))


def _response(data: object) -> dict[str, object]:
    return {"responseData": data, "responseDetails": None, "responseStatus": 200}


def routes() -> list[Route]:
    return [route("/translate", translate, "GET"), route("/listPairs", pairs)]
