"""Batches: which pairs are trained together, and as what tensors.

Two numbers decide: `batch_tokens`, the real target tokens an update learns from (part of the experiment), and
`max_tokens`, the padded tokens that one device holds at a time (part of the machine). An update is a list of
micro-batches; the plan is a pure function, so resuming recomputes it and skips, and every rank takes its share of it.

Shapes: B pairs, P passes over them, S source, T target positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nmt.data.examples import Lines
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID

Indices = npt.NDArray[np.int64]
Update = list[Indices]


@dataclass(frozen=True)
class Batch:
    """One micro-batch. Rows end with `</s>`, tgt_in begins with `<s>`; `src_mask` is None where nothing is padded. What
    is read several times, by training alone (passes.py), has its rows pass after pass; what is predicted stands once.
    """

    src: Tensor  # (P·B,S)
    src_mask: Tensor | None  # (P·B,S), True = visible
    tgt_in: Tensor  # (P·B,T)
    tgt_out: Tensor  # (B,T)
    num_tokens: int  # real target tokens, `</s>` counted, each once

    @property
    def passes(self) -> int:
        return len(self.src) // len(self.tgt_out)

    def to(self, device: torch.device) -> Batch:
        if device.type == "cpu":
            return self
        mask = None if self.src_mask is None else self.src_mask.to(device, non_blocking=True)
        src, tgt_in, tgt_out = (t.to(device, non_blocking=True) for t in (self.src, self.tgt_in, self.tgt_out))
        return Batch(src, mask, tgt_in, tgt_out, self.num_tokens)


def plan_batches(
    src_lengths: npt.NDArray[np.int64], tgt_lengths: npt.NDArray[np.int64],
    batch_tokens: int, max_tokens: int, seed: int, epoch: int, shares: int = 1, strata: int = 1,
) -> list[Update]:  # fmt: skip
    """The updates of one epoch: every pair once, no micro-batch above max_tokens padded tokens on either side.

    Pairs are shuffled, then sorted by target and source length (a stable sort: equal lengths stay shuffled) and cut
    into groups with an equal share of the real target tokens. With one stratum a group of about batch_tokens is an
    update: nearly all its pairs are of one length, and many of them meet again in the next epoch. With several, groups
    are as many times smaller, and an update has a random one from each part of the range of lengths. Groups are cut
    into micro-batches of equal work, as many as `shares` workers can share evenly; the updates are shuffled. Lengths
    count without `</s>`, which is added here. Pairs longer than max_tokens come alone, so that nothing is dropped.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(src_lengths))
    order = order[np.lexsort((src_lengths[order], tgt_lengths[order]))]
    src, tgt = src_lengths[order] + 1, tgt_lengths[order] + 1
    # A group holds as many tokens as any other, so the epoch is divided evenly.
    ends = np.cumsum(tgt)
    total = int(ends[-1]) if len(ends) else 1
    number = max(1, round(total / batch_tokens)) * strata
    group_of = np.minimum((ends - tgt // 2 - 1) * number // total, number - 1)
    groups = np.split(np.arange(len(order)), np.flatnonzero(np.diff(group_of)) + 1) if len(order) else []
    dealt = [rng.permutation(part).tolist() for part in np.array_split(np.arange(len(groups)), strata)]
    updates: list[Update] = []
    for chosen in zip_longest(*dealt):
        members = [groups[i] for i in chosen if i is not None]
        evenly = shares // gcd(shares, len(members))  # of each group so many micro-batches, or a multiple
        parts = [m[part] for m in members for part in _micro_batches(src[m], tgt[m], max_tokens, evenly)]
        updates.append([order[part] for part in parts])
    return updates


def _micro_batches(src: Indices, tgt: Indices, max_tokens: int, shares: int) -> list[slice]:
    """Cut a group of pairs with these lengths into the smallest multiple of `shares` parts that fit max_tokens."""
    longest = np.maximum(src, tgt)
    work = np.cumsum(src + tgt)
    for count in range(shares, len(work) + shares, shares):
        part_of = (work - work[0]) * count // work[-1]
        ends = np.flatnonzero(np.diff(part_of, append=count)) + 1
        parts = [slice(int(begin), int(end)) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
        sizes = np.diff(ends, prepend=0)
        if np.all((sizes == 1) | (sizes * np.maximum.reduceat(longest, [0, *ends[:-1]]) <= max_tokens)):
            return parts
    return [slice(i, i + 1) for i in range(len(work))]


def fill(updates: Sequence[Update], lengths: npt.NDArray[np.int64]) -> float:
    """Real tokens / padded tokens of one side."""
    padded = sum(len(part) * (int(lengths[part].max()) + 1) for update in updates for part in update)
    return float((lengths.sum() + len(lengths)) / max(1, padded))


def collate(
    src: Lines | Sequence[Any], tgt: Lines | Sequence[Any], index: Indices, given: Lines | None = None,
    starts: Indices | None = None,
) -> Batch:  # fmt: skip
    """The micro-batch of the pairs `index`; the decoder begins with `<s>`, or with what `starts` has. What is `given`
    of a pair the decoder sees in place of its target shifted by one; then that target ends without `</s>`, and has PAD
    where nothing is learned.
    """
    src_rows, tgt_rows = [src[i] for i in index.tolist()], [tgt[i] for i in index.tolist()]
    src_ids, padded = pad(src_rows)
    tgt_out, _ = pad(tgt_rows)
    tgt_in = np.full_like(tgt_out, PAD_ID)
    tgt_in[:, 1:] = tgt_out[:, :-1]
    tgt_in[tgt_in == EOS_ID] = PAD_ID
    tgt_in[:, 0] = BOS_ID if starts is None else starts[index]
    num_tokens = sum(map(len, tgt_rows)) + len(tgt_rows)
    for i, row in enumerate([given[i] for i in index.tolist()] if given is not None else []):
        if len(row):
            tgt_in[i, : len(row)], tgt_out[i, len(row)] = row, PAD_ID
            num_tokens += int(np.count_nonzero(tgt_rows[i])) - len(row) - 1
    mask = torch.from_numpy(src_ids != PAD_ID) if padded else None
    return Batch(torch.from_numpy(src_ids), mask, torch.from_numpy(tgt_in), torch.from_numpy(tgt_out), num_tokens)


def pad(rows: Sequence[Any]) -> tuple[Indices, bool]:
    """Rows with `</s>` added, padded to the longest, (B,S) int64; and whether any needed padding."""
    longest = max(map(len, rows)) + 1
    ids = np.full((len(rows), longest), PAD_ID, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        ids[i, len(row)] = EOS_ID
    return ids, any(len(row) + 1 < longest for row in rows)
