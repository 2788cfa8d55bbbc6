"""CTranslate2, an engine in C++ for any machine, behind the same call as our own search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt import console
from nmt.decode.beam import Hypothesis
from nmt.decode.engine import Batch, longest
from nmt.device import usable_cores
from nmt.errors import RecipeError, RunError
from nmt.files import describe_file
from nmt.tokenizer import UNK_ID, Tokenizer

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

FOLDER = "ctranslate2"  # in the run folder
ORIGIN = "nmt.json"  # in it: which weights it was written from, and the checksums of its files
POSITIONS = 2048  # of sinusoids, which the model holds as a table


def import_ctranslate2() -> Any:
    try:
        import ctranslate2
    except ImportError:
        raise RunError("CTranslate2 is not installed.", "Run: pip install 'nmt[ctranslate2]'") from None
    return ctranslate2


def check_origin(run: Path, checkpoint: str, metric: str) -> None:
    """Warn where the run's `checkpoint` is another than that which was exported."""
    from nmt.run.checkpoint import find_checkpoint

    try:
        origin = json.loads((run / FOLDER / ORIGIN).read_text(encoding="utf-8"))
        wanted = find_checkpoint(run, checkpoint, metric)
        same = origin["sha256"] == wanted.sha256["model.safetensors"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # none, or not ours: loading it says what is wrong
    if not same:
        console.warn(
            f"{run / FOLDER} was exported from {origin['checkpoint']}, which is not {wanted.path.name}. "
            f"To renew it: nmt export --run {run}"
        )


def check_files(folder: Path) -> None:
    """Raises RunError naming the first file that is not as it was exported. Older exports have no checksums."""
    try:
        sums = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))["files"].items()
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return
    for name, digest in sums:
        path = folder / name
        if not path.is_file() or describe_file(path).sha256 != digest:
            what = "damaged: its checksum is not the one written with it" if path.is_file() else "missing"
            raise RunError(f"{path} is {what}.", f"Run: nmt export --run {folder.parent}")


class CTranslate2Engine:
    """Translates with a folder that `export` wrote."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, device: str, max_positions: int | None = None) -> None:
        """CTranslate2 knows no mps, and takes the CPU there. Raises RunError where it cannot load the folder."""
        ct2 = import_ctranslate2()
        if device == "mps":
            device = "cpu"
        if not (folder / "model.bin").exists():
            raise RunError(f"{folder} holds no CTranslate2 model.", f"Run: nmt export --run {folder.parent}")
        check_files(folder)
        self.tokenizer, self.max_positions = tokenizer, max_positions or POSITIONS
        self.workers = usable_cores() if device == "cpu" else 1
        vocabulary = tokenizer.vocabulary("tgt")
        self.ids = {piece: i for i, piece in enumerate(vocabulary)}
        self.never = [[vocabulary[i]] for i in tokenizer.never_written if i != UNK_ID]
        try:
            # One thread a sentence batch, as in our own engine.
            self.translator = ct2.Translator(str(folder), device=device, inter_threads=self.workers, intra_threads=1)
        except (RuntimeError, ValueError) as e:
            raise RunError(f"CTranslate2 cannot load {folder}: {e}", f"Run: nmt export --run {folder.parent}") from None

    def check(self, decode: DecodeSection, terms: bool) -> None:
        asked = {
            "coverage_penalty": decode.coverage_penalty > 0, "min_len_ratio": decode.min_len_ratio > 0,
            "diverse_groups": decode.diverse_groups > 1, "sampling": decode.sampling,
            "a prefix, or phrases that must or must not be there": terms,
        }  # fmt: skip
        if any(asked.values()):
            raise RecipeError(
                f"CTranslate2 cannot do: {', '.join(name for name, wanted in asked.items() if wanted)}.",
                "Leave these out, or translate with our own engine.",
            )

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterator[list[list[Hypothesis]]]:
        """As our own search, but that only the longest source of a batch limits the lengths of its translations, and
        that probabilities are of what may come: pieces that never do have none.
        """
        limit = self.max_positions
        pending = [
            self.translator.translate_batch(
                [self.tokenizer.pieces(s.ids, "src") for s in batch],
                beam_size=decode.beam_size, num_hypotheses=n_best, return_scores=True,
                length_penalty=decode.length_penalty, no_repeat_ngram_size=decode.no_repeat_ngram,
                max_decoding_length=max(longest(batch, decode, limit)) - 1,
                min_decoding_length=0, max_input_length=0, disable_unk=True, suppress_sequences=self.never,
                asynchronous=True,
            )
            for batch in batches
        ]  # fmt: skip
        for results in pending:
            yield [
                [
                    _hypothesis([self.ids[piece] for piece in pieces], score, decode.length_penalty)
                    for pieces, score in zip(found.hypotheses, found.scores, strict=True)
                ]
                for found in (result.result() for result in results)
            ]


def _hypothesis(tokens: list[int], score: float, length_penalty: float) -> Hypothesis:
    return Hypothesis(tokens, score * (len(tokens) + 1) ** length_penalty, score)
