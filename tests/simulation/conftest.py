"""A market with one book, a paper venue on it, and a script of what happens to both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from underround.model.book import Book, Side
from underround.model.events import LevelChange, LevelsChanged, MarketEvent, TradePrinted
from underround.model.fees import FeeCurve, KalshiFees, NoFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import (
    KALSHI,
    POLYMARKET,
    YES,
    IntentId,
    MarketId,
    OrderId,
    PlanId,
    StrategyId,
    Venue,
)
from underround.model.market import Market, TickEpoch, uniform_ticks
from underround.model.orders import Fill, Order, OrderEvent, OrderFilled, TimeInForce
from underround.model.units import Nanos, decimal_text, parse_price, shares, usd
from underround.simulation.latency import Latency
from underround.simulation.paper import PaperVenue

LATENCY = Latency(feed_ms=10, entry_ms=20, cancel_ms=15, response_ms=5, settle_ms=100, chain_ms=200)


def make_market(
    venue: Venue = POLYMARKET, fees: FeeCurve | None = None, closes_ns: Nanos | None = None
) -> Market:
    polymarket = venue == POLYMARKET
    return Market(
        id=MarketId(venue, "rain"),
        title="Will it rain?",
        outcomes=("Yes", "No"),
        tokens=("1", "2"),
        currency="pUSD" if polymarket else "USD",
        ticks=(uniform_ticks("0.01"),),
        min_size=shares("5") if polymarket else shares("0.01"),
        size_step=shares("0.01"),
        fees=fees or (NoFees() if polymarket else KalshiFees()),
        opens_ns=None,
        closes_ns=closes_ns,
        group=None,
        neg_risk=False,
    )


class World:
    """One market, its book, its paper venue and all that was heard from it; times in ms."""

    def __init__(self, market: Market, latency: Latency, failure_ppm: int) -> None:
        self.market = market
        self.ticks: TickEpoch = market.ticks[0]
        self.book = Book(self.ticks.finest)
        self.trusted = True
        self.heard: list[tuple[Nanos, OrderEvent]] = []
        self.made = 0
        self.venue = PaperVenue(
            {market.id: market},
            lambda _: self.ticks,
            lambda _: self.book,
            lambda _: self.trusted,
            latency,
            {},
            failure_ppm,
        )

    def order(
        self, side: Side, price: str, size: str, tif: TimeInForce = "GTC", **other: Any
    ) -> Order:
        """Make an order for YES unless ``outcome=NO`` is given."""
        self.made += 1
        fields: dict[str, Any] = {
            "id": OrderId(f"o{self.made}"),
            "intent": IntentId(self.made),
            "strategy": StrategyId("s"),
            "plan": PlanId(f"p{self.made}"),
            "leg_group": None,
            "outcome": self.market.outcome(other.pop("outcome", YES)),
            "side": side,
            "price": parse_price(price),
            "size": shares(size),
            "tif": tif,
            "post_only": False,
            "purpose": "open",
            "good_until_ns": None,
            "created_ns": 0,
        }
        return Order(**(fields | other))

    def show(self, bids: dict[str, str], asks: dict[str, str]) -> None:
        """Make the YES book, without an event."""
        self.book.replace(
            YES,
            [(usd(price), shares(size)) for price, size in bids.items()],
            [(usd(price), shares(size)) for price, size in asks.items()],
        )

    def send(self, order: Order, at: int = 0) -> Order:
        self.venue.submit(order, at * NANOS_PER_MS)
        return order

    def cancel(self, order: Order, at: int) -> None:
        self.venue.cancel(order.id, at * NANOS_PER_MS)

    def run(self, until: int) -> list[OrderEvent]:
        """Go to ``until``; returns what was heard on the way."""
        heard = self.venue.advance(until * NANOS_PER_MS)
        self.heard += heard
        return [event for _, event in heard]

    def event(self, event: MarketEvent, at: int) -> None:
        """Deliver an event that the book has taken."""
        if self.venue.resting(self.market.id):
            self.venue.on_event(event, at * NANOS_PER_MS)

    def level(self, side: Side, price: str, size: str, at: int, outcome: int = YES) -> None:
        """Restate one level, as the venue would."""
        self.run(at)
        self.book.set(outcome, side, usd(price), shares(size))
        change = LevelChange(outcome, side, usd(price), shares(size), None, None, None)
        self.event(LevelsChanged(self.market.id, at * NANOS_PER_MS, (change,)), at)

    def trade(self, taker: Side, price: str, size: str, at: int, outcome: int = YES) -> None:
        """Print a public trade."""
        self.run(at)
        text = decimal_text(usd(price))
        self.event(
            TradePrinted(
                self.market.id, outcome, at * NANOS_PER_MS, usd(price), shares(size), taker, text
            ),
            at,
        )

    def fills(self) -> list[Fill]:
        """Return all fills heard so far."""
        return [event.fill for _, event in self.heard if isinstance(event, OrderFilled)]

    def filled(self) -> list[tuple[str, str, str, str]]:
        """Return order, price, size and evidence of all fills heard so far, as text."""
        return [
            (fill.order, decimal_text(fill.price), decimal_text(fill.size), fill.evidence)
            for fill in self.fills()
        ]


WorldMaker = Callable[..., World]


@pytest.fixture(scope="session")
def make_world() -> WorldMaker:
    """Make a world: ``venue``, ``fees``, ``closes_ns``, ``latency`` and ``failure_ppm``."""

    def make(latency: Latency = LATENCY, failure_ppm: int = 0, **market: Any) -> World:
        return World(make_market(**market), latency, failure_ppm)

    return make


@pytest.fixture
def world(make_world: WorldMaker) -> World:
    """Make a Polymarket world, no fees: bids 0.48 × 100, 0.50 × 40; asks 0.52 × 10, 0.53 × 20."""
    made = make_world()
    made.show({"0.48": "100", "0.50": "40"}, {"0.52": "10", "0.53": "20"})
    return made


@pytest.fixture
def kalshi_world(make_world: WorldMaker) -> World:
    """Make the same book on Kalshi, with its fees and without a trade stream."""
    made = make_world(venue=KALSHI)
    made.show({"0.48": "100", "0.50": "40"}, {"0.52": "10", "0.53": "20"})
    return made
