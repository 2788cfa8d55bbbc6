"""`nmt translate`, `nmt score` and `nmt export`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmt import console
from nmt.commands.documents import (
    AllOption,
    FilesArgument,
    KeysOption,
    MarkOption,
    MemoryOption,
    PerCueOption,
    check_lines,
    check_options,
    translate_documents,
)
from nmt.commands.options import (
    ENGINE,
    CheckpointOption,
    DeviceOption,
    EngineName,
    EngineOption,
    FromOption,
    OutputFormat,
    Quantization,
    RunOption,
    ToOption,
    draws_text,
    load_generator,
    load_pair_scorer,
    load_translator,
    run_folder,
)
from nmt.commands.search_options import option_name, with_search_options
from nmt.errors import RecipeError

if TYPE_CHECKING:
    from nmt.decode.render import Output
    from nmt.decode.translator import Translator
    from nmt.recipe import DecodeSection

app = typer.Typer()

TERMS, TEXT = "Words and phrases", "Input and output"
SEARCH = {
    "Search": (
        "beam_size", "length_penalty", "coverage_penalty", "min_len_ratio", "max_len_ratio", "max_len_extra",
        "no_repeat_ngram", "diverse_groups", "diversity", "mbr", "ensemble",
    ),
    "Sampling": ("sampling", "temperature", "top_k", "top_p", "seed"),
    "Long lines and memory": ("split_sentences", "max_segment", "case", "batch_tokens"),
    ENGINE: ("compute", "precision"),
}  # fmt: skip


def _option(panel: str, text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, **more)


@app.command(
    epilog="More examples:\n\n"
    "- `nmt translate --beam-size 8 --no-repeat-ngram 4 --coverage-penalty 0.2 --min-len-ratio 0.5 < input.txt`\n"
    "- `nmt translate --beam-size 6 --diverse-groups 3 --n-best 6 < input.txt`\n"
    "- `nmt translate --sample --top-p 0.9 --temperature 0.8 --seed 7 < input.txt`\n"
    "- `nmt translate --sample --beam-size 32 --mbr chrf < input.txt`\n"
    "- `nmt translate --run runs/one --run runs/two < input.txt`\n"
    "- `nmt translate --prefix 'Deux chiens' --include neige --exclude blanc < input.txt`\n"
    "- `nmt translate --glossary terms.tsv --protect < input.txt`",
)
@with_search_options(SEARCH)
def translate(
    files: FilesArgument = None,
    run: Annotated[
        list[Path] | None,
        typer.Option("--run", help="The run folder, or a file of `nmt package`; several translate together (an "
                     "ensemble). [the run trained last]"),
    ] = None,
    checkpoint: CheckpointOption = "best",
    device: DeviceOption = "auto",
    to: ToOption = None,
    source_lang: FromOption = None,
    engine: EngineOption = EngineName.auto,
    input: Annotated[Path | None, _option(TEXT, "A plain or gzip file. [stdin]", "--input", "-i")] = None,
    output: Annotated[Path | None, _option(TEXT, "A file; gzip if it ends in .gz. [stdout]", "--output", "-o")] = None,
    input_format: Annotated[
        OutputFormat | None,
        _option(TEXT, "Lines of text, or lines of JSON objects with `text` and, if wanted, `prefix`, `include`, "
                "`exclude`, `n_best`, `to`, `from`. Of a run whose sources have several fields: these with a TAB "
                "between them, or by name. [by the name of the input]"),
    ] = None,
    format: Annotated[
        OutputFormat | None, _option(TEXT, "Lines of text, or a JSON object per line. [by the name of the output]")
    ] = None,
    n_best: Annotated[
        int,
        _option(
            TEXT, "Translations per line, best first, as `line TAB score TAB text`; a smaller beam is widened. [1]",
            min=1, max=100, metavar="N", show_default=False,
        ),
    ] = 1,
    scores: Annotated[bool, _option(TEXT, "Write the score and a TAB before each translation.", "--scores")] = False,
    alignments: Annotated[
        bool, _option(TEXT, "Write a TAB and the aligned words, `0-0 1-2`, after each translation.", "--alignments")
    ] = False,
    attention: Annotated[
        bool, _option(TEXT, "With `--format jsonl`: the attention weights of every output token.", "--attention")
    ] = False,
    prefix: Annotated[str, _option(TERMS, "Start every translation with this text.")] = "",
    include: Annotated[
        list[str] | None, _option(TERMS, "A phrase required in every translation; may be given several times.")
    ] = None,
    exclude: Annotated[
        list[str] | None, _option(TERMS, "A phrase forbidden in every translation; may be given several times.")
    ] = None,
    glossary: Annotated[
        Path | None,
        _option(TERMS, "A file of terms, `source TAB target`: where the source has one, its target is required."),
    ] = None,
    protect: Annotated[
        bool,
        _option(
            TERMS, "Keep URLs, e-mail addresses, tags, placeholders and numbers as they are; tags go round the words "
            "that they were round.", "--protect",
        ),
    ] = False,
    all: AllOption = False,
    mark: MarkOption = True,
    per_cue: PerCueOption = False,
    keys: KeysOption = None,
    tm: MemoryOption = None,
    **search: Any,
) -> None:  # fmt: skip
    """Translate text, line by line: one line out for each line in; or documents, which keep their format.

    Examples:

    - `nmt translate report.docx -o report.fr.docx`
    - `echo 'The children play in the garden.' | nmt translate`
    - `nmt translate -i input.txt -o output.txt`
    - `nmt translate --format jsonl --alignments -i input.jsonl -o output.jsonl`

    Search options that you leave out have the value of the run's recipe (section `decode`). In brackets: the value
    if the recipe does not say.
    """
    from nmt.decode.endpoints import format_of, input_format_of
    from nmt.decode.render import Output
    from nmt.formats.document import About
    from nmt.text.terms import Glossary, Terms

    wanted = Output(format.value if format else format_of(output), n_best, scores, alignments, attention)
    kind = input_format.value if input_format else input_format_of(input)
    words = Glossary.load(glossary) if glossary else None
    terms = Terms(prefix, tuple(include or ()), tuple(exclude or ()), words, protect)
    for_documents = {"--all": all, "--no-mark": not mark, "--per-cue": per_cue, "--keys": bool(keys), "--tm": bool(tm)}
    for_lines = {
        "--input": input is not None, "--input-format": input_format is not None, "--format": format is not None,
        "--n-best": n_best > 1, "--scores": scores, "--alignments": alignments, "--attention": attention,
    }  # fmt: skip

    def load() -> Translator:
        translator = load_translator(run, checkpoint, device, search, engine, to, source_lang)
        translator.terms = terms
        _check_used(translator.decode, search, len(run or ()))
        return translator

    if files:
        check_options(for_documents, for_lines)
        about = About("", all=all, mark=mark, per_cue=per_cue, keys=tuple(keys or ()))
        translate_documents(files, output, about, load, tm or ())
    else:
        check_options({}, for_documents)
        check_lines(input, output)
        _translate_lines(input, kind, output, wanted, load)


def _translate_lines(
    input: Path | None, kind: Literal["text", "jsonl"], output: Path | None, wanted: Output,
    load: Callable[[], Translator],
) -> None:  # fmt: skip
    from nmt.decode.endpoints import open_input, open_output
    from nmt.decode.request import Request
    from nmt.decode.streams import read_requests, translate_stream, type_requests

    typed = input is None and sys.stdin.isatty()
    with open_input(input) as (source, name), open_output(output, source) as out:
        translator = load()
        if kind == "text":
            translator.route(Request(""))  # a fault is told before anything is read
        if typed:
            console.info(f"Type {translator.domain.fields.typed} and press Enter; Ctrl-D ends.")
            chunks = type_requests(kind, wanted.format, translator.domain.fields, translator.route)
        else:
            chunks = read_requests(
                source, name, input_format=kind, format=wanted.format, source_fields=translator.domain.fields,
                check=translator.route,
            )  # fmt: skip
        wanted = replace(wanted, flags=translator.domain.flags)
        began = time.monotonic()
        with nullcontext() if typed else _progress(input, output) as advance:
            tally = translate_stream(translator, chunks, out, wanted, advance, typed)
    if not typed and tally.lines > 1:
        console.info(tally.summary(time.monotonic() - began))
    if not typed and (doubt := tally.doubt()):
        console.warn(doubt)


def _progress(source: Path | None, target: Path | None) -> AbstractContextManager[Callable[[int], None] | None]:
    """A bar on stderr where somebody sees it, and it does not run through what is written on the same screen."""
    if not sys.stderr.isatty() or (target is None and sys.stdout.isatty()):
        return nullcontext()
    from nmt.decode.endpoints import count_lines

    return console.progress("Translating", count_lines(source), "lines")


def _check_used(decode: DecodeSection, given: Mapping[str, object], runs: int) -> None:
    """An option that changes nothing is a mistake."""
    needs = {
        **dict.fromkeys(("temperature", "top_k", "top_p", "seed"), (decode.sampling, "--sample")),
        "diversity": (decode.diverse_groups > 1, "--diverse-groups"),
        "ensemble": (runs > 1, "a second --run"),
    }
    for key, (used, other) in needs.items():
        if key in given and not used:
            raise RecipeError(f"`{option_name(key)}` changes nothing without {other}.", f"Add {other}.")


@app.command(epilog="Examples: `nmt score --src source.txt --tgt translation.txt`; of text: `nmt score --tgt text.txt`")
@with_search_options({"Search": ("length_penalty", "ensemble", "batch_tokens"), ENGINE: ("compute", "precision")})
def score(
    tgt: Annotated[Path, typer.Option(help="A plain or gzip file of translations, or of the text to score.")],
    src: Annotated[
        Path | None, typer.Option(help="Their sources, line by line. A language model has none.", show_default=False)
    ] = None,
    run: Annotated[
        list[Path] | None,
        typer.Option(
            "--run",
            help="The run folder, or a file of `nmt package`; several score together (an ensemble). [the run "
            "trained last]",
        ),
    ] = None,
    to: ToOption = None,
    source_lang: FromOption = None,
    checkpoint: CheckpointOption = "best",
    pair: Annotated[
        bool,
        typer.Option(
            "--pair",
            help="The probability that a source and its translation belong together: by an encoder that has learned "
            "pairs; or by a translator, which holds each translation against other sources of the file.",
        ),
    ] = False,
    format: Annotated[
        OutputFormat,
        typer.Option(
            help="`score TAB log-probability`, or a JSON object per line with the value of each token. [text]",
            show_default=False,
        ),
    ] = OutputFormat.text,
    device: DeviceOption = "auto",
    engine: EngineOption = EngineName.auto,
    **search: Any,
) -> None:
    """Score given translations, or text: how probable they are to the model, as a whole and token by token."""
    from nmt.decode.endpoints import open_output
    from nmt.decode.streams import pair_stream, score_stream, score_text
    from nmt.run.abilities import check_translates
    from nmt.run.folder import load_run_recipe

    first = run_folder(run[0] if run else None)
    if (to or source_lang) and (pair or draws_text(first)):
        raise RecipeError("`--to` and `--from` are for translations.", "Leave them out.")
    if (engine is not EngineName.auto or "compute" in search) and (pair or draws_text(first)):
        raise RecipeError("`--engine` and `--compute` are for translations.", "Leave them out.")
    if pair:
        source = _source_of_pairs(src, len(run or ()), search)
        lines = pair_stream(lambda: load_pair_scorer(first, checkpoint, device), source, tgt, format.value)
    elif draws_text(first):
        if src is not None:
            raise RecipeError(f"`--src` is for translations, and {first} is a language model.", "Give `--tgt` alone.")
        if len(run or ()) > 1:
            raise RecipeError("Language models score one at a time.", "Give one `--run`.")
        lines = score_text(
            lambda: load_generator(first if run else None, checkpoint, device, search), tgt, format.value
        )
    else:
        check_translates(first, load_run_recipe(first))
        if src is None:
            raise RecipeError(f"{first} translates, and scores a translation by its source.", "Give `--src` too.")
        lines = score_stream(
            lambda: load_translator(run, checkpoint, device, search, engine, to, source_lang), src, tgt, format.value
        )
    with open_output(None) as out:
        for line in lines:
            out.write(line.encode() + b"\n")


def _source_of_pairs(src: Path | None, runs: int, search: Mapping[str, object]) -> Path:
    """Raises RecipeError for what does not go with --pair."""
    if src is None:
        raise RecipeError("`--pair` scores two texts.", "Give `--src` and `--tgt`.")
    if runs > 1:
        raise RecipeError("Runs score pairs one at a time.", "Give one `--run`.")
    if search:
        raise RecipeError(f"`{option_name(next(iter(search)))}` changes nothing with --pair.", "Leave it out.")
    return src


@app.command(epilog="Example: `nmt export --quantization int8`, then `nmt translate --engine ctranslate2 < input.txt`")
def export(
    run: RunOption = None,
    checkpoint: CheckpointOption = "best",
    quantization: Annotated[
        Quantization | None, typer.Option(help="Store the weights in fewer bits. [32-bit numbers]")
    ] = None,
) -> None:
    """Convert a run to CTranslate2 format, in RUN/ctranslate2, and compare translations of both engines."""
    folder = run_folder(run)
    from nmt.decode.export import export_run

    written, compared = export_run(folder, checkpoint, quantization and quantization.value)
    alike = compared.sentence() if compared else "There is no validation text to try it with."
    console.info(f"Written: {written}. {alike}")
