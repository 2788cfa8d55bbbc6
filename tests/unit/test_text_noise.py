"""`data.noise`: training pairs written otherwise, others in each epoch, the same anywhere."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.data.check import check_prepared, deciding_keys
from nmt.data.examples import Lines
from nmt.data.prepare import prepare
from nmt.data.text_noise import Pair, changed, with_typos, without_end
from nmt.errors import RecipeError, RunError
from nmt.evaluate import robustness
from nmt.recipe import Recipe
from nmt.tokenizer import Side, Tokenizer
from nmt.train.epochs import Epoch, TrainingData
from nmt.train.trainer import train

Toy = Callable[..., Recipe]
LINE = "Two young dogs run quickly through the deep white snow near Boston"


def data(recipe: Recipe, shares: int = 1) -> tuple[TrainingData, Tokenizer]:
    folder = prepare(recipe)
    tokenizer = Tokenizer.load(folder)
    return TrainingData(folder, recipe, tokenizer, 1000, shares), tokenizer


def texts(epoch: Epoch, tokenizer: Tokenizer) -> list[tuple[str, str]]:
    both: list[tuple[Lines, Side]] = [(epoch.sides.src, "src"), (epoch.sides.tgt, "tgt")]
    src, tgt = (tokenizer.decode([lines[i] for i in range(len(lines))], side) for lines, side in both)
    return list(zip(src, tgt, strict=True))


# --- one line --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("src", "tgt", "expected"),
    [
        ("A dog.", "Un chien.", ("A dog", "Un chien")),
        ("A dog?", "Un chien ?", ("A dog", "Un chien")),
        ("狗。", "Un chien.", ("狗", "Un chien")),
        ("A dog.", "Un chien !", None),
        ("A dog", "Un chien.", None),
        ("A dog...", "Un chien...", None),
        ("A dog?!", "Un chien ?!", None),
        (".", "Un chien.", None),
        ("", "", None),
    ],
)
def test_a_final_sign_goes_on_both_sides(src: str, tgt: str, expected: tuple[str, str] | None) -> None:
    assert without_end(src, tgt) == (expected or (src, tgt))


def kinds(*names: str) -> list[bool]:
    return [name in names for name in ("final_punctuation", "upper", "title", "typos")]


def test_what_is_written_otherwise() -> None:
    pair, rng = Pair("The man's dog runs.", "Le chien de l'homme court."), random.Random(1)
    assert changed(pair, kinds(), rng) == pair
    assert changed(pair, kinds("upper"), rng) == Pair("THE MAN'S DOG RUNS.", "LE CHIEN DE L'HOMME COURT.")
    assert changed(pair, kinds("title"), rng) == Pair("The Man's Dog Runs.", pair.tgt)
    both = changed(pair, kinds("upper", "final_punctuation"), rng)
    assert both == Pair("THE MAN'S DOG RUNS", "LE CHIEN DE L'HOMME COURT")
    mistyped = changed(pair, kinds("typos"), rng)
    assert mistyped.src != pair.src and mistyped.tgt == pair.tgt
    assert changed(Pair("iki", "ısı", ("tr", "tr")), kinds("upper"), rng).src == "İKİ"


def test_typos_are_in_an_eighth_of_the_words_and_unlike_those_that_are_tested() -> None:
    lines = [with_typos(LINE, random.Random(i)) for i in range(2000)]
    words = LINE.split()
    edits = sum(a != b for line in lines for a, b in zip(line.split(), words, strict=True))
    assert 0.11 < edits / (2000 * len(words)) < 0.18 and all(line != LINE for line in lines)
    own = {word for line in lines for word in line.split()} - set(words)
    tested = {word for i in range(2000) for word in robustness.with_typos(LINE, i).split()} - set(words)
    assert len(own - tested) > len(own) / 3


@given(st.text(), st.integers(0, 99))
def test_typos_are_seeded_and_small(line: str, seed: int) -> None:
    made = with_typos(line, random.Random(seed))
    assert made == with_typos(line, random.Random(seed)) and abs(len(made) - len(line)) <= max(1, len(line.split()) * 2)


def test_addresses_have_no_typos() -> None:
    line = "see https://example.org/page and <b>bold</b> words"
    for seed in range(50):
        made = with_typos(line, random.Random(seed))
        assert "https://example.org/page" in made and "<b>" in made and "</b>" in made


# --- an epoch --------------------------------------------------------------------------------------------------------


def test_without_noise_an_epoch_is_as_it_was(toy_recipe: Toy) -> None:
    plain, _ = data(toy_recipe())
    zeros, _ = data(toy_recipe(data__noise={"upper": 0, "typos": 0}))
    assert zeros.epoch(3).sides.src is zeros.split.lines["en"]  # the stored lines themselves
    for a, b in zip(plain.epoch(3).updates, zeros.epoch(3).updates, strict=True):
        assert [part.tolist() for part in a] == [part.tolist() for part in b]


def test_shares_of_the_pairs_are_changed_and_the_rest_is_not(toy_recipe: Toy) -> None:
    noisy, tokenizer = data(toy_recipe(data__noise={"upper": 0.1, "title": 0.1, "typos": 0.2}))
    before = texts(Epoch(data(toy_recipe())[0].epoch(0).sides, []), tokenizer)
    after = texts(noisy.epoch(0), tokenizer)
    loud = [src.isupper() and tgt.isupper() for src, tgt in after]
    capitals = [" ".join(word.capitalize() for word in src.split()) for src, _ in before]
    titled = [a[0] == b != c[0] for a, b, c in zip(after, capitals, before, strict=True)]
    same = [a == b for a, b in zip(after, before, strict=True)]
    assert 0.08 < np.mean(loud) < 0.12
    assert 0.05 < np.mean(titled) < 0.12
    assert 0.60 < np.mean(same) < 0.70  # 0.9 · 0.9 · 0.8 = 0.65
    assert all(tgt in (other, other.upper()) for (_, tgt), (_, other) in zip(after, before, strict=True))


def test_epochs_differ_and_come_again(toy_recipe: Toy) -> None:
    recipe = toy_recipe(data__noise={"typos": 0.3})
    (one, tokenizer), (other, _) = data(recipe), data(recipe, shares=4)
    first = texts(one.epoch(0), tokenizer)
    assert first != texts(one.epoch(1), tokenizer)
    assert texts(one.epoch(0), tokenizer) == first == texts(other.epoch(0), tokenizer)
    assert texts(data(toy_recipe(data__noise={"typos": 0.3}, seed=2))[0].epoch(0), tokenizer) != first


def test_noise_and_other_segmentations_go_together(toy_recipe: Toy) -> None:
    noise = {"data__noise": {"typos": 0.3, "upper": 0.1}}
    plain, tokenizer = data(toy_recipe(**noise))
    sampled, _ = data(toy_recipe(**noise, tokenizer__sampling=0.3))
    assert texts(plain.epoch(2), tokenizer) == texts(sampled.epoch(2), tokenizer)
    assert sampled.epoch(2).sides.src.lengths.sum() > plain.epoch(2).sides.src.lengths.sum()


def test_both_directions_of_a_pair_are_changed_apart(toy_recipe: Toy) -> None:
    files = {"files": {"en": "train.en", "fr": "train.fr"}}
    valid = {"files": {"en": "valid.en", "fr": "valid.fr"}}
    recipe = toy_recipe(
        data__directions=["en-fr", "fr-en"], data__train=files, data__valid=valid, data__test={},
        data__noise={"upper": 0.3},
    )  # fmt: skip
    noisy, tokenizer = data(recipe)
    after = texts(noisy.epoch(0), tokenizer)
    half = len(after) // 2
    loud = [tgt.isupper() for _, tgt in after]
    assert 0.25 < np.mean(loud[:half]) < 0.35 and 0.25 < np.mean(loud[half:]) < 0.35
    assert loud[:half] != loud[half:]


# --- a recipe --------------------------------------------------------------------------------------------------------


def test_prepared_data_serve_with_and_without(toy_recipe: Toy) -> None:
    plain, noisy = toy_recipe(), toy_recipe(data__noise={"typos": 0.1})
    assert deciding_keys(plain) == deciding_keys(noisy)
    prepare(plain)
    assert check_prepared(noisy)


def test_it_is_for_translations(toy_recipe: Toy) -> None:
    text = [{"text": "train.en", "lang": "en"}]
    with pytest.raises(RecipeError, match=r"`data\.noise` is for pairs of a line and its translation"):
        toy_recipe(data__train=text, data__valid=text, data__test={}, objective="infill", data__noise={"typos": 0.1})
    with pytest.raises(RecipeError, match=r"noise\.typo"):
        toy_recipe(data__noise={"typo": 0.1})


def test_positions_must_have_no_end(toy_recipe: Toy) -> None:
    recipe = toy_recipe(data__noise={"upper": 0.1}, model__positions="learned", model__max_positions=64)
    with pytest.raises(RunError, match=r"`data\.noise` makes sentences longer than `model\.positions: learned`"):
        train(recipe, prepare(recipe), "nmt train")
