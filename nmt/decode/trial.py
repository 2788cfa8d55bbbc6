"""Whether an export translates as our own engine does: tried on the validation text of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from nmt.data.sources import stored_directions
from nmt.data.store import PreparedSplit
from nmt.decode.alignment import align, words_of
from nmt.decode.assembly import Translation
from nmt.decode.engine import Pair
from nmt.decode.exported import Aligned
from nmt.decode.forced import attention_by_layer
from nmt.decode.request import Request
from nmt.decode.translator import Translator
from nmt.errors import RunError
from nmt.model.kinds import Writer
from nmt.recipe import DecodeSection, Recipe
from nmt.run.manifest import run_manifest
from nmt.text.metrics import score

SAMPLES = 100  # lines that are compared one by one
SCORED = 1000  # lines at most that are scored
BATCH = 20  # lines

T = TypeVar("T")


@dataclass(frozen=True)
class OneDirection:
    """Sources, and what each of them may be translated as, reference by reference."""

    src: list[Request]
    refs: list[list[str]]
    bleu_tokenize: str


@dataclass(frozen=True)
class ValidText:
    """Validation text in all directions that are trained."""

    parts: list[OneDirection]

    @property
    def src(self) -> list[Request]:
        return [request for part in self.parts for request in part.src]

    @staticmethod
    def samples(items: Sequence[T]) -> list[T]:
        """Of what there is of every line, that of SAMPLES lines, spread evenly."""
        return [items[i * len(items) // SAMPLES] for i in range(SAMPLES)] if len(items) > SAMPLES else list(items)

    def bleu(self, found: Sequence[Translation]) -> float:
        """The mean over the directions."""
        rest, values = iter(found), list[float]()
        for part in self.parts:
            own = [t.text for t in islice(rest, len(part.src))]
            (bleu,) = score(own, part.refs, ["bleu"], part.bleu_tokenize)
            values.append(bleu.value)
        return round(sum(values) / len(values), 2)


def valid_text(run: Path, recipe: Recipe) -> ValidText | None:
    """Of a run; None where its prepared data are gone."""
    data = recipe.data
    try:
        texts = _only(run, recipe) if len(data.evaluated) == 1 else _each(recipe)
    except (OSError, RunError):
        return None
    parts, most = [], max(1, SCORED // len(texts))
    for direction, (src, *refs) in zip(data.trained, texts, strict=True):
        if src and all(len(lines) == len(src) for lines in refs):
            asked = [Request(line, to=direction.tgt, source=direction.src) for line in src[:most]]
            parts.append(OneDirection(asked, [lines[:most] for lines in refs], recipe.tokenize_for(str(direction.tgt))))
    return ValidText(parts) if len(parts) == len(texts) else None


def _only(run: Path, recipe: Recipe) -> list[list[list[str]]]:
    """Sources and references of a run of one direction, whatever nmt prepared its data."""
    manifest = run_manifest(run)
    files = [manifest.text_of("valid", "src"), *manifest.references_of("valid")]
    return [[(recipe.prepared_dir / name).read_bytes().decode().split("\n")[:-1] for name in files]]


def _each(recipe: Recipe) -> list[list[list[str]]]:
    """The same of each direction that is trained."""
    opened = PreparedSplit.open(recipe.prepared_dir, "valid")
    each = [opened.between([stored]) for stored in stored_directions(recipe.data)]
    return [[own.text("src"), own.text("tgt")] for own in each]


def plain(decode: DecodeSection) -> DecodeSection:
    """The search as far as CTranslate2 knows it."""
    return decode.changed(
        {"coverage_penalty": 0.0, "min_len_ratio": 0.0, "diverse_groups": 1, "sampling": False, "mbr": "none",
         "precision": "auto"}
    )  # fmt: skip


def best_layer(model: Writer, ours: Translator, src: Sequence[Request], found: Sequence[Translation]) -> Aligned:
    """The layer whose attention, the mean over its heads, aligns most words as the mean over all layers does; of equals
    the last.
    """
    tokenizer, limit, pairs = ours.tokenizer, model.section.position_limit, list[Pair]()
    for request, t in zip(src, found, strict=True):
        route = ours.route(request)
        read = route.tags.read(tokenizer.encode([" ".join(request.text.splitlines())], route.side)[0])
        if t.segments == 1 and not (limit and len(read) >= limit):
            pairs.append(Pair(read, t.hypotheses[0][1].tokens, route.tags.start))
    number = model.section.layers[1]
    agree, words = [0] * number, 0
    for batch in (pairs[begin : begin + BATCH] for begin in range(0, len(pairs), BATCH)):
        for pair, layers in zip(batch, attention_by_layer(model, batch), strict=True):
            own = words_of(tokenizer.pieces(pair.src, "src")), words_of(tokenizer.pieces(pair.tgt))
            mean = set(align(layers.mean(0), *own))
            agree = [n + len(mean & set(align(layer, *own))) for n, layer in zip(agree, layers, strict=True)]
            words += len(mean)
    best = max(range(number), key=lambda layer: (agree[layer], layer))
    return Aligned(layer=best, agreement=round(agree[best] / words, 4) if words else 1.0)
