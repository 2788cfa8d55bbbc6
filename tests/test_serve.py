"""`nmt serve` as clients meet it: their own libraries, raw requests, signals, and what must be refused."""

from __future__ import annotations

import html
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import deepl
import pytest
from deep_translator import LibreTranslator
from libretranslatepy import LibreTranslateAPI

Nmt = Callable[..., tuple[int, str, str]]
LINES = ["The dog is in the garden.", "My sister has two cats.", "Where is the station?"]


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, path: str, body: Any = None, method: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and the JSON of the answer; `body` is sent as it is, or as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {} if data is None else {"content-type": "application/json"}
        connection.request(method or ("GET" if body is None else "POST"), path, data, kind | (headers or {}))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content.decode()


@contextmanager
def served(run: Path, folder: Path, *options: str) -> Iterator[Running]:
    """A server in a process of its own, ready."""
    log = folder / "server.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", "from nmt.cli import main; main()", "serve", str(run), "--port", "0", *options],
            stderr=stderr,
            cwd=folder,
        )
    try:
        while not (found := re.search(r"Ready: http://127\.0\.0\.1:(\d+)", log.read_text(encoding="utf-8"))):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        yield Running(process, int(found[1]), log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    with served(
        trained / "runs" / "mini", folder, "--state", str(folder / "state"), "--cors", "https://ok.example"
    ) as one:
        yield one


@pytest.fixture(scope="module")
def expected(trained: Path, nmt: Nmt) -> list[str]:
    """What `nmt translate` makes of LINES."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained)
        code, out, err = nmt("translate", "--protect", stdin="".join(f"{line}\n" for line in LINES).encode())
    assert code == 0, err
    return out.splitlines()


def test_every_client_gets_what_the_command_gives(server: Running, expected: list[str]) -> None:
    libre = LibreTranslateAPI(server.url)
    assert [libre.translate(line, "en", "fr") for line in LINES] == expected
    assert libre.languages()[0]["targets"] == ["en", "fr"]
    assert libre.detect("The dog is in the garden.")[0]["language"] == "en"
    deep = LibreTranslator(source="en", target="fr", use_free_api=False, custom_url=f"{server.url}/", api_key="any")
    assert deep.translate(LINES[0]) == expected[0]
    client = deepl.DeepLClient("any", server_url=server.url)
    assert [found.text for found in client.translate_text(LINES, target_lang="FR")] == expected
    assert client.translate_text(LINES[1], source_lang="EN", target_lang="FR").detected_source_lang == "EN"
    assert [language.code for language in client.get_source_languages()] == ["EN"]
    assert [language.code for language in client.get_target_languages()] == ["FR"]
    assert client.get_usage().character.count > 0
    _, apertium = server.ask("/translate?langpair=eng|fra&q=" + LINES[0].replace(" ", "+"))
    assert apertium == {"responseData": {"translatedText": expected[0]}, "responseDetails": None, "responseStatus": 200}
    assert server.ask("/listPairs")[1]["responseData"] == [{"sourceLanguage": "en", "targetLanguage": "fr"}]
    _, own = server.ask("/api/translate", {"requests": [{"text": line} for line in LINES]})
    assert [found["hypotheses"][0]["text"] for found in own["translations"]] == [
        server.ask("/api/translate", {"text": line})[1]["translation"] for line in LINES
    ]


NODE = """
const deepl = require('deepl-node');
const client = new deepl.Translator('any', {serverUrl: process.argv[1]});
(async () => {
  const lines = JSON.parse(process.argv[2]);
  const texts = (await client.translateText(lines, null, 'fr')).map((found) => found.text);
  const marked = await client.translateText('<b>' + lines[0] + '</b>', 'en', 'fr', {tagHandling: 'html'});
  const entries = new deepl.GlossaryEntries({entries: {dog: 'chien'}});
  const glossary = await client.createGlossary('animals', 'en', 'fr', entries);
  const kept = (await client.getGlossaryEntries(glossary)).entries();
  await client.deleteGlossary(glossary);
  const refused = await client.translateText('a', 'en', 'de').catch((e) => e.message);
  const usage = await client.getUsage();
  console.log(JSON.stringify({texts, marked: marked.text, kept, refused, count: usage.character.count}));
})();
"""


def test_deepl_s_client_for_node_gets_what_the_command_gives(server: Running, expected: list[str]) -> None:
    """The package deepl-node, in the folder that NMT_NODE_MODULES names."""
    if (modules := os.environ.get("NMT_NODE_MODULES")) is None:
        pytest.skip("NOT TESTED: NMT_NODE_MODULES does not name a folder with deepl-node")
    done = subprocess.run(
        ["node", "-e", NODE, server.url, json.dumps(LINES)], capture_output=True, text=True, timeout=60,
        env=os.environ | {"NODE_PATH": modules},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["texts"] == expected and found["kept"] == {"dog": "chien"} and found["count"] > 0
    assert found["marked"].startswith("<b>") and found["marked"].endswith("</b>")
    assert "target_lang" in found["refused"]


def test_a_text_keeps_its_lines_and_what_is_no_text(server: Running, expected: list[str]) -> None:
    text = f"  {LINES[0]}\r\n\r\n😀 …\n{LINES[1]}\t\n"
    status, answer = server.ask("/translate", {"q": text, "source": "auto", "target": "fr"})
    assert status == 200
    assert answer["translatedText"] == f"  {expected[0]}\r\n\r\n😀 …\n{expected[1]}\t\n"
    assert answer["detectedLanguage"] == {"confidence": 100.0, "language": "en"}
    for odd in ("你好，世界", "مرحبا بالعالم", "สวัสดี", "a\u0000b", "\u200d"):
        status, answer = server.ask("/translate", {"q": odd, "source": "en", "target": "fr"})
        assert status == 200 and isinstance(answer["translatedText"], str)
    assert server.ask("/translate", {"q": [LINES[0], "😀"], "source": "en", "target": "en"})[1] == {
        "translatedText": [LINES[0], "😀"]
    }


def test_alternatives_are_others_and_a_prefix_is_kept(server: Running) -> None:
    body = {"q": LINES[:2], "source": "en", "target": "fr", "alternatives": 3}
    answer = server.ask("/translate", body)[1]
    for best, others in zip(answer["translatedText"], answer["alternatives"], strict=True):
        assert 1 <= len(others) <= 3 and best not in others and len(set(others)) == len(others)
    found = server.ask("/api/alternatives", {"text": LINES[0], "prefix": "Elle", "n_best": 4})[1]["alternatives"]
    assert len(set(found)) == len(found) > 1 and all(text.startswith("Elle") for text in found)


def test_a_stream_has_a_line_for_each_text_in_order(server: Running) -> None:
    status, content = server.ask(
        "/api/translate/stream", {"requests": [{"text": line, "id": i} for i, line in enumerate(LINES)]}
    )
    lines = [json.loads(line) for line in content.splitlines()]
    assert status == 200 and [(line["id"], line["source"]) for line in lines] == list(enumerate(LINES))


def test_tags_stay_around_what_they_were_around(server: Running, expected: list[str]) -> None:
    page = f'<p class="a">{LINES[0]}</p><pre>code &amp; {LINES[1]}</pre>\n<!-- {LINES[1]} -->'
    body = {"q": [page, "<b></b>"], "source": "auto", "target": "fr", "format": "html"}
    found, empty = server.ask("/translate", body)[1]["translatedText"]
    assert found.startswith('<p class="a">') and found.endswith(page[page.index("</p>") :]) and empty == "<b></b>"
    assert re.sub("<[^>]*>", "", found.partition("</p>")[0]) == html.escape(expected[0], quote=False)
    client = deepl.DeepLClient("any", server_url=server.url)
    marked = client.translate_text(
        "My <x id='1'>sister</x> has <y/>two cats.", target_lang="FR", tag_handling="xml"
    ).text
    assert sorted(re.findall("<[^>]*>", marked)) == sorted(["<x id='1'>", "</x>", "<y/>"])
    with pytest.raises(deepl.DeepLException, match="Tag handling parsing failed"):
        client.translate_text("<x>a", target_lang="FR", tag_handling="xml")


def post_file(server: Running, name: str, data: bytes, **fields: str) -> tuple[int, Any]:
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    ]
    head = f'--limit\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join([*parts, head, data, b"\r\n--limit--\r\n"])
    return server.ask("/translate_file", body, headers={"content-type": "multipart/form-data; boundary=limit"})


def test_documents_come_back_in_their_format(server: Running, expected: list[str], tmp_path: Path) -> None:
    page = f"<html><body><h1>{LINES[0]}</h1>\n<p>{LINES[1]}</p></body></html>"
    status, answer = post_file(server, "../../a b.html", page.encode(), source="en", target="fr")
    assert status == 200 and re.search(r"/download_file/[0-9a-f]{32}\.a%20b\.fr\.html$", answer["translatedFileUrl"])
    found = server.ask(answer["translatedFileUrl"].removeprefix(server.url))[1]
    assert found == page.replace(LINES[0], expected[0]).replace(LINES[1], expected[1])
    client = deepl.DeepLClient("any", server_url=server.url)
    (tmp_path / "in.txt").write_text("\n".join(LINES), encoding="utf-8")
    with (tmp_path / "in.txt").open("rb") as given, (tmp_path / "out.txt").open("wb") as out:
        done = client.translate_document(given, out, target_lang="FR", filename="in.txt")
    assert done.done and done.billed_characters == sum(map(len, LINES))
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n") == expected


@pytest.mark.parametrize(
    ("name", "data", "status", "message"),
    [
        ("a.docx", b"PK\x03\x04 broken", 400, "a.docx"),
        ("a.pdf", b"%PDF-1.4", 400, "not translated"),
        ("a.txt", b"1 2 3\n", 400, "nothing to translate"),
        ("a.txt", b"x" * (21 << 20), 413, "exceeds the limit"),
        ("a.xliff", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><xliff>&e;</xliff>', 400, ""),
    ],
)
def test_bad_documents_are_refused(server: Running, name: str, data: bytes, status: int, message: str) -> None:
    found, answer = post_file(server, name, data, source="en", target="fr")
    assert found == status and message in answer["error"]


def test_documents_of_others_are_not_found(server: Running) -> None:
    assert server.ask("/download_file/" + "0" * 32 + ".a.txt") == (404, {"error": "Document not found"})
    body = b'--limit\r\nContent-Disposition: form-data; name="target_lang"\r\n\r\nFR\r\n--limit\r\n'
    body += b'Content-Disposition: form-data; name="file"; filename="file"\r\n\r\nA dog.\r\n--limit--\r\n'
    begun = server.ask("/v2/document", body, headers={"content-type": "multipart/form-data; boundary=limit"})[1]
    for key in ("", "0" * 64):
        answer = server.ask(f"/v2/document/{begun['document_id']}", {"document_key": key})
        assert answer == (404, {"message": "Document not found"})


def test_glossaries_of_deepl_clients(server: Running) -> None:
    client = deepl.DeepLClient("any", server_url=server.url)
    made = client.create_glossary("mine", "en", "fr", {"garden": "verger"})
    assert made.ready and made.entry_count == 1
    assert client.get_glossary_entries(made) == {"garden": "verger"}
    assert [one.glossary_id for one in client.list_glossaries()] == [made.glossary_id]
    assert "verger" in client.translate_text(LINES[0], source_lang="EN", target_lang="FR", glossary=made).text
    client.delete_glossary(made)
    with pytest.raises(deepl.GlossaryNotFoundException):
        client.get_glossary(made.glossary_id)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/translate", {"q": "a", "source": "en"}, 400, "Invalid request: missing target parameter"),
        ("/translate", {"q": "", "source": "en", "target": "fr"}, 400, "Invalid request: missing q parameter"),
        ("/translate", {"q": 5, "source": "en", "target": "fr"}, 400, "q must be a string or a list"),
        ("/translate", {"q": "a", "source": "xx", "target": "fr"}, 400, "xx is not supported"),
        ("/translate", {"q": "a", "source": "en", "target": "xx"}, 400, "xx is not supported"),
        ("/translate", {"q": "a", "source": "en", "target": "fr", "format": "md"}, 400, "md format is not supported"),
        ("/translate", {"q": "a", "source": "en", "target": "fr", "alternatives": 10_000}, 400, "must be <= 20"),
        ("/translate", {"q": "a", "source": "en", "target": "fr", "alternatives": "x"}, 400, "whole number"),
        ("/translate", {"q": "a" * 50_001, "source": "en", "target": "fr"}, 400, "exceeds text limit (50000)"),
        ("/translate", {"q": ["a"] * 101, "source": "en", "target": "fr"}, 413, "101 texts"),
        ("/translate", {"q": "a\n" * 10_001, "source": "en", "target": "fr"}, 413, "more than 10000 lines"),
        ("/translate", b'{"q": "\\ud800", "source": "en", "target": "fr"}', 400, "surrogate"),
        ("/translate", b"{", 400, "Invalid JSON format"),
        ("/translate", b"[" * 100_000, 400, "Invalid JSON format"),
        ("/translate", b"\xff\xfe", 400, "Invalid JSON format"),
        ("/suggest", {"q": "a", "s": "b"}, 403, "Suggestions are disabled"),
        ("/api/translate", {"text": "a", "n_best": 1000}, 400, "n_best"),
        ("/api/translate", {"text": "a", "from": "fr"}, 400, "fr is not supported"),
        ("/api/translate", {"text": "a", "to": "en"}, 400, "nothing translates from en into en"),
        ("/api/translate", {"text": "a", "model": "none"}, 400, "no model 'none'"),
        ("/api/translate", {"requests": []}, 400, "not empty"),
        ("/api/translate", {"requests": [1]}, 400, "not an object"),
        ("/nowhere", None, 404, "Not Found"),
        ("/static/../limits.py", None, 404, "Not Found"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(server: Running, path: str, body: Any, status: int, message: str) -> None:
    found, answer = server.ask(path, body)
    assert (found, message in answer["error"]) == (status, True), answer


def test_each_interface_has_faults_in_its_own_form(server: Running) -> None:
    assert server.ask("/v2/translate", {"text": ["a"], "target_lang": "XX"}) == (
        400, {"message": "Value for 'target_lang' not supported."},
    )  # fmt: skip
    status, answer = server.ask("/translate?q=a&langpair=en")
    assert (status, answer["status"], answer["code"]) == (400, "error", 400)
    with pytest.raises(deepl.DeepLException, match="formality"):
        deepl.DeepLClient("any", server_url=server.url).translate_text("a", target_lang="FR", formality="more")


def test_other_hosts_large_bodies_and_other_sites_are_kept_out(server: Running) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"):
        assert server.ask("/ready", headers={"host": host})[0] == 421
    for host in (f"localhost:{server.port}", "127.0.0.1", "[::1]:5000", "LOCALHOST"):
        assert server.ask("/ready", headers={"host": host})[0] == 200
    status, answer = server.ask("/translate", b'{"q": "' + b"a" * (1 << 20) + b'"}')
    assert status == 413 and "exceeds the limit" in answer["error"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    chunks = (b"a" * (1 << 16) for _ in range(40))
    connection.request("POST", "/translate", chunks, {"transfer-encoding": "chunked"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    for origin, allowed in (("https://ok.example", "https://ok.example"), ("https://evil.example", None)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/languages", headers={"origin": origin})
        response = connection.getresponse()
        assert response.getheader("access-control-allow-origin") == allowed
        assert response.getheader("content-security-policy") == "default-src 'self'"
        connection.close()


def test_the_page_asks_nobody_else(server: Running) -> None:
    status, page = server.ask("/")
    assert status == 200 and "<textarea" in page and "http" not in page.replace("http://www.w3.org", "")
    for name in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert server.ask(f"/{name}")[0] == 200


def test_many_at_once_each_get_their_own(server: Running, expected: list[str]) -> None:
    wrong: list[str] = []

    def client(number: int) -> None:
        for i in range(6):
            which = (number + i) % len(LINES)
            answer = server.ask("/translate", {"q": f"{LINES[which]}\n{number} {i}", "source": "en", "target": "fr"})
            if answer[1]["translatedText"].split("\n")[0] != expected[which]:
                wrong.append(str(answer))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    metrics = server.ask("/metrics")[1]
    assert "nmt_queue_lines 0\n" in metrics and 'nmt_characters_total{pair="en-fr"}' in metrics


def test_no_text_is_logged(server: Running) -> None:
    server.ask("/translate?q=confidential+words&langpair=en|fr", headers={"authorization": "Bearer topsecret"})
    server.ask("/translate", {"q": "confidential words", "source": "en", "target": "fr"})
    assert not re.search("confidential|topsecret|127.0.0.1:.*GET", server.log.read_text(encoding="utf-8"))
    assert "confidential" not in server.ask("/metrics")[1]


def test_keys_are_wanted_from_everybody(trained: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("good\nslow 100\n")
    body = {"q": LINES[0], "source": "en", "target": "fr"}
    with served(trained / "runs" / "mini", tmp_path, "--keys", str(keys)) as one:
        assert one.ask("/translate", body)[0] == 403
        assert one.ask("/translate", body | {"api_key": "bad"}) == (403, {"error": "Invalid API key"})
        assert one.ask("/translate", body | {"api_key": "good"})[0] == 200
        assert one.ask("/api/translate", {"text": "A."}, headers={"authorization": "Bearer good"})[0] == 200
        with pytest.raises(deepl.AuthorizationException):
            deepl.DeepLClient("bad", server_url=one.url).translate_text("a", target_lang="FR")
        assert deepl.DeepLClient("good", server_url=one.url).translate_text("a", target_lang="FR").text
        statuses = [one.ask("/translate", body | {"api_key": "slow", "q": "word " * 12})[0] for _ in range(3)]
        assert statuses == [200, 429, 429]
        assert post_file(one, "a.txt", b"word " * 12, source="en", target="fr", api_key="slow")[0] == 429


def test_told_to_stop_it_answers_what_it_has_accepted(trained: Path, tmp_path: Path) -> None:
    found: list[tuple[int, Any]] = []
    with served(trained / "runs" / "mini", tmp_path, "--grace", "500") as one:
        text = "\n".join(f"{LINES[i % 3]} {i}" for i in range(100))
        body = {"q": text, "source": "en", "target": "fr"}
        asking = threading.Thread(target=lambda: found.append(one.ask("/translate", body)))
        asking.start()
        while "nmt_queue_lines 0\n" in one.ask("/metrics")[1] and asking.is_alive():
            time.sleep(0.01)
        one.process.send_signal(signal.SIGTERM)
        asking.join()
        assert one.process.wait(60) == 0
    [(status, answer)] = found
    assert status == 200 and answer["translatedText"].count("\n") == 99
    assert "Traceback" not in one.log.read_text(encoding="utf-8")


def test_loaded_anew_while_it_serves_and_a_damaged_run_changes_nothing(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "mini"
    shutil.copytree(trained / "runs" / "mini", run)
    with served(run, tmp_path) as one:

        def again(said: str) -> None:
            before = one.log.read_text(encoding="utf-8").count(said)
            os.kill(one.process.pid, signal.SIGHUP)
            while one.log.read_text(encoding="utf-8").count(said) == before:
                assert one.ask("/translate", {"q": "a", "source": "en", "target": "fr"})[0] == 200

        again("Loaded anew.")
        shutil.rmtree(run / "checkpoints")
        again("Not loaded anew")


def test_slow_senders_do_not_keep_others_waiting(server: Running) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST /translate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
    assert server.ask("/translate", {"q": "a", "source": "en", "target": "fr"})[0] == 200
    for connection in slow:
        connection.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "lets other machines use this server"),
        (["--keys", "nothing.txt"], "cannot be read"),
        (["nowhere"], "nowhere"),
    ],
)
def test_bad_options_end_at_once(
    trained: Path, nmt: Nmt, monkeypatch: pytest.MonkeyPatch, options: list[str], said: str
) -> None:
    monkeypatch.chdir(trained)
    code, out, err = nmt("serve", *options)
    assert (code, out) == (2, "") and said in err and len(err.splitlines()) <= 3


def test_a_port_that_is_taken(trained: Path, nmt: Nmt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = nmt("serve", "--port", str(taken.getsockname()[1]))
    assert code == 2 and "cannot listen on" in err and "--port" in err
