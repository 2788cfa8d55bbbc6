"""The card of a model (Mitchell et al. 2019): what it is for, how good it is and where it is weak, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nmt.data.manifest import SPLITS
from nmt.evaluate.analysis import Group
from nmt.share.about import About
from nmt.text.metrics import figure, label
from nmt.version import VERSION

FEWEST = 20  # lines that a group of a table of weak spots has
UNSPECIFIED = "unspecified"


def card(about: About, ways: str, more: str = "") -> str:
    """`ways`: how to use what the card is of; `more`: what else is to be said of its scores."""
    parts = [
        f"# {about.recipe.name}: {about.pairs}",
        _what(about),
        "## What it is for, and what not", _purpose(about),
        "## How to use it", ways,
        "## Scores", _scores(about), more,
        "## Data", _data(about),
        "## Weak spots", _weak(about),
        "## Training", _training(about),
        "## Licence", f"{about.recipe.license or UNSPECIFIED[0].upper() + UNSPECIFIED[1:]}.".replace("..", "."),
    ]  # fmt: skip
    return about.places.without("\n\n".join(part for part in parts if part) + "\n")


def _what(about: About) -> str:
    model, train = about.recipe.model, about.manifest.splits["train"]
    kind = "decoder" if model.kind == "decoder" else "Transformer"
    layers = " + ".join(str(n) for n in model.layers if n)
    experts = f", experts: {model.experts.describe()}" if model.experts else ""
    return (
        f"A {kind} of {layers} layers (d_model {model.d_model}, d_ff {model.d_ff}, {model.num_heads} heads{experts}), "
        f"trained on {train.examples:,} pairs by nmt {about.manifest.nmt}, packaged by nmt {VERSION}."
    )


def _purpose(about: About) -> str:
    src, translates = about.manifest.splits["train"].src, about.recipe.task == "translate"
    typical = f"; 99 % of its lines have at most {src.p99} subwords" if src.p99 is not None else ""
    points = [
        f"For text like that it was trained on (see Data{typical}). Text of another kind has words that it never saw; "
        "it spells its way through them, and often wrongly.",
    ]
    if translates:
        points.append("A sentence at a time: what stands before it is not known, so `it` may become the wrong gender.")
        points.append(f"For these languages alone: {about.pairs}.")
    points.append(
        "Not where a wrong output does harm and nobody checks it, as with medicines, law or safety: it can leave out a "
        "`not`, change a number, or write fluently what the source does not say."
    )
    limit = about.recipe.model.position_limit
    if limit is not None:
        points.append(f"Not for sentences of {limit:,} subwords or more: it has no places for them.")
    return "\n".join(f"- {point}" for point in points)


def _scores(about: About) -> str:
    rows, signatures, results = [], [], about.results
    for name, scores in results.scores.items():
        details = results.details.get(name)
        for metric, found in scores.items():
            lines = f"{details.sentences:,}" if details and details.sentences else ""
            engine = details.engine if details else ""
            rows.append([name, lines, label(metric), found.text(metric), engine])
            signatures += [f"- {label(metric)} of {name}: `{found.signature}`"] if found.signature else []
    if not rows:
        return "It was not evaluated on a test set."
    head = ["test set", "lines", "metric", "score", "engine"]
    note = "After ± stands half the width of the 95 % confidence interval, by bootstrap."
    return "\n\n".join([table(head, rows), note, *(["\n".join(signatures)] if signatures else [])])


def _data(about: About) -> str:
    manifest = about.manifest
    corpora = [
        [c.name, f"{c.src}-{c.tgt}" if c.tgt else c.src, f"{c.read:,}", f"{c.examples.get('train', 0):,}"]
        for c in manifest.corpora
        if c.split == "train"
    ]
    warnings = "\n".join(f"- {warning}" for warning in manifest.audit.warnings)
    return "\n\n".join(
        [
            table(SPLITS, manifest.split_rows()),
            table(["training corpus", "languages", "lines read", "used"], corpora),
            warnings or "The audit of the text found nothing to warn of.",
            "None of the text is part of this model's files.",
        ]
    )


def _weak(about: About) -> str:
    rows = [
        [analysis.name, what, group.name, f"{group.sentences:,}", f"{group.bleu:.1f}", f"{group.chrf:.1f}"]
        for analysis in about.weak
        for what, groups in (
            ("words of the source", analysis.by_length),
            ("source", analysis.by_seen),
            ("times that training had the rarest word", analysis.by_difficulty),
        )
        for group in _large(groups)
    ]
    flags = [
        f"- {name}: of {d.sentences:,} outputs {', '.join(f'{n:,} {flag}' for flag, n in d.flags.items() if n)}."
        for name, d in about.results.details.items()
        if any(d.flags.values())
    ]
    parts = [
        table(["test set", "by", "which", "lines", "BLEU", "chrF"], rows) if rows else "",
        "Outputs that look wrong:\n\n" + "\n".join(flags) if flags else "",
    ]
    return "\n\n".join(part for part in parts if part) or "They were not measured."


def _large(groups: Sequence[Group]) -> list[Group]:
    """Those that say something; none where it is all in one."""
    found = [group for group in groups if group.sentences >= FEWEST]
    return found if len(found) > 1 else []


def _training(about: About) -> str:
    state, train, start = about.checkpoint.state, about.recipe.train, about.start
    valid = ", ".join(f"{label(k)} {figure(k, v)}" for k, v in state.valid.items() if ":" not in k and "_" not in k)
    steps = [s for s in (f"{state.step:,} steps of {train.batch_tokens:,} tokens", f"{train.optimizer}",
                         f"{state.seconds / 60:.1f} minutes") if s]  # fmt: skip
    machine = [
        f"{name} {start[key]}" for key, name in (
            ("device", "device"), ("processes", "processes"), ("threads", "threads"), ("precision", "precision"),
            ("machine", "machine"), ("processor", "processor"), ("torch", "PyTorch"), ("nmt", "nmt"),
        ) if key in start
    ]  # fmt: skip
    lines = [
        f"- {', '.join(steps)}; the weights are those of `{about.checkpoint.path.name}`.",
        f"- On the validation set: {valid}." if valid else "",
        f"- {', '.join(machine)}." if machine else "",
        f"- {about.compared.sentence()}" if about.compared else "",
        f"- Prepared data {about.manifest.fingerprint}, tokenizer {about.manifest.tokenizer.fingerprint}.",
    ]
    return "\n".join(line for line in lines if line)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())
