"""Replay: a child learns again from the pairs that its parent learned from, and from none that it held out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmt.data.check import check_inputs, check_prepared
from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.errors import DataError, Interrupted, RecipeError, RunError
from nmt.files import describe_file
from nmt.recipe import Recipe, load_recipe, make_recipe
from nmt.recipe.directions import Direction
from nmt.run.verify import verify_run
from nmt.tokenizer import Tokenizer
from nmt.train.epochs import TrainingData
from nmt.train.estimate import estimate
from nmt.train.settle import counts_of
from nmt.train.start import make_self_sufficient
from nmt.train.trainer import train
from tests.unit.test_denoising import stop_after
from tests.unit.test_trainer import last_bytes

ENGLISH = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]
OTHER = ["喝", "茶", "قهوة", "éta", "zêta", "œuvre", "🍵", "naïve", "iota", "ｶﾅ"]


def pairs(number: int, seed: int, words: int = 10) -> list[tuple[str, str]]:
    """Different sentences, and translations, some of which are told in two ways."""
    rng = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < number:
        row = rng.integers(0, words, rng.integers(2, 7))
        found[" ".join(ENGLISH[i] for i in row)] = " ".join(OTHER[i] for i in row)
    twice = [(src, f"{tgt} !") for src, tgt in list(found.items())[:20]]
    return [*found.items(), *twice]


def write(folder: Path, stem: str, text: list[tuple[str, str]], languages: tuple[str, str] = ("en", "fr")) -> None:
    for side, language in enumerate(languages):
        (folder / f"{stem}.{language}").write_text("".join(f"{pair[side]}\n" for pair in text), "utf-8")


def become_run(recipe: Recipe) -> Path:
    """A run folder as a training makes it, without weights."""
    folder = prepare(recipe)
    recipe.run_dir.mkdir(parents=True)
    make_self_sufficient(recipe.run_dir, recipe, folder, Tokenizer.load(folder))
    return recipe.run_dir


Make = Callable[..., Recipe]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes recipes: keyword arguments are keys of `data`, or, with `__`, of another section."""

    def recipe(name: str, **keys: Any) -> Recipe:
        values: dict[str, Any] = {
            "name": name,
            "data": {"source_lang": "en", "target_lang": "fr", "root": str(tmp_path),
                     "prepared_dir": str(tmp_path / "prepared")},
            "tokenizer": {"vocab_size": 340},
            "model": {"d_model": 16, "d_ff": 32, "num_heads": 2, "num_encoder_layers": 1, "num_decoder_layers": 1},
            "train": {"max_steps": 4, "batch_tokens": 200, "eval_every": 2, "threads": 1,
                      "runs_dir": str(tmp_path / "runs")},
            "decode": {"beam_size": 1, "max_len_extra": 2},
        }  # fmt: skip
        for key, value in keys.items():
            section, _, own = key.rpartition("__")
            values[section or "data"][own] = value
        values["data"] = {k: v for k, v in values["data"].items() if v is not None}
        return make_recipe(values, name)

    return recipe


@pytest.fixture
def old(tmp_path: Path) -> list[tuple[str, str]]:
    """The parent's text: 220 pairs, and two that it filters."""
    text = pairs(200, 1)
    write(tmp_path, "old", [*text, ("iota", "iota " * 60), text[50]])
    return text


@pytest.fixture
def parent(make: Make, old: list[tuple[str, str]]) -> Path:
    return become_run(make("parent", train={"source": "old.en", "target": "old.fr"}, valid={"holdout": 30},
                           test={"t": {"holdout": 25}}))  # fmt: skip


@pytest.fixture
def child(make: Make, parent: Path, tmp_path: Path) -> Make:
    write(tmp_path, "new", pairs(120, 2, words=4))
    own = {"source": "new.en", "target": "new.fr"}

    def recipe(replay: dict[str, Any] | None = None, **keys: Any) -> Recipe:
        replayed = {"run": str(parent), "share": 0.25} | (replay or {})
        return make("child", **{"train": [own, replayed], "valid": {"holdout": 10}} | keys)

    return recipe


def text_of(folder: Path, split: str, corpus: int) -> list[tuple[str, str]]:
    """What a corpus of prepared data gives a split, decoded."""
    opened, tokenizer = PreparedSplit.open(folder, split), Tokenizer.load(folder)
    rows = np.flatnonzero(opened.examples.corpus == corpus).tolist()
    sources = tokenizer.decode([opened.src[i] for i in rows], "src")
    return list(zip(sources, tokenizer.decode([opened.tgt[i] for i in rows], "tgt"), strict=True))


def normal(text: list[tuple[str, str]], folder: Path) -> list[tuple[str, str]]:
    """As the tokenizer writes it."""
    tokenizer = Tokenizer.load(folder)
    src, tgt = zip(*text, strict=True)
    sources = tokenizer.decode(tokenizer.encode(src, "src"), "src")
    return list(zip(sources, tokenizer.decode(tokenizer.encode(tgt, "tgt"), "tgt"), strict=True))


def test_it_learns_what_the_parent_learned_and_nothing_that_it_held_out(
    child: Make, parent: Path, old: list[tuple[str, str]]
) -> None:
    theirs = load_recipe(parent / "recipe.yaml").prepared_dir
    folder = prepare(child())
    replayed = text_of(folder, "train", 1)
    held_out = [pair for split in ("valid", "t")
                for pair in zip(*(PreparedSplit.open(theirs, split).text(side) for side in ("src", "tgt")),
                                strict=True)]  # fmt: skip
    assert len(held_out) == 55
    assert not {src for src, _ in replayed} & {src for src, _ in normal(held_out, folder)}
    assert not {tgt for _, tgt in replayed} & {tgt for _, tgt in normal(held_out, folder)}
    its_own = {src for src, _ in text_of(folder, "valid", 0)}  # which the child holds out itself
    learned = [(src, tgt) for src, tgt in old if (src, tgt) not in held_out and src not in its_own]
    repeated = set(text_of(folder, "train", 0))  # in the child's own text, too: learned from there
    assert sorted(replayed) == sorted(set(normal(learned, folder)) - repeated)
    # A user who names the file trains on them
    named = prepare(child({"run": None, "share": None, "source": "old.en", "target": "old.fr"}, prepared_dir=str(
        folder.parent / "named")))  # fmt: skip
    assert {src for src, _ in text_of(named, "train", 1)} & {src for src, _ in normal(held_out, named)}


def test_the_child_holds_out_of_its_own_text_alone(child: Make, old: list[tuple[str, str]]) -> None:
    folder = prepare(child(valid={"holdout": 60}))
    assert len(text_of(folder, "valid", 0)) == 60
    assert text_of(folder, "valid", 1) == []
    # What both have is held out of both
    held_out = {src for src, _ in text_of(folder, "valid", 0)}
    assert held_out & {src for src, _ in normal(old, folder)}
    assert not held_out & {src for src, _ in text_of(folder, "train", 1)}


def test_an_epoch_has_its_share(child: Make) -> None:
    recipe = child()
    data = TrainingData(prepare(recipe), recipe, Tokenizer.load(recipe.prepared_dir), 1000)
    first, second = (data.epoch(n) for n in range(2))
    plain = child({"share": None})
    every = TrainingData(plain.prepared_dir, plain, Tokenizer.load(plain.prepared_dir), 1000)
    examples = data.split.examples
    own = int((data.split.tgt.lengths + 1)[np.flatnonzero(examples.corpus == 0)].sum())
    assert first.num_tokens == pytest.approx(own / 0.75, rel=0.05)
    assert second.num_tokens == pytest.approx(own / 0.75, rel=0.05)
    assert len(every.epoch(0).sides) == len(examples)


def test_it_says_where_the_text_came_from(child: Make, parent: Path) -> None:
    recipe = child()
    folder = prepare(recipe)
    manifest, theirs = Manifest.load(folder), Manifest.load(parent)
    replayed = manifest.corpora[1]
    assert (replayed.name, replayed.src, replayed.tgt) == (str(parent), "en", "fr")
    assert replayed.read == theirs.splits["train"].examples
    name = str(parent / "manifest.json")
    assert manifest.inputs[name].sha256 == describe_file(parent / "manifest.json").sha256
    assert make_recipe(load_yaml(recipe), "again") == recipe
    check_inputs(recipe, check_prepared(recipe), None)
    (parent / "manifest.json").write_text("{}")
    with pytest.raises(RunError) as caught:
        check_inputs(recipe, check_prepared(recipe), "child.yaml")
    assert caught.value.message == f"{name} has changed since {folder} was prepared from it."


def load_yaml(recipe: Recipe) -> dict[str, Any]:
    import yaml

    values = yaml.safe_load(recipe.dump())
    assert values["data"]["train"][1]["directions"] == ["en-fr"]
    return dict(values)


def test_once_prepared_the_parent_may_be_gone(child: Make, parent: Path) -> None:
    recipe = child(train__runs_dir=str(parent.parent / "of-child"))
    folder = prepare(recipe)
    shutil.rmtree(parent)
    shutil.rmtree(folder.with_name("parent"))
    run = train(recipe, folder, "nmt train child.yaml")
    assert load_recipe(run / "recipe.yaml").data == recipe.data


def test_its_cost_is_told_before_preparing(child: Make, parent: Path) -> None:
    _, rows = estimate(child(), Path("child.yaml"))
    learned = Manifest.load(parent).splits["train"].examples
    assert dict(rows)["training pairs"] == f"{140 + learned - 10:,}, before filters"


@pytest.mark.parametrize(
    ("replay", "keys", "message"),
    [
        ({"run": "runs/none"}, {}, "child: `data.train.1.run: runs/none` is not a run folder."),
        ({}, {"target_lang": "de"},
         "child: `data`: `run: {parent}` learned en-fr, but the recipe en-de: nothing can be replayed."),
        ({}, {"source_lang": "fr", "target_lang": "en"},
         "child: `data`: `run: {parent}` learned en-fr, but the recipe fr-en: nothing can be replayed."),
        ({"path": "a.tsv"}, {}, "child: `data.train.1`: a run corpus has no `path`."),
        ({"objective": "infill"}, {},
         "child: `data.train.1`: `objective: infill` cannot be learned from it: it has `source` and `target`, not "
         "`text`."),
        ({}, {"valid": {"run": "{parent}"}}, "child: `data`: `run` is a key of training text alone."),
    ],
)  # fmt: skip
def test_what_cannot_be_replayed_is_refused(
    child: Make, parent: Path, replay: dict[str, Any], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        child(replay, **keys)
    assert caught.value.message == message.replace("{parent}", str(parent))


def test_a_parent_without_pairs_is_refused(make: Make, child: Make, parent: Path) -> None:
    alone = {"text": "old.en", "lang": "en", "objective": "infill"}
    other = become_run(make("alone", train=alone, valid={"holdout": 10}))
    with pytest.raises(RecipeError) as caught:
        child({"run": str(other)})
    assert caught.value.message == (
        f"child: `data.train.1.run: {other}` has learned no pairs; there is nothing to replay."
    )


def test_text_that_is_gone_or_another_is_refused(make: Make, child: Make, parent: Path, tmp_path: Path) -> None:
    recipe, theirs = child(), load_recipe(parent / "recipe.yaml")
    folder = theirs.prepared_dir
    shutil.copytree(folder, tmp_path / "kept")
    shutil.rmtree(folder)
    with pytest.raises(RunError) as caught:
        prepare(recipe)
    assert caught.value.message == f"the text of {parent} is not in {folder}: its prepared data are gone."
    assert caught.value.hint == f"Run: nmt prepare {parent}/recipe.yaml"
    write(tmp_path, "old", pairs(190, 5))
    prepare(theirs)
    with pytest.raises(RunError) as caught:
        prepare(recipe)
    assert caught.value.message == (
        f"{folder} holds other text than {parent} was trained with; it was prepared anew since."
    )
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", folder)
    ids = bytearray((folder / "train.en.u16").read_bytes())
    ids[10] ^= 1
    (folder / "train.en.u16").write_bytes(ids)
    with pytest.raises(RunError) as caught:
        prepare(recipe)
    assert caught.value.message == f"{folder}/train.en.u16 is damaged: its checksum is another."
    shutil.rmtree(parent)
    with pytest.raises(RunError) as caught:
        prepare(recipe)
    assert caught.value.message == f"`data.train.run: {parent}` is not a run folder."


def test_fields_and_turns_are_replayed_as_they_were(make: Make, tmp_path: Path) -> None:
    def rows(name: str, seed: int) -> list[tuple[str, str, str]]:
        text = [(src, other, tgt) for (src, tgt), (other, _) in
                zip(pairs(60, seed), pairs(60, seed + 1), strict=True)]  # fmt: skip
        (tmp_path / name).write_text("".join("\t".join(row) + "\n" for row in text), "utf-8")
        return text

    text, _ = rows("old.tsv", 1), rows("new.tsv", 7)
    fields = {"source": [0, 1], "target": 2}
    run = become_run(make("parent", train={"path": "old.tsv", **fields}, valid={"holdout": 5}))
    replay = {"run": str(run), "share": 0.5}
    child = make("child", train=[{"path": "new.tsv", **fields}, replay], valid={"holdout": 5})
    folder, theirs = prepare(child), load_recipe(run / "recipe.yaml").prepared_dir
    split, tokenizer = PreparedSplit.open(folder, "train"), Tokenizer.load(folder)
    again = [split.src[i].tolist() for i in np.flatnonzero(split.examples.corpus == 1).tolist()]
    held_out = PreparedSplit.open(theirs, "valid").text("src")
    wanted = [line for line in ("\t".join(row[:2]) for row in text) if line not in held_out]
    assert sorted(again) == sorted(tokenizer.encode(wanted, "src"))
    other = make("other", train=[{"path": "new.tsv", "source": 0, "target": 2}, replay], valid={"holdout": 5})
    with pytest.raises(DataError) as caught:
        prepare(other)
    assert caught.value.message == f"`data.train.run: {run}` has sources of 2 fields, but the recipe one field."


def test_of_several_directions_those_are_replayed_that_both_have(make: Make, tmp_path: Path) -> None:
    for stem, seed in (("old", 1), ("new", 3)):
        write(tmp_path, stem, pairs(80, seed))
        write(tmp_path, stem, [(tgt.upper(), tgt) for _, tgt in pairs(80, seed)], ("de", "fr"))

    def table(stem: str, languages: str = "en fr de") -> dict[str, Any]:
        return {"files": {name: f"{stem}.{name}" for name in languages.split()}}

    plain = {"source_lang": None, "target_lang": None}
    run = become_run(make("parent", train=table("old"), valid={"holdout": 8}, directions=["en-fr", "fr-en", "de-en"],
                          **plain))  # fmt: skip
    replay = {"run": str(run), "share": 0.25}
    recipe = make("child", train=[table("new"), replay], valid={"holdout": 8}, directions=["fr-en", "de-fr", "de-en"],
                  **plain)  # fmt: skip
    folder = prepare(recipe)
    manifest = Manifest.load(folder)
    replayed = [c for c in manifest.corpora if c.name == str(run)]
    assert {Direction(c.src, c.tgt) for c in replayed} == {Direction("fr", "en"), Direction("de", "en")}
    theirs = load_recipe(run / "recipe.yaml").prepared_dir
    held_out = {PreparedSplit.open(theirs, "valid").folder / f"valid.{name}.txt" for name in ("en", "fr", "de")}
    never = {line for path in held_out for line in path.read_text("utf-8").splitlines()}
    numbers = [n for n, c in enumerate(manifest.corpora) if c.name == str(run)]
    learned = [pair for n in numbers for pair in text_of(folder, "train", n)]
    assert learned
    assert not never & {line for pair in learned for line in pair}
    data = TrainingData(folder, recipe, Tokenizer.load(folder), 1000)
    lengths, corpus = data.split.tgt.lengths + 1, data.split.examples.corpus
    own = int(lengths[~np.isin(corpus, numbers)].sum())
    assert data.epoch(0).num_tokens == pytest.approx(own / 0.75, rel=0.05)


def test_killed_and_begun_again_it_ends_with_the_same_bytes(child, monkeypatch, tmp_path):
    keys = {"tokenizer__sampling": 0.1, "train__save_every": 3, "train__average_best": 0}
    whole = train(child(**keys), prepare(child(**keys)), "nmt train child.yaml")
    broken = child(**keys, train__runs_dir=str(tmp_path / "broken"))
    stop_after(monkeypatch, 3)
    with pytest.raises(Interrupted):
        train(broken, broken.prepared_dir, "nmt train child.yaml")
    monkeypatch.undo()
    resumed = train(broken, broken.prepared_dir, "nmt train child.yaml")
    assert last_bytes(resumed) == last_bytes(whole)
    assert {finding.result for finding in verify_run(resumed)} == {"ok"}
    more = child({"share": 0.5}, **keys)
    with pytest.raises(RunError) as caught:
        train(more, more.prepared_dir, "nmt train child.yaml")
    assert caught.value.message == f"{whole} was begun with `data.train.1.share: 0.25`, but the recipe says 0.5."


def test_what_follows_from_the_text_goes_by_what_an_epoch_has(child: Make) -> None:
    def told(recipe: Recipe) -> int:
        row = dict(estimate(recipe, Path("child.yaml"))[1])["target tokens an epoch"]
        return int(row.removeprefix("about ").replace(",", ""))

    recipe, every = child(), child({"share": None})
    guesses = [told(r) for r in (recipe, every)]  # from characters: nothing is prepared yet
    folder = prepare(recipe)
    tokens = [TrainingData(folder, r, Tokenizer.load(folder), 1000).epoch(0).num_tokens for r in (recipe, every)]
    assert told(every) == tokens[1]
    assert told(recipe) == pytest.approx(tokens[0], rel=0.05)
    assert guesses[0] / guesses[1] == pytest.approx(tokens[0] / tokens[1], rel=0.25)  # before anything is held out
    assert counts_of(recipe, Manifest.load(folder)).target_tokens == told(recipe)
