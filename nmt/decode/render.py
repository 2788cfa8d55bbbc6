"""Translations as lines: text, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nmt.decode.assembly import Translation
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.request import Request
from nmt.errors import RecipeError
from nmt.text.flags import FLAGS, TAGS, WRONG_LANGUAGE, flags
from nmt.text.spans import tags_differ
from nmt.tokenizer import Tokenizer

Format = Literal["text", "jsonl"]
_BREAKS = re.compile(r"[\r\n]")

FIELDS = (
    "source",
    "translation",
    "hypotheses",
    "flags",
    "unseen",
    "source_tokens",
)  # of a JSON line, beside those that came

# Mean log-probability of a token below which a translation is marked. With runs of Multi30k (fr, de) and of Tatoeba
# it marks 0, 1.5 and 7 % of held-out lines of their kind, but 77, 99 and 100 % of French taken for English, and all
# random letters. The demo's run is sure of whatever it says: none of its own lines, 16 % of the French are marked.
LOW_PROBABILITY = -0.8
DOUBTFUL = ("unseen", "low_probability")  # flags of lines that the model is not made for


@dataclass(frozen=True)
class Output:
    """What is written for each line. Raises RecipeError where it cannot be had in that format."""

    format: Format = "text"
    n_best: int = 1
    scores: bool = False
    alignments: bool = False
    attention: bool = False
    flags: tuple[str, ...] = (*FLAGS, TAGS)  # what is looked for that may be wrong; see nmt.text.flags

    def __post_init__(self) -> None:
        if self.attention and self.format != "jsonl":
            raise RecipeError("`--attention` does not fit in a line of text.", "Add: --format jsonl")


def render(
    tokenizer: Tokenizer, request: Request, t: Translation, number: int, wanted: Output, found: Sequence[str]
) -> Iterator[str]:
    """The lines of output for input line `number`: one, unless n-best lists are asked for as text. `found`: flags."""
    if wanted.format == "jsonl":
        yield json.dumps(_object(tokenizer, request, t, wanted, found), ensure_ascii=False)
        return
    for text, h in t.hypotheses if wanted.n_best > 1 else t.hypotheses[:1]:
        # A source in JSON may have line breaks, but an answer is a line.
        columns = [_BREAKS.sub(" ", text)]
        if wanted.n_best > 1 or wanted.scores:
            columns.insert(0, f"{h.score:.4f}")
        if wanted.n_best > 1:
            columns.insert(0, str(number))
        if wanted.alignments:
            columns.append(pharaoh(h))
        if len(columns) > 1:
            columns = [column.replace("\t", " ") for column in columns]
        yield "\t".join(columns)


def render_score(tokenizer: Tokenizer, src: str | None, tgt: str, h: Hypothesis, format: Format) -> str:
    """A line for a translation that was given, or for a text without a source."""
    if format == "text":
        return f"{h.score:.6f}\t{h.log_prob:.6f}"
    given = {"text": tgt} if src is None else {"source": src, "translation": tgt}
    values = given | {
        "score": round(h.score, 6), "log_prob": round(h.log_prob, 6),
        "tokens": [*tokenizer.pieces(h.tokens), "</s>"], "log_probs": [round(p, 6) for p in h.token_log_probs or ()],
    }  # fmt: skip
    return json.dumps(values, ensure_ascii=False)


def pharaoh(h: Hypothesis) -> str:
    """Pairs of words, source and target, from 0: `0-0 1-2`."""
    return " ".join(f"{src}-{tgt}" for src, tgt in h.alignment or ())


def problems(t: Translation, flagged: Collection[str]) -> Iterator[str]:
    """What a person should hear of, said of the line, which has these flags."""
    if t.cut and t.segments == 1:
        yield f"is very long; only {len(t.src_tokens):,} of its tokens were read."
    elif t.cut:
        yield f"is very long; it was translated in {t.segments} parts."
    if t.missing:
        yield f"lacks what should be in its translation: {', '.join(t.missing)}"
    if t.forbidden:
        yield f"has what should not be in its translation: {', '.join(t.forbidden)}"
    if t.appended:
        yield f"has a required phrase only after the end of its translation: {', '.join(t.appended)}"
    if TAGS in flagged:
        yield "has tags that are missing, added or crossed in its translation; --protect keeps them."


def flags_of(request: Request, t: Translation, looked_for: Collection[str] = (*FLAGS, TAGS)) -> list[str]:
    """What may be wrong with a translation; `looked_for`: of the flags by its text."""
    tags = TAGS in looked_for and tags_differ(request.text, t.text)
    found = [flag for flag in flags(request.text, t.text) if flag in looked_for]
    more = {
        "unseen": t.unfamiliar, "low_probability": _mean_log_prob(t) < LOW_PROBABILITY, "missing_phrase": t.missing,
        "excluded_phrase": t.forbidden, "appended_phrase": t.appended, TAGS: tags,
        "cut": t.cut, WRONG_LANGUAGE: t.foreign,
    }  # fmt: skip
    return found + [name for name, there in more.items() if there]


def doubt(t: Translation) -> str:
    """Why one line's translation is not to be trusted, said to who typed it; else nothing."""
    if t.unfamiliar:
        return f"the training text never had: {', '.join(t.unseen)}; expect errors."
    return "low probability; expect errors." if _mean_log_prob(t) < LOW_PROBABILITY else ""


def _object(
    tokenizer: Tokenizer, request: Request, t: Translation, wanted: Output, found: Sequence[str]
) -> dict[str, Any]:
    """The output of one line as JSON: fields that came with it, then our own."""
    values = {
        **request.fields,
        "source": request.text,
        "translation": t.text,
        "hypotheses": [_hypothesis(tokenizer, text, h, wanted) for text, h in t.hypotheses],
        "flags": list(found),
        "unseen": list(t.unseen),
    }
    return values | ({"source_tokens": t.src_tokens} if wanted.attention else {})


def _hypothesis(tokenizer: Tokenizer, text: str, h: Hypothesis, wanted: Output) -> dict[str, Any]:
    values: dict[str, Any] = {
        "text": text,
        "score": round(h.score, 6),
        "log_prob": round(h.log_prob, 6),
        "tokens": tokenizer.pieces(h.tokens, "tgt"),
    }
    if wanted.alignments:
        values["alignment"] = pharaoh(h)
    if wanted.attention and h.attention is not None:
        values["attention"] = [[round(float(weight), 4) for weight in row] for row in h.attention]
    return values


def _mean_log_prob(t: Translation) -> float:
    """Of the tokens of the best hypothesis, each part's `</s>` counted; 0 of a blank line."""
    best = t.hypotheses[0][1]
    return best.log_prob / max(1, len(best.tokens) + t.segments)
