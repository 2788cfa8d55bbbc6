"""The command line: parse, call one function, print. No logic here; heavy imports happen inside the commands."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from nmt import __version__, console
from nmt.errors import Interrupted, NMTError, RecipeError

if TYPE_CHECKING:
    from nmt.recipe import Recipe

app = typer.Typer(
    name="nmt", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train your own translator on your own text: from raw parallel text to a scored translator with one recipe.",
    epilog="First time? `nmt train` trains the demo in two minutes; then try "
    "`echo 'The children play in the garden.' | nmt translate`.",
)  # fmt: skip

RecipeArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RECIPE] [KEY=VALUE]...", show_default=False,
        help="A recipe file (the demo recipe if there is none), and keys of it to set, such as `train.max_steps=1000`.",
    ),
]  # fmt: skip
RunOption = Annotated[Path | None, typer.Option("--run", help="The run folder; the run trained last if not given.")]
CheckpointOption = Annotated[str, typer.Option(help="`best`, `last`, or the name of one, such as `step-00001000`.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
BeamOption = Annotated[
    int | None, typer.Option(min=1, max=100, help="Hypotheses kept; 1 is greedy. The recipe's if not given.")
]
PenaltyOption = Annotated[
    float | None, typer.Option(min=0, max=100, help="Above 1 prefers longer translations, below 1 shorter ones.")
]


class OutputFormat(StrEnum):
    text = "text"
    jsonl = "jsonl"


class EngineName(StrEnum):
    nmt = "nmt"
    ctranslate2 = "ctranslate2"


class Quantization(StrEnum):
    int8 = "int8"
    int16 = "int16"
    float16 = "float16"
    bfloat16 = "bfloat16"


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"nmt {__version__}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.callback()
def root(version: VersionOption = False, debug: DebugOption = False) -> None:
    """What all commands share; `main` looks for --debug itself, to have it before anything can fail."""


@app.command(epilog="Example: `nmt prepare recipes/multi30k.yaml data.root=my/folder`")
def prepare(
    recipe: RecipeArgument = None,
    force: Annotated[bool, typer.Option("--force", help="Prepare anew, replacing what was prepared.")] = False,
) -> None:
    """Audit and filter the text, train the tokenizer, write ids to disk."""
    from nmt.data.prepare import prepare as prepare_data

    loaded, path = _load(recipe)
    prepare_data(loaded, force=force, recipe_path=path)


@app.command(epilog="Example: `nmt train recipes/multi30k.yaml train.max_minutes=20`")
def train(
    recipe: RecipeArgument = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; the old run folder is kept under a new name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the resolved recipe, sizes and costs, and stop.")
    ] = False,
    profile: Annotated[
        int, typer.Option(min=0, metavar="STEPS", help="Show where the time of a step goes, over so many, and stop.")
    ] = 0,
) -> None:
    """Train a translator, or go on where its training stopped. Prepares the data first if that was not done."""
    from nmt.data.manifest import NotPreparedError, check_prepared
    from nmt.data.prepare import prepare as prepare_data
    from nmt.data.prepare import wait_for

    loaded, path = _load(recipe)
    if dry_run:
        from nmt.train.estimate import estimate

        print(loaded.dump())
        console.table("Estimate", ["what", "how much"], estimate(loaded))
        return
    try:
        check_prepared(loaded, path)
    except NotPreparedError:
        if console.is_main_rank():
            prepare_data(loaded, recipe_path=path)
        else:
            wait_for(loaded)
    if profile:
        from nmt.train.profile import profile_steps

        found = profile_steps(loaded, loaded.prepared_dir, profile)
        console.print_table(["part of a step", "ms", "share"], found.rows())
        console.info(
            f"A step takes {found.step_ms:,.0f} ms, {found.tokens_per_second:,.0f} target tokens/s. Matrix products "
            f"run at {found.gflops:,.0f} GFLOP/s; a large one reaches {found.limit_gflops:,.0f} here."
        )
        return
    from nmt.train.trainer import train as run_training

    run_training(loaded, loaded.prepared_dir, "nmt train " + " ".join(recipe or []), fresh)


@app.command(epilog="Example: `nmt translate --beam-size 8 -i input.txt -o output.txt`")
def translate(
    run: RunOption = None,
    checkpoint: CheckpointOption = "best",
    input: Annotated[
        Path | None, typer.Option("--input", "-i", help="A plain or gzip file; stdin if not given.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; stdout if not given.")] = None,
    n_best: Annotated[
        int, typer.Option(min=1, max=100, help="Translations per line, best first: `line TAB score TAB text`.")
    ] = 1,
    scores: Annotated[bool, typer.Option("--scores", help="Put each score and a TAB before its translation.")] = False,
    format: Annotated[OutputFormat, typer.Option(help="Plain lines, or one JSON object per line.")] = OutputFormat.text,
    beam_size: BeamOption = None,
    length_penalty: PenaltyOption = None,
    device: DeviceOption = "auto",
    engine: Annotated[EngineName, typer.Option(help="Our own, or CTranslate2 after `nmt export`.")] = EngineName.nmt,
) -> None:
    """Translate lines: stdin to stdout, raw text in and out, exactly one output line for each input line."""
    from nmt.decode.streams import open_input, open_output, read_lines, translate_stream

    with open_input(input) as (source, name):
        translator = _translator(run, checkpoint, device, beam_size, length_penalty, engine)
        with open_output(output) as out:
            chunks = read_lines(source, name)
            translate_stream(translator, chunks, out, format=format.value, n_best=n_best, scores=scores)


@app.command(epilog="Example: `nmt evaluate --hyp output.txt --ref reference.txt`")
def evaluate(
    run: RunOption = None,
    test: Annotated[
        list[str] | None, typer.Option(help="A test set of the recipe, or `valid`; all tests if not given.")
    ] = None,
    hyp: Annotated[
        Path | None, typer.Option(help="Score this file of translations instead of a run; needs --ref.")
    ] = None,
    ref: Annotated[list[Path] | None, typer.Option(help="A file of references; may be given several times.")] = None,
    checkpoint: CheckpointOption = "best",
    beam_size: BeamOption = None,
    length_penalty: PenaltyOption = None,
    device: DeviceOption = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object: test set → metric → score, interval, signature.")
    ] = False,
) -> None:
    """Score a run on the test sets of its recipe, or a file of translations against references, by sacreBLEU."""
    from nmt.evaluate.evaluation import evaluate_files, evaluate_run

    if (hyp is None) != (not ref):
        raise RecipeError("`--hyp` and `--ref` go together.", "Give both files, or neither to score a run.")
    if hyp is not None and ref:
        evaluation = evaluate_files(hyp, ref)
    else:
        translator = _translator(run, checkpoint, device, beam_size, length_penalty)
        assert translator.run is not None
        evaluation = evaluate_run(translator.run, translator=translator, test=test or [])
    if as_json:
        print(json.dumps(evaluation.to_json(), indent=1))
    else:
        console.print_table(["test set", "metric", "score", "signature"], evaluation.rows())


@app.command(
    epilog="Example: `nmt compare runs/baseline runs/new`, or with files: `nmt compare a.txt b.txt --ref ref.txt`"
)
def compare(
    systems: Annotated[
        list[Path],
        typer.Argument(help="Runs that were evaluated, or files of translations; the first is the baseline."),
    ],
    ref: Annotated[list[Path] | None, typer.Option(help="References of the files; may be given several times.")] = None,
    src: Annotated[Path | None, typer.Option(help="The source of the files, to be shown.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Sentences to show on which the systems differ most.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: test set → metric → system.")] = False,
) -> None:
    """Compare systems: scores, whether the difference is significant, and the sentences that differ most."""
    from nmt.evaluate.compare import COLUMNS
    from nmt.evaluate.compare import compare as run_comparison

    tests = run_comparison(systems, ref or [], src)
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


@app.command(epilog="Example: `nmt runs`")
def runs(
    folder: Annotated[Path, typer.Argument(help="The folder of run folders.")] = Path("runs"),
) -> None:
    """List runs: languages, steps, scores, age, size; the run trained last first."""
    from nmt.train.runs import COLUMNS, list_runs

    console.print_table(COLUMNS, [run.row(time.time()) for run in list_runs(folder)])


@app.command(epilog="Example: `nmt show runs/multi30k-en-fr`")
def show(
    run: Annotated[Path | None, typer.Argument(help="The run folder; the run trained last if not given.")] = None,
) -> None:
    """Show a run: its model, data, learning curve, scores and versions."""
    from nmt.train.checkpoint import latest_run
    from nmt.train.runs import read_run

    console.print_table(["what", "how much"], read_run(run or latest_run()).details())


@app.command(epilog="Example: `nmt verify runs/multi30k-en-fr`")
def verify(
    run: Annotated[Path | None, typer.Argument(help="The run folder; the run trained last if not given.")] = None,
) -> None:
    """Recompute what a run records of itself, and say what no longer matches: weights, text, tokenizer, versions."""
    from nmt.train.checkpoint import latest_run

    folder = run or latest_run()
    from nmt.train.verify import verify_run

    findings = verify_run(folder)
    console.print_table(["what", "result", "remark"], [[f.what, f.result, f.remark] for f in findings])
    if any(f.result == "differs" for f in findings):
        raise typer.Exit(1)


@app.command(epilog="Example: `nmt export --quantization int8`, then `nmt translate --engine ctranslate2 < input.txt`")
def export(
    run: RunOption = None,
    checkpoint: CheckpointOption = "best",
    quantization: Annotated[
        Quantization | None, typer.Option(help="Store the weights smaller; 32-bit numbers if not given.")
    ] = None,
) -> None:
    """Write a run for CTranslate2, to `ctranslate2` in its folder, and compare translations of both engines."""
    from nmt.train.checkpoint import latest_run

    folder = run or latest_run()
    from nmt.decode.export import export_run

    done = export_run(folder, checkpoint, quantization and quantization.value)
    alike = f"{done.same} of {done.samples} sample lines are translated the same."
    console.info(f"Written: {done.folder}. {alike if done.samples else 'There is no validation text to try it with.'}")


def _load(arguments: list[str] | None) -> tuple[Recipe, Path]:
    """The recipe of `[RECIPE] [KEY=VALUE]...`; without a file the demo's, saying so."""
    from nmt.recipe import load_recipe

    given = arguments or []
    if given and "=" not in given[0]:
        path, overrides = Path(given[0]), given[1:]
    else:
        path, overrides = _demo_recipe(), given
        console.info(f"No recipe given: taking the demo, {path}.")
    return load_recipe(path, overrides), path


def _demo_recipe() -> Path:
    path = Path("recipes/demo.yaml")
    if not path.exists():
        raise RecipeError(
            "no recipe was given, and there is no recipes/demo.yaml here.",
            "Give a recipe file, or work in the folder of the nmt project.",
        )
    return path


def _translator(
    run: Path | None, checkpoint: str, device: str, beam_size: int | None, length_penalty: float | None,
    engine: EngineName = EngineName.nmt,
) -> Any:  # fmt: skip
    from nmt.train.checkpoint import latest_run

    folder = run or latest_run()
    from nmt.decode.translator import Translator  # after the check: torch takes a second to come
    from nmt.train.parallel import set_threads

    set_threads()
    translator = Translator.load(folder, checkpoint=checkpoint, device=device, engine=engine.value)
    changes = {"beam_size": beam_size, "length_penalty": length_penalty}
    translator.decode = translator.decode.model_copy(update={k: v for k, v in changes.items() if v is not None})
    if run is None:
        console.info(f"Using {folder} ({translator.checkpoint}), the run trained last.")
    return translator


def main() -> None:
    """Run a command. An error is one to three lines on stderr, and an exit code that says whose it is."""
    debug = "--debug" in sys.argv
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = app(prog_name="nmt", standalone_mode=False)
        sys.stdout.flush()
    except NMTError as e:
        if debug:
            raise
        console.error(e)
        code = e.exit_code
    except BrokenPipeError:
        # The reader has gone, as with `| head`; Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except (KeyboardInterrupt, typer.Abort):
        console.warn("Stopped.")
        code = 130
    except Exception as e:  # noqa: BLE001 - whatever it is, the user gets a line and not a traceback
        code = _unexpected(e, debug)
    _leave(code if isinstance(code, int) else 0)


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    """SIGTERM ends a command as Ctrl-C does: through every clean-up on the way out. Training has its own way."""
    raise Interrupted(number, "stopped by SIGTERM.")


def _leave(code: int) -> NoReturn:
    """Exit; at once where a thread still waits for stdin, whose lock the interpreter would stumble over."""
    if any(thread.daemon for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _unexpected(e: Exception, debug: bool) -> int:
    # A wrong option or argument; whose class it is depends on the version of typer.
    if hasattr(e, "show") and hasattr(e, "exit_code"):
        e.show()
        return int(e.exit_code)
    if debug:
        raise e
    console.error(
        NMTError(
            f"nmt failed: {type(e).__name__}: {e}",
            "This is a fault of nmt. With --debug before the command it shows where.",
        )
    )
    return 1
