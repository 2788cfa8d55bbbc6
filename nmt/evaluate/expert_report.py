"""The report's section on experts: how evenly they are used, by layer and by direction, and how that came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nmt.evaluate.page import Html, beside, join, paragraph, picture, table
from nmt.evaluate.plots import Curve, heat_map, line_chart
from nmt.run.log import DIRECTIONS, EXPERTS, curve
from nmt.text.metrics import EXPERT_LOAD

SHOWN = 64  # experts of a map: more are too small to see
COLUMNS = ["layer", "level", "load", "entropy", "dropped", "top probability", "margin", "near ties"]


def experts_section(log: Sequence[Mapping[str, Any]]) -> Html:
    """Of a run's log; empty where it has no experts. Raises KeyError, TypeError or ValueError of a damaged log."""
    found = [record for record in log if record["event"] == EXPERTS]
    if not found:
        return Html("")
    last = found[-1]["layers"]
    rows = [
        [layer, i + 1, f"{level['load']:.2f}", f"{level['entropy']:.3f}", f"{level['dropped']:.1%}",
         f"{level['top_probability']:.2f}", f"{level['margin']:.3f}", f"{level['near_ties']:.2%}"]
        for layer, one in last.items()
        for i, level in enumerate(one["levels"])
    ]  # fmt: skip
    highest = [max(level["load"] for one in r["layers"].values() for level in one["levels"]) for r in found]
    curves = [
        Curve("training", [r["step"] for r in found], highest),
        Curve("validation", *_apart(curve([dict(r) for r in log], "valid", EXPERT_LOAD)), marks=True),
    ]
    parts: list[object] = [
        beside([
            picture(line_chart("Highest load of an expert (1: all have as much)", [c for c in curves if c.x])),
            _map({layer: one["experts"] for layer, one in last.items()}, "experts by layer"),
        ]),
        table(COLUMNS, rows),
        paragraph(
            f"After step {found[-1]['step']:,}. Load: what the fullest has, as a multiple of the mean. Entropy: 1 if "
            "all have as much. Margin: by how much the last choice is above the best that was not taken; near ties are "
            "below 0.00001, where rounding may decide. In maps a stronger colour is a larger share of the row."
        ),
    ]  # fmt: skip
    by_direction = [record["directions"] for record in log if record["event"] == DIRECTIONS]
    if by_direction and by_direction[-1]:
        directions = by_direction[-1]
        layers = list(next(iter(directions.values())))
        maps = [_map({d: own[name] for d, own in directions.items()}, f"experts of {name}") for name in layers]
        parts += [
            Html("<h3>Experts by direction</h3>"), beside(maps),
            paragraph("What the last validation's translations used; in the decoder all that beam search looked at."),
        ]  # fmt: skip
    return join(parts)


def _apart(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _map(counts: Mapping[str, Sequence[int]], title: str) -> Html:
    """A row of experts for each name; of more than SHOWN those that are used most."""
    number = max(map(len, counts.values()))
    used = sorted(range(number), key=lambda e: -sum(row[e] for row in counts.values()))[:SHOWN]
    columns = sorted(used)
    shares = [[row[e] / max(1, *row) for e in columns] for row in counts.values()]
    return picture(heat_map([str(e) for e in columns], list(counts), shares, title))
