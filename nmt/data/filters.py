"""Which training pair goes where: kept, dropped for a reason, or held out for validation or a test."""

from __future__ import annotations

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


def route(data: DataSection, train: SplitAudit) -> Routing:
    filters = data.filters
    reasons = {
        "blank": train.flags & BLANK > 0 if filters.drop_blank else None,
        "long": train.flags & LONG > 0,
        "ratio": train.flags & RATIO > 0,
        "identical": train.flags & IDENTICAL > 0 if filters.drop_identical else None,
        "duplicate": train.repeated if filters.drop_duplicates else None,
    }
    names, codes = ["train"], np.zeros(train.pairs, np.uint8)
    for reason, mask in reasons.items():
        names.append(reason)
        if mask is not None:
            codes[(codes == 0) & mask] = len(names) - 1
    for split, (corpus, *_) in all_corpora(data).items():
        if corpus.holdout is not None:
            names.append(split)
            held_out = _hold_out(split, corpus.holdout, train.src_keys, (codes == 0) & (train.flags & BLANK == 0))
            codes[(codes == 0) & np.isin(train.src_keys, held_out)] = len(names) - 1
    if not (codes == 0).any():
        raise DataError(
            f"nothing is left to train on: of {train.pairs:,} pairs all are filtered or held out.",
            "Look at `data.filters` and at the audit above.",
        )
    return Routing(names, frozenset(reasons), codes)


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
