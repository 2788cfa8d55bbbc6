"""A run's model, ready to use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nmt import console
from nmt.data.manifest import LANGUAGES, MANIFEST
from nmt.device import choose_device, choose_dtype
from nmt.errors import RunError
from nmt.run.abilities import check_draws, check_knows_pairs, check_translates
from nmt.run.checkpoint import Checkpoint, ranked_checkpoints
from nmt.run.folder import load_run_recipe
from nmt.run.manifest import run_manifest
from nmt.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nmt.model.encoder_only import EncoderOnly
    from nmt.model.kinds import Model, Writer
    from nmt.recipe import Recipe
    from nmt.text.language import Languages


def load_model(
    run: Path, which: str = "best", device: str = "auto", precision: str = "auto"
) -> tuple[Model, Tokenizer, Recipe, Checkpoint]:
    """A run's model, of any kind, ready to use on `device`. precision: `fp32`, `bf16`, or `auto`, which is fp32 on a
    CPU, and elsewhere what the recipe trains with.
    """
    from nmt.model.kinds import build

    recipe = load_run_recipe(run)
    checkpoint, weights = first_whole(ranked_checkpoints(run, which, recipe.train.metric))
    checkpoint.check_model(recipe.model)
    tokenizer = load_tokenizer(run)
    model = build(recipe.model, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size)
    load_weights(model, weights, checkpoint.path)
    target = choose_device(device, said="`--device")
    if precision == "auto":
        precision = "fp32" if target.type == "cpu" else recipe.train.precision
    return model.to(target, choose_dtype(precision, target)).eval(), tokenizer, recipe, checkpoint


def load_tokenizer(run: Path) -> Tokenizer:
    """That of a run. Raises RunError where it is not the one that the run was trained with."""
    tokenizer = Tokenizer.load(run)
    if (run / MANIFEST).exists() and tokenizer.fingerprint != run_manifest(run).tokenizer.fingerprint:
        raise RunError(
            f"the tokenizer in {run} is not the one that its model was trained with.",
            "Restore the run folder from a copy.",
        )
    return tokenizer


def load_languages(run: Path) -> Languages | None:
    """What tells the languages of its training text apart; None where an older nmt trained it, or they were one."""
    from nmt.text.language import Languages

    try:
        return Languages.from_bytes((run / LANGUAGES).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        console.warn(f"{run / LANGUAGES} is damaged: whether translations are in the right language is not told.")
        return None


def load_translator_model(
    run: Path, which: str = "best", device: str = "auto", precision: str = "auto"
) -> tuple[Writer, Tokenizer, Recipe, Checkpoint]:
    """As load_model. Raises RunError where the run does not translate."""
    check_translates(run, load_run_recipe(run))
    return _load_writer(run, which, device, precision)


def load_language_model(
    run: Path, which: str = "best", device: str = "auto", precision: str = "auto"
) -> tuple[Writer, Tokenizer, Recipe, Checkpoint]:
    """As load_model. Raises RunError where the run draws no text."""
    check_draws(run, load_run_recipe(run))
    return _load_writer(run, which, device, precision)


def load_encoder(
    run: Path, which: str = "best", device: str = "auto", precision: str = "auto"
) -> tuple[EncoderOnly, Tokenizer, Recipe, Checkpoint]:
    """As load_model, of a run that is an encoder alone."""
    from nmt.model.encoder_only import EncoderOnly

    model, tokenizer, recipe, checkpoint = load_model(run, which, device, precision)
    assert isinstance(model, EncoderOnly), "no other kind fills in pieces"
    return model, tokenizer, recipe, checkpoint


def load_pair_model(
    run: Path, which: str = "best", device: str = "auto", precision: str = "auto"
) -> tuple[EncoderOnly, Tokenizer, Recipe, Checkpoint]:
    """As load_encoder. Raises RunError where the run has learned no pairs."""
    check_knows_pairs(run, load_run_recipe(run))
    return load_encoder(run, which, device, precision)


def _load_writer(run: Path, which: str, device: str, precision: str) -> tuple[Writer, Tokenizer, Recipe, Checkpoint]:
    from nmt.model.kinds import Writer

    model, tokenizer, recipe, checkpoint = load_model(run, which, device, precision)
    assert isinstance(model, Writer), "no other kind writes"
    return model, tokenizer, recipe, checkpoint


def first_whole(candidates: list[Checkpoint]) -> tuple[Checkpoint, dict[str, Tensor]]:
    """The first checkpoint whose weights are what was written, and these. Raises RunError where none's are."""
    for checkpoint, following in zip(candidates, [*candidates[1:], None], strict=True):
        try:
            return checkpoint, checkpoint.tensors("model.safetensors")
        except RunError as e:
            if following is None:
                raise
            console.warn(f"{e.message} {following.path.name} is used instead.")
    raise AssertionError("there is always a candidate")


def load_weights(model: nn.Module, weights: dict[str, Tensor], where: Path) -> None:
    """Copy weights by name. Raises RunError naming what does not fit."""
    own = dict(model.named_parameters())
    wrong = [k for k in own if k not in weights or weights[k].shape != own[k].shape]
    if wrong or len(weights) != len(own):
        names = ", ".join(wrong[:3] or sorted(set(weights) - set(own))[:3])
        raise RunError(
            f"{where} does not fit the model of its recipe ({names}).", "Was recipe.yaml in the run changed?"
        )
    for name, parameter in own.items():
        parameter.data.copy_(weights[name])
