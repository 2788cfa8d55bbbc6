"""What the server answers to, as an OpenAPI description (spec.openapis.org/oas/v3.0.3)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nmt.serve.access import route
from nmt.serve.limits import MAX_ALTERNATIVES, MAX_TEXT, MAX_TEXTS
from nmt.version import VERSION

Json = dict[str, Any]

TEXT: Json = {"type": "string", "maxLength": MAX_TEXT}
CODE: Json = {"type": "string", "minLength": 1, "description": "The code of a language, as `en` or `pt-BR`."}
NUMBER: Json = {"type": "integer"}
WORD: Json = {"type": "string"}
YES: Json = {"type": "boolean"}
ANY: Json = {"type": "object"}


def _list(items: Json, **more: int) -> Json:
    return {"type": "array", "items": items, **more}


def _object(required: str = "", /, **properties: Json) -> Json:
    """`required`: names of properties, or `*` for all."""
    names = list(properties) if required == "*" else required.split()
    return {"type": "object", "properties": properties} | ({"required": names} if names else {})


def _or_list(items: Json) -> Json:
    return {"anyOf": [items, _list(items)]}


# --- what is answered ------------------------------------------------------------------------------------------------

ERRORS: dict[str, Json] = {  # of each interface
    "libre": _object("*", error=WORD),
    "deepl": _object("*", message=WORD),
    "apertium": _object("*", status={"enum": ["error"]}, code=NUMBER, message=WORD),
}
STATUSES = {
    400: "The request is wrong.", 403: "No key that is known.", 404: "There is none.",
    408: "The body did not come in time.", 413: "Too large.", 421: "The server does not answer for this host.",
    429: "The key has had translated what it may in a minute.", 456: "There is no room for more.",
    503: "Too much waits; `Retry-After` says when to ask again.",
}  # fmt: skip
TEXTS = (400, 403, 408, 413, 421, 429, 503)  # where texts are translated
ASKING = (400, 403, 408, 413, 421)


def _content(schema: Json, kind: str = "application/json") -> Json:
    return {kind: {"schema": schema}}


def _answers(
    good: Json | None, *statuses: int, form: str = "libre", kind: str = "application/json", code: int = 200
) -> Json:
    found: Json = {str(code): {"description": "The answer."}}
    if good is not None:
        found[str(code)]["content"] = _content(good, kind)
    for status in statuses:
        found[str(status)] = {
            "description": STATUSES[status], "content": _content({"$ref": f"#/components/schemas/{form}-error"}),
        }  # fmt: skip
    return found


# --- what is asked ---------------------------------------------------------------------------------------------------


def _body(schema: Json, *kinds: str) -> Json:
    return {"required": True, "content": {kind: {"schema": schema} for kind in kinds or (_JSON, _FORM)}}


_JSON, _FORM, _FILE = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"


def _query(name: str, schema: Json, required: bool = True) -> Json:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]+$"}}


def _operation(summary: str, responses: Json, body: Json | None = None, *parameters: Json, tag: str) -> Json:
    found: Json = {"summary": summary, "tags": [tag], "responses": responses}
    if body is not None:
        found["requestBody"] = body
    if parameters:
        found["parameters"] = list(parameters)
    return found


# --- LibreTranslate --------------------------------------------------------------------------------------------------

LANGUAGE = _object("*", code=WORD, name=WORD, targets=_list(WORD))
DETECTED = _object("*", confidence={"type": "number", "minimum": 0, "maximum": 100}, language=WORD)
KEY: Json = {"type": "string", "description": "Where the server wants keys; a bearer token does as well."}
NAMED = _object("*", code=WORD, name=WORD)


def _libre() -> Json:
    def of(summary: str, responses: Json, body: Json | None = None, *parameters: Json) -> Json:
        return _operation(summary, responses, body, *parameters, tag="LibreTranslate")

    asked = _object(
        "q source target", q={"oneOf": [TEXT, _list(TEXT, minItems=1, maxItems=MAX_TEXTS)]},
        source=CODE | {"description": "`auto`: it is detected."}, target=CODE,
        format={"enum": ["text", "html"], "default": "text"},
        alternatives={"type": "integer", "minimum": 0, "maximum": MAX_ALTERNATIVES, "default": 0}, api_key=KEY,
    )  # fmt: skip
    answer = _object(
        "translatedText", translatedText=_or_list(WORD), detectedLanguage=_or_list(DETECTED),
        alternatives={"anyOf": [_list(WORD), _list(_list(WORD))]},
    )  # fmt: skip
    languages = of("Languages, and into which each is translated", _answers(_list(LANGUAGE), *ASKING))
    apertium = _operation(
        "Translate a text", _answers(APERTIUM_TEXT, *TEXTS, form="apertium"), None,
        _query("q", TEXT), _query("langpair", {"type": "string", "description": "As `en|fr`."}),
        _query("key", KEY, required=False), tag="Apertium",
    )  # fmt: skip
    file = _object("file source target", file={"type": "string", "format": "binary"}, source=CODE, target=CODE,
                   api_key=KEY)  # fmt: skip
    suggested = _object("q s source target", q=TEXT, s=TEXT | {"description": "A better translation."},
                        source=CODE, target=CODE, api_key=KEY)  # fmt: skip
    settings = _object(
        "*", apiKeys=YES, charLimit=NUMBER, filesTranslation=YES, frontendTimeout=NUMBER, keyRequired=YES,
        suggestions=YES, supportedFilesFormat=_list(WORD), language=_object("*", source=NAMED, target=NAMED),
    )  # fmt: skip
    return {
        "/translate": {"post": of("Translate texts", _answers(answer, *TEXTS), _body(asked)), "get": apertium},
        "/detect": {"post": of(
            "The language of a text, the most probable first", _answers(_list(DETECTED), *ASKING),
            _body(_object("q", q=TEXT, api_key=KEY)),
        )},
        "/languages": {"get": languages, "post": languages},
        "/frontend/settings": {"get": of("What a page needs to know", _answers(settings, 421))},
        "/health": {"get": of("Whether it runs", _answers(_object("*", status=WORD), 421))},
        "/suggest": {"post": of(
            "Tell a better translation; 403 where the server does not keep them",
            _answers(_object("*", success=YES), *ASKING, 503), _body(suggested),
        )},
        "/translate_file": {"post": of(
            "Translate a document", _answers(_object("*", translatedFileUrl=WORD), *TEXTS), _body(file, _FILE),
        )},
        "/download_file/{name}": {"get": of(
            "A translated document", _answers({"type": "string", "format": "binary"}, 404, 421,
                                              kind="application/octet-stream"), None, _path("name"),
        )},
        "/spec": {"get": of("This description", _answers(ANY, 421))},
    }  # fmt: skip


# --- Apertium --------------------------------------------------------------------------------------------------------


def _apertium_answer(data: Json) -> Json:
    return _object("*", responseData=data, responseDetails={"nullable": True, "type": "string"}, responseStatus=NUMBER)


APERTIUM_TEXT = _apertium_answer(_object("*", translatedText=WORD))
PAIRS = _apertium_answer(_list(_object("*", sourceLanguage=WORD, targetLanguage=WORD)))


# --- DeepL -----------------------------------------------------------------------------------------------------------


def _deepl() -> Json:
    def of(
        summary: str, good: Json | None, statuses: tuple[int, ...], body: Json | None = None, *parameters: Json,
        code: int = 200, kind: str = _JSON,
    ) -> Json:  # fmt: skip
        responses = _answers(good, *statuses, form="deepl", code=code, kind=kind)
        return _operation(summary, responses, body, *parameters, tag="DeepL")

    asked = _object(
        "text target_lang", text={"oneOf": [TEXT, _list(TEXT, minItems=1, maxItems=50)]}, target_lang=CODE,
        source_lang=CODE, tag_handling={"enum": ["xml", "html"]}, glossary_id=WORD, show_billed_characters=YES,
    )  # fmt: skip
    translated = _object("*", translations=_list(_object(
        "detected_source_language text", detected_source_language=WORD, text=WORD, billed_characters=NUMBER,
    )))  # fmt: skip
    languages = of("Languages", _list(_object("language name", language=WORD, name=WORD, supports_formality=YES)),
                   ASKING, None, _query("type", {"enum": ["source", "target"]}, required=False))  # fmt: skip
    usage = of("What a key has had translated", _object("*", character_count=NUMBER, character_limit=NUMBER), ASKING)
    glossary = _object("*", glossary_id=WORD, ready=YES, name=WORD, source_lang=WORD, target_lang=WORD,
                       creation_time=WORD, entry_count=NUMBER)  # fmt: skip
    filled = {"type": "string", "minLength": 1}
    new = _object("name source_lang target_lang entries entries_format", name=filled, source_lang=CODE,
                  target_lang=CODE, entries=filled, entries_format={"enum": ["tsv", "csv"]})  # fmt: skip
    one = _path("glossary_id")
    document = _object("file target_lang", file={"type": "string", "format": "binary"}, target_lang=CODE,
                       source_lang=CODE, filename=WORD)  # fmt: skip
    secret = _body(_object("document_key", document_key=WORD))
    number = _path("number")
    status = _object("document_id status", document_id=WORD, status={"enum": ["translating", "done", "error"]},
                     seconds_remaining=NUMBER, billed_characters=NUMBER, error_message=WORD)  # fmt: skip
    pairs = _object("*", supported_languages=_list(_object("*", source_lang=WORD, target_lang=WORD)))
    return {
        "/v2/translate": {"post": of("Translate texts", translated, (*TEXTS, 404), _body(asked))},
        "/v2/languages": {"get": languages, "post": languages},
        "/v2/usage": {"get": usage, "post": usage},
        "/v2/glossary-language-pairs": {"get": of("Between which a glossary may be", pairs, (403, 421))},
        "/v2/glossaries": {
            "get": of("All glossaries", _object("*", glossaries=_list(glossary)), (403, 421)),
            "post": of("A new glossary", glossary, (*ASKING, 456), _body(new), code=201),
        },
        "/v2/glossaries/{glossary_id}": {
            "get": of("A glossary", glossary, (403, 404, 421), None, one),
            "delete": of("Remove a glossary", None, (403, 404, 421), None, one, code=204),
        },
        "/v2/glossaries/{glossary_id}/entries": {
            "get": of("Its terms", WORD, (403, 404, 421), None, one, kind="text/tab-separated-values"),
        },
        "/v2/document": {"post": of(
            "Begin to translate a document", _object("*", document_id=WORD, document_key=WORD), TEXTS,
            _body(document, _FILE),
        )},
        "/v2/document/{number}": {"post": of("How far it is", status, (*ASKING, 404), secret, number)},
        "/v2/document/{number}/result": {"post": of(
            "The document, once", {"type": "string", "format": "binary"}, (*ASKING, 404, 503), secret, number,
            kind="application/octet-stream",
        )},
    }  # fmt: skip


# --- nmt -------------------------------------------------------------------------------------------------------------


def _nmt() -> Json:
    def of(summary: str, responses: Json, body: Json | None = None) -> Json:
        return _operation(summary, responses, body, tag="nmt")

    phrases = _list({"type": "string", "minLength": 1})
    one = {
        "text": TEXT, "prefix": WORD, "include": phrases, "exclude": phrases, "from": CODE, "to": CODE,
        "n_best": {"type": "integer", "minimum": 1, "maximum": MAX_ALTERNATIVES + 1},
    }  # fmt: skip
    request = _object("text", **one)
    several = _object("requests", requests=_list(request, minItems=1, maxItems=MAX_TEXTS), model=WORD)
    hypothesis = _object("text score log_prob tokens", text=WORD, score={"type": "number"}, log_prob={"type": "number"},
                         tokens=_list(WORD), alignment=WORD)  # fmt: skip
    found = _object("translation hypotheses flags from to", **{
        "source": WORD, "translation": WORD, "hypotheses": _list(hypothesis), "flags": _list(WORD),
        "unseen": _list(WORD), "from": WORD, "to": WORD,
    })  # fmt: skip
    body = _body({"anyOf": [_object("text", **one, model=WORD), several]}, _JSON)
    return {
        "/api/translate": {"post": of(
            "Translate one text, or several in `requests`",
            _answers({"anyOf": [found, _object("*", translations=_list(found))]}, *TEXTS), body,
        )},
        "/api/translate/stream": {"post": of(
            "The same, a line of JSON as soon as each is done",
            _answers(WORD, *TEXTS, kind="application/x-ndjson"), body,
        )},
        "/api/alternatives": {"post": of(
            "How a translation may go on after `prefix`", _answers(_object("*", alternatives=_list(WORD)), *TEXTS),
            _body(request, _JSON),
        )},
        "/api/models": {"get": of("The models", _answers(_object("*", version=WORD, models=_list(ANY)), 421))},
        "/ready": {"get": of("Whether every model has translated something", {
            status: {"description": text, "content": _content(_object(ready=YES, error=WORD))}
            for status, text in (("200", "Yes."), ("503", "Not yet, or no more."), ("421", STATUSES[421]))
        })},
        "/metrics": {"get": of("Counters for Prometheus", _answers(WORD, 421, kind="text/plain"))},
    }  # fmt: skip


def description() -> Json:
    """Of the whole."""
    listed = _operation("Pairs of languages", _answers(PAIRS, 421, form="apertium"), tag="Apertium")
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "nmt serve", "version": VERSION,
            "description": "Translations, by the interfaces of LibreTranslate, DeepL and Apertium, and one of its own.",
        },
        "paths": _libre() | _deepl() | _nmt() | {"/listPairs": {"get": listed}},
        "components": {"schemas": {f"{name}-error": schema for name, schema in ERRORS.items()}},
    }  # fmt: skip


async def spec(request: Request) -> Response:
    """GET /spec"""
    return JSONResponse(description())


def routes() -> list[Route]:
    return [route("/spec", spec)]
