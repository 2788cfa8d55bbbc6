"""Synthetic pairs: what each method makes, that killing it changes nothing, and that no test set leaks in."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.data.synthetic import PIVOT, REFERENCE, SCORE, SOURCE, TARGET, read_manifest, synthetic_pairs
from nmt.decode.translator import Translator
from nmt.errors import Interrupted, NMTError, RecipeError, RunError
from nmt.recipe import Recipe, load_recipe
from nmt.run.provenance import Provenance, described, provenance
from nmt.run.results import readable_results
from nmt.run.verify import Finding
from nmt.synthesis import make as making
from nmt.synthesis.make import make_all
from nmt.synthesis.plan import Plan, plan
from nmt.synthesis.trial import tried
from nmt.synthesis.verify import verify_sets
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.control import BT, MASK
from nmt.train.epochs import TrainingData
from tests.unit.conftest import make_toy, toy_pairs
from tests.unit.test_trainer import run as train_it

Make = Callable[..., Recipe]


def lines(path: Path) -> list[str]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    return text.splitlines()


@pytest.fixture(scope="session")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with text, a run `runs/forward` of en-fr, and one `runs/backward` of fr-en; not to be changed."""
    folder = tmp_path_factory.mktemp("teachers")
    text = folder / "text"
    text.mkdir()
    for name, number, seed in (("train", 600, 1), ("valid", 20, 2), ("more", 120, 4)):
        pairs = toy_pairs(number, seed)
        if name == "valid":  # longer than what is trained on, so that no line is there by chance
            pairs = [(f"{s} {s} one two three", f"{t} {t} un deux trois") for s, t in pairs]
        for side, lang in enumerate(("en", "fr")):
            (text / f"{name}.{lang}").write_text("".join(pair[side] + "\n" for pair in pairs), encoding="utf-8")
    for lang in ("en", "fr"):
        (text / f"test.{lang}").write_bytes(b"".join((text / f"valid.{lang}").read_bytes().splitlines(True)[:12]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, src, tgt in (("forward", "en", "fr"), ("backward", "fr", "en")):
            train_it(recipe_of(name, src, tgt, **{"train__max_steps": 120, "train__eval_every": 120}))
    return folder


def recipe_of(name: str = "student", src: str = "en", tgt: str = "fr", **keys: Any) -> Recipe:
    """In the folder of the test."""
    pairs = {split: {"source": f"{split}.{src}", "target": f"{split}.{tgt}"} for split in ("train", "valid", "test")}
    usual = {
        "name": name, "data__source_lang": src, "data__target_lang": tgt, "data__train": pairs["train"],
        "data__valid": pairs["valid"], "data__test": {"test": pairs["test"]}, "data__prepared_dir": "data/prepared",
        "train__runs_dir": "runs", "train__schedule": "cosine", "train__learning_rate": 1e-2, "train__ema_decay": 0.9,
        "train__save_every": 200, "model__dropout": 0.0, "train__average_best": 0,
    }  # fmt: skip
    return make_toy(Path("text"), Path(), **usual | keys)


@pytest.fixture
def world(teachers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `teachers`, in which the test works."""
    folder = tmp_path / "world"
    shutil.copytree(teachers, folder)
    monkeypatch.chdir(folder)
    return folder


def planned(*items: dict[str, Any], **keys: Any) -> Plan:
    return plan(recipe_of(data__synthetic=list(items), **keys))


BACK = {"method": "back_translation", "text": "more.fr", "lang": "fr", "with": "runs/backward"}
SELF = {"method": "self_training", "text": "more.en", "with": "runs/forward"}


# --- what is made ----------------------------------------------------------------------------------------------------


def test_without_synthetic_data_the_recipe_stays_as_it_is(world: Path) -> None:
    recipe = recipe_of()
    assert plan(recipe) == Plan(recipe, [])


@pytest.mark.parametrize(("item", "read", "written", "run"), [(BACK, TARGET, SOURCE, "backward"),
                                                             (SELF, SOURCE, TARGET, "forward")])  # fmt: skip
def test_one_side_is_text_and_the_other_what_the_teacher_makes_of_it(
    world: Path, item: dict[str, Any], read: str, written: str, run: str
) -> None:
    made = planned(item)
    make_all(made)
    (wanted,) = made.sets
    manifest = read_manifest(wanted.folder)
    texts = lines(wanted.folder / read)
    given = list(dict.fromkeys(lines(world / "text" / item["text"])))
    assert len(texts) == manifest.pairs > 50
    assert manifest.pairs + sum(manifest.dropped.values()) == manifest.lines == len(given)
    assert [text for text in given if text in set(texts)] == texts  # in the order of the text
    found = Translator.load(world / "runs" / run).translate(texts[:20])
    assert sum(t.text == text for t, text in zip(found, lines(wanted.folder / written), strict=False)) >= 19
    score = found[0].hypotheses[0][1]
    scores = [float(line) for line in lines(wanted.folder / SCORE)]
    assert scores[0] == pytest.approx(score.log_prob / (len(score.tokens) + 1), abs=1e-3)
    assert (str(wanted.direction), manifest.src, manifest.tgt) == ("en-fr", "en", "fr")


def test_diversification_adds_both_sides_and_distillation_replaces(world: Path) -> None:
    both = planned({"method": "diversification", "forward": "runs/forward", "backward": ["runs/backward"]})
    assert [(one.made, str(one.runs[0])) for one in both.sets] == [("tgt", "runs/forward"), ("src", "runs/backward")]
    assert [corpus.kind for corpus in both.recipe.data.train] == ["text", "synthetic", "synthetic"]
    instead = planned({"method": "distillation", "with": ["runs/forward"]})
    assert [corpus.kind for corpus in instead.recipe.data.train] == ["synthetic"]
    make_all(instead)
    prepare(instead.recipe)
    split = PreparedSplit.open(instead.recipe.prepared_dir, "train")
    assert 0 < len(split) <= len(set(lines(Path("text/train.en"))))


def test_interpolation_takes_what_is_most_like_the_reference(world: Path) -> None:
    from nmt.decode.mbr import chrf_of_pairs

    item = {"method": "distillation", "with": "runs/forward", "decode": {"beam_size": 4}}
    plain, chosen = planned(item), planned(item | {"best": "chrf"})
    make_all(plain)
    make_all(chosen)
    assert plain.sets[0].folder != chosen.sets[0].folder
    references = dict(zip(lines(Path("text/train.en")), lines(Path("text/train.fr")), strict=True))

    def likeness(made: Plan) -> float:
        folder = made.sets[0].folder
        pairs = zip(lines(folder / SOURCE), lines(folder / TARGET), strict=True)
        return float(np.mean([chrf_of_pairs([references[src], tgt])[1, 0] for src, tgt in pairs]))

    assert likeness(chosen) > likeness(plain)
    run = Path("runs/of-chosen")  # as one that was trained with it
    run.mkdir()
    (run / "recipe.yaml").write_text(chosen.recipe.dump(), encoding="utf-8")
    made_again = list(verify_sets(run))[-1]
    assert (made_again.result, made_again.remark) == ("ok", "20 of 20 are the same")
    folder = chosen.sets[0].folder
    kept = [*zip(lines(folder / SOURCE), lines(folder / REFERENCE), strict=True)]
    assert all(references[src] == reference for src, reference in kept)


def test_an_ensemble_and_samples_are_others_than_one_run_and_a_beam(world: Path) -> None:
    shutil.copytree("runs/forward", "runs/twin")
    ways = [{}, {"with": ["runs/forward", "runs/twin"]}, {"search": "sampling"}, {"decode": {"seed": 2}}, {"take": 30}]
    folders = [planned(SELF | way).sets[0].folder for way in ways]
    assert len(set(folders)) == len(ways)
    assert planned(SELF | {"keep": 0.5, "tag": True, "share": 0.2, "search": "noised"}).sets[0].folder == folders[0]
    sampled = planned(SELF | {"search": "sampling", "take": 30})
    make_all(sampled)
    assert read_manifest(sampled.sets[0].folder).lines == 30


def test_take_depends_on_the_text_alone_and_a_smaller_one_is_part_of_a_larger(world: Path) -> None:
    from nmt.synthesis.text import lines_of

    few, more = (lines_of(planned(SELF | {"take": number}).sets[0]) for number in (10, 40))
    assert set(few) < set(more)
    backwards = lines(Path("text/more.en"))[::-1]
    Path("text/more.en").write_text("\n".join(backwards) + "\n", encoding="utf-8")
    assert set(lines_of(planned(SELF | {"take": 10}).sets[0])) == set(few)


def test_what_is_flagged_is_left_out_and_counted(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned(SELF)
    bad = {"copied": lambda s: s, "repetition": lambda s: "encore " * 9, "empty": lambda s: ""}
    given = [line for line in dict.fromkeys(lines(Path("text/more.en"))) if len(line.split()) > 3][:3]
    wrong = dict(zip(given, bad.items(), strict=True))
    real = Translator.translate

    def translate(self: Translator, texts: list[str], **keys: Any) -> Any:
        from dataclasses import replace

        found = real(self, texts, **keys)
        return [replace(f, hypotheses=[(wrong[t][1](t), f.hypotheses[0][1])]) if t in wrong else f
                for t, f in zip(texts, found, strict=True)]  # fmt: skip

    monkeypatch.setattr(Translator, "translate", translate)
    make_all(made)
    manifest = read_manifest(made.sets[0].folder)
    assert all(manifest.dropped[name] >= 1 for name in bad)
    assert not set(given) & set(lines(made.sets[0].folder / SOURCE))


# --- killed and begun again ------------------------------------------------------------------------------------------


def content(folder: Path) -> dict[str, bytes]:
    """Without how long it took."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "made.json"}


def test_stopped_and_begun_again_it_is_the_same_and_one_shard_is_lost(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "SHARD", 20)
    made = planned(SELF)
    (wanted,) = made.sets
    make_all(made)
    whole = content(wanted.folder)
    shutil.rmtree(wanted.folder)
    real, calls = making.translate, []

    def stopping(*args: Any) -> Any:
        calls.append(len(args[2]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(making, "translate", stopping)
    with pytest.raises(Interrupted) as stop:
        make_all(made)
    parts = wanted.folder.with_name(f"{wanted.folder.name}.parts")
    total = read_lines(wanted)
    assert stop.value.message == f"stopped: 40 of {total} lines are translated, and kept in {parts}."
    assert stop.value.exit_code == 130
    assert not wanted.is_made
    assert tried(wanted)[1:3] == [str(total), str(total - 40)]
    calls.clear()
    calls.extend([0, 0, 0])
    make_all(made)
    assert sum(calls) == total - 40
    assert content(wanted.folder) == whole
    assert not parts.exists()


def read_lines(wanted: Any) -> int:
    from nmt.synthesis.text import lines_of

    return len(lines_of(wanted))


def test_a_damaged_shard_is_made_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "SHARD", 40)
    made = planned(BACK)
    (wanted,) = made.sets
    make_all(made)
    whole = content(wanted.folder)
    shutil.rmtree(wanted.folder)
    parts = wanted.folder.with_name(f"{wanted.folder.name}.parts")
    parts.mkdir()
    (parts / "00000.json.gz").write_bytes(b"\x1f\x8b cut short")
    (parts / "00001.json.gz").write_bytes(gzip.compress(json.dumps({"rows": [["a"]]}).encode()))
    make_all(made)
    assert content(wanted.folder) == whole


def test_two_processes_do_not_make_the_same(world: Path) -> None:
    from nmt.files import lock

    made = planned(BACK)
    parts = made.sets[0].folder.with_name(f"{made.sets[0].folder.name}.parts")
    parts.mkdir(parents=True)
    with open(parts / "lock", "a", encoding="utf-8") as file:
        assert lock(file)
        with pytest.raises(RunError, match="is being filled by another process"):
            make_all(made)


# --- how it is learned -----------------------------------------------------------------------------------------------


def epoch_of(made: Plan, number: int = 0) -> tuple[Any, Tokenizer, TrainingData]:
    make_all(made)
    prepare(made.recipe)
    tokenizer = Tokenizer.load(made.recipe.prepared_dir)
    data = TrainingData(made.recipe.prepared_dir, made.recipe, tokenizer, 400)
    return data.epoch(number), tokenizer, data


def test_keep_takes_the_most_probable(world: Path) -> None:
    made = planned(BACK | {"keep": 0.5})
    make_all(made)
    folder = made.sets[0].folder
    kept = [pair for src, tgt in synthetic_pairs(made.recipe.data.train[1]) for pair in zip(src, tgt, strict=True)]
    scores = [float(line) for line in lines(folder / SCORE)]
    pairs = [(s.encode(), t.encode()) for s, t in zip(lines(folder / SOURCE), lines(folder / TARGET), strict=True)]
    assert len(kept) == round(len(pairs) / 2)
    least = min(score for score, pair in zip(scores, pairs, strict=True) if pair in kept)
    assert all(score <= least for score, pair in zip(scores, pairs, strict=True) if pair not in kept)
    assert kept == [pair for pair in pairs if pair in kept]


def test_a_tag_stands_before_synthetic_sources_alone(world: Path) -> None:
    epoch, tokenizer, data = epoch_of(planned(BACK | {"tag": True}))
    first = np.array([epoch.sides.src[i][0] for i in range(len(epoch.sides))])
    synthetic = data.split.examples.corpus == 1
    assert (first[synthetic] == tokenizer.control[BT]).all()
    assert not (first[~synthetic] == tokenizer.control[BT]).any()
    assert [int(n) for n in epoch.sides.src.lengths] == [len(epoch.sides.src[i]) for i in range(len(epoch.sides))]


def test_noise_is_in_synthetic_sources_and_other_in_each_epoch(world: Path) -> None:
    made = planned(SELF | {"search": "noised"})
    epoch, tokenizer, data = epoch_of(made)
    later = data.epoch(1)
    mask = tokenizer.control[MASK]
    sources = [[[*sides.src[i]] for i in range(len(sides))] for sides in (epoch.sides, later.sides, data.split)]
    synthetic = data.split.examples.corpus == 1
    noised = [mask in sources[0][i] for i in np.flatnonzero(synthetic)]
    assert 0.1 < np.mean(noised) < 0.9
    assert all(sources[0][i] == sources[2][i] for i in np.flatnonzero(~synthetic))
    assert [sources[0][i] for i in np.flatnonzero(synthetic)] != [sources[1][i] for i in np.flatnonzero(synthetic)]


def test_shares_of_several_sets_come_to_that_of_the_item(world: Path) -> None:
    item = {"method": "diversification", "forward": "runs/forward", "backward": "runs/backward", "share": 0.4}
    epoch, _, data = epoch_of(planned(item))
    tokens = np.bincount(data.split.examples.corpus, data.split.written.lengths + 1)
    drawn = epoch.num_tokens
    assert drawn == pytest.approx(tokens[0] / 0.6, rel=0.02)


def test_real_pairs_come_last_with_a_second_recipe(world: Path) -> None:
    first = planned(BACK | {"tag": True}, name="mixed")
    make_all(first)
    prepare(first.recipe)
    mixed = train_it(first.recipe)
    last = recipe_of("last", train__init_from=str(mixed), tokenizer={"from": str(mixed)})
    tree = described(provenance(train_it(last)), 60.0)
    assert tree[0].startswith(f"└ begun with {mixed} (step-00000012, ")
    assert tree[1].startswith("  └ ")
    assert "back translation fr-en by runs/backward" in tree[1]
    assert tree[2].startswith("    └ teacher runs/backward (step-00000120, ")
    assert tree[3].endswith(" min in all")


def test_of_two_directions_pairs_are_learned_in_the_one_that_ends_in_text_by_people(world: Path) -> None:
    files = {
        split: {"files": {lang: f"{split}.{lang}" for lang in ("en", "fr")}} for split in ("train", "valid", "test")
    }
    keys = {"data__directions": ["en-fr", "fr-en"], "data__train": files["train"], "data__valid": files["valid"],
            "data__test": {"test": files["test"]}}  # fmt: skip
    epoch, tokenizer, data = epoch_of(planned(BACK | {"tag": True}, **keys))
    manifest = Manifest.load(Path("data/prepared/student"))
    of_train = [(c.src, c.tgt) for c in manifest.corpora if c.split == "train"]
    assert of_train == [("en", "fr"), ("fr", "en"), ("en", "fr")]
    first = np.array([[*epoch.sides.src[i][:2]] for i in range(len(epoch.sides))])
    synthetic = data.split.examples.corpus == 2
    assert (first[synthetic] == [tokenizer.control[BT], tokenizer.control["<2fr>"]]).all()
    assert set(first[~synthetic][:, 0]) == {tokenizer.control["<2fr>"], tokenizer.control["<2en>"]}
    with pytest.raises(RecipeError, match="`method: distillation` replaces the targets of one direction"):
        planned({"method": "distillation", "with": "runs/forward"}, **keys)
    twin = recipe_of("twin", **keys)
    Path("runs/backward/recipe.yaml").write_text(twin.dump(), encoding="utf-8")
    with pytest.raises(RecipeError, match="may be for fr-en or en-fr, which the recipe does not say"):
        planned({key: value for key, value in BACK.items() if key != "lang"}, **keys)


def test_a_direction_without_pairs_is_learned_through_a_third_language(world: Path) -> None:
    for split in ("train", "valid"):
        texts = lines(Path(f"text/{split}.en"))
        Path(f"text/{split}.de").write_text("".join(f"Das {text}\n" for text in texts), encoding="utf-8")
    keys: dict[str, Any] = {
        "data__source_lang": None, "data__target_lang": None, "data__directions": ["en-fr", "en-de", "fr-de"],
        "data__train": [{"files": {lang: f"train.{lang}" for lang in pair}} for pair in (("fr", "en"), ("en", "de"))],
        "data__valid": {"files": {lang: f"valid.{lang}" for lang in ("en", "fr", "de")}}, "data__test": {},
    }  # fmt: skip
    item = {"method": "pivot", "through": "en", "with": "runs/forward"}
    made = planned(item, **keys)
    (wanted,) = made.sets
    assert wanted.title == "pivot en-fr for fr-de by runs/forward"
    make_all(made)
    manifest = read_manifest(wanted.folder)
    assert manifest.title == wanted.title
    read, src, tgt = (lines(wanted.folder / name) for name in (PIVOT, SOURCE, TARGET))
    assert len(read) > 100
    assert tgt == [f"Das {text}" for text in read]  # as people wrote them
    found = Translator.load(Path("runs/forward")).translate(read[:20])
    assert sum(t.text == text for t, text in zip(found, src, strict=False)) >= 19
    prepare(made.recipe)
    manifests = Manifest.load(made.recipe.prepared_dir).corpora
    assert [(c.src, c.tgt) for c in manifests if c.split == "train"] == [("en", "fr"), ("en", "de"), ("fr", "de")]
    train_it(made.recipe.model_copy(update={"name": "three"}))
    assert [finding.result for finding in verify_sets(Path("runs/three"))] == ["ok"] * 5

    with pytest.raises(RecipeError, match="no corpus of `train` has both languages of the direction"):
        recipe_of(**keys)
    for change, says in (
        ({"through": "fr"}, "no corpus of `train` has both languages of the direction `fr-de`"),
        ({"with": "runs/backward"}, "runs/backward` translates fr-en, but pivot needs en-fr here"),
        ({"through": None}, "`method: pivot` needs `through`"),
        ({"lang": "en"}, "`method: pivot` has no `lang`"),
    ):
        with pytest.raises(NMTError, match=says):
            planned({key: value for key, value in (item | change).items() if value is not None}, **keys)
    with pytest.raises(RecipeError, match="there is no direction in `directions` without pairs"):
        planned(item, **keys | {"data__directions": ["en-fr", "en-de"]})


# --- leaks -----------------------------------------------------------------------------------------------------------


def test_lines_of_validation_and_test_are_left_out_and_named(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leaked = lines(Path("text/test.fr"))[:3]
    with open("text/more.fr", "a", encoding="utf-8") as file:
        file.write("".join(line.upper() + "\n" for line in leaked))  # case makes no difference
    made = planned(BACK)
    make_all(made)
    there = [line for line in lines(made.sets[0].folder / TARGET) if line.isupper()]
    assert there
    prepare(made.recipe)
    manifest = Manifest.load(made.recipe.prepared_dir)
    assert manifest.splits["train"].dropped["also in valid or a test"] == len(there)
    said = f"Synthetic pairs that are left out: {len(there)} with a line of valid, {len(there)} with a line of test."
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_what_is_held_out_is_no_synthetic_pair_and_in_none(world: Path) -> None:
    made = planned(
        {"method": "diversification", "forward": "runs/forward", "backward": "runs/backward"},
        data__valid={"holdout": 30},
    )
    make_all(made)
    prepare(made.recipe)
    valid, train = (PreparedSplit.open(made.recipe.prepared_dir, name) for name in ("valid", "train"))
    assert set(valid.examples.corpus.tolist()) == {0}
    tokenizer = Tokenizer.load(made.recipe.prepared_dir)
    held = {tuple(valid.src[i]) for i in range(len(valid))}, {tuple(valid.tgt[i]) for i in range(len(valid))}
    for i in np.flatnonzero(train.examples.corpus > 0).tolist():
        assert tuple(train.src[i]) not in held[0], tokenizer.decode([train.src[i]], "src")
        assert tuple(train.tgt[i]) not in held[1]


@pytest.mark.parametrize("hidden", [False, True])
def test_a_teacher_that_saw_the_test_set_is_refused(world: Path, hidden: bool) -> None:
    if hidden:  # the set is part of what the teacher was trained on, and no file of it
        for lang in ("en", "fr"):
            some = lines(Path(f"text/train.{lang}"))[100:300]
            Path(f"text/test.{lang}").write_text("".join(line + "\n" for line in some), encoding="utf-8")
        says = r"^`data.synthetic.0`: runs/backward was trained on 100 % of the longer lines of test.fr, which is `data"
    else:
        for lang in ("en", "fr"):
            shutil.copy(f"text/train.{lang}", f"text/test.{lang}")
        says = r"^`data.synthetic.0`: runs/backward was trained on test.(en|fr), which is `data.test.test` here\.\n"
    with pytest.raises(RunError, match=says):
        make_all(planned(BACK))
    assert not Path("data/synthetic").exists()


def test_a_teacher_whose_teacher_saw_the_test_set_is_refused(world: Path) -> None:
    first = planned(BACK, name="mixed")
    make_all(first)
    prepare(first.recipe)
    train_it(first.recipe)
    shutil.rmtree("data/prepared/mixed")  # the middle run does not say that it has seen the text, too
    for lang in ("en", "fr"):
        shutil.copy(f"text/train.{lang}", f"text/test.{lang}")
    file = Path("runs/mixed/manifest.json")
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["corpora"][0]["sha256"] = {}
    file.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(RunError, match="runs/backward, of which runs/mixed was made, was trained on"):
        make_all(planned(SELF | {"with": "runs/mixed"}))


# --- where it came from ----------------------------------------------------------------------------------------------


def test_a_run_keeps_where_it_came_from_and_it_can_be_checked(world: Path) -> None:
    made = planned(BACK, SELF)
    make_all(made)
    prepare(made.recipe)
    run = train_it(made.recipe)
    kept = provenance(run)
    assert [one.title for one in kept.sets] == [one.title for one in made.sets]
    assert [one.teachers[0].sha256 for one in kept.sets] == [one.teachers[0].sha256 for one in made.sets]
    assert load_recipe(run / "recipe.yaml").data.train == made.recipe.data.train
    assert plan(load_recipe(run / "recipe.yaml")).sets == []  # it goes on without its teachers
    findings = list(verify_sets(run))
    assert len(findings) == 8
    assert {finding.result for finding in findings} == {"ok"}
    target = made.sets[0].folder / SOURCE
    target.write_bytes(gzip.compress(gzip.decompress(target.read_bytes()).replace(b"one", b"two"), mtime=0))
    assert Finding(str(target), "differs", "altered or damaged") in list(verify_sets(run))
    with pytest.raises(RunError, match="is damaged"):
        prepare(made.recipe, force=True)
    shutil.rmtree("runs/forward")
    assert [f.remark for f in verify_sets(run) if f.result == "missing"] == ["the teacher runs/forward is not here"]


def test_pairs_that_the_teacher_would_not_make_are_found(world: Path) -> None:
    made = planned(BACK)
    make_all(made)
    prepare(made.recipe)
    run = train_it(made.recipe)
    folder = made.sets[0].folder
    values = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    texts = gzip.compress(b"".join(b"somebody wrote this\n" for _ in range(values["pairs"])), mtime=0)
    (folder / SOURCE).write_bytes(texts)
    from nmt.files import describe_file

    file = describe_file(folder / SOURCE)
    values["outputs"][SOURCE] = {"size": file.size, "sha256": file.sha256}
    (folder / "manifest.json").write_text(json.dumps(values), encoding="utf-8")
    (wrong,) = [f for f in verify_sets(run) if f.result == "differs"]
    assert wrong.remark == "20 of 20 are other, the first in line 1"


def test_a_run_of_text_by_people_has_no_provenance(world: Path) -> None:
    assert not Path("runs/forward/provenance.json").exists()
    assert provenance(Path("runs/forward")) == Provenance()
    assert described(Provenance(), 1.0) == []


# --- what cannot be --------------------------------------------------------------------------------------------------

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"with": "runs/none"}, r"`data.synthetic.0.with: runs/none` is not a run folder"),
    ({"with": "runs/forward"}, r"`data.synthetic.0.with: runs/forward` translates en-fr, but back translation needs"),
    ({"with": ["runs/backward", "runs/backward"]}, "`runs/backward` is named twice"),
    ({"with": []}, "`data.synthetic.0.with` must not be empty"),
    ({"lang": "en"}, "`data.synthetic.0.lang: en`: back translation is of text of the target language, fr"),
    ({"text": "none.fr"}, "none.fr is missing"),
    ({"text": None}, "`method: back_translation` needs `text`"),
    ({"forward": "runs/forward"}, "`method: back_translation` has no `forward`"),
    ({"best": "bleu"}, "`method: back_translation` has no `best`"),
    ({"method": "diversification", "text": None, "lang": None, "with": None}, "needs `forward` or `backward`"),
    ({"method": "translation"}, "must be one of `back_translation`, `self_training`, `distillation`"),
    ({"search": "greedy"}, "must be one of `beam`, `sampling`, `noised`"),
    ({"decode": {"beam": 2}}, "`beam` is not a known key; did you mean `beam_size`"),
    ({"decode": {"sampling": True}}, "`search: sampling` sets it"),
    ({"keep": 0}, "must be greater than 0"),
    ({"share": 1}, "must be less than 1"),
    ({"take": 10**6}, "asks for more lines than more.fr has"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says"), FAULTS)
def test_what_cannot_be_is_told(world: Path, change: dict[str, Any], says: str) -> None:
    item = {key: value for key, value in (BACK | change).items() if value is not None}
    with pytest.raises(NMTError, match=says) as fault:
        make_all(planned(item))
    assert fault.value.exit_code == 2
    assert not Path("data/synthetic").exists()


def test_distillation_needs_files_for_what_is_held_out(world: Path) -> None:
    with pytest.raises(RecipeError, match="`holdout` takes pairs out of `train`"):
        planned({"method": "distillation", "with": "runs/forward"}, data__valid={"holdout": 10})


@pytest.mark.parametrize(("change", "key"), [({"tag": True}, "tag: true"), ({"search": "noised"}, "search: noised")])
def test_marks_in_sources_need_one_vocabulary(change: dict[str, Any], key: str) -> None:
    keys = {"tokenizer": {"shared": False, "vocab_size": 320}, "model__tie_embeddings": "none"}
    assert recipe_of(data__synthetic=[BACK], **keys)
    with pytest.raises(RecipeError, match=f"`{key}` needs `tokenizer.shared: true`"):
        recipe_of(data__synthetic=[BACK | change], **keys)


def test_people_s_own_synthetic_pairs_can_have_the_tag(world: Path) -> None:
    own = [{"source": "train.en", "target": "train.fr"}, {"source": "more.en", "target": "more.fr", "tag": True}]
    epoch, tokenizer, data = epoch_of(Plan(recipe_of(data__train=own), []))
    first = np.array([epoch.sides.src[i][0] for i in range(len(epoch.sides))])
    assert ((first == tokenizer.control[BT]) == (data.split.examples.corpus == 1)).all()


def test_a_run_that_restores_text_is_no_teacher(world: Path) -> None:
    text = {split: {"text": f"{split}.fr", "lang": "fr"} for split in ("train", "valid")}
    keys = {f"data__{split}": corpus for split, corpus in text.items()}
    recipe = recipe_of("backward", "fr", "en", **keys, data__test={}, objective={"kind": "infill"})
    Path("runs/backward/recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    with pytest.raises(RunError, match="has learned to restore text"):
        planned(BACK)


def test_text_of_any_script_is_kept_as_it_is(world: Path) -> None:
    odd = ["你好，世界。", "مرحبا بالعالم", "😀 un deux", "un\u00a0deux !", "deux\ttrois", "   ", ""]
    Path("text/more.fr").write_text("".join(line + "\n" for line in [*odd, "trois quatre"]), encoding="utf-8")
    made = planned(BACK)
    make_all(made)
    manifest = read_manifest(made.sets[0].folder)
    assert manifest.lines == 6
    assert set(lines(made.sets[0].folder / TARGET)) <= {line.strip() for line in odd} | {"trois quatre"}
    Path("text/more.fr").write_bytes(b"un deux\n\xff\xfe\xfa trois\n")
    with pytest.raises(NMTError, match=r"more.fr:2:1 \(byte 0xff\) is not valid UTF-8"):
        make_all(planned(BACK))


# --- the commands ----------------------------------------------------------------------------------------------------


def written(recipe: Recipe) -> str:
    """The name of the recipe's file."""
    items = [item.model_dump(exclude_unset=True, by_alias=True) for item in recipe.data.synthetic]
    text = recipe.model_copy(update={"data": recipe.data.model_copy(update={"synthetic": []})}).dump()
    path = Path(f"{recipe.name}.yaml")
    path.write_text(text.replace("synthetic: []", f"synthetic: {json.dumps(items)}"), encoding="utf-8")
    return path.name


def test_one_command_trains_what_a_recipe_names_and_makes_what_it_needs(world: Path, nmt: Any) -> None:
    shutil.rmtree("runs/backward")
    shutil.rmtree("data/prepared/backward")
    back = recipe_of("backward", "fr", "en", train__max_steps=90, train__eval_every=90)
    teacher = written(back)
    student = written(recipe_of(data__synthetic=[BACK | {"with": teacher}]))
    code, _, err = nmt("augment", student)
    assert code == 2
    assert "✗ backward.yaml is not trained to the end, and is named in `data.synthetic`." in err
    assert "nmt train student.yaml does all in order." in err
    code, out, err = nmt("train", student, "--dry-run")
    assert code == 0, err
    assert "to be trained before" in err
    assert load_of(out).data.synthetic == []
    assert not Path("runs").joinpath("backward").exists()
    code, _, err = nmt("train", student)
    assert code == 0, err
    order = ["To be trained before: backward.yaml, about ", "Training backward.yaml, which",
             "Run folder: runs/backward", "Made data/synthetic/", "Run folder: runs/student"]  # fmt: skip
    places = [err.index(text) for text in order]
    assert places == sorted(places)
    code, out, _ = nmt("show", "runs/student")
    assert "by back translation fr-en by runs/backward (" in out
    assert "└ teacher runs/backward (step-00000090, " in out
    code, out, err = nmt("verify", "runs/student")
    assert code == 0, out + err
    code, _, err = nmt("report", "runs/student")
    assert code == 0, err
    assert "teacher runs/backward (step-00000090" in Path("runs/student/report.html").read_text(encoding="utf-8")
    code, _, err = nmt("train", student)
    assert code == 0
    assert "is trained to its end" in err


def load_of(text: str) -> Recipe:
    path = Path("shown.yaml")
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def test_recipes_that_need_each_other_are_refused(world: Path, nmt: Any) -> None:
    one = written(recipe_of("one", data__synthetic=[BACK | {"with": "two.yaml"}]))
    written(recipe_of("two", "fr", "en", data__synthetic=[BACK | {"text": "more.en", "lang": "en", "with": one}]))
    code, _, err = nmt("train", one)
    assert code == 2
    assert "is a teacher of its own teacher" in err


def test_augment_says_how_long_it_will_take_and_what_is_there(world: Path, nmt: Any) -> None:
    student = written(recipe_of(data__synthetic=[BACK, SELF]))
    code, out, err = nmt("augment", student, "--dry-run")
    assert code == 0, err
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows[1:]] == [
        "back translation fr-en by runs/backward",
        "self training en-fr by runs/forward",
    ]
    assert all(row[1] == row[2] and float(row[3].replace(",", "")) > 0 for row in rows[1:])
    assert not Path("data/synthetic").exists()
    assert nmt("augment", student)[0] == 0
    code, out, _ = nmt("augment", student, "--dry-run")
    assert [line.split("\t")[2] for line in out.splitlines()[1:]] == ["0", "0"]
    code, out, err = nmt("augment", student)
    assert (code, out) == (0, "")
    assert err.count("is made already") == 2
    code, _, err = nmt("augment", written(recipe_of("plain")))
    assert code == 2
    assert "plain.yaml has no `data.synthetic`: there is nothing to make." in err


@pytest.mark.slow
def test_killed_it_goes_on_to_the_same_bytes(world: Path) -> None:
    import os
    import signal
    import subprocess
    import sys
    import time

    student = written(recipe_of(data__synthetic=[SELF]))
    wanted = plan(load_recipe(student)).sets[0]
    code = "import sys, nmt.synthesis.make as m; m.SHARD = 8; from nmt.cli import main; main()"
    command = [sys.executable, "-c", code, "augment", student]
    subprocess.run(command, check=True)
    whole = content(wanted.folder)
    shutil.rmtree(wanted.folder)
    parts = wanted.folder.with_name(f"{wanted.folder.name}.parts")
    for sign in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        there = len(list(parts.glob("*.json.gz")))
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while len(list(parts.glob("*.json.gz"))) <= there and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(process.pid, sign)
        _, err = process.communicate()
        if sign != signal.SIGKILL and process.returncode:
            assert process.returncode == 128 + sign
            assert "To go on, start the same command again." in err
    subprocess.run(command, check=True)
    assert content(wanted.folder) == whole
    assert not parts.exists()


@pytest.mark.slow
def test_the_demo_learns_from_its_own_translations(tmp_path: Path, monkeypatch: Any, nmt: Any, demo_data: Path) -> None:
    """French of which no English is known is translated back by a teacher that is trained first."""
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "text"
    text.mkdir()
    for lang in ("en", "fr"):
        all_lines = (demo_data / f"train.{lang}").read_bytes().splitlines(True)
        (text / f"train.{lang}").write_bytes(b"".join(all_lines[:4000]))
        (text / f"more.{lang}").write_bytes(b"".join(all_lines[4000:8000]))
        for split in ("valid", "test"):
            (text / f"{split}.{lang}").write_bytes((demo_data / f"{split}.{lang}").read_bytes())
    keys = {"train__max_steps": 400, "train__eval_every": 400, "train__batch_tokens": 512, "model__d_model": 64,
            "model__d_ff": 128, "tokenizer__vocab_size": 800, "train__ema_decay": 0.98}  # fmt: skip
    teacher = written(recipe_of("teacher", "fr", "en", **keys))
    item = {"method": "back_translation", "text": "more.fr", "with": teacher, "tag": True, "keep": 0.9}
    scores = {}
    for name, items in (("alone", []), ("student", [item])):
        code, _, err = nmt("train", written(recipe_of(name, data__synthetic=items, **keys)))
        assert code == 0, err
        code, out, err = nmt("evaluate", "--run", f"runs/{name}")
        assert code == 0, err
        scores[name] = readable_results(Path("runs") / name).scores["test"]["bleu"].score
    assert scores["alone"] != scores["student"]
    assert min(scores.values()) > 5
    code, out, _ = nmt("verify", "runs/student")
    assert code == 0, out
    assert "teacher runs/teacher" in nmt("show", "runs/student")[1]
