"""Score a run on the test sets of its recipe, or any file of translations against references.

What was scored is kept in the run folder: `evaluation/<test>.src.txt`, `.hyp.txt`, `.ref.txt` and `results.json`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nmt import console
from nmt.data.lines import line_blocks
from nmt.data.manifest import MANIFEST, Manifest, NotPreparedError
from nmt.errors import DataError, RunError, join_faults, plural
from nmt.evaluate.metrics import LABELS, Score, score
from nmt.train.checkpoint import load_run_recipe, read_checkpoint, write_atomically

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

RESULTS = "results.json"


class Translated(Protocol):
    @property
    def text(self) -> str: ...


class TranslatesLines(Protocol):
    """What is needed of a Translator; a stand-in serves in tests."""

    @property
    def decode(self) -> DecodeSection: ...

    @property
    def checkpoint(self) -> str: ...

    def translate(
        self, lines: Sequence[str], *, on_progress: Callable[[int], None] | None = None
    ) -> Sequence[Translated]: ...


@dataclass(frozen=True)
class TestSet:
    """The scores of one test set, and how its translations were made."""

    __test__ = False  # not for pytest to collect

    name: str
    scores: list[Score]
    sentences: int
    details: dict[str, Any] = field(default_factory=dict)  # seconds, checkpoint, step, decode; empty for a file

    def to_json(self) -> dict[str, dict[str, Any]]:
        return {s.name: s.to_json() for s in self.scores}


@dataclass(frozen=True)
class Evaluation:
    """All test sets of one evaluation."""

    tests: list[TestSet]

    def to_json(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Test set → metric → score, signature."""
        return {t.name: t.to_json() for t in self.tests}

    def rows(self) -> list[list[str]]:
        """Test set, metric, score, signature: a line for each score."""
        return [[t.name, LABELS[s.name], str(s), s.signature] for t in self.tests for s in t.scores]


def evaluate_run(
    run: Path, translator: TranslatesLines, *, test: Sequence[str] = (), prepared: Path | None = None
) -> Evaluation:
    """Translate and score test sets of the run's recipe; all of them where none is named, `valid` if it has none.

    `prepared` is the folder of the prepared data if it is not where the recipe says. Raises DataError for a name that
    is no test set, RunError where the prepared data are gone or are not those the run was trained with.
    """
    recipe = load_run_recipe(run)
    known = [*recipe.data.test, "valid"]
    if unknown := [name for name in test if name not in known]:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise DataError(f"{names} {'is no test set' if len(unknown) == 1 else 'are no test sets'} of {run}.",
                        f"Known: {', '.join(known)}.")  # fmt: skip
    if not test and not recipe.data.test:
        console.info("The recipe names no test set; scoring `valid`.")
    chosen = list(dict.fromkeys(test)) or list(recipe.data.test) or ["valid"]
    folder = prepared or recipe.prepared_dir
    sums = _check_prepared(run, folder, chosen)
    details = {"checkpoint": translator.checkpoint, "step": _step(run, translator.checkpoint),
               "decode": translator.decode.model_dump(mode="json")}  # fmt: skip
    tests = []
    for name in chosen:
        src, ref = (_prepared_lines(folder / file, sums[file]) for file in (f"{name}.src.txt", f"{name}.tgt.txt"))
        began = time.perf_counter()
        with console.progress(f"Translating {name}", len(src), "sentences") as advance:
            hyps = [t.text for t in translator.translate(src, on_progress=advance)]
        seconds = round(time.perf_counter() - began, 2)
        scores = score(hyps, ref, recipe.evaluate.metrics, recipe.evaluate.bleu_tokenize, confidence=True)
        tests.append(TestSet(name, scores, len(src), {"sentences": len(src), "seconds": seconds, **details}))
        _keep(run / "evaluation", tests[-1], {"src": src, "hyp": hyps, "ref": ref})
    return Evaluation(tests)


def evaluate_files(
    hyp: Path,
    refs: Sequence[Path],
    metrics: Sequence[str] = ("bleu", "chrf", "chrf++", "ter"),
    bleu_tokenize: str = "13a",
) -> Evaluation:
    """Score a plain or gzip file of translations against one or several of references.

    Raises DataError naming every file that cannot be used.
    """
    files: list[list[str]] = []
    faults = []
    for path in [hyp, *refs]:
        try:
            files.append(read_lines(path))
        except DataError as e:
            faults.append(str(e))
    if faults:
        raise DataError(join_faults(faults))
    hyps, *streams = files
    for path, stream in zip(refs, streams, strict=True):
        if len(stream) != len(hyps):
            lines = plural(len(hyps), "line")
            faults.append(f"{hyp} has {lines}, but {path} has {len(stream):,}; line n belongs to line n.")
    if faults:
        raise DataError(join_faults(faults))
    return Evaluation([TestSet(str(hyp), score(hyps, streams, metrics, bleu_tokenize, confidence=True), len(hyps))])


def read_lines(path: Path) -> list[str]:
    """Of a plain or gzip file of UTF-8 text. Raises DataError where it is none, or is empty."""
    try:
        path.stat()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}.") from None
    lines = []
    for block in line_blocks(path, str(path), {}):
        for line in block:
            try:
                lines.append(line.decode("utf-8"))
            except UnicodeDecodeError as e:
                raise DataError(
                    f"{path}:{len(lines) + 1} is not UTF-8 text (byte {e.start + 1} of the line).",
                    "Convert it to UTF-8.",
                ) from None
    if not lines:
        raise DataError(f"{path} is empty.")
    return lines


# --- prepared data ---------------------------------------------------------------------------------------------------


def _check_prepared(run: Path, folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Whether the prepared test sets are there, and still those of the run. Gives the sha256 of each file."""
    again = f"Run: nmt prepare {run / 'recipe.yaml'}"
    try:
        now = Manifest.load(folder).outputs
    except NotPreparedError:
        raise RunError(f"the test sets of {run} are not in {folder}: its prepared data are gone.", again) from None
    before = Manifest.load(run).outputs if (run / MANIFEST).exists() else now
    files = [f"{name}.{side}.txt" for name in names for side in ("src", "tgt")]
    if changed := [file for file in files if now.get(file) != before.get(file)]:
        raise RunError(f"{folder / changed[0]} is not the one that {run} was trained with; it was prepared anew since.",
                       again + " --force")  # fmt: skip
    return {file: now[file]["sha256"] for file in files}


def _prepared_lines(path: Path, sha256: str) -> list[str]:
    again = "Prepare again: nmt prepare RECIPE --force"
    try:
        content = path.read_bytes()
    except OSError as e:
        raise RunError(f"{path} cannot be read: {e}.", again) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RunError(f"{path} is not as it was written: its checksum is another.", again)
    return content.decode("utf-8").split("\n")[:-1]


# --- the run folder --------------------------------------------------------------------------------------------------


def _step(run: Path, checkpoint: str) -> int | None:
    try:
        return read_checkpoint(run / "checkpoints" / checkpoint).state.step
    except RunError:
        return None


def _keep(folder: Path, test: TestSet, texts: dict[str, list[str]]) -> None:
    """Write the texts, then the scores among those of other test sets: `scores` as --json shows them, and `details`."""
    try:
        folder.mkdir(exist_ok=True)
        for kind, lines in texts.items():
            write_atomically(folder / f"{test.name}.{kind}.txt", "".join(f"{line}\n" for line in lines).encode())
        results = _results(folder / RESULTS)
        results["scores"][test.name] = test.to_json()
        results["details"][test.name] = test.details
        write_atomically(folder / RESULTS, (json.dumps(results, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as e:
        raise RunError(
            f"{folder} cannot be written: {e.strerror or e}.", "Make room, or mend its permissions."
        ) from None


def _results(path: Path) -> dict[str, dict[str, Any]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {"scores": dict(kept["scores"]), "details": dict(kept["details"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"scores": {}, "details": {}}  # none yet, or damaged: what is scored now is written anew
