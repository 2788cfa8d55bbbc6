"""Is one system better than another, and is that real? Paired significance tests by sacreBLEU, and where they differ.

A system is a run that was evaluated (its translations are kept in the run folder), or a file of translations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nmt.errors import DataError, RunError
from nmt.evaluate.directions import tokenize_of
from nmt.evaluate.texts import Texts, check_references, language_of, read_lines, read_translations
from nmt.run.abilities import check_translates
from nmt.run.folder import load_run_recipe
from nmt.text.metrics import OF_TRANSLATIONS, compared_with, in_language, label, make_metric, reference_streams

TIE = 0.5  # chrF points of a sentence below which neither has won it


@dataclass(frozen=True)
class Measures:
    """By what systems are compared."""

    metrics: Sequence[str]
    bleu_tokenize: str
    rouge_tokenize: str


@dataclass(frozen=True)
class Compared:
    """One system beside the baseline, by one metric. The p-values are how likely chance makes such a difference."""

    system: str
    metric: str
    score: float
    interval: float  # half the width of the 95 % confidence interval (bootstrap)
    difference: float | None = None  # to the baseline; None: it is the baseline
    p_bootstrap: float | None = None  # paired bootstrap resampling (Koehn 2004)
    p_randomization: float | None = None  # approximate randomization (Riezler and Maxwell 2005)

    @property
    def significant(self) -> bool:
        """By both tests, at p < 0.05."""
        if self.p_bootstrap is None or self.p_randomization is None:
            return False
        # Two that are equal differ by nothing, which the tests do not put down to chance.
        return bool(self.difference) and max(self.p_bootstrap, self.p_randomization) < 0.05

    def to_json(self) -> dict[str, Any]:
        values = {"score": self.score, "interval": self.interval}
        if self.difference is None:
            return values
        return values | {
            "difference": self.difference, "p_bootstrap": self.p_bootstrap, "p_randomization": self.p_randomization,
            "significant": self.significant,
        }  # fmt: skip


@dataclass(frozen=True)
class Differing:
    """A sentence, and the chrF of each system on it."""

    number: int  # counted from 1
    src: str
    ref: str
    hyps: list[str]
    chrf: list[float]

    @property
    def by(self) -> float:
        return max(self.chrf) - min(self.chrf)


@dataclass(frozen=True)
class TestComparison:
    """All systems on one test set; the first is the baseline."""

    name: str
    systems: list[str]
    scores: list[Compared]  # by metric, then by system
    won: list[tuple[int, int, int]]  # for each system but the first: sentences won, lost and tied against it, by chrF
    sentences: list[Differing]  # those on which the systems differ most first

    def to_json(self) -> dict[str, Any]:
        by_metric: dict[str, dict[str, Any]] = {}
        for s in self.scores:
            by_metric.setdefault(s.metric, {})[s.system] = s.to_json()
        sentences = dict(
            zip(self.systems[1:], ({"won": w, "lost": lo, "tied": t} for w, lo, t in self.won), strict=True)
        )
        return {"metrics": by_metric, "sentences": sentences}

    def rows(self) -> list[list[str]]:
        rows = []
        for s in self.scores:
            row = [self.name, label(s.metric), s.system, f"{s.score:.1f} ± {s.interval:.1f}"]
            if s.difference is None:
                row += ["", "", "", "baseline"]
            else:
                row += [f"{s.difference:+.1f}", f"{s.p_bootstrap:.3f}", f"{s.p_randomization:.3f}"]
                row.append("significant" if s.significant else "may be chance")
            rows.append(row)
        return rows


COLUMNS = ["test set", "metric", "system", "score", "diff.", "p (BS)", "p (AR)", ""]


def compare(
    systems: Sequence[Path], refs: Sequence[Path] = (), src: Path | None = None, bleu_tokenize: str | None = None,
    metrics: Sequence[str] = (), rouge_tokenize: str | None = None, language: str | None = None,
) -> list[TestComparison]:  # fmt: skip
    """The systems, the first of which is the baseline, on every test set that all have; on `refs` if they are files.
    What is not said, by which metrics and how BLEU and ROUGE split words, is as the first run's recipe has it; of files
    as its defaults are, and their language the ending of the reference's name.

    Raises DataError where texts are missing or do not fit each other, RunError for a run that was not evaluated.
    """
    if len(systems) < 2:
        raise DataError("there is nothing to compare: one system was given.", "Give two or more runs, or files.")
    names = _names(systems)
    if refs:
        for path in systems:
            if path.is_dir():
                raise DataError(
                    f"{path} is a folder, but `--ref` is given.", "Give files of translations, or only runs."
                )
        check_references(refs)
        streams = [read_lines(path) for path in refs]
        source = read_lines(src) if src else []
        tests = {"": [Texts(source, read_translations(path), streams) for path in systems]}
        words = in_language(bleu_tokenize or "13a", language or language_of(refs[0]))
        by = Measures(metrics or OF_TRANSLATIONS, words, rouge_tokenize or "unicode")
    else:
        tests = _of_runs(systems)
        recipe = load_run_recipe(systems[0])
        section = recipe.evaluate
        by = Measures(metrics or section.metrics, bleu_tokenize or "", rouge_tokenize or section.rouge_tokenize)
        of_test = {name: replace(by, bleu_tokenize=tokenize_of(recipe, name, bleu_tokenize)) for name in tests}
        return [_compare(name, names, texts, systems, of_test[name]) for name, texts in tests.items()]
    return [_compare(name, names, texts, systems, by) for name, texts in tests.items()]


def _names(systems: Sequence[Path]) -> list[str]:
    """Short, and no two alike."""
    short = [path.name for path in systems]
    return short if len(set(short)) == len(short) else [f"{i}:{path}" for i, path in enumerate(systems, 1)]


def _of_runs(runs: Sequence[Path]) -> dict[str, list[Texts]]:
    """Where one of them has several directions, the tests of all have the names that they have there."""
    kept: list[dict[str, Texts]] = []
    recipes = [run / "recipe.yaml" for run in runs]
    several = any(path.exists() and len(load_run_recipe(path.parent).data.evaluated) > 1 for path in recipes)
    for run in runs:
        if not run.is_dir():
            what = "is a file; its references are needed" if run.exists() else "is not there"
            raise DataError(f"{run} {what}.", "Give run folders, or files of translations together with --ref.")
        folder = run / "evaluation"
        tests = sorted(path.name.removesuffix(".hyp.txt") for path in folder.glob("*.hyp.txt"))
        if not tests:
            if (run / "recipe.yaml").exists():
                check_translates(run, load_run_recipe(run))
            raise RunError(f"{run} has not been evaluated.", f"Run: nmt evaluate --run {run}")
        kept.append({_called(run, name) if several else name: Texts.kept(folder, name) for name in tests})
    common = [name for name in kept[0] if all(name in tests for tests in kept)]
    if not common:
        known = "; ".join(f"{run} has {', '.join(tests)}" for run, tests in zip(runs, kept, strict=True))
        raise DataError(f"the runs have no test set in common: {known}.", "Evaluate them on the same one.")
    return {name: [tests[name] for tests in kept] for name in common}


def _called(run: Path, test: str) -> str:
    """A test's name where its direction is told."""
    data = load_run_recipe(run).data
    return test if len(data.evaluated) > 1 else f"{test}:{data.trained[0]}"


def _compare(test: str, names: list[str], texts: list[Texts], systems: Sequence[Path], by: Measures) -> TestComparison:
    from sacrebleu.significance import PairedTest

    first = texts[0]
    for path, other in zip(systems, texts, strict=True):
        if other.refs != first.refs or other.src != first.src:
            raise DataError(f"{path} was evaluated on another `{test}` than {systems[0]}: their texts differ.",
                            "Evaluate both on the same prepared data.")  # fmt: skip
        for stream in [*other.refs, *([other.src] if other.src else [])]:
            if len(stream) != len(other.hyp):
                raise DataError(f"{path} has {len(other.hyp):,} lines, but the references or sources {len(stream):,}; "
                                "line n belongs to line n.")  # fmt: skip
    # As the sacrebleu command does.
    hyps = [[line.rstrip() for line in t.hyp] for t in texts]
    refs = reference_streams(first.refs)
    found: dict[str, dict[str, list[Any]]] = {}
    for kind in ("bs", "ar"):
        for name in by.metrics:
            metric: Any = make_metric(name, by.bleu_tokenize, by.rouge_tokenize)
            named: list[tuple[str, Sequence[str]]] = [(str(i), lines) for i, lines in enumerate(hyps)]
            against = compared_with(name, refs, first.src)
            _, results = PairedTest(named, {name: metric}, against, test_type=kind)()
            found.setdefault(name, {})[kind] = next(v for k, v in results.items() if k != "System")
    scores = []
    for metric_name, by_kind in found.items():
        baseline = by_kind["bs"][0]
        for i, (bs, ar) in enumerate(zip(by_kind["bs"], by_kind["ar"], strict=True)):
            # Of two that are equal sacreBLEU says 0.001 and 0.000, as it looks for differences that are greater.
            p = (1.0, 1.0) if hyps[i] == hyps[0] else (bs.p_value, ar.p_value)
            paired = (bs.score - baseline.score, *p) if i else (None, None, None)
            scores.append(Compared(names[i], metric_name, float(bs.score), float(bs.ci), *paired))
    return TestComparison(test, names, scores, *_by_sentence(first, hyps, refs))


def _by_sentence(
    texts: Texts, hyps: list[list[str]], refs: list[list[Any]]
) -> tuple[list[tuple[int, int, int]], list[Differing]]:
    chrf = make_metric("chrf")
    sentences = []
    for i, lines in enumerate(zip(*hyps, strict=True)):
        values = [float(chrf.sentence_score(line, [stream[i] for stream in refs]).score) for line in lines]
        source = texts.src[i] if texts.src else ""
        sentences.append(Differing(i + 1, source, refs[0][i], list(lines), values))
    won = []
    for system in range(1, len(hyps)):
        gains = [s.chrf[system] - s.chrf[0] for s in sentences]
        better, worse = sum(g > TIE for g in gains), sum(g < -TIE for g in gains)
        won.append((better, worse, len(gains) - better - worse))
    return won, sorted(sentences, key=lambda s: -s.by)
