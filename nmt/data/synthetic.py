"""Synthetic pairs on disk: lines of which other runs have made the one side, with what they were made of.

data/synthetic/<hash>/   source.txt.gz  target.txt.gz  line n of one belongs to line n of the other
                         score.txt.gz   of each pair the model's log-probability of what it wrote, in nats a token
                         reference.txt.gz  with `best`: what the translation was chosen to be like
                         pivot.txt.gz  with `through`: what was translated
                         manifest.json  what it was made of: no time, and nothing of the machine
                         made.json      how long that took, and where the runs came from themselves

They are made by nmt/synthesis; here they are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.data.manifest import MANIFEST, File
from nmt.errors import RunError
from nmt.files import describe_file
from nmt.recipe import Corpus, DataSection
from nmt.records import Record, read_record
from nmt.text.lines import decoded_lines, line_blocks

FORMAT = 1
SOURCE, TARGET, SCORE, REFERENCE = "source.txt.gz", "target.txt.gz", "score.txt.gz", "reference.txt.gz"
PIVOT = "pivot.txt.gz"
MADE = "made.json"
BLOCK = 10_000  # pairs read at a time
_AGAIN = "Make it anew: move that folder away, then nmt augment RECIPE"


class Teacher(Record):
    """A run that translated."""

    run: str  # its folder, as the recipe names it
    recipe: str  # fingerprint
    checkpoint: str
    sha256: str  # of its weights


class SyntheticManifest(Record):
    format: int
    nmt: str
    fingerprint: str  # of what it is made of, which names the folder
    method: str
    src: str  # the direction in which the pairs are learned
    tgt: str
    made: str  # the side that the model wrote: `src` or `tgt`
    teachers: list[Teacher]
    decode: dict[str, Any]
    best: str | None
    through: str | None = None  # the language that was translated, where it is neither `src` nor `tgt`
    inputs: dict[str, str]  # name → sha256
    take: int | None
    lines: int  # that were translated
    dropped: dict[str, int]  # of them, by reason; see nmt.text.flags
    pairs: int
    outputs: dict[str, File]

    @property
    def title(self) -> str:
        """`back_translation fr-en by runs/fr-en`: from which language into which, and which runs translated."""
        read, written = self.languages
        pair = "" if self.through is None else f" for {self.src}-{self.tgt}"
        runs = " + ".join(teacher.run for teacher in self.teachers)
        return f"{self.method.replace('_', ' ')} {read}-{written}{pair} by {runs}"

    @property
    def languages(self) -> tuple[str, str]:
        """Of what was read, and of what was written."""
        return (self.src, self.tgt) if self.made == "tgt" else (self.through or self.tgt, self.src)


def read_manifest(folder: Path) -> SyntheticManifest:
    """Raises RunError where there is none."""
    try:
        return read_record(folder / MANIFEST, SyntheticManifest, _AGAIN)
    except FileNotFoundError:
        raise RunError(f"there are no synthetic pairs in {folder}.", "Make them: nmt augment RECIPE") from None


def synthetic_folders(data: DataSection) -> list[Path]:
    """Whose pairs a recipe trains on."""
    return list(dict.fromkeys(Path(corpus.synthetic) for corpus in data.train if corpus.synthetic is not None))


def check_synthetic(data: DataSection) -> None:
    """Raises RunError where pairs are missing, damaged, or of another direction than the recipe says."""
    for corpus in data.train:
        if corpus.synthetic is None:
            continue
        folder = Path(corpus.synthetic)
        manifest = read_manifest(folder)
        for name, file in manifest.outputs.items():
            path = folder / name
            if not path.exists() or describe_file(path).sha256 != file.sha256:
                raise RunError(f"{path} is {'damaged' if path.exists() else 'missing'}.", _AGAIN)
        if corpus.directions != [f"{manifest.src}-{manifest.tgt}"]:
            raise RunError(f"{folder} has pairs of {manifest.src}-{manifest.tgt}, not of {corpus.directions}.", _AGAIN)


def synthetic_pairs(corpus: Corpus) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Blocks of sources and targets, without those that `keep` leaves out."""
    folder = Path(str(corpus.synthetic))
    kept = _kept(folder, corpus.keep or 1.0)
    begin = 0
    for src, tgt in zip(*(_blocks(folder / name) for name in (SOURCE, TARGET)), strict=True):
        own = np.flatnonzero(kept[begin : begin + len(src)]).tolist()
        begin += len(src)
        yield [src[i] for i in own], [tgt[i] for i in own]


def _blocks(path: Path) -> Iterator[list[bytes]]:
    rest: list[bytes] = []
    for block in line_blocks(path, str(path), {}):
        rest += block
        while len(rest) >= BLOCK:
            yield rest[:BLOCK]
            del rest[:BLOCK]
    if rest:
        yield rest


def _kept(folder: Path, share: float) -> npt.NDArray[np.bool_]:
    """Of each pair whether it is one of this share with the highest scores; of equals the first."""
    path = folder / SCORE
    scores = np.array([float(line) for line in decoded_lines(path, str(path))])
    kept = np.zeros(len(scores), np.bool_)
    kept[np.argsort(-scores, kind="stable")[: max(1, round(share * len(scores)))]] = True
    return kept
