"""Whether prepared data are what a recipe asks for, whole, and made of the text that is there.

A text of gigabytes is not read at each start: beside the prepared folder, `.NAME.inputs.json` remembers the size and
the time of change of each input file whose content was found to be the one that was prepared. Only a file with another
size or time is read again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from nmt import console
from nmt.data.corpus import input_paths
from nmt.data.manifest import MANIFEST, Manifest, Written
from nmt.data.vocabulary import taken
from nmt.errors import RunError
from nmt.files import InputFile, describe_file, write_atomically
from nmt.recipe import Recipe, fingerprint, load_recipe
from nmt.recipe.section import flatten
from nmt.records import Record, read_record
from nmt.tokenizer import Tokenizer, fingerprint_of

LARGEST_CHECKED = 1 << 30  # bytes; of a larger file only `nmt verify` reads all
_FRESH = 2.0  # seconds; a file changed so lately may change again without another time on a coarse clock


def deciding_keys(recipe: Recipe) -> dict[str, Any]:
    """The keys of the recipe that decide the prepared bytes, flat, as the user writes them."""
    in_training = {"__all__": {"share", "objective"}}
    without: dict[str, Any] = dict.fromkeys(("root", "url", "sha256", "prepared_dir", "temperature", "noise"), True)
    data = recipe.data.model_dump(mode="json", exclude_none=True, exclude=without | {"train": in_training})
    if len(data["valid"]) == 1:
        data["valid"] = data["valid"][0]
    # Sampling happens in training
    tokenizer = recipe.tokenizer.model_dump(mode="json", exclude={"sampling"}, exclude_none=True)
    tokenizer |= dict.fromkeys(recipe.tokenizer.open_keys, "auto")
    kinds = sorted({recipe.objective_of(corpus).kind for corpus in recipe.data.train} - {"translate"})
    objective = {"objective.kind": ", ".join(kinds)} if kinds else {}  # which decide the control pieces
    if pairs := sorted({recipe.objective_of(corpus).pairs for corpus in recipe.data.train} - {"none"}):
        objective["objective.pairs"] = ", ".join(pairs)
    return dict(flatten(data, "data")) | dict(flatten(tokenizer, "tokenizer")) | objective


def check_prepared(recipe: Recipe, recipe_path: str | Path | None = None) -> Manifest:
    """The manifest of the recipe's prepared data.

    Raises NotPreparedError where there is none, RunError where it was made by other data or tokenizer keys (naming
    them) or where files are missing.
    """
    folder = recipe.prepared_dir
    command = f"nmt prepare {recipe_path or 'RECIPE'} --force"
    manifest = Manifest.load(folder, command)
    again = f"Run: {command}"
    now, before = deciding_keys(recipe), manifest.sections
    if before.get("tokenizer.vocab_size") == "auto":  # a recipe that says the number which that came to is the same
        size = max(manifest.tokenizer.vocab_sizes)
        before = before | ({"tokenizer.vocab_size": size} if now["tokenizer.vocab_size"] == size else {})
    differing = [key for key in {**now, **before} if now.get(key) != before.get(key)]
    if differing:
        key, *others = differing
        with_what = f"with `{key}: {before[key]}`" if key in before else f"without `{key}`"
        but = f"the recipe says {now[key]}" if key in now else "the recipe has no such key"
        also = f" So differ: {', '.join(f'`{k}`' for k in others)}." if others else ""
        raise RunError(f"{folder} was prepared {with_what}, but {but}.{also}", again)
    source = recipe.tokenizer.taken_from
    if source and Path(source).exists() and not _is_of(folder, recipe, manifest, Path(source)):
        raise RunError(f"{folder} was prepared with the tokenizer that {source} had; it has another now.", again)
    scorer, section = scorer_fingerprint(recipe), recipe.data.filters.pair_score
    if section and scorer and manifest.scorer not in (None, scorer):
        raise RunError(f"{folder} was prepared by the scores of {section.run}, which was trained again since.", again)
    for name, file in manifest.inputs.items():
        if recipe.data.sha256.get(name, file.sha256) != file.sha256:
            raise RunError(f"{folder} was prepared from another {name} than `data.sha256` says.", again)
    for name, file in manifest.outputs.items():
        path = folder / name
        if not path.exists() or path.stat().st_size != file.size:
            raise RunError(f"{path} is {'not as it was written' if path.exists() else 'missing'}.", again)
    return manifest


def _is_of(folder: Path, recipe: Recipe, manifest: Manifest, source: Path) -> bool:
    """Whether the prepared data's tokenizer is that of the recipe's `from`, or extends it where it is to."""
    if recipe.tokenizer.extend is None:
        return taken(recipe, source).fingerprint == manifest.tokenizer.fingerprint
    return Tokenizer.load(folder).extends(Tokenizer.take(source))


def scorer_fingerprint(recipe: Recipe) -> str | None:
    """16 hex digits of the checkpoints of the run that scores pairs; None where there is none, or it is gone."""
    section = recipe.data.filters.pair_score
    states = sorted(Path(section.run).glob("checkpoints/*/state.json")) if section else []
    return fingerprint(*(path.read_text(encoding="utf-8") for path in states)) if states else None


def check_scorer(recipe: Recipe) -> None:
    """Raises RunError where the run that is to score pairs knows other languages than the recipe has."""
    section = recipe.data.filters.pair_score
    if section is None or not (Path(section.run) / "recipe.yaml").exists():
        return  # which is told when it is loaded
    of_run = load_recipe(Path(section.run) / "recipe.yaml").data
    theirs, mine = (", ".join(map(str, data.trained)) for data in (of_run, recipe.data))
    if theirs != mine:
        raise RunError(
            f"`data.filters.pair_score.run: {section.run}` scores pairs of {theirs}, but the recipe has {mine}.",
            "Give a run of the same source and target language.",
        )


def check_source(run: Path) -> None:
    """Raises RunError where a run whose tokenizer is taken has another than it was trained with, or its recipe.yaml
    says something else of it than then.
    """
    try:
        before = read_record(run / MANIFEST, Written)
    except FileNotFoundError:
        return
    if fingerprint_of(run) != before.tokenizer.get("fingerprint"):
        raise RunError(
            f"the tokenizer in {run} is not the one that its model was trained with.",
            "Restore the run folder from a copy.",
        )
    now = deciding_keys(load_recipe(run / "recipe.yaml"))
    then = {key: value for key, value in before.sections.items() if key.startswith("tokenizer.") and value != "auto"}
    for key in sorted(now.keys() & then.keys()):
        if now[key] != then[key]:
            raise RunError(
                f"{run} was trained with `{key}: {then[key]}`, but its recipe says {now[key]}.",
                "Was recipe.yaml in the run changed? Put back what it said.",
            )


def check_bytes(folder: Path, manifest: Manifest) -> None:
    """Whether every prepared file is as it was written. Reads all but very large ones; raises RunError."""
    for name, file in manifest.outputs.items():
        if file.size <= LARGEST_CHECKED and describe_file(folder / name).sha256 != file.sha256:
            raise RunError(
                f"prepared data {folder / name} is damaged: its checksum is not the one written with it.",
                "Prepare again: nmt prepare RECIPE --force",
            )


# --- the text --------------------------------------------------------------------------------------------------------


class _Seen(Record):
    """A file that was found to have the content that was prepared."""

    size: int
    mtime_ns: int
    sha256: str


class _SeenFiles(Record):
    files: dict[str, _Seen]  # by absolute path


def check_inputs(recipe: Recipe, manifest: Manifest, recipe_path: str | Path | None, going_on: bool = False) -> None:
    """Input files may be gone once all is prepared; but where they are there, they must be the same. Raises RunError
    naming the first that is not; only warns where a run is `going_on`, which was begun with the text of then.
    """
    changed = changed_input(recipe, manifest)
    if changed and going_on:
        told = f"{changed} has changed since {recipe.prepared_dir} was prepared from it"
        console.warn(f"{told}; {recipe.run_dir} goes on with the text of then.")
    elif changed:
        raise RunError(
            f"{changed} has changed since {recipe.prepared_dir} was prepared from it.",
            f"Run: nmt prepare {recipe_path or 'RECIPE'} --force",
        )


def changed_input(recipe: Recipe, manifest: Manifest) -> str | None:
    """The first input file that is there and is not the one of that manifest."""
    seen = _read_seen(recipe)
    found: list[InputFile] = []
    for name, path in input_paths(recipe.data).items():
        recorded = manifest.inputs.get(name)
        if recorded is None or not path.is_file():
            continue
        stat = path.stat()
        if stat.st_size != recorded.size:
            return name
        if seen.get(os.path.abspath(path)) == _seen(stat.st_size, stat.st_mtime_ns, recorded.sha256):
            continue
        found.append(describe_file(path))
        if found[-1].sha256 != recorded.sha256:
            return name
    if found:
        remember_inputs(recipe, found, seen)
    return None


def remember_inputs(recipe: Recipe, files: Iterable[InputFile], seen: Mapping[str, _Seen] | None = None) -> None:
    """That these have the content that was prepared, besides those that are known; without a word where that cannot be
    written.
    """
    old = time.time_ns() - int(_FRESH * 1e9)
    new = {os.path.abspath(f.path): _seen(f.size, f.mtime_ns, f.sha256) for f in files if f.mtime_ns < old}
    if not new:
        return
    with suppress(OSError):
        content = _SeenFiles(files={**(seen or {}), **new}).model_dump_json(indent=1)
        write_atomically(_seen_path(recipe), content.encode())


def _seen(size: int, mtime_ns: int, sha256: str) -> _Seen:
    return _Seen(size=size, mtime_ns=mtime_ns, sha256=sha256)


def _seen_path(recipe: Recipe) -> Path:
    return recipe.prepared_dir.with_name(f".{recipe.prepared_dir.name}.inputs.json")


def _read_seen(recipe: Recipe) -> dict[str, _Seen]:
    try:
        return read_record(_seen_path(recipe), _SeenFiles).files
    except (FileNotFoundError, RunError):
        return {}
