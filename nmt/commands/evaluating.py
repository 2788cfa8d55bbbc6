"""`nmt evaluate` and `nmt compare`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt import console
from nmt.commands.options import (
    ENGINE,
    CheckpointOption,
    DeviceOption,
    EngineName,
    EngineOption,
    RunOption,
    draws_text,
    fills_in,
    load_generator,
    load_translator,
    run_folder,
)
from nmt.commands.search_options import option_name, with_search_options
from nmt.errors import RecipeError

if TYPE_CHECKING:
    from nmt.decode.translator import Translator
    from nmt.evaluate.analysis import Analysis
    from nmt.evaluate.evaluation import Evaluation
    from nmt.evaluate.robustness import Robustness

app = typer.Typer()


class Tokenize(StrEnum):
    """What `evaluate.bleu_tokenize` of a recipe may be, but for `auto`: the language of a file is not known."""

    a13 = "13a"
    char = "char"
    intl = "intl"
    zh = "zh"
    ja = "ja-mecab"
    ko = "ko-mecab"
    none = "none"


class RougeTokenize(StrEnum):
    """What `evaluate.rouge_tokenize` of a recipe may be."""

    unicode = "unicode"
    rouge = "rouge"


TokenizeOption = Annotated[Tokenize | None, typer.Option(help="How BLEU splits words of files; without it as 13a.")]
RougeTokenizeOption = Annotated[
    RougeTokenize | None,
    typer.Option(
        help="How ROUGE, distinct-n and copied share split words of files: `unicode` serves every language; `rouge` is "
        "the package rouge-score's way, for a to z and 0 to 9 alone. [unicode]"
    ),
]
LangOption = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="Language of files, for bleu_moses_lc. [the ending of --ref: ref.fr]"),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Metrics, with commas between them, such as `rouge1,rougeL,em`. [those of the recipe; of files "
        "bleu,chrf,chrf++,ter]",
    ),
]


@app.command(epilog="Example: `nmt evaluate --hyp output.txt --ref reference.txt`")
@with_search_options({"Search": ("beam_size", "length_penalty", "batch_tokens"), ENGINE: ("compute", "precision")})
def evaluate(
    run: RunOption = None,
    test: Annotated[
        list[str] | None, typer.Option(help="Name of a test set of the recipe, or `valid`. Default: all test sets.")
    ] = None,
    hyp: Annotated[
        Path | None,
        typer.Option(help="Score this file of translations (text or .jsonl) instead of a run. Needs --ref."),
    ] = None,
    ref: Annotated[
        list[Path] | None,
        typer.Option(help="File of references. Repeat it for several a line; a blank line of a later file is none."),
    ] = None,
    src: Annotated[
        Path | None, typer.Option(help="File of sources, to notice untranslated lines. COMET needs it.")
    ] = None,
    comet: Annotated[
        bool, typer.Option("--comet", help="Also score with COMET (first reference), by the command `comet-score`.")
    ] = False,
    analyse: Annotated[
        bool,
        typer.Option("--analyse", help="Show weak spots: by length, rare words, similarity to training; worst lines."),
    ] = False,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness", help="Also score with upper, lower and title case, no final punctuation, and typos."
        ),
    ] = False,
    metrics: MetricsOption = None,
    bleu_tokenize: TokenizeOption = None,
    rouge_tokenize: RougeTokenizeOption = None,
    lang: LangOption = None,
    checkpoint: CheckpointOption = "best",
    device: DeviceOption = "auto",
    engine: EngineOption = EngineName.auto,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: test set → metric → score, interval, signature.")
    ] = False,
    **search: Any,
) -> None:
    """Score a run on the test sets of its recipe, or a file of translations against references.

    By BLEU, chrF, chrF++ and TER (sacreBLEU), or bleu_moses_lc (of papers on Multi30k); or by rouge1, rouge2, rougeL,
    rougeLsum, em (exact match), f1 (of words), accuracy, macro_f1, distinct1, distinct2, copied_share (words that the
    source has, too).

    A language model has loss, perplexity, bits a character, and what it draws itself: how varied that is (distinct-2),
    and how much of it stands in the training text. An encoder has masked accuracy, pseudo-perplexity (each piece masked
    alone) and pair accuracy.
    """
    wanted_metrics = _names(metrics)
    if (hyp is None) != (not ref):
        raise RecipeError("`--hyp` and `--ref` go together.", "Give both files, or neither to score a run.")
    if hyp is not None and ref:
        if analyse or robustness:
            raise RecipeError("`--analyse` and `--robustness` need a run.", "Leave out --hyp and --ref.")
        _evaluate_files(hyp, ref, src, wanted_metrics, bleu_tokenize, rouge_tokenize, lang, comet, as_json)
        return
    if src is not None:
        raise RecipeError("`--src` goes with `--hyp` and `--ref`.", "A run knows its sources.")
    if lang is not None:
        raise RecipeError("`--lang` goes with `--hyp` and `--ref`.", "A run knows its languages.")
    for option, given in (("bleu_tokenize", bleu_tokenize), ("rouge_tokenize", rouge_tokenize)):
        if given is not None:
            raise RecipeError(f"`{option_name(option)}` goes with `--hyp`.", f"A run's recipe has `evaluate.{option}`.")
    folder = run_folder(run)
    wanted = {"--analyse": analyse, "--robustness": robustness, "--comet": comet, "--metrics": metrics is not None,
              "--engine": engine is not EngineName.auto, **_given(search)}  # fmt: skip
    if draws_text(folder):
        _evaluate_text(folder, run, test or [], checkpoint, device, wanted, as_json)
    elif fills_in(folder):
        _evaluate_encoder(folder, test or [], checkpoint, device, wanted, as_json)
    else:
        translator = load_translator(run, checkpoint, device, search, engine)
        _evaluate_translator(translator, test or [], wanted_metrics, wanted, as_json)


def _evaluate_files(
    hyp: Path, refs: list[Path], src: Path | None, metrics: list[str], bleu_tokenize: str | None,
    rouge_tokenize: str | None, lang: str | None, comet: bool, as_json: bool,
) -> None:  # fmt: skip
    from nmt.evaluate.evaluation import evaluate_files
    from nmt.text.metrics import OF_TRANSLATIONS

    evaluation = evaluate_files(
        hyp, refs, src, metrics=metrics or OF_TRANSLATIONS, bleu_tokenize=bleu_tokenize or "13a", with_comet=comet,
        rouge_tokenize=rouge_tokenize or "unicode", language=lang,
    )  # fmt: skip
    _show(evaluation, [], [], as_json)


def _evaluate_translator(
    translator: Translator, test: list[str], metrics: list[str], wanted: Mapping[str, bool], as_json: bool
) -> None:
    from nmt.evaluate.analysis import analyse_run
    from nmt.evaluate.evaluation import evaluate_run
    from nmt.evaluate.robustness import measure_robustness

    run = translator.run
    assert run is not None, "it was loaded from one"
    evaluation = evaluate_run(run, translator=translator, test=test, with_comet=wanted["--comet"], metrics=metrics)
    names = [t.name for t in evaluation.tests]
    weak = analyse_run(run, names) if wanted["--analyse"] else []
    robust = measure_robustness(run, translator, names) if wanted["--robustness"] else []
    _show(evaluation, weak, robust, as_json)


def _show(evaluation: Evaluation, weak: list[Analysis], robust: list[Robustness], as_json: bool) -> None:
    from nmt.evaluate.evaluation import OUTPUT_COLUMNS
    from nmt.evaluate.robustness import COLUMNS as ROBUSTNESS_COLUMNS

    if as_json:
        found = evaluation.to_json()
        for a in weak:
            found[a.name]["analysis"] = a.to_json()
        for r in robust:
            found[r.name]["robustness"] = r.to_json()
        print(json.dumps(found, indent=1))
        return
    console.print_table(*evaluation.table())
    print()
    console.print_table(OUTPUT_COLUMNS, evaluation.output_rows())
    if robust:
        print()
        console.print_table(ROBUSTNESS_COLUMNS, [row for r in robust for row in r.rows()])
    for a in weak:
        _print_weak_spots(a)


def _names(metrics: str | None) -> list[str]:
    """Of `rouge1,em`. Raises DataError for what is no metric, RecipeError for none at all."""
    from nmt.text.metrics import check_metrics

    if metrics is None:
        return []
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    if not names:
        raise RecipeError("`--metrics` names none.", "Give names with commas between them, such as rouge1,em.")
    check_metrics(names)
    return names


def _given(search: Mapping[str, Any]) -> dict[str, bool]:
    """Search options that were given, by name."""
    return {option_name(key): key != "batch_tokens" for key in search}


def _evaluate_text(
    folder: Path, run: Path | None, test: list[str], checkpoint: str, device: str, wanted: Mapping[str, bool],
    as_json: bool,
) -> None:  # fmt: skip
    """Of a language model. Raises RecipeError for what is wanted of translations alone."""
    from nmt.evaluate.language_model import COLUMNS, SAMPLE_COLUMNS, evaluate_language_model

    if names := [name for name, given in wanted.items() if given]:
        raise RecipeError(
            f"`{names[0]}` is for translations; {folder} is a language model.",
            "It is scored by loss, perplexity, bits a character and samples.",
        )
    evaluation = evaluate_language_model(folder, load_generator(run, checkpoint, device, {}), test)
    if as_json:
        print(json.dumps(evaluation.to_json(), indent=1))
        return
    console.print_table(COLUMNS, [t.row() for t in evaluation.tests])
    print()
    console.print_table(SAMPLE_COLUMNS, [evaluation.drawn.row()])


def _evaluate_encoder(
    folder: Path, test: list[str], checkpoint: str, device: str, wanted: Mapping[str, bool], as_json: bool
) -> None:
    """Of an encoder alone. Raises RecipeError for what is wanted of translations alone."""
    from nmt.device import set_threads
    from nmt.evaluate.masked import COLUMNS, evaluate_encoder
    from nmt.run.load import load_encoder

    if names := [name for name, given in wanted.items() if given]:
        raise RecipeError(
            f"`{names[0]}` is for translations; {folder} is an encoder.",
            "It is scored by masked accuracy, pseudo-perplexity and pair accuracy.",
        )
    set_threads()
    model, tokenizer, _, _ = load_encoder(folder, checkpoint, device)
    tests = evaluate_encoder(folder, model, tokenizer, test)
    if as_json:
        print(json.dumps({t.name: t.to_json() for t in tests}, indent=1))
        return
    console.print_table(COLUMNS, [t.row() for t in tests])


def _print_weak_spots(analysis: Analysis) -> None:
    from nmt.evaluate.analysis import FREQUENCY_COLUMNS, GROUP_COLUMNS
    from nmt.text.words import differences

    print()
    console.print_table(GROUP_COLUMNS, analysis.group_rows())
    if analysis.missing:
        console.warn(f"What was seen in training is not told: {analysis.missing}")
    else:
        print()
        console.print_table(FREQUENCY_COLUMNS, analysis.frequency_rows())
    for s in analysis.worst:
        flagged = f", {', '.join(s.flags)}" if s.flags else ""
        print(f"\n{analysis.name} line {s.number} (chrF {s.chrf:.0f}{flagged}): {s.src}\n  reference: {s.ref}")
        console.print_marked("  hypothesis: ", [(p.text, p.kind) for p in differences(s.ref, s.hyp)])


@app.command(
    epilog="Example: `nmt compare runs/baseline runs/new`, or with files: `nmt compare a.txt b.txt --ref ref.txt`"
)
def compare(
    systems: Annotated[
        list[Path],
        typer.Argument(help="Evaluated runs, or files of translations. The first is the baseline."),
    ],
    ref: Annotated[
        list[Path] | None,
        typer.Option(help="File of references. Repeat it for several a line; a blank line of a later file is none."),
    ] = None,
    src: Annotated[Path | None, typer.Option(help="Source text to show beside the translations.")] = None,
    metrics: MetricsOption = None,
    bleu_tokenize: TokenizeOption = None,
    rouge_tokenize: RougeTokenizeOption = None,
    lang: LangOption = None,
    show: Annotated[
        int, typer.Option(min=0, help="How many sentences to show, those on which the systems differ most.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: test set → metric → system.")] = False,
) -> None:
    """Compare systems: scores, whether the difference is significant, and the sentences that differ most.

    The p-values are those of paired bootstrap resampling (BS) and approximate randomization (AR).
    """
    from nmt.evaluate.compare import COLUMNS
    from nmt.evaluate.compare import compare as run_comparison

    tests = run_comparison(systems, ref or [], src, bleu_tokenize, _names(metrics), rouge_tokenize, lang)
    if as_json:
        print(json.dumps({test.name: test.to_json() for test in tests}, indent=1))
        return
    console.print_table(COLUMNS, [row for test in tests for row in test.rows()])
    for test in tests:
        for system, (won, lost, tied) in zip(test.systems[1:], test.won, strict=True):
            print(f"{test.name} {system}: {won:,} sentences better, {lost:,} worse, {tied:,} alike (chrF)".lstrip())
        for sentence in test.sentences[:show]:
            print(f"\n{test.name} line {sentence.number}: {sentence.src}\n  reference: {sentence.ref}".lstrip())
            for system, hyp, chrf in zip(test.systems, sentence.hyps, sentence.chrf, strict=True):
                print(f"  {system}: {hyp}  (chrF {chrf:.0f})")
