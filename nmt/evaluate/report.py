"""A run as one HTML file: what it was made of, how it learned, how good it is, and where it is weak.

Everything but the attention comes from the run folder and the prepared data. The same run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmt.data.audit import LABELS as FINDINGS
from nmt.data.manifest import MANIFEST, SPLITS
from nmt.errors import DataError, RunError
from nmt.evaluate.analysis import FREQUENCY_COLUMNS, GROUP_COLUMNS, Analysis, analyse_run
from nmt.evaluate.evaluation import COLUMNS, OUTPUT_COLUMNS
from nmt.evaluate.expert_report import experts_section
from nmt.evaluate.page import Html, beside, block, code, escape, join, marked, page, paragraph, picture, table, tiles
from nmt.evaluate.plots import Curve, bar_chart, heat_map, line_chart
from nmt.evaluate.robustness import COLUMNS as ROBUSTNESS_COLUMNS
from nmt.evaluate.robustness import kept_robustness
from nmt.evaluate.texts import Texts
from nmt.evaluate.verdict import verdict
from nmt.files import write_atomically
from nmt.recipe import Task
from nmt.run.log import curve, is_number, last_start, read_log
from nmt.run.manifest import run_manifest
from nmt.run.overview import Run, read_run
from nmt.run.provenance import described, provenance
from nmt.run.results import FOLDER, Results, readable_results
from nmt.text.flags import FLAGS
from nmt.text.metrics import BITS, figure, label
from nmt.version import VERSION

REPORT = "report.html"
STAGES = 5  # validations of which samples are shown
EXAMPLES = 3  # translations shown at the top
_LEGEND = "Underlined: not in the reference. It may be right all the same."

Attention = tuple[Sequence[str], Sequence[str], Sequence[Sequence[float]]]  # as of plots.heat_map


@dataclass(frozen=True)
class _Known:
    """What the sections are made of."""

    run: Run
    log: list[dict[str, Any]]
    results: Results
    analyses: list[Analysis]
    attention: Sequence[Attention]

    @property
    def how_to_evaluate(self) -> Html:
        return code(f"nmt evaluate --run {self.run.path}")


def write_report(run: Path, attention: Sequence[Attention] = ()) -> Path:
    """Write `report.html` into the run folder, whole or not at all, and return where it is.

    Raises RunError where the folder is no run, or cannot be written.
    """
    text = build_report(run, attention)
    try:
        write_atomically(run / REPORT, text.encode())
    except OSError as e:
        raise RunError(
            f"{run / REPORT} cannot be written: {e.strerror or e}.", "Make room, or mend its permissions."
        ) from None
    return run / REPORT


def build_report(run: Path, attention: Sequence[Attention] = ()) -> str:
    """The page. `attention` is shown if it is given: source pieces, target pieces, a row of weights for each target."""
    found = read_run(run)
    analyses = analyse_run(run) if any((run / "evaluation").glob("*.hyp.txt")) else []
    known = _Known(found, read_log(run), readable_results(run), analyses, attention)
    recipe = found.recipe
    sections = [(name, _whole(section, known)) for name, section in _SECTIONS.items()]
    what = f"A model of {recipe.languages} text"
    if recipe.translates:
        directions = [f"{d.src} to {d.tgt}" for d in recipe.data.trained]
        what = f"A translator from {', '.join(directions)}"
        if recipe.task != "translate":
            what = f"A model that {recipe.does}"
    elif recipe.draws:
        what = f"A language model of {recipe.languages}"
    return page(recipe.name, f"{what}, trained by nmt.", [(name, body) for name, body in sections if body.markup])


def _whole(section: Callable[[_Known], Html], known: _Known) -> Html:
    """A section; where a file that it needs is damaged, that. The others are worth reading all the same."""
    try:
        return section(known)
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        return paragraph(f"This cannot be shown, as a file of the run is damaged ({type(e).__name__}: {e}).")


# --- how good it is --------------------------------------------------------------------------------------------------


def _summary(known: _Known) -> Html:
    """What a person should know who reads nothing else: the scores, what they come to, and a few translations."""
    run, scores = known.run, known.results.scores
    shown: list[tuple[str, object]] = [
        (f"{label(metric)} on {name}", figure(metric, found[metric].score))
        for name, found in list(scores.items())[:3]
        for metric in (*run.recipe.about_task.metrics[:2], BITS, "perplexity")
        if metric in found
    ]
    if not scores:
        shown += [
            (f"{label(name)} on valid", figure(name, value)) for name, value in run.valid.items() if name != "loss"
        ]
    shown += [("steps", f"{run.steps:,}"), ("minutes of training", f"{run.seconds / 60:.1f}")]
    sentences = verdict(run.valid, known.results, known.analyses, kept_robustness(run.path))
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return join([tiles(shown), Html(f"<ul>{items}</ul>"), *_examples(run.path, run.recipe.about_task)])


def _examples(run: Path, task: Task) -> list[object]:
    """The first sentences of the test set that was evaluated first; none where its texts are not there."""
    kept = sorted((run / FOLDER).glob("*.hyp.txt"))
    if not kept:
        return []
    name = kept[0].name.removesuffix(".hyp.txt")
    try:
        texts = Texts.kept(run / FOLDER, name)
    except DataError:
        return []
    rows = zip(texts.src, texts.refs[0], texts.hyp, strict=False)
    shown = [(src, ref, [(task.target, marked(ref, hyp, False))]) for src, ref, hyp in rows]
    return [*(_sentence(task, *one) for one in shown[:EXAMPLES]), paragraph(_LEGEND)]


def _scores(known: _Known) -> Html:
    scores, details = known.results.scores, known.results.details
    if not scores:
        return paragraph("Not evaluated yet. Run: ", known.how_to_evaluate)
    together = known.results.together.scores if known.results.together else {}
    rows = [
        [test, label(metric), found.text(metric)]
        for test, by_metric in [*scores.items(), *together.items()]
        for metric, found in by_metric.items()
    ]
    if not details:  # of a language model, which translates nothing
        return table(COLUMNS[:-1], rows)
    outputs = []
    for test, how in details.items():
        speed = f"{how.sentences / how.seconds:.1f}" if how.seconds else ""
        right = "" if how.right_language is None else f"{how.right_language:.1f} %"
        outputs.append(
            [test, f"{how.sentences:,}", how.engine, speed, right, *(how.flags.get(name, "") for name in FLAGS)]
        )
    used = {f"{how.checkpoint}, beam {how.decode['beam_size']}" for how in details.values()}
    return join([
        table(COLUMNS[:-1], rows),
        paragraph("± is half the width of the 95 % confidence interval (bootstrap resampling), by sacreBLEU. ",
                  f"Translated with {' and '.join(sorted(used))}."),
        Html("<h3>Outputs</h3>"),
        table(OUTPUT_COLUMNS, outputs),
        paragraph("How many translations are in the language that they should be in, by their letters. How many are "
                  "empty, are the source itself, repeat themselves, or are more than 2.5 times as long as the source "
                  "or shorter by as much."),
    ])  # fmt: skip


def _lengths(known: _Known) -> Html:
    parts: list[object] = []
    for a in known.analyses:
        names, values = [g.name for g in a.by_length], [g.chrf for g in a.by_length]
        rows = [row[2:] for row in a.group_rows() if row[1] == "source words"]
        parts += [
            Html(f"<h3>{escape(a.name)}</h3>"),
            beside([
                picture(bar_chart("chrF by length", names, values, "words of the source")),
                table(["source words", *GROUP_COLUMNS[3:]], rows),
            ]),
        ]  # fmt: skip
    if parts:
        parts.append(paragraph("“length” is characters of the translations for each of the references."))
    return join(parts)


def _weak_spots(known: _Known) -> Html:
    parts: list[object] = []
    for a in known.analyses:
        parts.append(Html(f"<h3>{escape(a.name)}</h3>"))
        if a.missing:
            parts.append(paragraph(f"What was seen in training is not told: {a.missing}"))
            continue
        names, values = [f.name for f in a.by_frequency], [100 * f.f1 for f in a.by_frequency]
        parts += [
            beside([
                picture(bar_chart("F1 (%) by how often training has a word", names, values, "times in training")),
                table(FREQUENCY_COLUMNS[1:], [row[1:] for row in a.frequency_rows()]),
            ]),
            beside([
                table(["source", *GROUP_COLUMNS[3:]], [row[2:] for row in a.group_rows() if row[1] == "source"]),
                table(
                    ["rarest word: times in training", *GROUP_COLUMNS[3:]],
                    [row[2:] for row in a.group_rows() if row[1] == "rarest word"],
                ),
            ]),
        ]  # fmt: skip
    return join(parts)


def _robustness(known: _Known) -> Html:
    kept = kept_robustness(known.run.path)
    if not known.run.recipe.translates:
        return Html("")
    if not kept:
        return paragraph("Not measured yet. Run: ", code(f"nmt evaluate --run {known.run.path} --robustness"))
    parts: list[object] = []
    for r in kept:
        parts += [Html(f"<h3>{escape(r.name)}</h3>"), table(ROBUSTNESS_COLUMNS[1:], [row[1:] for row in r.rows()])]
    about = (
        "The same sources written otherwise, against references written as they are; “changed” is how many of them "
        "differ, “difference” is to the clean text."
    )
    return join([*parts, paragraph(about)])


def _worst(known: _Known) -> Html:
    parts: list[object] = []
    for a in known.analyses:
        parts.append(Html(f"<h3>{escape(a.name)}, by chrF</h3>"))
        for s in a.worst:
            flagged = f" · {', '.join(s.flags)}" if s.flags else ""
            about = f"line {s.number} · chrF {s.chrf:.0f}{flagged}"
            parts.append(_sentence(known.run.recipe.about_task, s.src, s.ref, [(about, marked(s.ref, s.hyp))]))
    return join(parts)


def _sentence(task: Task, src: str, ref: str, hyps: Sequence[tuple[str, Html]]) -> Html:
    """`hyps` are (about, translation)."""
    rows: list[tuple[str, object]] = [(task.source, src), ("reference", ref), *hyps]
    return Html("<dl>" + "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in rows) + "</dl>")


def _attention(known: _Known) -> Html:
    if not known.attention:
        return Html("")
    return join([
        paragraph("Columns are pieces of the source, rows those of the translation; a stronger colour is more weight."),
        beside([picture(heat_map(*one)) for one in known.attention]),
    ])  # fmt: skip


# --- how it was made -------------------------------------------------------------------------------------------------


def _curves(known: _Known) -> Html:
    def drawn(event: str, key: str, label: str, marks: bool = False) -> Curve:
        points = curve(known.log, event, key)
        return Curve(label, [x for x, _ in points], [y for _, y in points], marks)

    metric, guarded = known.run.recipe.train.metric, known.run.recipe.train.guard is not None
    old = f"old_{metric.partition(':')[0]}"
    charts = {
        "Loss (nats a target token)": [drawn("step", "nll", "training"), drawn("valid", "loss", "validation", True)],
        "Validation scores": [drawn("valid", name, label(name), True) for name in known.run.recipe.about_task.valid],
        f"{label(metric)}, new and old domain": [
            drawn("valid", metric, "new", True),
            drawn("valid", old, "old", True),
        ]
        if guarded
        else [],
        "Bits a character": [drawn("valid", BITS, "", True)],
        "Learning rate": [drawn("step", "learning_rate", "")],
        "Speed (target tokens a second)": [drawn("step", "tokens_per_second", "")],
    }
    known_curves = {title: [c for c in curves if c.x] for title, curves in charts.items()}
    svgs = [line_chart(title, curves) for title, curves in known_curves.items() if curves]
    if between := [c for c in (_between(known, metric, "new"), _between(known, old, "old")) if c.x]:
        svgs.append(line_chart(f"{label(metric)} between parent and child", between, "% of the child"))
    return beside(list(map(picture, svgs))) if svgs else paragraph("The run has no log.")


def _between(known: _Known, key: str, label: str) -> Curve:
    """A score of the weights that were tried at the end, over the child's share of them in %."""
    tried = [
        r for r in known.log if r["event"] == "interpolation" and is_number(r.get("share")) and is_number(r.get(key))
    ]
    points = sorted({round(100 * r["share"]): r[key] for r in tried}.items())
    return Curve(label, [x for x, _ in points], [y for _, y in points], True)


def _samples(known: _Known) -> Html:
    """The first validation sentences as they were translated from time to time."""
    keys = ("source", "hypothesis", "reference")
    logged = [
        (r["step"], sample)
        for r in known.log
        if r["event"] == "samples" and isinstance(r.get("samples"), list)
        for sample in r["samples"]
        if isinstance(sample, dict) and all(isinstance(sample.get(key), str) for key in keys)
    ]
    parts: list[object] = []
    by_source: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for step, sample in logged:
        by_source.setdefault(sample["source"], []).append((step, sample))
    for source, stages in by_source.items():
        if len(stages) > STAGES:
            stages = [stages[round(i * (len(stages) - 1) / (STAGES - 1))] for i in range(STAGES)]
        ref = stages[-1][1]["reference"]
        hyps = [(f"after step {step:,}", marked(ref, sample["hypothesis"], False)) for step, sample in stages]
        parts.append(_sentence(known.run.recipe.about_task, source, ref, hyps))
    return join([paragraph(_LEGEND), *parts]) if parts else Html("")


def _data(known: _Known) -> Html:
    if not (known.run.path / MANIFEST).exists():
        return paragraph("The run folder has no manifest of its data.")
    manifest = run_manifest(known.run.path)
    audited = [
        [name, FINDINGS.get(kind, kind), f"{one.count:,}", one.first]
        for name, split in manifest.audit.splits.items()
        for kind, one in split.found.items()
    ]
    parts: list[object] = [
        table(SPLITS, manifest.split_rows()),
        Html("<h3>Audit</h3>"),
        table(["split", "found", "pairs", "first at"], audited) if audited else paragraph("Nothing unusual found."),
        *(paragraph(warning) for warning in manifest.audit.warnings),
    ]
    if tree := described(provenance(known.run.path), known.run.seconds):
        parts += [Html("<h3>Made of other runs</h3>"), block("\n".join(tree))]
    return join(parts)


def _versions(known: _Known) -> Html:
    path = known.run.path
    start = last_start(path)
    rows: list[tuple[str, object]] = [(key, start[key]) for key in start if key not in ("event", "step")]
    if (path / MANIFEST).exists():
        manifest = run_manifest(path)
        rows.append(("prepared data", manifest.fingerprint))
        rows += [(f"sha256 of {name}", file.sha256) for name, file in manifest.inputs.items()]
    rows += [
        (f"{label(metric)} on {test}", found.signature)
        for test, by_metric in known.results.scores.items()
        for metric, found in by_metric.items()
    ]
    rows += [("best checkpoint", known.run.best), ("report written by", f"nmt {VERSION}")]
    return Html(f'<div class="code">{table(["", ""], rows).markup}</div>')


_SECTIONS: dict[str, Callable[[_Known], Html]] = {
    "": _summary,
    "Scores": _scores,
    "Learning curves": _curves,
    "Experts": lambda known: experts_section(known.log),
    "Length": _lengths,
    "Weak spots": _weak_spots,
    "Robustness": _robustness,
    "Samples": _samples,
    "Worst sentences": _worst,
    "Attention": _attention,
    "Data": _data,
    "Recipe": lambda known: block(known.run.recipe.dump()),
    "Fingerprints and versions": _versions,
}
