"""No text that a recipe validates or tests with may come back through its teachers.

A teacher that was trained on that text would write it, or what is nearly it, and scores would mean nothing. It is
refused by what its manifest tells: a file of the same lines; and, where its prepared data are still there, by these:
half of the longer lines of a set, word for word. Teachers of teachers are looked at too. Synthetic lines that are lines
of these sets by chance, or because the text that was translated has them, are left out when data are prepared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nmt.data.manifest import NotPreparedError
from nmt.data.sources import sources_of
from nmt.errors import NMTError, RunError
from nmt.evaluate.training_text import NEAR_WORDS, check_same_data, read_training_text
from nmt.recipe import Recipe
from nmt.run.folder import load_run_recipe
from nmt.run.manifest import run_manifest
from nmt.run.provenance import Ancestor, provenance
from nmt.synthesis.plan import Set
from nmt.text.words import words

FEWEST = 10  # longer lines by which a set is judged
MOST_SEEN = 0.5  # share of them that a teacher may have seen


@dataclass(frozen=True)
class _Kept:
    """The lines of one language of a validation or test set."""

    split: str
    file: str
    language: str
    sha256: str  # as a manifest has it
    lines: list[str]


def check_leaks(recipe: Recipe, sets: Sequence[Set]) -> None:
    """Raises RunError naming teacher, set and file."""
    kept: list[_Kept] = []
    looked_at: set[Path] = set()
    for wanted in sets:
        for run in wanted.runs:
            for one in _with_ancestors(run):
                if one in looked_at or not (one / "recipe.yaml").exists():
                    continue
                looked_at.add(one)
                kept = kept or list(_kept(recipe))
                _check(one, run, kept, wanted.key)


def _with_ancestors(run: Path) -> Iterator[Path]:
    yield run
    if (run / "recipe.yaml").exists():
        known = provenance(run)
        waiting = [known.parent, *(teacher for made in known.sets for teacher in made.teachers)]
        for one in waiting:
            if one is not None:
                yield from _runs_of(one)


def _runs_of(found: Ancestor) -> Iterator[Path]:
    yield Path(found.run)
    for one in (found.parent, *(teacher for made in found.sets for teacher in made.teachers)):
        if one is not None:
            yield from _runs_of(one)


def _kept(recipe: Recipe) -> Iterator[_Kept]:
    for split, sources in sources_of(recipe.data).items():
        if split == "train":
            continue
        for source in sources:
            chunks = list(source.chunks())
            for side, language in zip(("src", "tgt"), source.lines, strict=True):
                lines = [line for chunk in chunks for line in getattr(chunk, side)]
                digest = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
                texts = [line.decode(errors="replace") for line in lines]
                name = source.label("src" if side == "src" else "tgt")
                yield _Kept(split, name, language.partition(".")[0], digest, texts)


def _check(run: Path, teacher: Path, kept: Sequence[_Kept], key: str) -> None:
    said = f"`{key}`: {run}" + ("" if run == teacher else f", of which {teacher} was made,")
    hint = "Scores on that set would mean nothing: give another run, or leave that set out of the recipe."
    try:
        trained_on = {sha for c in run_manifest(run).corpora if c.split == "train" for sha in c.sha256.values()}
    except NotPreparedError:
        trained_on = set()
    for one in kept:
        if one.sha256 in trained_on:
            raise RunError(f"{said} was trained on {one.file}, which is `data.{_named(one.split)}` here.", hint)
    for one, share in _seen(run, kept):
        if share > MOST_SEEN:
            raise RunError(
                f"{said} was trained on {share:.0%} of the longer lines of {one.file}, which is "
                f"`data.{_named(one.split)}` here.".replace("%", " %"),
                hint,
            )


def _named(split: str) -> str:
    return split if split == "valid" else f"test.{split}"


def _seen(run: Path, kept: Sequence[_Kept]) -> Iterator[tuple[_Kept, float]]:
    """Of each set in the language that a run reads, the share of its longer lines that the run was trained on."""
    recipe = load_run_recipe(run)
    try:
        check_same_data(run, recipe.prepared_dir)
    except NMTError:
        return  # its prepared data are gone: only files can be compared
    reads = {direction.src for direction in recipe.data.trained}
    own = {one.split: [line for line in one.lines if len(words(line)) >= NEAR_WORDS]
           for one in kept if one.language in reads}  # fmt: skip
    own = {split: lines for split, lines in own.items() if len(lines) >= FEWEST}
    if not own:
        return
    text, _ = read_training_text(run, recipe.prepared_dir, [line for lines in own.values() for line in lines], [])
    for one in kept:
        if one.language in reads and one.split in own:
            lines = own[one.split]
            yield one, sum(text.seen[line] == "seen" for line in lines) / len(lines)
