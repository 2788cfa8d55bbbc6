"""Fetch one file over http(s): resumed where it broke off, retried, and in place only once its checksum is right.

A server that sends next to nothing is not waited for: what came stays beside the file's place, and is gone on with.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from nmt import console
from nmt.errors import DataError

TRIES = 3
BACKOFF_SECONDS = 1.0  # doubled after each try
TIMEOUT_SECONDS = 30.0  # without a byte
SLOWEST = 1000.0  # bytes a second, over WINDOW_SECONDS
WINDOW_SECONDS = 60.0
MAX_REDIRECTS = 5
_BLOCK = 1 << 16
_LATER = {408, 425, 429, 500, 502, 503, 504}  # answers that may be another one next time


class _TooSlow(Exception):
    """The server sends less than is worth waiting for."""


class _CutShort(Exception):
    """The connection closed before the announced end."""


def download(url: str, path: Path, sha256: str) -> None:
    """Fetch `url` to `path`. Raises DataError where it cannot be had or is not what `sha256` says."""
    _check(url)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, TRIES + 1):
            try:
                resumed = _fetch(url, part)
            except (OSError, http.client.HTTPException, ValueError, _CutShort, _TooSlow, _BadRedirect) as e:
                if isinstance(e, OSError) and e.filename is not None and not isinstance(e, urllib.error.URLError):
                    raise  # our disk, not their server
                if attempt == TRIES or not _worth_retrying(e):
                    raise DataError(f"cannot download {url}: {_reason(e)}.") from None
                time.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
                continue
            with open(part, "rb") as f:
                found = hashlib.file_digest(f, "sha256").hexdigest()
            if found == sha256:
                os.replace(part, path)
                return
            part.unlink()
            if not resumed or attempt == TRIES:  # a resumed file may have mixed two versions: once more from its start
                raise DataError(
                    f"{url} is not the file the recipe means: its sha256 is {found}, but `data.sha256` says {sha256}."
                )
    except OSError as e:
        raise DataError(f"cannot write {part}: {e.strerror or e}.") from None


def _check(url: str) -> None:
    """Raises DataError for an address that no server can have."""
    try:
        if re.search(r"[\x00-\x20\x7f]", url):
            raise ValueError("it has spaces or control characters in it")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise DataError(f"cannot download {url}: only http:// and https:// are followed.")
        host = (parts.hostname or "").encode("idna")
        if not re.fullmatch(rb"[\w.-]+|[\da-f:.]+(%\w+)?", host) or parts.port == 0:
            raise ValueError("its host is none")
    except ValueError as e:  # UnicodeError too
        reason = "its host is no name" if isinstance(e, UnicodeError) else str(e)
        raise DataError(f"cannot download {url}: {reason}.", "Look at `data.url`.") from None


def _ascii(url: str) -> str:
    """The same address as it is sent: the host's name in Punycode, other characters of any language in percents."""
    parts = urllib.parse.urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    user, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port is not None else ""
    place = f"{user}{at}[{host}]{port}" if ":" in host else f"{user}{at}{host}{port}"
    quoted = (urllib.parse.quote(part, safe="/%:=&?~#+!$,;'@()*[]") for part in (parts.path, parts.query))
    path, query = quoted
    return urllib.parse.urlunsplit((parts.scheme, place, path, query, ""))


def _fetch(url: str, part: Path) -> bool:
    """Bring `part` to its full length; whether it was begun before."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "nmt"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = _opener().open(urllib.request.Request(_ascii(url), headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as e:
        if e.code == 416 and start:  # nothing beyond `start`: it is complete, or not the same file; the checksum tells
            return True
        raise
    with response:
        given = str(response.headers.get("Content-Range", ""))
        resumed = response.status == 206 and given.startswith(f"bytes {start}-")
        if not resumed:
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        label = f"Fetching {part.stem}"
        with open(part, "ab" if resumed else "wb") as out, console.progress(label, total, "bytes") as advance:
            advance(start)
            got, since, had = start, time.monotonic(), start
            while block := response.read1(_BLOCK):  # what has come; read() would wait for a whole block
                _write(out, block, part)
                advance(len(block))
                got += len(block)
                if (passed := time.monotonic() - since) >= WINDOW_SECONDS:
                    if (got - had) / passed < SLOWEST:
                        raise _TooSlow(f"it sent {got - had:,} bytes in {passed:.0f} s; {got:,} bytes are in {part}")
                    since, had = time.monotonic(), got
        if total is not None and got < total:
            raise _CutShort(f"the connection closed after {got:,} of {total:,} bytes")
        return resumed


def _write(out: Any, block: bytes, part: Path) -> None:
    try:
        out.write(block)
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(part)) from None  # a file name marks it as ours


def _opener() -> urllib.request.OpenerDirector:
    """Like urllib's own, but without file:, ftp: and data:, so that no redirect leads there."""
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
                    urllib.request.HTTPDefaultErrorHandler, _Redirects,
                    urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler):  # fmt: skip
        opener.add_handler(handler())
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MAX_REDIRECTS

    def redirect_request(self, request: Any, file: Any, code: int, message: str, headers: Any, to: str) -> Any:
        try:
            _check(to)
        except DataError as e:
            raise _BadRedirect(f"it leads to another place: {e.message}") from None
        return super().redirect_request(request, file, code, message, headers, _ascii(to))


class _BadRedirect(Exception):
    """The server sends us where we do not go."""


def _worth_retrying(e: Exception) -> bool:
    if isinstance(e, urllib.error.HTTPError):
        return e.code in _LATER
    return not isinstance(e, ValueError | _TooSlow | _BadRedirect)


def _reason(e: Exception) -> str:
    if isinstance(e, urllib.error.HTTPError):
        if "not allowed" in str(e.reason):  # by urllib, which says more
            return "it leads to a place that is not http:// or https://"
        if e.code in (301, 302, 303, 307, 308):
            return f"it leads from one place to another more than {MAX_REDIRECTS} times"
        return f"the server says {e.code} {e.reason}"
    reason = str(getattr(e, "reason", None) or e or type(e).__name__)
    return reason.splitlines()[0].rstrip(".") if reason.splitlines() else type(e).__name__
