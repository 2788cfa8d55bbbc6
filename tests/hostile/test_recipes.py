"""Recipes and overrides that no person means well."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.hostile import RECIPE, Case, parameters, refused

PREPARE = ("prepare", "r.yaml")
NOT_YAML = r"r\.yaml is not valid YAML"


def recipe(name: str, text: str | bytes, says: str, lines: int = 3) -> Case:
    return Case(f"recipe: {name}", PREPARE, says, {"r.yaml": text}, lines=lines)


def more(name: str, lines: str, says: str) -> Case:
    """A recipe with more in it."""
    return recipe(name, RECIPE + lines, says)


def key(override: str, says: str, name: str = "") -> Case:
    return Case(f"key: {name or override}", (*PREPARE, override), says)


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
RECIPES = [
    recipe("deep flow", "{a: " * 10_000, "nested too deeply"),
    recipe("deep block", "- " * 10_000, "nested too deeply"),
    recipe("deep lines", "".join(" " * i + "a:\n" for i in range(900)), "nested too deeply|not a known key|missing", 6),
    recipe("deep and closed", "[" * 3000 + "]" * 3000, "nested too deeply"),
    recipe("laughs", LAUGHS, r"line 2, column 10: .*aliases are not known"),
    recipe("alias of itself", "a: &a [*a]\n", "aliases are not known"),
    more("merge of an alias", "decode: &d {beam_size: 2}\nevaluate:\n  <<: *d\n", "aliases are not known"),
    more("merge of what is no mapping", "decode:\n  <<: 3\n", "expected a mapping"),
    more("key twice", "name: other\n", "key `name` is given twice"),
    more("key twice, deep", "decode: {beam_size: 1, beam_size: 2}\n", "key `beam_size` is given twice"),
    more("key that is a list", "? [a, b]\n: 1\n", "unhashable key"),
    more("key that is a mapping", "? {a: b}\n: 1\n", "unhashable key"),
    more("key that is null", "~: 1\n", "`None` is not a known key"),
    more("key that is a number", "1: 1\n", "`1` is not a known key"),
    more("key of 500,000 letters", f"? {'x' * 500_000}\n: 1\n", "x{50}.*is not a known key"),
    more("key with a colour", '"\\e[31mred": 1\n', r"`\\x1b\[31mred` is not a known key"),
    more("key with a line break", '"a\\nb": 1\n', r"`a\\nb` is not a known key"),
    more("key that turns the order", '"a\\u202Eb": 1\n', r"`a\\u202eb` is not a known key"),
    more("key twice, with a colour", '"\\e[31m": 1\n"\\e[31m": 2\n', r"key `\\x1b\[31m` is given twice"),
    more("value with a colour", 'seed: "\\e[31m"\n', r"`seed` must be a whole number, but is '\\x1b\[31m'"),
    more("value of 500,000 letters", f"seed: {'x' * 500_000}\n", "`seed` must be a whole number, but is 'x{50}"),
    more("half a surrogate pair", 'seed: "\\ud800"\n', "cannot be read as str"),
    more("tag of Python", "decode: !!python/object/apply:os.system [id]\n", "could not determine a constructor"),
    more("tag of our own", "decode: !nmt {}\n", "could not determine a constructor"),
    more("tag with a colour", "decode: !<\\e[31m> {}\n", NOT_YAML),
    more("set", "decode: !!set {a, b}\n", "`decode` must be a section"),
    more("pairs", "decode: !!pairs [a: 1]\n", "`decode` must be a section"),
    more("binary", "name2: !!binary aGk=\n", "`name2` is not a known key"),
    more("binary that is none", "decode: !!binary é\n", "line 11"),
    more("int that is none", "seed: !!int x\n", "cannot be read as int"),
    more("float that is none", "seed: !!float x\n", "cannot be read as float"),
    more("date that is none", "seed: 2024-13-45\n", "cannot be read as timestamp"),
    more("two documents", "---\nname: b\n", "single document"),
    more("unknown directive", "---\n%YAML 9.9\n---\n", NOT_YAML + "|single document"),
    more("tab", "decode:\n\tbeam_size: 1\n", "cannot start any token"),
    more("unclosed quote", 'decode: "x\n', NOT_YAML),
    more("unclosed bracket", "decode: [\n", NOT_YAML),
    more("anchor alone", "decode: &\n", NOT_YAML),
    more("bare star", "decode: *\n", NOT_YAML),
    more("number of 5,000 digits", f"seed: {'9' * 5000}\n", "a number has too many digits"),
    more("number of 60 digits", f"seed: {'9' * 60}\n", "`seed` must be less than 9223372036854775808"),
    recipe("empty", "", "must hold keys and values"),
    recipe("blank", " \n\n", "must hold keys and values"),
    recipe("null", "~\n", "must hold keys and values"),
    recipe("text", "hello\n", "must hold keys and values"),
    recipe("long text", "x" * 500_000, "must hold keys and values"),
    recipe("too large", "#" * 1_000_001, "a file of 1,000,001 bytes"),
    recipe("UTF-16", RECIPE.encode("utf-16"), "is not UTF-8 text"),
    recipe("UTF-16, no mark", RECIPE.encode("utf-16-le"), r"U\+0000"),
    recipe("UTF-32", RECIPE.encode("utf-32"), "is not UTF-8 text"),
    recipe("Latin-1", RECIPE.encode() + b"# \xe9\n", "is not UTF-8 text"),
    recipe("NUL", RECIPE + "# \0\n", r"U\+0000 in line 11"),
    recipe("escape", RECIPE + "# \x1b[2J\n", r"U\+001B in line 11"),
    recipe("all bytes", bytes(range(256)), "is not UTF-8 text|U\\+0000"),
    recipe("gzip", b"\x1f\x8b\x08\0" + bytes(20), "is not UTF-8 text"),
]
TOO_LARGE = ["tokenizer.vocab_size", "model.d_model", "model.d_ff", "model.num_heads", "model.num_encoder_layers",
             "model.num_decoder_layers", "decode.beam_size", "train.threads"]  # fmt: skip
WHOLE = ["train.max_steps", "train.batch_tokens", "seed", "data.valid.holdout", "tokenizer.max_sentences"]
ANY = ["train", "data", "model", "decode", "tokenizer", "evaluate", "data.train", "data.valid", "data.test",
       "data.sha256", "data.filters", "name", "seed", "train.adam_betas", "tokenizer.user_symbols"]  # fmt: skip
PATHS = ["data.root", "data.prepared_dir", "train.runs_dir", "data.train.source"]
OVERRIDES = [
    *(key(f"{name}={2**62}", f"`{name}` must be at most") for name in TOO_LARGE),
    *(key(f"{name}={10**60}", f"`{name}.*` must be less than|holdout corpus", f"{name}=10^60") for name in WHOLE),
    *(key(f"{name}={-1}", f"`{name}` must be|holdout corpus") for name in [*TOO_LARGE, *WHOLE]),
    *(key(f"{name}=.nan", f"`{name}.*must be|holdout corpus") for name in WHOLE),
    *(key(f"{name}=!!python/none", "could not determine a constructor") for name in ANY),
    *(key(f"{name}={'[' * 9000}", "nested too deeply", f"{name}=[[[…") for name in ANY[:4]),
    *(key(f"{name}='\x1b[31m'", r"U\+001B in line 1") for name in ANY[:4]),
    *(key(f'{name}="a\\0b"', rf"`{name}` must be a name without U\+0000, but is 'a\\x00b'") for name in PATHS),
    *(key(f'{name}="a\\nb"', rf"`{name}` must be a name without U\+000A") for name in PATHS),
    *(key(f"{name}={'x' * 300}", f"`{name}` must be a name of at most 240 bytes", f"{name}=xxx…") for name in PATHS),
    *(key(f"{name}={'x/' * 2000}", f"`{name}` must be a name of at most", f"{name}=x/x/…") for name in PATHS),
    *(key(f"name={value}", "`name` must be usable as a folder name")
      for value in ["..", ".", "a/b", "/", "latest", "-x", "_x", "'a b'", '"a\\0"', '"a\\e[31m"', '""', '" "']),
    key(f"name={'é' * 150}", "at most 200 bytes long", "name=ééé…"),
    *(key(f"tokenizer.user_symbols=[{value}]", "`tokenizer.user_symbols`: ")
      for value in ['""', '" "', "x, x", "<s>", "</s>", "<pad>", "<unk>", "<0x41>", '"a\\0"', '"a\\nb"', '" x"']),
    *(key(f"data.source_lang={value}", r"`data\.source_lang` must be a language code")
      for value in ["english", "1", "e", "[]", '"e\\0"', "../x", "true"]),
    *(key(f"data.test={{{value}: {{holdout: 3}}}}", "cannot name a test set|must be text")
      for value in ["train", "valid", "../x", '"a\\0"', "-", "1", "x" * 300]),
    *(key(text, "must look like") for text in ["=", "a", ".=1", "a..b=1", "a.=1", ".a=1", "\x1b[31m", "=\x1b[31m"]),
    *(key(f"{name}.x=1", "is not a section|must be a whole number|is not a known key")
      for name in ["name", "seed", "data.train.0.source"]),
    key("data.train.7=1", r"`data\.train\.7` is not a known key"),
    key("data.train.-1=1", r"`data\.train\.-1` is not a known key"),
    key("nonsense." * 500 + "x=1", "is not a known key|nested too deeply", "nonsense.nonsense.…"),
]  # fmt: skip
FILES = [
    Case("recipe: missing", ("prepare", "no.yaml"), r"there is no recipe no\.yaml"),
    Case("recipe: name with a colour", ("prepare", "\x1b[31m.yaml"), r"there is no recipe \\x1b\[31m\.yaml"),
    Case("recipe: name that turns the order", ("prepare", "a\u202eb.yaml"), r"there is no recipe a\\u202eb\.yaml"),
    Case("recipe: name too long", ("prepare", "x" * 300), "File name too long"),
    Case("recipe: name of 100,000 letters", ("prepare", "x" * 100_000), "File name too long"),
    Case("recipe: folder", ("prepare", "text"), "Is a directory"),
    Case("recipe: below a file", ("prepare", "r.yaml/x"), "Not a directory"),
    Case("recipe: device", ("prepare", "/dev/zero"), "cannot read the recipe /dev/zero: it is a device"),
    Case("recipe: random device", ("prepare", "/dev/urandom"), "it is a device"),
    Case("recipe: link to itself", ("prepare", "loop.yaml"), "symbolic links"),
    Case("recipe: pipe", ("prepare", "pipe"), "cannot read the recipe pipe: it is a pipe"),
    Case("recipe: not to be read", ("prepare", "text/train.en"), "must hold keys and values|not valid YAML"),
]


@pytest.mark.parametrize("case", parameters([*RECIPES, *OVERRIDES, *FILES]))
def test_a_hostile_recipe_is_refused(folder: Path, nmt: Callable[..., tuple[int, str, str]], case: Case) -> None:
    os.mkfifo("pipe")
    os.symlink("loop.yaml", "loop.yaml")
    refused(case, nmt)
