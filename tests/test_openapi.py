"""The description at /spec: it has every route, and whatever is asked by it is answered as it says (schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from nmt.serve import apertium, deepl, files, libre, native, openapi
from nmt.serve.openapi import description
from tests.test_serve import LINES, Running, served

schemathesis = pytest.importorskip("schemathesis", reason="NOT TESTED: schemathesis is not installed")


def test_it_has_every_route_and_no_other() -> None:
    parts = (libre, apertium, deepl, files, native, openapi)
    there = {(one.path, method.lower()) for part in parts for one in part.routes() for method in one.methods or ()}
    told = {(path, method) for path, methods in description()["paths"].items() for method in methods}
    assert told == {(path, method) for path, method in there if method != "head"}


@pytest.fixture(scope="module")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("described")
    with served(trained / "runs" / "mini", folder, "--suggestions", str(folder / "told"), "--beam-size", "1") as one:
        yield one


OPERATIONS = sorted(
    (path, method) for path, methods in description()["paths"].items() for method in methods
)  # fmt: skip


def name_languages(case: Any) -> None:
    """Half of the requests name languages that there are; else none would come further than these."""
    body = case.body
    if case.query and len(str(case.query)) % 2:
        case.query["langpair"] = "en|fr"
    if isinstance(body, dict) and len(str(body)) % 2:
        for name in ("source", "source_lang", "from"):
            if name in body:
                body[name] = "en"
        for name in ("target", "target_lang", "to"):
            if name in body:
                body[name] = "fr"


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_whatever_is_asked_is_answered_as_it_says(server: Running, path: str, method: str) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    wanted = [
        not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
        checks.response_schema_conformance,
    ]  # fmt: skip
    operation = schemathesis.openapi.from_dict(description())[path][method.upper()]

    @settings(max_examples=10, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None)
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        name_languages(case)
        case.call_and_validate(base_url=server.url, checks=wanted, timeout=300)

    ask()


def test_suggestions_become_a_table_to_train_on(server: Running) -> None:
    told = {"q": f"{LINES[0]}\n", "s": 'Le chien\test "là".', "source": "en", "target": "fr"}
    before = server.ask("/frontend/settings")[1]
    assert before["suggestions"] is True
    assert server.ask("/suggest", told) == (200, {"success": True})
    lines = (server.log.parent / "told" / "en-fr.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "en\tfr" and f'{LINES[0]}\tLe chien est "là".' in lines
    for wrong, said in (
        ({"s": ""}, "missing s"),
        ({"target": "en"}, "a text and its translation"),
        ({"q": 5}, "q must"),
    ):
        status, answer = server.ask("/suggest", told | wrong)
        assert status == 400 and said in answer["error"]
