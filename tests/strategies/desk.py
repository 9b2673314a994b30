"""A strategy under test in a real engine, and a venue that fills takers at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.trading.world import World, orders_in
from underround.model.book import Book
from underround.model.ids import StrategyId
from underround.model.market import EventGroup, Market
from underround.model.orders import Action, CancelOrder, ChangeSets, Order, OrderAccepted
from underround.model.units import ONE, shares
from underround.strategies.base import Strategy, StrategyParams
from underround.trading.limits import RiskLimits

WIDE = RiskLimits(
    max_order_notional=10**12,
    max_order_size=10**12,
    max_market_exposure=10**12,
    max_group_exposure=10**12,
    max_strategy_exposure=10**12,
    max_total_exposure=10**12,
    max_open_orders=10_000,
    max_positions=10_000,
    min_liquidity=0,
    max_loss=10**12,
    max_drawdown=10**12,
)
"""No limit that a strategy could lean on."""

BookLevels = tuple[dict[str, str], dict[str, str]]


class Desk(World):
    """The world of one strategy instance named ``s``; every action is kept in ``sent``."""

    def __init__(
        self,
        kind: type[Strategy[Any]],
        params: StrategyParams,
        markets: Sequence[Market],
        groups: Sequence[EventGroup] = (),
        **other: Any,
    ) -> None:
        fields: dict[str, Any] = {"limits": WIDE, "dollars": "1000000"}
        super().__init__(
            markets,
            groups,
            strategies=[lambda of, among: kind(StrategyId("s"), params, of, among)],
            **(fields | other),
        )
        self.resting: dict[str, Order] = {}
        self.cancels: list[str] = []

    @property
    def strategy(self) -> Strategy[Any]:
        return self.strategies[0]

    def book(self, market: Market) -> Book:
        return self.hub.books[market.id].book

    def refused(self) -> list[str]:
        return [f"{refusal.gate}: {refusal.detail}" for refusal in self.kept.refusals]

    # --- an immediate venue --------------------------------------------------------------------

    def carry_out(self, actions: Sequence[Action]) -> list[Action]:
        """Do what is asked, and what follows from it: takers fill at once, makers rest."""
        done: list[Action] = []
        waiting = list(actions)
        while waiting:
            action = waiting.pop(0)
            done.append(action)
            self.taken()
            if isinstance(action, ChangeSets):
                self.sets_done(action.approved)
            elif isinstance(action, CancelOrder):
                self.cancels.append(action.order)
            elif action.order.tif in ("GTC", "GTD"):
                self.resting[action.order.id] = action.order
                self.hear(OrderAccepted(action.order.id, self.now))
            else:
                self.take(action.order)
            waiting += self.taken()
        return done

    def take(self, order: Order) -> None:
        """Match a taker order with the book, level by level, fees included."""
        market = self.hub.markets[order.outcome.market]
        book = self.book(market)
        index, buying = order.outcome.index, order.side == "buy"
        levels = list(book.asks_of(index) if buying else book.bids_of(index))
        within = [
            (price, size)
            for price, size in levels
            if (price <= order.price if buying else price >= order.price)
        ]
        if order.tif == "FOK" and sum(size for _, size in within) < order.size:
            self.end(order, "killed")
            return
        fills = []
        for price, offered in within:
            size = min(offered, order.remaining)
            if size:
                fee = market.fees.fee(price, size, taker=True)
                book.consume(index, "sell" if buying else "buy", price, size)
                fills.append(self.fill_with_fee(order, size, price, fee))
        if order.open:
            self.end(order, "killed")
        for fill in fills:
            self.settle(fill)

    def fill_with_fee(self, order: Order, size: int, price: int, fee: int) -> Any:
        from underround.model.orders import OrderFilled

        fill = self.fill_of(order, size, price, fee)
        self.hear(OrderFilled(fill))
        return fill

    def confirm_cancels(self) -> list[Action]:
        """Let the cancels that were asked for be confirmed; returns what follows."""
        asked, self.cancels = self.cancels, []
        self.taken()
        for order_id in asked:
            order = self.resting.pop(order_id, None)
            if order is not None and order.open:
                self.end(order, "cancelled")
        return self.taken()

    def held(self, market: Market) -> tuple[int, int]:
        ledger = self.portfolio.ledger
        return ledger.holding(market.outcome(0)).total, ledger.holding(market.outcome(1)).total


def sent_in(actions: Sequence[Action]) -> list[tuple[str, str, int, int]]:
    """Return side, outcome, price and size of the orders that are to be sent."""
    return [
        (order.side, "YES" if order.outcome.index == 0 else "NO", order.price, order.size)
        for order in orders_in(actions)
    ]


@st.composite
def uncrossed(draw: st.DrawFn, most: int = 300, levels: int = 4) -> BookLevels:
    """Draw a book on a cent grid whose best bid is below its best ask."""
    border = draw(st.integers(1, 99))
    sizes = st.integers(1, most)
    bids = draw(st.dictionaries(st.integers(1, border), sizes, max_size=levels))
    highest = max(bids, default=0)
    asks = (
        draw(st.dictionaries(st.integers(highest + 1, 99), sizes, max_size=levels))
        if highest < 99
        else {}
    )
    return (
        {f"0.{price:02d}": str(size) for price, size in bids.items()},
        {f"0.{price:02d}": str(size) for price, size in asks.items()},
    )


def whole(size: str) -> int:
    """Return shares as micro-shares."""
    return shares(size)


__all__ = ["ONE", "WIDE", "BookLevels", "Desk", "sent_in", "uncrossed", "whole"]
