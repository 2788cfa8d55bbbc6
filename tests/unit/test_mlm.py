"""An encoder alone, from the file to masked words, pairs, and a translator that begins with it."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from nmt.cli import app
from nmt.commands.options import pair_filter
from nmt.data.manifest import Manifest
from nmt.data.masking import pairs
from nmt.data.noise import Pieces
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.decode.pairs import PairScorer
from nmt.decode.translator import Translator
from nmt.errors import DataError, RunError
from nmt.evaluate.masked import evaluate_encoder, one_by_one
from nmt.run.load import load_encoder
from nmt.run.results import read_results
from nmt.tokenizer import RaggedIds, Tokenizer
from nmt.train.epochs import TrainingData
from nmt.train.objective import FillIn
from tests.unit.test_denoising import ENGLISH, FRENCH, PAIRS, VALID
from tests.unit.test_trainer import records, run

ENCODER = {"kind": "encoder", "d_model": 32, "d_ff": 64, "num_heads": 2, "num_encoder_layers": 1, "dropout": 0.1}
TRANSLATION = {"kind": "mlm", "pairs": "translation"}


@pytest.fixture
def masked(toy_recipe):
    """Makes recipes that fill in masked pieces of both languages' lines."""

    def make(**keys):
        plain = {"data__train": [ENGLISH, FRENCH], "data__valid": VALID, "data__test": {}, "objective": "mlm",
                 "model": ENCODER, "train__average_best": 0, "name": "mlm"}  # fmt: skip
        return toy_recipe(**plain | keys)

    return make


@pytest.fixture
def paired(masked):
    """Makes recipes that learn which lines translate each other, too."""

    def make(**keys):
        test = {"test": {"source": "test.en", "target": "test.fr"}}
        plain = {"data__train": PAIRS, "data__valid": {"source": "valid.en", "target": "valid.fr"}, "data__test": test,
                 "objective": TRANSLATION, "name": "pairs"}  # fmt: skip
        return masked(**plain | keys)

    return make


def test_masked_pieces_are_learned(masked):
    folder = run(masked(train__max_steps=120, train__eval_every=60, train__log_every=30))
    first, last = (records(folder, "valid")[i] for i in (0, -1))
    assert set(last) >= {"loss", "masked_accuracy"}
    assert not set(last) & {"bleu", "pair_accuracy"}
    assert last["loss"] < first["loss"]


def test_smoothing_is_only_what_the_recipe_asks_for(masked):
    assert masked().train.label_smoothing == 0
    assert masked(train__label_smoothing=0.2).train.label_smoothing == 0.2


def test_an_update_is_the_same_however_it_is_cut(paired):
    from nmt.model.kinds import build

    recipe = paired()
    prepared = prepare(recipe)
    tokenizer = Tokenizer.load(prepared)
    torch.manual_seed(1)
    model = build(recipe.model, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
    epoch = TrainingData(prepared, recipe, tokenizer, 4000).epoch(0)
    objective = FillIn(0.0)
    (part,) = epoch.updates[0]
    whole = float(objective.loss(model, epoch.batch(part)).total.detach())
    halves = [float(objective.loss(model, epoch.batch(half)).total.detach()) for half in (part[::2], part[1::2])]
    assert sum(halves) == pytest.approx(whole, rel=1e-5)
    with torch.no_grad():
        sums = objective.loss(model, epoch.batch(part)).sums
    weighted = float(sums["nll"] + epoch.sides.pair_weight * sums["pair_nll"])
    assert weighted == pytest.approx(whole, rel=1e-5)


def test_a_translator_begins_with_the_encoder(masked, toy_recipe):
    parent = run(masked())
    with pytest.raises(RunError, match="is an encoder: it scores masked words, but cannot translate"):
        Translator.load(parent)
    child = toy_recipe(name="child", train__init_from=str(parent), tokenizer={}, train__average_best=0)
    folder = run(child)
    (init,) = records(folder, "init")
    fresh = {part: counts["fresh"] for part, counts in init["parts"].items()}
    assert fresh["embeddings"] == fresh["encoder"] == 0 < min(fresh["decoder"], fresh["cross_attention"])
    assert len(Translator.load(folder).translate(["one two"])) == 1


def test_what_an_encoder_has_not_cannot_be_taken(masked, toy_recipe):
    parent = run(masked())
    keys = {"run": str(parent), "parts": ["encoder", "decoder"]}
    with pytest.raises(RunError) as caught:
        run(toy_recipe(name="child", train__init_from=keys, tokenizer={}))
    assert caught.value.message == (
        f"`train.init_from: {parent}` is a model of another kind (encoder), of which `decoder` cannot be taken."
    )
    assert caught.value.hint == "Take of it: `train.init_from.parts: [embeddings, encoder]`."


NEXT = {"kind": "mlm", "pairs": "next"}


@pytest.fixture
def told(masked, tmp_path):
    """Makes recipes of documents of four lines, with a blank line behind each."""

    def make(blank="\n", **keys):
        for name, first, number in (("docs.en", 0, 60), ("valid-docs.en", 60, 10)):
            stories = ["".join(f"day {d} part {p} of it\n" for p in range(4)) for d in range(first, first + number)]
            (tmp_path / name).write_text(blank.join(stories), encoding="utf-8")
        plain = {"data__root": str(tmp_path), "data__train": {"text": "docs.en", "lang": "en"},
                 "data__valid": {"text": "valid-docs.en", "lang": "en"}, "objective": NEXT, "name": "next"}  # fmt: skip
        return masked(**plain | keys)

    return make


def test_the_next_line_of_a_document(told):
    recipe = told()
    prepared = prepare(recipe)
    for name, number in (("train", 60), ("valid", 10)):
        split = PreparedSplit.open(prepared, name)
        tokenizer = Tokenizer.load(prepared)
        texts = tokenizer.decode([row.tolist() for row in split.lines["en"]])
        following = {texts[s]: texts[t] for s, t in split.examples.table[:, 1:].tolist() if t >= 0}
        assert len(following) == 3 * number
        for a, b in following.items():
            assert a.split()[1] == b.split()[1]
            assert int(a.split()[3]) + 1 == int(b.split()[3])
        assert [r.tolist() for r in split.written] == [r.tolist() for r in split.src]
    sides = TrainingData(prepared, recipe, Tokenizer.load(prepared), 4000).epoch(0).sides
    assert (sides.together >= 0).sum() == 180
    assert (sides.together == 0).sum() == pytest.approx(90, abs=2)


def test_the_next_line_is_learned(told):
    assert "pair_accuracy" in records(run(told()), "valid")[0]


def test_without_documents_there_is_no_next_line(told):
    with pytest.raises(DataError) as caught:
        prepare(told(blank=""))
    assert caught.value.message == (
        "`objective.pairs: next` needs documents; no file of `data.train` has a blank line between two."
    )


def test_other_pairs_are_other_data(masked):
    from nmt.data.check import deciding_keys

    assert deciding_keys(masked())["objective.kind"] == "mlm"
    assert "objective.pairs" not in deciding_keys(masked())


# --- what such a run is used for -------------------------------------------------------------------------------------


@pytest.fixture
def pair_run(paired):
    return run(paired(train__max_steps=6, train__eval_every=6))


def test_pairs_are_scored_each_for_itself(pair_run):
    scorer = PairScorer.load(pair_run)
    texts = [("one two", "un deux"), ("three", "un un un un un"), ("one", " "), ("two two one", "deux")]
    found = scorer.score(texts)
    assert found[2] == 0
    assert all(0 < p < 1 for p in (found[0], found[1], found[3]))
    assert [scorer.score([pair])[0] for pair in texts] == pytest.approx(found, abs=1e-6)
    assert scorer.score([]) == []


def test_an_encoder_is_evaluated(pair_run):
    model, tokenizer, _, _ = load_encoder(pair_run)
    (test,) = evaluate_encoder(pair_run, model, tokenizer)
    (valid,) = evaluate_encoder(pair_run, model, tokenizer, ["valid"])
    assert (test.name, test.examples) == ("test", 20)
    assert set(test.scores) == {"masked_accuracy", "pseudo_perplexity", "pair_accuracy"}
    assert 1 < test.scores["pseudo_perplexity"] < 1000
    assert {"nll", "pair"} <= set(records(pair_run, "step")[0])
    last = records(pair_run, "valid")[-1]
    assert valid.scores["pair_accuracy"] == pytest.approx(last["pair_accuracy"])
    assert valid.scores["masked_accuracy"] == pytest.approx(last["masked_accuracy"])
    assert set(read_results(pair_run).scores) == {"test", "valid"}


def test_each_piece_is_masked_alone():
    """A model that looks at nothing but which pieces are there: of a mask it says what is missing."""
    pieces = Pieces(np.ones(12, bool), np.arange(5, 9), 9, np.array([]), 10, 11)
    seen = []

    class Looks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.output = torch.nn.Linear(2, 12)

        def forward(self, src, mask, segments):
            seen.extend(src.tolist())
            return torch.zeros(*src.shape, 2)

    rows = pairs(RaggedIds.of([[5, 6]]), RaggedIds.of([[7]]), pieces, None, np.array([True]))
    found = one_by_one(rows, 0, Looks(), pieces)
    assert seen == [[10, 9, 6, 11, 7, 11], [10, 5, 9, 11, 7, 11], [10, 5, 6, 11, 9, 11]]
    assert len(found) == 3


def test_who_knows_no_pairs_says_so(masked):
    parent = run(masked(train__max_steps=1, train__eval_every=1))
    with pytest.raises(RunError) as caught:
        PairScorer.load(parent)
    assert caught.value.message == f"{parent} scores masked words, but has not learned which texts belong together."
    assert caught.value.hint == (
        "Pairs are scored by a translator of one direction, or a run of `objective: {kind: mlm, pairs: translation}` "
        "or of `pairs: next`."
    )


def test_the_commands_of_an_encoder(pair_run, tmp_path):
    (tmp_path / "a").write_text("one two\nthree\n")
    (tmp_path / "b").write_text("un deux\nun\n")
    files = ["--src", str(tmp_path / "a"), "--tgt", str(tmp_path / "b")]
    done = CliRunner().invoke(app, ["score", "--pair", "--run", str(pair_run), *files])
    assert done.exit_code == 0
    assert all(0 < float(line) < 1 for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 2
    done = CliRunner().invoke(app, ["evaluate", "--run", str(pair_run)])
    assert done.exit_code == 0
    assert "pseudo-perplexity" in done.stdout
    for command, folder in (("report", pair_run), ("show", pair_run), ("verify", pair_run), ("runs", pair_run.parent)):
        done = CliRunner().invoke(app, [command, str(folder)])
        assert done.exit_code == 0, (command, done.output, done.exception)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--pair"], "`--pair` scores two texts."),
        (["--pair", "--src", "a", "--length-penalty", "1"], "`--length-penalty` changes nothing with --pair."),
        ([], "is an encoder: it scores masked words and pairs, but cannot translate."),
    ],
)
def test_what_does_not_go_with_pairs(pair_run, options, message):
    done = CliRunner().invoke(app, ["score", "--run", str(pair_run), "--tgt", "b", *options])
    assert done.exit_code != 0
    assert message in str(done.exception)


# --- the filter ------------------------------------------------------------------------------------------------------


def test_pairs_that_a_run_doubts_are_left_out(toy_recipe, tmp_path):
    """A stand-in doubts the pairs of one source."""
    lines = [f"word {i}" for i in range(40)]
    for name in ("train.en", "train.fr"):
        (tmp_path / name).write_text("\n".join([*lines, "", "word 1"]) + "\n", encoding="utf-8")
    seen = []

    def score(texts):
        seen.extend(texts)
        return [0.2 if source == "word 3" else 0.5 for source, _ in texts]

    recipe = toy_recipe(data__root=str(tmp_path), data__valid={"holdout": 5}, data__test={}, tokenizer={},
                        data__filters={"pair_score": {"run": "runs/pairs"}})  # fmt: skip
    asked = []
    folder = prepare(recipe, scorer_of=lambda run: asked.append(run) or score)
    dropped = Manifest.load(folder).splits["train"].dropped
    assert asked == ["runs/pairs"]
    assert dropped["pair score"] == 1
    assert sorted(seen) == sorted((line, line) for line in [*lines, "word 1"])  # not the blank pair


def test_the_filter_wants_a_run_that_knows_translations(told, masked):
    other = run(masked(train__max_steps=1, train__eval_every=1))
    with pytest.raises(RunError, match="scores masked words, but has not learned which texts belong together"):
        pair_filter(str(other))
    folder = run(told(train__max_steps=1, train__eval_every=1))
    with pytest.raises(RunError) as caught:
        pair_filter(str(folder))
    assert caught.value.message == (
        f"`data.filters.pair_score.run: {folder}` knows which line follows which, not which translate each other."
    )


def test_the_filter_wants_a_run_of_its_languages_and_notices_another_training(pair_run, toy_recipe, tmp_path):
    filters = {"pair_score": {"run": str(pair_run), "min": 0.0}}
    turned = toy_recipe(name="turned", data__filters=filters, tokenizer={}, data__source_lang="fr",
                        data__target_lang="en")  # fmt: skip
    with pytest.raises(RunError) as caught:
        prepare(turned, scorer_of=pair_filter)
    assert caught.value.message == (
        f"`data.filters.pair_score.run: {pair_run}` scores pairs of en-fr, but the recipe has fr-en."
    )
    recipe = toy_recipe(name="filtered", data__filters=filters, tokenizer={})
    folder = prepare(recipe, scorer_of=pair_filter)
    assert prepare(recipe, scorer_of=pair_filter) == folder
    (state,) = pair_run.glob("checkpoints/step-*/state.json")
    state.write_text(state.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(RunError) as caught:
        prepare(recipe, scorer_of=pair_filter)
    assert caught.value.message == f"{folder} was prepared by the scores of {pair_run}, which was trained again since."
    pair_run.rename(tmp_path / "gone")  # it was needed to prepare only
    assert prepare(recipe, scorer_of=pair_filter) == folder


def test_the_filter_scores_with_the_run(pair_run, toy_recipe):
    filters = {"pair_score": {"run": str(pair_run), "min": 1.0}}
    recipe = toy_recipe(name="filtered", data__filters=filters, tokenizer={})
    with pytest.raises(DataError, match="nothing is left to train on"):
        prepare(recipe, scorer_of=pair_filter)


def test_two_texts_need_places_for_both(paired):
    model = ENCODER | {"positions": "learned", "max_positions": 40}
    with pytest.raises(RunError, match=r"`model.max_positions: 40` is too small: the longest pair has \d\d tokens"):
        run(paired(model=model))
