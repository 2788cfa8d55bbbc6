"""Beam search for translations that must have given phrases in them (dynamic beam allocation, Post and Vilar 2018).

Slower than the plain search, as each hypothesis keeps count of what it still owes; for the few lines that need it.
It knows no coverage penalty and no groups. Shapes: B sentences, k hypotheses of each, V vocabulary, t tokens so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nmt.decode.beam import Search
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.scorer import StepScorer

Phrase = tuple[int, ...]


@dataclass(frozen=True)
class Owed:
    """The phrases a hypothesis has yet to produce, and how far into which of them it is."""

    phrases: tuple[Phrase, ...]
    done: frozenset[int] = frozenset()
    begun: frozenset[tuple[int, int]] = frozenset()  # phrases and how many of their tokens are there
    last_done: int | None = None  # by the token before

    @property
    def met(self) -> int:
        """Tokens of phrases that are there."""
        return sum(len(self.phrases[i]) for i in self.done) + max((n for _, n in self.begun), default=0)

    @property
    def left(self) -> int:
        return sum(map(len, self.phrases)) - self.met

    def wanted(self) -> Iterator[int]:
        """Tokens that would bring it further."""
        yield from {self.phrases[i][n] for i, n in self.begun}
        yield from {phrase[0] for i, phrase in enumerate(self.phrases) if i not in self.done}

    def after(self, token: int, goes_on: bool) -> Owed:
        """One more token; `goes_on`: it makes another word of the one before, so that a phrase that ended there is owed
        again. A token belongs to one phrase only.
        """
        done = self.done
        if goes_on and self.last_done is not None:
            done -= {self.last_done}
        begun = {(i, n + 1) for i, n in self.begun if self.phrases[i][n] == token}
        begun |= {(i, 1) for i, phrase in enumerate(self.phrases) if i not in done and phrase[0] == token}
        complete = [i for i, n in begun if n == len(self.phrases[i])]
        if not complete:
            return Owed(self.phrases, done, frozenset(begun))
        longest = min(complete, key=lambda i: (-len(self.phrases[i]), i))
        return Owed(self.phrases, done | {longest}, last_done=longest)


@torch.inference_mode()
def constrained_search(
    scorer: StepScorer, src: Tensor, src_mask: Tensor | None, max_len: Tensor, how: Search,
    phrases: Sequence[Sequence[Phrase]], goes_on: Sequence[bool],
) -> list[list[Hypothesis]]:  # fmt: skip
    """As `beam_search`, but every hypothesis has all `phrases` of its sentence in it, in any order; none where that
    cannot be, in max_len or by the rules.

    goes_on (V): whether a token makes another word of the one before, and so undoes a phrase that ends there.
    """
    device = src.device
    finished: list[list[Hypothesis]] = [[] for _ in range(src.size(0))]
    state = scorer.start(src, src_mask)
    sentence = list(range(src.size(0)))
    beams = [[(0.0, Owed(tuple(p)))] for p in phrases]  # of each sentence: log-probability, what is owed
    last = how.first(src)[:, None]
    tokens = torch.empty(src.size(0), 1, 0, dtype=torch.int64, device=device)
    while sentence:
        log_probs = scorer.step(last, state).log_softmax(-1)
        t = tokens.size(2) + 1
        if how.rule is not None:
            how.rule(log_probs, tokens, torch.tensor(sentence, device=device))
        log_probs = log_probs.cpu()  # looked at number by number
        eos = log_probs[:, :, how.eos_id].tolist()
        log_probs[:, :, [how.eos_id, *how.banned]] = float("-inf")
        values, pieces = (x.tolist() for x in log_probs.topk(min(how.beam_size, log_probs.size(2))))
        so_far = tokens.tolist()
        chosen: list[list[Candidate]] = []
        for row, s in enumerate(sentence):
            candidates = {}
            for h, (total, owed) in enumerate(beams[row]):
                if owed.left == 0 and eos[row][h] > float("-inf"):
                    log_prob = total + eos[row][h]
                    finished[s].append(Hypothesis(so_far[row][h], log_prob, log_prob / t**how.length_penalty))
                nexts = dict(zip(pieces[row][h], values[row][h], strict=True))
                nexts |= {token: float(log_probs[row, h, token]) for token in owed.wanted()}
                for token, value in nexts.items():
                    then = owed.after(token, goes_on[token])
                    # What is owed and `</s>` must still fit.
                    if value > float("-inf") and t + then.left < int(max_len[s]):
                        candidates[h, token] = (total + value, then)
            chosen.append(_allocate(candidates, how.beam_size))
            finished[s] = _best_different(finished[s], how.beam_size)
        going = [
            row for row, s in enumerate(sentence) if chosen[row] and not _cannot_improve(finished[s], chosen[row], how)
        ]
        if not going:
            break
        width = max(len(chosen[row]) for row in going)
        filled = [chosen[row] + chosen[row][:1] * (width - len(chosen[row])) for row in going]
        parents = torch.tensor([[h for (h, _), _ in row] for row in filled], device=device)
        last = torch.tensor([[token for (_, token), _ in row] for row in filled], device=device)
        rows = torch.tensor(going, device=device)
        tokens = tokens[rows].gather(1, parents[:, :, None].expand(-1, -1, t - 1))
        tokens = torch.cat([tokens, last[:, :, None]], 2)
        everywhere = torch.zeros(len(sentence), width, dtype=torch.int64, device=device)
        everywhere[rows] = parents
        scorer.select(state, everywhere, rows)
        beams = [[found for _, found in chosen[row]] for row in going]
        sentence = [sentence[row] for row in going]
    return [hyps[: how.n_best] for hyps in finished]


Candidate = tuple[tuple[int, int], tuple[float, Owed]]  # (parent, token), (log-probability, what is owed)


def _allocate(candidates: dict[tuple[int, int], tuple[float, Owed]], width: int) -> list[Candidate]:
    """The best of each number of met tokens in turn, until the beam is full: so that those further on, which had to
    take less likely tokens, are not crowded out.
    """
    banks: dict[int, list[Candidate]] = {}
    for item in sorted(candidates.items(), key=lambda c: -c[1][0]):
        banks.setdefault(item[1][1].met, []).append(item)
    order = sorted(banks, reverse=True)
    ranks = range(max(map(len, banks.values()), default=0))
    return [banks[met][rank] for rank in ranks for met in order if rank < len(banks[met])][:width]


def _best_different(hypotheses: list[Hypothesis], number: int) -> list[Hypothesis]:
    different = {tuple(h.tokens): h for h in hypotheses}
    return sorted(different.values(), key=lambda h: -h.score)[:number]


def _cannot_improve(hypotheses: list[Hypothesis], going: list[Candidate], how: Search) -> bool:
    """Whether as many as are wanted have ended, each more probable as a whole than any that goes on is already."""
    wanted = hypotheses[: how.n_best]
    best = max(total for _, (total, _) in going)
    return len(wanted) == how.n_best and min(h.log_prob for h in wanted) >= best
