"""A line's translation, of the translations of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from nmt.decode.alignment import words_of
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.parts import Part
from nmt.decode.repair import forbidden, missing
from nmt.text.sentences import rejoin
from nmt.tokenizer import Tokenizer

# Share of a line's words that the training text never had, from which on it is unfamiliar. Of held-out lines of their
# own kind it is so for runs of Multi30k in 5 %, Tatoeba 4 %, the demo none; of each other's in 21 to 88 %.
UNFAMILIAR = 0.1


@dataclass(frozen=True)
class Translation:
    """One line's translation: the best text, and every hypothesis asked for, best first."""

    text: str
    hypotheses: list[tuple[str, Hypothesis]]
    segments: int = 1  # parts that were translated apart
    cut: bool = False  # some of them not where a sentence ends
    src_tokens: tuple[str, ...] = ()  # pieces of the source
    missing: tuple[str, ...] = ()  # phrases that should be in it and are not
    forbidden: tuple[str, ...] = ()  # that should not be, and are
    appended: tuple[str, ...] = ()  # that found no place in a sentence, and stand behind its end
    unseen: tuple[str, ...] = ()  # words and characters of the source that the training text never had
    unfamiliar: bool = False  # so many that the translation is not to be trusted
    foreign: bool = False  # the translation is surely in another language than it should be

    def __repr__(self) -> str:
        """The text, its score, and what is out of the ordinary; hypotheses have too much in them to be read."""
        parts = [repr(self.text), f"score={self.hypotheses[0][1].score:.4f}"]
        if len(self.hypotheses) > 1:
            parts.append(f"n_best={len(self.hypotheses)}")
        if self.segments > 1:
            parts.append(f"segments={self.segments}")
        odd = ("missing", "forbidden", "appended", "unseen")
        parts += [f"{name}={getattr(self, name)!r}" for name in odd if getattr(self, name)]
        return f"Translation({', '.join(parts)})"


def assemble(parts: Sequence[Part], prefix: str, tokenizer: Tokenizer, length_penalty: float) -> Translation:
    """Of the parts of a line, all searched for; without any, the line is blank."""
    if not parts:
        return Translation("", [("", Hypothesis([], 0.0, 0.0))], 0)
    src_pieces = [tokenizer.pieces(part.sentence.ids, "src") for part in parts]
    if len(parts) == 1:
        hypotheses = parts[0].hypotheses
    else:
        # The n-best of a whole are the parts' n-best of the same rank side by side.
        hypotheses = []
        for rank in range(min(len(part.hypotheses) for part in parts)):
            own = [part.hypotheses[rank] for part in parts]
            text = rejoin([part.text for part in parts], [text for text, _ in own], parts[0].route.target_lang)
            hyps = [h for _, h in own]
            hypotheses.append((text, _with_attention(_joined(hyps, length_penalty), hyps, src_pieces, tokenizer)))
    best = hypotheses[0][0]
    lacking = [phrase for part in parts for phrase in missing(part.hypotheses[0][0], part.include, tokenizer)]
    if prefix and not best.startswith(tokenizer.decode(tokenizer.encode([prefix], "tgt"))[0]):
        lacking.insert(0, prefix)
    unseen, unfamiliar = _unseen(parts)
    return Translation(
        best, hypotheses, len(parts), any(part.cut for part in parts), tuple(chain.from_iterable(src_pieces)),
        tuple(lacking), forbidden(best, parts[0].exclude, tokenizer),
        tuple(chain.from_iterable(part.appended for part in parts)), unseen, unfamiliar,
    )  # fmt: skip


def _unseen(parts: Sequence[Part]) -> tuple[tuple[str, ...], bool]:
    """What the training text never had, and whether the line is far from it."""
    words = [word for part in parts for word in part.unseen.words]
    stretches = [text for part in parts for text in part.unseen.stretches]
    # A stretch of a word that is named itself says nothing more.
    more = [text for text in stretches if not any(text.strip() in word for word in words)]
    far = len(words) >= UNFAMILIAR * sum(part.unseen.of_words for part in parts)
    return tuple(dict.fromkeys([*words, *more])), bool(stretches) or (bool(words) and far)


def _joined(hyps: Sequence[Hypothesis], length_penalty: float) -> Hypothesis:
    tokens = [i for h in hyps for i in h.tokens]
    log_prob = sum(h.log_prob for h in hyps)
    return Hypothesis(tokens, log_prob, log_prob / (len(tokens) + len(hyps)) ** length_penalty)


def _with_attention(
    joined: Hypothesis, hyps: Sequence[Hypothesis], src_pieces: Sequence[Sequence[str]], tokenizer: Tokenizer
) -> Hypothesis:
    """Words and tokens counted through the line, where the parts have alignments, and attention."""
    if any(h.alignment is None for h in hyps):
        return joined
    alignment: list[tuple[int, int]] = []
    attention = np.zeros((len(joined.tokens), sum(map(len, src_pieces))), np.float32)
    src_word = tgt_word = src_token = tgt_token = 0
    for h, pieces in zip(hyps, src_pieces, strict=True):
        alignment += [(src + src_word, tgt + tgt_word) for src, tgt in h.alignment or ()]
        if h.attention is not None:
            rows, columns = h.attention.shape
            attention[tgt_token : tgt_token + rows, src_token : src_token + columns] = h.attention
        src_token, tgt_token = src_token + len(pieces), tgt_token + len(h.tokens)
        src_word += _count_words(pieces)
        tgt_word += _count_words(tokenizer.pieces(h.tokens))
    looked = all(h.attention is not None for h in hyps)
    return replace(joined, alignment=tuple(alignment), attention=attention if looked else None)


def _count_words(pieces: Sequence[str]) -> int:
    return max(words_of(pieces), default=-1) + 1
