"""Documents over HTTP: LibreTranslate's `/translate_file`, and DeepL's `/v2/document`."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nmt.serve.access import documents_of, key_of, route, service_of, store_of
from nmt.serve.documents import File
from nmt.serve.limits import MAX_FILE
from nmt.serve.names import match
from nmt.serve.reading import text_field, values_of, within
from nmt.serve.refusal import Refusal
from nmt.serve.service import while_connected
from nmt.serve.stored import Store, Stored

UPLOAD_SECONDS = 120.0


async def _uploaded(request: Request) -> tuple[str, bytes, dict[str, str]]:
    """Name, content and other fields. The name is for its ending alone, never a path. Raises Refusal."""
    size = int(request.headers.get("content-length", MAX_FILE))  # which has been looked at
    with documents_of(request).holding(size):
        async with within(UPLOAD_SECONDS), request.form(max_files=1, max_fields=50) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise Refusal(400, "Invalid request: missing file parameter")
            data = await upload.read()
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            return PurePosixPath((upload.filename or "file").replace("\\", "/")).name[:200] or "file", data, fields


async def _translated(request: Request, name: str, data: bytes, source: str | None, target: str, key: str) -> File:
    """The document in the other language. Raises Refusal."""
    service = service_of(request)
    models = service.models
    if source is not None:
        models.way(source, target, "")  # before anything is read
    into = match(target, models.codes)
    if into is None:
        raise Refusal(400, f"{target} is not supported")
    return await documents_of(request).translated(
        name, data, into, lambda sample: service.queue(models.way(source, into, sample), document=True),
        partial(service.charge, key),
    )  # fmt: skip


async def translate_file(request: Request) -> Response:
    """POST /translate_file"""
    name, data, fields = await _uploaded(request)
    key = key_of(request, dict(fields))
    source, target = text_field(dict(fields), "source"), text_field(dict(fields), "target")
    work = _translated(request, name, data, None if source == "auto" else source, target, key)
    found = await while_connected(request, work)
    number, stored = store_of(request).add(_renamed(name, target), key)
    stored.data = found.data
    return JSONResponse({"translatedFileUrl": f"{request.base_url}download_file/{number}.{quote(stored.name)}"})


def _renamed(name: str, target: str) -> str:
    path = PurePosixPath(name)
    return f"{path.stem}.{target}{path.suffix}"


async def download(request: Request) -> Response:
    """GET /download_file/NUMBER.NAME"""
    number = request.path_params["name"].partition(".")[0]
    stored = store_of(request).get(number)
    return _attachment(stored)


def _attachment(stored: Stored) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(stored.name, safe='')}"
    return Response(stored.data, media_type="application/octet-stream", headers={"content-disposition": disposition})


async def begin_document(request: Request) -> Response:
    """POST /v2/document"""
    name, data, fields = await _uploaded(request)
    key = key_of(request, dict(fields), "auth_key")
    target = text_field(dict(fields), "target_lang")
    source = fields.get("source_lang") or None
    number, stored = store_of(request).add(fields.get("filename") or name, key)
    stored.work = asyncio.create_task(_finish(request, stored, data, source, target, key))
    return JSONResponse({"document_id": number, "document_key": stored.secret})


async def _finish(request: Request, stored: Stored, data: bytes, source: str | None, target: str, key: str) -> None:
    try:
        found = await _translated(request, stored.name, data, source, target, key)
        stored.data, stored.characters = found.data, found.characters
    except Refusal as e:
        stored.fault = e.message
    except Exception:
        stored.fault = "The server failed; its log says more."  # or whoever asked would wait for ever
        raise


async def document_status(request: Request) -> Response:
    """POST /v2/document/NUMBER"""
    number = request.path_params["number"]
    stored = await _owned(request, store_of(request))
    status = "error" if stored.fault else "translating" if stored.data is None else "done"
    found: dict[str, object] = {"document_id": number, "status": status}
    if stored.fault:
        found["error_message"] = stored.fault
    elif stored.data is None:
        found["seconds_remaining"] = 1
    else:
        found["billed_characters"] = stored.characters
    return JSONResponse(found)


async def document_result(request: Request) -> Response:
    """POST /v2/document/NUMBER/result: once, then it is gone."""
    stored = await _owned(request, store_of(request))
    if stored.fault:
        raise Refusal(400, stored.fault)
    if stored.data is None:
        raise Refusal(503, "The document is not translated yet.", retry_after=1)
    store_of(request).remove(request.path_params["number"])
    return _attachment(stored)


async def _owned(request: Request, store: Store) -> Stored:
    values = await values_of(request)
    key_of(request, values, "auth_key")
    stored = store.get(request.path_params["number"])
    if values.get("document_key") != stored.secret:
        raise Refusal(404, "Document not found")
    return stored


def routes() -> list[Route]:
    return [
        route("/translate_file", translate_file, "POST", most=MAX_FILE),
        route("/download_file/{name}", download),
        route("/v2/document", begin_document, "POST", most=MAX_FILE),
        route("/v2/document/{number}", document_status, "POST"),
        route("/v2/document/{number}/result", document_result, "POST"),
    ]
