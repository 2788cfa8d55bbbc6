"""nmt: from raw parallel text to a scored, deployable translator with one YAML recipe.

from nmt import Translator
translations = Translator.load("runs/multi30k-en-fr").translate(["A dog runs."])
print(translations[0].text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmt.decode.translator import Translation, Translator

__version__ = "0.1.0"
__all__ = ["Translation", "Translator", "__version__"]


def __getattr__(name: str) -> Any:
    # Imported on first use: torch takes a second, and `nmt --help` should not.
    if name in ("Translation", "Translator"):
        from nmt.decode import translator

        return getattr(translator, name)
    raise AttributeError(f"module `nmt` has no attribute `{name}`")
