import pytest
import torch

from nmt.decode.beam import Search, beam_search, largest_sums
from nmt.decode.scorer import EnsembleScorer

BOS, EOS = 1, 2


class TableScorer:
    """A made-up distribution for each prefix: everything is known, so search can be checked by trying all."""

    def __init__(self, vocab_size, seed=0):
        self.vocab_size, self.seed = vocab_size, seed
        self.steps = []

    def logits(self, prefix):
        key = 7 + self.seed
        for token in prefix:
            key = (key * 1_000_003 + token + 1) % (1 << 31)
        return torch.randn(self.vocab_size, generator=torch.Generator().manual_seed(key)) * 2

    def start(self, src, src_mask):
        return {"prefixes": [[(int(row[0]),)] for row in src]}

    def step(self, last, state):
        pairs = zip(state["prefixes"], last.tolist(), strict=True)
        state["prefixes"] = [[(*p, t) for p, t in zip(*pair, strict=True)] for pair in pairs]
        self.steps.append(last.numel())
        return torch.stack([torch.stack([self.logits(p) for p in prefixes]) for prefixes in state["prefixes"]])

    def select(self, state, parents, sentences):
        kept = [[p[i] for i in row] for p, row in zip(state["prefixes"], parents.tolist(), strict=True)]
        state["prefixes"] = kept if sentences is None else [kept[i] for i in sentences.tolist()]


def search(scorer, sources, max_len, **keys):
    src = torch.tensor([[s] for s in sources])
    return beam_search(scorer, src, None, torch.tensor(max_len), Search(BOS, EOS, (0, BOS), **keys))


def all_sequences(scorer, source, max_len, length_penalty):
    """Every sequence of the model, ended by </s> within max_len tokens, best first."""
    found = []

    def extend(tokens, log_prob):
        log_probs = scorer.logits((source, BOS, *tokens)).log_softmax(0)
        ended = log_prob + float(log_probs[EOS])
        found.append((ended / (len(tokens) + 1) ** length_penalty, tokens, ended))
        if len(tokens) + 1 < max_len:
            for token in range(3, scorer.vocab_size):
                extend((*tokens, token), log_prob + float(log_probs[token]))

    extend((), 0.0)
    return sorted(found, reverse=True)


def test_a_beam_that_holds_everything_is_brute_force():
    scorer = TableScorer(6)
    for penalty in (0.0, 1.0):
        got = search(scorer, [10, 11], [4, 3], beam_size=500, n_best=5, length_penalty=penalty)
        for source, max_len, hyps in zip([10, 11], [4, 3], got, strict=True):
            wanted = all_sequences(scorer, source, max_len, penalty)[:5]
            assert [tuple(h.tokens) for h in hyps] == [tokens for _, tokens, _ in wanted]
            torch.testing.assert_close(
                torch.tensor([[h.score, h.log_prob] for h in hyps]), torch.tensor([[w[0], w[2]] for w in wanted])
            )


def test_a_beam_of_one_is_greedy():
    scorer = TableScorer(9)
    for source in range(20, 40):
        tokens, prefix = [], (source, BOS)
        while len(tokens) < 7:
            logits = scorer.logits(prefix)
            logits[[0, BOS]] = float("-inf")
            best = int(logits.argmax())
            if best == EOS:
                break
            tokens.append(best)
            prefix = (*prefix, best)
        assert search(scorer, [source], [8], beam_size=1)[0][0].tokens == tokens


def test_n_best_is_sorted_and_distinct():
    hyps = search(TableScorer(9), [5], [8], beam_size=6, n_best=6)[0]
    assert len(hyps) == 6
    assert [h.score for h in hyps] == sorted((h.score for h in hyps), reverse=True)
    assert len({tuple(h.tokens) for h in hyps}) == 6


def test_results_do_not_depend_on_the_other_sentences():
    scorer = TableScorer(9)
    together = search(scorer, list(range(50, 60)), [9] * 10, beam_size=4, n_best=2)
    for source, hyps in zip(range(50, 60), together, strict=True):
        assert search(scorer, [source], [9], beam_size=4, n_best=2)[0] == hyps


def test_finished_sentences_leave_the_batch():
    scorer = TableScorer(9)
    search(scorer, list(range(50, 60)), [2] * 5 + [12] * 5, beam_size=4)
    assert max(scorer.steps) <= 40
    assert all(n <= 20 for n in scorer.steps[2:])


def test_max_len_is_kept_and_scored_as_ended():
    scorer = TableScorer(9)
    for max_len in (1, 2, 3):
        for h in search(scorer, [70], [max_len], beam_size=3, n_best=3)[0]:
            assert len(h.tokens) < max_len
            log_prob, prefix = 0.0, (70, BOS)
            for token in [*h.tokens, EOS]:
                log_prob += float(scorer.logits(prefix).log_softmax(0)[token])
                prefix = (*prefix, token)
            assert abs(log_prob - h.log_prob) < 1e-4


def test_banned_ids_never_come_and_keep_their_probability():
    hyps = search(TableScorer(9), [80], [8], beam_size=5, n_best=5)[0]
    assert all(token not in (0, BOS, EOS) for h in hyps for token in h.tokens)


def test_an_ensemble_of_one_model_twice_is_the_model():
    scorer = TableScorer(9)
    one = search(scorer, [5, 6], [8, 8], beam_size=4, n_best=3)
    for ensemble in (EnsembleScorer([scorer]), EnsembleScorer([scorer, TableScorer(9)])):
        for mine, theirs in zip(search(ensemble, [5, 6], [8, 8], beam_size=4, n_best=3), one, strict=True):
            assert [h.tokens for h in mine] == [h.tokens for h in theirs]


def test_an_ensemble_averages_probabilities():
    a, b = TableScorer(9, 0), TableScorer(9, 1)
    last = torch.tensor([[BOS]])
    states = EnsembleScorer([a, b]).start(torch.tensor([[5]]), None)
    got = EnsembleScorer([a, b]).step(last, states).softmax(-1)
    wanted = (a.logits((5, BOS)).softmax(0) + b.logits((5, BOS)).softmax(0)) / 2
    torch.testing.assert_close(got[0, 0], wanted)


@pytest.mark.parametrize("size", [5, 64, 200, 320, 1003])
@pytest.mark.parametrize("hypotheses", [1, 4])
def test_the_largest_sums_are_those_of_a_sort(size, hypotheses):
    draw = torch.Generator().manual_seed(size)
    x, y = torch.randn(2, hypotheses, size, generator=draw), torch.randn(2, hypotheses, generator=draw)
    for number in (1, 4, 7):
        sums, i, j = largest_sums(x, y, number)
        wanted = (x + y[:, :, None]).flatten(1).sort(descending=True).values[:, :number]
        torch.testing.assert_close(sums, wanted)
        rows = torch.arange(2)[:, None]
        torch.testing.assert_close(x[rows, i, j] + y[rows, i], sums)


def test_the_largest_sums_where_most_are_impossible():
    x = torch.full((1, 2, 500), float("-inf"))
    x[0, [0, 1], [3, 499]] = torch.tensor([1.0, 2.0])
    sums, i, j = largest_sums(x, torch.zeros(1, 2), 4)
    assert sums[0, :2].tolist() == [2, 1]
    assert (i[0, :2].tolist(), j[0, :2].tolist()) == ([1, 0], [499, 3])
