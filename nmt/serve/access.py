"""Who asks, and what answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nmt.serve.limits import MAX_BODY
from nmt.serve.refusal import Refusal

if TYPE_CHECKING:
    from starlette.types import Message

    from nmt.serve.documents import Documents
    from nmt.serve.glossaries import Glossaries
    from nmt.serve.service import Service
    from nmt.serve.stored import Store
    from nmt.serve.suggestions import Suggestions


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def glossaries_of(request: Request) -> Glossaries:
    glossaries: Glossaries = request.app.state.glossaries
    return glossaries


def store_of(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


def documents_of(request: Request) -> Documents:
    documents: Documents = request.app.state.documents
    return documents


def suggestions_of(request: Request) -> Suggestions | None:
    suggestions: Suggestions | None = request.app.state.suggestions
    return suggestions


def route(path: str, answer: Callable[[Request], Awaitable[Response]], *methods: str, most: int = MAX_BODY) -> Route:
    """`methods`: GET if none is given; `most`: bytes of a body."""

    async def limited(request: Request) -> Response:
        came = 0

        async def receive() -> Message:
            nonlocal came
            message = await request.receive()
            came += len(message.get("body", b""))
            if came > most:
                raise Refusal(413, f"Invalid request: its body exceeds the limit of {most:,} bytes")
            return message

        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            raise Refusal(413, f"Invalid request: its body exceeds the limit of {most:,} bytes")
        return await answer(Request(request.scope, receive))

    return Route(path, limited, methods=list(methods or ("GET",)))


def key_of(request: Request, values: dict[str, Any], name: str = "api_key") -> str:
    """The key of a request, from its header or its fields; empty where the server wants none. Raises Refusal (403)."""
    keys = service_of(request).keys
    if keys is None:
        return ""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "deepl-auth-key"):
        given = values.get(name) or ""
    found = keys.find(given) if isinstance(given, str) else None
    if found is None:
        raise Refusal(403, "Invalid API key" if given else "Please contact the server operator to get an API key")
    return found
