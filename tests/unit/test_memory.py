"""Translation memories: as training text, and as translations that are known already."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from nmt.data.corpus import PairSource
from nmt.errors import DataError, RecipeError
from nmt.formats.memory import is_memory, pairs
from nmt.recipe import Recipe, load_recipe

TMX = """<?xml version="1.0" encoding="{0}"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en-US"/><body>{1}</body></tmx>"""


def tu(**texts: str) -> str:
    return (
        "<tu>"
        + "".join(f'<tuv xml:lang="{k.replace("_", "-")}"><seg>{v}</seg></tuv>' for k, v in texts.items())
        + "</tu>"
    )


BODY = (
    tu(en_US="The <bpt i='1'>&lt;b&gt;</bpt>dog<ept i='1'/> <hi>barks</hi>.", fr="Le chien\n aboie.")
    + tu(en_US="Only English.", de="Nur Englisch.")
    + tu(fr="Un œuf.", en_US="An &amp; egg.")
)
PAIRS = [("The dog barks.", "Le chien aboie."), ("Only English.", ""), ("An & egg.", "Un œuf.")]


def test_units_in_order_without_codes_and_blank_where_a_language_lacks(tmp_path: Path) -> None:
    for name, data in {
        "a.tmx": TMX.format("utf-8", BODY).encode(), "b.tmx": TMX.format("UTF-16", BODY).encode("utf-16"),
        "c.tmx.gz": gzip.compress(TMX.format("utf-8", BODY).encode()),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
        assert list(pairs(tmp_path / name, "en", "fr", name)) == PAIRS


def test_xliff_and_po_are_memories_too(tmp_path: Path) -> None:
    path = tmp_path / "a.xlf"
    path.write_text('<xliff version="1.2"><file source-language="en" target-language="fr-FR"><trans-unit id="1">'
                    "<source>A <g id='1'>dog</g></source><target>Un <g id='1'>chien</g></target></trans-unit>"
                    "<trans-unit id='2'><source>x</source></trans-unit></file></xliff>")  # fmt: skip
    assert list(pairs(path, "en", "fr", "a.xlf")) == [("A dog", "Un chien"), ("x", "")]
    with pytest.raises(DataError, match=r"which language 'de' is; the file has en, fr-FR"):
        list(pairs(path, "en", "de", "a.xlf"))
    path = tmp_path / "a.po"
    path.write_text('msgid "Done"\nmsgstr "Fait"\n\n#, fuzzy\nmsgid "x"\nmsgstr "y"\n\nmsgid "z"\nmsgstr ""\n')
    assert list(pairs(path, "en", "fr", "a.po")) == [("Done", "Fait")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (BODY, "which language 'it' is; the file has en-US, fr, de."),
        (tu(en_US="a", en_GB="b", it="c"), "which language 'en' is; the file has en-US, en-GB, it."),
        ("", "the file has no languages."),
    ],
)
def test_languages_that_are_absent_or_not_clear_are_told_with_what_is_there(
    tmp_path: Path, body: str, says: str
) -> None:
    path = tmp_path / "a.tmx"
    path.write_text(TMX.format("utf-8", body), encoding="utf-8")
    with pytest.raises(DataError) as error:
        list(pairs(path, "en", "it", "a.tmx"))
    assert says in error.value.message


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    for name, data, says in (("a.tmx", b"<tmx><body><tu>", "a.tmx is not well-formed XML"),
                             ("a.tmx.gz", gzip.compress(b"x" * 99)[:-9], "damaged gzip file")):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=says):
            list(pairs(tmp_path / name, "en", "fr", name))
    with pytest.raises(DataError, match="cannot be read: No such file"):
        list(pairs(tmp_path / "no.tmx", "en", "fr", "no.tmx"))


def test_entities_give_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    path = tmp_path / "a.tmx"
    path.write_text(
        f'<!DOCTYPE tmx [<!ENTITY s SYSTEM "file://{secret}">]><tmx><body>{tu(en="a &s; b", fr="c")}</body></tmx>'
    )
    assert "secret" not in str(list(pairs(path, "en", "fr", "a.tmx")))


def test_memory_stays_flat(tmp_path: Path) -> None:
    def peak(units: int) -> int:
        path = tmp_path / f"{units}.tmx"
        path.write_text(TMX.format("utf-8", tu(en="A dog barks.", fr="Un chien aboie.") * units), encoding="utf-8")
        tracemalloc.start()
        number = sum(1 for _ in pairs(path, "en", "fr", path.name))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert number == units
        return found

    peak(10)
    assert peak(20_000) < 2 * peak(200) + 200_000


# --- as training text ------------------------------------------------------------------------------------------------


def recipe_of(tmp_path: Path, train: str) -> Recipe:
    path = tmp_path / "a.yaml"
    path.write_text(
        f"name: a\ndata:\n  source_lang: en\n  target_lang: fr\n  train: {train}\n  valid: {{holdout: 1}}\n"
    )
    return load_recipe(path)


def test_a_memory_is_a_corpus_in_the_recipe_s_languages(tmp_path: Path) -> None:
    (tmp_path / "m.tmx").write_text(TMX.format("utf-8", BODY), encoding="utf-8")
    corpus = recipe_of(tmp_path, "{path: m.tmx}").data.train[0]
    assert (corpus.source, corpus.target) == ("en", "fr")
    source = PairSource(corpus, tmp_path)
    chunks = list(source.chunks())
    assert [(s.decode(), t.decode()) for c in chunks for s, t in zip(c.src, c.tgt, strict=True)] == PAIRS
    assert source.where("src", 3) == "m.tmx tu 3"
    german = recipe_of(tmp_path, "{path: m.tmx, target: de}").data.train[0]
    assert [t for c in PairSource(german, tmp_path).chunks() for t in c.tgt] == [b"", b"Nur Englisch.", b""]


def test_tables_still_need_their_columns(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="needs `source`, `target`"):
        recipe_of(tmp_path, "{path: m.tsv}")
    assert is_memory("a.TMX.gz") and not is_memory("a.tsv")
