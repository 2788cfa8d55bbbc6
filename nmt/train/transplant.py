"""Embeddings carried over to another vocabulary (`train.init_from: {vocabulary: map}`)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nmt.tokenizer import Side, Tokenizer


@dataclass(frozen=True)
class RowMap:
    """How the pieces of a vocabulary begin, each as what its counterpart in an old one has learned.

    A piece takes over the row of the old piece of equal text; so do bytes and control pieces. Any other begins as the
    mean of the pieces that the old tokenizer cuts its text into. A control piece that is new has no text, and begins as
    the mean of all.
    """

    equal: dict[int, int]  # id → old id
    cut: dict[int, list[int]]  # id → old ids; none of a control piece

    @classmethod
    def between(cls, old: Tokenizer, new: Tokenizer, side: Side) -> RowMap:
        ids = {piece: i for i, piece in enumerate(old.vocabulary(side))}
        pieces = new.vocabulary(side)
        equal = {i: ids[piece] for i, piece in enumerate(pieces) if piece in ids}
        others = [i for i in range(len(pieces)) if i not in equal]
        control = new.control_ids(side)
        cut = old.cut(["" if i in control else pieces[i] for i in others], side)
        return cls(equal, dict(zip(others, cut, strict=True)))

    def apply(self, old: Tensor) -> Tensor:
        """Rows of the new pieces; `old` has the old ones'."""
        rows = old.new_empty(len(self.equal) + len(self.cut), *old.shape[1:])
        rows[list(self.equal)] = old[list(self.equal.values())]
        for i, parts in self.cut.items():
            rows[i] = (old[parts] if parts else old).mean(0)
        return rows
