"""Documents in text of one language: a blank line ends one. Which line follows which is learned from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nmt.data.audit import BLANK, SplitAudit
from nmt.errors import DataError
from nmt.recipe import Recipe

Mask = npt.NDArray[np.bool_]


def check_documents(recipe: Recipe, train: SplitAudit) -> None:
    """Raises DataError where lines that follow one another are to be learned, and no file has documents."""
    begin, wanted, found = 0, False, False
    for source, number in train.sources:
        if recipe.objective_of(source.corpus).pairs == "next":
            wanted = True
            blank = train.flags[begin : begin + number] & BLANK > 0
            text = np.flatnonzero(~blank)
            found |= bool(len(text)) and bool(blank[text[0] : text[-1]].any())
        begin += number
    if wanted and not found:
        raise DataError(
            "`objective.pairs: next` needs documents; no file of `data.train` has a blank line between two.",
            "Put a blank line behind each document, or learn without: `pairs: none`.",
        )


def followed(lines: Sequence[bytes], picks: Sequence[int]) -> Mask:
    """Of each line that was picked whether the next one of its document was picked, too. Lines that are looked at
    apart count as several documents.
    """
    at = np.asarray(picks, np.int64)
    text = np.array([bool(lines[i].strip()) for i in picks], bool)
    found = np.zeros(len(at), bool)
    found[:-1] = (np.diff(at) == 1) & text[:-1] & text[1:]
    return found
