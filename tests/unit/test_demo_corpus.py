"""The demo corpus: reproducible, well split, and in correct French."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))  # as when the generator runs as a script

import make_demo_corpus as demo
from demo_corpus.clauses import question, statement, wh_question
from demo_corpus.grammar import NounPhrase, Phrase, finish, noun_phrase
from demo_corpus.lexicon import NOUNS, VERBS
from demo_corpus.morphology import conjugate, french_plural, imperative_form, sandhi

DATA = Path(__file__).resolve().parents[2] / "data" / "demo"
SIZES = {"train": 10_000, "valid": 500, "test": 500}


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[tuple[str, str]]]:
    """Read the committed files as pairs of sentences."""
    pairs = {}
    for split in SIZES:
        en, fr = ((DATA / f"{split}.{side}").read_text(encoding="utf-8").splitlines() for side in ("en", "fr"))
        assert len(en) == len(fr)
        pairs[split] = list(zip(en, fr, strict=True))
    return pairs


@pytest.fixture(scope="module")
def french(corpus: dict[str, list[tuple[str, str]]]) -> list[str]:
    return [fr for pairs in corpus.values() for _, fr in pairs]


@pytest.fixture(scope="module")
def built() -> dict[str, list]:
    return demo.build()


# ------------------------------------------------------------------------------------------------------ the files
def test_files_are_reproducible(built: dict[str, list], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "build", lambda: built)  # generated once for all tests
    monkeypatch.setattr(sys, "argv", ["make_demo_corpus.py", "--out", str(tmp_path)])
    demo.main()
    for split in SIZES:
        for side in ("en", "fr"):
            assert (tmp_path / f"{split}.{side}").read_bytes() == (DATA / f"{split}.{side}").read_bytes()


def test_sizes_and_format(corpus: dict[str, list[tuple[str, str]]]) -> None:
    assert {split: len(pairs) for split, pairs in corpus.items()} == SIZES
    for split in SIZES:
        for side in ("en", "fr"):
            raw = (DATA / f"{split}.{side}").read_bytes()
            assert raw.endswith(b"\n") and not raw.endswith(b"\n\n") and b"\r" not in raw
    for en, fr in (pair for pairs in corpus.values() for pair in pairs):
        assert 3 <= len(en.split()) <= 17 and 3 <= len(fr.split()) <= 17
        assert re.fullmatch(r"[A-Z][A-Za-z0-9 ,']*[a-z0-9][.?!]", en), en
        assert re.fullmatch(r"[A-ZÀÉÊÎŒ][a-zA-Zàâçéèêëîïôùûœ0-9 ,'-]*[^ ,'-](?:\.| \?| !)", fr), fr
        assert en[-1] == fr[-1] and "  " not in en + fr


def test_sentences_are_unique(corpus: dict[str, list[tuple[str, str]]]) -> None:
    english = [en for pairs in corpus.values() for en, _ in pairs]
    assert len(set(english)) == len(english) == sum(SIZES.values())
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not {fr for _, fr in corpus[one]} & {fr for _, fr in corpus[other]}


# --------------------------------------------------------------------------------------------------- held-out words
@pytest.mark.parametrize("side", [0, 1])
def test_every_evaluation_word_is_frequent_in_training(corpus: dict[str, list[tuple[str, str]]], side: int) -> None:
    counts = Counter(word for pair in corpus["train"] for word in re.findall(r"\w+", pair[side].lower()))
    words = {w for s in ("valid", "test") for pair in corpus[s] for w in re.findall(r"\w+", pair[side].lower())}
    assert {word: counts[word] for word in words if counts[word] < 10} == {}


def test_held_out_combinations_are_absent_from_training(built: dict[str, list]) -> None:
    trained = {combo for pair in built["train"] for combo in pair.combos}
    for split in ("valid", "test"):
        for pair in built[split]:
            unseen = [combo for combo in pair.combos if demo.is_held_out(combo)]
            assert unseen, pair
            assert not trained.intersection(unseen), pair


def test_held_out_adjectives_never_precede_their_noun_in_training(
    corpus: dict[str, list[tuple[str, str]]], built: dict[str, list]
) -> None:
    # independent of the bookkeeping in the script: look at the text itself
    train = "\n".join(en for en, _ in corpus["train"])
    combos = {combo for split in ("valid", "test") for pair in built[split] for combo in pair.combos}
    held_out = [(a, b) for kind, a, b in combos if kind == "adjective-noun" and demo.is_held_out((kind, a, b))]
    assert len(held_out) > 30
    for adjective, noun in held_out:
        if noun in NOUNS:
            entry = NOUNS[noun]
            for form in (entry.en, entry.en_plural):
                assert f" {adjective} {form.replace('_', ' ')}" not in train


# ----------------------------------------------------------------------------------------------------- morphology
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("le homme", "l'homme"),
        ("le hibou", "le hibou"),
        ("la école", "l'école"),
        ("de le pain", "du pain"),
        ("de le argent", "de l'argent"),
        ("de la viande", "de la viande"),
        ("à le marché", "au marché"),
        ("à le hôpital", "à l'hôpital"),
        ("à les échecs", "aux échecs"),
        ("de les enfants", "des enfants"),
        ("près de un arbre", "près d'un arbre"),
        ("de Alice", "d'Alice"),
        ("je ai", "j'ai"),
        ("je ne ai pas", "je n'ai pas"),
        ("je le ai vu", "je l'ai vu"),
        ("il me appelle", "il m'appelle"),
        ("que il", "qu'il"),
        ("si il", "s'il"),
        ("si elle", "si elle"),
        ("il ne y a pas de eau", "il n'y a pas d'eau"),
        ("à huit heures", "à huit heures"),
    ],
)
def test_sandhi(raw: str, expected: str) -> None:
    assert sandhi(raw) == expected


@pytest.mark.parametrize(
    ("args", "en", "fr"),
    [
        (("man", "this"), "this man", "cet homme"),
        (("man", "the", False, "handsome"), "the handsome man", "le bel homme"),
        (("man", "the", True, "old"), "the old men", "les vieux hommes"),
        (("friend", "a", False, "old"), "a old friend", "un vieil ami"),
        (("hotel", "this", False, "new"), "this new hotel", "ce nouvel hôtel"),
        (("school", "my"), "my school", "mon école"),
        (("school", "my", False, "new"), "my new school", "ma nouvelle école"),
        (("house", "some", True, "old"), "some old houses", "de vieilles maisons"),
        (("car", "some", True, "red"), "some red cars", "des voitures rouges"),
        (("dress", "the", True, "white"), "the white dresses", "les robes blanches"),
        (("horse", "two", True, "black"), "two black horses", "deux chevaux noirs"),
        (("milk", "some", False, "fresh"), "some fresh milk", "du lait frais"),
        (("mouse", "this", True), "these mice", "ces souris"),
        (("actress", "the", False, "famous"), "the famous actress", "l'actrice célèbre"),
        (("girl", "their", True, "lazy"), "their lazy girls", "leurs filles paresseuses"),
        (("orange", "not a"), "a orange", "d'orange"),
    ],
)
def test_noun_phrase(args: tuple, en: str, fr: str) -> None:
    phrase = noun_phrase(*args)
    # a/an, elision and contraction are settled for the whole sentence
    assert (phrase.en, sandhi(phrase.fr)) == (en, fr)


@pytest.mark.parametrize(
    ("infinitive", "tense", "person", "expected"),
    [
        ("manger", "present", 3, "mangeons"),
        ("manger", "imperfect", 0, "mangeais"),
        ("manger", "imperfect", 3, "mangions"),
        ("acheter", "present", 5, "achètent"),
        ("acheter", "present", 4, "achetez"),
        ("acheter", "future", 2, "achètera"),
        ("appeler", "present", 1, "appelles"),
        ("nettoyer", "present", 2, "nettoie"),
        ("choisir", "present", 3, "choisissons"),
        ("vendre", "present", 2, "vend"),
        ("attendre", "future", 0, "attendrai"),
        ("être", "imperfect", 5, "étaient"),
        ("avoir", "future", 5, "auront"),
        ("aller", "future", 4, "irez"),
        ("boire", "imperfect", 2, "buvait"),
        ("lire", "present", 5, "lisent"),
        ("prendre", "present", 5, "prennent"),
        ("courir", "future", 2, "courra"),
        ("revenir", "present", 5, "reviennent"),
    ],
)
def test_conjugate(infinitive: str, tense: str, person: int, expected: str) -> None:
    assert conjugate(infinitive, tense, person) == expected


SHE = NounPhrase("she", "elle", gender="f")
THEY = NounPhrase("they", "elles", person=5, gender="f", plural=True)
PAUL = NounPhrase("Paul", "Paul", noun="Paul")
APPLES = noun_phrase("apple", "the", True)


@pytest.mark.parametrize(
    ("phrase", "en", "fr"),
    [
        (statement(THEY, VERBS["go"], "past"), "They went.", "Elles sont allées."),
        (
            statement(SHE, VERBS["eat"], "past", Phrase("them"), clitic="les", preceding=APPLES),
            "She ate them.",
            "Elle les a mangées.",
        ),
        (
            statement(PAUL, VERBS["invite"], "past", Phrase("her"), "not", clitic="la", preceding=SHE),
            "Paul did not invite her.",
            "Paul ne l'a pas invitée.",
        ),
        (
            statement(SHE, VERBS["help"], "near", Phrase("him"), "not", clitic="le"),
            "She is not going to help him.",
            "Elle ne va pas l'aider.",
        ),
        (statement(SHE, VERBS["swim"], "progressive"), "She is swimming.", "Elle nage."),
        (statement(PAUL, VERBS["watch"], "present", neg="never"), "Paul never watches.",
         "Paul ne regarde jamais."),
        (question(SHE, VERBS["work"], "present"), "Does she work.", "Est-ce qu'elle travaille."),
        (
            wh_question(Phrase("where", "où"), PAUL, VERBS["work"], "present"),
            "Where does Paul work.",
            "Où Paul travaille-t-il.",
        ),
        (
            wh_question(Phrase("what", "que"), SHE, VERBS["buy"], "past"),
            "What did she buy.",
            "Qu'a-t-elle acheté.",
        ),
        (statement(PAUL, VERBS["be"], "present", Phrase("a architect", "architecte")),
         "Paul is an architect.", "Paul est architecte."),
    ],
)  # fmt: skip
def test_clauses(phrase: object, en: str, fr: str) -> None:
    sentence = finish(phrase)
    assert (sentence.en, sentence.fr) == (en, fr)


@pytest.mark.parametrize(
    ("singular", "plural"),
    [("bateau", "bateaux"), ("cheval", "chevaux"), ("bus", "bus"), ("clé", "clés"), ("prix", "prix")],
)
def test_french_plural(singular: str, plural: str) -> None:
    assert french_plural(singular) == plural


@pytest.mark.parametrize(
    ("infinitive", "person", "expected"),
    [("fermer", 1, "ferme"), ("ouvrir", 1, "ouvre"), ("prendre", 1, "prends"), ("apporter", 4, "apportez")],
)
def test_imperative(infinitive: str, person: int, expected: str) -> None:
    assert imperative_form(infinitive, person) == expected


# ------------------------------------------------------------------------------------------ the corpus as a whole
VOWEL = "[aeiouâàéèêîôûœ]"
MUTE_H = "h(?:omme|ôtel|ôpital|istoire|orloge|eure)"
WRONG_FRENCH = [
    rf"\b(?:je|me|le|la|de|ne|que) (?:{VOWEL}|{MUTE_H})",  # missing elision
    r"\b(?:de|à) les? ",  # missing contraction
    r"\b(?:du|des|au|aux) (?:l'|la |les? |une? |des? )",
    r"[dlnjmq]u?' ",
    r"'(?![aeiouyâàéèêîôûœh])(?!hui)",  # elision before a consonant
    r"l'hibou|d'hibou|\bsi ils?\b|\bse il\b",
    rf"\b(?:ma|ta|sa|ce) (?:{VOWEL}|{MUTE_H})",
    rf"\b(?:un|le|du|au|ce|mon|ton|son|notre|votre|leur) (?:beau|vieux|nouveau) (?:{VOWEL}|{MUTE_H})",
    r"\b(?:bel|vieil|nouvel|cet) (?!h)[^aeiouâàéèêîôûœ]",
    r"\bmon (?:voiture|maison|robe|mère|sœur|tante)\b",
    r"\b(?:y a|acheté|vendu|trouvé|cherché|choisi|vu|donné|porté) des "
    r"(?:grand|petit|beaux|belles|vieux|vieilles|nouveaux|nouvelles|bons|bonnes|jolis|jeunes|longs)",
    r"\b(?:n'y a|n'ai|n'a|n'ont|n'avons|n'avez) pas (?:\w+é )?(?:des|du|une?) (?!piano|violon)",
    r"[ae]-(?:ils?|elles?)\b|d-t-|t-t-",  # -t- between vowels, and only there
    r"\b(?:je|tu|il|elle|nous|vous|ils|elles) (?:pas|jamais|plus)\b",
    r"\b(?:un|le|ce|mon|son) (?:femme|fille|mère|sœur|maison|voiture|clé|table|porte)\b",
    r"\b(?:une|la|cette|ma|sa) (?:garçon|frère|père|livre|chien|chat|vélo|sac|lit|pain)\b",
    r"[^ ][?!]|’| ,| \.",
]
WRONG_ENGLISH = [
    r"\ba (?:[aeio]|um)",
    r"\ban (?:[^aeiou]|uni)",
    r"^(?:he|she|it) (?:are|have|do|want|go|like)\b",
    r"^(?:we|you|they) (?:is|was|has|does)\b",
    r"\b(?:mans|womans|childs|mouses|knifes|gooses|policemans)\b",
    r"\bdid (?:\w+ )?(?:not )?(?:went|ate|bought|saw|found)\b",
    r"\bmore (?:\w+er|good|big|small|old)\b",
    r"\bthis \w+s (?:are|were)\b|\bcan not\b",
]


@pytest.mark.parametrize("pattern", WRONG_FRENCH)
def test_no_wrong_french(french: list[str], pattern: str) -> None:
    regex = re.compile(pattern, re.IGNORECASE)
    assert [line for line in french if regex.search(line)] == []


@pytest.mark.parametrize("pattern", WRONG_ENGLISH)
def test_no_wrong_english(corpus: dict[str, list[tuple[str, str]]], pattern: str) -> None:
    regex = re.compile(pattern, re.IGNORECASE)
    assert [en for pairs in corpus.values() for en, _ in pairs if regex.search(en)] == []


def test_negation_is_complete(french: list[str]) -> None:
    for line in french:
        markers = len(re.findall(r"\bne |\bn'", line, re.IGNORECASE))
        always, also_comparative = len(re.findall(r"\b(?:pas|jamais)\b", line)), line.count(" plus ")
        assert always <= markers <= always + also_comparative, line


@pytest.mark.parametrize(
    "phenomenon",
    ["qu'", " qui ", " n'", " jamais ", " plus ", "-t-", "Est-ce que", " l'a", " aux ", " du ", "s'il vous plaît",
     " bel ", " vieil ", " nouvel ", " cet ", " mon a", " de la ", " d'", "S'il ", " tu ", " elles ", " sont allé"],
)  # fmt: skip
def test_phenomena_are_covered(french: list[str], phenomenon: str) -> None:
    assert sum(phenomenon in line for line in french) >= 3
