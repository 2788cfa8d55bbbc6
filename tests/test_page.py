"""The server's page in a real browser (Chromium, by Playwright); left out, loudly, where either is not there."""

from __future__ import annotations

import html
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_serve import LINES, Running, served

pytestmark = pytest.mark.slow
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with served(trained / "runs" / "mini", tmp_path_factory.mktemp("served")) as one:
        yield one


@pytest.fixture
def page(server: Running) -> Iterator[Any]:
    """A page that has the server open; in the end it has asked nobody else, and no script has failed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED: Playwright is not installed")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("NOT TESTED: Chromium is not installed")
    faults: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = browser.new_page()
        opened.set_default_timeout(120_000)
        opened.on(
            "console",
            lambda said: faults.append(said.text) if said.type == "error" and " 503 " not in said.text else None,
        )
        opened.on("pageerror", lambda fault: faults.append(str(fault)))
        opened.on("request", lambda r: None if r.url.startswith(server.url) else faults.append(r.url))
        opened.goto(server.url)
        yield opened
        browser.close()
    assert faults == []


def translated(page: Any, text: str) -> str:
    page.fill("#text", text)
    page.wait_for_function(r"() => / s$/.test(document.getElementById('status').textContent)")
    found: str = page.inner_text("#translation")
    return found


def test_what_is_typed_is_translated_line_by_line(page: Any, server: Running) -> None:
    text = f"{LINES[0]}\n\n😀\n{LINES[1]}"
    wanted = [server.ask("/api/translate", {"text": line})[1]["translation"] for line in LINES[:2]]
    assert translated(page, text) == f"{wanted[0]}\n\n😀\n{wanted[1]}"
    assert page.inner_text("#count").startswith(f"{len(text.encode('utf-16-le')) // 2} of")
    assert "#" not in page.url and "?" not in page.url


def test_words_have_alternatives_by_mouse_and_by_keyboard(page: Any) -> None:
    before = translated(page, LINES[0])
    page.click("#translation .word >> nth=1")
    page.wait_for_selector("#choices button")
    first = before.split()[0]
    assert all(text.startswith(first) for text in page.locator("#choices button").all_inner_texts())
    chosen = page.locator("#choices button").first.inner_text()
    page.keyboard.press("Enter")  # the first has the focus
    assert page.inner_text("#translation") == chosen != before and page.locator("#alternatives").is_hidden()
    page.locator("#translation .word").first.focus()
    page.keyboard.press(" ")
    page.wait_for_selector("#choices button")
    page.keyboard.press("Escape")
    assert page.locator("#alternatives").is_hidden()


def test_terms_of_a_glossary_are_kept_and_remembered(page: Any) -> None:
    page.click("summary")
    page.fill("#glossary", "garden = verger")
    assert "verger" in translated(page, LINES[0])
    page.reload()
    assert page.input_value("#glossary") == "garden = verger"
    page.evaluate("localStorage.clear()")


PAGE = f"<html lang='en'><body><p>{LINES[0]}</p></body></html>"


def downloaded(page: Any) -> tuple[str, str]:
    """Name and content of what the link gives."""
    page.wait_for_selector("#results a")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")  # the link has the focus
    return coming.value.suggested_filename, Path(coming.value.path()).read_text(encoding="utf-8")


def test_a_document_is_sent_and_its_translation_downloaded(page: Any, server: Running) -> None:
    wanted = server.ask("/translate", {"q": LINES[0], "source": "en", "target": "fr"})[1]["translatedText"]
    expected = PAGE.replace(LINES[0], html.escape(wanted, quote=False)).replace("lang='en'", "lang='fr'")
    page.wait_for_function("() => document.getElementById('file').accept.includes('.docx')")
    page.set_input_files("#file", {"name": "my page.html", "mimeType": "text/html", "buffer": PAGE.encode()})
    assert downloaded(page) == ("my page.fr.html", expected)
    assert page.locator("#stop").is_hidden() and page.locator("#file").is_enabled()
    drop = """(text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], "dropped.html"));
      document.body.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, PAGE)
    page.wait_for_function("() => document.getElementById('results').textContent.includes('dropped.html')")
    assert downloaded(page) == ("dropped.fr.html", expected)


def test_a_document_that_fails_or_is_stopped_is_told(page: Any) -> None:
    page.wait_for_selector("#target option", state="attached")
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"A dog."}
    page.route("**/translate_file", lambda route: route.fulfill(status=503, json={"error": "Too many documents."}))
    page.set_input_files("#file", file)
    page.wait_for_function("() => document.getElementById('results').textContent === 'a.txt: Too many documents.'")
    page.unroute("**/translate_file")
    page.route("**/translate_file", lambda route: None)  # no answer
    page.set_input_files("#file", file)
    page.click("#stop")
    page.wait_for_function("() => document.getElementById('results').textContent === 'a.txt: It was stopped.'")


def test_what_is_wrong_is_said(page: Any) -> None:
    page.wait_for_selector("#target option", state="attached")
    page.click("#swap")
    assert page.inner_text("#status") == "Nothing translates from French."
    page.route("**/api/translate", lambda route: route.fulfill(status=503, json={"error": "Too much waits."}))
    page.fill("#text", "a")
    page.wait_for_function("() => document.getElementById('status').textContent === 'Too much waits.'")


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_is_wider_than_the_window(page: Any, width: int, tmp_path: Path) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    translated(page, f"{LINES[0]} {'long' * 60}\n{LINES[1]}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=Path(os.environ.get("NMT_SCREENSHOTS", str(tmp_path))) / f"page-{width}.png", full_page=True)


def test_it_can_be_used_by_everybody(page: Any) -> None:
    """By the rules of axe-core, whose file NMT_AXE names."""
    if (axe := os.environ.get("NMT_AXE")) is None:
        pytest.skip("NOT TESTED: NMT_AXE does not name axe-core's axe.min.js")
    translated(page, LINES[0])
    page.click("#translation .word >> nth=0")
    page.wait_for_selector("#choices li")
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": LINES[0].encode()})
    page.wait_for_selector("#results a")
    page.evaluate(Path(axe).read_text(encoding="utf-8"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults = page.evaluate("async () => (await axe.run()).violations.map((v) => v.help + ' ' + v.nodes[0].html)")
        assert faults == []
