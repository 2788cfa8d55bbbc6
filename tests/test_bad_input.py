"""Wrong recipes, overrides, prepared folders, runs and checkpoints: refused; nothing is changed, nothing executed."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import NMTError
from nmt.recipe import Recipe, load_recipe
from tests import refused
from tests.refused import FOLDER, LAST, PREPARED, RUN, Case, both, check, cut, flip, parameters, sub, values
from tests.test_bad_text import CASES as TEXT_CASES

TRAIN = "train mini.yaml train.max_steps=9"
YAML = r"mini\.yaml is not valid YAML at line "
AGAIN = r"Run: nmt prepare mini\.yaml --force"
PREPARE_AGAIN = "Prepare again: nmt prepare .* --force"
RESTORE = "Restore the run folder from a copy, or train again"


def recipe(name: str, text: object, says: str, todo: str, **more: str) -> Case:
    """A recipe with other text, or edited."""
    return Case(name, "train mini.yaml", says, todo, {"mini.yaml": text}, **more)


def key(override: str, says: str, todo: str, name: str = "", **more: str) -> Case:
    """A recipe with one key set otherwise, on the command line."""
    return Case(name or override, f"train mini.yaml '{override}'", says, todo, **more)


class Trap:
    """Unpickled, it makes a folder `opened`."""

    def __reduce__(self):
        return os.mkdir, ("opened",)


def pickled(name: str) -> dict[str, refused.Change]:
    """Pickles in place of tensors, with checksums that are right."""
    trap = pickle.dumps(Trap())
    right = rf"\g<1>{hashlib.sha256(trap).hexdigest()}".encode()
    return both(name, trap) | both("state.json", lambda text: re.sub(rb'("%s": ")\w+' % name.encode(), right, text))


# fmt: off
RECIPES = [
    recipe("empty recipe", b"", r"mini\.yaml must hold keys and values", r"\(name: …\), but is empty"),
    recipe("comments only", "# name: mini\n", r"mini\.yaml must hold keys and values", "but is empty"),
    recipe("list", "- name: mini\n", r"mini\.yaml must hold keys and values", "but is a list"),
    recipe("plain text", "train it well\n", r"mini\.yaml must hold keys and values", "but is 'train it well'"),
    recipe("not YAML", "name: [mini\n", YAML + "2, column 1", r"expected ',' or '\]'"),
    recipe("tab", "name: mini\ntrain:\n\tmax_steps: 3\n", YAML + "3, column 1", r"'\\t' that cannot start any token"),
    recipe("key twice", sub("data:", "name: other\ndata:"), YAML + "2, column 1", "key `name` is given twice"),
    recipe("two documents", "name: a\n---\nname: b\n", YAML + "2, column 1", "single document|one recipe"),
    recipe("object of Python", "name: !!python/object/apply:os.mkdir [opened]\n", YAML + "1, column 7",
           "could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.mkdir'"),
    recipe("bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nname: *c\n", YAML + "2, column 8",
           "must be in quotes .aliases are not known"),
    recipe("nested too deeply", "[" * 5000, r"mini\.yaml is not valid YAML", "it is nested too deeply"),
    recipe("number of 5001 digits", "name: x\nseed: " + "9" * 5001, r"mini\.yaml, line 2: a number has too many digits",
           r"\(5,001\)\."),
    recipe("no such date", "name: 2024-99-99\n", YAML + "1, column 7", "'2024-99-99' cannot be read as timestamp"),
    recipe("NUL in a recipe", "name: mi\0ni\n", r"mini\.yaml holds the character U\+0000 in line 1", "has no place"),
    recipe("binary recipe", bytes(range(128, 256)), r"mini\.yaml is not UTF-8 text \(byte 0\)", "is a YAML file"),
    recipe("UTF-16 recipe", lambda text: text.decode().encode("utf-16"), r"mini\.yaml is not UTF-8 text \(byte 0\)",
           "a recipe is a YAML file"),
    recipe("nothing but a name", "name: mini\n", r"mini\.yaml: `data` is missing", "is missing"),
    recipe("unknown key", sub("max_steps", "max_step"), r"mini\.yaml: .*`train\.max_step` is not a known key",
           r"did you mean `train\.max_steps`\?"),
    recipe("key of another section", sub("beam_size: 2", "batch_tokenz: 2"), r"`decode\.batch_tokenz` is not a known",
           r"did you mean `decode\.batch_tokens`\?"),
    recipe("faults together", sub("d_ff: 64, num_heads: 2", "d_ff: many, norm: mid"), "2 faults: .*d_ff.*whole number",
           r"`model\.norm` must be one of `pre`, `post`"),
    recipe("test named train", sub("first:", "train:"), r"`data\.test`: `train` cannot name a test set", "use letters"),
    Case("missing recipe", "train mimi.yaml", r"there is no recipe mimi\.yaml", r"Did you mean mini\.yaml\?"),
    Case("missing recipe, none near", "train text/zzz", "there is no recipe text/zzz", "Give the path of a YAML file"),
    Case("recipe a folder", "train text", "cannot read the recipe text", "Is a directory"),
    Case("recipe name too long", f"train {'x' * 300}", "cannot read the recipe x{300}", "File name too long"),
    Case("no recipe at all", "train", r"no recipe was given, and there is no recipes/demo\.yaml here", "Give a recipe"),
    Case("two recipes", "train mini.yaml mini.yaml", r"override 'mini\.yaml' must look like", r"train\.learning_rate="),
]
OVERRIDES = [
    key("x", "override 'x' must look like", r"`train\.learning_rate=5e-4`"),
    key("=3", "override '=3' must look like", r"`train\.learning_rate=5e-4`"),
    key("train.=3", r"override 'train\.=3' must look like", r"`train\.learning_rate=5e-4`"),
    key("train.warmup_step=3", r"`train\.warmup_step` is not a known key", r"did you mean `train\.warmup_steps`\?"),
    key("train.beam_size=3", r"`train\.beam_size` is not a known key", r"did you mean `decode\.beam_size`\?"),
    key("modle.d_model=8", "`modle` is not a known key", r"did you mean `model`\?"),
    key("train=3", r"mini\.yaml: `train` must be a section with keys", "but is 3"),
    key("data=[a]", "`data` must be a section with keys", "but is a list"),
    key("name.x=1", r"override 'name\.x=1': `name` is not a section", "but 'mini'"),
    key("seed=[1", r"override 'seed=\[1': its value is not valid YAML", r"expected ',' or '\]'"),
    key("train.learning_rate=fast", r"`train\.learning_rate` must be a number", "but is 'fast'"),
    key("train.learning_rate=", r"`train\.learning_rate` must be a number", "but is empty"),
    key("train.learning_rate=0", r"`train\.learning_rate` must be greater than 0", "but is 0"),
    key("train.learning_rate=.nan", r"`train\.learning_rate` must be a finite number", "but is nan"),
    key("train.max_epochs=1.5", r"`train\.max_epochs` must be a whole number", r"but is 1\.5"),
    key("train.adam_betas=[0.9]", r"`train\.adam_betas.1` is missing", "is missing"),
    key("decode.beam_size=100000", r"`decode\.beam_size` must be at most 100", "but is 100000"),
    key("train.device=tpu", r"`train\.device` must be one of `auto`, `cpu`, `cuda`, `mps`", "but is 'tpu'"),
    key("tokenizer.vocab_size=20", r"`tokenizer\.vocab_size` must be at least 300", "but is 20"),
    key("tokenizer.shared=perhaps", r"`tokenizer\.shared` must be true or false", "but is 'perhaps'"),
    key("model.dropout=1", r"`model\.dropout` must be less than 1", "but is 1"),
    key("model.preset=huge", r"`model\.preset` must be one of `tiny`, `small`, `base`, `big`", "but is 'huge'"),
    key("evaluate.metrics=[]", r"`evaluate\.metrics` must not be empty", "must not be empty"),
    key("name=../x", "`name` must be usable as a folder name: letters, digits", r"but is '\.\./x'"),
    key(f"name={'x' * 300}", "`name`|x{300}.* cannot be read", "at most|too long", name="name too long for a folder"),
    key("data.target_lang=42", r"`data\.target_lang` must be a language code such as `en`", "but is 42"),
    key("data.sha256={a: ff}", r"`data\.sha256\.a` must be a SHA-256 checksum of 64 hex digits", "but is 'ff'"),
    key("data.valid={holdout: 5, source: x}", r"`data\.valid`: a holdout corpus has no `source`", "has no"),
    key("data.train={path: a.tsv, source: 0}", r"`data\.train`: a table corpus needs `target`", "needs"),
    key("data.train={holdout: 3}", r"`data`: `train` cannot be a `holdout`", "that is taken out of train"),
    key("model.num_heads=3", r"`model`: `num_heads` \(3\) must divide `d_model` \(32\)", "must divide"),
    key("train.max_steps=null", "does not say how long to train", r"for example train: \{max_minutes: 60\}"),
    Case("cosine without an end", "train mini.yaml train.schedule=cosine train.max_steps=null train.patience=1",
         "`schedule: cosine` needs `max_steps`, `max_epochs` or `max_minutes`", "to know where it ends"),
    key("tokenizer.shared=false", r"`model\.tie_embeddings: all` needs `tokenizer\.shared: true`", "else choose"),
]
PREPARED_FOLDERS = [
    Case("vocabulary changed since", "train mini.yaml tokenizer.vocab_size=350",
         rf"{PREPARED} was prepared with `tokenizer\.vocab_size: 400`, but the recipe says 350", AGAIN),
    Case("filters changed since", "prepare mini.yaml data.filters.max_chars=50",
         r"with `data\.filters\.max_chars: 2000`, but the recipe says 50", AGAIN),
    Case("test set added since", "train mini.yaml 'data.test.new={holdout: 3}'",
         r"was prepared without `data\.test\.new\.holdout`, but the recipe says 3", AGAIN),
    Case("ids missing", TRAIN, rf"{PREPARED}/train\.en\.u16 is missing", AGAIN, {f"{PREPARED}/train.en.u16": None}),
    Case("ids truncated", TRAIN, rf"{PREPARED}/train\.fr\.u16 is not as it was written", AGAIN,
         {f"{PREPARED}/train.fr.u16": cut(-2)}),
    Case("ids altered", TRAIN, r"train\.fr\.u16", r"nmt prepare .* --force",
         {RUN: None, f"{PREPARED}/train.fr.u16": lambda text: b"\xff" * len(text)}),
    Case("lengths altered", TRAIN, r"train\.en\.lengths\.npy", r"nmt prepare .* --force",
         {RUN: None, f"{PREPARED}/train.en.lengths.npy": flip(-20)}),
    Case("prepared tokenizer altered", TRAIN, r"tokenizer.*data/prepared/mini", "nmt prepare .* --force",
         {RUN: None, f"{PREPARED}/tokenizer.src.model": lambda text: bytes(len(text))}),
    Case("manifest missing", "train mini.yaml", rf"{PREPARED} exists, but holds no prepared data", "Move it away",
         {f"{PREPARED}/manifest.json": None}),
    Case("manifest broken", "train mini.yaml", r"mini/manifest\.json is damaged", "prepare again: nmt prepare",
         {f"{PREPARED}/manifest.json": cut(-9)}),
    Case("manifest a list", "train mini.yaml", r"mini/manifest\.json is damaged", "prepare again: nmt prepare",
         {f"{PREPARED}/manifest.json": "[]"}),
    Case("manifest without a part", "train mini.yaml", r"mini/manifest\.json: `nmt` is missing", "prepare again: nmt",
         {f"{PREPARED}/manifest.json": '{"format": 2}'}),
    Case("manifest with a wrong part", "train mini.yaml", r"json: `sections` must be a section with keys, but is empty",
         "prepare again", {f"{PREPARED}/manifest.json": values(sections=None)}),
    Case("manifest with a number as text", "train mini.yaml",
         r"mini/manifest\.json: `splits\.valid\.src\.longest` must be a whole number, but is '9'", PREPARE_AGAIN,
         {f"{PREPARED}/manifest.json": lambda text: re.sub(
             rb'("valid": {\s+"read.*?"longest": )\d+', rb'\1"9"', text, count=1, flags=re.DOTALL)}),
    Case("manifest with a list of splits", "train mini.yaml",
         r"mini/manifest\.json: `splits` must be a section with keys, but is a list", PREPARE_AGAIN,
         {f"{PREPARED}/manifest.json": values(splits=[])}),
    Case("manifest without train", "train mini.yaml", r"json: it lacks the corpora, or the splits `train` and `valid`",
         PREPARE_AGAIN, {f"{PREPARED}/manifest.json": values(splits={})}),
    Case("manifest without a language", "train mini.yaml", r"mini/manifest\.json: it lacks the language `en`, `fr`",
         PREPARE_AGAIN, {f"{PREPARED}/manifest.json": values(languages={})}),
    Case("manifest nested too deeply", "train mini.yaml", r"mini/manifest\.json is damaged", "prepare again",
         {f"{PREPARED}/manifest.json": "[" * 100_000}),
    Case("manifest of an older format", "train mini.yaml",
         rf"{PREPARED} was prepared in format 1, but this nmt reads format 3",
         "Prepare again: nmt prepare mini.yaml --force", {f"{PREPARED}/manifest.json": values(format=1)}),
    Case("text changed, for train", "train mini.yaml train.runs_dir=other",
         rf"train\.en has changed since {PREPARED} was prepared from it", "Run: nmt prepare mini.yaml --force",
         {"text/train.en": lambda text: text.replace(b".", b"!", 1)}),
    Case("ids with a flipped bit", TRAIN, rf"{PREPARED}/train\.fr\.u16 is damaged: its checksum is not the one",
         PREPARE_AGAIN, {f"{PREPARED}/train.fr.u16": lambda text: bytes([text[0] ^ 1]) + text[1:]}),
]
MY = {"my": FOLDER, "my/mini": FOLDER, "my/mini/train.en": "mine\n", "my/mini/recipe.yaml": "name: mini\n"}
RUNS = [
    Case("a folder of something else for train", "train mini.yaml train.runs_dir=my",
         r"my/mini exists, but is no run of nmt \(it holds recipe\.yaml, train\.en\); it is left as it is",
         r"Move it away, give the recipe another `name`, or choose another `train\.runs_dir`", MY),
    Case("a folder of something else to set aside", "train mini.yaml --fresh train.runs_dir=my",
         r"my/mini exists, but is no run of nmt", "Move it away", MY),
    Case("a folder of something else for an export", "export",
         rf"{RUN}/ctranslate2 holds what nmt did not write \(model\.bin\); it is left as it is", "Move it away",
         {f"{RUN}/ctranslate2": FOLDER, f"{RUN}/ctranslate2/model.bin": b"of another program"}),
    Case("notes in an export", "export", r"ctranslate2 holds what nmt did not write \(notes\)", "Move it away",
         {f"{RUN}/ctranslate2": FOLDER, f"{RUN}/ctranslate2/nmt.json": "{}", f"{RUN}/ctranslate2/notes": "mine"}),
    Case("no run yet", "translate", "there is no trained run in runs/ yet", "Train one first: nmt train",
         {"runs": None}),
    Case("runs a file", "translate", "there is no trained run in runs/ yet", "Train one first", {"runs": b""}),
    Case("runs a file for train", TRAIN, f"the run folder {RUN} cannot be written: ", "runs_dir|[Mm]ove|[Cc]hoose",
         {"runs": b""}),
    Case("no such run", "translate --run runs/other", "runs/other is not a run folder: it has no recipe.yaml",
         "Give the folder that `nmt train` made"),
    Case("no run to evaluate", "evaluate --run text", "text is not a run folder", "Give the folder"),
    Case("no run to verify", "verify text", "text is not a run folder", "Give the folder"),
    Case("no checkpoints to verify", f"verify {RUN}", f"{RUN} .*checkpoint", "[Tt]rain", {f"{RUN}/checkpoints": None}),
    Case("no manifest to verify", f"verify {RUN}", rf"{RUN}.*manifest\.json", "Restore|[Tt]rain",
         {f"{RUN}/manifest.json": None}),
    Case("run without a recipe", "translate", f"{RUN} is not a run folder: it has no recipe.yaml", "Give the folder",
         {f"{RUN}/recipe.yaml": None}),
    Case("run with a broken recipe", "translate", rf"{RUN}/recipe\.yaml is not valid YAML at line", "line",
         {f"{RUN}/recipe.yaml": sub("name: mini", "name: [mini")}),
    Case("run of another nmt", "translate", rf"{RUN}/recipe\.yaml: `model\.memory` is not a known key", "known",
         {f"{RUN}/recipe.yaml": sub("model:\n", "model:\n  memory: 8\n")}),
    Case("no checkpoints", f"translate --run {RUN}", f"{RUN} has no usable checkpoint", "Train it: nmt train",
         {f"{RUN}/checkpoints": None}),
    Case("states broken", "translate", r"step-00000004/state\.json is not valid JSON.*has no usable checkpoint",
         "Train it", both("state.json", cut(-9))),
    Case("states of lists", "translate", r"state\.json must hold keys and values, but is a list.*no usable checkpoint",
         "Train it", both("state.json", "[]")),
    Case("states of wrong types", "translate", r"`state\.step` must be a whole number, but is 'x'.*has no usable",
         "Train it",
         both("state.json", values(state={"step": "x", "valid": 3, "interval": {}}))),
    Case("states nested too deeply", "translate", r"state\.json is not valid JSON: .*recursion.*no usable", "Train it",
         both("state.json", "[" * 100_000)),
    Case("states of a newer nmt", "translate", "written by a newer version of nmt.*no usable checkpoint",
         "Update nmt|Train it", both("state.json", values(format=99))),
    Case("weights truncated", "translate --engine nmt", r"model\.safetensors is damaged: its checksum is not", RESTORE,
         both("model.safetensors", cut(-1))),
    Case("weights altered", "evaluate --engine nmt", r"model\.safetensors is damaged: its checksum is not", RESTORE,
         both("model.safetensors", flip(-7))),
    Case("last weights altered", "translate --engine nmt --checkpoint 8", rf"{LAST}/model\.safetensors is damaged",
         RESTORE, {f"{LAST}/model.safetensors": flip(-7)}),
    Case("weights missing", "translate --engine nmt", r"model\.safetensors cannot be read: No such file", RESTORE,
         both("model.safetensors", None)),
    Case("weights pickled", "translate --engine nmt", r"model\.safetensors .*(damaged|safetensors)", RESTORE,
         pickled("model.safetensors")),
    Case("all that resuming needs damaged", TRAIN, r"train\.safetensors is damaged", "--fresh|Restore",
         both("train.safetensors", flip(-7))),
    Case("all that resuming needs pickled", TRAIN, r"train\.safetensors ", "--fresh|Restore",
         pickled("train.safetensors")),
    Case("unknown checkpoint", "translate --checkpoint nine", f"{RUN} has no checkpoint `nine`",
         "It has: step-00000004, step-00000008; or say best or last"),
    Case("checkpoint elsewhere", "translate --checkpoint ../..", r"has no checkpoint `\.\./\.\.`", "say best or last"),
    Case("tokenizer missing", "translate", rf"{RUN}.*tokenizer\.tgt\.model", RESTORE,
         {f"{RUN}/tokenizer.tgt.model": None}),
    Case("tokenizer truncated", "translate", f"tokenizer.* {RUN}", RESTORE, {f"{RUN}/tokenizer.src.model": cut(-900)}),
    Case("tokenizer empty", "translate", f"tokenizer.* {RUN}", RESTORE, {f"{RUN}/tokenizer.src.model": b""}),
    Case("tokenizer no tokenizer", "translate", f"tokenizer.* {RUN}", RESTORE,
         {f"{RUN}/tokenizer.src.model": b"no such"}),
    Case("counts of the tokenizer truncated", "translate", rf"tokenizer of {RUN}, tokenizer\.seen\.json, is damaged",
         RESTORE, {f"{RUN}/tokenizer.seen.json": cut(-9)}),
    Case("shapes that do not fit", "translate", "was trained with `model.d_ff: 64`, but the recipe says 128",
         r"Was recipe\.yaml in the run changed\?", {f"{RUN}/recipe.yaml": sub("d_ff: 64", "d_ff: 128")}),
    Case("layers that do not fit", "translate", "trained with `model.num_encoder_layers: 1`, but the recipe says 2",
         r"Was recipe\.yaml in the run changed\?",
         {f"{RUN}/recipe.yaml": sub("num_encoder_layers: 1", "num_encoder_layers: 2")}),
    Case("model changed since", "train mini.yaml model.d_ff=32 seed=2",
         f"{RUN} was begun with `seed: 1`, but the recipe says 2; with `model.d_ff: 64`, but the recipe says 32",
         "Give the new training another `name`.*--fresh"),
    Case("learning rate changed since", "train mini.yaml train.learning_rate=1e-4",
         r"`train\.learning_rate: 0\.005`, but the recipe says 0\.0001", "another `name`.*--fresh"),
    Case("init_from nowhere", "train mini.yaml train.init_from=nowhere", r"`train\.init_from: nowhere`", "run folder",
         {RUN: None}),
    Case("init_from nowhere, fresh", "train mini.yaml --fresh train.init_from=nowhere", "nowhere", "run folder"),
]
HYP = "evaluate --hyp hyp --ref text/test.fr"
JSONL = "evaluate --hyp hyp.jsonl --ref text/test.fr"
EVALUATIONS = [  # more of them, of plain text, in test_bad_text.py
    Case("src alone", "evaluate --src text/test.en", "`--src` goes with `--hyp` and `--ref`", "A run knows"),
    Case("src too long", HYP + " --src text/train.en", r"hyp has 20 lines, but text/train\.en has 300",
         "line n belongs to line n", {"hyp": "a\n" * 20}),
    Case("weak spots of files", HYP + " --analyse", "`--analyse` and `--robustness` need a run", "Leave out --hyp",
         {"hyp": "a\n" * 20}),
    Case("scored JSON lines broken", JSONL, r"hyp\.jsonl:2 is not valid JSON", "nmt translate --format jsonl",
         {"hyp.jsonl": '{"translation": "a"}\n{"translation": \n'}),
    Case("scored JSON lines without a translation", JSONL, r"hyp\.jsonl:1 has no text in a field `translation`",
         "nmt translate --format jsonl", {"hyp.jsonl": '{"text": "a"}\n'}),
    Case("scored JSON lines blank", JSONL, r"hyp\.jsonl:2 is not valid JSON", "Each line must be",
         {"hyp.jsonl": '{"translation": "a"}\n\n'}),
    Case("scored JSON lines nested too deeply", JSONL, r"hyp\.jsonl:1 is not valid JSON", "Each line must be",
         {"hyp.jsonl": "[" * 100_000}),
    Case("nothing evaluated to compare", f"compare {RUN} {RUN}", f"{RUN} has not been evaluated",
         f"Run: nmt evaluate --run {RUN}"),
    Case("report of no run", "report text", "text is not a run folder", "Give the folder"),
]
# fmt: on
CASES = [*RECIPES, *OVERRIDES, *PREPARED_FOLDERS, *RUNS, *EVALUATIONS]


@pytest.mark.parametrize("case", parameters(CASES))
def test_wrong_input_is_refused(project, nmt, case):
    check(case, nmt)


def test_the_table_has_80_cases():
    names = [case.name for case in [*CASES, *TEXT_CASES]]
    print(f"{len(names)} cases of wrong input")
    assert len(set(names)) == len(names) >= 80


@pytest.mark.parametrize("command", ["translate", "evaluate", "verify", TRAIN])
@pytest.mark.parametrize("file", ["model.safetensors", "train.safetensors"])
def test_a_pickle_is_never_opened(project, nmt, command, file):
    """Whatever is said of it: see the table."""
    refused.change(pickled(file))
    _, _, err = nmt(*command.split())
    assert "Traceback" not in err
    assert not (project / "opened").exists()
    pickle.loads((project / LAST / file).read_bytes())
    assert (project / "opened").exists()


# --- any recipe ------------------------------------------------------------------------------------------------------

DEMO = (Path(__file__).parents[1] / "recipes/demo.yaml").read_text(encoding="utf-8")
PIECES = st.one_of(
    st.sampled_from(
        ["\t", "\n", "  ", ": ", "- ", "{", "}", "[", "]", "&a ", "*a", "!!binary ", "!!python/none ", "<<: ", "? ",
         "| ", "---\n", "%YAML 9\n", "null", "~", ".nan", "1e999", "-1", "0x_", "1:30", "=", "\0", "\ufeff"]
    ),
    st.text(max_size=5),
)  # fmt: skip
KEYS = st.sampled_from(
    ["train", "train.max_steps", "train.adam_betas", "train.adam_betas.0", "data", "data.train", "data.train.0.source",
     "data.test", "data.test.x", "data.sha256", "data.sha256.x", "tokenizer.user_symbols", "name", "evaluate.metrics.9"]
)  # fmt: skip


def spliced(at: int, length: int, pieces: list[str]) -> bytes:
    return (DEMO[:at] + "".join(pieces) + DEMO[at + length :]).encode("utf-8", "replace")


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
        st.builds(spliced, st.integers(0, len(DEMO)), st.integers(0, 40), st.lists(PIECES, max_size=4)),
    ),
    st.lists(st.one_of(st.builds("{}={}".format, KEYS, PIECES), st.text(max_size=9)), max_size=2),
)
def test_any_file_gives_a_recipe_or_an_error_of_ours(tmp_path_factory, content, overrides):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        recipe = load_recipe(path, overrides)
    except NMTError as e:
        assert e.message
        assert e.exit_code == 2
    else:
        assert isinstance(recipe, Recipe)
