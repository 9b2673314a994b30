"""What a strategy returns is checked before anything looks at it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from underround.model.ids import POLYMARKET, MarketId, OrderId, OutcomeId, PlanId, StrategyId
from underround.model.orders import CancelIntent, LegGroupIntent, OrderIntent
from underround.trading.faults import fault_of, told

NAME = StrategyId("s")
GOOD = OrderIntent(
    strategy=NAME,
    plan=PlanId("p"),
    outcome=OutcomeId(MarketId(POLYMARKET, "m"), 0),
    side="buy",
    price=300_000,
    size=5_000_000,
    tif="FAK",
    purpose="open",
    expires_ns=1,
    edge=0,
    reason="r",
)


def group(*legs: OrderIntent) -> LegGroupIntent:
    return LegGroupIntent(
        strategy=NAME, plan=PlanId("g"), policy="all_or_none", legs=legs, max_unwind_loss=0,
        edge=0, reason="r",
    )  # fmt: skip


@pytest.mark.parametrize("intent", [GOOD, group(GOOD), CancelIntent(NAME, OrderId("o1"), "r")])
def test_a_good_intent_has_no_fault(intent: Any) -> None:
    """Nothing is said about what is right."""
    assert fault_of(intent, NAME) == ""


@pytest.mark.parametrize(
    "change, words",
    [
        ({"price": 0.3}, "OrderIntent.price is 0.3"),
        ({"size": "5"}, "OrderIntent.size is '5'"),
        ({"size": True}, "OrderIntent.size is True"),
        ({"expires_ns": None}, "OrderIntent.expires_ns is None"),
        ({"side": "BUY"}, "OrderIntent.side is 'BUY': give one of buy, sell"),
        ({"tif": "IOC"}, "OrderIntent.tif is 'IOC'"),
        ({"purpose": "fun"}, "OrderIntent.purpose is 'fun'"),
        ({"outcome": "YES"}, "OrderIntent.outcome is 'YES'"),
        ({"strategy": StrategyId("other")}, "signed 'other' instead of 's'"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], words: str) -> None:
    """The sentence says which field, what it holds, and what belongs there; also inside a group."""
    wrong = msgspec.structs.replace(GOOD, **change)
    assert words in fault_of(wrong, NAME)
    assert words in fault_of(group(GOOD, wrong), NAME)


def test_what_is_no_intent_is_named() -> None:
    """A dictionary is no intent, and a group needs legs."""
    assert fault_of({"price": 1}, NAME) == "returned dict, which is not an intent"
    assert fault_of(group(), NAME) == "LegGroupIntent has no legs"


def test_an_error_is_told_with_its_place() -> None:
    """File and line of the author's own code are in the sentence."""
    with pytest.raises(ValueError, match="boom") as caught:
        raise ValueError("boom")
    sentence = told(caught.value)
    assert sentence.startswith("ValueError at test_faults.py:")
    assert sentence.endswith(": boom")
