"""What a person's files are, by looking."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from nmt.data.draft import draft
from nmt.data.guess import Guess, guess, language
from nmt.errors import DataError, RecipeError
from nmt.recipe import load_recipe

EN, FR = "A dog runs.", "Un chien court."


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Make a file of this name and text, and give its path."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return make


# --- two files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "languages"),
    [
        (("train.en", "train.fr"), ("en", "fr")),
        (("train.en.gz", "train.pt-BR.gz"), ("en", "pt-BR")),
        (("en.txt", "de.txt"), ("en", "de")),
        (("contracts_it.txt", "contracts_nl.txt"), ("it", "nl")),
        (("text.English", "text.French"), ("en", "fr")),
    ],
)
def test_languages_are_seen_from_the_names_of_files(write: Any, names: Any, languages: Any) -> None:
    found = guess([write(name, EN) for name in names])
    assert (found.source_lang, found.target_lang) == languages
    assert found.train == {"source": names[0], "target": names[1]}


def test_files_of_two_folders_keep_their_paths(write: Any) -> None:
    first, second = write("one/a.en", EN), write("two/a.fr", FR)
    assert guess([first, second]) == Guess("en", "fr", Path("."), {"source": str(first), "target": str(second)})


def test_a_direction_that_is_said_turns_the_files_round(write: Any, tmp_path: Path) -> None:
    files = [write("a.en", EN), write("a.fr", FR)]
    turned = Guess("fr", "en", tmp_path, {"source": "a.fr", "target": "a.en"})
    assert guess(files, source_lang="fr") == turned
    assert guess(files, target_lang="en") == turned


def test_what_cannot_be_seen_is_asked_for(write: Any) -> None:
    files = [write("a.txt", EN), write("b.fr", FR)]
    with pytest.raises(DataError) as asked:
        guess(files)
    assert asked.value.message == f"the language of {files[0]} cannot be seen from its name."
    assert asked.value.hint == "Say it, as a code such as `en`: --source-lang CODE"
    assert guess(files, source_lang="en").source_lang == "en"


def test_one_language_on_both_sides_is_refused(write: Any) -> None:
    with pytest.raises(DataError, match="both sides would be `en`"):
        guess([write("a.en", EN), write("b.en", EN)])


# --- tables ----------------------------------------------------------------------------------------------------------


def table(write: Any, name: str, text: str, **options: str) -> tuple[str, str, Any, Any]:
    found = guess([write(name, text)], **options)
    return found.source_lang, found.target_lang, found.train["source"], found.train["target"]


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_a_header_names_the_languages(write: Any, separator: str) -> None:
    text = "".join(separator.join(row) + "\n" for row in (("id", "French", "English"), ("17", FR, EN), ("18", FR, EN)))
    name = "pairs.tsv" if separator == "\t" else "pairs.csv"
    assert table(write, name, text) == ("fr", "en", "French", "English")
    assert table(write, name, text, source_lang="en") == ("en", "fr", "English", "French")
    assert table(write, name, text, source_lang="en", target_lang="fr") == ("en", "fr", "English", "French")


def test_roles_in_a_header_leave_the_languages_to_be_said(write: Any) -> None:
    text = f"target\tsource\n{FR}\t{EN}\n"
    with pytest.raises(DataError, match=r"the language of column source and column target of .* cannot be seen"):
        table(write, "pairs.tsv", text)
    assert table(write, "pairs.tsv", text, source_lang="en", target_lang="fr") == ("en", "fr", "source", "target")


def test_without_a_header_the_first_two_columns_of_text_are_taken(write: Any) -> None:
    text = f"1276\t{EN}\thttps://example.org/sentences\t{FR}\tCC-BY (someone)\n" * 3
    assert table(write, "pairs.tsv", text, source_lang="en", target_lang="fr") == ("en", "fr", 1, 3)


def test_records_are_looked_into(write: Any) -> None:
    record = {"id": "x17", "translation": {"de": "Ein Hund läuft.", "en": EN}}
    lines = (json.dumps(record) + "\n") * 3
    assert table(write, "pairs.jsonl", lines) == ("de", "en", "translation.de", "translation.en")
    assert table(write, "pairs.jsonl.gz", lines) == ("de", "en", "translation.de", "translation.en")


def test_parquet_is_looked_into(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "pairs.parquet"
    pq.write_table(pa.Table.from_pylist([{"translation": {"en": EN, "fr": FR}}]), path)
    found = guess([path])
    assert found.train == {"path": "pairs.parquet", "source": "translation.en", "target": "translation.fr"}


def test_a_table_without_two_columns_of_text_is_refused(write: Any) -> None:
    with pytest.raises(DataError, match=r"does not have two columns of text; its columns: '0'\."):
        table(write, "pairs.tsv", f"{EN}\n{EN}\n", source_lang="en", target_lang="fr")


@pytest.mark.parametrize("separator", [",", ";"])
def test_what_is_guessed_of_a_table_can_be_read(write: Any, tmp_path: Path, separator: str) -> None:
    rows = [("id", "english", "French"), *((str(i), f'"{EN}, {i}; and on"', FR) for i in range(40))]
    path = write("pairs.csv", "".join(separator.join(row) + "\n" for row in rows))
    written, found = draft([path], None, None, tmp_path / "own.yaml")
    assert (found.pairs, found.example) == (40, (f"{EN}, 0; and on", FR))
    assert load_recipe(written).data.train[0].source == "english"


@pytest.mark.parametrize("names", [("memory.tmx",), ("a.srt", "b.srt")])
def test_documents_are_refused_by_their_names(write: Any, names: Any) -> None:
    with pytest.raises(
        DataError, match=r"is (a translation memory \(\.tmx\)|subtitles \(\.srt\)), which cannot be read"
    ):
        guess([write(name, EN) for name in names])


@pytest.mark.parametrize("names", [("a.en",), ("a.en", "a.fr", "b.en"), ("a.en", "b.tsv")])
def test_other_numbers_of_files_are_refused(write: Any, names: Any) -> None:
    with pytest.raises(DataError, match="a recipe is written for two text files, or for one table, but these are: "):
        guess([write(name, EN) for name in names])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file .*a\.en\."):
        guess([tmp_path / "a.en", tmp_path / "a.fr"])
    with pytest.raises(DataError, match=r"is no file\."):
        guess([tmp_path])


def test_codes_and_names_of_languages() -> None:
    assert [language(text) for text in ("en", "EN", "zh-Hans", "German", "id", "train", "xx", "")] == [
        "en", "en", "zh-Hans", "de", "id", None, None, None,
    ]  # fmt: skip


# --- the recipe ------------------------------------------------------------------------------------------------------


def test_the_recipe_can_be_read_and_holds_out_what_the_text_can_spare(write: Any, tmp_path: Path) -> None:
    files = [write("contracts/train.en", (EN + "\n") * 400), write("contracts/train.no", (FR + "\n") * 400)]
    path, found = draft(files, None, None, tmp_path / "own.yaml")
    assert (found.pairs, found.held_out, found.example) == (400, 20, (EN, FR))
    recipe = load_recipe(path)
    assert (recipe.name, recipe.data.target_lang, recipe.data.root) == ("own", "no", str(tmp_path / "contracts"))
    assert recipe.data.valid[0].holdout == recipe.data.test["held_out"].holdout == 20
    assert "model.preset" in recipe.open_keys
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert values["train"] == {"max_minutes": 60}


@pytest.mark.parametrize(("lines", "held_out"), [(20, 1), (5_000, 250), (30_000, 1000)])
def test_how_much_is_held_out(write: Any, tmp_path: Path, lines: int, held_out: int) -> None:
    files = [write("a.en", "x\n" * lines), write("a.fr", "y\n" * lines)]
    assert draft(files, None, None, tmp_path / "own.yaml")[1].held_out == held_out


def test_too_few_pairs_make_no_recipe(write: Any, tmp_path: Path) -> None:
    files = [write("a.en", "x\n" * 19), write("a.fr", "y\n" * 19)]
    with pytest.raises(DataError, match="there are only 19 pairs in "):
        draft(files, None, None, tmp_path / "own.yaml")
    assert not (tmp_path / "own.yaml").exists()


def test_the_name_is_that_of_the_files_or_of_their_folder(write: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for names, wanted in (
        (("contracts/train.en", "contracts/train.fr"), "contracts-en-fr.yaml"),
        (("medical.en", "medical.fr"), "medical-en-fr.yaml"),
    ):
        path, _ = draft([write(name, "x\n" * 40) for name in names], None, None, None)
        assert str(path) == wanted


def test_a_code_that_is_none_is_refused(write: Any, tmp_path: Path) -> None:
    files = [write("a.txt", "x\n" * 40), write("b.txt", "y\n" * 40)]
    with pytest.raises(RecipeError, match=r"`data\.source_lang` must be a language code such as `en` or `pt-BR`"):
        draft(files, "english language", "fr", tmp_path / "own.yaml")
