"""Experts in the place of feed-forward blocks: how many, and how tokens are sent to them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from nmt.recipe.section import Int, NonNegativeFloat, Section

Routing = Literal["switch", "top2", "two_level", "group_limited", "expert_choice"]
GROUPED: tuple[Routing, ...] = ("two_level", "group_limited")
_WIDE = 2.0  # experts a token has on average where experts choose (Zhou et al. 2022)


class Balance(Section):
    """How much the loss wants tokens spread evenly: over nodes, or over all experts where there is one level; and over
    the experts of a node.
    """

    inter: NonNegativeFloat = 0.01
    intra: NonNegativeFloat = 0.01


def _balance(value: Any) -> Any:
    """One number is for both levels."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"inter": value, "intra": value} if number else value


class ExpertsSection(Section):
    """`number` feed-forward blocks in the place of one, each token going to few of them. `routing`:

    * switch: to the most probable expert (Fedus et al. 2021);
    * top2: to the two most probable ones, by their share (Lepikhin et al. 2020);
    * two_level: to the most probable node, and there to the most probable expert (He et al. 2022); one router serves
      the experts of all nodes, or with `per_node` each node has its own;
    * group_limited: to the `top_k` best experts of the `top_nodes` best nodes (DeepSeek-AI 2024);
    * expert_choice: each expert takes its best tokens of a sentence (Zhou et al. 2022); in the encoder only.

    What a translation is does not depend on what else is in its batch: nothing is dropped but in training, and padding
    is no token.
    """

    routing: Routing = "switch"
    number: Annotated[Int, Field(ge=1, le=4096)] = 8
    nodes: Annotated[Int, Field(ge=1, le=4096)] = 1  # groups of number / nodes experts
    per_node: bool = False  # two_level
    top_k: Annotated[Int, Field(ge=1, le=64)] = 2  # group_limited
    top_nodes: Annotated[Int, Field(ge=1, le=64)] = 1  # group_limited
    layers: Literal["all", "every_other", "encoder", "decoder"] = "every_other"
    # In training an expert takes at most `capacity` times its even share of a micro-batch; what is beyond passes by.
    # 0: all is taken, and an update is the same however it is cut into micro-batches. expert_choice: how many experts a
    # token has on average
    capacity: NonNegativeFloat = 0.0
    # bias: what is chosen by is shifted until all experts have as much (Wang et al. 2024); else a part of the loss
    balance: Annotated[Literal["bias"] | Balance, BeforeValidator(_balance)] = "bias"
    z_loss: NonNegativeFloat = 0.001  # keeps the routers' logits small (Zoph et al. 2022)

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        routing = values.get("routing", "switch")
        for key, only in (("per_node", "two_level"), ("top_k", "group_limited"), ("top_nodes", "group_limited")):
            if values.get(key) and routing != only and values[key] != cls.model_fields[key].default:
                raise ValueError(f"`routing: {routing}` has no `{key}`; {only} has")
        if routing == "expert_choice":
            return {"capacity": _WIDE, "layers": "encoder", "balance": {"inter": 0.0, "intra": 0.0}, **values}
        return values

    @model_validator(mode="after")
    def _fits(self) -> ExpertsSection:
        if self.routing in GROUPED:
            if self.nodes == 1 or self.number % self.nodes:
                raise ValueError(
                    f"`routing: {self.routing}` needs `nodes`, two or more, that divide `number` ({self.number}), "
                    f"not {self.nodes}"
                )
        elif self.nodes != 1:
            raise ValueError(f"`routing: {self.routing}` has no `nodes`; {' and '.join(GROUPED)} have")
        if self.routing == "group_limited" and (
            self.top_nodes > self.nodes or self.top_k > self.top_nodes * self.number // self.nodes
        ):
            raise ValueError(
                f"`top_k: {self.top_k}` experts of `top_nodes: {self.top_nodes}` are more than there are: "
                f"{self.nodes} nodes of {self.number // self.nodes}"
            )
        if self.routing == "top2" and self.number < 2:
            raise ValueError("`routing: top2` needs two experts or more")
        if self.routing == "expert_choice" and (self.layers != "encoder" or not self.capacity):
            raise ValueError(
                "`routing: expert_choice` looks at later words and cannot be in a decoder; set `layers: encoder` and a "
                "`capacity` above 0"
            )
        if self.routing == "expert_choice" and self.balance == "bias":
            raise ValueError("`routing: expert_choice` is balanced as it is; leave out `balance`")
        return self

    @property
    def per_token(self) -> float:
        """How many experts a token has, on average."""
        match self.routing:
            case "switch" | "two_level":
                return 1
            case "top2":
                return 2
            case "group_limited":
                return self.top_k
            case "expert_choice":
                return self.capacity

    def describe(self) -> str:
        """`8 on 4 nodes, two_level, in every other layer`."""
        nodes = f" on {self.nodes} nodes" if self.nodes > 1 else ""
        where = {"all": "all layers", "every_other": "every other layer"}.get(self.layers, f"the {self.layers}")
        return f"{self.number}{nodes}, {self.routing}, in {where}"

    def has(self, stack: Literal["encoder", "decoder"], layer: int) -> bool:
        """Whether a layer, counted from 0, has experts."""
        match self.layers:
            case "all":
                return True
            case "every_other":
                return layer % 2 == 1
        return self.layers == stack
