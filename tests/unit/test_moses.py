"""BLEU as papers on Multi30k have it: words are cut as the official files are."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from sacrebleu.metrics.bleu import BLEU

from nmt.errors import DataError, RecipeError
from nmt.recipe import make_recipe
from nmt.text.metrics import make_metric, score
from nmt.text.moses import LANGUAGES, moses

# Of lc.norm.tok files of multi30k/dataset, or of the quirks that they have
CUT = {
    "fr": {
        "Des gens admirent une œuvre d'art.": "des gens admirent une œuvre d&apos; art.",
        'Ce qui s\'appelle "32 De Neude."': "ce qui s&apos; appelle &quot; 32 de neude &quot; .",
        "Un homme entouré d’œuvres.": "un homme entouré d &quot; œuvres .",
        "l’homme aujourd'hui 'ici'": "l&apos; homme aujourd&apos; hui &apos; ici&apos;",
        "«\u00a0Oui\u00a0», dit-il : 3\u00a0000 %": "&quot; oui &quot; , dit-il : 3,000 %",
        "1,5 m, 3, 4,": "1,5 m , 3 , 4 ,",
        "Attends... [A|B] <b> & ½": "attends ... &#91; a &#124; b &#93; &lt; b &gt; &amp; ½",
        "ÉCOLE (n. 3) P. S. etc. 5": "école ( n. 3 ) p. s. etc. 5",
        "": "",
    },
    "en": {
        'A man in the 1990\'s isn\'t "here."': "a man in the 1990 &apos;s isn &apos;t &quot; here . &quot;",
        "dogs' tails, pp. 5 vs. U.S.A. 3.": "dogs &apos; tails , pp. 5 vs. u.s.a. 3 .",
        "what 's \tthis\u00a0?": "what &apos; s this ?",
    },
    "de": {
        "Der Spieler mit der Nummer 10.": "der spieler mit der nummer 10.",
        "Joe‘s Laden, „Hallo.“": "joe &apos; s laden , &quot; hallo &quot; .",
    },
    "cs": {"A na pozadí les.": "a na pozadí les.", '"Ano."': "&quot; ano . &quot;", "šk. Škola": "šk. škola"},
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_cut_as_moses_does(language: str) -> None:
    cut = moses(language)
    assert {line: cut(line) for line in CUT[language]} == CUT[language]


def test_odd_text_has_no_harm() -> None:
    for language in LANGUAGES:
        cut = moses(language)
        for line in ("\x01 \x00", " ", "北京。 ", "e\u0301’à", "\ud800", "....", ".'", "Σας ΟΔΟΣ"):
            assert "  " not in cut(line)
    assert moses("fr")("ΟΔΟΣ") == "οδοσ"


# sha256 of what comes of the raw files; as long as the official files to the character, which sacremoses is not
SUMS = {
    "test_2016_flickr.fr": "1463bd5960f9bfe098ec3cd752d3df0c49c84dc646fb518964a29232658cd836",
    "val.fr": "b303e301aa21fe7822a846b2b3fb2d5a1121ec807cd5b1d006fb7b2b5507168a",
    "train.fr": "8fa41bb718412bcb7c5dfa58603842810a01543eae86a51279f9886b901266e1",
    "test_2016_flickr.en": "5b7f32627cf99eced828311b955dae9800bb52bc8b91cf8b6526829e605b29d2",
    "val.en": "46573ce391ae227f1c72f873392436a20ef18e0a6d518098cfbd70b77c8572ec",
    "test_2016_flickr.de": "c6a33d39d48f9f510de147651316cd9d918e09ad0219df734a2f16b6baccacc4",
    "val.de": "97232bd273eceb7207f689527386a97e4be2616b18ada47576bdaf96c8ae1f00",
    "test_2016_flickr.cs": "748c8816de928732365176e5c5d2f9bbabcec9b8d4448fba2d230feb057898a7",
    "val.cs": "b87ee4917f4a0f9ca6cca03e402026c9f4437dc1bd6a7dadfd2544ecfb6c5501",
}


def test_files_are_as_those_of_multi30k(shared_data: Path) -> None:
    for name, digest in SUMS.items():
        cut = moses(name.rpartition(".")[2])
        lines = gzip.decompress((shared_data / "multi30k" / f"{name}.gz").read_bytes()).decode().split("\n")[:-1]
        made = "".join(f"{cut(line)}\n" for line in lines).encode()
        assert hashlib.sha256(made).hexdigest() == digest, name


# --- the metric ------------------------------------------------------------------------------------------------------

REFS = ["L'homme est là.", "Une femme court, vite !", "Deux chiens jouent dans l'herbe verte."]
HYPS = ["l’homme est ici.", "Une femme court vite.", "Deux chats jouent dans l'herbe verte."]


def test_the_score_is_that_of_cut_text() -> None:
    plain = BLEU(tokenize="none", smooth_method="none", force=True)
    cut = moses("fr")
    expected = plain.corpus_score([cut(line) for line in HYPS], [[cut(line) for line in REFS]]).score
    (found,) = score(HYPS, REFS, ["bleu_moses_lc"], "13a:fr", confidence=True)
    assert found.value == pytest.approx(expected) and 0 < expected < 100 and found.interval
    assert found.signature.startswith(
        "nrefs:1|bs:1000|seed:12345|case:lc|eff:no|tok:moses-fr-norm-3a0631a|smooth:none|"
    )


def test_case_and_kinds_of_apostrophes_make_no_difference() -> None:
    same = [line.replace("'", "’").upper() for line in REFS]
    assert score(same, REFS, ["bleu_moses_lc"], "13a:fr")[0].value == pytest.approx(100)


def test_other_metrics_do_not_mind_the_language() -> None:
    assert score(HYPS, REFS, ["bleu", "ter"], "13a:fr") == score(HYPS, REFS, ["bleu", "ter"], "13a")


def test_a_regional_code_is_its_language() -> None:
    assert make_metric("bleu_moses_lc", "13a:fr-CA").sentence_score("a", ["a"]) is not None


@pytest.mark.parametrize(("words", "named"), [("13a:pt", "pt"), ("13a:txt", "txt"), ("13a", "others")])
def test_other_languages_are_refused(words: str, named: str) -> None:
    with pytest.raises(DataError, match=rf"^`bleu_moses_lc` knows how Moses cuts cs, de, en, fr, but not {named}\."):
        make_metric("bleu_moses_lc", words)


def test_a_recipe_is_told_before_it_trains() -> None:
    def recipe(target: str, **sections: object) -> object:
        files = {"source": "a", "target": "b"}
        data = {"source_lang": "en", "target_lang": target, "train": files, "valid": files}
        return make_recipe({"name": "x", "data": data, **sections}, "x")

    assert recipe("fr", train={"metric": "bleu_moses_lc"}, evaluate={"metrics": ["bleu_moses_lc", "chrf"]})
    for sections in ({"train": {"metric": "bleu_moses_lc"}}, {"evaluate": {"metrics": ["bleu_moses_lc"]}}):
        with pytest.raises(RecipeError, match="knows how Moses cuts cs, de, en, fr, but not pt"):
            recipe("pt", **sections)
