"""What a server did, as counters in Prometheus' text format (prometheus.io/docs/instrumenting/exposition_formats)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LINES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
Labels = tuple[tuple[str, str], ...]


class _Histogram:
    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts, self.total = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        so_far = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            so_far += count
            yield f"{name}_bucket{_written((*labels, ('le', bound)))} {so_far}"
        yield f"{name}_sum{_written(labels)} {self.total:.6f}"
        yield f"{name}_count{_written(labels)} {so_far}"


class Metrics:
    """Routes and numbers only: no text, no key and no address of anybody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[Labels] = Counter()
        self._seconds: defaultdict[Labels, _Histogram] = defaultdict(lambda: _Histogram(_SECONDS))
        self._batches, self._busy = _Histogram(_LINES), 0.0
        self._characters: Counter[Labels] = Counter()
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}  # name → what it is, and its value now

    def request(self, route: str, status: int, seconds: float) -> None:
        with self._lock:
            self._requests[(("route", route), ("status", str(status)))] += 1
            self._seconds[(("route", route),)].add(seconds)

    def text(self, pair: str, characters: int) -> None:
        with self._lock:
            self._characters[(("pair", pair),)] += characters

    def batch(self, lines: int, seconds: float) -> None:
        with self._lock:
            self._batches.add(lines)
            self._busy += seconds

    def render(self) -> str:
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head("nmt_requests_total", "counter", "Requests answered.")
        yield from _samples("nmt_requests_total", self._requests)
        yield from _head("nmt_request_seconds", "histogram", "Time from a request to its answer.")
        for labels, histogram in sorted(self._seconds.items()):
            yield from histogram.lines("nmt_request_seconds", labels)
        yield from _head("nmt_characters_total", "counter", "Characters of text to translate.")
        yield from _samples("nmt_characters_total", self._characters)
        yield from _head("nmt_batch_lines", "histogram", "Lines translated together.")
        yield from self._batches.lines("nmt_batch_lines", ())
        yield from _head("nmt_translating_seconds_total", "counter", "Time that threads spent translating.")
        yield f"nmt_translating_seconds_total {self._busy:.6f}"
        for name, (text, value) in self.gauges.items():
            yield from _head(name, "gauge", text)
            yield f"{name} {value():g}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _samples(name: str, counts: Counter[Labels]) -> Iterator[str]:
    for labels, count in sorted(counts.items()):
        yield f"{name}{_written(labels)} {count}"


def _written(labels: Labels) -> str:
    def escape(value: str) -> str:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in labels) + "}" if labels else ""
