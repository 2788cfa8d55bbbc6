"""What several commands share: options, and loading what they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt import console
from nmt.errors import NMTError, RecipeError

if TYPE_CHECKING:
    from nmt.decode.contrast import ContrastScorer
    from nmt.decode.generator import Generator
    from nmt.decode.pairs import PairScorer
    from nmt.decode.translator import Translator
    from nmt.recipe import Recipe


class OutputFormat(StrEnum):
    text = "text"
    jsonl = "jsonl"


class EngineName(StrEnum):
    auto = "auto"
    nmt = "nmt"
    ctranslate2 = "ctranslate2"


class Quantization(StrEnum):
    int8 = "int8"
    int16 = "int16"
    float16 = "float16"
    bfloat16 = "bfloat16"


ENGINE = "Engine"  # a panel of the help

RecipeArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RECIPE] [KEY=VALUE]...", show_default=False,
        help="A recipe file (the demo recipe if there is none), and keys of it to set, such as `train.max_steps=1000`.",
    ),
]  # fmt: skip
RunOption = Annotated[
    Path | None, typer.Option("--run", help="The run folder, or a file of `nmt package`. [the run trained last]")
]
CheckpointOption = Annotated[
    str, typer.Option(help="`best`, `last`, or a step such as `step-00001000`. [best]", show_default=False)
]
DeviceOption = Annotated[
    str, typer.Option(help="`auto` (a GPU if there is one), `cpu`, `cuda` or `mps`. [auto]", show_default=False)
]
ToOption = Annotated[
    str | None,
    typer.Option(metavar="LANG", help="The language to translate into, where the run has several.", show_default=False),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="LANG", help="The language of the input. [where it is needed, the run says so]",
        show_default=False,
    ),
]  # fmt: skip
EngineOption = Annotated[
    EngineName,
    typer.Option(
        help="`auto`: CTranslate2 on a CPU, if the run was exported for it and it is as good as our own engine, `nmt`, "
        "which does what CTranslate2 cannot. [auto]",
        rich_help_panel=ENGINE, show_default=False,
    ),
]  # fmt: skip
RunArgument = Annotated[Path | None, typer.Argument(help="The run folder. [the run trained last]")]


def load(arguments: list[str] | None) -> tuple[Recipe, Path]:
    """The recipe of `[RECIPE] [KEY=VALUE]...`; without a file the demo's, saying so."""
    from nmt.recipe import load_recipe

    given = arguments or []
    if given and "=" not in given[0]:
        path, overrides = Path(given[0]), given[1:]
    else:
        path, overrides = _demo_recipe(), given
        console.info(f"No recipe given: taking the demo, {path}.")
    return load_recipe(path, overrides), path


@contextmanager
def recipe_named(path: Path) -> Iterator[None]:
    """Within, a hint that says what to do with RECIPE names it: those who raise it know the data, not the recipe."""
    try:
        yield
    except NMTError as e:
        e.hint = re.sub(r"\bRECIPE\b", lambda _: shlex.quote(str(path)), e.hint)
        raise


def _demo_recipe() -> Path:
    path = Path("recipes/demo.yaml")
    if not path.exists():
        raise RecipeError(
            "no recipe was given, and there is no recipes/demo.yaml here.",
            "Give a recipe file. For your own text: nmt init FILES writes one.",
        )
    return path


def run_folder(run: Path | None) -> Path:
    """The run that was named, a package unpacked, or the one trained last. Before torch is imported: a fault is told
    at once.
    """
    from nmt.run.folder import latest_run
    from nmt.run.packed import unpacked

    return unpacked(run) if run else latest_run()


def load_generator(run: Path | None, checkpoint: str, device: str, changes: Mapping[str, object]) -> Generator:
    """Of a run that is a language model; `changes` to the decode section of its recipe."""
    folder = run_folder(run)
    from nmt.decode.generator import Generator
    from nmt.device import set_threads

    set_threads()
    generator = Generator.load(folder, checkpoint=checkpoint, device=device, decode=dict(changes))
    if not run:
        console.info(f"Using {folder} ({generator.checkpoint}), the run trained last.")
    return generator


def load_pair_scorer(run: Path, checkpoint: str, device: str) -> PairScorer | ContrastScorer:
    """Of a run that has learned which texts belong together, or of a translator."""
    from nmt.device import set_threads
    from nmt.run.abilities import judges_by_translating
    from nmt.run.folder import load_run_recipe

    set_threads()
    if judges_by_translating(load_run_recipe(run)):
        from nmt.decode.contrast import ContrastScorer

        return ContrastScorer.load(run, checkpoint, device)
    from nmt.decode.pairs import PairScorer

    return PairScorer.load(run, checkpoint, device)


def pair_filter(run: str) -> Callable[[Sequence[tuple[str, str]]], list[float]]:
    """What a run makes of pairs, for `data.filters.pair_score`. Raises RunError where it knows no translations."""
    from nmt.errors import RunError

    scorer = load_pair_scorer(Path(run), "best", "auto")
    if scorer.sides != ("src", "tgt"):
        raise RunError(
            f"`data.filters.pair_score.run: {run}` knows which line follows which, not which translate each other.",
            "Give a translator, or a run of `objective: {kind: mlm, pairs: translation}`.",
        )
    return scorer.score


def fills_in(run: Path) -> bool:
    """Whether a run is an encoder alone. Raises RunError where it is no run."""
    from nmt.run.folder import load_run_recipe

    return load_run_recipe(run).model.kind == "encoder"


def draws_text(run: Path) -> bool:
    """Whether a run is a language model, instead of translating. Raises RunError where it is no run."""
    from nmt.run.folder import load_run_recipe

    recipe = load_run_recipe(run)
    return recipe.draws and not recipe.translates


def load_translator(
    run: Path | list[Path] | None, checkpoint: str, device: str, changes: Mapping[str, object],
    engine: EngineName = EngineName.auto, to: str | None = None, source: str | None = None,
) -> Translator:  # fmt: skip
    """Of a run, or of several together, into one language from another; `changes` to the decode section of the first's
    recipe. Says why it is not CTranslate2 that translates, where that was to be expected.
    """
    if engine is EngineName.nmt and "compute" in changes:
        raise RecipeError(
            "`--compute` is for CTranslate2.", "Of our own engine, the numbers are chosen by --precision."
        )
    folders = [run_folder(None)] if not run else run if isinstance(run, list) else [run]
    from nmt.decode.translator import Translator

    translator = Translator.load(
        folders, checkpoint=checkpoint, device=device, engine=engine.value, decode=dict(changes), threads=0
    )
    translator.to, translator.source = to, source
    if not run:
        console.info(f"Using {folders[0]} ({translator.checkpoint}), the run trained last.")
    if translator.why_own:
        console.info(f"Translating with our own engine: {translator.why_own}.")
    return translator
