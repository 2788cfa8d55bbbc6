"""Which training pair goes where: kept, dropped for a reason, or held out for validation or a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nmt.data.audit import BLANK, IDENTICAL, LONG, RATIO, SplitAudit
from nmt.data.corpus import all_corpora
from nmt.errors import DataError
from nmt.recipe import DataSection


@dataclass(frozen=True)
class Routing:
    """Of each training pair: kept, dropped for a reason, or held out for a split."""

    names: list[str]  # "train", reasons, splits
    reasons: frozenset[str]
    codes: npt.NDArray[np.uint8]  # index into names

    def mask(self, name: str) -> npt.NDArray[np.bool_]:
        mask: npt.NDArray[np.bool_] = self.codes == self.names.index(name)
        return mask

    def counts(self) -> dict[str, int]:
        numbers = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return dict(zip(self.names, numbers, strict=True))


def route(data: DataSection, splits: Mapping[str, SplitAudit], doubted: npt.NDArray[np.bool_] | None = None) -> Routing:
    """Lines of one language that validation or a test has, on either side, are no training text either. `doubted` are
    the training pairs that `pair_score` is against.
    """
    filters, train = data.filters, splits["train"]
    alone = train.of_one_language
    evaluated = [keys for name, s in splits.items() if name != "train" for keys in (s.src_keys, s.tgt_keys)]
    reasons = {
        "blank": train.flags & BLANK > 0 if filters.drop_blank else None,
        "long": train.flags & LONG > 0,
        "ratio": train.flags & RATIO > 0,
        "identical": train.flags & IDENTICAL > 0 if filters.drop_identical else None,
        "duplicate": train.repeated if filters.drop_duplicates else None,
        "pair score": doubted,
        "also in valid or a test": _among(train, alone, evaluated),
        "not taken": None,
    }
    names, codes = ["train"], np.zeros(train.pairs, np.uint8)
    for reason, mask in reasons.items():
        names.append(reason)
        if mask is not None:
            codes[(codes == 0) & mask] = len(names) - 1
    for split, (corpus, *_) in all_corpora(data).items():
        if corpus.holdout is not None:
            names.append(split)
            usable = (codes == 0) & (train.flags & BLANK == 0) & (alone.all() | ~alone)
            held_out = _hold_out(split, corpus.holdout, train.src_keys, usable)
            chosen = usable & np.isin(train.src_keys, held_out)
            codes[chosen] = len(names) - 1
            also = _among(train, alone & ~chosen, [held_out, train.tgt_keys[chosen]] if alone.any() else [])
            if also is not None:
                codes[(codes == 0) & also] = names.index("also in valid or a test")
    _leave(codes, train, names.index("not taken"))
    if not (codes == 0).any():
        raise DataError(
            f"nothing is left to train on: of {train.pairs:,} pairs all are filtered or held out.",
            "Look at `data.filters` and at the audit above.",
        )
    return Routing(names, frozenset(reasons), codes)


def _among(
    train: SplitAudit, lines: npt.NDArray[np.bool_], keys: Sequence[npt.NDArray[np.uint64]]
) -> npt.NDArray[np.bool_] | None:
    """Which of the lines have one of the keys."""
    if not lines.any() or not keys:
        return None
    found: npt.NDArray[np.bool_] = lines & np.isin(train.src_keys, np.concatenate(keys))
    return found


def _leave(codes: npt.NDArray[np.uint8], train: SplitAudit, code: int) -> None:
    """Give `code` to what is beyond the number of examples that a corpus is to give: the first by their hashes are
    taken, so that the choice depends on the text, and a smaller one is part of a larger one.
    """
    begin = 0
    for source, pairs in train.sources:
        asked = source.corpus.take
        if asked is not None:
            kept = begin + np.flatnonzero(codes[begin : begin + pairs] == 0)
            if len(kept) < asked:
                raise DataError(
                    f"`take: {asked}` asks for more than {source.label('src')} can give: {len(kept):,}.",
                    "Take less, or look at `data.filters` and at the audit above.",
                )
            order = np.lexsort((train.pair_keys[kept], train.src_keys[kept]))
            codes[kept[order[asked:]]] = code
        begin += pairs


def _hold_out(
    split: str, asked: int, keys: npt.NDArray[np.uint64], usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint64]:
    """The source keys that leave train. Groups of equal sources are taken in the order of their hashes, each if it
    fits; so the choice depends on what the text holds and not on its order.
    """
    groups, sizes = np.unique(keys[usable], return_counts=True)
    if sizes.sum() < asked:
        key = "valid" if split == "valid" else f"test.{split}"
        raise DataError(
            f"`data.{key}.holdout: {asked}` asks for more pairs than train can give: {int(sizes.sum()):,}.",
            "Hold out less, or look at `data.filters` and at the audit above.",
        )
    taken, total, spare = [], 0, -1
    for i, size in enumerate(sizes):
        if total + size <= asked:
            taken.append(i)
            total += int(size)
        elif spare < 0 or size < sizes[spare]:
            spare = i
        if total == asked:
            break
    else:
        taken.append(spare)  # only larger groups were left: rather a few pairs too many than too few
    return groups[taken]
