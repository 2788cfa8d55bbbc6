"""What languages are called in English, and how their codes are matched."""

from __future__ import annotations

from collections.abc import Iterable

_NAMES = """
af Afrikaans,am Amharic,ar Arabic,az Azerbaijani,be Belarusian,bg Bulgarian,bn Bengali,bs Bosnian,ca Catalan,cs Czech,
cy Welsh,da Danish,de German,el Greek,en English,eo Esperanto,es Spanish,et Estonian,eu Basque,fa Persian,fi Finnish,
fr French,ga Irish,gl Galician,gu Gujarati,ha Hausa,he Hebrew,hi Hindi,hr Croatian,hu Hungarian,hy Armenian,
id Indonesian,ig Igbo,is Icelandic,it Italian,ja Japanese,ka Georgian,kk Kazakh,km Khmer,kn Kannada,ko Korean,
ky Kyrgyz,la Latin,lb Luxembourgish,lo Lao,lt Lithuanian,lv Latvian,mk Macedonian,ml Malayalam,mn Mongolian,mr Marathi,
ms Malay,mt Maltese,my Burmese,nb Norwegian Bokmål,ne Nepali,nl Dutch,nn Norwegian Nynorsk,no Norwegian,oc Occitan,
pa Punjabi,pl Polish,ps Pashto,pt Portuguese,ro Romanian,ru Russian,si Sinhala,sk Slovak,sl Slovenian,so Somali,
sq Albanian,sr Serbian,sv Swedish,sw Swahili,ta Tamil,te Telugu,th Thai,tl Tagalog,tr Turkish,uk Ukrainian,ur Urdu,
uz Uzbek,vi Vietnamese,yo Yoruba,zh Chinese,zu Zulu
"""
NAMES = dict(entry.strip().split(" ", 1) for entry in _NAMES.split(",") if entry.strip())
_OTHER = {  # ISO 639-2 and 639-3, as Apertium's clients write them
    "ara": "ar", "bul": "bg", "cat": "ca", "ces": "cs", "cze": "cs", "dan": "da", "deu": "de", "ger": "de", "ell": "el",
    "eng": "en", "epo": "eo", "est": "et", "eus": "eu", "fas": "fa", "fin": "fi", "fra": "fr", "fre": "fr", "gle": "ga",
    "glg": "gl", "heb": "he", "hin": "hi", "hrv": "hr", "hun": "hu", "ind": "id", "isl": "is", "ita": "it", "jpn": "ja",
    "kor": "ko", "lav": "lv", "lit": "lt", "mkd": "mk", "nld": "nl", "nob": "nb", "nor": "no", "oci": "oc", "pol": "pl",
    "por": "pt", "ron": "ro", "rus": "ru", "slk": "sk", "slv": "sl", "spa": "es", "sqi": "sq", "srp": "sr", "swe": "sv",
    "tha": "th", "tur": "tr", "ukr": "uk", "vie": "vi", "zho": "zh",
}  # fmt: skip


def name_of(code: str) -> str:
    """`French` of `fr`, `French (CA)` of `fr-CA`; the code itself where it is not known."""
    base, _, rest = code.replace("_", "-").partition("-")
    known = NAMES.get(base.lower())
    return code if known is None else f"{known} ({rest})" if rest else known


def match(code: str, among: Iterable[str]) -> str | None:
    """Which of these codes is meant: itself, in any case of letters; else the one of the same language without its
    country or script, as `EN-GB` means `en`; else, of two or three letters, the same language's other code.
    """
    known = list(dict.fromkeys(among))
    wanted = code.replace("_", "-").lower()
    base = wanted.partition("-")[0]
    same = {name.replace("_", "-").lower(): name for name in reversed(known)}
    bases = {name.replace("_", "-").lower().partition("-")[0]: name for name in reversed(known)}
    for form in (wanted, base, _OTHER.get(base, "")):
        if form in same:
            return same[form]
    return bases.get(base) or bases.get(_OTHER.get(base, ""))
