"""Several languages in one recipe: what is refused, read, stored, held out, drawn and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from nmt.data.batches import collate
from nmt.data.examples import Examples
from nmt.data.manifest import Manifest
from nmt.data.mixing import mix
from nmt.data.prepare import prepare
from nmt.data.sides import Tagged
from nmt.data.sources import learned, sources_of, vocabularies
from nmt.data.store import PreparedSplit
from nmt.data.tags import NOTHING, Tags, tags_between, tags_of
from nmt.decode.beam import Search, beam_search
from nmt.decode.constrained import constrained_search
from nmt.decode.routes import NoRouteError, Route, choose
from nmt.decode.sampling import noise_of, sample
from nmt.errors import DataError, RecipeError
from nmt.recipe import ObjectiveSection, Recipe, load_recipe, make_recipe
from nmt.recipe.directions import Direction
from nmt.tokenizer import BOS_ID, EOS_ID, RaggedIds

WORDS = {"aa": "abcd", "bb": "pqrs", "cc": "wxyz"}
FOUR = ["aa-bb", "aa-cc", "bb-aa", "cc-aa"]


def lines(language: str, number: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(WORDS[language][i] for i in rng.integers(0, 4, rng.integers(2, 6))) for _ in range(number)]


def table(split: str) -> dict[str, Any]:
    return {"files": {language: f"{split}.{language}" for language in WORDS}}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Recipe]:
    """Makes recipes of a table of three languages; keyword arguments are keys of `data`, or sections."""
    for split, number, seed in (("train", 200, 1), ("valid", 6, 2), ("test", 5, 3)):
        for language in WORDS:
            text = "".join(f"{line}\n" for line in lines(language, number, seed))
            (tmp_path / f"{split}.{language}").write_text(text, encoding="utf-8")

    def recipe(sections: dict[str, Any] | None = None, **data: Any) -> Recipe:
        values = {
            "root": str(tmp_path), "prepared_dir": str(tmp_path / "prepared"), "train": table("train"),
            "valid": table("valid"), "test": {"t": table("test")}, "directions": FOUR, "zero_shot": ["bb-cc", "cc-bb"],
            "filters": {"drop_duplicates": False},
        }  # fmt: skip
        return make_recipe({
            "name": "toy", "data": {k: v for k, v in (values | data).items() if v is not None},
            "train": {"max_steps": 2},
        } | (sections or {}), "toy")  # fmt: skip

    return recipe


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"directions": None, "zero_shot": None}, "toy: `data.source_lang` is missing."),
        ({"directions": ["aa-xx"]},
         "toy: `data`: `directions` has `aa-xx`, but must name two of its languages, aa, bb, cc."),
        ({"directions": ["aa-aa"]},
         "toy: `data`: `directions` has `aa-aa`, but must name two of its languages, aa, bb, cc."),
        ({"zero_shot": ["aa-bb"]}, "toy: `data`: `aa-bb` is there twice, in `directions` or `zero_shot`."),
        ({"train": {"files": {"aa": "train.aa", "bb": "train.bb"}}},
         "toy: `data`: no corpus of `train` has both languages of the direction `aa-cc`."),
        ({"valid": {"files": {"aa": "valid.aa", "bb": "valid.bb"}}},
         "toy: `data`: no corpus of `valid` has both languages of the direction `aa-cc`."),
        ({"test": {"t": {"files": {"bb": "b", "cc": "c"}}}, "zero_shot": []},
         "toy: `data`: `test.t` has the languages bb, cc, between which nothing is translated."),
        ({"train": {"files": {"aa": "train.aa"}}},
         "toy: `data.train.0`: `files` must name two files or more, each of them once, by their languages."),
        ({"train": [table("train"), {"source": "a", "target": "b"}]},
         "toy: `data`: a corpus with `source` and `target` needs `source_lang` and `target_lang`; or give "
         "`files: {en: …, fr: …}`."),
        ({"temperature": 0.5}, "toy: `data.temperature` must be at least 1, but is 0.5."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make: Callable[..., Recipe], keys: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError) as e:
        make(**keys)
    assert message in e.value.message.replace("`data.train`: `files`", "`data.train.0`: `files`")


def test_languages_need_one_vocabulary_and_a_metric_a_direction_that_there_is(make: Callable[..., Recipe]) -> None:
    with pytest.raises(RecipeError, match=r"several directions need `tokenizer.shared: true`"):
        make({"tokenizer": {"shared": False}, "model": {"tie_embeddings": "target"}})
    assert make({"train": {"max_steps": 2, "metric": "chrf:bb-cc"}}).train.metric == "chrf:bb-cc"
    with pytest.raises(RecipeError, match=r"`train.metric: bleu:bb-xx` names no direction that is validated: aa-bb, "):
        make({"train": {"max_steps": 2, "metric": "bleu:bb-xx"}})


def test_a_recipe_of_languages_reads_back_as_equal(make: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = make(temperature=float("inf"), tags="both")
    (tmp_path / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_a_child_run_tells_languages_as_its_parent_does(make: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "parent").mkdir()
    (tmp_path / "parent" / "recipe.yaml").write_text(make(tags="target").dump(), encoding="utf-8")
    sections = {"train": {"max_steps": 2, "init_from": str(tmp_path / "parent")}, "tokenizer": {}}
    child = make(sections, directions=["aa-bb"], zero_shot=[])
    assert (child.data.tagging, tags_of(child.data)) == ("target", ["<2bb>"])
    with pytest.raises(RecipeError, match=r"toy: `data.tags: both`, but .*parent, which it begins with, has `tags: ta"):
        make(sections, tags="both")


def test_each_language_is_read_as_new_once(make: Callable[..., Recipe]) -> None:
    found = sources_of(make().data)
    assert [(s.lines, s.new, [str(d) for d in s.directions]) for s in found["train"]] == [
        (("aa", "bb"), ("src", "tgt"), ["aa-bb", "bb-aa"]), (("aa", "cc"), ("tgt",), ["aa-cc", "cc-aa"]),
    ]  # fmt: skip
    assert [(s.lines, s.new) for s in found["t"]] == [
        (("aa", "bb"), ("src", "tgt")), (("aa", "cc"), ("tgt",)), (("bb", "cc"), ()),
    ]  # fmt: skip
    assert vocabularies(make(directions=["aa-bb"], zero_shot=[]).data) == {"aa": "src", "bb": "tgt"}


def test_lines_are_stored_once_and_examples_are_of_every_trained_direction(make: Callable[..., Recipe]) -> None:
    recipe = make()
    folder = prepare(recipe, processes=1)
    manifest = Manifest.load(folder)
    assert manifest.splits["train"].lines == {"aa": 200, "bb": 200, "cc": 200}
    size = manifest.tokenizer.src_vocab_size
    assert manifest.tags == {"<2bb>": size - 3, "<2cc>": size - 2, "<2aa>": size - 1}
    train, test = (PreparedSplit.open(folder, name) for name in ("train", "t"))
    assert [str(train.directions[c]) for c in train.examples.corpora] == ["aa-bb", "bb-aa", "aa-cc", "cc-aa"]
    for row in range(200):  # the same row on both sides
        assert train.examples.rows("src")[row] == train.examples.rows("tgt")[row]
    for direction in ("aa-bb", "cc-bb"):  # also what is not trained
        src, tgt = direction.split("-")
        own = test.between([Direction(src, tgt)])
        assert (own.text("src"), own.text("tgt")) == (lines(src, 5, 3), lines(tgt, 5, 3))


def test_text_never_becomes_a_tag(make: Callable[..., Recipe], tmp_path: Path) -> None:
    (tmp_path / "train.aa").write_text("<2bb> a b\n" * 200, encoding="utf-8")
    folder = prepare(make(), processes=1)
    tags = set(Manifest.load(folder).tags.values())
    assert not tags & set(np.unique(PreparedSplit.open(folder, "train").lines["aa"].ids).tolist())


def test_what_is_held_out_is_held_out_in_every_language(make: Callable[..., Recipe], tmp_path: Path) -> None:
    more = {"files": {"bb": "more.bb", "aa": "more.aa"}}  # in which lines of the table come again, beside others
    (tmp_path / "more.bb").write_text("".join(f"{line}\n" for line in lines("bb", 200, 1)), encoding="utf-8")
    (tmp_path / "more.aa").write_text("".join(f"{line}\n" for line in lines("aa", 200, 9)), encoding="utf-8")
    folder = prepare(make(train=[table("train"), more], valid={"holdout": 20}, test={}), processes=1)
    valid, train = (PreparedSplit.open(folder, name) for name in ("valid", "train"))
    assert len(valid.lines["aa"]) >= 20
    assert {str(valid.directions[c]) for c in valid.examples.corpora} == {*FOUR, "bb-cc", "cc-bb"}
    for language in WORDS:
        held_out = {tuple(row) for row in valid.lines[language]}
        assert not held_out & {tuple(row) for row in train.lines[language]}


def test_a_table_takes_the_same_lines_of_all_languages(make: Callable[..., Recipe]) -> None:
    folder = prepare(make(train={**table("train"), "take": 30}), processes=1)
    assert Manifest.load(folder).splits["train"].lines == {"aa": 30, "bb": 30, "cc": 30}
    assert len(PreparedSplit.open(folder, "train")) == 120


def test_a_blank_line_is_left_out_of_its_own_language_alone(make: Callable[..., Recipe], tmp_path: Path) -> None:
    text = lines("cc", 200, 1)
    (tmp_path / "train.cc").write_text("".join(f"{line}\n" for line in ["", *text[1:]]), encoding="utf-8")
    folder = prepare(make(), processes=1)
    assert Manifest.load(folder).splits["train"].lines == {"aa": 200, "bb": 200, "cc": 199}


@pytest.mark.parametrize("short", ["aa", "cc"])
@pytest.mark.parametrize("directions", [["aa-bb", "aa-cc"], ["aa-bb", "cc-bb"], ["aa-bb", "bb-cc", "cc-aa"]])
def test_a_table_of_unequal_files_is_refused_in_a_line(
    make: Callable[..., Recipe], tmp_path: Path, directions: list[str], short: str
) -> None:
    (tmp_path / f"train.{short}").write_text("w\n" * 199, encoding="utf-8")
    with pytest.raises(DataError) as e:
        prepare(make(directions=directions, zero_shot=[]), processes=1)
    others = ", ".join(f"train.{name}" for name in WORDS if name != short)
    assert str(e.value) == (
        f"train.{short} has 199 lines, but {others} 200; line n of one file of a table must translate line n of all "
        "others."
    )


def one_file(tmp_path: Path, split: str, suffix: str, header: bool) -> dict[str, Any]:
    """The table of a split in one file, and what a recipe says of it."""
    columns = [(tmp_path / f"{split}.{name}").read_text("utf-8").splitlines() for name in WORDS]
    path, by = tmp_path / f"{split}.{suffix}", "\t" if suffix == "tsv" else ","
    rows = [by.join(row) for row in zip(*columns, strict=True)]
    if suffix == "jsonl":
        rows = [json.dumps(dict(zip(WORDS, row, strict=True))) for row in zip(*columns, strict=True)]
    path.write_text("".join(f"{row}\n" for row in [by.join(WORDS)] * header + rows), encoding="utf-8")
    named = header or suffix == "jsonl"
    return {"path": path.name, "columns": {name: name if named else i for i, name in enumerate(WORDS)}}


@pytest.mark.parametrize(("suffix", "header"), [("tsv", False), ("tsv", True), ("csv", True), ("jsonl", False)])
def test_a_table_in_one_file_is_that_of_several(
    make: Callable[..., Recipe], tmp_path: Path, suffix: str, header: bool
) -> None:
    several = prepare(make(), processes=1)
    wanted = {path.name: path.read_bytes() for path in several.iterdir() if path.name != "manifest.json"}
    keys = {name: one_file(tmp_path, name, suffix, header) for name in ("train", "valid", "test")}
    one = make(train=keys["train"], valid=keys["valid"], test={"t": keys["test"]}, prepared_dir=str(tmp_path / "one"))
    folder = prepare(one, processes=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"} == wanted
    assert make_recipe(yaml.safe_load(one.dump()), "again") == one


@pytest.mark.parametrize(
    ("corpus", "said"),
    [
        ({"columns": {"aa": 0, "bb": 1, "cc": 2}}, "a text corpus needs `path`"),
        ({"path": "t.tsv", "columns": {"aa": 0}}, "`columns` must name two columns or more, each of them once, by"),
        (
            {"path": "t.tsv", "columns": {"aa": 0, "bb": 0}},
            "`columns` must name two columns or more, each of them once",
        ),
        ({"path": "t.tsv", "columns": {"aa": 0, "bb": "x"}}, "`columns` has names and numbers of columns; give names"),
        ({"path": "t.tsv", "columns": {"aa": 0, "bb": 1}, "source": 0}, "a table corpus has no `source`"),
    ],
)
def test_columns_that_cannot_be_are_refused(make: Callable[..., Recipe], corpus: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as e:
        make(train=corpus)
    assert f": {said}" in e.value.message


def test_a_row_that_lacks_a_language_is_named(make: Callable[..., Recipe], tmp_path: Path) -> None:
    corpus = one_file(tmp_path, "train", "tsv", False)
    text = (tmp_path / "train.tsv").read_text("utf-8").splitlines()
    (tmp_path / "train.tsv").write_text("\n".join([*text[:6], "a b\tp q", *text[7:]]), "utf-8")
    with pytest.raises(DataError) as e:
        prepare(make(train=corpus), processes=1)
    assert str(e.value) == "train.tsv:7 has 2 columns (by tabs), but column 2 is wanted (counted from 0)."


def test_a_mixture_has_as_many_examples_and_with_a_temperature_of_1_each_once() -> None:
    rows = [(0, i, i) for i in range(90)] + [(1, i, i) for i in range(10)] + [(2, i, NOTHING) for i in range(7)]
    found = Examples(np.array(rows, np.int32))
    directions = [Direction("aa", "bb"), Direction("bb", "aa"), Direction("aa", None)]
    objectives = [ObjectiveSection(), ObjectiveSection(), ObjectiveSection(kind="infill")]

    def counts(temperature: float, seed: int = 1) -> list[int]:
        return np.bincount(mix(found, directions, objectives, temperature, [seed, 0]).corpus).tolist()

    assert mix(found, directions, objectives, 1.0, [1, 0]) is found
    assert counts(float("inf")) == [50, 50, 7]
    assert counts(2.0) == [75, 25, 7]  # 90^0.5 is three times 10^0.5
    small = mix(found, directions, objectives, 2.0, [1, 0])
    assert set(np.bincount(small.rows("src")[small.corpus == 1])) == {2, 3}  # whole rounds, and a part
    assert small.table.tolist() == mix(found, directions, objectives, 2.0, [1, 0]).table.tolist()
    assert small.table.tolist() != mix(found, directions, objectives, 2.0, [1, 1]).table.tolist()


def test_tags_are_put_in_by_id(make: Callable[..., Recipe]) -> None:
    ids = {"<2aa>": 10, "<2bb>": 11, "<2cc>": 12}
    for tags, expected in (("source", Tags(11)), ("target", Tags(start=11)), ("both", Tags(10, 11))):
        data = make(tags=tags).data
        assert tags_between(data, "aa", "bb", ids) == expected
        assert set(tags_of(data)) == set(ids)
    alone = make(directions=["aa-bb"], zero_shot=[]).data
    assert (alone.tagging, tags_of(alone)) == (None, [])
    src = Tagged(RaggedIds.of([[4, 5], [6]]), np.array([11, NOTHING]))
    assert ([list(src[i]) for i in range(2)], src.lengths.tolist()) == ([[11, 4, 5], [6]], [3, 1])
    batch = collate(src, RaggedIds.of([[7], [8]]), np.array([1, 0]), None, np.array([11, BOS_ID]))
    assert batch.tgt_in.tolist() == [[BOS_ID, 8], [11, 7]] and batch.tgt_out.tolist() == [[8, EOS_ID], [7, EOS_ID]]


class Follows:
    """A scorer that writes what begins the hypothesis plus one, then `</s>`; it keeps what it was first asked."""

    max_positions = None

    def start(self, src: torch.Tensor, src_mask: torch.Tensor | None) -> dict[str, Any]:
        return {"step": 0}

    def step(self, last: torch.Tensor, state: dict[str, Any]) -> torch.Tensor:
        wanted = torch.where(torch.tensor(state["step"] == 0), last + 1, torch.full_like(last, EOS_ID))
        state["step"] += 1
        return torch.full((*last.shape, 12), -9.0).scatter(2, wanted[:, :, None], 9.0)

    def select(self, state: Any, parents: torch.Tensor, sentences: torch.Tensor | None) -> None: ...


def test_what_a_hypothesis_begins_with_is_given_and_not_part_of_it() -> None:
    src, limits = torch.tensor([[5, EOS_ID], [6, EOS_ID]]), torch.tensor([4, 4])
    how = Search(torch.tensor([8, BOS_ID]), EOS_ID, (0, 1, 2, 8), beam_size=2)
    noise = [noise_of([5], 1, 2, 4), noise_of([6], 1, 2, 4)]
    found = [
        beam_search(Follows(), src, None, limits, how),
        sample(Follows(), src, None, limits, how, noise),
        constrained_search(Follows(), src, None, limits, how, [[(9,)], [(3 + 6,)]], [False] * 12),
    ]
    assert [own[0][0].tokens for own in found] == [[9], [9], [9]]
    assert found[0][1][0].tokens == []  # `</s>` is what comes after `<s>` here


def test_the_route_is_told_by_its_languages() -> None:
    routes = [Route("aa", "bb", tags=Tags(11)), Route("aa", "cc", tags=Tags(12)), Route("bb", "aa", tags=Tags(10))]
    assert choose(routes, "cc", None) == routes[1] == choose(routes, "cc", "aa")
    assert choose(routes, "cc", "bb") == Route("bb", "cc", tags=Tags(12))  # zero-shot
    assert choose(routes[:1], None, None) == routes[0]
    into = [Route("aa", "bb", tags=Tags(11)), Route("cc", "bb", tags=Tags(11))]
    assert choose(into, None, None) == Route("", "bb", tags=Tags(11))
    ids = {"aa": 10, "bb": 11, "cc": 12}
    both = [Route(a, b, tags=Tags(ids[a], ids[b])) for a, b in (("aa", "bb"), ("cc", "bb"), ("bb", "cc"))]
    assert choose(both, "cc", "aa") == Route("aa", "cc", tags=Tags(10, 12))
    for (of, to, source), message in {
        (0, None, None): "translates into bb, cc and aa; say which: --to bb",
        (0, "xx", None): "translates into bb, cc and aa, not into 'xx'.",
        (0, "bb", "cc"): "translates from aa and bb, not from 'cc'.",
        (0, "bb", "bb"): "does not translate from bb into bb.",
        (1, "bb", None): "translates from aa and cc; say which: --from aa",
    }.items():
        with pytest.raises(NoRouteError) as e:
            choose((routes, both)[of], to, source)
        assert e.value.problem == message


def test_examples_are_numbered_by_direction(make: Callable[..., Recipe]) -> None:
    numbered = [(s.corpus.parts, str(d)) for s, d in learned(sources_of(make().data))]
    assert numbered[:2] == [(["train.aa", "train.bb"], "aa-bb"), (["train.aa", "train.bb"], "bb-aa")]
    assert len(numbered) == 4 + 6 + 6


def test_what_tells_languages_is_no_symbol_of_the_user(make: Callable[..., Recipe]) -> None:
    symbols = {"tokenizer": {"user_symbols": ["<2bb>"]}}
    assert make(symbols, directions=["aa-bb"], zero_shot=[]).tokenizer.user_symbols == ["<2bb>"]
    with pytest.raises(RecipeError) as caught:
        make(symbols)
    assert caught.value.message == ("toy: `tokenizer.user_symbols` has `<2bb>`, but such pieces tell languages here.")
