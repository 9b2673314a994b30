"""The digest that two runs are compared by leaves nothing out that was decided."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from underround.model.ids import (
    KALSHI,
    YES,
    FillId,
    IntentId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
)
from underround.model.ledger import Entry
from underround.model.orders import (
    Approved,
    Command,
    Fill,
    LegGroupIntent,
    Order,
    OrderIntent,
    Refusal,
)
from underround.trading.digest import DecisionSink, Digest

OUTCOME = OutcomeId(MarketId(KALSHI, "RAIN"), YES)
MAKER, PLAN = StrategyId("maker"), PlanId("maker:1")


def intent(price: int) -> OrderIntent:
    return OrderIntent(
        strategy=MAKER, plan=PLAN, outcome=OUTCOME, side="buy", price=price, size=5_000_000,
        tif="GTC", purpose="open", expires_ns=9, edge=1, reason="a test",
    )  # fmt: skip


def order(price: int) -> Order:
    return Order(
        id=OrderId("o1"), intent=IntentId(1), strategy=MAKER, plan=PLAN, leg_group=None,
        outcome=OUTCOME, side="buy", price=price, size=5_000_000, tif="GTC", post_only=False,
        purpose="open", good_until_ns=None, created_ns=1,
    )  # fmt: skip


def fill(price: int) -> Fill:
    return Fill(
        id=FillId("o1.1"), order=OrderId("o1"), outcome=OUTCOME, side="buy", price=price,
        size=5_000_000, fee=1, liquidity="taker", at_ns=2, evidence="walked the book",
    )  # fmt: skip


def refusal(edge: int) -> Refusal:
    return Refusal(IntentId(1), 1, MAKER, PLAN, str(OUTCOME), "grid", "off the grid", edge)


def legs(edge: int) -> LegGroupIntent:
    return LegGroupIntent(
        strategy=MAKER, plan=PLAN, policy="all_or_none", legs=(), max_unwind_loss=0, edge=edge,
        reason="a test",
    )  # fmt: skip


TELL: dict[str, Callable[[DecisionSink, int], None]] = {
    "asked": lambda sink, value: sink.asked(intent(value), 1),
    "command": lambda sink, value: sink.command(Command("halt", "a test"), value),
    "intent": lambda sink, value: sink.intent(Approved(IntentId(1), intent(value), None, (), 1)),
    "group": lambda sink, value: sink.group(legs(value), 1),
    "refusal": lambda sink, value: sink.refusal(refusal(value)),
    "order": lambda sink, value: sink.order(order(value)),
    "fill": lambda sink, value: sink.fill(fill(value)),
    "finality": lambda sink, value: sink.finality(FillId("o1.1"), "confirmed", value),
    "entry": lambda sink, value: sink.entry(Entry(1, value, "fill", "o1.1", ())),
}


def test_every_kind_of_decision_is_listed_here() -> None:
    """A new kind of decision must be added to this test, and so to the digest."""
    assert set(TELL) == {name for name in vars(DecisionSink) if not name.startswith("_")}


@pytest.mark.parametrize("kind", TELL)
def test_every_kind_of_decision_changes_the_digest(kind: str) -> None:
    """Nothing, one value and another value of each kind are three digests."""
    nothing, one, same, another = Digest(), Digest(), Digest(), Digest()
    TELL[kind](one, 400_000)
    TELL[kind](same, 400_000)
    TELL[kind](another, 410_000)
    assert one.hexdigest() == same.hexdigest()
    assert len({each.hexdigest() for each in (nothing, one, another)}) == 3
