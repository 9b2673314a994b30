"""Markets, outcomes and fills with only what a test cares about named."""

from __future__ import annotations

from underround.model.book import Side
from underround.model.fees import FeeCurve, NoFees
from underround.model.ids import POLYMARKET, FillId, GroupId, MarketId, OrderId, OutcomeId, Venue
from underround.model.market import EventGroup, Market, TickEpoch, uniform_ticks
from underround.model.orders import Fill
from underround.model.units import Money, Price, Size, parse_micros


def market(
    native: str,
    *,
    venue: Venue = POLYMARKET,
    fees: FeeCurve | None = None,
    ticks: TickEpoch | None = None,
    closes_ns: int | None = None,
) -> Market:
    """Return a market with a cent grid and no fees unless said otherwise."""
    return Market(
        id=MarketId(venue, native),
        title=f"Will {native}?",
        outcomes=("Yes", "No"),
        tokens=(f"{native}-yes", f"{native}-no"),
        currency="USD",
        ticks=(ticks or uniform_ticks("0.01"),),
        min_size=parse_micros("5"),
        size_step=parse_micros("0.01"),
        fees=fees or NoFees(),
        opens_ns=None,
        closes_ns=closes_ns,
        group=None,
        neg_risk=False,
    )


def event_group(
    *members: Market, augmented: bool = False, because: str | None = None
) -> EventGroup:
    """Return a neg-risk event group of ``members``."""
    return EventGroup(
        id=GroupId("polymarket:who-wins"),
        title="Who wins?",
        markets=tuple(member.id for member in members),
        neg_risk=True,
        augmented=augmented,
        exhaustive_because=because,
    )


def fill(
    name: str,
    outcome: OutcomeId,
    side: Side,
    *,
    price: Price,
    size: Size,
    fee: Money = 0,
    at_ns: int = 1,
) -> Fill:
    """Return a taker's fill called ``name``."""
    return Fill(
        id=FillId(name),
        order=OrderId(f"order-of-{name}"),
        outcome=outcome,
        side=side,
        price=price,
        size=size,
        fee=fee,
        liquidity="taker",
        at_ns=at_ns,
        evidence="walked the book",
    )
