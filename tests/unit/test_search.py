"""What searches must keep to, on a scorer that is a table (test_beam), and on models of random weights."""

import itertools
import math

import pytest
import torch

from nmt.decode.beam import Search, beam_search
from nmt.decode.constrained import Owed, constrained_search
from nmt.decode.rules import Rules, forbid_repetition
from nmt.decode.sampling import draw, noise_of, sample
from nmt.decode.scorer import EnsembleScorer
from tests.unit.test_beam import BOS, EOS, TableScorer, all_sequences

BANNED = (0, BOS)


def rules(number, prefixes=(), excluded=(), min_len=(), no_repeat=0):
    def fill(given, empty):
        return [*given, *[empty] * (number - len(given))]

    return Rules(EOS, fill(prefixes, ()), fill(excluded, ()), fill(min_len, 0), no_repeat)


def search(sources, max_len=9, **keys):
    src = torch.tensor([[s] for s in sources])
    how = Search(BOS, EOS, BANNED, **keys)
    return beam_search(TableScorer(9), src, None, torch.full((len(sources),), max_len), how)


def log_prob(source, tokens):
    scorer, total, prefix = TableScorer(9), 0.0, (source, BOS)
    for token in [*tokens, EOS]:
        total += float(scorer.logits(prefix).log_softmax(0)[token])
        prefix = (*prefix, token)
    return total


# --- rules -----------------------------------------------------------------------------------------------------------


def test_rules_that_ask_for_nothing_change_nothing():
    assert not rules(2).needed
    assert search([5, 6], rule=rules(2)) == search([5, 6])


def test_a_prefix_is_kept_and_has_the_models_own_probability():
    for hyps, source, prefix in zip(search([5, 6], rule=rules(2, [(3, 4), (7,)])), [5, 6], [[3, 4], [7]], strict=True):
        assert hyps[0].tokens[: len(prefix)] == prefix
        assert hyps[0].log_prob == pytest.approx(log_prob(source, hyps[0].tokens), abs=1e-4)


def test_a_prefix_beyond_the_longest_output_ends():
    (hyps,) = search([5], max_len=3, rule=rules(1, [(3, 4, 5, 6, 7)]))
    assert hyps[0].tokens == [3, 4]


def test_what_is_excluded_never_comes():
    free = search(range(20, 40), beam_size=3, n_best=3)
    runs = [[tuple(h.tokens[:2]) for h in hyps if len(h.tokens) >= 2] for hyps in free]
    found = search(range(20, 40), beam_size=3, n_best=3, rule=rules(20, excluded=runs))
    for hyps, excluded in zip(found, runs, strict=True):
        assert hyps
        for h in hyps:
            assert not set(excluded) & set(itertools.pairwise(h.tokens))


def test_the_shortest_length_is_kept():
    for h in itertools.chain(*search(range(20, 30), n_best=5, rule=rules(10, min_len=[5] * 10))):
        assert len(h.tokens) >= 5


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_run_of_tokens_comes_twice(n):
    for h in itertools.chain(*search(range(20, 40), max_len=15, rule=rules(20, no_repeat=n))):
        runs = [tuple(h.tokens[i : i + n]) for i in range(len(h.tokens) - n + 1)]
        assert len(runs) == len(set(runs))


def test_repetition_is_found_where_it_is():
    log_probs = torch.zeros(1, 2, 6)
    forbid_repetition(log_probs, torch.tensor([[[3, 4, 5, 3, 4], [3, 4, 5, 4, 3]]]), 3)
    assert [log_probs[0, h].isinf().nonzero()[:, 0].tolist() for h in (0, 1)] == [[5], []]


def test_where_nothing_is_allowed_the_hypothesis_ends():
    # After token 3 everything is excluded, the end too.
    everything = [(3, token) for token in range(9)]
    (hyps,) = search([5], rule=rules(1, [(3,)], [everything], [6]))
    assert hyps[0].tokens == [3]


def test_rules_do_not_depend_on_the_other_sentences():
    sources = list(range(50, 60))
    prefixes = [(3 + s % 5,) for s in sources]
    together = search(sources, beam_size=3, rule=rules(10, prefixes, [[(4,)]] * 10, [3] * 10, 2))
    for source, prefix, hyps in zip(sources, prefixes, together, strict=True):
        assert search([source], beam_size=3, rule=rules(1, [prefix], [[(4,)]], [3], 2))[0] == hyps


# --- groups and coverage ---------------------------------------------------------------------------------------------


def test_groups_without_diversity_are_smaller_beams():
    for mine, theirs in zip(search([5, 6], beam_size=6, groups=3), search([5, 6], beam_size=2), strict=True):
        assert mine == theirs


def test_groups_find_more_different_beginnings():
    def beginnings(**keys):
        return sum(len({h.tokens[0] for h in hyps if h.tokens}) for hyps in search(range(20, 40), **keys))

    assert beginnings(beam_size=4, n_best=4, groups=4, diversity=5.0) > beginnings(beam_size=4, n_best=4)


def test_groups_score_as_the_model_does_and_know_no_other_sentence():
    together = search(range(50, 60), beam_size=4, n_best=4, groups=2, diversity=1.5)
    for source, hyps in zip(range(50, 60), together, strict=True):
        assert search([source], beam_size=4, n_best=4, groups=2, diversity=1.5)[0] == hyps
        for h in hyps:
            assert h.log_prob == pytest.approx(log_prob(source, h.tokens), abs=1e-4)


class Looking(TableScorer):
    """Looks at source position t at step t, with some of its attention at the first."""

    def watch(self, state):
        state["at"] = 0

    def step(self, last, state):
        if "at" in state:
            state["at"] += 1
        return super().step(last, state)

    def attention(self, state):
        rows, k = len(state["prefixes"]), len(state["prefixes"][0])
        weights = torch.zeros(rows, k, 3)
        weights[:, :, 0] = 0.5
        weights[:, :, min(state["at"], 3) - 1] += 0.5
        return weights


def test_the_coverage_penalty_is_the_formula():
    src = torch.tensor([[5, 5, 5]])
    how = Search(BOS, EOS, BANNED, beam_size=400, n_best=400, coverage_penalty=0.7)
    (hyps,) = beam_search(Looking(9), src, None, torch.tensor([4]), how)
    assert len({len(h.tokens) for h in hyps}) == 4
    for h in hyps:
        steps = len(h.tokens) + 1
        seen = [0.5 * steps + 0.5, 0.5 * (steps >= 2), 0.5 * max(0, steps - 2)]
        missing = 0.7 * sum(math.log(min(1, max(1e-6, x))) for x in seen)
        assert h.score == pytest.approx(h.log_prob / steps + missing, abs=1e-4)


# --- phrases that must be there --------------------------------------------------------------------------------------


def constrained(sources, phrases, max_len=9, goes_on=(), rule=None, **keys):
    src = torch.tensor([[s] for s in sources])
    how = Search(BOS, EOS, BANNED, rule=rule, **keys)
    lengths = torch.full((len(sources),), max_len)
    words = [token in goes_on for token in range(9)]
    return constrained_search(TableScorer(9), src, None, lengths, how, phrases, words)


def has(tokens, phrase):
    return any(tuple(tokens[i : i + len(phrase)]) == phrase for i in range(len(tokens)))


@pytest.mark.parametrize("beam_size", [1, 4])
def test_every_hypothesis_has_its_phrases(beam_size):
    phrases = [[(3, 4)], [(5,), (6, 6)], [(8, 7, 3)], [(3,), (3, 3)]] * 5
    found = constrained(range(20, 40), phrases, max_len=12, beam_size=beam_size, n_best=beam_size)
    for source, hyps, wanted in zip(range(20, 40), found, phrases, strict=True):
        assert hyps
        for h in hyps:
            assert all(has(h.tokens, phrase) for phrase in wanted)
            assert h.log_prob == pytest.approx(log_prob(source, h.tokens), abs=1e-4)


def test_room_for_the_phrases_is_kept():
    for max_len in (4, 5, 6):  # three tokens and the end: no more fits, and it is still done
        (hyps,) = constrained([5], [[(3, 4), (7,)]], max_len=max_len, beam_size=3)
        assert has(hyps[0].tokens, (3, 4)) and has(hyps[0].tokens, (7,)) and len(hyps[0].tokens) < max_len
    assert constrained([5], [[(3, 4), (7,)]], max_len=3) == [[]]


def test_a_wide_beam_finds_the_best_that_has_the_phrase():
    scorer = TableScorer(6)
    wanted = next(tokens for _, tokens, _ in all_sequences(scorer, 10, 5, 0.0) if has(tokens, (4, 3)))
    how = Search(BOS, EOS, BANNED, beam_size=500, length_penalty=0.0)
    src, words = torch.tensor([[10]]), [False] * 6
    ((found, *_),) = constrained_search(scorer, src, None, torch.tensor([5]), how, [[(4, 3)]], words)
    assert tuple(found.tokens) == wanted


def test_a_phrase_that_is_gone_on_with_is_owed_again():
    for hyps in constrained(range(20, 40), [[(3,)]] * 20, goes_on=[4, 5, 6], beam_size=3):
        for h in hyps:
            assert any(a == 3 and b not in (4, 5, 6) for a, b in itertools.pairwise([*h.tokens, EOS]))


def test_a_prefix_is_kept_where_phrases_are_asked_for_too():
    for hyps in constrained(range(20, 30), [[(3,)]] * 10, goes_on=[4], rule=rules(10, [(3, 4)] * 10), beam_size=2):
        for h in hyps:
            assert h.tokens[:2] == [3, 4] and 3 in h.tokens[2:]


def test_phrases_do_not_depend_on_the_other_sentences():
    phrases = [[(3, 4)], [(5,)], [(6, 3)]]
    for source, own, hyps in zip([5, 6, 7], phrases, constrained([5, 6, 7], phrases, beam_size=3), strict=True):
        assert constrained([source], [own], beam_size=3)[0] == hyps


def test_what_is_owed():
    owed = Owed(((3, 4), (5,), (5,)))
    assert (owed.left, set(owed.wanted())) == (4, {3, 5})
    begun = owed.after(3, False)
    assert (begun.left, set(begun.wanted())) == (3, {3, 4, 5})
    assert begun.after(7, False).left == 4  # not gone on with: owed as a whole again
    assert begun.after(4, False).after(5, False).left == 1  # one of the two
    assert begun.after(4, False).after(8, True).left == 4  # made another word of it


def test_a_phrase_is_found_after_a_false_start():
    owed = Owed(((3, 3, 4),))
    for token in (3, 3, 3, 4):
        owed = owed.after(token, False)
    assert owed.left == 0


# --- sampling --------------------------------------------------------------------------------------------------------


def samples(sources, number=4, seed=1, max_len=9, rule=None, **keys):
    src = torch.tensor([[s] for s in sources])
    noise = [noise_of([s], seed, number, max_len) for s in sources]
    how = Search(BOS, EOS, BANNED, beam_size=number, n_best=number, rule=rule)
    return sample(TableScorer(9), src, None, torch.full((len(sources),), max_len), how, noise, **keys)


def test_samples_depend_on_the_seed_and_on_nothing_else():
    together = samples(range(50, 60))
    assert samples(range(50, 60)) == together != samples(range(50, 60), seed=2)
    for source, hyps in zip(range(50, 60), together, strict=True):
        assert len(hyps) == 4
        assert samples([source])[0] == hyps
        for h in hyps:
            assert h.log_prob == pytest.approx(log_prob(source, h.tokens), abs=1e-4)


def test_samples_of_the_most_probable_alone_are_greedy():
    greedy = search(range(50, 60), beam_size=1)
    for keys in ({"top_k": 1}, {"top_p": 1e-9}, {"temperature": 0.001}):
        for hyps, (best,) in zip(samples(range(50, 60), **keys), greedy, strict=True):
            assert {tuple(h.tokens) for h in hyps} == {tuple(best.tokens)}


def test_samples_keep_to_rules():
    for h in itertools.chain(*samples(range(50, 60), rule=rules(10, [(3, 5)] * 10, [[(4,)]] * 10, [4] * 10))):
        assert h.tokens[:2] == [3, 5] and 4 not in h.tokens and len(h.tokens) >= 4


def test_draws_have_the_distribution():
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    points = (torch.arange(1000) + 0.5) / 1000
    for keys, wanted in (
        ((0, 1.0), [0.5, 0.3, 0.15, 0.05]),
        ((2, 1.0), [0.625, 0.375, 0, 0]),
        ((0, 0.75), [0.625, 0.375, 0, 0]),
        ((0, 0.81), [0.5263, 0.3158, 0.1579, 0]),
    ):
        drawn = draw(probabilities.log().expand(1, 1000, 4), points[None], *keys)[0]
        assert drawn.bincount(minlength=4).div(1000).tolist() == pytest.approx(wanted, abs=2e-3)


# --- ensembles -------------------------------------------------------------------------------------------------------


def test_the_mean_of_logarithms_is_the_geometric_mean():
    a, b = TableScorer(9, 0), TableScorer(9, 1)
    ensemble = EnsembleScorer([a, b], "log")
    got = ensemble.step(torch.tensor([[BOS]]), ensemble.start(torch.tensor([[5]]), None)).softmax(-1)
    wanted = (a.logits((5, BOS)).softmax(0) * b.logits((5, BOS)).softmax(0)).sqrt()
    torch.testing.assert_close(got[0, 0], wanted / wanted.sum())
