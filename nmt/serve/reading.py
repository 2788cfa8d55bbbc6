"""What a client sent: as JSON, as a form, or in the query."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from nmt.serve.limits import BODY_SECONDS
from nmt.serve.refusal import Refusal

MAX_DEPTH = 20  # of lists and objects within each other


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Within, a body is read. Raises Refusal where it does not come in so many seconds, or cannot be read."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Refusal(408, f"the body of the request did not come within {seconds:g} seconds") from None
    except HTTPException as e:
        raise Refusal(e.status_code, str(e.detail)) from None
    except ClientDisconnect:
        raise Refusal(499, "whoever asked has left") from None


async def values_of(request: Request) -> dict[str, Any]:
    """The fields of a request: a JSON object or a form, and what the query has besides. A field that a form repeats is
    a list. Raises Refusal (400, 408, 413).
    """
    query = _merged(list(request.query_params.multi_items()))
    if request.method == "GET" and not request.headers.get("content-length"):
        return query
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    async with within(BODY_SECONDS):
        if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
            return query | _merged(_texts(await request.form(max_files=1, max_fields=200)))
        body = await request.body()
    return query | (_json(body) if body.strip() else {})


def _json(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "Invalid JSON format") from None
    if not isinstance(values, dict) or _deeper(values, MAX_DEPTH):
        raise Refusal(400, "Invalid JSON format")
    return values


def _deeper(value: Any, most: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return children is not None and (most == 0 or any(_deeper(child, most - 1) for child in children))


def _texts(form: FormData) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in form.multi_items() if not isinstance(value, UploadFile)]


def _merged(items: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in items:
        if name in values:
            before = values[name]
            values[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            values[name] = value
    return values


def text_field(values: dict[str, Any], name: str, default: str | None = None) -> str:
    """A string that must be there, unless it has a default. Raises Refusal (400)."""
    value = values.get(name)
    if value is None or value == "":
        if default is not None:
            return default
        raise Refusal(400, f"Invalid request: missing {name} parameter")
    if not isinstance(value, str):
        raise Refusal(400, f"Invalid request: {name} must be a string")
    return value


def whole_number(values: dict[str, Any], name: str, default: int, most: int) -> int:
    """Raises Refusal (400) for what is none from 0 to `most`."""
    value = values.get(name, default)
    if value is None or value == "":
        return default
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refusal(400, f"Invalid request: {name} parameter must be a whole number")
    if value > most:
        raise Refusal(400, f"Invalid request: {name} parameter must be <= {most}")
    return value


def strings(values: dict[str, Any], name: str) -> tuple[list[str], bool]:
    """One string or several, and whether it was a list. Raises Refusal (400)."""
    value = values.get(name)
    if value is None or value == "" or value == []:
        raise Refusal(400, f"Invalid request: missing {name} parameter")
    if isinstance(value, str):
        return [value], False
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value, True
    raise Refusal(400, f"Invalid request: {name} must be a string or a list of strings")
