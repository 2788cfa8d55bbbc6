"""Servers that answer what no server should, and addresses that are none. All on this machine."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nmt.data import download
from tests.hostile.hostile import Case, parameters, refused

OK = b"HTTP/1.1 200 OK\r\n"
ENDED = r"cannot download http://127\.0\.0\.1:\d+/train\.fr: .+\. Or get train\.fr yourself\."
SUM = "f" * 64


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    answer = b""


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        self.wfile.write(self.server.answer)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(download, "BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 2.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


ANSWERS = {
    "nothing": b"",
    "no HTTP": b"hello\r\n\r\n",
    "a colour": b"\x1b[31mHTTP\r\n\r\n",
    "no code": b"HTTP/1.1 \r\n\r\n",
    "a code of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "code 0": b"HTTP/1.1 000 x\r\n\r\n",
    "code 999": b"HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n",
    "code 304": b"HTTP/1.1 304 x\r\n\r\n",
    "code 404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "code 500": b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
    "code 401": b"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    "code 407": b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n",
    "code 416 unasked": b"HTTP/1.1 416 x\r\nContent-Length: 0\r\n\r\n",
    "a reason with a colour": b"HTTP/1.1 404 \x1b[31mred\r\nContent-Length: 0\r\n\r\n",
    "a reason of 60,000 letters": b"HTTP/1.1 404 " + b"x" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a status line without end": b"HTTP/1.1 200 " + b"x" * 200_000,
    "a header without end": OK + b"A: " + b"x" * 200_000,
    "1,000 headers": OK + b"A: b\r\n" * 1000 + b"\r\n",
    "continue for ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "cut short": OK + b"Content-Length: 100\r\n\r\nabc",
    "broken chunks": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    "chunks cut short": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "an endless chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
    "a redirect to itself": b"HTTP/1.1 302 x\r\nLocation: /train.fr\r\nContent-Length: 0\r\n\r\n",
    "a redirect without a place": b"HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n",
    "a redirect to nothing": b"HTTP/1.1 302 x\r\nLocation: \r\nContent-Length: 0\r\n\r\n",
    "a redirect to a file": b"HTTP/1.1 302 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "a redirect to FTP": b"HTTP/1.1 302 x\r\nLocation: ftp://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to data": b"HTTP/1.1 302 x\r\nLocation: data:,x\r\nContent-Length: 0\r\n\r\n",
    "a redirect to half a host": b"HTTP/1.1 302 x\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to no port": b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:99999/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to a letter": b"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:x/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to a colour": b"HTTP/1.1 302 x\r\nLocation: http://\x1b[31m/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to other letters": b"HTTP/1.1 302 x\r\nLocation: http://\xff\xfe/\r\nContent-Length: 0\r\n\r\n",
    "a redirect far away": b"HTTP/1.1 302 x\r\nLocation: http://" + b"a" * 300 + b"/\r\nContent-Length: 0\r\n\r\n",
}
WRONG = {  # what comes is whole, but not the file that is meant
    "code 206 unasked": b"HTTP/1.1 206 x\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 2\r\n\r\nab",
    "no length": OK + b"\r\nabc",
    "a negative length": OK + b"Content-Length: -5\r\n\r\nabc",
    "a length of letters": OK + b"Content-Length: many\r\n\r\nabc",
    "two lengths": OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "other content": OK + b"Content-Length: 3\r\n\r\nabc",
    "no content": OK + b"Content-Length: 0\r\n\r\n",
    "a page": OK + b"Content-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
}
PREPARE = ("prepare", "r.yaml", f"data.sha256={{train.fr: {SUM}}}")
SERVED = [
    *(Case(name, PREPARE, ENDED, {"text/train.fr": None}) for name in ANSWERS),
    *(Case(name, PREPARE, rf"/train\.fr is not the file the recipe means|{ENDED}", {"text/train.fr": None})
      for name in WRONG),
]  # fmt: skip


@pytest.mark.parametrize("case", parameters(SERVED))
def test_a_hostile_answer_is_told(
    folder: Path, server: Server, nmt: Callable[..., tuple[int, str, str]], case: Case
) -> None:
    server.answer = (ANSWERS | WRONG)[case.name]
    address = f"data.url=http://127.0.0.1:{server.server_address[1]}"
    # What has come of a file cut short stays, to go on with.
    partial = folder / "text" / "train.fr.part"
    refused(
        Case(case.name, (*case.command, address), case.says, case.files),
        lambda *args, **more: _without(partial, nmt(*args, **more)),
    )


def _without(partial: Path, result: tuple[int, str, str]) -> tuple[int, str, str]:
    partial.unlink(missing_ok=True)
    return result


def address(url: str, says: str) -> Case:
    command = ("prepare", "r.yaml", f'data.url="{url}"', f"data.sha256={{train.fr: {SUM}}}")
    return Case(url[:80], command, says, {"text/train.fr": None})


ADDRESSES = [
    address("http://127.0.0.1:9/", "cannot download .*refused"),
    address("http://127.0.0.1:0/", "cannot download .*host is none"),
    address("http://127.0.0.1:99999/", "Port out of range"),
    address("http://127.0.0.1:-1/", "Port"),
    address("http://127.0.0.1:x/", "Port could not be cast"),
    address("http://[::1/", "Invalid IPv6 URL"),
    address("http://[zz]/", "cannot download"),
    address("http://a..b/", "its host is no name"),
    address("http://.a/", "its host is no name|cannot download"),
    address(f"http://{'a' * 64}/", "its host is no name"),
    address("http://a b/", "spaces or control characters"),
    address("http://a\\tb/", "spaces or control characters"),
    address("http://a\\eb/", "spaces or control characters"),
    address("http://a\\0b/", "spaces or control characters"),
    address("http://a<b>/", "its host is none"),
    address("http://@/", "its host is none"),
    address("http://\\u202ea.invalid/", "cannot download"),
    address("http://\\ud800/", "cannot be read|cannot download"),
    address("http:///x", r"`data\.url` must begin with http"),
    address("http://", r"`data\.url` must begin with http"),
    address("file:///etc", r"`data\.url` must begin with http"),
    address("ftp://a/", r"`data\.url` must begin with http"),
    address("javascript:x", r"`data\.url` must begin with http"),
    address("//a/b", r"`data\.url` must begin with http"),
]


@pytest.mark.parametrize("case", parameters(ADDRESSES))
def test_an_address_that_is_none_is_told(
    folder: Path, server: Server, nmt: Callable[..., tuple[int, str, str]], case: Case
) -> None:
    refused(case, nmt)
