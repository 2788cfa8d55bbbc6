"""How often training reads an example, and which of its tokens it does not show."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from pydantic import model_validator

from nmt.recipe.section import NonNegativeFloat, NonNegativeInt, Probability, Section

# What each kind usually has, on the authors' own scale turned into this one: see train/objective.py
_USUAL: dict[str, dict[str, float]] = {"rdrop": {"weight": 2.5, "cut": 0.0}, "simcut": {"weight": 3.0, "cut": 0.05}}


class Hidden(NamedTuple):
    """Shares of the tokens that a pass does not show."""

    src: float
    tgt: float  # of what the decoder reads

    def and_of_the_rest(self, share: float) -> Hidden:
        return Hidden(*(1 - (1 - own) * (1 - share) for own in self))


WHOLE = Hidden(0, 0)


class TokenDrop(Section):
    """Shares of the tokens that training replaces by `<unk>`, anew in each epoch (Token Drop, Zhang et al. 2020,
    without its two further losses); one number is for both sides.
    """

    source: Probability = 0.0
    target: Probability = 0.0  # of what the decoder reads; it still has to write all of it

    @property
    def hidden(self) -> Hidden:
        return Hidden(self.source, self.target)


def on_both_sides(value: Any) -> Any:
    """What a number alone stands for."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"source": value, "target": value} if number else value


class ConsistencySection(Section):
    """Every example is read twice, with other dropout, and both readings should predict the same. `kind` alone is
    enough:

    * rdrop: both passes learn the target, and are pulled together (R-Drop, Liang et al. 2021);
    * simcut: the second pass has tokens cut out, and is only pulled to the first (SimCut, Gao et al. 2022).
    """

    kind: Literal["rdrop", "simcut"]
    weight: NonNegativeFloat = 0.0  # of the divergence, beside a loss of weight 1
    cut: Probability = 0.0  # share of the tokens, of source and target, that the second pass does not show
    from_epoch: NonNegativeInt = 0  # the first to be read twice, counted from 0

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, values: Any) -> Any:
        return _USUAL.get(str(values.get("kind")), {}) | values if isinstance(values, dict) else values
