"""Pictures: whole XML, text as text, the page's colours, the same bytes each time."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from nmt.evaluate.plots import Curve, bar_chart, heat_map, line_chart

HOSTILE = "</text><script>alert(1)</script>&$x_1$\x00\u202e'\""
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """What is written in a picture; it must be whole XML."""
    root = ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    assert root.tag == f"{SVG}svg" and root.get("viewBox")
    assert not list(root.iter(f"{SVG}script"))
    return [node.text or "" for node in root.iter(f"{SVG}text")]


def test_a_line_chart_names_its_curves() -> None:
    svg = line_chart("Loss", [Curve("training", [1, 2, 3], [3, 2, 1]), Curve("validation", [1, 3], [3, 2], True)])
    assert {"Loss", "training", "validation", "step"} <= set(texts(svg))
    assert svg == line_chart(
        "Loss", [Curve("training", [1, 2, 3], [3, 2, 1]), Curve("validation", [1, 3], [3, 2], True)]
    )


def test_colours_and_font_are_the_page_s() -> None:
    svg = bar_chart("chrF", ["1-5", "6+"], [50, 60], "words")
    assert "var(--first)" in svg and "currentColor" in svg and "var(--font)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b|DejaVu|Date|style type", svg)
    assert {"50", "60", "1-5", "6+"} <= set(texts(svg))


def test_what_several_pictures_refer_to_does_not_mix() -> None:
    svgs = [bar_chart(title, ["a"], [1], "x") for title in ("one", "two")]
    ids = [set(re.findall(r' id="([^"]*)"', svg)) for svg in svgs]
    for svg, own in zip(svgs, ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]*)', svg)) <= own
    assert ids[0] and not ids[0] & ids[1]


def test_long_curves_are_thinned() -> None:
    steps = list(range(100_000))
    assert len(line_chart("Loss", [Curve("", steps, [i % 97 for i in steps])])) < 60_000


def test_a_heat_map_has_a_cell_for_each_weight_that_shows() -> None:
    svg = heat_map(["▁A", "▁dog", "."], ["▁Un", "▁chien"], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.001]])
    assert {"▁A", "▁dog", ".", "▁Un", "▁chien"} <= set(texts(svg))
    assert re.findall(r"opacity: ([\d.]+)", svg) == ["0.9", "0.1", "0.2", "0.8"]
    assert heat_map([], [], []).startswith("<svg ")
    with pytest.raises(ValueError, match="weights are not 1 rows of 2"):
        heat_map(["a", "b"], ["c"], [[1.0]])


def test_hostile_text_stays_text() -> None:
    shown = "</text><script>alert(1)</script>&$x_1$��'\""
    assert shown in texts(heat_map([HOSTILE], ["a"], [[1.0]]))
    assert shown in texts(bar_chart("t", [HOSTILE], [1.0], "x"))
    assert shown in texts(line_chart(HOSTILE, [Curve("", [1, 2], [1, 2])]))
