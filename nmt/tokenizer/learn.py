"""Learning a SentencePiece model (Kudo and Richardson 2018) from the lines of a training text."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nmt.errors import DataError, plural
from nmt.tokenizer.ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Side
from nmt.tokenizer.normalization import normalizer

if TYPE_CHECKING:
    from nmt.recipe import TokenizerSection

Blocks = Iterable[tuple[Side, Sequence[bytes]]]  # lines of one side at a time

_FIXED = 4 + 256  # pieces that every vocabulary has: special ones and bytes
_LEAST_COVERAGE = 0.98  # SentencePiece takes no less


class VocabularyTooLargeError(DataError):
    """The text has no more than `most` pieces."""

    def __init__(self, message: str, hint: str, most: int) -> None:
        super().__init__(message, hint)
        self.most = most


def learn(blocks: Blocks, section: TokenizerSection) -> bytes:
    """A model file without rules of normalisation: lines are made alike before. Raises DataError where the vocabulary
    is too large or too small for the text.
    """
    from sentencepiece import SentencePieceTrainer

    out = io.BytesIO()
    stopped_by: list[BaseException] = []  # SentencePiece makes a RuntimeError of it, of Ctrl-C too
    coverage = section.character_coverage
    texts: Iterator[bytes] = map(b"\n".join, _alike(blocks, section))
    if coverage == "auto":
        texts, coverage = _covered(texts, (section.vocab_size - _FIXED - len(section.user_symbols)) // 2)

    def guarded() -> Iterator[bytes]:
        try:
            for text in texts:
                yield from text.split(b"\n")
        except (Exception, KeyboardInterrupt) as e:
            stopped_by.append(e)
            raise

    try:
        SentencePieceTrainer.train(
            sentence_iterator=guarded(), model_writer=out,
            model_type=section.kind, vocab_size=section.vocab_size, character_coverage=coverage,
            normalization_rule_name="identity", user_defined_symbols=section.user_symbols,
            byte_fallback=True, pad_id=PAD_ID, unk_id=UNK_ID, bos_id=BOS_ID, eos_id=EOS_ID,
            # Every line counts, however long; the number of threads is fixed because sums depend on it.
            max_sentence_length=1 << 20, input_sentence_size=0, num_threads=4, minloglevel=2,
        )  # fmt: skip
    except (RuntimeError, OSError) as e:
        if stopped_by:
            raise stopped_by[0] from None
        raise _refused(str(e), section) from None
    return out.getvalue()


def _alike(blocks: Blocks, section: TokenizerSection) -> Iterator[Sequence[bytes]]:
    sides: tuple[Side, Side] = ("src", "tgt")
    makers = {side: normalizer(section, side) for side in sides}
    for side, lines in blocks:
        make = makers[side]
        yield make(lines) if make else lines


def _covered(texts: Iterable[bytes], room: int) -> tuple[Iterator[bytes], float]:
    """The texts again, and the share of their characters to cover: of all, as long as they have `room` among the
    pieces; else of the most frequent, and the others are written as bytes.
    """
    counts = np.zeros(0x110000, np.int64)
    held: deque[bytes] = deque()
    for text in texts:
        codes = np.frombuffer(text.decode().encode("utf-32-le"), "<u4")
        counts += np.bincount(codes, minlength=len(counts))
        held.append(text)
    counts[ord("\n")] = 0
    found = np.sort(counts[counts > 0])[::-1]
    coverage = 1.0
    if len(found) > max(room, 1):
        # Between the last that is covered and the next, so that no rounding tips it over
        sums = found.cumsum()
        coverage = max(_LEAST_COVERAGE, float(sums[room - 1] - found[room - 1] / 2) / float(sums[-1]))

    def again() -> Iterator[bytes]:
        while held:
            yield held.popleft()  # SentencePiece keeps a copy of its own

    return again(), coverage


def _refused(said: str, section: TokenizerSection) -> DataError:
    """In our words, what SentencePiece says of a vocabulary that does not fit the text."""
    key = f"`tokenizer.vocab_size: {section.vocab_size}`"
    if size := re.search(r"value <= (\d+)", said):
        return VocabularyTooLargeError(
            f"the training text is too small for {key}. It allows at most {int(size[1]):,}.",
            "Set a smaller `tokenizer.vocab_size`" + ("." if section.kind == "bpe" else ", or `kind: bpe`."),
            int(size[1]),
        )
    if size := re.search(r"required_chars\. (\d+) vs (\d+)", said):
        symbols = f", {plural(len(section.user_symbols), 'symbol')}" if section.user_symbols else ""
        characters = int(size[2]) - _FIXED - len(section.user_symbols)
        return DataError(
            f"the training text needs more than {key}: {_FIXED} pieces are fixed{symbols}, and {characters:,} are "
            "characters.",
            f"Set `tokenizer.vocab_size` well above {int(size[2]):,}"
            + ("." if section.character_coverage == "auto" else
               ", or `tokenizer.character_coverage: auto`, which writes rare characters as bytes."),
        )  # fmt: skip
    if "all_chars_count" in said or "sentences_.empty" in said:
        return DataError("the training text holds nothing but spaces; no tokenizer can be trained on it.")
    return DataError(f"no tokenizer can be trained on this text with {key}: {said.splitlines()[-1]}")
