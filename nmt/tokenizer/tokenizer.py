"""SentencePiece (Kudo and Richardson 2018): train, encode, decode, and what the training text never had.

Byte fallback makes every text encodable, so `unk_id` never occurs in practice. Both languages share one vocabulary, or
each has its own; callers say which side they mean and need not know. The sides have a model file each, because other
rules of normalisation hold for them; one file serves both where no rules do, and in older runs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nmt.errors import RunError
from nmt.sentencepiece_model import AS_IT_IS, CONTROL, NORMAL, Piece, kind_of, pieces_of, replace_rules, with_pieces
from nmt.text.fields import TAB
from nmt.text.pieces import JOINER
from nmt.tokenizer.apostrophe import APOSTROPHES
from nmt.tokenizer.control import lacking
from nmt.tokenizer.extend import Extension, WordCounts, learn_merges
from nmt.tokenizer.ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from nmt.tokenizer.learn import Blocks, learn
from nmt.tokenizer.normalization import with_rules, without_rules
from nmt.tokenizer.seen import Seen
from nmt.tokenizer.words import Words

if TYPE_CHECKING:
    from nmt.recipe import TokenizerSection
    from nmt.tokenizer.ids import Ids, Side
    from nmt.tokenizer.subwords import SubwordSampler

SHARED_FILE, SRC_FILE, TGT_FILE = "tokenizer.model", "tokenizer.src.model", "tokenizer.tgt.model"
SEEN_FILE = "tokenizer.seen.json"
FIELDS_FILE = "tokenizer.fields.json"  # the control piece between the fields of a source, if there are several
_NO_MODELS = (SEEN_FILE, FIELDS_FILE)
_SPECIAL = (PAD_ID, UNK_ID, BOS_ID, EOS_ID)
_LINE_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True)
class Unseen:
    """What the training text never had of a source line."""

    words: tuple[str, ...] = ()
    of_words: int = 0  # so many words has the line
    stretches: tuple[str, ...] = ()  # characters, or pieces that only the other language had


class Tokenizer:
    """Text to ids and back, for both sides. Ids carry neither `<s>` nor `</s>`."""

    pad_id, unk_id, bos_id, eos_id = PAD_ID, UNK_ID, BOS_ID, EOS_ID

    def __init__(self, src_model: bytes, tgt_model: bytes | None = None) -> None:
        """`src_model` serves both sides where there is no `tgt_model`. Raises ValueError where one is no model."""
        from sentencepiece import SentencePieceProcessor

        # What `load` reads, by name
        self.files = {SHARED_FILE: src_model} if tgt_model is None else {SRC_FILE: src_model, TGT_FILE: tgt_model}
        self.shared = tgt_model is None or without_rules(src_model) == without_rules(tgt_model)  # one vocabulary
        self._src = SentencePieceProcessor(model_proto=src_model)
        self._tgt = self._src if tgt_model is None else SentencePieceProcessor(model_proto=tgt_model)
        for processor in (self._src, self._tgt):
            special = (processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id())
            if special != _SPECIAL:
                raise RunError(
                    f"the tokenizer's special ids are {special}, not {_SPECIAL}.",
                    "It was not made by `nmt prepare`; prepare again.",
                )
        self._seen: Seen | None = None
        self.joint: str | None = None  # the control piece that a TAB of a source becomes; None: it is white space

    @property
    def src_vocab_size(self) -> int:
        return int(self._src.vocab_size())

    @property
    def tgt_vocab_size(self) -> int:
        return int(self._tgt.vocab_size())

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the model files' content."""
        return _fingerprint(self.files)

    def encode(self, lines: Sequence[str] | Sequence[bytes], side: Side) -> list[list[int]]:
        """Ids of each line, most probable (unigram) or greedy (bpe) segmentation. Bytes must be UTF-8. A source of
        several fields has its joint between them.
        """
        if self.joint is not None and side == "src":
            return self._encode_fields(lines, self.control[self.joint])
        ids: list[list[int]] = self._processor(side).encode(list(lines), out_type=int, num_threads=1)
        return ids

    def encode_beginning(self, text: str) -> list[int]:
        """Ids of how a target line begins; behind an apostrophe it goes on without a space."""
        if text.endswith(APOSTROPHES):
            ids = self.encode([text + "a"], "tgt")[0]
            ends = [i for i, piece in enumerate(self.pieces(ids), 1) if piece.endswith(JOINER)]
            if ends:  # the tokenizer cuts apostrophes off
                return ids[: ends[-1]]
        return self.encode([text], "tgt")[0]

    def _encode_fields(self, lines: Sequence[str] | Sequence[bytes], joint: int) -> list[list[int]]:
        split = [(line.decode() if isinstance(line, bytes) else line).split(TAB) for line in lines]
        rows = iter(self._src.encode(list(chain.from_iterable(split)), out_type=int, num_threads=1))
        found = []
        for fields in split:
            ids = next(rows)
            for row in islice(rows, len(fields) - 1):
                ids += [joint, *row]
            found.append(ids if len(ids) >= len(fields) else [])  # nothing but joints: a blank line
        return found

    def read_fields(self, joint: str) -> None:
        """From here on a TAB stands between fields of a source. Raises ValueError for what is no control piece."""
        if joint not in self.control:
            raise ValueError(f"{joint} is no control piece")
        self.joint = joint
        self.files[FIELDS_FILE] = json.dumps({"joint": joint}).encode()

    @cached_property
    def control(self) -> dict[str, int]:
        """The ids of the control pieces, by name; text never becomes one: see control.py."""
        ids = range(self.tgt_vocab_size)
        return {self._tgt.id_to_piece(i): i for i in ids if self._tgt.is_control(i) and i not in _SPECIAL}

    @property
    def never_written(self) -> tuple[int, ...]:
        """Ids that no translation has."""
        return (PAD_ID, UNK_ID, BOS_ID, *self.control.values())

    def with_control(self, names: Sequence[str]) -> Tokenizer:
        """With these control pieces, behind all others where they are new. Raises RunError where one of them is a piece
        of another kind.
        """
        models = []
        for processor, model in zip((self._src, self._tgt), self.files.values(), strict=False):
            vocabulary = [processor.id_to_piece(i) for i in range(processor.vocab_size())]
            new = lacking(vocabulary, names)
            if taken := [n for n in names if n not in new and not processor.is_control(processor.piece_to_id(n))]:
                raise RunError(
                    f"the tokenizer has `{taken[0]}` as a piece of text, but here it is a control piece.",
                    "Take another tokenizer, or train one.",
                )
            models.append(with_pieces(model, [Piece(name, 0.0, CONTROL) for name in new]))
        return Tokenizer(*models)

    def plain_ids(self, side: Side) -> list[int]:
        """Ids of pieces of text; special, control and byte pieces are none."""
        p = self._processor(side)
        return [i for i in range(p.vocab_size()) if not (p.is_control(i) or p.is_unknown(i) or p.is_byte(i))]

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
        texts: list[str] = self._processor(side).decode([list(map(int, row)) for row in ids], num_threads=1)
        return [_LINE_BREAKS.sub(" ", text) for text in texts]

    def unseen(self, ids: Sequence[int], side: Side = "src") -> list[str]:
        """The stretches of a line that the training text never had on that side, by its ids: characters, or pieces that
        only the other language had. Of older runs, which kept no counts, characters that have no piece.
        """
        row = np.asarray(ids, np.int64)
        if not len(row):
            return []
        found = self._seen.unseen(side, row) if self._seen else self._byte_values[side][row] >= 0
        if not found.any():
            return []
        edges = np.flatnonzero(np.diff(found, prepend=False, append=False)).tolist()
        return self.decode([ids[begin:end] for begin, end in zip(edges[::2], edges[1::2], strict=True)], side)

    def unseen_in(self, rows: Sequence[Sequence[int]]) -> list[Unseen]:
        """Of each source line, by its ids, what the training text never had. Of older runs, characters alone."""
        if self._seen is None or not rows:
            return [Unseen(stretches=tuple(self.unseen(row))) for row in rows]
        flat = np.array([i for row in rows for i in (*row, EOS_ID)], np.int64)  # no word goes on in the next row
        row_ends = np.cumsum([len(row) + 1 for row in rows])
        begins, ends, new = self._seen.new_words(flat)
        of_row = np.searchsorted(row_ends, begins, "right")
        numbers = np.bincount(of_row, minlength=len(rows)).tolist()
        words: list[list[str]] = [[] for _ in rows]
        texts = self.decode(
            [flat[begin:end].tolist() for begin, end in zip(begins[new], ends[new], strict=True)], "src"
        )
        # Behind a hyphen or a quotation mark a word has other pieces than where a space stands before it.
        for row, text, apart in zip(of_row[new].tolist(), texts, self.encode(texts, "src"), strict=True):
            if self._seen.new_words(np.array(apart, np.int64))[2].any():
                words[row].append(text)
        odd = set(np.searchsorted(row_ends, np.flatnonzero(self._seen.may_be_unseen("src", flat)), "right").tolist())
        return [
            Unseen(tuple(words[i]), numbers[i], tuple(self.unseen(row)) if i in odd else ())
            for i, row in enumerate(rows)
        ]

    def count(self, rows: Iterable[tuple[Side, Ids]]) -> None:
        """Keep what the training text has, as ids of whole lines, for `unseen`."""
        seen = Seen(self._byte_values, Words(self.vocabulary("src")))
        for side, ids in rows:
            seen.add(side, ids)
        self._keep(seen)

    def _keep(self, seen: Seen) -> None:
        self._seen = seen
        self.files[SEEN_FILE] = seen.to_json()

    @cached_property
    def _byte_values(self) -> dict[Side, npt.NDArray[np.int16]]:
        """Of each id the byte that it stands for, or -1."""

        def values(processor: Any) -> npt.NDArray[np.int16]:
            ids = range(processor.vocab_size())
            found = [int(processor.id_to_piece(i)[1:-1], 16) if processor.is_byte(i) else -1 for i in ids]
            return np.array(found, np.int16)

        return {"src": values(self._src), "tgt": values(self._tgt)}

    def pieces(self, ids: Sequence[int], side: Side = "tgt") -> list[str]:
        """The pieces as SentencePiece writes them, `▁` for a space."""
        pieces = self._pieces[side]
        return [pieces[i] for i in ids]

    @cached_property
    def _pieces(self) -> dict[Side, list[str]]:
        """All of them, by id."""
        processors: dict[Side, Any] = {"src": self._src, "tgt": self._tgt}
        return {side: [p.id_to_piece(i) for i in range(p.vocab_size())] for side, p in processors.items()}

    def id_of(self, piece: str, side: Side = "tgt") -> int | None:
        """None: there is no such piece."""
        found = int(self._processor(side).piece_to_id(piece))
        return None if found == UNK_ID else found

    def cut(self, texts: Sequence[str], side: Side) -> list[list[int]]:
        """Ids of stretches of text as they are inside a line, `▁` for a space; nothing is normalised."""
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_proto=replace_rules(self.model(side), AS_IT_IS))
        ids: list[list[int]] = processor.encode([text.replace("▁", " ") for text in texts], out_type=int)
        return ids

    def control_ids(self, side: Side) -> set[int]:
        """Of the pieces that stand for no text."""
        processor = self._processor(side)
        return {i for i in range(processor.vocab_size()) if processor.is_control(i) or processor.is_unknown(i)}

    def vocabulary(self, side: Side) -> list[str]:
        """All pieces, by id."""
        return list(self._pieces[side])

    def save(self, folder: Path) -> None:
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Raises RunError where a model is missing or broken."""
        models = _read_models(folder)
        try:
            made = cls(*models.values())
        except (RunError, RuntimeError, ValueError):
            raise _unusable(folder, f"the tokenizer of {folder}, {' and '.join(models)}, is damaged.") from None
        try:
            if (folder / SEEN_FILE).exists():
                content = (folder / SEEN_FILE).read_bytes()
                made._keep(Seen.from_json(content, made._byte_values, Words(made.vocabulary("src"))))
        except (OSError, ValueError):
            raise _unusable(folder, f"the tokenizer of {folder}, {SEEN_FILE}, is damaged.") from None
        try:
            if (folder / FIELDS_FILE).exists():
                made.read_fields(json.loads((folder / FIELDS_FILE).read_bytes())["joint"])
        except (OSError, ValueError, LookupError, TypeError):
            raise _unusable(folder, f"the tokenizer of {folder}, {FIELDS_FILE}, is damaged.") from None
        return made

    @classmethod
    def take(cls, source: Path) -> Tokenizer:
        """That of a run folder, or of a .model file for both sides, without counts of another text. Raises RunError
        where there is none, or it is none of ours.
        """
        if source.is_dir():
            models = _read_models(source)
        else:
            try:
                models = {SHARED_FILE: source.read_bytes()}
            except OSError as e:
                raise RunError(f"the tokenizer {source} cannot be read: {e.strerror}.") from None
        try:
            return cls(*models.values())
        except (RuntimeError, ValueError):
            raise RunError(
                f"{source} is no model file of SentencePiece.", "Give a run folder or a .model file."
            ) from None
        except RunError as e:
            hint = "nmt needs a model made with pad, unk, bos and eos as ids 0 to 3, and with byte fallback."
            raise RunError(f"{source} cannot be taken: {e.message}", hint) from None

    @classmethod
    def train(cls, blocks: Callable[..., Blocks], section: TokenizerSection) -> Tokenizer:
        """Learn from the training text: `blocks("src", "tgt")` gives the lines of both sides in one reading,
        `blocks("src")` those of one. Raises DataError where the vocabulary does not fit the text.
        """
        if section.shared:
            src = tgt = learn(blocks("src", "tgt"), section)
            if section.normalization == "identity":  # the rules of both sides are the same
                return cls(with_rules(src, section, "src"))
        else:
            src, tgt = learn(blocks("src"), section), learn(blocks("tgt"), section)
        return cls(with_rules(src, section, "src"), with_rules(tgt, section, "tgt"))

    def extended(self, blocks: Callable[..., Blocks], number: int) -> tuple[Tokenizer, list[Extension]]:
        """With `number` more pieces of each vocabulary, learned from the training text as `train` has it; what is there
        keeps its ids. Also gives what was learned for each vocabulary, which is less where the text has no more. Raises
        RunError where a model is not of kind bpe.
        """
        files: list[bytes] = []
        learned = []
        for sides in (("src", "tgt"),) if self.shared else (("src",), ("tgt",)):
            models = [self.model(side) for side in sides]
            if kind_of(models[0]) != "bpe":
                raise RunError(
                    f"`tokenizer.extend: {number}` needs a model of kind bpe, and this is none.",
                    "Leave `extend` out, or train a tokenizer on the new text.",
                )
            pieces = pieces_of(models[0])
            words = WordCounts(pieces)
            for side, lines in blocks(*sides):
                words.add(self.encode(lines, side))
            learned.append(learn_merges(pieces, words.words(), number))
            for model in models:
                files.append(with_pieces(model, [Piece(text, score, NORMAL) for text, score in learned[-1].pieces]))
        return Tokenizer(*files[:1] if SHARED_FILE in self.files else files), learned

    def extends(self, other: Tokenizer) -> bool:
        """Whether it has all that the other has, with the same ids, and no or more pieces behind them."""
        theirs = {name: content for name, content in other.files.items() if name not in _NO_MODELS}
        return all(self.files.get(name, b"").startswith(content) for name, content in theirs.items())

    def model(self, side: Side) -> bytes:
        """The model file that a side has."""
        return self.files[SHARED_FILE if SHARED_FILE in self.files else SRC_FILE if side == "src" else TGT_FILE]

    def _processor(self, side: Side) -> Any:
        return self._src if side == "src" else self._tgt


def fingerprint_of(folder: Path) -> str:
    """The fingerprint of the tokenizer in a folder, which need not be whole. Raises RunError where there is none."""
    return _fingerprint(_read_models(folder))


def _fingerprint(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        if name not in _NO_MODELS:
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _read_models(folder: Path) -> dict[str, bytes]:
    names = [SRC_FILE, TGT_FILE] if (folder / SRC_FILE).exists() else [SHARED_FILE]
    try:
        return {name: (folder / name).read_bytes() for name in names}
    except OSError as e:
        raise _unusable(folder, f"the tokenizer of {folder} cannot be read: {e.strerror} ({e.filename}).") from None


def _unusable(folder: Path, message: str) -> RunError:
    if (folder / "recipe.yaml").exists():  # a run's, which preparing does not mend
        return RunError(message, "Restore the run folder from a copy, or train again.")
    return RunError(message, "Prepare again: nmt prepare RECIPE --force")
