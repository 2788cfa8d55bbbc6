"""A server's parts: what waits for a translator, who may ask, and texts as lines."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.decode.request import Request
from nmt.errors import DataError, RecipeError
from nmt.serve.glossaries import Glossaries
from nmt.serve.limits import Keys, Quota, check_exposed
from nmt.serve.metrics import Metrics
from nmt.serve.names import match, name_of
from nmt.serve.refusal import Refusal
from nmt.serve.scheduler import BATCH, How, Scheduler
from nmt.serve.texts import Lines
from nmt.text.language import Languages


class Upper:
    """A translator into capitals, which waits until it may begin, and remembers what came together."""

    def __init__(self) -> None:
        self.may, self.calls = threading.Event(), []

    def translate(self, requests: Sequence[Request], **how: Any) -> list[SimpleNamespace]:
        self.may.wait()
        self.calls.append([request.text for request in requests])
        if any(request.text == "bad" for request in requests):
            raise ValueError("bad")
        return [SimpleNamespace(text=request.text.upper()) for request in requests]


def scheduler(upper: Upper, workers: int = 1, most: int = 10_000, **more: Any) -> tuple[Scheduler, How]:
    return Scheduler(workers, most, Metrics(), **more), How(upper, "fr", "en")  # type: ignore[arg-type]


def wait_until_taken(one: Scheduler, left: int = 0) -> None:
    while one.depth > left:
        time.sleep(0.001)


def test_what_waits_is_translated_together_and_every_answer_is_its_own() -> None:
    async def ask() -> list[list[str]]:
        first = asyncio.ensure_future(one.translate([Request("first")], how))
        await asyncio.sleep(0)
        wait_until_taken(one)
        rest = [asyncio.ensure_future(one.translate([Request(f"{i} {j}") for j in range(3)], how)) for i in range(4)]
        await asyncio.sleep(0)
        upper.may.set()
        return [[t.text for t in await task] for task in (first, *rest)]

    upper = Upper()
    one, how = scheduler(upper)
    assert asyncio.run(ask()) == [["FIRST"], *([f"{i} {j}" for j in range(3)] for i in range(4))]
    assert [len(call) for call in upper.calls] == [1, 12]
    one.stop()


def test_documents_wait_for_what_people_ask() -> None:
    async def ask() -> None:
        tasks = [asyncio.ensure_future(one.translate([Request("first")], how))]
        await asyncio.sleep(0)
        wait_until_taken(one)
        tasks.append(asyncio.ensure_future(one.translate([Request("d")] * (2 * BATCH), how, document=True)))
        await asyncio.sleep(0)
        tasks.append(asyncio.ensure_future(one.translate([Request("person")], how)))
        await asyncio.sleep(0)
        upper.may.set()
        await asyncio.gather(*tasks)

    upper = Upper()
    one, how = scheduler(upper)
    asyncio.run(ask())
    assert upper.calls[1][0] == "person" and len(upper.calls[1]) == BATCH
    one.stop()


def test_who_leaves_takes_along_what_waits() -> None:
    async def ask() -> None:
        first = asyncio.ensure_future(one.translate([Request("first")], how))
        await asyncio.sleep(0)
        wait_until_taken(one)
        leaves = one.begin([Request("leaves")] * 5, how)
        stays = asyncio.ensure_future(one.translate([Request("stays")], how))
        await asyncio.sleep(0)
        for future in leaves:
            future.cancel()
        await asyncio.sleep(0)
        upper.may.set()
        await asyncio.gather(first, stays)

    upper = Upper()
    one, how = scheduler(upper)
    asyncio.run(ask())
    assert upper.calls == [["first"], ["stays"]] and one.waiting == 0
    one.stop()


def test_more_than_may_wait_is_refused_and_a_fault_is_its_own() -> None:
    async def ask() -> None:
        first = asyncio.ensure_future(one.translate([Request("x" * 500)], how))  # longer than all that may wait
        await asyncio.sleep(0)
        wait_until_taken(one)
        rest = asyncio.ensure_future(one.translate([Request("bad"), Request("good" * 10)], how))
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await one.translate([Request("y" * 60)], how)
        assert refused.value.status == 503 and refused.value.retry_after
        good = one.begin([Request("good")], how)
        upper.may.set()
        with pytest.raises(ValueError, match="bad"):
            await rest
        assert (await good[0]).text == "GOOD"
        await first

    upper = Upper()
    one, how = scheduler(upper, most=100)
    asyncio.run(ask())
    one.stop()


def test_reproducible_means_alone() -> None:
    upper = Upper()
    upper.may.set()
    one, how = scheduler(upper, workers=2, alone=True)
    found = asyncio.run(one.translate([Request(str(i)) for i in range(20)], how))
    assert [t.text for t in found] == [str(i) for i in range(20)] and all(len(call) == 1 for call in upper.calls)
    one.stop()


@given(st.text(alphabet=st.sampled_from("ab é\n\r\t 😀ع\u2028")))
def test_a_text_is_the_same_where_every_line_is(text: str) -> None:
    lines = Lines(text)
    assert lines.unchanged() == text
    assert all(part == part.strip() and any(map(str.isalnum, part)) for part in lines.parts)


def test_line_breaks_and_emoji_stay() -> None:
    lines = Lines("  One.\r\n\r\n😀\nTwo.\t")
    assert lines.parts == ["One.", "Two."]
    assert lines.joined(["Un.", "Deux."]) == "  Un.\r\n\r\n😀\nDeux.\t"


@pytest.mark.parametrize(
    ("code", "among", "found"),
    [
        ("EN", ["en", "fr"], "en"),
        ("en-GB", ["en"], "en"),
        ("pt-BR", ["pt-PT", "pt-BR"], "pt-BR"),
        ("pt", ["pt-BR"], "pt-BR"),
        ("zh_Hant", ["zh"], "zh"),
        ("eng", ["en"], "en"),
        ("fra", ["fr"], "fr"),
        ("xx", ["en"], None),
        ("", ["en"], None),
    ],
)
def test_codes_are_matched(code: str, among: list[str], found: str | None) -> None:
    assert match(code, among) == found


def test_names() -> None:
    assert [name_of(code) for code in ("fr", "pt-BR", "qq")] == ["French", "Portuguese (BR)", "qq"]


def test_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.txt"
    path.write_text("secret 600  # of somebody\n\nother\n")
    keys = Keys.load(path)
    assert keys.find("secret") == "secret" and keys.find("secre") is None and keys.find("gehéim") is None
    quota = Quota(keys)
    quota.take("other", 10**9)
    quota.take("secret", 500)
    with pytest.raises(Refusal) as refused:
        quota.take("secret", 200)
    assert refused.value.status == 429 and refused.value.retry_after and refused.value.retry_after <= 11
    for content in ("a b\n", "a 0\n", "# nothing\n", "schlüssel\n"):
        path.write_text(content)
        with pytest.raises(DataError):
            Keys.load(path)


def test_other_machines_are_let_in_on_purpose() -> None:
    check_exposed("127.0.0.1", None, open_to_all=False)
    check_exposed("0.0.0.0", None, open_to_all=True)
    with pytest.raises(RecipeError, match="other machines"):
        check_exposed("0.0.0.0", None, open_to_all=False)


def test_glossaries_are_there_after_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    kept = Glossaries(folder).add("mine", "en", "fr", [("dog", "toutou"), ("big dog", "molosse")], "me")
    again = Glossaries(folder)
    assert again.get(kept.glossary_id, "me") == kept and again.of("you") == []
    assert kept.terms.of("A big dog.") == ("molosse",)
    with pytest.raises(Refusal, match="not found"):
        again.remove(kept.glossary_id, "you")
    again.remove(kept.glossary_id, "me")
    assert Glossaries(folder).of("me") == []
    (folder / "bad.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        Glossaries(folder)


def test_languages_of_several_models_are_told_apart() -> None:
    english, french = b"The dog is in the garden. " * 40, b"Le chien est dans le jardin avec elle. " * 40
    german = b"Der Hund ist mit ihr in dem Garten. " * 40
    both = Languages.together(
        [Languages.learn({"en": english, "fr": french}), Languages.learn({"de": german, "en": english})]
    )
    assert both.names == ("de", "en", "fr")
    for text, language in (("Le chien est grand.", "fr"), ("Der Hund ist da.", "de"), ("The garden is here.", "en")):
        ranked = both.ranked(text)
        assert ranked[0][0] == language and sum(sure for _, sure in ranked) == pytest.approx(100)
    assert max(sure for _, sure in both.ranked("12")) < 60


def test_metrics_are_what_prometheus_reads() -> None:
    metrics = Metrics()
    metrics.request('/a"b', 200, 0.02)
    metrics.request('/a"b', 200, 0.2)
    metrics.gauges["depth"] = ("Lines.", lambda: 3)
    text = metrics.render()
    assert r'nmt_requests_total{route="/a\"b",status="200"} 2' in text
    assert r'nmt_request_seconds_bucket{route="/a\"b",le="0.025"} 1' in text
    assert r'nmt_request_seconds_bucket{route="/a\"b",le="+Inf"} 2' in text and "depth 3" in text
