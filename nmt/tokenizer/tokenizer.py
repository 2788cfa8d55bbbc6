"""SentencePiece (Kudo and Richardson 2018): train, encode, decode, and the four special ids.

Byte fallback makes every text encodable, so `unk_id` never occurs in practice. One model serves both languages,
or each has its own; callers say which side they mean and need not know.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.errors import DataError, RunError

if TYPE_CHECKING:
    from nmt.recipe import TokenizerSection
    from nmt.tokenizer.ids import Side
    from nmt.tokenizer.subwords import SubwordSampler

PAD_ID, UNK_ID, BOS_ID, EOS_ID = 0, 1, 2, 3
SHARED_FILE, SRC_FILE, TGT_FILE = "tokenizer.model", "tokenizer.src.model", "tokenizer.tgt.model"
_LINE_BREAKS = re.compile(r"[\r\n]+")


class Tokenizer:
    """Text to ids and back, for both sides. Ids carry neither `<s>` nor `</s>`."""

    pad_id, unk_id, bos_id, eos_id = PAD_ID, UNK_ID, BOS_ID, EOS_ID

    def __init__(self, src_model: bytes, tgt_model: bytes | None = None) -> None:
        """`src_model` serves both sides where there is no `tgt_model`."""
        from sentencepiece import SentencePieceProcessor

        # What `load` reads, by name
        self.files = {SHARED_FILE: src_model} if tgt_model is None else {SRC_FILE: src_model, TGT_FILE: tgt_model}
        self._src = SentencePieceProcessor(model_proto=src_model)
        self._tgt = self._src if tgt_model is None else SentencePieceProcessor(model_proto=tgt_model)
        for processor in (self._src, self._tgt):
            special = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
            if special != (PAD_ID, UNK_ID, BOS_ID, EOS_ID):
                raise RunError(
                    f"the tokenizer's special ids are {special}, not {(PAD_ID, UNK_ID, BOS_ID, EOS_ID)}.",
                    "It was not made by `nmt prepare`; prepare again.",
                )

    @property
    def shared(self) -> bool:
        return len(self.files) == 1

    @property
    def src_vocab_size(self) -> int:
        return int(self._src.vocab_size())

    @property
    def tgt_vocab_size(self) -> int:
        return int(self._tgt.vocab_size())

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the model files' content."""
        digest = hashlib.sha256()
        for name, model in self.files.items():
            digest.update(f"{name} {len(model)}\n".encode() + model)
        return digest.hexdigest()[:16]

    def encode(self, lines: Sequence[str] | Sequence[bytes], side: Side) -> list[list[int]]:
        """Ids of each line, most probable (unigram) or greedy (bpe) segmentation. Bytes must be UTF-8."""
        ids: list[list[int]] = self._processor(side).encode(list(lines), out_type=int, num_threads=1)
        return ids

    def samplers(self, section: TokenizerSection, seed: int) -> dict[Side, SubwordSampler]:
        """What draws other segmentations, for each side; one for both where they share the vocabulary."""
        src = self._sampler("src", section, seed)
        return {"src": src, "tgt": src if self.shared else self._sampler("tgt", section, seed)}

    def _sampler(self, side: Side, section: TokenizerSection, seed: int) -> SubwordSampler:
        from nmt.tokenizer.subwords import SPACE, SubwordSampler

        processor = self._processor(side)
        pieces = self.vocabulary(side)
        ids = range(len(pieces))
        symbols = {symbol.replace(" ", SPACE) for symbol in section.user_symbols}
        special = [
            processor.is_control(i) or processor.is_unknown(i) or processor.is_byte(i) or pieces[i] in symbols
            for i in ids
        ]
        return SubwordSampler(
            pieces, [processor.get_score(i) for i in ids], special, section.kind, section.sampling, seed
        )

    def decode(self, ids: Sequence[Sequence[int]], side: Side = "tgt") -> list[str]:
        """Text of each row; never with a line break in it, so that a line stays a line."""
        texts: list[str] = self._processor(side).decode([list(map(int, row)) for row in ids])
        return [_LINE_BREAKS.sub(" ", text) for text in texts]

    def pieces(self, ids: Sequence[int], side: Side = "tgt") -> list[str]:
        """The pieces as SentencePiece writes them, `▁` for a space."""
        processor = self._processor(side)
        return [processor.id_to_piece(int(i)) for i in ids]

    def id_of(self, piece: str, side: Side = "tgt") -> int | None:
        """None: there is no such piece."""
        found = int(self._processor(side).piece_to_id(piece))
        return None if found == UNK_ID else found

    def vocabulary(self, side: Side) -> list[str]:
        """All pieces, by id."""
        return self.pieces(range(self._processor(side).vocab_size()), side)

    def save(self, folder: Path) -> None:
        for name, model in self.files.items():
            (folder / name).write_bytes(model)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Raises RunError where a model is missing or broken."""
        names = [SRC_FILE, TGT_FILE] if (folder / SRC_FILE).exists() else [SHARED_FILE]
        hint = "Prepare again: nmt prepare RECIPE --force"
        if (folder / "recipe.yaml").exists():  # a run's, which preparing does not mend
            hint = "Restore the run folder from a copy, or train again."
        try:
            models = [(folder / name).read_bytes() for name in names]
        except OSError as e:
            raise RunError(f"the tokenizer of {folder} cannot be read: {e.strerror} ({e.filename}).", hint) from None
        try:
            return cls(*models)
        except (RunError, RuntimeError, ValueError):
            raise RunError(f"the tokenizer of {folder}, {' and '.join(names)}, is damaged.", hint) from None

    @classmethod
    def train(cls, src: Iterable[bytes], tgt: Iterable[bytes], section: TokenizerSection) -> Tokenizer:
        """Learn from the lines of the training text. Raises DataError where it is too small for the vocabulary."""
        if section.shared:
            return cls(_train_model((line for side in (src, tgt) for line in side), section))
        return cls(_train_model(src, section), _train_model(tgt, section))

    def _processor(self, side: Side) -> Any:
        return self._src if side == "src" else self._tgt


def _train_model(lines: Iterable[bytes], section: TokenizerSection) -> bytes:
    from sentencepiece import SentencePieceTrainer

    out = io.BytesIO()
    stopped_by: list[BaseException] = []  # SentencePiece makes a RuntimeError of it, of Ctrl-C too

    def guarded() -> Iterator[bytes]:
        try:
            yield from lines
        except (Exception, KeyboardInterrupt) as e:
            stopped_by.append(e)
            raise

    try:
        SentencePieceTrainer.train(
            sentence_iterator=guarded(), model_writer=out,
            model_type=section.kind, vocab_size=section.vocab_size, character_coverage=section.character_coverage,
            normalization_rule_name=section.normalization, user_defined_symbols=section.user_symbols,
            byte_fallback=True, pad_id=PAD_ID, unk_id=UNK_ID, bos_id=BOS_ID, eos_id=EOS_ID,
            # Every line counts, however long; the number of threads is fixed because sums depend on it.
            max_sentence_length=1 << 20, input_sentence_size=0, num_threads=4, minloglevel=2,
        )  # fmt: skip
    except (RuntimeError, OSError) as e:
        if stopped_by:
            raise stopped_by[0] from None
        size = re.search(r"value <= (\d+)", str(e))
        most = f" It allows at most {int(size[1]):,}." if size else f" SentencePiece says: {str(e).splitlines()[-1]}"
        raise DataError(
            f"the training text is too small for `tokenizer.vocab_size: {section.vocab_size}`.{most}",
            "Set a smaller `tokenizer.vocab_size`, or `kind: bpe`.",
        ) from None
    return out.getvalue()
