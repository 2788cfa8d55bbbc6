"""How long sets will take to make, tried on a few lines."""

from __future__ import annotations

import time

from nmt.data.synthetic import read_manifest
from nmt.synthesis.make import remaining, teacher_of, translate
from nmt.synthesis.plan import Set
from nmt.synthesis.text import lines_of

COLUMNS = ["what", "lines", "still to make", "lines/s", "minutes", "folder"]
TRIED, WARM_UP = 256, 16  # lines


def tried(wanted: Set) -> list[str]:
    """A row, as COLUMNS says. The lines that are tried are spread evenly over those that are waiting."""
    if wanted.is_made:
        return [wanted.title, f"{read_manifest(wanted.folder).lines:,}", "0", "", "0", str(wanted.folder)]
    lines = lines_of(wanted)
    waiting = remaining(wanted, lines)
    if not waiting:
        return [wanted.title, f"{len(lines):,}", "0", "", "0", str(wanted.folder)]
    number = min(TRIED, len(waiting))
    sample = [waiting[i * len(waiting) // number] for i in range(number)]
    translator = teacher_of(wanted)
    translate(wanted, translator, sample[:WARM_UP])
    begun = time.monotonic()
    translate(wanted, translator, sample)
    rate = number / max(1e-9, time.monotonic() - begun)
    return [
        wanted.title, f"{len(lines):,}", f"{len(waiting):,}", f"{rate:,.0f}", f"{len(waiting) / rate / 60:,.1f}",
        str(wanted.folder),
    ]  # fmt: skip
