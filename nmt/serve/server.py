"""A server that ends in good order: it answers what it has accepted."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nmt.errors import RecipeError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from nmt.serve.service import Service

_FIRST_REQUEST = 15.0  # seconds in which a connection must say what it wants


class _Protocol(H11Protocol):
    """Closes connections that ask for nothing, so that slow senders of headers cannot keep all of them."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        asyncio.get_running_loop().call_later(_FIRST_REQUEST, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """Told to stop (SIGTERM or Ctrl-C), it takes nothing new and answers what it has accepted, for at most `grace`
    seconds; told again, it ends at once. SIGHUP: `reload`, in a thread.
    """

    def __init__(
        self, app: ASGIApp, service: Service, *, grace: int, connections: int, reload: Callable[[], None]
    ) -> None:
        super().__init__(uvicorn.Config(
            app, http=_Protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, timeout_graceful_shutdown=grace, limit_concurrency=connections,
            h11_max_incomplete_event_size=64 * 1024,
        ))  # fmt: skip
        self.service, self.reload = service, reload

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, self.reload))
        yield

    def _stop(self) -> None:
        self.service.stopping = True
        self.force_exit = self.should_exit
        self.should_exit = True


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises RecipeError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off where the protocol is named; else every answer would wait for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as e:
        listening.close()
        raise RecipeError(
            f"cannot listen on {host}:{port}: {e.strerror or e}.", "Is another server there? Give another `--port`."
        ) from e
    return listening
