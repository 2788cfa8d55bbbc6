"""The page for people: files of nmt/serve/static, as they are."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).parent / "static"
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def _file(name: str) -> Route:
    content, kind = (_FOLDER / name).read_bytes(), _KINDS[Path(name).suffix]

    async def send(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return Route("/" if name == "index.html" else f"/{name}", send)


def routes() -> list[Route]:
    return [_file(path.name) for path in sorted(_FOLDER.iterdir()) if path.suffix in _KINDS]
