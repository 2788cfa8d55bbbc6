"""Beam search for translations that must have given phrases in them (dynamic beam allocation, Post and Vilar 2018).

Slower than the plain search, as each hypothesis keeps count of what it still owes; for the few lines that need it.
Shapes: B sentences, k hypotheses of each, V vocabulary, t tokens so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nmt.decode.beam import Hypothesis, Search
from nmt.decode.scorer import StepScorer

Phrase = tuple[int, ...]


@dataclass(frozen=True)
class Owed:
    """The phrases a hypothesis has yet to produce, and how far into which one it is."""

    phrases: tuple[Phrase, ...]
    done: frozenset[int] = frozenset()
    current: int | None = None
    position: int = 0  # tokens of the current phrase that are there

    @property
    def met(self) -> int:
        """Tokens of phrases that are there."""
        return sum(len(self.phrases[i]) for i in self.done) + self.position

    @property
    def left(self) -> int:
        return sum(map(len, self.phrases)) - self.met

    def wanted(self) -> Iterator[int]:
        """Tokens that would bring it further."""
        if self.current is not None:
            yield self.phrases[self.current][self.position]
        else:
            yield from {p[0] for i, p in enumerate(self.phrases) if i not in self.done}

    def after(self, token: int) -> Owed:
        """One more token. A phrase that is not gone on with is owed as a whole again."""
        if self.current is not None and self.phrases[self.current][self.position] == token:
            return self._advance(self.current, self.position + 1)
        starts = [i for i, p in enumerate(self.phrases) if i not in self.done and p[0] == token]
        if starts:
            return self._advance(max(starts, key=lambda i: len(self.phrases[i])), 1)
        return Owed(self.phrases, self.done)

    def _advance(self, phrase: int, position: int) -> Owed:
        if position == len(self.phrases[phrase]):
            return Owed(self.phrases, self.done | {phrase})
        return Owed(self.phrases, self.done, phrase, position)


@torch.inference_mode()
def constrained_search(
    scorer: StepScorer, src: Tensor, src_mask: Tensor | None, max_len: Tensor, how: Search,
    phrases: Sequence[Sequence[Phrase]], not_after: Tensor,
) -> list[list[Hypothesis]]:  # fmt: skip
    """As `beam_search`, but every hypothesis has all `phrases` of its sentence in it, in any order.

    max_len must leave room for them. not_after (V): True for tokens that would make another word of a phrase's last,
    and so may not follow it.
    """
    device = src.device
    finished: list[list[Hypothesis]] = [[] for _ in range(src.size(0))]
    state = scorer.start(src, src_mask)
    sentence = list(range(src.size(0)))
    beams = [[(0.0, Owed(tuple(p)), False)] for p in phrases]  # of each sentence: score, owed, a phrase has just ended
    last = torch.full((src.size(0), 1), how.bos_id, device=device)
    tokens = torch.empty(src.size(0), 1, 0, dtype=torch.int64, device=device)
    width = how.beam_size
    while sentence:
        log_probs = scorer.step(last, state).log_softmax(-1)
        t = tokens.size(2) + 1
        if how.rule is not None:
            how.rule(log_probs, tokens, torch.tensor(sentence, device=device))
        fresh = torch.zeros(log_probs.shape[:2], dtype=torch.bool)
        for row, beam in enumerate(beams):
            fresh[row, : len(beam)] = torch.tensor([just_ended for _, _, just_ended in beam])
        log_probs.masked_fill_(fresh.to(device)[:, :, None] & not_after, float("-inf"))
        eos = log_probs[:, :, how.eos_id].tolist()
        log_probs[:, :, [how.eos_id, *how.banned]] = float("-inf")
        values, pieces = (x.tolist() for x in log_probs.topk(min(width, log_probs.size(2))))
        chosen = []
        for row, s in enumerate(sentence):
            room = int(max_len[s]) - t
            candidates = {}
            for h, (score, owed, _) in enumerate(beams[row]):
                if owed.left == 0 and eos[row][h] > float("-inf"):
                    log_prob = score + eos[row][h]
                    ids = tokens[row, h].tolist()
                    finished[s].append(Hypothesis(ids, log_prob, log_prob / t**how.length_penalty))
                nexts = dict(zip(pieces[row][h], values[row][h], strict=True))
                nexts |= {token: float(log_probs[row, h, token]) for token in owed.wanted()}
                for token, value in nexts.items():
                    then = owed.after(token)
                    if value > float("-inf") and then.left < room:  # what is owed and `</s>` still fit
                        ended = then.done != owed.done
                        candidates[h, token] = (score + value, then, ended)
            chosen.append(_allocate(candidates, width, sum(map(len, phrases[s]))))
        _keep_best(finished, sentence, how)
        going = [
            row for row, s in enumerate(sentence) if chosen[row] and not _cannot_improve(finished[s], chosen[row], how)
        ]
        if not going:
            break
        size = max(len(chosen[row]) for row in going)
        filled = [chosen[row] + chosen[row][:1] * (size - len(chosen[row])) for row in going]
        parents = torch.tensor([[h for (h, _), _ in row] for row in filled], device=device)
        last = torch.tensor([[token for (_, token), _ in row] for row in filled], device=device)
        rows = torch.tensor(going, device=device)
        tokens = tokens[rows].gather(1, parents[:, :, None].expand(-1, -1, t - 1))
        tokens = torch.cat([tokens, last[:, :, None]], 2)
        everywhere = torch.zeros(len(sentence), size, dtype=torch.int64, device=device)
        everywhere[rows] = parents
        scorer.select(state, everywhere, rows)
        beams = [[found for _, found in chosen[row]] for row in going]
        sentence = [sentence[row] for row in going]
    return [hyps[: how.n_best] for hyps in finished]


Candidate = tuple[tuple[int, int], tuple[float, Owed, bool]]  # (parent, token), (score, owed, a phrase has just ended)


def _allocate(candidates: dict[tuple[int, int], tuple[float, Owed, bool]], width: int, total: int) -> list[Candidate]:
    """The best of each number of met tokens in turn, until the beam is full: so that those further on, which had to
    take less likely tokens, are not crowded out.
    """
    banks: dict[int, list[Candidate]] = {}
    for item in sorted(candidates.items(), key=lambda c: -c[1][0]):
        banks.setdefault(item[1][1].met, []).append(item)
    chosen: list[Candidate] = []
    depth = 0
    while len(chosen) < width and any(len(bank) > depth for bank in banks.values()):
        for met in range(total, -1, -1):
            if len(banks.get(met, [])) > depth and len(chosen) < width:
                chosen.append(banks[met][depth])
        depth += 1
    return chosen


def _keep_best(finished: list[list[Hypothesis]], sentence: Sequence[int], how: Search) -> None:
    for s in sentence:
        different = {tuple(h.tokens): h for h in finished[s]}
        finished[s] = sorted(different.values(), key=lambda h: -h.score)[: how.beam_size]


def _cannot_improve(hypotheses: list[Hypothesis], going: list[Candidate], how: Search) -> bool:
    """Whether as many as are wanted have ended, each more probable as a whole than any that goes on is already."""
    wanted = hypotheses[: how.n_best]
    best = max(score for _, (score, _, _) in going)
    return len(wanted) == how.n_best and min(h.log_prob for h in wanted) >= best
