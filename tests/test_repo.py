"""What holds for the repository as a whole: layers, names, sizes, recipes, commands in the README."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import nmt
from nmt.recipe import PRESETS, Recipe, load_recipe

ROOT = Path(__file__).resolve().parent.parent

# Packages and single modules, from the bottom up. Imports go down, or stay within a package; those inside
# functions count too.
ORDER = [
    "version", "errors", "console", "files", "device", "sentencepiece_model",
    "text", "formats", "recipe", "records", "tokenizer", "model", "data", "run", "decode", "evaluate", "train",
    "synthesis", "serve", "share", "commands", "cli", "__main__",
]  # fmt: skip
MAX_LINES = 400
MAX_RECIPE_LINES = 40


def modules() -> dict[str, Path]:
    """Module or package name without `nmt.` → file; the face of nmt itself is left out."""
    found = {}
    for path in sorted((ROOT / "nmt").rglob("*.py")):
        parts = path.relative_to(ROOT / "nmt").with_suffix("").parts
        if name := ".".join(part for part in parts if part != "__init__"):
            found[name] = path
    return found


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`."""
    if isinstance(tree, ast.If) and "TYPE_CHECKING" in ast.unparse(tree.test):
        return
    yield tree
    for child in ast.iter_child_nodes(tree):
        yield from nodes_that_run(child)


def imports(path: Path) -> set[str]:
    """Full names of everything the file imports when it runs, functions included."""
    names: set[str] = set()
    for node in nodes_that_run(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom():
                assert node.level == 0, f"{path} has a relative import"
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports(path: Path) -> set[str]:
    """Which of our modules the file imports."""
    known = modules()
    own = set()
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "nmt":
            candidates = [".".join(parts[1:end]) for end in range(len(parts), 1, -1)]
            own |= {next(c for c in candidates if c in known)} if any(c in known for c in candidates) else set()
    return own


# --- layers ----------------------------------------------------------------------------------------------------------


def package(module: str) -> str:
    return module.partition(".")[0]


def test_every_package_has_a_place_in_the_order() -> None:
    assert sorted({package(name) for name in modules()}) == sorted(ORDER)


def test_imports_only_go_down() -> None:
    back = [
        f"{name} imports {other}"
        for name, path in modules().items()
        for other in own_imports(path)
        if ORDER.index(package(other)) > ORDER.index(package(name))
    ]
    assert back == []


def test_imports_make_no_circle() -> None:
    order = list(TopologicalSorter({name: own_imports(path) for name, path in modules().items()}).static_order())
    assert sorted(order) == sorted(modules())  # with a circle there is no order: CycleError names it


def test_the_model_knows_tensors_and_its_section_only() -> None:
    for name, path in modules().items():
        if name.startswith("model."):
            foreign = {i for i in imports(path) if i.split(".")[0] not in {*sys.stdlib_module_names, "torch", "nmt"}}
            assert foreign == set(), name
            assert {i for i in own_imports(path) if package(i) != "model"} <= {"recipe"}, name
            assert "nmt.recipe.Recipe" not in imports(path)


def test_beam_search_sees_a_scorer_and_no_model() -> None:
    assert own_imports(modules()["decode.beam"]) <= {"decode.hypothesis", "decode.scorer"}


# --- style -----------------------------------------------------------------------------------------------------------


def test_modules_are_named_for_what_they_do() -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "misc", "lib", "base", "shared"}
    assert [name for name in modules() if vague & set(re.split(r"[._]", name))] == []


def test_a_file_is_read_at_a_sitting() -> None:
    files = [path for folder in ("nmt", "scripts") for path in (ROOT / folder).rglob("*.py")]
    lines = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in files}
    assert {name: n for name, n in lines.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("module", sorted(m for m in modules() if package(m) not in ("cli", "commands", "console")))
def test_only_commands_and_console_print(module: str) -> None:
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    printing = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "print"]
    assert printing == []


def git(*arguments: str) -> list[str]:
    """Lines that git prints; the test is skipped where the files are no git repository."""
    try:
        done = subprocess.run(["git", *arguments, "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("NOT TESTED: this is no git repository")
    return [name for name in done.stdout.split("\0") if name]


def test_nothing_is_tracked_that_should_be_ignored() -> None:
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard")[:10] == []


def test_no_file_names_a_place_of_one_machine() -> None:
    private = re.compile(r"(?<![\w.~:/<>-])/(?:work|root|home|Users)(?:/|\b)")
    found = []
    for name in git("ls-files", "--cached", "--others", "--exclude-standard"):
        path = ROOT / name
        if path.is_file() and path != Path(__file__):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}:{i}" for i, line in enumerate(text.splitlines(), 1) if private.search(line)]
    assert found[:10] == []


# --- packaging -------------------------------------------------------------------------------------------------------


def project() -> dict[str, object]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        values: dict[str, object] = tomllib.load(file)["project"]
    return values


def test_pins_satisfy_the_ranges() -> None:
    pins = dict(
        line.split("==")
        for line in (ROOT / "scripts/constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins.values())  # no local versions such as +cpu
    pinned = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    values = project()
    wanted = [*values["dependencies"], *values["optional-dependencies"]["test"]]  # type: ignore[index, misc]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement


def test_what_is_imported_is_declared() -> None:
    distributions = {"yaml": "pyyaml", "markdown_it": "markdown-it-py"}
    values = project()
    declared = {Requirement(r).name for r in values["dependencies"]}  # type: ignore[attr-defined]
    optional = {"tensorboard", "starlette", "uvicorn"}  # in extras
    for name, path in modules().items():
        tops = {i.split(".")[0] for i in imports(path)} - set(sys.stdlib_module_names) - {"nmt"} - optional
        # typer brings click, and shows its errors
        assert {distributions.get(top, top) for top in tops} <= declared | {"click"}, name


def test_what_nmt_offers_can_be_imported() -> None:
    assert all(getattr(nmt, name) is not None for name in nmt.__all__)


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(nmt.__version__)}\]", changelog, re.MULTILINE)


@pytest.mark.parametrize("script", ["scripts/test", "scripts/quickstart", ".ci/run"])
def test_scripts_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)


# --- recipes ---------------------------------------------------------------------------------------------------------

RECIPES = sorted(path.name for path in (ROOT / "recipes").glob("*"))


def test_the_recipes_are_there() -> None:
    assert RECIPES == [
        "captions-infill.yaml", "captions-lm.yaml", "captions-mlm.yaml", "captions-short.yaml", "demo-dialogue.yaml",
        "demo-opinions.yaml", "demo-qa.yaml", "demo.yaml", "multi30k-1k.yaml", "multi30k-4way.yaml",
        "multi30k-best.yaml", "multi30k-en-de.yaml", "multi30k-experts.yaml", "multi30k-fr-en.yaml",
        "multi30k-from-tatoeba.yaml", "multi30k-more.yaml", "multi30k.yaml", "tatoeba-pairs.yaml", "tatoeba.yaml",
    ]  # fmt: skip


@pytest.fixture
def trained_parents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place where the runs that recipes begin with are, as far as loading a recipe asks for them."""
    for name in RECIPES:
        values = yaml.safe_load((ROOT / "recipes" / name).read_text(encoding="utf-8"))
        if not values.get("train", {}).get("init_from"):
            recipe = load_recipe(ROOT / "recipes" / name)
            (tmp_path / recipe.run_dir).mkdir(parents=True)
            (tmp_path / recipe.run_dir / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.usefixtures("trained_parents")
def test_a_recipe_is_short_and_opens_with_its_commands(name: str) -> None:
    path = ROOT / "recipes" / name
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MAX_RECIPE_LINES
    assert lines[0].startswith("# ")
    commands = [line for line in lines if line.startswith("#   nmt ") or line.startswith("# nmt ")]
    assert any("nmt train" in line for line in commands)
    load_recipe(path)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.usefixtures("trained_parents")
def test_a_recipe_states_only_what_differs_from_the_defaults(name: str) -> None:
    values = yaml.safe_load((ROOT / "recipes" / name).read_text(encoding="utf-8"))
    recipe = load_recipe(ROOT / "recipes" / name)
    for section in ("tokenizer", "model", "train", "decode", "evaluate"):
        fields = type(getattr(recipe, section)).model_fields
        for key in values.get(section, {}):
            if key in type(getattr(recipe, section)).derived_keys():
                continue  # what would be derived depends on the data
            default = fields[key].default
            if section == "model":
                default = PRESETS[recipe.model.preset].get(key, default)
            assert getattr(getattr(recipe, section), key) != default, f"{section}.{key}"
    assert values.get("seed") != Recipe.model_fields["seed"].default


# --- the README ------------------------------------------------------------------------------------------------------


def readme_commands(start: str) -> list[list[str]]:
    """The words of each command of that kind in the README's shell blocks, without redirections and pipes."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = []
    for block in re.findall(r"^```(?:bash|sh|shell|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\|\||&&|[|;](?=\s)", line.removeprefix("$ ")):
                command = re.sub(r"^\.venv/bin/", "", part.strip())
                if command.startswith(start):
                    lexer = shlex.shlex(command, posix=True, punctuation_chars="<>|&")
                    lexer.whitespace_split = True
                    words = list(lexer)
                    ends = [i for i, word in enumerate(words) if set(word) <= set("<>|&")]
                    commands.append(words[: min(ends, default=len(words))])
    return commands


def test_the_readme_shows_the_four_commands() -> None:
    shown = {words[1] for words in readme_commands("nmt ") if len(words) > 1}
    assert shown >= {"prepare", "train", "translate", "evaluate"}
    assert {"scripts/quickstart", "scripts/test"} <= {words[0] for words in readme_commands("scripts/")}


def test_the_readme_s_options_and_keys_exist() -> None:
    from typer.main import get_command

    from nmt.cli import app

    root = get_command(app)
    for words in readme_commands("nmt "):
        command = root
        seen = {"-h", "--help"}
        for word in words[1:]:
            if word in getattr(command, "commands", {}):
                command = command.commands[word]  # type: ignore[attr-defined]
            elif word.startswith("-") and word != "-":
                seen |= {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
                assert word.partition("=")[0] in seen, f"{' '.join(words)}: there is no {word}"
        assert command is not root or len(words) == 1 or words[1].startswith("-"), f"no such command: {' '.join(words)}"
        recipes = [word for word in words if word.startswith("recipes/")]
        for recipe in recipes:
            load_recipe(ROOT / recipe, [word for word in words if re.match(r"[a-z]\w*(\.\w+)*=", word)])


def test_the_readme_s_scripts_exist() -> None:
    for words in readme_commands("scripts/"):
        assert os.access(ROOT / words[0], os.X_OK), words[0]
