"""A run's export for CTranslate2, as it lies in the run folder: what is in it, and what it was made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from nmt.errors import RunError, plural
from nmt.files import describe_file
from nmt.records import Record, read_record

FOLDER = "ctranslate2"  # in the run folder
ORIGIN = "nmt.json"  # in it
POSITIONS = 2048  # of sinusoids, which the model holds as a table
MOST_APART = 0.1  # BLEU that the export may differ from our own engine, to be taken in its place

FLOAT32, INT8 = "float32", "int8"


class Compared(Record):
    """What both engines make of the validation text."""

    lines: int  # the first ones, of which `same` are translated the same, in float32
    same: int
    sentences: int  # that the scores are of
    bleu: dict[str, float]  # by engine: `nmt`, `float32`, `int8`

    def sentence(self) -> str:
        """What a person wants to hear of it."""
        scores = ", ".join(f"{'our own engine' if k == 'nmt' else k} {v:.2f}" for k, v in self.bleu.items())
        return (
            f"{self.same} of {self.lines} sample lines are translated the same. "
            f"BLEU of {plural(self.sentences, 'line')} of validation: {scores}."
        )


class Aligned(Record):
    """The layer whose attention tells which words belong together."""

    layer: int  # of the decoder, from 0
    agreement: float  # share of the words that are aligned as by the mean over all layers


class Origin(Record):
    """nmt.json: which weights were exported, and the checksums of the files. Older exports have less."""

    checkpoint: str = ""
    sha256: str = ""  # of its weights
    files: dict[str, str] = Field(default_factory=dict)
    stored: str = ""  # float32, int8 …; empty: an older export does not tell
    compared: Compared | None = None  # None: there was no text to try it with
    aligned: Aligned | None = None


def read_origin(folder: Path) -> Origin | None:
    """Of an export; None where there is none that can be read."""
    try:
        return read_record(folder / ORIGIN, Origin)
    except (FileNotFoundError, RunError):
        return None


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of an export, as CTranslate2 reads it; without one it has its defaults. Raises RunError where it
    cannot be read.
    """
    path = folder / "config.json"
    try:
        said = json.loads(path.read_bytes()) if path.exists() else {}
        return {"decoder_start_token": "<s>"} | said
    except (OSError, ValueError) as e:
        raise RunError(f"{path} cannot be read: {e}.", f"Run: nmt export --run {folder.parent}") from None


def check_files(folder: Path) -> None:
    """Raises RunError naming the first file that is not as it was exported. Older exports have no checksums."""
    origin = read_origin(folder)
    for name, digest in origin.files.items() if origin else ():
        path = folder / name
        if not path.is_file() or describe_file(path).sha256 != digest:
            what = "damaged: its checksum is not the one written with it" if path.is_file() else "missing"
            raise RunError(f"{path} is {what}.", f"Run: nmt export --run {folder.parent}")


def why_not(run: Path, checkpoint: str, sha256: str, compute: str) -> str:
    """Why the export of a run does not serve in the place of our own engine, which would translate with the weights
    `sha256` of `checkpoint`; empty where it does. `compute`: float32 or int8.
    """
    folder, renew = run / FOLDER, f"nmt export --run {run}"
    if not (folder / ORIGIN).exists():
        return f"there is no export for CTranslate2; {renew}"
    origin = read_origin(folder)
    if origin is None or not origin.stored:
        return f"{folder} is damaged, or by an older nmt; {renew}"
    if origin.sha256 != sha256:
        return f"{folder} was exported from {origin.checkpoint}, which is not {checkpoint}; {renew}"
    if origin.stored not in (FLOAT32, compute):
        return f"{folder} is stored in {origin.stored}; to use it: --engine ctranslate2"
    bleu = origin.compared.bleu if origin.compared else {}
    if compute == FLOAT32 and abs(bleu.get(FLOAT32, 0) - bleu.get("nmt", 0)) > MOST_APART:
        return f"CTranslate2 scores {bleu[FLOAT32]:.2f} BLEU where our own engine scores {bleu['nmt']:.2f}"
    return ""
