"""An exchange with one market, an agenda, and everything that was told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from underround.model.book import Side
from underround.model.fees import FeeCurve, NoFees
from underround.model.ids import NO, POLYMARKET, YES, MarketId, OrderId
from underround.model.market import Market, Resolution, uniform_ticks
from underround.model.orders import TimeInForce
from underround.model.units import ONE, Nanos, decimal_text, shares, usd
from underround.simulation.agenda import Agenda
from underround.simulation.matching.polymarket import PolymarketExchange
from underround.simulation.matching.terms import (
    AccountId,
    BookMoved,
    ExchangeEvent,
    Placement,
    Submission,
    Trade,
)

SECOND = 1_000_000_000
ANN, BOB, CAT = AccountId("ann"), AccountId("bob"), AccountId("cat")
RAIN = MarketId(POLYMARKET, "rain")
Event = TypeVar("Event", bound=ExchangeEvent)


def make_market(name: str = "rain", fees: FeeCurve | None = None, tick: str = "0.01") -> Market:
    return Market(
        id=MarketId(POLYMARKET, name),
        title="Will it rain?",
        outcomes=("Yes", "No"),
        tokens=("1", "2"),
        currency="pUSD",
        ticks=(uniform_ticks(tick),),
        min_size=shares("5"),
        size_step=shares("0.01"),
        fees=fees or NoFees(),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )


class Desk:
    """Everybody has a thousand dollars and, of YES and NO, a thousand shares."""

    def __init__(
        self,
        fees: FeeCurve | None = None,
        *,
        tick: str = "0.01",
        delay_ms: int = 0,
        rebate: str = "0",
        **options: Any,
    ) -> None:
        self.agenda = Agenda()
        self.events: list[ExchangeEvent] = []
        self.matched: list[Trade] = []
        self.now: Nanos = 0
        self.made = 0
        self.venue = PolymarketExchange(
            emit=self.events.append, plan=self.agenda.plan, settle=self.matched.append, **options
        )
        self.market = make_market(fees=fees, tick=tick)
        self.venue.open_market(
            self.market, delay_ms=delay_ms, maker_rebate=usd(rebate), now=self.now
        )
        self.custody = self.venue.custody
        for account in (ANN, BOB, CAT):
            self.custody.deposit(account, usd("2000"))
            self.custody.split(account, RAIN, shares("1000"))

    def order(
        self,
        account: AccountId,
        side: Side,
        price: str,
        size: str,
        tif: TimeInForce = "GTC",
        *,
        outcome: int = YES,
        **other: Any,
    ) -> Submission:
        self.made += 1
        fields: dict[str, Any] = {
            "id": OrderId(f"o{self.made}"),
            "account": account,
            "owner": f"{account}'s key",
            "outcome": self.market.outcome(outcome),
            "side": side,
            "price": usd(price),
            "size": shares(size),
            "tif": tif,
            "created_ns": self.now,
        }
        return Submission(**(fields | other))

    def send(self, *given: Any, **other: Any) -> Placement:
        """Submit an order made as by ``order``."""
        return self.venue.submit(self.order(*given, **other), self.now)

    def spend(self, account: AccountId, dollars: str, limit: str, tif: str, **other: Any) -> Any:
        """Submit a BUY that is given in dollars."""
        size = usd(dollars) * ONE // usd(limit)
        return self.send(account, "buy", limit, decimal_text(size), tif,
                         budget=usd(dollars), **other)  # fmt: skip

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)
        self.agenda.run(self.now)

    def cancel(self, *ids: str, **other: Any) -> tuple[list[str], dict[str, str]]:
        answer = self.venue.cancel([OrderId(name) for name in ids], self.now, **other)
        return [str(name) for name in answer.cancelled], {str(k): v for k, v in answer.kept.items()}

    def settle(self, status: Any = "MINED", trade: int = -1) -> Trade:
        return self.venue.move_trade(self.matched[trade].id, status, self.now)

    def resolve(self, yes: str = "1") -> None:
        payouts = (usd(yes), ONE - usd(yes))
        self.venue.resolve(Resolution(RAIN, self.now, payouts, "test"), self.now)

    def book(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return bids and asks, best first, as text."""
        bids, asks = self.venue.levels(RAIN)
        return (
            {decimal_text(level.price): decimal_text(level.size) for level in bids},
            {decimal_text(level.price): decimal_text(level.size) for level in asks},
        )

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def fills(self) -> list[tuple[str, str, str]]:
        """Return each maker's order, size and price of all matches, in order."""
        return [
            (str(fill.order), decimal_text(fill.size), decimal_text(fill.price))
            for trade in self.matched
            for fill in trade.makers
        ]

    def money(self, account: AccountId) -> tuple[str, str, str]:
        """Return balance, reserved and in flight, in dollars."""
        custody = self.custody
        return (
            decimal_text(custody.balance(account)),
            decimal_text(custody.reserved(account)),
            decimal_text(custody.in_flight(account)),
        )

    def shares(self, account: AccountId) -> tuple[str, str]:
        """Return the settled balances of YES and NO."""
        return (
            decimal_text(self.custody.balance(account, self.market.outcome(YES))),
            decimal_text(self.custody.balance(account, self.market.outcome(NO))),
        )


def rebuilt(events: list[ExchangeEvent]) -> tuple[dict[int, int], dict[int, int]]:
    """Return bids and asks as somebody who only hears the public events has them."""
    sides: tuple[dict[int, int], dict[int, int]] = {}, {}
    for event in events:
        if isinstance(event, BookMoved):
            for level in event.levels:
                side = sides[0 if level.bid else 1]
                side[level.price] = level.size
                if not level.size:
                    del side[level.price]
    return sides


def plain(events: list[ExchangeEvent]) -> list[str]:
    """Return the names of events."""
    return [type(event).__name__ for event in events]


def changed(sent: Submission, **fields: Any) -> Submission:
    return msgspec.structs.replace(sent, **fields)


DeskMaker = Callable[..., Desk]
