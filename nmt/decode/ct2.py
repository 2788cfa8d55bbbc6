"""CTranslate2, an engine in C++ for any machine, behind the same call as our own search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.data.workers import usable_cores
from nmt.decode.beam import Hypothesis
from nmt.decode.engine import Batch, longest
from nmt.errors import RunError
from nmt.tokenizer import BOS_ID, PAD_ID, Tokenizer

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

FOLDER = "ctranslate2"  # in the run folder


def import_ctranslate2() -> Any:
    try:
        import ctranslate2
    except ImportError:
        raise RunError("CTranslate2 is not installed.", "Run: pip install 'nmt[ctranslate2]'") from None
    return ctranslate2


class CTranslate2Engine:
    """Translates with a folder that `export` wrote."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, device: str) -> None:
        """Raises RunError where there is none, or CTranslate2 cannot load it."""
        ct2 = import_ctranslate2()
        if not (folder / "model.bin").exists():
            raise RunError(f"{folder} holds no CTranslate2 model.", f"Run: nmt export --run {folder.parent}")
        self.tokenizer = tokenizer
        kind = "cuda" if device == "cuda" or (device == "auto" and ct2.get_cuda_device_count()) else "cpu"
        try:
            # One thread a sentence batch, as in our own engine.
            self.translator = ct2.Translator(
                str(folder), device=kind, inter_threads=usable_cores() if kind == "cpu" else 1, intra_threads=1
            )
        except (RuntimeError, ValueError) as e:
            raise RunError(f"CTranslate2 cannot load {folder}: {e}", f"Run: nmt export --run {folder.parent}") from None

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterator[list[list[Hypothesis]]]:
        """As our own search, but that only the longest source of a batch limits the lengths of its translations."""
        known = {piece: i for i, piece in enumerate(self.tokenizer.vocabulary("tgt"))}
        never = [[self.tokenizer.vocabulary("tgt")[i]] for i in (PAD_ID, BOS_ID)]
        pending = [
            self.translator.translate_batch(
                [self.tokenizer.pieces(ids, "src") for ids in batch],
                beam_size=max(decode.beam_size, n_best), num_hypotheses=n_best, return_scores=True,
                length_penalty=decode.length_penalty, max_decoding_length=max(longest(batch, decode)) - 1,
                max_input_length=0, disable_unk=True, suppress_sequences=never, asynchronous=True,
            )
            for batch in batches
        ]  # fmt: skip
        for results in pending:
            yield [
                [
                    _hypothesis([known[piece] for piece in pieces], score, decode.length_penalty)
                    for pieces, score in zip(found.hypotheses, found.scores, strict=True)
                ]
                for found in (result.result() for result in results)
            ]


def _hypothesis(tokens: list[int], score: float, length_penalty: float) -> Hypothesis:
    return Hypothesis(tokens, score * (len(tokens) + 1) ** length_penalty, score)
