"""Which training pair goes where: kept, dropped for a reason, or held out for validation or a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import BLANK, IDENTICAL, LONG, RATIO, SplitAudit
from nmt.data.corpus import all_corpora
from nmt.data.keys import among
from nmt.data.placement import Codes, Tables
from nmt.data.sources import stored_directions
from nmt.errors import DataError
from nmt.recipe import DataSection

_MANY = 1 << 20  # pairs; of more, not all are sorted where a few will do
ZERO_SHOT = "only scored"  # pairs of languages between which nothing is learned


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
    """Lines of one language that validation or a test has, on either side, are no training text either; nor synthetic
    pairs of which either line is there. `doubted` are the training pairs that `pair_score` is against.
    """
    filters, train = data.filters, splits["train"]
    alone, anywhere = train.of_one_language, train.of_one_language | train.synthetic
    evaluated = {name: [s.src_keys, s.tgt_keys] for name, s in splits.items() if name != "train"}
    reasons = {
        "blank": train.flags & BLANK > 0 if filters.drop_blank else None,
        "long": train.flags & LONG > 0,
        "ratio": train.flags & RATIO > 0,
        "identical": train.flags & IDENTICAL > 0 if filters.drop_identical else None,
        "duplicate": train.repeated if filters.drop_duplicates else None,
        "pair score": doubted,
        "also in valid or a test": _among(train, anywhere, [keys for each in evaluated.values() for keys in each]),
        "not taken": None,
        ZERO_SHOT: None,
    }
    names, codes = ["train"], np.zeros(train.pairs, np.uint8)
    for reason, mask in reasons.items():
        names.append(reason)
        if mask is not None:
            codes[(codes == 0) & mask] = len(names) - 1
    also_held_out = names.index("also in valid or a test")
    _tell_leaks(train, train.synthetic & (codes == also_held_out), evaluated)
    tables, learned = Tables(train.sources), stored_directions(data)
    for split, (corpus, *_) in all_corpora(data).items():
        if corpus.holdout is not None:
            names.append(split)
            usable = (codes == 0) & (train.flags & BLANK == 0) & (alone.all() | ~alone) & ~train.made_elsewhere
            held_out = _hold_out(split, corpus.holdout, train.src_keys, usable & tables.first)
            chosen = usable & tables.first & among(train.src_keys, held_out)
            rows = tables.spread(chosen)
            codes[rows & usable] = len(names) - 1
            codes[rows & (codes == 0)] = also_held_out
            also = _among(train, anywhere & ~chosen, [held_out, train.tgt_keys[chosen]] if anywhere.any() else [])
            if also is not None:
                codes[(codes == 0) & also] = also_held_out
            codes[(codes == 0) & tables.read_again(train, rows & usable, learned)] = also_held_out
    only_scored = [not any(d in learned or d.tgt is None for d in source.directions) for source, _ in train.sources]
    codes[(codes == 0) & tables.of(only_scored)] = names.index(ZERO_SHOT)
    _leave(codes, train, tables, names.index("not taken"))
    if not (codes == 0).any():
        raise DataError(
            f"nothing is left to train on: of {train.pairs:,} pairs all are filtered or held out.",
            "Look at `data.filters` and at the audit above.",
        )
    return Routing(names, frozenset(reasons), codes)


def _among(
    train: SplitAudit, lines: npt.NDArray[np.bool_], keys: Sequence[npt.NDArray[np.uint64]]
) -> npt.NDArray[np.bool_] | None:
    """Which of the lines have one of the keys, on either side."""
    if not lines.any() or not keys:
        return None
    one_of = np.concatenate(keys)
    found: npt.NDArray[np.bool_] = among(train.src_keys, one_of)
    found |= among(train.tgt_keys, one_of)
    return found & lines


def _tell_leaks(
    train: SplitAudit, left_out: npt.NDArray[np.bool_], evaluated: Mapping[str, Sequence[npt.NDArray[np.uint64]]]
) -> None:
    """Of synthetic pairs how many are left out because of which set."""
    found = {name: _among(train, left_out, keys) for name, keys in evaluated.items()}
    counts = {name: int(mask.sum()) for name, mask in found.items() if mask is not None and mask.any()}
    if counts:
        listed = ", ".join(f"{number:,} with a line of {name}" for name, number in counts.items())
        console.info(f"Synthetic pairs that are left out: {listed}.")


def _leave(codes: Codes, train: SplitAudit, tables: Tables, code: int) -> None:
    """Give `code` to what is beyond the number of examples that a corpus is to give: the first by their hashes are
    taken, so that the choice depends on the text, and a smaller one is part of a larger one. Of a table of several
    languages, so many of its lines are taken.
    """
    for own, begin, end, number in tables.whole():
        source = tables.sources[own[0]]
        asked = source.corpus.take
        if asked is None:
            continue
        parts = codes[begin:end].reshape(-1, number)
        kept = np.flatnonzero((parts == 0).any(0))
        if len(kept) < asked:
            raise DataError(
                f"`take: {asked}` asks for more than {source.label('src')} can give: {len(kept):,}.",
                "Take less, or look at `data.filters` and at the audit above.",
            )
        order = np.lexsort((train.pair_keys[begin + kept], train.src_keys[begin + kept]))
        left = np.zeros(number, bool)
        left[kept[order[asked:]]] = True
        parts[(parts == 0) & left] = code


def _hold_out(
    split: str, asked: int, keys: npt.NDArray[np.uint64], usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint64]:
    """The source keys that leave train. Groups of equal sources are taken in the order of their hashes, each if it
    fits; so the choice depends on what the text holds and not on its order.
    """
    there = int(usable.sum())
    if there < asked:
        key = "valid" if split == "valid" else f"test.{split}"
        raise DataError(
            f"`data.{key}.holdout: {asked}` asks for more pairs than train can give: {there:,}.",
            "Hold out less, or look at `data.filters` and at the audit above.",
        )
    if there > _MANY:  # the first by their hashes are nearly always enough
        first = usable & (keys <= np.uint64(min(1.0, (4 * asked + 1000) / there) * (2**64 - 2**11)))
        if first.sum() < there and (found := _taken(asked, keys[first])) is not None:
            return found
    taken = _taken(asked, keys[usable], True)
    assert taken is not None, "there are enough"
    return taken


def _taken(asked: int, keys: npt.NDArray[np.uint64], all_there_are: bool = False) -> npt.NDArray[np.uint64] | None:
    """None: these are too few, and there are more."""
    groups, sizes = np.unique(keys, return_counts=True)
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
        if not all_there_are:
            return None
        taken.append(spare)  # only larger groups were left: rather a few pairs too many than too few
    return groups[taken]
