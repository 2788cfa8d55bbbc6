"""`tokenizer.extend`: more merges on top of a model that is there."""

import random
import shutil

import pytest

from nmt.data.check import check_prepared
from nmt.data.prepare import prepare
from nmt.errors import DataError, RecipeError, RunError
from nmt.recipe import TokenizerSection
from nmt.sentencepiece_model import BYTE, NORMAL, USER_SYMBOL, kind_of, pieces_of
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.extend import WordCounts, learn_merges
from tests.unit.conftest import WORDS
from tests.unit.test_trainer import run

ENGLISH = ["one two three four five", "the old one", "seven and eight", "five and three are eight", "tone the stone"]
OTHERS = [
    "Žluťoučký kůň příliš úpěl ďábelské ódy", "我们在河边看到一只小狗和一只小猫", "الكلب الصغير يجري في الحديقة",
    "หมาน้อยวิ่งเล่นในสวน", "👩‍👩‍👧 🐕🐕🐕 👍🏽!", "aaaaaaa aaaa aa banana", "10.000 100.000,- (100)",
    "a<s>b <0x41> </s><tag>x", "é é ½", "",
]  # fmt: skip


def blocks_of(*lines):
    return lambda *sides: [(side, [line.encode() for line in lines]) for side in sides]


def trained(*lines, **keys):
    section = TokenizerSection(**{"vocab_size": 300, "user_symbols": ["<tag>"]} | keys)
    return Tokenizer.train(blocks_of(*(lines or tuple(ENGLISH)) * 20), section)


@pytest.fixture(scope="module")
def old():
    return trained()


def texts(seed, number=60):
    """Of words, and parts of words, of all those lines."""
    rng = random.Random(seed)
    words = [word for line in ENGLISH + OTHERS for word in line.split()]
    return [
        " ".join(rng.choice(words)[: rng.randint(1, 20)] for _ in range(rng.randint(0, 6))) + rng.choice(["", "", "ko"])
        for _ in range(number)
    ]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("number", [1, 30, 200])
def test_sentencepiece_cuts_as_was_learned(old, seed, number):
    lines = texts(seed)
    new, (learned,) = old.extended(blocks_of(*lines), number)
    assert learned.before == sum(len(row) for side in ("src", "tgt") for row in old.encode(lines, side))
    assert learned.after == sum(len(row) for side in ("src", "tgt") for row in new.encode(lines, side))
    assert learned.after < learned.before and len(learned.pieces) == number
    assert new.src_vocab_size == old.src_vocab_size + number


def test_what_is_there_keeps_its_ids(old):
    new, _ = old.extended(blocks_of(*OTHERS * 3), 100)
    for name in ("tokenizer.src.model", "tokenizer.tgt.model"):
        before, after = pieces_of(old.files[name]), pieces_of(new.files[name])
        assert after[: len(before)] == before
        scores = [piece.score for piece in after[len(before) :]]
        assert scores == sorted(scores, reverse=True) and scores[0] < min(p.score for p in before if p.type == NORMAL)
        assert {piece.type for piece in after[len(before) :]} == {NORMAL}
    assert new.shared and new.extends(old) and not old.extends(new) and old.extends(old)
    assert new.encode(ENGLISH, "src") == old.encode(ENGLISH, "src")


def test_text_comes_back_as_it_was(old):
    new, _ = old.extended(blocks_of(*OTHERS * 3), 200)
    assert new.decode(new.encode(OTHERS, "tgt")) == OTHERS
    unknown = "Ω 🦜 ไก่ دجاجة 鸡"
    assert new.decode(new.encode([unknown], "tgt")) == [unknown]


def test_characters_come_first_so_that_they_can_be_merged(old):
    new, (learned,) = old.extended(blocks_of("kůň kůň kůň"), 6)
    assert [text for text, _ in learned.pieces[:3]] == ["k", "ň", "ů"]
    assert len(new.encode(["kůň"], "tgt")[0]) == 1


def test_no_piece_is_of_two_scripts_or_of_a_word_and_a_number(old):
    _, (learned,) = old.extended(blocks_of(*["a1 1a one狗 one狗 狗ひカ漢 คนone 10% 10%"] * 9), 60)
    found = {text.removeprefix("▁") for text, _ in learned.pieces}
    assert {"10%", "ひカ", "คน"} & found
    assert not [text for text in found if text.isascii() and not (text.isalpha() or not any(map(str.isalpha, text)))]
    assert not [text for text in found if "狗" in text and "e" in text]


def test_special_pieces_are_never_made_of_text_or_changed(old):
    new, (learned,) = old.extended(blocks_of(*["a<s>b <0x41> </s> <unk>", "<tag>ab<tag>", "x<tag>y"] * 30), 40)
    before = {p.text for p in pieces_of(old.files["tokenizer.src.model"])}
    assert not before & {text for text, _ in learned.pieces}
    (row,) = new.encode(["ab<tag>ab<s>"], "src")
    assert new.pieces(row, "src").count("<tag>") == 1
    assert not {0, 1, 2, 3} & set(row)
    assert new.decode([row]) == ["ab<tag>ab<s>"]


def test_nothing_depends_on_the_order_of_the_lines(old):
    lines = texts(9)
    _, (one,) = old.extended(blocks_of(*lines), 80)
    _, (other,) = old.extended(blocks_of(*reversed(lines)), 80)
    assert one == other


def test_an_extension_can_be_extended_again(old):
    first, _ = old.extended(blocks_of(*OTHERS[:2] * 5), 20)
    second, (learned,) = first.extended(blocks_of(*OTHERS[2:5] * 5), 20)
    assert second.extends(first) and second.extends(old)
    lines = OTHERS[2:5] * 5
    assert learned.after == sum(len(row) for side in ("src", "tgt") for row in second.encode(lines, side))
    assert second.encode(OTHERS[:2], "src") == first.encode(OTHERS[:2], "src")


def test_each_of_two_vocabularies_gets_its_own(old):
    def blocks(src, tgt):
        return lambda side: [(side, [(src if side == "src" else tgt).encode()] * 5)]

    section = TokenizerSection(vocab_size=300, shared=False)
    apart = Tokenizer.train(blocks(" ".join(ENGLISH), " ".join(ENGLISH).upper()), section)
    src, tgt = OTHERS[0], OTHERS[2]
    new, learned = apart.extended(blocks(src, tgt), 25)
    assert [len(found.pieces) for found in learned] == [25, 25]
    assert not new.shared and new.extends(apart)
    assert (new.src_vocab_size, new.tgt_vocab_size) == (apart.src_vocab_size + 25, apart.tgt_vocab_size + 25)
    assert learned[0].after == 5 * len(new.encode([src], "src")[0])
    assert learned[1].after == 5 * len(new.encode([tgt], "tgt")[0])


def test_one_file_stays_one_file():
    plain = trained(normalization="identity")
    new, _ = plain.extended(blocks_of(*OTHERS * 3), 25)
    assert list(new.files) == ["tokenizer.model"] and new.extends(plain)


def test_what_is_once_in_the_text_is_no_piece(old):
    _, (learned,) = old.extended(blocks_of(OTHERS[0]), 500)  # which both sides have
    assert 0 < len(learned.pieces) < 60
    pieces = pieces_of(old.files["tokenizer.src.model"])
    counts = WordCounts(pieces)
    counts.add(old.encode([OTHERS[1][:4]], "src"))
    assert learn_merges(pieces, counts.words(), 500).pieces == []


def test_a_model_file_is_read():
    model = trained().files["tokenizer.src.model"]
    assert kind_of(model) == "bpe"
    assert kind_of(trained(*ENGLISH, *OTHERS, kind="unigram", vocab_size=350).files["tokenizer.src.model"]) == "unigram"
    types = {piece.text: piece.type for piece in pieces_of(model)}
    assert (types["<tag>"], types["<0x41>"], types["▁one"]) == (USER_SYMBOL, BYTE, NORMAL)


# --- in a recipe -----------------------------------------------------------------------------------------------------


@pytest.fixture
def parent(toy_run):
    return toy_run(name="parent", train__average_best=0)


@pytest.fixture
def czech(tmp_path):
    """A text of the toy's sources with other targets."""
    folder = tmp_path / "czech"
    folder.mkdir()
    source = [*WORDS, "hundred", "thousand", "million", "minus", "double", "equals", "nothing"]
    target = [
        "jedna",
        "dvě",
        "tři",
        "čtyři",
        "pět",
        "šest",
        "sedm",
        "osm",
        "sto",
        "tisíc",
        "milión",
        "záporně",
        "dvojitě",
        "rovná",
        "žádný",
    ]
    rng = random.Random(1)
    for name, number in (("train", 300), ("valid", 5), ("test", 5)):
        rows = [[rng.randrange(len(source)) for _ in range(rng.randint(1, 5))] for _ in range(number)]
        for lang, words in (("en", source), ("fr", target)):
            text = "".join(" ".join(words[i] for i in row) + "\n" for row in rows)
            (folder / f"{name}.{lang}").write_text(text, encoding="utf-8")
    return str(folder)


def test_a_recipe_extends_the_tokenizer_of_a_run(parent, toy_recipe, czech, capsys):
    recipe = toy_recipe(name="child", data__root=czech, tokenizer={"from": str(parent), "extend": 12})
    assert recipe.tokenizer.vocab_size == 332
    folder = prepare(recipe)
    facts = check_prepared(recipe).tokenizer
    assert (facts.src_vocab_size, facts.tgt_vocab_size) == (332, 332)
    assert facts.origin == f"from {parent}, extended by 12"
    assert facts.lines == 600
    new, old = Tokenizer.load(folder), Tokenizer.load(parent)
    assert new.extends(old)
    said = capsys.readouterr().err
    assert f"Extending the tokenizer of {parent} by what 600 lines have" in said
    assert "With 12 more pieces these lines have " in said


def test_a_child_of_a_child_extends_again(parent, toy_recipe, czech):
    keys = {"data__root": czech, "tokenizer": {"extend": 10}, "train__max_steps": 1}
    child = run(toy_recipe(name="child", **keys, train__init_from=str(parent)))
    recipe = toy_recipe(name="grandchild", **keys | {"tokenizer": {"extend": 3}}, train__init_from=str(child))
    assert recipe.tokenizer.vocab_size == 333
    assert Tokenizer.load(prepare(recipe)).extends(Tokenizer.load(child))


def test_a_parent_that_changed_is_noticed(parent, toy_recipe, czech):
    recipe = toy_recipe(name="child", data__root=czech, tokenizer={"from": str(parent), "extend": 5})
    prepare(recipe)
    check_prepared(recipe)
    other = prepare(toy_recipe(name="other", tokenizer__vocab_size=310))
    for path in other.glob("tokenizer*.model"):
        shutil.copy(path, parent / path.name)
    with pytest.raises(RunError, match=r"was prepared with the tokenizer that .*parent had; it has another now\."):
        check_prepared(recipe)


def test_more_than_the_text_has_is_refused(parent, toy_recipe, czech):
    with pytest.raises(DataError) as refused:
        prepare(toy_recipe(name="child", data__root=czech, tokenizer={"from": str(parent), "extend": 500}))
    found = refused.value.message.removeprefix("the training text is too small for `tokenizer.extend: 500`. It has ")
    number, _, rest = found.partition(" ")
    assert 30 < int(number) < 400
    assert rest == f"pieces that {parent} lacks and that are there twice."
    assert refused.value.hint == "Set a smaller `tokenizer.extend`."
    prepare(toy_recipe(name="child", data__root=czech, tokenizer={"from": str(parent), "extend": int(number)}))


def test_a_unigram_model_is_not_extended(toy_recipe, czech, tmp_path):
    model = tmp_path / "uni.model"
    model.write_bytes(trained(*ENGLISH, *OTHERS, kind="unigram", vocab_size=350).files["tokenizer.src.model"])
    with pytest.raises(RecipeError) as refused:
        toy_recipe(data__root=czech, tokenizer={"from": str(model), "extend": 5})
    assert refused.value.message == (
        f"toy: `tokenizer`: `extend: 5` needs a model of kind bpe, but that of {model} is unigram: its probabilities "
        "would have to be learned anew."
    )


def test_there_must_be_something_to_extend(toy_recipe):
    with pytest.raises(RecipeError) as refused:
        toy_recipe(tokenizer={"extend": 500})
    assert refused.value.message == (
        "toy: `tokenizer`: `extend: 500` needs `from`: the run or .model file whose tokenizer gets more."
    )
