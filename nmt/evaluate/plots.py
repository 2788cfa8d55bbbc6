"""Pictures as SVG to stand in a page: text stays text, colours are the page's, the same numbers give the same bytes.

matplotlib draws; it knows no CSS variables, so it draws in stand-in colours which are replaced afterwards.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GRID, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206"
_CSS = {INK: "currentColor", GRID: "var(--line)", FIRST: "var(--first)", SECOND: "var(--second)"}
MAX_POINTS = 400  # of a curve; more are not to be told apart
WIDTH, HEIGHT = 5.0, 2.7  # inches
_INVISIBLE = 0.01  # weights below are not drawn

_STYLE = {
    "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.linewidth": 0.6, "legend.frameon": False, "lines.linewidth": 1.5,
    "text.parse_math": False, "text.color": INK, "axes.edgecolor": GRID, "axes.labelcolor": INK, "grid.color": GRID,
    "xtick.color": GRID, "ytick.color": GRID, "xtick.labelcolor": INK, "ytick.labelcolor": INK,
    "axes.formatter.useoffset": False,
}  # fmt: skip


@dataclass(frozen=True)
class Curve:
    label: str
    x: Sequence[float]
    y: Sequence[float]
    marks: bool = False  # a dot at each point, for the few there are


def line_chart(title: str, curves: Sequence[Curve], x_label: str = "step") -> str:
    """One or two curves over a common axis."""
    from matplotlib.ticker import MaxNLocator

    with _drawing(title) as (figure, axes):
        for curve, colour in zip(curves, (FIRST, SECOND), strict=False):
            kept = range(0, len(curve.x), max(1, -(-len(curve.x) // MAX_POINTS)))
            x, y = ([values[i] for i in kept] for values in (curve.x, curve.y))
            axes.plot(x, y, color=colour, label=curve.label, marker="o" if curve.marks else "", markersize=3)
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        if max((abs(y) for curve in curves for y in curve.y), default=0) >= 1000:
            axes.yaxis.set_major_formatter("{x:,.0f}")
        if len(curves) > 1:
            axes.legend()
        return _svg(figure, title)


def bar_chart(title: str, labels: Sequence[str], values: Sequence[float], x_label: str) -> str:
    """A bar for each label, with its value above it."""
    with _drawing(title) as (figure, axes):
        axes.grid(visible=False, axis="x")
        bars = axes.bar(list(map(_shown, labels)), list(values), color=FIRST, width=0.7)
        axes.bar_label(bars, fmt="%.0f", padding=1)
        axes.margins(y=0.12)
        axes.set_xlabel(x_label)
        return _svg(figure, title)


def heat_map(
    column_names: Sequence[str], row_names: Sequence[str], weights: Sequence[Sequence[float]], title: str = "attention"
) -> str:
    """Weights from 0 to 1 as colours: which source pieces (columns) each target piece (rows) attends to, which experts
    each layer uses. Raises ValueError where they are not a row for each row's name of one for each column's.
    """
    if len(weights) != len(row_names) or any(len(row) != len(column_names) for row in weights):
        raise ValueError(f"weights are not {len(row_names)} rows of {len(column_names)}")
    from matplotlib.patches import Rectangle

    columns, rows = len(column_names), len(row_names)
    with _drawing("", size=(1.2 + 0.24 * max(1, columns), 1.0 + 0.24 * max(1, rows))) as (figure, axes):
        axes.grid(visible=False)
        for y, row in enumerate(weights):
            for x, weight in enumerate(row):
                if weight >= _INVISIBLE:
                    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=FIRST, alpha=round(min(1, weight), 2)))
        axes.set_xlim(-0.5, max(0, columns - 1) + 0.5)
        axes.set_ylim(max(0, rows - 1) + 0.5, -0.5)
        axes.xaxis.tick_top()
        axes.set_xticks(range(columns), list(map(_shown, column_names)), rotation=90)
        axes.set_yticks(range(rows), list(map(_shown, row_names)))
        axes.tick_params(length=0)
        return _svg(figure, title)


def _shown(text: str) -> str:
    """Without characters that an SVG must not hold."""
    return "".join(c if c.isprintable() else "�" for c in text)


@contextmanager
def _drawing(title: str, size: tuple[float, float] = (WIDTH, HEIGHT)) -> Iterator[tuple[Figure, Axes]]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of glyphs that its font lacks: the reader's browser has its own
        matplotlib.rcdefaults()  # whatever style the user may have set
        settings: Any = {**_STYLE, "svg.hashsalt": title}
        matplotlib.rcParams.update(settings)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(_shown(title))
        yield figure, axes


def _svg(figure: Figure, title: str) -> str:
    """The `svg` element alone, as wide as there is room for up to its own size."""
    out = io.StringIO()
    about = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(out, format="svg", transparent=True, metadata=about)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    for colour, css in _CSS.items():
        svg = svg.replace(colour, css)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.DOTALL)  # it would hold for the whole page
    # Ids of what is drawn once and referred to are hashes; others would stand in the page once for each picture.
    svg = re.sub(r' id="(?![mp][0-9a-f]{10}")[^"]*"', "", svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*sans-serif", "var(--font)", svg)
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="0 0 ([\d.]+) [\d.]+"', head)
    if box is None:
        raise AssertionError("matplotlib wrote an SVG without a viewBox")
    label = f'role="img" aria-label="{html.escape(_shown(title))}" style="max-width: {box[1]}pt"'
    return f'<svg {label} {box[0]} xmlns:xlink="http://www.w3.org/1999/xlink">{body}'
