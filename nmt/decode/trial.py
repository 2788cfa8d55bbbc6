"""Whether an export translates as our own engine does: tried on the validation text of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nmt.decode.alignment import align, words_of
from nmt.decode.assembly import Translation
from nmt.decode.engine import Pair
from nmt.decode.exported import Aligned
from nmt.decode.forced import attention_by_layer
from nmt.model.kinds import Writer
from nmt.recipe import DecodeSection, Recipe
from nmt.run.manifest import run_manifest
from nmt.text.metrics import score
from nmt.tokenizer import Tokenizer

SAMPLES = 100  # lines that are compared one by one
SCORED = 1000  # lines at most that are scored
BATCH = 20  # lines


@dataclass(frozen=True)
class ValidText:
    """Sources, and what each of them may be translated as, reference by reference."""

    src: list[str]
    refs: list[list[str]]
    bleu_tokenize: str

    def bleu(self, found: Sequence[Translation]) -> float:
        (bleu,) = score([t.text for t in found], self.refs, ["bleu"], self.bleu_tokenize)
        return round(bleu.value, 2)


def valid_text(run: Path, recipe: Recipe) -> ValidText | None:
    """Of a run of one direction; None where its prepared data are gone."""
    manifest = run_manifest(run)
    files = [manifest.text_of("valid", "src"), *manifest.references_of("valid")]
    try:
        texts = [(recipe.prepared_dir / name).read_bytes().decode().split("\n")[:-1][:SCORED] for name in files]
    except OSError:
        return None
    src, *refs = texts
    alike = all(len(lines) == len(src) for lines in refs)
    return ValidText(src, refs, recipe.tokenize_for(str(recipe.data.trained[0].tgt))) if src and alike else None


def plain(decode: DecodeSection) -> DecodeSection:
    """The search as far as CTranslate2 knows it."""
    return decode.changed(
        {"coverage_penalty": 0.0, "min_len_ratio": 0.0, "diverse_groups": 1, "sampling": False, "mbr": "none",
         "precision": "auto"}
    )  # fmt: skip


def same(one: Sequence[Translation], other: Sequence[Translation]) -> int:
    """How many of the first lines are translated the same."""
    return sum(a.text == b.text for a, b in zip(one[:SAMPLES], other[:SAMPLES], strict=True))


def best_layer(model: Writer, tokenizer: Tokenizer, src: Sequence[str], found: Sequence[Translation]) -> Aligned:
    """The layer whose attention, the mean over its heads, aligns most words as the mean over all layers does; of equals
    the last.
    """
    rows = tokenizer.encode([" ".join(line.splitlines()) for line in src], "src")
    limit = model.section.position_limit
    pairs = [
        Pair(row, t.hypotheses[0][1].tokens)
        for row, t in zip(rows, found, strict=True)
        if t.segments == 1 and not (limit and len(row) >= limit)
    ]
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
