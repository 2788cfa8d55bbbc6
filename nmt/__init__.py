"""nmt: from raw parallel text to a scored, deployable translator with one YAML recipe.

from nmt import Request, Translator
translator = Translator.load("runs/multi30k-en-fr")
print(translator.translate(["A dog runs.", Request("A cat.", prefix="Le")])[0].text)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nmt.version import VERSION

if TYPE_CHECKING:
    from nmt.decode.assembly import Translation
    from nmt.decode.request import Request
    from nmt.decode.translator import Translator
    from nmt.text.terms import Glossary, Terms

__version__ = VERSION
__all__ = ["Glossary", "Request", "Terms", "Translation", "Translator", "__version__"]

_MODULES = {
    "Glossary": "text.terms", "Request": "decode.request", "Terms": "text.terms", "Translation": "decode.assembly",
    "Translator": "decode.translator",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported on first use: torch takes a second, and `nmt --help` should not.
    if name in _MODULES:
        return getattr(import_module(f"nmt.{_MODULES[name]}"), name)
    raise AttributeError(f"module `nmt` has no attribute `{name}`")
