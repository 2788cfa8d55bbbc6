"""LibreTranslate's interface (docs.libretranslate.com/api), as its clients use it.

Other than there: without being asked nothing is changed in case or at the end of a text, alternatives are at most
MAX_ALTERNATIVES, and wrong types are the client's fault (400), not the server's.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nmt.formats.choose import SUFFIXES
from nmt.serve import markup
from nmt.serve.access import key_of, route, service_of, suggestions_of
from nmt.serve.limits import MAX_ALTERNATIVES, MAX_TEXT, check_texts
from nmt.serve.names import name_of
from nmt.serve.reading import strings, text_field, values_of, whole_number
from nmt.serve.refusal import Refusal
from nmt.serve.service import Answer, while_connected

FORMATS = ("text", "html")


async def translate(request: Request) -> Response:
    """POST /translate"""
    service, values = service_of(request), await values_of(request)
    key = key_of(request, values)
    texts, several = strings(values, "q")
    source, target = text_field(values, "source"), text_field(values, "target")
    kind = text_field(values, "format", "text")
    if kind not in FORMATS:
        raise Refusal(400, f"{kind} format is not supported")
    alternatives = whole_number(values, "alternatives", 0, MAX_ALTERNATIVES)
    code = None if source == "auto" else source
    if kind == "html":
        work = service.translate_marked(texts, code, target, markup.html, key)
    else:
        work = service.translate(texts, code, target, alternatives=alternatives, key=key)
    answers = await while_connected(request, work)
    body: dict[str, Any] = {}
    if source == "auto":
        body["detectedLanguage"] = _one_or_all([_language(answer) for answer in answers], several)
    if alternatives:
        body["alternatives"] = _one_or_all([list(answer.alternatives) for answer in answers], several)
    body["translatedText"] = _one_or_all([answer.text for answer in answers], several)
    return JSONResponse(body)


def _one_or_all(items: list[Any], several: bool) -> Any:
    return items if several else items[0]


def _language(answer: Answer) -> dict[str, Any]:
    return {"confidence": round(answer.sure, 1), "language": answer.source}


async def detect(request: Request) -> Response:
    """POST /detect"""
    values = await values_of(request)
    key_of(request, values)
    texts, _ = strings(values, "q")
    if len(texts[0]) > MAX_TEXT:
        raise Refusal(400, f"Invalid request: request ({len(texts[0])}) exceeds text limit ({MAX_TEXT})")
    found = service_of(request).models.detect(texts[0])
    return JSONResponse([{"confidence": round(sure, 1), "language": code} for code, sure in found])


async def languages(request: Request) -> Response:
    """GET /languages"""
    targets = service_of(request).models.targets
    return JSONResponse([
        {"code": code, "name": name_of(code), "targets": sorted({code, *others})}
        for code, others in targets.items()
    ])  # fmt: skip


async def settings(request: Request) -> Response:
    """GET /frontend/settings"""
    service = service_of(request)
    source, [target, *_] = next(iter(service.models.targets.items()))
    return JSONResponse({
        "apiKeys": service.keys is not None, "charLimit": MAX_TEXT, "filesTranslation": True, "frontendTimeout": 500,
        "supportedFilesFormat": list(SUFFIXES),
        "keyRequired": service.keys is not None, "suggestions": suggestions_of(request) is not None,
        "language": {
            "source": {"code": source, "name": name_of(source)}, "target": {"code": target, "name": name_of(target)},
        },
    })  # fmt: skip


async def health(request: Request) -> Response:
    """GET /health"""
    return JSONResponse({"status": "ok"})


async def suggest(request: Request) -> Response:
    """POST /suggest: a better translation `s` of `q`, where the server keeps such."""
    service, kept = service_of(request), suggestions_of(request)
    if kept is None:
        raise Refusal(403, "Suggestions are disabled on this server.")
    values = await values_of(request)
    key_of(request, values)
    text, better = text_field(values, "q"), text_field(values, "s")
    check_texts([text, better])
    way = service.models.way(text_field(values, "source"), text_field(values, "target"), text)
    if way.translator is None or not (text.strip() and better.strip()):
        raise Refusal(400, "Invalid request: a suggestion is a text and its translation")
    await asyncio.to_thread(kept.add, way.source, way.target, text, better)
    return JSONResponse({"success": True})


def routes() -> list[Route]:
    return [
        route("/translate", translate, "POST"),
        route("/detect", detect, "POST"),
        route("/languages", languages, "GET", "POST"),
        route("/frontend/settings", settings),
        route("/health", health),
        route("/suggest", suggest, "POST"),
    ]
