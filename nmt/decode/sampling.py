"""Translations drawn from the model's distribution instead of searched for.

Shapes: B sentences, k samples of each, V vocabulary, t tokens so far.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nmt.decode.beam import Search
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.scorer import StepScorer

COLDEST = 1e-30  # lower temperatures leave the range of float32; the most probable token is drawn long before


@torch.inference_mode()
def sample(
    scorer: StepScorer, src: Tensor, src_mask: Tensor | None, max_len: Tensor, how: Search, noise: Sequence[Tensor],
    temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
) -> list[list[Hypothesis]]:  # fmt: skip
    """`how.beam_size` samples of each source, the most probable first; equal ones are not thrown together.

    noise: for each sentence numbers (k, max_len of it) of [0, 1), which decide; see `noise_of`. The distribution is
    sharpened by the temperature, then cut to the top_k most probable tokens (0: all) and to the smallest set of them
    whose probability reaches top_p (nucleus sampling, Holtzman et al. 2020). log_prob is the model's own.
    """
    device = src.device
    b, k = src.size(0), how.beam_size
    state = scorer.start(src, src_mask)
    sentence = torch.arange(b, device=device)
    last = how.first(src)[:, None]
    total = torch.zeros(b, k, device=device)  # (B,k) log-probability
    tokens = torch.empty(b, k, 0, dtype=torch.int64, device=device)
    open_ = torch.ones(b, k, dtype=torch.bool, device=device)  # not yet ended
    limits = max_len.to(device)
    finished: list[list[Hypothesis]] = [[] for _ in range(b)]
    while len(sentence):
        log_probs = scorer.step(last, state).log_softmax(-1).expand(-1, k, -1)
        t = tokens.size(2) + 1
        allowed = log_probs.clone()
        if how.rule is not None:
            how.rule(allowed, tokens, sentence)
        allowed[:, :, list(how.banned)] = float("-inf")
        draws = torch.stack([noise[s][:, min(t, noise[s].size(1)) - 1] for s in sentence.tolist()]).to(device)
        choice = draw(allowed / max(temperature, COLDEST), draws, top_k, top_p)
        stuck = allowed.amax(2) == float("-inf")
        choice[stuck | (limits <= t)[:, None]] = how.eos_id
        total = total + log_probs.gather(2, choice[:, :, None])[:, :, 0]
        ends = open_ & (choice == how.eos_id)
        at = ends.nonzero()
        rows = zip(sentence[at[:, 0]].tolist(), tokens[ends].tolist(), total[ends].tolist(), strict=True)
        for s, ids, log_prob in rows:
            finished[s].append(Hypothesis(ids, log_prob, log_prob / t**how.length_penalty))
        open_ = open_ & ~ends
        tokens, last = torch.cat([tokens, choice[:, :, None]], 2), choice
        going = open_.any(1)
        if not going.any():
            break
        kept = None
        if not going.all():
            kept = going.nonzero()[:, 0]
            sentence, limits, open_ = sentence[kept], limits[kept], open_[kept]
            last, total, tokens = last[kept], total[kept], tokens[kept]
        parents = torch.zeros(len(going), k, dtype=torch.int64, device=device)
        if t > 1:  # the first step has one hypothesis for all samples
            parents += torch.arange(k, device=device)
        scorer.select(state, parents, kept)
    return [sorted(hyps, key=lambda h: -h.score)[: how.n_best] for hyps in finished]


def draw(logits: Tensor, draws: Tensor, top_k: int, top_p: float) -> Tensor:
    """One token for each row of logits (B,k,V), where draws (B,k) of [0, 1) points in the distribution; (B,k)."""
    ordered = logits.softmax(-1)
    if not top_k and top_p == 1:  # the order does not matter
        ids = torch.arange(logits.size(-1), device=logits.device).expand(logits.shape)
    else:
        ordered, ids = ordered.sort(dim=-1, descending=True, stable=True)
    if top_k:
        ordered[..., top_k:] = 0
    if top_p < 1:
        before = ordered.cumsum(-1) - ordered  # of the more probable ones
        ordered = ordered.masked_fill(before >= top_p, 0)
    reached = ordered.cumsum(-1)
    place = (reached <= draws[..., None] * reached[..., -1:]).sum(-1)
    # Rounding may point beyond the last that is possible, which is the first to reach the whole.
    last = (reached < reached[..., -1:]).sum(-1)
    chosen: Tensor = ids.gather(-1, torch.minimum(place, last)[..., None])[..., 0]
    return chosen


def noise_of(ids: Sequence[int], seed: int, samples: int, length: int) -> Tensor:
    """Numbers of [0, 1), (samples, length), that depend on the source and the seed alone: so a line's samples do not
    depend on the other lines.
    """
    words = np.asarray(ids, np.int64).tobytes()
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(words), len(ids)]))
    return torch.from_numpy(generator.random((length, samples), np.float32)).T
