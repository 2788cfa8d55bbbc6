"""Which engine a run translates with: CTranslate2 where its export is of the same weights, and as good; else ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nmt import console
from nmt.decode.ct2 import CTranslate2Engine, import_ctranslate2, lacks
from nmt.decode.either import EitherEngine
from nmt.decode.engine import Engine
from nmt.decode.exported import FOLDER, read_origin, why_not
from nmt.device import choose_device
from nmt.errors import RunError
from nmt.run.abilities import check_exports
from nmt.run.checkpoint import find_checkpoint
from nmt.run.load import load_tokenizer, load_translator_model
from nmt.tokenizer import Tokenizer

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection, Recipe

EngineName = Literal["auto", "nmt", "ctranslate2"]


@dataclass(frozen=True)
class Loaded:
    engine: Engine
    tokenizer: Tokenizer
    checkpoint: str  # whose weights translate
    why_own: str = ""  # CTranslate2 was to be expected, and does not translate


@dataclass(frozen=True)
class Wanted:
    """What of which runs is to be loaded. `threads` of torch: None leaves them as they are, 0 takes all that this
    process may use.
    """

    runs: Sequence[Path]
    recipe: Recipe  # of the first run
    decode: DecodeSection
    checkpoint: str = "best"
    device: str = "auto"
    labels: Sequence[str] = ()  # the only outputs there are, if there are few
    threads: int | None = None


def load_engine(wanted: Wanted, engine: EngineName) -> Loaded:
    """Raises RunError where that engine cannot be had."""
    match engine:
        case "nmt":
            return load_own(wanted)
        case "ctranslate2":
            return _load_ctranslate2(wanted)
    run = wanted.runs[0]
    if len(wanted.runs) > 1 or not _on_a_cpu(wanted.device) or not _exportable(run, wanted.recipe):
        return load_own(wanted)
    try:
        why = _why_own(wanted)
        if not why:
            return _load_either(wanted, "cpu", strict=False)
    except RunError as e:
        why = e.message.rstrip(".")
    own = load_own(wanted)
    return Loaded(own.engine, own.tokenizer, own.checkpoint, why)


def load_own(wanted: Wanted) -> Loaded:
    """Our own engine, of one run or of several together."""
    from nmt.decode.beam_engine import BeamEngine
    from nmt.device import set_threads

    if wanted.threads is not None:
        set_threads(wanted.threads)
    runs, decode = wanted.runs, wanted.decode
    loaded = [load_translator_model(r, wanted.checkpoint, wanted.device, decode.precision) for r in runs]
    _, tokenizer, _, _ = loaded[0]
    for r, (_, own, _, _) in zip(runs, loaded, strict=True):
        if own.fingerprint != tokenizer.fingerprint:
            raise RunError(
                f"{r} and {runs[0]} have different tokenizers, and cannot translate together.",
                "An ensemble is of runs on the same prepared data: train them with other seeds or models.",
            )
    models = [model for model, _, _, _ in loaded]
    engine = BeamEngine.of_models(models, tokenizer, decode.ensemble, wanted.labels)
    return Loaded(engine, tokenizer, ", ".join(found.path.name for _, _, _, found in loaded))


def _load_ctranslate2(wanted: Wanted) -> Loaded:
    """As it was asked for: what it lacks is refused, but for phrases to include."""
    if len(wanted.runs) > 1:
        raise RunError("CTranslate2 translates with one run.", "Give one `--run`, or leave `--engine` out.")
    run, recipe = wanted.runs[0], wanted.recipe
    origin = read_origin(run / FOLDER)
    found = find_checkpoint(run, wanted.checkpoint, recipe.train.metric)
    if origin and origin.sha256 and origin.sha256 != found.sha256["model.safetensors"]:
        console.warn(
            f"{run / FOLDER} was exported from {origin.checkpoint}, which is not {found.path.name}. "
            f"To renew it: nmt export --run {run}"
        )
    device = "cpu"  # which is what CTranslate2 has for mps, too
    if not _on_a_cpu(wanted.device):
        device = choose_device(wanted.device, said="`--device").type.replace("mps", "cpu")
    loaded = _load_either(wanted, device, strict=True)
    return Loaded(loaded.engine, loaded.tokenizer, origin.checkpoint if origin else FOLDER)


def _load_either(wanted: Wanted, device: str, strict: bool) -> Loaded:
    run, limit = wanted.runs[0], wanted.recipe.model.position_limit
    checkpoint = find_checkpoint(run, wanted.checkpoint, wanted.recipe.train.metric)
    checkpoint.check_model(wanted.recipe.model)
    tokenizer = load_tokenizer(run)
    first = CTranslate2Engine(run / FOLDER, tokenizer, device, limit, wanted.decode.compute)
    engine = EitherEngine(first, lambda: load_own(wanted).engine, limit, strict)
    return Loaded(engine, tokenizer, checkpoint.path.name)


def is_exported(run: Path, recipe: Recipe) -> bool:
    """Whether the best checkpoint is what the export of a run was made of."""
    origin, found = read_origin(run / FOLDER), find_checkpoint(run, "best", recipe.train.metric)
    return origin is not None and bool(origin.stored) and origin.sha256 == found.sha256["model.safetensors"]


def _why_own(wanted: Wanted) -> str:
    """Why our own engine translates with one run, on a CPU; empty: it does not."""
    if lacking := lacks(wanted.decode):
        return f"CTranslate2 cannot do: {', '.join(lacking)}"
    run = wanted.runs[0]
    checkpoint = find_checkpoint(run, wanted.checkpoint, wanted.recipe.train.metric)
    return why_not(run, checkpoint.path.name, checkpoint.sha256["model.safetensors"], wanted.decode.compute)


def _on_a_cpu(device: str) -> bool:
    """Whether that is a CPU, as far as it can be told without torch; `auto` where there is no GPU of NVIDIA's."""
    return device == "cpu" or (device == "auto" and import_ctranslate2().get_cuda_device_count() == 0)


def _exportable(run: Path, recipe: Recipe) -> bool:
    try:
        check_exports(run, recipe)
    except RunError:
        return False
    return True
