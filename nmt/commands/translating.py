"""`nmt translate`, `nmt score` and `nmt export`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmt import console
from nmt.commands.options import (
    BeamOption,
    CheckpointOption,
    DeviceOption,
    EngineName,
    OutputFormat,
    PenaltyOption,
    Quantization,
    RunOption,
    load_translator,
    run_folder,
)
from nmt.errors import RecipeError

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

app = typer.Typer()

SEARCH, SAMPLING, TERMS, TEXT = "Search", "Sampling", "What must and must not be there", "Input and output"


class Utility(StrEnum):
    none = "none"
    chrf = "chrf"
    bleu = "bleu"


class Mean(StrEnum):
    probability = "probability"
    log = "log"


class Splitting(StrEnum):
    auto = "auto"
    never = "never"


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


@app.command(
    epilog="Examples:\n\n`nmt translate < input.txt > output.txt`\n\n"
    "`nmt translate -i input.txt -o output.txt --beam-size 8 --no-repeat-ngram 4`\n\n"
    "`nmt translate --n-best 3 --coverage-penalty 0.2 --min-len-ratio 0.5 < input.txt`\n\n"
    "`nmt translate --beam-size 6 --diverse-groups 3 --n-best 6 < input.txt`\n\n"
    "`nmt translate --sample --top-p 0.9 --temperature 0.8 --seed 7 < input.txt`\n\n"
    "`nmt translate --sample --beam-size 32 --mbr chrf < input.txt`\n\n"
    "`nmt translate --run runs/one --run runs/two < input.txt`\n\n"
    "`nmt translate --prefix 'Deux chiens' --include neige --exclude blanc < input.txt`\n\n"
    "`nmt translate --glossary terms.tsv --protect < input.txt`\n\n"
    "`nmt translate --format jsonl --alignments -i input.jsonl -o output.jsonl`"
)
def translate(
    run: Annotated[
        list[Path] | None, typer.Option("--run", help="The run folder, or several, which translate together.")
    ] = None,
    checkpoint: CheckpointOption = "best",
    input: Annotated[Path | None, _option(TEXT, "A plain or gzip file; stdin if not given.", "--input", "-i")] = None,
    output: Annotated[Path | None, _option(TEXT, "A file; stdout if not given.", "--output", "-o")] = None,
    input_format: Annotated[
        OutputFormat | None,
        _option(TEXT, "Lines of text, or a JSON object a line, with its own `prefix`, `include`, `exclude`, `n_best`. "
                "By the name of the input if not given."),
    ] = None,
    format: Annotated[
        OutputFormat | None,
        _option(TEXT, "Plain lines, or one JSON object per line. By the name of the output if not given."),
    ] = None,
    n_best: Annotated[
        int,
        _option(
            TEXT, "Translations per line, best first: `line TAB score TAB text`. Widens a smaller beam.", min=1, max=100
        ),
    ] = 1,
    scores: Annotated[bool, _option(TEXT, "Put each score and a TAB before its translation.", "--scores")] = False,
    alignments: Annotated[
        bool, _option(TEXT, "Put a TAB and pairs of words, `0-0 1-2`, after each translation.", "--alignments")
    ] = False,
    attention: Annotated[
        bool, _option(TEXT, "With `--format jsonl`: what each token sees of each source token.", "--attention")
    ] = False,
    split_sentences: Annotated[
        Splitting | None, _option(TEXT, "Cut paragraphs where sentences end, unless such were trained on. [auto]")
    ] = None,
    beam_size: BeamOption = None,
    length_penalty: PenaltyOption = None,
    coverage_penalty: Annotated[
        float | None, _option(SEARCH, "Against leaving parts of the source out; try 0.2.", min=0, max=100)
    ] = None,
    min_len_ratio: Annotated[
        float | None, _option(SEARCH, "So many tokens at least for each of the source.", min=0, max=100)
    ] = None,
    max_len_ratio: Annotated[float | None, _option(SEARCH, "So many at most, and a few more.", max=1000)] = None,
    no_repeat_ngram: Annotated[
        int | None, _option(SEARCH, "No so many tokens in a row twice.", min=0, max=100)
    ] = None,
    diverse_groups: Annotated[
        int | None, _option(SEARCH, "Divide the beam into groups that keep apart from each other.", min=1, max=100)
    ] = None,
    diversity: Annotated[float | None, _option(SEARCH, "How far apart.", min=0, max=100)] = None,
    mbr: Annotated[
        Utility | None, _option(SEARCH, "Of the beam, or of as many samples, take what is most like all others.")
    ] = None,
    ensemble: Annotated[Mean | None, _option(SEARCH, "Which mean several runs make. [probability]")] = None,
    sample: Annotated[
        bool | None, _option(SAMPLING, "Draw translations from the model's distribution.", "--sample/--no-sample")
    ] = None,
    temperature: Annotated[float | None, _option(SAMPLING, "Below 1: less daring.", max=100)] = None,
    top_k: Annotated[int | None, _option(SAMPLING, "Of the so many most probable tokens only.", min=0)] = None,
    top_p: Annotated[
        float | None, _option(SAMPLING, "Of the most probable tokens with this share only.", max=1)
    ] = None,
    seed: Annotated[int | None, _option(SAMPLING, "The same seed draws the same translations.", min=0)] = None,
    prefix: Annotated[str, _option(TERMS, "Each translation begins so.")] = "",
    include: Annotated[list[str] | None, _option(TERMS, "A phrase that must be in each; may be repeated.")] = None,
    exclude: Annotated[list[str] | None, _option(TERMS, "A phrase that must be in none; may be repeated.")] = None,
    glossary: Annotated[
        Path | None, _option(TERMS, "A TSV file of terms: where the source has the one, the other must come.")
    ] = None,
    protect: Annotated[
        bool, _option(TERMS, "Keep URLs, e-mail addresses, tags, placeholders and numbers.", "--protect")
    ] = False,
    batch_tokens: Annotated[
        int | None, typer.Option(min=1, help="Source tokens times beam at a time: what fits the memory. [the recipe's]")
    ] = None,
    device: DeviceOption = "auto",
    engine: Annotated[EngineName, typer.Option(help="Our own, or CTranslate2 after `nmt export`.")] = EngineName.nmt,
) -> None:  # fmt: skip
    """Translate lines: stdin to stdout, raw text in and out, exactly one output line for each input line."""
    from nmt.decode.render import Output
    from nmt.decode.streams import format_of, open_input, open_output, read_requests, translate_stream
    from nmt.text.terms import Glossary, Terms

    changes = {
        "beam_size": beam_size, "length_penalty": length_penalty, "coverage_penalty": coverage_penalty,
        "min_len_ratio": min_len_ratio, "max_len_ratio": max_len_ratio, "no_repeat_ngram": no_repeat_ngram,
        "diverse_groups": diverse_groups, "diversity": diversity, "mbr": mbr and mbr.value,
        "ensemble": ensemble and ensemble.value, "sampling": sample, "temperature": temperature,
        "top_k": top_k, "top_p": top_p, "seed": seed, "split_sentences": split_sentences and split_sentences.value,
        "batch_tokens": batch_tokens,
    }  # fmt: skip
    wanted = Output(format.value if format else format_of(output), n_best, scores, alignments, attention)
    kind = input_format.value if input_format else format_of(input)
    words = Glossary.load(glossary) if glossary else None
    terms = Terms(prefix, tuple(include or ()), tuple(exclude or ()), words, protect)
    with open_input(input) as (source, name):
        translator = load_translator(run, checkpoint, device, changes, engine)
        translator.terms = terms
        _check_used(translator.decode, {k: v for k, v in changes.items() if v is not None}, len(run or ()))
        with open_output(output) as out:
            chunks = read_requests(source, name, input_format=kind, format=wanted.format)
            translate_stream(translator, chunks, out, wanted)


def _check_used(decode: DecodeSection, given: Mapping[str, object], runs: int) -> None:
    """An option that changes nothing is a mistake."""
    needs = {
        **dict.fromkeys(("temperature", "top_k", "top_p", "seed"), (decode.sampling, "--sample")),
        "diversity": (decode.diverse_groups > 1, "--diverse-groups"),
        "ensemble": (runs > 1, "a second --run"),
    }
    for name, (used, other) in needs.items():
        if name in given and not used:
            raise RecipeError(f"`--{name.replace('_', '-')}` changes nothing without {other}.", f"Add {other}.")


@app.command(epilog="Example: `nmt score --src source.txt --tgt translation.txt`")
def score(
    src: Annotated[Path, typer.Option(help="A plain or gzip file of source lines.")],
    tgt: Annotated[Path, typer.Option(help="Their translations, line by line.")],
    run: Annotated[
        list[Path] | None, typer.Option("--run", help="The run folder, or several, which judge together.")
    ] = None,
    checkpoint: CheckpointOption = "best",
    format: Annotated[
        OutputFormat, typer.Option(help="`score TAB log-probability`, or a JSON object per line, with each token's.")
    ] = OutputFormat.text,
    length_penalty: PenaltyOption = None,
    ensemble: Annotated[Mean | None, typer.Option(help="Which mean several runs make. [probability]")] = None,
    device: DeviceOption = "auto",
) -> None:
    """Say how probable given translations are to the model, as a whole and token by token."""
    from nmt.decode.streams import open_output, score_stream

    changes = {"length_penalty": length_penalty, "ensemble": ensemble and ensemble.value}
    with open_output(None) as out:
        for line in score_stream(lambda: load_translator(run, checkpoint, device, changes), src, tgt, format.value):
            out.write(line.encode() + b"\n")


@app.command(epilog="Example: `nmt export --quantization int8`, then `nmt translate --engine ctranslate2 < input.txt`")
def export(
    run: RunOption = None,
    checkpoint: CheckpointOption = "best",
    quantization: Annotated[
        Quantization | None, typer.Option(help="Store the weights smaller; 32-bit numbers if not given.")
    ] = None,
) -> None:
    """Write a run for CTranslate2, to `ctranslate2` in its folder, and compare translations of both engines."""
    folder = run_folder(run)
    from nmt.decode.export import export_run

    done = export_run(folder, checkpoint, quantization and quantization.value)
    alike = f"{done.same} of {done.samples} sample lines are translated the same."
    console.info(f"Written: {done.folder}. {alike if done.samples else 'There is no validation text to try it with.'}")
