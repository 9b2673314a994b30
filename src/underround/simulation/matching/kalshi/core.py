"""What Kalshi's exchange is made of: markets, orders, money, groups, and the order of telling."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from underround.model.ids import MarketId, OrderId
from underround.model.market import TickEpoch
from underround.model.units import Nanos, Size
from underround.simulation.matching.kalshi.groups import OrderGroup, OrderGroups
from underround.simulation.matching.kalshi.listed import Listed, own
from underround.simulation.matching.kalshi.matching import Emit, Matcher
from underround.simulation.matching.kalshi.money import KalshiMoney
from underround.simulation.matching.kalshi.reserves import Reserves
from underround.simulation.matching.kalshi.terms import KalshiEvent, KalshiOrder, Mode, Stage
from underround.simulation.matching.terms import (
    AccountId,
    ExchangeEvent,
    Level,
    OrderClosed,
    OrderFilled,
)

Plan: TypeAlias = Callable[[Nanos, Callable[[Nanos], None]], None]
_KEPT: Final = 2_000
"""Closed orders of each member that can still be looked up."""


class KalshiCore:
    """The parts, and what every part needs of the others."""

    def __init__(self, *, emit: Emit, plan: Plan, seed: int = 0) -> None:
        """``plan`` lets something happen later; ids of trades follow from ``seed``."""
        self._emit = emit
        self._plan = plan
        self.mode: Mode = "open"
        self.money = KalshiMoney()
        self.markets: dict[MarketId, Listed] = {}
        self.orders: dict[OrderId, KalshiOrder] = {}
        """Open ones, and the last that ended."""
        self.named: dict[tuple[AccountId, str], OrderId] = {}
        """By member and his own id for it."""
        self.groups = OrderGroups(self._tell, self._cancel_group, lambda now: self._done(None, now))
        self._reserves = Reserves(self.money)
        self._matcher = Matcher(
            self._tell, self.money, self._reserves, self.groups, self._end, seed
        )
        self._ended: dict[AccountId, deque[OrderId]] = {}
        self._dirty: dict[MarketId, Listed] = {}
        self._untold: deque[ExchangeEvent | KalshiEvent] = deque()
        self._telling = False

    # --- reading -------------------------------------------------------------------------------

    def levels(self, market: MarketId) -> tuple[list[Level], list[Level]]:
        """Return bids and asks in YES terms, best first."""
        return self.markets[market].book.levels()

    def resting(self, market: MarketId) -> Iterator[KalshiOrder]:
        """Yield what rests: bids best first, then asks; at one price the oldest first."""
        return (own(order) for order in self.markets[market].book.resting())

    def ticks(self, market: MarketId) -> TickEpoch:
        """Return the price grid of now."""
        return self.markets[market].book.ticks

    def stage(self, market: MarketId) -> Stage:
        """Return where in its life a market is."""
        return self.markets[market].stage

    def ahead(self, order: KalshiOrder) -> Size:
        """Return how many contracts are filled before a resting order."""
        found = 0
        for each in self.resting(order.sent.outcome.market):
            if each is order:
                break
            if each.bid == order.bid:
                found += each.left
        return found

    # --- telling -------------------------------------------------------------------------------

    def _tell(self, event: ExchangeEvent | KalshiEvent) -> None:
        """Have an event told once what is being done is done."""
        self._untold.append(event)
        if isinstance(event, OrderFilled) and event.order.state == "matched":
            assert isinstance(event.order, KalshiOrder)
            self._remember(event.order)

    def _done(self, cause: KalshiOrder | None, now: Nanos) -> None:
        """Tell what happened, the books last.

        Whoever is told may act at once: what follows from that is told afterwards.
        """
        for market, listed in self._dirty.items():
            cause_here = cause is not None and cause.sent.outcome.market == market
            moved = listed.moved(cause if cause_here else None, now)
            if moved is not None:
                self._untold.append(moved)
        self._dirty.clear()
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                self._emit(self._untold.popleft())
        finally:
            self._telling = False

    # --- ending orders -------------------------------------------------------------------------

    def _end(self, listed: Listed, order: KalshiOrder, reason: str, now: Nanos) -> None:
        """Cancel an order that is open."""
        if order.line is not None:
            listed.touch(order)
            listed.book.remove(order)
            self._dirty[listed.market.id] = listed
        order.state, order.status, order.reason = "cancelled", "canceled", reason
        order.updated_ns = now
        self._reserves.drop(order, listed.market, listed.shard)
        group = self.groups.all.get(order.kalshi.group)
        if group is not None:
            group.orders.pop(order.sent.id, None)
        self._tell(OrderClosed(order, now))
        self._remember(order)

    def _end_all(self, listed: Listed, reason: str, now: Nanos) -> None:
        for order in tuple(self.resting(listed.market.id)):
            self._end(listed, order, reason, now)

    def _cancel_group(self, group: OrderGroup, now: Nanos) -> None:
        for order_id in tuple(group.orders):
            order = self.orders[order_id]
            self._end(self.markets[order.sent.outcome.market], order, "order_group", now)

    def _remember(self, order: KalshiOrder) -> None:
        """Keep an order that ended for a while."""
        account = order.sent.account
        ended = self._ended.get(account)
        if ended is None:
            ended = self._ended[account] = deque()
        ended.append(order.sent.id)
        if len(ended) > _KEPT:
            gone = self.orders.pop(ended.popleft())
            key = (account, gone.kalshi.client)
            if self.named.get(key) == gone.sent.id:
                del self.named[key]
