"""A decoder alone, from the recipe to text that it draws, its scores, a child that begins with it, and refusals."""

import json
import math

import pytest
import torch

from nmt.data.store import PreparedSplit
from nmt.decode.generator import Generator
from nmt.decode.translator import Translator
from nmt.errors import RecipeError, RunError
from nmt.evaluate.language_model import distinct_2, evaluate_language_model
from nmt.evaluate.report import build_report
from nmt.recipe import load_recipe
from nmt.run import checkpoint as ckpt
from nmt.run.overview import read_run
from nmt.run.results import read_results
from nmt.run.verify import verify_run
from nmt.tokenizer import Tokenizer
from tests.unit.test_trainer import records, run

FRENCH = {"text": "train.fr", "lang": "fr"}
PAIRS = {"source": "train.en", "target": "train.fr"}
DECODER = {"kind": "decoder", "d_model": 32, "d_ff": 64, "num_heads": 2, "num_decoder_layers": 1, "dropout": 0.1}
DATA = {
    "data__train": [FRENCH], "data__valid": {"text": "valid.fr", "lang": "fr"},
    "data__test": {"test": {"text": "test.fr", "lang": "fr"}}, "data__filters": {"drop_duplicates": False},
}  # fmt: skip


@pytest.fixture
def of_text(toy_recipe):
    """Makes recipes of language models of the toy's French side."""

    def make(**keys):
        plain = {"name": "lm", "objective": "lm", "model": DECODER, "train__average_best": 0, **DATA}
        return toy_recipe(**plain | keys)

    return make


@pytest.fixture
def translating(toy_recipe):
    """Makes recipes of decoders that translate."""

    def make(**keys):
        return toy_recipe(**{"name": "decoder", "model": DECODER, "train__average_best": 0} | keys)

    return make


@pytest.fixture
def trained(of_text):
    return run(of_text(train__max_steps=60, train__eval_every=30))


# --- training --------------------------------------------------------------------------------------------------------


def test_a_language_model_is_learned_and_judged_by_bits(trained):
    first, last = (records(trained, "valid")[i] for i in (0, -1))
    assert last["loss"] < first["loss"]
    assert {"bleu", "chrf"}.isdisjoint(last)
    split = PreparedSplit.open(load_recipe(trained / "recipe.yaml").prepared_dir, "valid")
    characters, tokens = sum(map(len, split.text("src"))), int(split.src.lengths.sum()) + len(split)
    assert last["bits_per_character"] == pytest.approx(last["loss"] * tokens / math.log(2) / characters, abs=1e-5)


@pytest.mark.parametrize("prefix", ["visible", "causal"])
def test_a_decoder_translates(translating, prefix):
    folder = run(translating(model=DECODER | {"prefix": prefix}))
    assert {"loss", "bleu", "chrf"} <= set(records(folder, "valid")[0])
    translator = Translator.load(folder)
    lines = ["one two three", "four", "five six one two"]
    together = translator.translate(lines, n_best=2, attention=True)
    for line, t in zip(lines, together, strict=True):
        assert translator.translate([line])[0].text == t.text
        (found,) = translator.score([(line, t.text)])
        if tuple(found.tokens) == tuple(t.hypotheses[0][1].tokens):
            assert found.log_prob == pytest.approx(t.hypotheses[0][1].log_prob, abs=1e-3)
        assert t.hypotheses[0][1].attention is not None
    assert load_recipe(folder / "recipe.yaml").model.prefix == prefix


def test_pairs_and_text_are_learned_together(translating):
    folder = run(translating(data__train=[PAIRS, FRENCH | {"objective": "lm", "share": 0.3}]))
    assert len(Translator.load(folder).translate(["one two"])) == 1
    assert len(Generator.load(folder).generate([""], 3)[0]) == 3


def test_a_translator_s_decoder_begins_with_a_language_model(trained, toy_recipe):
    folder = run(toy_recipe(name="child", train__init_from=str(trained), tokenizer={}, train__average_best=0))
    assert Tokenizer.load(folder).fingerprint == Tokenizer.load(trained).fingerprint
    (init,) = records(folder, "init")
    fresh = {part: counts["fresh"] for part, counts in init["parts"].items()}
    assert (fresh["decoder"], fresh["embeddings"], fresh["output"]) == (0, 0, 0)
    assert min(fresh["encoder"], fresh["cross_attention"]) > 0
    taken = ckpt.find_checkpoint(folder, "0").tensors("model.safetensors")
    theirs = ckpt.find_checkpoint(trained, "best").tensors("model.safetensors")
    name = "decoder.0.self_attention.qkv.weight"
    assert torch.equal(taken[name], theirs[name])


def test_a_decoder_that_translates_begins_with_a_language_model(trained, translating):
    folder = run(translating(train__init_from=str(trained), tokenizer={}))
    (init,) = records(folder, "init")
    assert sum(counts["fresh"] for counts in init["parts"].values()) == 0


def test_parts_that_a_language_model_has_not_are_refused(trained, toy_recipe):
    with pytest.raises(RunError) as caught:
        run(toy_recipe(name="child", train__init_from={"run": str(trained), "parts": ["encoder"]}, tokenizer={}))
    assert caught.value.message == (
        f"`train.init_from: {trained}` is a model of another kind (decoder), of which `encoder` cannot be taken."
    )
    assert caught.value.hint == "Take of it: `train.init_from.parts: [embeddings, decoder, output]`."


def test_a_training_is_estimated_by_the_text_that_it_writes(of_text, tmp_path):
    from nmt.data.prepare import prepare
    from nmt.train.epochs import TrainingData
    from nmt.train.estimate import estimate

    recipe = of_text()
    folder = prepare(recipe)
    rows = dict(estimate(recipe, tmp_path / "toy.yaml")[1])
    epoch = TrainingData(folder, recipe, Tokenizer.load(folder), 4000).epoch(0)
    assert rows["steps an epoch"] == f"{len(epoch.updates):,}"


# --- what it draws, and how probable it finds text -------------------------------------------------------------------


def test_samples_follow_from_prompt_and_seed(trained):
    generator = Generator.load(trained, decode={"seed": 7})
    prompts = ["un deux", "", "trois", "你好 🐕"]
    found = generator.generate(prompts, 4)
    assert [len(samples) for samples in found] == [4] * 4
    assert found == generator.generate(prompts, 4)
    assert found[1] == generator.generate(["  "], 4)[0] == generator.generate([""], 4)[0]
    for prompt, samples in zip(prompts, found, strict=True):
        assert all(sample.startswith(prompt) for sample in samples)
    assert found != Generator.load(trained, decode={"seed": 8}).generate(prompts, 4)


def test_more_samples_than_are_drawn_at_once(trained):
    generator = Generator.load(trained)
    many = generator.generate([""], 230)[0]
    assert len(many) == 230
    assert many[:100] == generator.generate([""], 100)[0]
    assert many[:100] != many[100:200]


def test_a_cold_sample_is_the_most_probable_text(trained):
    generator = Generator.load(trained, decode={"temperature": 1e-3, "top_k": 1})
    assert len(set(generator.generate([""], 5)[0])) == 1


def test_scores_are_log_probabilities_that_sum_to_one(trained):
    generator = Generator.load(trained)
    lines = ["un deux", "trois", ""]
    found = generator.score(lines)
    assert [h.log_prob for h in found] == pytest.approx([sum(h.token_log_probs) for h in found])
    alone = [generator.score([line])[0].log_prob for line in lines]
    assert [h.log_prob for h in found] == pytest.approx(alone, abs=1e-4)
    assert len(found[2].token_log_probs) == 1  # `</s>` alone


# --- evaluating, showing ---------------------------------------------------------------------------------------------


def test_an_evaluation_is_what_the_validation_says(trained):
    evaluation = evaluate_language_model(trained, Generator.load(trained), ["valid"])
    best = ckpt.find_checkpoint(trained, "best").state.valid
    scores = evaluation.tests[0].scores
    assert scores["loss"] == pytest.approx(best["loss"], abs=1e-4)
    assert scores["bits_per_character"] == pytest.approx(best["bits_per_character"], abs=1e-4)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    assert evaluation.drawn.copied is not None and 0 < evaluation.drawn.copied < 1
    kept = read_results(trained)
    assert kept.scores["valid"]["loss"].score == scores["loss"]
    assert kept.drawn["distinct_2"] == evaluation.drawn.distinct
    assert list(evaluation.to_json()) == ["valid", "samples"]


def test_distinct_2_is_different_pairs_of_all():
    assert distinct_2(["A dog runs.", "a dog sits"]) == 3 / 4
    assert distinct_2(["dog", ""]) == 0


def test_a_run_is_shown_verified_and_reported(trained, capsys):
    evaluate_language_model(trained, Generator.load(trained))
    found = read_run(trained)
    assert found.row(0.0)[1] == "fr"
    details = dict(found.details())
    assert details["recipe"] == "lm, fr"
    assert details["model"].startswith("1 layers, ")
    assert "bits a character" in details["test test"]
    assert {f.result for f in verify_run(trained)} == {"ok"}
    page = build_report(trained)
    assert "A language model of fr, trained by nmt." in page
    assert "stand in its training text" in page
    assert "cannot be shown" not in page


def test_the_commands(trained, nmt, tmp_path):
    where = ["--run", str(trained)]
    code, out, err = nmt("generate", *where, "-n", "3", "--prompt", "un")
    assert (code, len(out.splitlines())) == (0, 3), err
    assert all(line.startswith("un") for line in out.splitlines())
    code, more, _ = nmt("generate", *where, "-n", "2", stdin=b"un\n\n")
    assert (code, len(more.splitlines())) == (0, 4)
    code, nothing, _ = nmt("generate", *where, "-n", "2")
    assert (code, nothing.splitlines()) == (0, more.splitlines()[2:])
    text = tmp_path / "text.fr"
    text.write_text("un deux\ntrois\n", encoding="utf-8")
    code, out, _ = nmt("score", *where, "--tgt", str(text), "--format", "jsonl")
    assert code == 0
    first = json.loads(out.splitlines()[0])
    assert first["text"] == "un deux"
    assert first["log_prob"] == pytest.approx(sum(first["log_probs"]), abs=1e-3)
    code, out, err = nmt("evaluate", *where, "--json")
    assert code == 0, err
    assert set(json.loads(out)["test"]) == {"lines", "loss", "perplexity", "bits_per_character"}


# --- what is refused -------------------------------------------------------------------------------------------------


def test_what_a_language_model_cannot_do_is_refused(trained, nmt):
    where = ["--run", str(trained)]
    said = f"✗ {trained} is a language model of fr: it draws and scores text, but cannot translate.\n"
    for command in (["translate", *where], ["export", *where], ["compare", str(trained), str(trained)]):
        code, out, err = nmt(*command, stdin=b"one\n")
        assert (code, out) == (2, "")
        assert err == f"{said}  Draw text: nmt generate --run {trained}\n"
    code, _, err = nmt("score", *where, "--src", "a", "--tgt", "b")
    assert (code, err) == (
        2, f"✗ `--src` is for translations, and {trained} is a language model.\n  Give `--tgt` alone.\n"
    )  # fmt: skip
    code, _, err = nmt("evaluate", *where, "--beam-size", "3")
    assert (code, err) == (
        2, f"✗ `--beam-size` is for translations; {trained} is a language model.\n"
        "  It is scored by loss, perplexity, bits a character and samples.\n",
    )  # fmt: skip


def test_what_a_translator_cannot_do_is_refused(translating, nmt, tmp_path):
    folder = run(translating())
    code, _, err = nmt("generate", "--run", str(folder))
    assert code == 2
    said = f"✗ {folder} translates en-fr, and draws no text of its own.\n"
    assert err == f"{said}  Translate: nmt translate --run {folder}\n"
    code, _, err = nmt("score", "--run", str(folder), "--tgt", "x")
    assert (code, err) == (2, f"✗ {folder} translates, and scores a translation by its source.\n  Give `--src` too.\n")
    code, _, err = nmt("export", "--run", str(folder))
    assert code == 2
    assert err == (
        f"✗ {folder} is a decoder alone, which cannot be exported to CTranslate2.\n"
        f"  It translates with our own engine: nmt translate --run {folder}\n"
    )


def test_what_restores_text_draws_none(toy_recipe, nmt):
    folder = run(toy_recipe(**DATA, objective="infill", train__average_best=0))
    with pytest.raises(RunError) as caught:
        Generator.load(folder)
    assert caught.value.message == f"{folder} has learned to restore text (infill), and draws none of its own."


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model": {}}, "toy: `objective: lm` is learned by a decoder: set `model.kind: decoder`."),
        (
            {"objective": "infill"},
            "toy: `objective: infill` is learned by an encoder_decoder: set `model.kind: encoder_decoder`.",
        ),
        (
            {"data__train": [PAIRS], "data__valid": {"source": "valid.en", "target": "valid.fr"}, "data__test": {}},
            "toy: `objective: lm` is learned from text of one language, and `data.train` has none: give `text` and "
            "`lang`.",
        ),
        ({"model": DECODER | {"num_encoder_layers": 2}}, "toy: `model`: `kind: decoder` has no `num_encoder_layers`."),
        ({"model": {"prefix": "causal"}}, "toy: `model`: `prefix` is for `kind: decoder`."),
        (
            {"model": DECODER | {"positions": "learned"}},
            "toy: `model`: `kind: decoder` counts source and target in one row: take `positions: mixed`, which "
            "has no end.",
        ),
        ({"objective": {"kind": "lm", "mask": 0.1}}, "toy: `objective`: `kind: lm` has no `mask`."),
    ],
)
def test_what_cannot_be_learned_is_refused(of_text, keys, message):
    with pytest.raises(RecipeError) as caught:
        of_text(**keys)
    assert str(caught.value.message) == message


def test_a_decoder_needs_one_vocabulary(translating):
    keys = {"tokenizer__shared": False, "model": DECODER | {"tie_embeddings": "target"}}
    with pytest.raises(RecipeError, match=r"toy: `model\.kind: decoder` needs `tokenizer\.shared: true`\."):
        translating(**keys)


def test_a_recipe_reads_back_as_equal(of_text, tmp_path):
    recipe = of_text()
    (tmp_path / "again.yaml").write_text(recipe.dump(), encoding="utf-8")
    assert load_recipe(tmp_path / "again.yaml") == recipe
    assert (recipe.model.prefix, recipe.train.metric) == ("visible", "loss")
