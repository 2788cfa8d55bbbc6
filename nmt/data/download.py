"""Fetch one file over http(s): resumed where it broke off, retried, and in place only once its checksum is right."""

from __future__ import annotations

import hashlib
import http.client
import os
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
TIMEOUT_SECONDS = 30.0
_BLOCK = 1 << 16
_LATER = {408, 425, 429, 500, 502, 503, 504}  # answers that may be another one next time


class _CutShort(Exception):
    """The connection closed before the announced end."""


def download(url: str, path: Path, sha256: str) -> None:
    """Fetch `url` to `path`. Raises DataError where it cannot be had or is not what `sha256` says."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"cannot download {url}: only http:// and https:// are followed.")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, TRIES + 1):
            try:
                resumed = _fetch(url, part)
            except (OSError, http.client.HTTPException, _CutShort) as e:
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


def _fetch(url: str, part: Path) -> bool:
    """Bring `part` to its full length; whether it was begun before."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "nmt"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = _opener().open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
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
            got = start
            while block := response.read(_BLOCK):
                _write(out, block, part)
                advance(len(block))
                got += len(block)
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
                    urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPRedirectHandler,
                    urllib.request.HTTPErrorProcessor, urllib.request.UnknownHandler):  # fmt: skip
        opener.add_handler(handler())
    return opener


def _worth_retrying(e: Exception) -> bool:
    return not isinstance(e, urllib.error.HTTPError) or e.code in _LATER


def _reason(e: Exception) -> str:
    if isinstance(e, urllib.error.HTTPError):
        return f"the server says {e.code} {e.reason}"
    return str(getattr(e, "reason", None) or e or type(e).__name__)
