"""log.jsonl: what a training said while it ran, one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nmt.files import write_atomically

EXPERTS, DIRECTIONS = "experts", "expert_directions"  # events: loads of layers, and of directions in validation


class RunLog:
    """log.jsonl: one JSON object a line. Resuming drops what was logged after the checkpoint, and the events of its own
    step that come `again`, so nothing repeats. Where there is no checkpoint, at step -1, it begins anew.
    """

    def __init__(self, path: Path, resume_step: int, again: Sequence[str] = ()) -> None:
        kept = []
        self.ended_at: int | None = None  # the step at which the run had come to its end
        if path.exists():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                record = _parse_record(line)
                if record is None or (record["step"] == resume_step and record["event"] in again):
                    continue
                if record["step"] <= resume_step:
                    kept.append(line + "\n")
                    if record["event"] == "end":
                        self.ended_at = record["step"]
        if path.exists():
            write_atomically(path, "".join(kept).encode())
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the run

    def write(self, **record: Any) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()


def read_log(run: Path) -> list[dict[str, Any]]:
    """The records of a run's log.jsonl, oldest first; lines that a crash cut short are left out."""
    path = run / "log.jsonl"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    return [record for line in lines if (record := _parse_record(line)) is not None]


def last_start(run: Path) -> dict[str, Any]:
    """What the log says of the machine and the inputs when training was last started; empty if nothing."""
    return next((r for r in reversed(read_log(run)) if r["event"] == "start"), {})


def is_finished(run: Path) -> bool:
    """Whether the training came to its end, and was not begun anew since."""
    log = read_log(run)
    return any(r["event"] == "end" and r["step"] == max(other["step"] for other in log) for r in log)


def curve(log: Sequence[dict[str, Any]], event: str, key: str) -> list[tuple[int, float]]:
    """(step, value) of each record of that event that has a finite number there."""
    return [(r["step"], r[key]) for r in log if r["event"] == event and is_number(r.get(key))]


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parse_record(line: str) -> dict[str, Any] | None:
    """None: cut short by a crash, or otherwise broken. Every record says what happened after which step."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(record, dict) and isinstance(record.get("event"), str)
    return record if whole and isinstance(record.get("step"), int) else None
