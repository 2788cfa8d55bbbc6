"""What travels between nodes when tokens are brought to experts and back: counted as it is sent, and worked out from
where the tokens want to go.

Letters: R ranks that share one set of experts, n nodes of R / n ranks each. What a rank keeps for itself is no traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LABEL_BYTES = 4  # of an expert's number, int32
SIZE_BYTES = 8  # of how many rows will follow, int64


@dataclass
class Traffic:
    """By (node that sends, node that receives), each (n,n). Those of one rank where it sends; to be summed over ranks.

    Before rows are exchanged each rank tells each other of its group how many it will send: `size_messages`, of
    SIZE_BYTES each. `bytes` and `messages` are of the rows themselves; where none are sent there is no message.
    """

    bytes: Tensor
    messages: Tensor
    size_messages: Tensor

    @classmethod
    def none(cls, nodes: int) -> Traffic:
        return cls(*(torch.zeros(nodes, nodes, dtype=torch.int64) for _ in range(3)))

    def add(self, other: Traffic) -> None:
        self.bytes += other.bytes
        self.messages += other.messages
        self.size_messages += other.size_messages

    def clear(self) -> None:
        for counts in (self.bytes, self.messages, self.size_messages):
            counts.zero_()

    def rows(self, here: int, nodes: Sequence[int], numbers: Sequence[int], row_bytes: int) -> None:
        """This rank, on node `here`, sends so many rows to others on these nodes."""
        for node, number in zip(nodes, numbers, strict=True):
            if number:
                self.bytes[here, node] += number * row_bytes
                self.messages[here, node] += 1

    def sizes(self, here: int, nodes: Sequence[int]) -> None:
        for node in nodes:
            self.size_messages[here, node] += 1

    def between_nodes(self) -> tuple[int, int]:
        """Bytes and messages that leave a node; without sizes."""
        away = ~torch.eye(len(self.bytes), dtype=torch.bool)
        return int(self.bytes[away].sum()), int(self.messages[away].sum())


@dataclass(frozen=True)
class Stretch:
    """One hop of the way as it is in numbers: copies (R,R) of tokens that each rank sends each, `most` experts that one
    of them may want, and which ranks (R,R) tell each other sizes.
    """

    copies: Tensor
    most: int
    together: Tensor


def wanted(token: Sequence[Tensor], expert: Sequence[Tensor], each: int, places: int) -> Tensor:
    """Of how many tokens of each rank some expert is at each place: (R, places); expert e is at e // each % places.
    token and expert (P,) are a rank's pairs.
    """
    counts = torch.zeros(len(token), places, dtype=torch.int64)
    for rank, (tokens, experts) in enumerate(zip(token, expert, strict=True)):
        seen = torch.unique(torch.stack([tokens, experts // each % places]), dim=1)
        counts[rank] = torch.bincount(seen[1], minlength=places)
    return counts


def at_once(by_rank: Tensor, most: int) -> list[Stretch]:
    """Each token straight to the ranks of its experts; by_rank (R,R) is what `wanted` says of ranks."""
    return [Stretch(by_rank, most, torch.ones_like(by_rank, dtype=torch.bool))]


def nodes_first(by_rank: Tensor, by_node: Tensor, most: int, within: int) -> list[Stretch]:
    """First between ranks of one place on their nodes, once a node; then within the node (He et al. 2022). by_node
    (R,n) is what `wanted` says of nodes; `most` and `within` are experts that a copy may want on the two ways.
    """
    ranks, nodes = by_node.shape
    local = ranks // nodes
    node, place = torch.arange(ranks) // local, torch.arange(ranks) % local
    between = torch.where(place[:, None] == place, by_node[:, node], 0)
    # What has come to (i, l) from all nodes goes on to (i, l'): by_rank is [(i', l), (i, l')].
    onward = by_rank.view(nodes, local, nodes, local).sum(0).transpose(0, 1).flatten(0, 1)  # ((i, l), l')
    inside = torch.where(node[:, None] == node, onward[:, place], 0)
    return [
        Stretch(between, most, place[:, None] == place),
        Stretch(inside, within, node[:, None] == node),
    ]


def within_first(by_rank: Tensor, by_place: Tensor, nodes: int, most: int, across: int) -> list[Stretch]:
    """First within the node, to the rank that has the expert's place there; then between nodes: fewer and larger
    messages for the same choice of experts (the two-dimensional hierarchical all-to-all of Tutel, Hwang et al. 2022).
    by_place (R, R / n) is what `wanted` says of places on nodes; `most` and `across` are experts that a copy may want.
    """
    ranks = len(by_rank)
    local = ranks // nodes
    node, place = torch.arange(ranks) // local, torch.arange(ranks) % local
    inside = torch.where(node[:, None] == node, by_place[:, place], 0)
    # What has come to (i, l') from all of node i goes on to (i', l'): by_rank is [(i, l), (i', l')].
    onward = by_rank.view(nodes, local, nodes, local).sum(1).transpose(1, 2).flatten(0, 1)  # ((i, l'), i')
    between = torch.where(place[:, None] == place, onward[:, node], 0)
    return [
        Stretch(inside, most, node[:, None] == node),
        Stretch(between, across, place[:, None] == place),
    ]


def predicted(stretches: Sequence[Stretch], d_model: int, itemsize: int, nodes: int, backward: bool = True) -> Traffic:
    """What one layer sends for one micro-batch of each rank. There and back: a copy is d_model numbers of `itemsize`
    bytes and, on the way there, a weight and a label for each expert that it may want; the gradients go the same way
    without labels, and weights have theirs on the way back.
    """
    traffic = Traffic.none(nodes)
    for s in stretches:
        ranks = len(s.copies)
        node = torch.arange(ranks) // (ranks // nodes)
        others = ~torch.eye(ranks, dtype=torch.bool)
        copies, results = s.copies * others, s.copies.t() * others
        row, weights, labels = d_model * itemsize, s.most * itemsize, s.most * LABEL_BYTES
        sent = [(copies, row + weights + labels), (results, row)]
        sent += [(copies, row), (results, row + weights)] if backward else []
        for rows, size in sent:
            traffic.bytes += _by_node(rows * size, node, nodes)
            traffic.messages += _by_node((rows > 0).long(), node, nodes)
        traffic.size_messages += _by_node((s.together & others).long(), node, nodes)
    return traffic


def _by_node(by_rank: Tensor, node: Tensor, nodes: int) -> Tensor:
    """(R,R) summed to (n,n)."""
    sums = torch.zeros(nodes, len(node), dtype=torch.int64).index_add(0, node, by_rank)
    return torch.zeros(nodes, nodes, dtype=torch.int64).index_add(1, node, sums)
