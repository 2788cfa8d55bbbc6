"""Downloads against a server of our own: resumed, retried, verified, atomic."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nmt.data import download as module
from nmt.data.corpus import resolve_files
from nmt.data.download import download
from nmt.errors import DataError
from nmt.recipe import DataSection

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    ranges = True  # whether it can resume
    cuts = 0  # answers still to be broken off in the middle
    status: int | None = None  # answer always this
    leads_to: str | None = None  # answer with a redirect
    drips = False  # sends a byte now and then, for ever
    asked: list[tuple[str, str | None]]
    url: str


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.server.leads_to is not None:
            self.send_response(302)
            self.send_header("Location", self.server.leads_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.server.status or self.path not in ("/a%20b.gz", "/x"):
            self.send_error(self.server.status or 404)
            return
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if self.server.drips:
            with suppress(OSError):
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.02)
            return
        body = CONTENT[start:]
        if self.server.cuts:
            self.server.cuts -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server(("127.0.0.1", 0), Handler)
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_file_lands_whole_and_leaves_nothing_beside(server: Server, tmp_path: Path) -> None:
    download(f"{server.url}/x", tmp_path / "deep" / "x", SHA256)
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x"]
    assert (tmp_path / "deep" / "x").read_bytes() == CONTENT


def test_a_cut_connection_is_resumed_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    server.cuts = 2
    download(f"{server.url}/x", tmp_path / "x", SHA256)
    half, three_quarters = len(CONTENT) // 2, len(CONTENT) * 3 // 4
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={half}-", f"bytes={three_quarters}-"]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_what_an_earlier_run_fetched_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(CONTENT[:1000])
    download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert [wanted for _, wanted in server.asked] == ["bytes=1000-"]
    (tmp_path / "y.part").write_bytes(CONTENT)
    download(f"{server.url}/x", tmp_path / "y", SHA256)
    assert (tmp_path / "y").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, 1
    download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_stale_part_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(b"of another version")
    download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError) as e:
        download(f"{server.url}/x", tmp_path / "x", "0" * 64)
    assert e.value.message == (
        f"{server.url}/x is not the file the recipe means: its sha256 is {SHA256}, but `data.sha256` says {'0' * 64}."
    )
    assert list(tmp_path.iterdir()) == [] and len(server.asked) == 1


def test_what_the_server_refuses_is_asked_once_and_what_may_pass_three_times(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError) as e:
        download(f"{server.url}/absent", tmp_path / "x", SHA256)
    assert e.value.message == f"cannot download {server.url}/absent: the server says 404 Not Found."
    assert len(server.asked) == 1
    server.status = 503
    with pytest.raises(DataError, match="the server says 503"):
        download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert len(server.asked) == 4


def test_a_connection_always_cut_is_an_error_and_keeps_what_came(server: Server, tmp_path: Path) -> None:
    server.cuts = 99
    with pytest.raises(DataError, match="the connection closed after"):
        download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert [p.name for p in tmp_path.iterdir()] == ["x.part"]


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://localhost/x", "data:,x"])
def test_only_http_is_followed(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="only http"):
        download(url, tmp_path / "x", SHA256)


def test_a_place_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=f"cannot write {tmp_path}/file/x.part"):
        download(f"{server.url}/x", tmp_path / "file" / "x", SHA256)
    (tmp_path / "y.part").mkdir()
    with pytest.raises(DataError, match=f"cannot write {tmp_path}/y.part"):
        download(f"{server.url}/x", tmp_path / "y", SHA256)


def test_a_recipe_fetches_what_is_missing_and_only_that(server: Server, tmp_path: Path) -> None:
    text = {"source": "a b.gz", "target": "here"}
    (tmp_path / "here").write_bytes(b"x")
    section = DataSection.model_validate(
        {"source_lang": "en", "target_lang": "fr", "root": str(tmp_path), "url": server.url + "/", "train": text,
         "valid": text, "sha256": {"a b.gz": SHA256}}
    )  # fmt: skip
    assert resolve_files(section)["a b.gz"].sha256 == SHA256
    assert resolve_files(section)["a b.gz"].size == len(CONTENT)
    assert [path for path, _ in server.asked] == ["/a%20b.gz"]


def test_without_network_the_files_and_their_place_are_named(server: Server, tmp_path: Path) -> None:
    text = {"source": "a.en", "target": "a.fr"}
    section = DataSection.model_validate(
        {"source_lang": "en", "target_lang": "fr", "root": str(tmp_path), "url": "http://127.0.0.1:9", "train": text,
         "valid": text, "sha256": {"a.en": SHA256, "a.fr": SHA256}}
    )  # fmt: skip
    with pytest.raises(DataError) as e:
        resolve_files(section)
    assert e.value.message.startswith("cannot download http://127.0.0.1:9/a.en: ")
    assert e.value.hint == (
        f"Or get a.en, a.fr yourself. Put them into {tmp_path}/, or set `data.root` to the folder that has them."
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://[::1/x", "Invalid IPv6 URL"),
        ("http://a b/x", "it has spaces or control characters in it"),
        ("http://a\x1b[31m/x", "it has spaces or control characters in it"),
        ("http://127.0.0.1:99999/x", "Port out of range 0-65535"),
        ("http://127.0.0.1:x/x", "Port could not be cast to integer value as 'x'"),
        ("http://a..b/x", "its host is no name"),
        (f"http://{'a' * 64}.example/x", "its host is no name"),
        ("http:///x", "its host is none"),
        ("http://?x", "its host is none"),
        ("http://a<b>/x", "its host is none"),
    ],
)
def test_an_address_that_is_none_is_told(tmp_path: Path, url: str, reason: str) -> None:
    with pytest.raises(DataError) as e:
        download(url, tmp_path / "x", SHA256)
    assert str(e.value) == f"cannot download {url}: {reason}.\n  Look at `data.url`."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://bücher.invalid/x", "http://127.0.0.1:9/é x".replace(" ", "%20")])
def test_letters_of_other_languages_are_sent_as_servers_know_them(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match=f"cannot download {re.escape(url)}: "):
        download(url, tmp_path / "x", SHA256)


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("/x", "it leads from one place to another more than 5 times"),
        ("file:///etc/hostname", "it leads to a place that is not http:// or https://"),
        ("http://[bad/x", "it leads to another place|Invalid IPv6 URL"),
        ("http://127.0.0.1:99999/", "it leads to another place: .*Port out of range"),
    ],
)
def test_redirects_that_lead_nowhere(server: Server, tmp_path: Path, to: str, reason: str) -> None:
    server.leads_to = to
    with pytest.raises(DataError) as e:
        download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert re.search(reason, e.value.message)
    assert "\n" not in e.value.message
    assert len(server.asked) <= 6


def test_a_server_that_drips_is_left_and_what_came_stays(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WINDOW_SECONDS", 0.1)
    server.drips = True
    with pytest.raises(
        DataError, match=r"cannot download .*/x: it sent \d+ bytes in \d+ s; \d+ bytes are in .*x\.part"
    ):
        download(f"{server.url}/x", tmp_path / "x", SHA256)
    assert len(server.asked) == 1
    assert (tmp_path / "x.part").stat().st_size > 0
