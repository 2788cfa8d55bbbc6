"""How many tags stand at the right word of a translation, where it is plain which word that is.

    python scripts/bench/tags.py runs/multi30k-en-fr --text val.en [--pairs 300]

A dictionary of English words that have one French translation each (in its forms) says which: a sentence is taken if
one of these words stands in it once, and one of its forms once in what the model makes of it. Then the word is put into
tags, and the sentence translated as a document's is. Right: the tags are around that form alone. Wide: around more than
that. The words take turns, so that no frequent one decides the figure. Prints what was wrong, and as the last line a
JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

WORDS = """
man homme; men hommes; woman femme; women femmes; boy garçon; girl fille; dog chien; dogs chiens; child enfant;
children enfants; people personnes gens; horse cheval; bike vélo; bicycle vélo bicyclette; water eau; snow neige;
beach plage; street rue; car voiture; ball balle ballon; tree arbre; house maison; hat chapeau; table table;
bench banc; guitar guitare; grass herbe; mountain montagne; baby bébé; red rouge rouges; blue bleu bleue bleus bleues;
green vert verte verts vertes; yellow jaune jaunes; white blanc blanche blancs blanches; black noir noire noirs noires;
young jeune jeunes; two deux; three trois; four quatre; in dans; sitting assis assise assises; sings chante;
runs court; jumps saute; plays joue; shirt chemise t-shirt; helmet casque; crowd foule; city ville; kitchen cuisine;
food nourriture; bus bus; train train; boat bateau; river rivière; park parc; game match jeu; team équipe
"""
LEXICON = {one.split()[0]: one.split()[1:] for one in WORDS.replace("\n", " ").split(";") if one.strip()}


def once(forms: list[str], text: str) -> re.Match[str] | None:
    """Where one of these words stands, if that is the only place."""
    found = list(re.finditer(rf"(?<![\w-])(?:{'|'.join(map(re.escape, forms))})(?![\w-])", text, re.IGNORECASE))
    return found[0] if len(found) == 1 else None


def in_turn(lines: list[str], translations: list[str], number: int) -> Iterator[tuple[str, str, str]]:
    """A word, the sentence with tags around it, and the translation with tags where they belong."""
    by_word = {word: iter(list(zip(lines, translations, strict=True))) for word in LEXICON}
    given = 0
    while by_word and given < number:
        for word in list(by_word):
            for src, tgt in by_word[word]:
                here, there = once([word], src), once(LEXICON[word], tgt)
                if here and there:
                    marked, wanted = (
                        f"{text[: m.start()]}<b>{m[0]}</b>{text[m.end() :]}" for text, m in ((src, here), (tgt, there))
                    )
                    yield word, marked, wanted
                    given += 1
                    break
            else:
                del by_word[word]
            if given == number:
                return


def main() -> None:
    """Measure, print what is wrong and a JSON object."""
    parser = argparse.ArgumentParser(description="How many tags stand at the right word of a translation.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--text", type=Path, required=True, help="English sentences")
    parser.add_argument("--pairs", type=int, default=300)
    args = parser.parse_args()

    from nmt.decode.documents import engine_of
    from nmt.decode.translator import Translator
    from nmt.formats.document import Unit
    from nmt.formats.translating import translate_units
    from nmt.text.inline import with_codes, written

    translator = Translator.load(args.run)
    lines = args.text.read_text(encoding="utf-8").splitlines()
    pairs = list(in_turn(lines, [t.text for t in translator.translate(lines)], args.pairs))
    units = [Unit(with_codes(marked), str(i)) for i, (_, marked, _) in enumerate(pairs)]
    translate_units(units, engine_of(translator))
    right, wide, guesses, wrong = 0, 0, 0, Counter[str]()
    for (word, marked, wanted), unit in zip(pairs, units, strict=True):
        found = written(unit.target or ())
        assert found.count("<b>") == found.count("</b>") == 1, "a tag was lost"
        guesses += unit.guess
        if found == wanted:
            right += 1
        else:
            wide += once(LEXICON[word], found.partition("<b>")[2].partition("</b>")[0]) is not None
            wrong[word] += 1
            print(f"{marked}\n  is      {found}\n  not     {wanted}{'  (said to be a guess)' if unit.guess else ''}")
    print(json.dumps({
        "pairs": len(pairs), "words": len({word for word, *_ in pairs}), "right": right, "wide": wide,
        "percent": round(100 * right / len(pairs), 1), "guesses": guesses, "wrong": dict(wrong.most_common()),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
