"""What `data.synthetic` asks for: sets of pairs, each with its text, its teachers, its search, and a folder of its own.

The folder is named for a hash of all that decides the pairs, so that what is there already is found, and what was made
of something else is not taken for it. What is chosen of the pairs when they are read (`keep`), how much of an epoch
they are (`share`) and how they are learned (`tag`, noise) is not part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nmt.data.corpus import resolve_files
from nmt.data.manifest import MANIFEST
from nmt.data.synthetic import FORMAT, Teacher
from nmt.errors import RecipeError, RunError
from nmt.recipe import Corpus, DataSection, DecodeSection, Recipe, fingerprint
from nmt.recipe.directions import Direction
from nmt.recipe.synthetic import Synthetic
from nmt.run.abilities import check_translates
from nmt.run.checkpoint import find_checkpoint
from nmt.run.folder import load_run_recipe
from nmt.synthesis.teachers import with_runs
from nmt.tokenizer import Side

_OF_THE_MACHINE = {"batch_tokens", "precision", "compute", "valid_beam_size"}  # keys of `decode` that decide no pair


@dataclass(frozen=True)
class Set:
    """Pairs to make: `made` is the side that the teachers write, of lines of the other."""

    key: str  # where the recipe asks for it: `data.synthetic.0`
    item: Synthetic
    direction: Direction  # in which the pairs are learned
    made: Side
    runs: tuple[Path, ...]
    teachers: tuple[Teacher, ...]
    decode: DecodeSection
    text: DataSection  # whose training text is read
    inputs: dict[str, str]  # its files: name → sha256
    folder: Path

    @property
    def is_made(self) -> bool:
        return (self.folder / MANIFEST).exists()

    @property
    def languages(self) -> tuple[str, str]:
        """Of what is read, and of what is written."""
        return _languages(self.direction, self.made, self.item.through)

    @property
    def title(self) -> str:
        pair = "" if self.item.through is None else f" for {self.direction}"
        read, written = self.languages
        return f"{self.item.method.replace('_', ' ')} {read}-{written}{pair} by {' + '.join(map(str, self.runs))}"


@dataclass(frozen=True)
class Plan:
    recipe: Recipe  # with the sets as corpora, and nothing left to make
    sets: list[Set]


def plan(recipe: Recipe) -> Plan:
    """Raises RecipeError or RunError for teachers that cannot make what is asked of them, DataError for text that is
    missing, UntrainedError where a recipe is named whose run is not trained to its end. A recipe without
    `data.synthetic` is left as it is.
    """
    if not recipe.data.synthetic:
        return Plan(recipe, [])
    recipe = with_runs(recipe)
    sets: list[Set] = []
    train = list(recipe.data.train)
    for number, item in enumerate(recipe.data.synthetic):
        key = f"data.synthetic.{number}"
        own = _sets(recipe, item, key)
        if item.replaces:
            replaced = _pairs(recipe)
            train = [corpus for corpus in train if corpus not in replaced]
        train += [_corpus(one, item, len(own)) for one in own]
        sets += own
    data = recipe.data.model_copy(update={"train": train, "synthetic": []})
    return Plan(recipe.model_copy(update={"data": data}), list({one.folder: one for one in sets}.values()))


def _corpus(found: Set, item: Synthetic, of: int) -> Corpus:
    """A set as training reads it; `of` so many share what the item says."""
    share = None if item.share is None else item.share / of
    values = {
        "synthetic": str(found.folder), "directions": [str(found.direction)], "share": share,
        "keep": item.keep if item.keep < 1 else None, "tag": item.tag or None,
        "noise": True if item.search == "noised" else None,
    }  # fmt: skip
    return Corpus.model_validate({key: value for key, value in values.items() if value is not None})


def _sets(recipe: Recipe, item: Synthetic, key: str) -> list[Set]:
    match item.method:
        case "back_translation":
            return [_set(recipe, item, f"{key}.with", item.with_ or [], "src")]
        case "self_training" | "distillation":
            return [_set(recipe, item, f"{key}.with", item.with_ or [], "tgt")]
        case "diversification":
            forward = [_set(recipe, item, f"{key}.forward", [run], "tgt") for run in item.forward or ()]
            return forward + [_set(recipe, item, f"{key}.backward", [run], "src") for run in item.backward or ()]
        case "pivot":
            corpora = [recipe.data.languages_of(corpus) for corpus in _pairs(recipe)]
            without = [direction for direction in recipe.data.trained if item.makes(direction, corpora)]
            if not without:
                raise RecipeError(
                    f"`{key}`: there is no direction in `directions` without pairs in `train` whose target has pairs "
                    f"with {item.through}.",
                    "Name the directions to be learned, or leave it out.",
                )
            return [_set(recipe, item, f"{key}.with", item.with_ or [], "src", direction) for direction in without]


def _set(
    recipe: Recipe, item: Synthetic, key: str, named: Sequence[str], made: Side, direction: Direction | None = None
) -> Set:
    runs = tuple(Path(run) for run in named)
    recipes = [_recipe_of(run, f"`{key}: {run}`") for run in runs]
    wanted = recipe.data.trained if direction is None else [direction]
    direction = _direction(wanted, item, key, runs, recipes, made)
    teachers = tuple(_teacher(run, theirs) for run, theirs in zip(runs, recipes, strict=True))
    decode = _search(item, recipes[0], key)
    text = _text(recipe, item, direction, made)
    inputs = {name: file.sha256 for name, file in resolve_files(text).items()}
    corpora = [c.model_dump(mode="json", exclude_none=True, exclude={"share", "objective", "tag"}) for c in text.train]
    name = fingerprint(
        FORMAT, item.method, str(direction), made, [teacher.sha256 for teacher in teachers],
        decode.model_dump(mode="json", exclude=_OF_THE_MACHINE), item.best, item.take, text.filters.max_chars,
        sorted(inputs.items()), corpora, *([item.through] if item.through else []),
    )  # fmt: skip
    folder = Path(recipe.data.prepared_dir).parent / "synthetic" / name
    return Set(key.rpartition(".")[0], item, direction, made, runs, teachers, decode, text, inputs, folder)


def _recipe_of(run: Path, said: str) -> Recipe:
    if not (run / "recipe.yaml").exists():
        raise RunError(
            f"{said} is not a run folder.",
            "Give the folder that `nmt train` made. To go on with a run whose teachers are gone: "
            "nmt train runs/NAME/recipe.yaml",
        )
    recipe = load_run_recipe(run)
    check_translates(run, recipe)
    if recipe.data.joint is not None or recipe.data.labels is not None:
        raise RunError(f"{said} {recipe.does}, and does not translate lines of text.")
    return recipe


def _teacher(run: Path, recipe: Recipe) -> Teacher:
    best = find_checkpoint(run, "best", recipe.train.metric)
    return Teacher(
        run=str(run), recipe=fingerprint(recipe), checkpoint=best.path.name, sha256=best.sha256["model.safetensors"]
    )


def _direction(
    wanted: Sequence[Direction], item: Synthetic, key: str, runs: Sequence[Path], recipes: Sequence[Recipe], made: Side
) -> Direction:
    """Of these directions the one for which the teachers can make pairs of that text."""

    def needed(direction: Direction) -> str:
        return "-".join(_languages(direction, made, item.through))

    read: dict[str, Direction] = {}
    for direction in wanted:
        own = direction.src if made == "tgt" else direction.tgt
        if item.lang in (None, own):
            read[needed(direction)] = direction
    if not read:
        side, listed = ("source", "src") if made == "tgt" else ("target", "tgt")
        known = " and ".join(dict.fromkeys(str(getattr(d, listed)) for d in wanted))
        raise RecipeError(
            f"`{key.rpartition('.')[0]}.lang: {item.lang}`: {item.method.replace('_', ' ')} is of text of the {side} "
            f"language, {known}."
        )
    for run, theirs in zip(runs, recipes, strict=True):
        can = [str(direction) for direction in theirs.data.evaluated]
        needs = f"{item.method.replace('_', ' ')} needs {' or '.join(read)} here"
        read = {name: direction for name, direction in read.items() if name in can}
        if not read:
            raise RecipeError(
                f"`{key}: {run}` translates {', '.join(can)}, but {needs}.",
                "Give a run of that direction; to train one, swap `source` and `target` in its recipe."
                if item.lang is None
                else "Give a run of that direction, or another `lang`.",
            )
    if len(read) > 1:
        hint = "Give `lang`." if item.lang is None and item.text is not None else "Give runs of one direction."
        raise RecipeError(f"`{key}` may be for {' or '.join(read)}, which the recipe does not say.", hint)
    return next(iter(read.values()))


def _languages(direction: Direction, made: Side, through: str | None) -> tuple[str, str]:
    """Of what is read, and of what is written."""
    tgt = str(direction.tgt)
    return (direction.src, tgt) if made == "tgt" else (through or tgt, direction.src)


def _search(item: Synthetic, teacher: Recipe, key: str) -> DecodeSection:
    """That of the run, with what the recipe says else."""
    from nmt.decode.translator import changed

    values = dict(item.decode) | ({"sampling": True} if item.search == "sampling" else {"sampling": False})
    try:
        return changed(teacher.decode, {"mbr": "none"} | values)
    except RecipeError as e:
        raise RecipeError(e.message.replace("decode: ", f"{key.rpartition('.')[0]}.decode: "), e.hint) from None


def _text(recipe: Recipe, item: Synthetic, direction: Direction, made: Side) -> DataSection:
    """The recipe's data with the text that is to be translated as all there is."""
    if item.text is None:
        corpora = _pairs(recipe)
    else:
        corpora = item.corpora(direction.src if made == "tgt" else str(direction.tgt))
    return recipe.data.model_copy(update={"train": corpora, "valid": [], "test": {}, "synthetic": []})


def _pairs(recipe: Recipe) -> list[Corpus]:
    """The corpora of pairs by people."""
    return [
        corpus
        for corpus in recipe.data.train
        if not (corpus.of_one_language or corpus.made_elsewhere) and recipe.objective_of(corpus).kind == "translate"
    ]
