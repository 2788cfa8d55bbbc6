"""Score a run on the test sets of its recipe, or any file of translations against references.

What was scored is kept in the run folder: `evaluation/<test>.src.txt`, `.hyp.txt`, `.ref.txt` (of further references
`.ref.1.txt` …) and `results.json`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nmt import console
from nmt.errors import DataError, RecipeError, RunError, join_faults, plural
from nmt.evaluate.comet import check_comet, comet
from nmt.evaluate.directions import means, tokenize_of
from nmt.evaluate.prepared import TestText, texts_of
from nmt.evaluate.texts import Texts, check_references, language_of, read_lines, read_translations
from nmt.run.checkpoint import read_checkpoint
from nmt.run.folder import load_run_recipe
from nmt.run.load import load_languages
from nmt.run.results import FOLDER, Details, KeptScore, Results, Together, readable_results
from nmt.text.flags import FLAGS, WRONG_LANGUAGE, flags
from nmt.text.metrics import OF_TRANSLATIONS, Score, in_language, label, score

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection, Recipe


class Translated(Protocol):
    @property
    def text(self) -> str: ...


class TranslatesLines(Protocol):
    """What is needed of a Translator; a stand-in serves in tests."""

    @property
    def decode(self) -> DecodeSection: ...

    @property
    def checkpoint(self) -> str: ...

    @property
    def engine_name(self) -> str: ...

    def translate(
        self, lines: Sequence[str], *, to: str | None = None, source: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> Sequence[Translated]: ...  # fmt: skip


@dataclass(frozen=True)
class TestSet:
    """The scores of one test set, and how its translations were made."""

    __test__ = False  # not for pytest to collect

    name: str
    scores: list[Score]
    sentences: int
    flags: dict[str, int]  # how many translations look wrong, by name; see nmt.text.flags
    details: dict[str, Any] = field(default_factory=dict)  # seconds, checkpoint, step, engine, decode; empty for a file
    right_language: float | None = None  # percent of the lines; None where it cannot be told

    @property
    def speed(self) -> float | None:
        """Sentences translated a second; None: they came from a file."""
        seconds = self.details.get("seconds")
        return self.sentences / seconds if seconds else None

    def to_json(self) -> dict[str, dict[str, Any]]:
        speed = {} if self.speed is None else {"sentences_per_second": round(self.speed, 2)}
        told = {} if self.right_language is None else {"right_language": self.right_language}
        engine = {"engine": self.details["engine"]} if self.details else {}
        return _scores_json(self.scores) | {
            "output": {"sentences": self.sentences, **speed, **engine, **told, "flags": self.flags}
        }


@dataclass(frozen=True)
class Evaluation:
    """All test sets of one evaluation; where there are several, or several directions, what they come to together."""

    tests: list[TestSet]
    together: dict[str, list[Score]] = field(default_factory=dict)  # MEAN and POOLED, or means over directions
    by_direction: bool = False  # whether the test sets are in several directions

    def to_json(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Test set → metric → score, interval, signature; and `output` → sentences, speed, flags."""
        return {t.name: t.to_json() for t in self.tests} | {n: _scores_json(s) for n, s in self.together.items()}

    def rows(self) -> list[list[str]]:
        """As COLUMNS say: a line for each score."""
        named = [(t.name, t.scores) for t in self.tests] + list(self.together.items())
        return [[name, label(s.name), str(s), s.signature] for name, found in named for s in found]

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows as people see them: where there are many directions, a row each."""
        if not self.by_direction:
            return COLUMNS, self.rows()
        named = [(t.name, t.scores) for t in self.tests] + list(self.together.items())
        return ["test set", *(label(s.name) for s in self.tests[0].scores)], [
            [name, *map(str, scores)] for name, scores in named
        ]

    def output_rows(self) -> list[list[str]]:
        """As OUTPUT_COLUMNS say: how fast each test set was translated, and what looks wrong."""
        return [
            [t.name, f"{t.sentences:,}", t.details.get("engine", ""), "" if t.speed is None else f"{t.speed:.1f}",
             "" if t.right_language is None else f"{t.right_language:.1f} %",
             *(str(t.flags.get(name, "")) for name in FLAGS)]
            for t in self.tests
        ]  # fmt: skip


COLUMNS = ["test set", "metric", "score", "signature"]
OUTPUT_COLUMNS = [
    "test set",
    "lines",
    "engine",
    "a second",
    "right language",
    *(name.replace("_", " ") for name in FLAGS),
]
OLD = "old:"  # before the test sets of the run that `train.guard` watches
MEAN, POOLED = "all (mean)", "all (pooled)"  # no test set can be called so


def _scores_json(scores: Sequence[Score]) -> dict[str, dict[str, Any]]:
    return {s.name: s.to_json() for s in scores}


def evaluate_run(
    run: Path,
    translator: TranslatesLines,
    *,
    test: Sequence[str] = (),
    prepared: Path | None = None,
    with_comet: bool = False,
    metrics: Sequence[str] = (),
) -> Evaluation:
    """Translate and score test sets of the run's recipe; all of them where none is named, `valid` if it has none. By
    `metrics`, or those of the recipe.

    Where the recipe has a `train.guard` and no test set is named, those of the run that it guards are scored, too,
    under `old:` and their names. `prepared` is the folder of the prepared data if it is not where the recipe says.
    Raises DataError for a name that is no test set or COMET that is not installed, RunError where the prepared data are
    gone or are not those the run was trained with.
    """
    recipe = load_run_recipe(run)
    section = recipe.evaluate
    measure = partial(score, metrics=metrics or section.metrics, confidence=True, rouge_tokenize=section.rouge_tokenize)
    if with_comet:
        check_comet()
    details = {"checkpoint": translator.checkpoint, "step": _step(run, translator.checkpoint),
               "engine": translator.engine_name, "decode": translator.decode.model_dump(mode="json")}  # fmt: skip
    tests, every, languages = [], [], load_languages(run)
    own = texts_of(run, test, prepared)
    for name, texts in (own | ({} if test else _old_texts(recipe))).items():
        src, refs, direction = texts.src, texts.refs, texts.direction
        began = time.perf_counter()
        with console.progress(f"Translating {name}", len(src), "sentences") as advance:
            translated = translator.translate(src, to=direction.tgt, source=direction.src, on_progress=advance)
            hyps = [t.text for t in translated]
        seconds = round(time.perf_counter() - began, 2)
        scores = measure(hyps, refs, src=src, bleu_tokenize=texts.bleu_tokenize)
        if with_comet:
            scores.append(comet(src, hyps, refs[0]))
        flagged = {flag: n for flag, n in count_flags(src, hyps).items() if flag in recipe.about_task.flags}
        told = None
        if languages is not None and languages.knows(str(direction.tgt)):
            flagged[WRONG_LANGUAGE] = sum(languages.elsewhere(hyps, str(direction.tgt)))
            told = round(100 * (1 - flagged[WRONG_LANGUAGE] / max(1, len(hyps))), 2)
        of_test = {"sentences": len(src), "seconds": seconds, **details}
        tests.append(TestSet(name, scores, len(src), flagged, of_test, told))
        every.append(Texts(src, hyps, refs))
        _keep(run, tests[-1], every[-1])
    if len(recipe.data.evaluated) > 1:
        together = means(recipe.data, {t.name: t.scores for t in tests[: len(own)]})
        old = {t.name.removeprefix(OLD): t.scores for t in tests[len(own) :] if ":" in t.name.removeprefix(OLD)}
        together |= {f"{OLD}{name}": scores for name, scores in means(recipe.data, old).items()}
    else:
        tokenize = tokenize_of(recipe, "")
        together = _together(tests[: len(own)], every[: len(own)], partial(measure, bleu_tokenize=tokenize))
    evaluation = Evaluation(tests, together, len(recipe.data.evaluated) > 1)
    if evaluation.together:
        _keep_together(run, evaluation)
    return evaluation


def _old_texts(recipe: Recipe) -> dict[str, TestText]:
    """What texts_of gives of the run that `train.guard` watches, in the directions of the recipe; nothing where it is
    gone, which is said.
    """
    if recipe.train.guard is None:
        return {}
    try:
        texts = texts_of(Path(recipe.train.guard.run))
        return {f"{OLD}{name}": own for name, own in texts.items() if own.direction in recipe.data.evaluated}
    except (RunError, RecipeError) as e:
        console.warn(f"What {recipe.train.guard.run} could do is not scored: {e.message}")
        return {}


def count_flags(src: Sequence[str] | None, hyps: Sequence[str], refs: Sequence[str] = ()) -> dict[str, int]:
    """How many translations have each flag. Without sources, references stand in for them; a translation that is its
    reference is no copy then.
    """
    against = refs if src is None else src
    found = [name for one, hyp in zip(against, hyps, strict=True) for name in flags(one, hyp)]
    return {name: found.count(name) for name in FLAGS if src is not None or name != "copied"}


def _together(
    tests: Sequence[TestSet], texts: Sequence[Texts], measure: Callable[..., list[Score]]
) -> dict[str, list[Score]]:
    """The mean of the test sets' scores, each counting alike; and the score of all their sentences as one text."""
    if len(tests) < 2:
        return {}
    hyps = [line for t in texts for line in t.hyp]
    refs = [
        [line for t in texts for line in (t.refs[number] if number < len(t.refs) else [""] * len(t.hyp))]
        for number in range(max(len(t.refs) for t in texts))
    ]
    pooled = measure(hyps, refs, src=[line for t in texts for line in t.src])
    mean = []
    for scores in zip(*(t.scores for t in tests), strict=True):
        first, values = scores[0], [s.value for s in scores]
        mean.append(Score(first.name, sum(values) / len(values), f"mean of {len(values)} test sets"))
        if first.name == "comet":  # it is a mean over sentences
            weighted = sum(s.value * t.sentences for s, t in zip(scores, tests, strict=True))
            pooled.append(Score(first.name, weighted / len(hyps), first.signature))
    return {MEAN: mean, POOLED: pooled}


def evaluate_files(
    hyp: Path,
    refs: Sequence[Path],
    src: Path | None = None,
    *,
    metrics: Sequence[str] = OF_TRANSLATIONS,
    bleu_tokenize: str = "13a",
    with_comet: bool = False,
    rouge_tokenize: str = "unicode",
    language: str | None = None,
) -> Evaluation:
    """Score a file of translations (text, or JSON lines as `nmt translate` writes them) against one or several of
    references, plain or gzip. `language` of both, for metrics that go by it; else the ending of the reference's name.

    Raises DataError naming every file that cannot be used.
    """
    if with_comet:
        check_comet()
        if src is None:
            raise DataError("COMET reads the source, too.", "Give `--src FILE`.")
    check_references(refs)
    files: list[list[str]] = []
    faults = []
    for path in [hyp, *refs, *([src] if src else [])]:
        try:
            files.append(read_translations(path) if path is hyp else read_lines(path))
        except DataError as e:
            faults.append(str(e))
    if faults:
        raise DataError(join_faults(faults))
    hyps, *streams = files
    for path, stream in zip([*refs, *([src] if src else [])], streams, strict=True):
        if len(stream) != len(hyps):
            lines = plural(len(hyps), "line")
            faults.append(f"{hyp} has {lines}, but {path} has {len(stream):,}; line n belongs to line n.")
    if faults:
        raise DataError(join_faults(faults))
    source = streams.pop() if src else None
    words = in_language(bleu_tokenize, language or language_of(refs[0]))
    scores = score(hyps, streams, metrics, words, True, rouge_tokenize, source)
    if with_comet and source is not None:
        scores.append(comet(source, hyps, streams[0]))
    return Evaluation([TestSet(str(hyp), scores, len(hyps), count_flags(source, hyps, streams[0]))])


# --- the run folder --------------------------------------------------------------------------------------------------


def _step(run: Path, checkpoint: str) -> int | None:
    try:
        return read_checkpoint(run / "checkpoints" / checkpoint).state.step
    except RunError:
        return None


def _keep(run: Path, test: TestSet, texts: Texts) -> None:
    """Write the texts, then `scores` and `details` of how they were made, among those of other test sets."""
    folder = run / FOLDER
    with writing(folder):
        texts.keep(folder, test.name)
        before = readable_results(run)  # what is damaged is written anew
        details = Details.model_validate(test.details | {"flags": test.flags, "right_language": test.right_language})
        Results(
            scores=before.scores | {test.name: _kept(test.scores)}, details=before.details | {test.name: details}
        ).save(run)  # `together` was of other translations


def _keep_together(run: Path, evaluation: Evaluation) -> None:
    scores = {name: _kept(scores) for name, scores in evaluation.together.items()}
    together = Together(tests=[t.name for t in evaluation.tests], scores=scores)
    with writing(run / FOLDER):
        readable_results(run).model_copy(update={"together": together}).save(run)


def _kept(scores: Sequence[Score]) -> dict[str, KeptScore]:
    return {s.name: KeptScore(score=s.value, interval=s.interval, signature=s.signature) for s in scores}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Into the evaluation folder of a run. Raises RunError where it cannot be written."""
    try:
        folder.mkdir(exist_ok=True)
        yield
    except OSError as e:
        raise RunError(
            f"{folder} cannot be written: {e.strerror or e}.", "Make room, or mend its permissions."
        ) from None
