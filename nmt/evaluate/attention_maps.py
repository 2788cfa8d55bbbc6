"""What a run's model looks at in a few sentences of its test set, for the report."""

from __future__ import annotations

from pathlib import Path

from nmt import console
from nmt.errors import RunError
from nmt.evaluate.directions import direction_of
from nmt.evaluate.report import Attention
from nmt.evaluate.texts import read_lines
from nmt.run.folder import load_run_recipe

SENTENCES = 3
MAX_WORDS = 14  # more make too large a picture


def attention_of(run: Path) -> list[Attention]:
    """Source pieces, pieces of the translation, and the weights, of the first sentences of a test set that was
    evaluated and that are neither short nor long. Empty where nothing was evaluated, or the model cannot be loaded.
    """
    from nmt.decode.translator import Translator

    kept = sorted((run / "evaluation").glob("*.src.txt"))
    lines = [line for line in read_lines(kept[0]) if 5 <= len(line.split()) <= MAX_WORDS][:SENTENCES] if kept else []
    if not lines:
        return []
    try:
        translator = Translator.load(run, engine="nmt")
    except RunError as e:
        console.warn(f"The report is without attention: {e.message}")  # the rest is worth having
        return []
    found: list[Attention] = []
    direction = direction_of(load_run_recipe(run).data, kept[0].name.removesuffix(".src.txt"))
    for t in translator.translate(lines, to=direction.tgt, source=direction.src, attention=True):
        best = t.hypotheses[0][1]
        assert best.attention is not None
        found.append((t.src_tokens, translator.tokenizer.pieces(best.tokens), best.attention.tolist()))
    return found
