"""The server: routes of every interface, and what holds for all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.serve import apertium, deepl, files, libre, native, openapi, page
from nmt.serve.documents import Documents
from nmt.serve.limits import LOOPBACK
from nmt.serve.refusal import Refusal
from nmt.serve.stored import Store

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from nmt.serve.glossaries import Glossaries
    from nmt.serve.metrics import Metrics
    from nmt.serve.service import Service
    from nmt.serve.suggestions import Suggestions

_HEADERS = {
    "content-security-policy": "default-src 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def application(
    service: Service,
    glossaries: Glossaries,
    *,
    hosts: Collection[str],
    cors: Collection[str] = (),
    suggestions: Suggestions | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Starlette:
    """hosts: names under which the server may be asked, beside those of this machine; `*`: any.
    `log`: is given a line of JSON for each request.
    """
    middleware = [Middleware(_Watch, metrics=service.metrics, log=log), Middleware(_Hosts, names=hosts)]
    if cors:
        middleware.insert(1, Middleware(CORSMiddleware, allow_origins=list(cors), allow_methods=["GET", "POST"],
                                        allow_headers=["authorization", "content-type"]))  # fmt: skip
    app = Starlette(
        routes=[route for part in (libre, apertium, deepl, files, native, openapi, page) for route in part.routes()],
        middleware=middleware,
        exception_handlers={Refusal: _refused, HTTPException: _http_fault, Exception: _failed},
    )  # fmt: skip
    app.state.service, app.state.glossaries = service, glossaries
    app.state.documents, app.state.store, app.state.suggestions = Documents(), Store(), suggestions
    return app


def _fault(request: Request, status: int, message: str, retry_after: int | None = None) -> Response:
    """In the form that clients of each interface read."""
    path, body = request.url.path, {"error": message}
    if path.startswith("/v2/"):
        body = {"message": message}
    elif path == "/listPairs" or (path == "/translate" and request.method == "GET"):
        body = {"status": "error", "code": status, "message": message}  # type: ignore[dict-item]
    return JSONResponse(body, status, {"retry-after": str(retry_after)} if retry_after else None)


async def _refused(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Refusal)
    return _fault(request, fault.status, fault.message, fault.retry_after)


async def _http_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    response = _fault(request, fault.status_code, str(fault.detail))
    response.headers.update(fault.headers or {})
    return response


async def _failed(request: Request, fault: Exception) -> Response:
    return _fault(request, 500, "The server failed; its log says more.")


class _Hosts:
    """Refuses requests for other names (421), which a page of another site could send here by DNS rebinding."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app, self.names = app, {name.lower() for name in (*names, *LOOPBACK)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "*" not in self.names:
            host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
            if _without_port(host).lower() not in self.names:
                response = _fault(Request(scope), 421, f"this server does not answer for the host {host!r}")
                await response(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and ":" in host else host


class _Watch:
    """Counts and logs requests (never what was in them), and adds headers that browsers need to be safe."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Callable[[str], None]) -> None:
        self.app, self.metrics, self.log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(
                    (name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in there
                )]  # fmt: skip
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            seconds = time.monotonic() - began
            route: Any = scope.get("route")
            path = route.path if route is not None else "other"
            self.metrics.request(path, status, seconds)
            entry = {"route": path, "method": scope["method"], "status": status, "ms": round(seconds * 1000, 1)}
            self.log(json.dumps(entry))
