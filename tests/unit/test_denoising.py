"""Text of one language, from the file to a translator that begins with what was learned from it."""

import signal

import numpy as np
import pytest

from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.decode.translator import Translator
from nmt.errors import DataError, RecipeError, RunError
from nmt.run import checkpoint as ckpt
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.control import MASK, SENTINELS
from nmt.train.epochs import TrainingData
from tests.unit.test_trainer import records, run

ENGLISH, FRENCH = {"text": "train.en", "lang": "en"}, {"text": "train.fr", "lang": "fr"}
VALID = [{"text": "valid.en", "lang": "en"}, {"text": "valid.fr", "lang": "fr"}]
PAIRS = {"source": "train.en", "target": "train.fr"}


@pytest.fixture
def denoising(toy_recipe):
    """Makes recipes that learn from text of both languages, without translations."""

    def make(**keys):
        plain = {"data__train": [ENGLISH, FRENCH], "data__valid": VALID, "data__test": {}, "objective": "infill",
                 "train__average_best": 0, "name": "denoising"}  # fmt: skip
        return toy_recipe(**plain | keys)

    return make


@pytest.mark.parametrize("kind", ["infill", "mass", "spans"])
def test_an_objective_is_learned(denoising, kind):
    folder = run(denoising(objective=kind, train__max_steps=120, train__eval_every=60, train__log_every=30))
    first, last = (records(folder, "valid")[i] for i in (0, -1))
    assert set(first) & {"bleu", "chrf"} == set()
    assert last["loss"] < first["loss"]


def stop_after(monkeypatch, step):
    from nmt.train.trainer import Trainer

    plain = Trainer._step

    def stopping(self):
        plain(self)
        if self.state.step == step:
            self.signals.stop = signal.SIGTERM

    monkeypatch.setattr(Trainer, "_step", stopping)


def test_a_translator_begins_with_what_was_learned(denoising, toy_recipe):
    parent = run(denoising())
    child = toy_recipe(name="child", train__init_from=str(parent), tokenizer={}, train__average_best=0)
    folder = run(child)
    assert Tokenizer.load(folder).fingerprint == Tokenizer.load(parent).fingerprint
    (init,) = records(folder, "init")
    assert init["parts"]["encoder"]["fresh"] == 0
    assert len(Translator.load(folder).translate(["one two"])) == 1


def test_what_does_not_translate_says_so(denoising):
    folder = run(denoising())
    with pytest.raises(RunError) as caught:
        Translator.load(folder)
    assert caught.value.message == f"{folder} has learned to restore text (infill), not to translate."
    assert caught.value.hint == f"Begin a translator with its weights: `train.init_from: {folder}`."


def test_pairs_and_lines_are_learned_together(denoising):
    corpora = [PAIRS, FRENCH | {"share": 0.5, "objective": {"kind": "infill", "mask": 0.35}}]
    recipe = denoising(data__train=corpora, data__valid={"source": "valid.en", "target": "valid.fr"},
                       objective="translate", train__max_steps=12)  # fmt: skip
    folder = run(recipe)
    assert {"loss", "bleu", "chrf"} <= set(records(folder, "valid")[0])
    data = TrainingData(recipe.prepared_dir, recipe, Tokenizer.load(folder), 4000)
    epoch = data.epoch(0)
    drawn = epoch.sides.given is None and len(epoch.sides)
    tokens = epoch.sides.tgt.lengths + 1
    assert drawn
    assert tokens[:2000].sum() == pytest.approx(tokens[2000:].sum(), rel=0.02)  # half of them


# --- prepared data ---------------------------------------------------------------------------------------------------


def test_a_line_is_an_example_without_a_target(denoising):
    recipe = denoising()
    folder = prepare(recipe)
    train = PreparedSplit.open(folder, "train")
    assert set(train.examples.rows("tgt").tolist()) == {-1}
    lines = len(train.lines["en"])  # without those that the validation set has
    assert train.examples.rows("src").tolist() == [*range(lines), *range(len(train) - lines)]
    assert [(c.src, c.tgt) for c in Manifest.load(folder).corpora[:2]] == [("en", None), ("fr", None)]
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.decode([train.written[lines].tolist()])[0] == (recipe_lines(recipe, "train.fr"))[0]


def test_sentences_of_a_line_change_places(denoising, toy_text):
    """The same text with two lines on each: what is read is shuffled, what is written is the line."""
    objective = {"kind": "infill", "permute_sentences": True, "mask": 0}
    single = denoising(objective=objective)
    with pytest.raises(RecipeError) as caught:
        training_data(single)
    why = "denoising: `objective.permute_sentences`: no line of `data.train` has two sentences."
    assert caught.value.message == why
    lines = (toy_text / "train.en").read_text(encoding="utf-8").splitlines()
    stories = [f"{a}. {b}." for a, b in zip(lines[::2], lines[1::2], strict=True)]
    (toy_text / "stories.en").write_text("".join(f"{line}\n" for line in stories), encoding="utf-8")
    recipe = denoising(
        name="stories", objective=objective, data__train={"text": "stories.en", "lang": "en"}, data__valid=VALID[0]
    )
    data, tokenizer = training_data(recipe)
    sides = data.epoch(1).sides
    read, written = (tokenizer.decode([row.tolist() for row in side]) for side in (sides.src, sides.tgt))
    moved = [(a, b) for a, b in zip(read, written, strict=True) if a != b]
    assert 0.3 * len(written) < len(moved) < 0.7 * len(written)
    assert all(sorted(a.split()) == sorted(b.split()) for a, b in moved)


def training_data(recipe):
    folder = prepare(recipe)
    tokenizer = Tokenizer.load(folder)
    return TrainingData(folder, recipe, tokenizer, 1000), tokenizer


def recipe_lines(recipe, name):
    from pathlib import Path

    return (Path(recipe.data.root) / name).read_text(encoding="utf-8").splitlines()


def test_control_pieces_come_from_no_text(denoising):
    tokenizer = Tokenizer.load(prepare(denoising(objective="spans")))
    assert list(tokenizer.control) == SENTINELS
    assert min(tokenizer.control.values()) == 320
    for line in ("<x0>", "a <x1> b", "<mask>", "▁<x0>", "<x0", "<s> </s> <pad>"):
        ids = tokenizer.encode([line], "src")[0] + tokenizer.encode([line], "tgt")[0]
        assert not set(ids) & {0, 1, 2, 3, *tokenizer.control.values()}
    assert tokenizer.decode([tokenizer.encode(["a <x1> b"], "tgt")[0]]) == ["a <x1> b"]


def test_the_tokenizer_is_the_same_but_for_its_control_pieces(denoising):
    plain = Tokenizer.load(prepare(denoising(name="a")))
    assert plain.control == {MASK: 320}
    assert plain.with_control([MASK]).fingerprint == plain.fingerprint  # once is enough
    more = plain.with_control([MASK, "<x0>"])
    assert more.vocabulary("tgt") == [*plain.vocabulary("tgt"), "<x0>"]
    assert more.encode(["one two"], "src") == plain.encode(["one two"], "src")


def test_lines_of_the_validation_set_are_left_out(denoising, toy_text, tmp_path):
    for name in ("train.en", "train.fr", "valid.en", "valid.fr"):
        (tmp_path / name).write_bytes((toy_text / name).read_bytes())
    held = (tmp_path / "valid.fr").read_text(encoding="utf-8").splitlines()
    (tmp_path / "more.fr").write_text("\n".join(["un tout autre", *held, "  " + held[0].upper()]) + "\n", "utf-8")
    recipe = denoising(data__root=str(tmp_path), data__train=[{"text": "more.fr", "lang": "fr"}], tokenizer={})
    manifest = Manifest.load(prepare(recipe))
    assert manifest.splits["train"].examples == 1
    assert manifest.splits["train"].dropped == {"also in valid or a test": 21}


def test_what_is_taken_follows_from_the_text(denoising, toy_text, tmp_path):
    lines = [f"ligne {i}" for i in range(100)]
    (tmp_path / "a.fr").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "b.fr").write_text("\n".join(reversed(lines)) + "\n", "utf-8")
    for name in ("valid.en", "valid.fr"):
        (tmp_path / name).write_bytes((toy_text / name).read_bytes())

    def taken(name, number):
        corpus = {"text": name, "lang": "fr", "take": number}
        folder = prepare(
            denoising(name=f"{name}-{number}", data__root=str(tmp_path), data__train=[corpus], tokenizer={})
        )
        return set(Tokenizer.load(folder).decode([list(r) for r in PreparedSplit.open(folder, "train").written]))

    ten, fifty, again = taken("a.fr", 10), taken("a.fr", 50), taken("b.fr", 10)
    assert len(ten) == 10
    assert len(fifty) == 50
    assert ten == again < fifty
    with pytest.raises(DataError, match=r"`take: 101` asks for more than a\.fr can give: 100\."):
        taken("a.fr", 101)


def test_held_out_lines_are_held_out_of_both_kinds_of_text(denoising):
    recipe = denoising(data__train=[PAIRS, FRENCH | {"objective": "infill"}], data__valid={"holdout": 50},
                       objective="translate", data__filters={"drop_duplicates": True})  # fmt: skip
    folder = prepare(recipe)
    tokenizer = Tokenizer.load(folder)
    held = {text.lower() for text in PreparedSplit.open(folder, "valid").text("tgt")}
    train = PreparedSplit.open(folder, "train")
    alone = train.examples.take(np.flatnonzero(train.examples.corpus == 1))
    lines = tokenizer.decode([list(train.lines["fr"][i]) for i in alone.rows("src")])
    assert len(held) >= 40
    assert not held & {line.lower() for line in lines}


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"objective": "translate"},
            "toy: `data.train.0` is text of one language; say what is learned from it: `objective: infill`.",
        ),
        (
            {"data__train": PAIRS},
            "toy: `objective: infill` is learned from text of one language, and `data.train` has none: give `text` and "
            "`lang`.",
        ),
        (
            {"data__train": [PAIRS | {"objective": "mass"}]},
            "toy: `data.train.0`: `objective: mass` cannot be learned from it: it has `source` and `target`, not "
            "`text`.",
        ),
        (
            {"tokenizer__shared": False, "model__tie_embeddings": "target"},
            "toy: text of one language needs `tokenizer.shared: true`: it is both read and written.",
        ),
        ({"train__metric": "bleu"}, "toy: `train.metric: bleu` needs translations; what is trained has a `loss`."),
        (
            {"data__valid": {"source": "valid.en", "target": "valid.fr"}},
            "toy: `data.valid` has a target, but what is trained does not translate.",
        ),
        (
            {"data__train": [{"text": "train.en", "lang": "de"}]},
            "toy: `data`: `lang: de` is none of its languages, en and fr.",
        ),
        ({"data__train": [{"text": "train.en"}]}, "toy: `data.train.0`: a text corpus needs `lang`."),
        (
            {"data__train": [{"text": 1, "lang": "en"}]},
            "toy: `data.train.0`: `text` must be a file name; give `path` too if it is a column of a file.",
        ),
        (
            {"data__train": [ENGLISH | {"share": 0.6}, ENGLISH | {"share": 0.4}, FRENCH]},
            "toy: `data`: the shares of `train` come to 1, and nothing is left for the other corpora.",
        ),
        (
            {"data__valid": [VALID[0] | {"take": 5}]},
            "toy: `data`: `take` is a key of training text alone.",
        ),
        ({"objective": {"kind": "mass", "span": 3}}, "toy: `objective`: `kind: mass` has no `span`."),
        ({"objective": {"kind": "infill", "span": 0.1}}, "toy: `objective`: `span` must be at least 0.5."),
        (
            {"objective": "fill"},
            "toy: `objective` must be one of `translate`, `infill`, `mass`, `spans`, `mlm`, `lm`, but is 'fill'.",
        ),
    ],
)
def test_what_cannot_be_learned_is_refused(denoising, keys, message):
    with pytest.raises(RecipeError) as caught:
        denoising(**keys)
    assert str(caught.value.message) == message


def test_a_recipe_reads_back_as_equal(denoising, tmp_path):
    from nmt.recipe import load_recipe

    recipe = denoising()
    (tmp_path / "again.yaml").write_text(recipe.dump(), encoding="utf-8")
    assert load_recipe(tmp_path / "again.yaml") == recipe
    assert recipe.train.metric == "loss"


def test_a_run_folder_says_what_it_learned(denoising):
    folder = run(denoising())
    assert ckpt.find_checkpoint(folder, "best").state.valid.keys() == {"loss"}
