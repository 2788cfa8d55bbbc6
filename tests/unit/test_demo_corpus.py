"""The demo corpus: reproducible, well split, and in correct French."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))  # as when the generator runs as a script

import make_demo_corpus as demo
from demo_corpus import exact_match, phrasebook, surface
from demo_corpus.clauses import Dice, question, statement, wh_question
from demo_corpus.grammar import NounPhrase, Phrase, finish, noun_phrase
from demo_corpus.lexicon import NOUNS, VERBS
from demo_corpus.morphology import conjugate, french_plural, sandhi

DATA = Path(__file__).resolve().parents[2] / "data" / "demo"
SIZES = {"train": 36_000, "valid": 500, "test": 500}


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
    """The corpus generated anew, which takes ten seconds: for slow tests."""
    return demo.build()


# ------------------------------------------------------------------------------------------------------ the files
@pytest.mark.slow
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
        assert 1 <= len(en.split()) <= 17 and 1 <= len(fr.split()) <= 17
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ,'’-]*[A-Za-z0-9][.?!]?", en), en
        assert re.fullmatch(r"[\w][\w ,'-]*[^ ,'-](?:\.| \?| !)?", fr), fr
        assert [text[-1] if text[-1] in ".?!" else "" for text in (en, fr)] in (["", ""], [en[-1]] * 2), (en, fr)
        assert "  " not in en + fr
    for en, fr in corpus["valid"] + corpus["test"]:
        assert en[0].isupper() or en[0].isdigit(), en
        assert fr[0].isupper() or fr[0].isdigit(), fr


def test_sentences_are_unique(corpus: dict[str, list[tuple[str, str]]]) -> None:
    assert len(set(corpus["train"])) > 0.999 * SIZES["train"]
    keys = {split: [surface.key(en) for en, _ in pairs] for split, pairs in corpus.items()}
    assert len(set(keys["valid"] + keys["test"])) == SIZES["valid"] + SIZES["test"]
    french = {split: {surface.key(fr) for _, fr in pairs} for split, pairs in corpus.items()}
    for one, other in (("train", "valid"), ("train", "test"), ("valid", "test")):
        assert not set(keys[one]) & set(keys[other])
        assert not french[one] & french[other]


def test_an_english_sentence_has_one_translation(corpus: dict[str, list[tuple[str, str]]]) -> None:
    translations: dict[str, set[str]] = {}
    for en, fr in (pair for pairs in corpus.values() for pair in pairs):
        translations.setdefault(surface.key(en), set()).add(surface.key(fr))
    assert {en: fr for en, fr in translations.items() if len(fr) > 1} == {}


def test_the_vocabulary_is_that_of_a_phrase_book(corpus: dict[str, list[tuple[str, str]]]) -> None:
    counts = Counter(word for en, _ in corpus["train"] for word in re.findall(r"[a-z]+", en.lower()))
    assert sum(count >= 5 for count in counts.values()) > 1200


def test_training_lines_are_written_as_people_type(corpus: dict[str, list[tuple[str, str]]]) -> None:
    lines = [en for en, _ in corpus["train"]]
    shares = {
        "shouted": sum(line.isupper() for line in lines), "lower": sum(line.islower() for line in lines),
        "no_stop": sum(line[-1] not in ".?!" for line in lines), "contracted": sum("n't" in line for line in lines),
        "typographic": sum("’" in line for line in lines),
    }  # fmt: skip
    assert all(share > 100 for share in shares.values()), shares
    assert shares["shouted"] + shares["no_stop"] < 0.35 * SIZES["train"]


# ------------------------------------------------------------------------------------------------ everyday sentences
def test_everyday_sentences_are_not_trained_on(corpus: dict[str, list[tuple[str, str]]]) -> None:
    everyday = {surface.key(line) for line in exact_match.lines(DATA / "everyday.en")}
    assert len(everyday) == 60
    assert not everyday & {surface.key(en) for pairs in corpus.values() for en, _ in pairs}


def test_everyday_alternatives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    accepted, main = exact_match.accepted(), exact_match.lines(DATA / "everyday.fr")
    assert [fr in row for fr, row in zip(main, accepted, strict=True)] == [True] * 60
    other = [sorted(row - {fr})[0] if len(row) > 1 else fr for fr, row in zip(main, accepted, strict=True)]
    (tmp_path / "out").write_text("\n".join([*other[:59], "La soupe."]) + "\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["exact_match.py", str(tmp_path / "out")])
    exact_match.main()
    assert capsys.readouterr().out == "The soup is too hot. -> La soupe.\n59 of 60 fully right\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I'm hungry!", "i am hungry"),
        ("DON’T RUN", "Do not run."),
        ("What's that?", "what is that?"),
        ("He can't swim.", "He cannot swim."),
    ],
)
def test_key_sees_the_same_sentence(one: str, other: str) -> None:
    assert surface.key(one) == surface.key(other)


def test_contractions() -> None:
    assert surface.contract("She is not here and I will not wait.", Dice(1), 1.0) == "She's not here and I won't wait."
    assert surface.contract("Yes, I am.", Dice(1), 1.0) == "Yes, I am."
    assert surface.contract("Do not touch that!", Dice(1), 1.0) == "Don't touch that!"


def test_sloppy_keeps_french_names() -> None:
    pair = surface.sloppy(Phrase("Paul lives in Rome.", "Paul habite à Rome."))
    assert (pair.en, pair.fr) == ("paul lives in rome", "Paul habite à Rome")


# ------------------------------------------------------------------------------------------------------- phrase book
def test_phrases_can_be_filled() -> None:
    d = Dice(7)
    for pattern in phrasebook.PATTERNS:
        for _ in range(1 if pattern.fixed else 10):
            pair = pattern.fill(d)
            assert not re.search(r"[][{}<>|~_]|  | $", pair.en + pair.fr), pair


def test_every_choice_is_made_once() -> None:
    pattern = phrasebook.PhrasePattern("[I am|He is] [sad|late]", "[Je suis|Il est] [triste|en retard]", ".")
    made = [(pair.en, pair.fr) for pair in pattern.every(Dice(1))]
    assert made == [
        ("I am sad.", "Je suis triste."), ("I am late.", "Je suis en retard."),
        ("He is sad.", "Il est triste."), ("He is late.", "Il est en retard."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "english", "french"),
    [
        ("Where is {building.f/the}? | Où est {} ?", r"Where is the [\w ]+\?", r"Où est (la |l')[\w ]+ \?"),
        ("{food/this} is [cold|hot]. | {} est [froid~1|chaud~1].", r"This .* is (cold|hot)\.", r"Ce.* est .*\."),
        ("<It is|That is> good! | C'est bon !", r"(It|That) is good!", r"C'est bon !"),
    ],
)
def test_phrase_patterns(line: str, english: str, french: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# a comment\n" + line + "\n", encoding="utf-8")
    [pattern] = phrasebook.read(tmp_path)
    for seed in range(20):
        pair = pattern.fill(Dice(seed))
        assert re.fullmatch(english, pair.en), pair.en
        assert re.fullmatch(french, pair.fr), pair.fr


def test_a_phrase_whose_choices_differ_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("I am [sad|glad]. | Je suis [triste].\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.txt:1: .*: choices of \[2\] and \[1\]"):
        phrasebook.read(tmp_path)


# --------------------------------------------------------------------------------------------------- held-out words
@pytest.mark.parametrize("side", [0, 1])
def test_every_evaluation_word_is_frequent_in_training(corpus: dict[str, list[tuple[str, str]]], side: int) -> None:
    counts = Counter(word for pair in corpus["train"] for word in re.findall(r"\w+", pair[side].lower()))
    words = {w for s in ("valid", "test") for pair in corpus[s] for w in re.findall(r"\w+", pair[side].lower())}
    assert {word: counts[word] for word in words if counts[word] < 10} == {}


@pytest.mark.slow
def test_held_out_combinations_are_absent_from_training(built: dict[str, list]) -> None:
    trained = {combo for pair in built["train"] for combo in pair.combos}
    for split in ("valid", "test"):
        for pair in built[split]:
            unseen = [combo for combo in pair.combos if demo.is_held_out(combo)]
            assert unseen, pair
            assert not trained.intersection(unseen), pair


@pytest.mark.slow
def test_held_out_adjectives_never_precede_their_noun_in_training(
    corpus: dict[str, list[tuple[str, str]]], built: dict[str, list]
) -> None:
    # independent of the bookkeeping in the script: look at the text itself
    train = "\n".join(en.lower() for en, _ in corpus["train"])
    combos = {combo for split in ("valid", "test") for pair in built[split] for combo in pair.combos}
    held_out = [(a, b) for kind, a, b in combos if kind == "adjective-noun" and demo.is_held_out((kind, a, b))]
    assert len(held_out) > 30
    for adjective, noun in held_out:
        if noun in NOUNS:
            entry = NOUNS[noun]
            for form in (entry.en, entry.en_plural):
                assert f" {adjective} {form.replace('_', ' ')}".lower() not in train


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
        ("se-lever", "present", 5, "lèvent"),
        ("vouloir", "conditional", 0, "voudrais"),
        ("commencer", "present", 3, "commençons"),
        ("commencer", "imperfect", 4, "commenciez"),
        ("faire", "future", 3, "ferons"),
        ("préférer", "future", 0, "préférerai"),
        ("asseoir", "present", 2, "assied"),
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
        (statement(SHE, VERBS["get_up"], "past", neg="not"), "She did not get up.", "Elle ne s'est pas levée."),
        (statement(THEY, VERBS["wake_up"], "near"), "They are going to wake up.", "Elles vont se réveiller."),
        (statement(PAUL, VERBS["lose"], "perfect", Phrase("it"), clitic="le", preceding=PAUL),
         "Paul has lost it.", "Paul l'a perdu."),
        (statement(PAUL, VERBS["watch"], "present", neg="never"), "Paul never watches.",
         "Paul ne regarde jamais."),
        (question(SHE, VERBS["work"], "present"), "Does she work.", "Est-ce qu'elle travaille."),
        (
            wh_question(Phrase("where", "où"), PAUL, VERBS["work"], "present"),
            "Where does Paul work.",
            "Où est-ce que Paul travaille.",
        ),
        (
            wh_question(Phrase("what", "que"), PAUL, VERBS["buy"], "past"),
            "What did Paul buy.",
            "Qu'est-ce que Paul a acheté.",
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


# ------------------------------------------------------------------------------------------ the corpus as a whole
VOWEL = "[aeiouâàéèêîôûœ]"
MUTE_H = "h(?:omme|ôtel|ôpital|istoire|orloge|eure)"
WRONG_FRENCH = [
    rf"\b(?:je|me|le|la|de|ne|que) (?!onze)(?:{VOWEL}|{MUTE_H})",  # missing elision
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
    r"(?<!-)\b(?:je|tu|il|elle|nous|vous|ils|elles) (?:pas|jamais|plus)\b",
    r"(?<!')\b(?:un|le|ce|mon|son) (?:femme|fille|mère|sœur|maison|voiture|clé|table)\b",
    r"\b(?:une|la|cette|ma|sa) (?:garçon|frère|père|livre|chien|chat|vélo|sac|lit|pain)\b",
    r"[^ ][?!]|’| ,| \.",
]
WRONG_ENGLISH = [
    r"\ba (?:[aeio]|um)",
    r"\ban (?:[^aeiouh]|uni)",
    r"^(?:he|she|it) (?:are|have|do|want|go|like)\b",
    r"^(?:we|you|they) (?:is|was|has|does)\b",
    r"\b(?:mans|womans|childs|mouses|knifes|gooses|policemans)\b",
    r"\bdid (?:\w+ )?(?:not )?(?:went|ate|bought|saw|found)\b",
    r"\bmore (?!butter|beer|water|pepper|paper)(?:\w+er|good|big|small|old)\b",
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
    for line in (fr.lower() for fr in french):
        markers = len(re.findall(r"\bne |\bn'", line))
        always = len(re.findall(r"\b(?:pas|jamais)\b", line))
        also_otherwise = len(re.findall(r"\b(?:plus|rien|personne|que)\b", line)) + line.count("qu'")
        alone = line.startswith(("pas ", "jamais", "pourquoi pas", "non, pas", "non, jamais"))
        assert alone or always <= markers <= always + also_otherwise, line


@pytest.mark.parametrize(
    "phenomenon",
    ["qu'", " qui ", " n'", " jamais ", " plus ", "-t-", "Est-ce que", " l'a", " aux ", " du ", "s'il vous plaît",
     " bel ", " vieil ", " nouvel ", " cet ", " mon a", " de la ", " d'", "S'il ", " donc ", " elles ", " sont allé"],
)  # fmt: skip
def test_phenomena_are_covered(french: list[str], phenomenon: str) -> None:
    assert sum(phenomenon in line for line in french) >= 3
