"""The text of a run's test sets, out of the prepared data that it was trained with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nmt import console
from nmt.data.manifest import EXAMPLES, MANIFEST, File, Manifest, NotPreparedError
from nmt.data.sources import stored_directions
from nmt.data.store import PreparedSplit
from nmt.errors import DataError, RunError
from nmt.evaluate.directions import name_of
from nmt.recipe import DataSection, Recipe
from nmt.recipe.directions import Direction
from nmt.run.folder import load_run_recipe
from nmt.run.manifest import run_manifest


@dataclass(frozen=True)
class TestText:
    """A test set in one direction."""

    __test__ = False  # not for pytest to collect

    direction: Direction
    src: list[str]
    refs: list[list[str]]  # a blank line of any but the first is no reference
    bleu_tokenize: str


def texts_of(run: Path, test: Sequence[str] = (), prepared: Path | None = None) -> dict[str, TestText]:
    """Test sets of the run's recipe in all its directions, by name, such as `flickr`, or of several directions
    `flickr:en-fr`; `test` may have both. All where none is named; `valid` if the recipe has none.

    Raises DataError for a name that is no test set, RunError where the prepared data are gone or are not those the run
    was trained with.
    """
    recipe = load_run_recipe(run)
    data, folder = recipe.data, prepared or recipe.prepared_dir
    several = len(data.evaluated) > 1
    chosen = chosen_tests(run, recipe, [name.partition(":")[0] if several else name for name in test])
    files, sums = _check_prepared(run, folder, chosen, partial(_files, data))
    found: dict[str, TestText] = {}
    for name, group in files.items():
        texts = {file: _prepared_bytes(folder / file, sums[file].sha256) for file in group}
        for direction, own in _between(data, folder, name, texts).items():
            tokenize = recipe.tokenize_for(str(direction.tgt))
            found[name_of(data, name, direction)] = TestText(direction, own[0], own[1:], tokenize)
    if unknown := [name for name in test if name not in found and name not in chosen]:
        raise DataError(f"`{unknown[0]}` is no test set of {run}.", f"Known: {', '.join(found)}.")
    whole = [name for name in chosen if name in test or not test]
    return {name: own for name, own in found.items() if name in test or name.partition(":")[0] in whole}


def _files(data: DataSection, manifest: Manifest, split: str) -> list[str]:
    if len(data.evaluated) == 1:
        return [manifest.text_of(split, "src"), *manifest.references_of(split)]
    own = [corpus for corpus in manifest.corpora if split in corpus.examples]
    languages = dict.fromkeys(str(name) for corpus in own for name in (corpus.src, corpus.tgt))
    return [f"{split}{EXAMPLES}", *(f"{split}.{name}.txt" for name in languages)]


def _between(data: DataSection, folder: Path, split: str, files: dict[str, bytes]) -> dict[Direction, list[list[str]]]:
    """Sources and references in each direction that a split has."""
    if len(data.evaluated) == 1:  # one file a side, in the order of the examples, whatever nmt prepared it
        return {data.trained[0]: [_lines(content) for content in files.values()]}
    opened = PreparedSplit.open(folder, split)
    has = {opened.directions[corpus] for corpus in opened.examples.corpora}
    found = {}
    for direction, stored in zip(data.evaluated, stored_directions(data, trained=False), strict=True):
        if stored in has:
            own = opened.between([stored])
            found[direction] = [own.text("src"), own.text("tgt")]
    return found


def lines_of(run: Path, test: Sequence[str] = (), prepared: Path | None = None) -> dict[str, list[str]]:
    """The lines of test sets of text of one language, by name; which ones, and errors, as of texts_of."""
    recipe = load_run_recipe(run)
    folder = prepared or recipe.prepared_dir
    files, sums = _check_prepared(run, folder, chosen_tests(run, recipe, test), Manifest.texts_of)
    return {
        name: [line for file in group for line in _lines(_prepared_bytes(folder / file, sums[file].sha256))]
        for name, group in files.items()
    }


def chosen_tests(run: Path, recipe: Recipe, test: Sequence[str]) -> list[str]:
    """Which test sets are scored, and errors, as of texts_of."""
    known = [*recipe.data.test, "valid"]
    if unknown := [name for name in test if name not in known]:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise DataError(f"{names} {'is no test set' if len(unknown) == 1 else 'are no test sets'} of {run}.",
                        f"Known: {', '.join(known)}.")  # fmt: skip
    if not test and not recipe.data.test:
        console.info("The recipe names no test set; scoring `valid`.")
    return list(dict.fromkeys(test)) or list(recipe.data.test) or ["valid"]


def _check_prepared(
    run: Path, folder: Path, names: Iterable[str], files_of: Callable[[Manifest, str], list[str]]
) -> tuple[dict[str, list[str]], dict[str, File]]:
    """Whether the prepared test sets are there, and still those of the run. Gives their files, and what the manifest
    says of these.
    """
    again = f"Run: nmt prepare {run / 'recipe.yaml'}"
    try:
        now = Manifest.load(folder, f"nmt prepare {run / 'recipe.yaml'} --force")
    except NotPreparedError:
        raise RunError(f"the test sets of {run} are not in {folder}: its prepared data are gone.", again) from None
    before = run_manifest(run) if (run / MANIFEST).exists() else now
    files = {name: files_of(before, name) for name in names}
    found = {file: now.outputs.get(file) for group in files.values() for file in group}
    known = {file: sums for file, sums in found.items() if sums is not None and sums == before.outputs.get(file)}
    if changed := [file for file in found if file not in known]:
        raise RunError(f"{folder / changed[0]} is not the one that {run} was trained with; it was prepared anew since.",
                       again + " --force")  # fmt: skip
    return files, known


def _prepared_bytes(path: Path, sha256: str) -> bytes:
    again = "Prepare again: nmt prepare RECIPE --force"
    try:
        content = path.read_bytes()
    except OSError as e:
        raise RunError(f"{path} cannot be read: {e}.", again) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RunError(f"{path} is not as it was written: its checksum is another.", again)
    return content


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8").split("\n")[:-1]
