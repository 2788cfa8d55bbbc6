"""DeepL's interface, version 2 (developers.deepl.com/docs), for its client libraries and for CAT tools that take an
address of their own: texts, languages, usage and glossaries.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from nmt.serve import markup
from nmt.serve.access import glossaries_of, key_of, route, service_of
from nmt.serve.glossaries import Kept
from nmt.serve.names import match, name_of
from nmt.serve.reading import strings, text_field, values_of
from nmt.serve.refusal import Refusal
from nmt.serve.service import Service, while_connected

MAX_TEXTS = 50
_REFUSED = ("style_id", "custom_instructions", "translation_memory_id")
_VARIANTS = {"EN": ("EN-GB", "EN-US"), "PT": ("PT-PT", "PT-BR")}  # which clients want in place of EN and PT


async def translate(request: Request) -> Response:
    """POST /v2/translate"""
    service, values = service_of(request), await values_of(request)
    key = key_of(request, values, "auth_key")
    texts, _ = strings(values, "text")
    if len(texts) > MAX_TEXTS:
        raise Refusal(413, f"Too many texts: at most {MAX_TEXTS} in a request.")
    for name in _REFUSED:
        if values.get(name):
            raise Refusal(400, f"'{name}' is not supported.")
    if values.get("formality") in ("more", "less"):
        raise Refusal(400, "'formality' is not supported for given 'target_lang'.")
    source, target = _source(service, values), _target(service, values)
    terms = None
    if glossary_id := text_field(values, "glossary_id", ""):
        if source is None:
            raise Refusal(400, "Value for 'source_lang' not supported: a glossary needs it.")
        kept = glossaries_of(request).get(glossary_id, key)
        way = service.models.way(source, target, "")
        if (way.source, way.target) != (kept.source_lang, kept.target_lang):
            raise Refusal(400, "The glossary is of another pair of languages.")
        terms = kept.terms
    handling = text_field(values, "tag_handling", "")
    if handling not in ("", "xml", "html"):
        raise Refusal(400, "Value for 'tag_handling' not supported.")
    if handling:
        kind = markup.xml if handling == "xml" else markup.html
        work = service.translate_marked(texts, source, target, kind, key, terms)
    else:
        work = service.translate(texts, source, target, key=key, terms=terms)
    answers = await while_connected(request, work)
    billed = str(values.get("show_billed_characters", "")).lower() in ("1", "true")
    return JSONResponse({"translations": [
        {"detected_source_language": answer.source.upper(), "text": answer.text}
        | ({"billed_characters": len(text)} if billed else {})
        for text, answer in zip(texts, answers, strict=True)
    ]})  # fmt: skip


def _source(service: Service, values: dict[str, Any]) -> str | None:
    code = text_field(values, "source_lang", "")
    if code and match(code, service.models.targets) is None:
        raise Refusal(400, "Value for 'source_lang' not supported.")
    return code or None


def _target(service: Service, values: dict[str, Any]) -> str:
    code = text_field(values, "target_lang")
    if match(code, service.models.codes) is None:
        raise Refusal(400, "Value for 'target_lang' not supported.")
    return code


async def languages(request: Request) -> Response:
    """GET /v2/languages: those to translate from, or with `type=target` those to translate into."""
    service, values = service_of(request), await values_of(request)
    key_of(request, values, "auth_key")
    kind = text_field(values, "type", "source")
    if kind not in ("source", "target"):
        raise Refusal(400, "Value for 'type' not supported.")
    models = service.models
    if kind == "source":
        return JSONResponse([{"language": code.upper(), "name": name_of(code)} for code in models.targets])
    codes = dict.fromkeys(code.upper() for others in models.targets.values() for code in others)
    return JSONResponse([
        {"language": form, "name": name_of(form), "supports_formality": False}
        for code in codes for form in _VARIANTS.get(code, (code,))
    ])  # fmt: skip


async def usage(request: Request) -> Response:
    """GET /v2/usage: what a key had translated since the server began, and what it may in a minute."""
    service, values = service_of(request), await values_of(request)
    key = key_of(request, values, "auth_key")
    limit = service.keys.minutes[key] if service.keys else None
    return JSONResponse({"character_count": service.used[key], "character_limit": limit or 1_000_000_000_000})


async def glossary_pairs(request: Request) -> Response:
    """GET /v2/glossary-language-pairs"""
    key_of(request, {}, "auth_key")
    pairs = [{"source_lang": source, "target_lang": target} for source, target in service_of(request).models.of_pair]
    return JSONResponse({"supported_languages": pairs})


async def add_glossary(request: Request) -> Response:
    """POST /v2/glossaries"""
    service, values = service_of(request), await values_of(request)
    key = key_of(request, values, "auth_key")
    way = service.models.way(text_field(values, "source_lang"), text_field(values, "target_lang"), "")
    if way.translator is None:
        raise Refusal(400, "Value for 'target_lang' not supported.")
    entries = _entries(text_field(values, "entries"), text_field(values, "entries_format"))
    kept = glossaries_of(request).add(text_field(values, "name"), way.source, way.target, entries, key)
    service.warm_up_terms()
    return JSONResponse(_described(kept), 201)


def _entries(text: str, kind: str) -> list[tuple[str, str]]:
    """Of two columns. Raises Refusal (400)."""
    if kind not in ("tsv", "csv"):
        raise Refusal(400, "Value for 'entries_format' not supported.")
    if kind == "tsv":
        rows = [line.split("\t") for line in text.splitlines() if line.strip()]
    else:
        rows = [row for row in csv.reader(io.StringIO(text), strict=False) if row]
    entries = [(row[0].strip(), row[1].strip()) for row in rows if len(row) in (2, 4)]
    if len(entries) < len(rows) or not all(source and target for source, target in entries):
        raise Refusal(400, "Invalid glossary entries provided: write a source and a target term on each line.")
    return entries


async def list_glossaries(request: Request) -> Response:
    """GET /v2/glossaries"""
    key = key_of(request, dict(request.query_params), "auth_key")
    return JSONResponse({"glossaries": [_described(kept) for kept in glossaries_of(request).of(key)]})


async def one_glossary(request: Request) -> Response:
    """GET or DELETE /v2/glossaries/ID"""
    key, glossary_id = key_of(request, dict(request.query_params), "auth_key"), request.path_params["glossary_id"]
    if request.method == "DELETE":
        glossaries_of(request).remove(glossary_id, key)
        return Response(status_code=204)
    return JSONResponse(_described(glossaries_of(request).get(glossary_id, key)))


async def glossary_entries(request: Request) -> Response:
    """GET /v2/glossaries/ID/entries"""
    key = key_of(request, dict(request.query_params), "auth_key")
    kept = glossaries_of(request).get(request.path_params["glossary_id"], key)
    lines = "\n".join(f"{source}\t{target}" for source, target in kept.entries)
    return PlainTextResponse(lines, media_type="text/tab-separated-values")


def _described(kept: Kept) -> dict[str, Any]:
    return {
        "glossary_id": kept.glossary_id, "ready": True, "name": kept.name, "source_lang": kept.source_lang,
        "target_lang": kept.target_lang, "creation_time": kept.creation_time, "entry_count": len(kept.entries),
    }  # fmt: skip


def routes() -> list[Route]:
    return [
        route("/v2/translate", translate, "POST"),
        route("/v2/languages", languages, "GET", "POST"),
        route("/v2/usage", usage, "GET", "POST"),
        route("/v2/glossary-language-pairs", glossary_pairs),
        route("/v2/glossaries", add_glossary, "POST"),
        route("/v2/glossaries", list_glossaries, "GET"),
        route("/v2/glossaries/{glossary_id}", one_glossary, "GET", "DELETE"),
        route("/v2/glossaries/{glossary_id}/entries", glossary_entries),
    ]
