"""How much a translator loses on the same text written otherwise: other case, no full stop, typos.

Kept in the run folder as `evaluation/<test>.robustness.json`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nmt import console
from nmt.evaluate.directions import direction_of
from nmt.evaluate.evaluation import TranslatesLines, writing
from nmt.evaluate.texts import Texts
from nmt.files import write_atomically
from nmt.run.folder import load_run_recipe
from nmt.text.metrics import score

TYPO_RATE = 0.15  # of words with four letters or more
SEED = 1

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_END = re.compile(r"[\s.!?…。！？]+$")


def _title(line: str) -> str:
    return _WORD.sub(lambda m: m[0][0].upper() + m[0][1:], line)


def with_typos(line: str, number: int) -> str:
    """Inner letters of some words swapped, left out or doubled; which ones depends on SEED and the line's number."""
    rng = random.Random(f"{SEED} {number}")

    def mistyped(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) < 4 or rng.random() >= TYPO_RATE:
            return word
        i = rng.randrange(1, len(word) - 2)
        a, b = word[i], word[i + 1]
        return word[:i] + rng.choice((b + a, b, a + a + b)) + word[i + 2 :]

    return _WORD.sub(mistyped, line)


VARIANTS: dict[str, Callable[[str, int], str]] = {
    "upper case": lambda line, _: line.upper(),
    "lower case": lambda line, _: line.lower(),
    "title case": lambda line, _: _title(line),
    "no final punctuation": lambda line, _: _END.sub("", line) or line,
    "typos": with_typos,
}


# In which form a translation is expected: as its source is written. A title becomes a sentence.
EXPECTED: dict[str, Callable[[str], str]] = {"upper case": str.upper, "lower case": str.lower}


@dataclass(frozen=True)
class Variant:
    """The test set with its sources written otherwise, scored against references written as the sources are, and what
    that costs against the clean text, in points. `any_case`: chrF where case makes no difference; None of older files.
    """

    name: str
    changed: int  # sentences whose source is another
    bleu: float
    chrf: float
    bleu_loss: float = 0.0
    chrf_loss: float = 0.0
    any_case: float | None = None
    any_case_loss: float = 0.0


@dataclass(frozen=True)
class Robustness:
    """All variants of one test set; the first is the clean text."""

    name: str
    variants: list[Variant]

    def to_json(self) -> dict[str, Any]:
        return {"variants": [asdict(v) for v in self.variants]}

    def rows(self) -> list[list[str]]:
        """As COLUMNS say."""
        clean, *others = self.variants
        rows = [[self.name, clean.name, "", f"{clean.bleu:.1f}", "", f"{clean.chrf:.1f}", "", *_any_case(clean, "")]]
        return rows + [
            [self.name, v.name, f"{v.changed:,}", f"{v.bleu:.1f}", f"{-v.bleu_loss:+.1f}", f"{v.chrf:.1f}",
             f"{-v.chrf_loss:+.1f}", *_any_case(v, f"{-v.any_case_loss:+.1f}")]
            for v in others
        ]  # fmt: skip


def _any_case(v: Variant, difference: str) -> list[str]:
    return ["", ""] if v.any_case is None else [f"{v.any_case:.1f}", difference]


COLUMNS = [
    "test set", "source in", "changed", "BLEU", "difference", "chrF", "difference", "chrF of any case", "difference",
]  # fmt: skip


def measure_robustness(run: Path, translator: TranslatesLines, tests: Sequence[str]) -> list[Robustness]:
    """Of test sets that were evaluated with this translator, whose translations are kept. Only sources that a variant
    changes are translated again: an output does not depend on other lines.
    """
    recipe = load_run_recipe(run)
    folder, measured = run / "evaluation", []
    for name in tests:
        texts, direction = Texts.kept(folder, name), direction_of(recipe.data, name)
        tokenize = recipe.tokenize_for(str(direction.tgt))
        src, known = texts.src, dict(zip(texts.src, texts.hyp, strict=True))
        asked = partial(translator.translate, to=direction.tgt, source=direction.src)
        variants: list[Variant] = []
        for variant, write in {"clean": lambda line, _: line, **VARIANTS}.items():
            lines = [write(line, number) for number, line in enumerate(src, 1)]
            fresh = sorted({line for line in lines if line not in known})
            with console.progress(f"{name}, {variant}", len(fresh), "sentences") as advance:
                translated = asked(fresh, on_progress=advance) if fresh else []
            known.update(zip(fresh, (t.text for t in translated), strict=True))
            hyps = [known[line] for line in lines]
            expected = EXPECTED.get(variant, str)
            bleu, chrf = (s.value for s in score(hyps, _each(expected, texts.refs), ("bleu", "chrf"), tokenize))
            (any_case,) = (s.value for s in score([h.lower() for h in hyps], _each(str.lower, texts.refs), ("chrf",)))
            clean = variants[0] if variants else Variant(variant, 0, bleu, chrf, any_case=any_case)
            changed = sum(a != b for a, b in zip(src, lines, strict=True))
            losses = clean.bleu - bleu, clean.chrf - chrf, any_case, (clean.any_case or 0.0) - any_case
            variants.append(Variant(variant, changed, bleu, chrf, *losses))
        measured.append(Robustness(name, variants))
        how = {"checkpoint": translator.checkpoint, "engine": translator.engine_name,
               "decode": translator.decode.model_dump(mode="json"),
               "typos": {"rate": TYPO_RATE, "seed": SEED}}  # fmt: skip
        with writing(folder):
            text = json.dumps(measured[-1].to_json() | how, indent=1, ensure_ascii=False) + "\n"
            write_atomically(folder / f"{name}.robustness.json", text.encode())
    return measured


def _each(change: Callable[[str], str], streams: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[change(line) for line in stream] for stream in streams]


def kept_robustness(run: Path) -> list[Robustness]:
    """What was kept in a run folder; what cannot be read is left out."""
    found = []
    for path in sorted((run / "evaluation").glob("*.robustness.json")):
        try:
            variants = [Variant(**v) for v in json.loads(path.read_text(encoding="utf-8"))["variants"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if variants:
            found.append(Robustness(path.name.removesuffix(".robustness.json"), variants))
    return found
