"""What the CLOB remembers of its members: their open orders, their trades, and their rebates.

A listener of the bus.  The house's own orders have no login and are not kept; of a member's trades
the newest are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

from underround.local_venue.world import ListingForgotten, World, WorldEvent
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import POLYMARKET, MarketId, OrderId
from underround.model.units import Money
from underround.simulation.matching.terms import (
    AccountId,
    BookOrder,
    OrderClosed,
    OrderFilled,
    OrderRested,
    Trade,
    TradeId,
    TradeMoved,
)

OPEN: Final = frozenset(("live", "delayed"))
DAY_S: Final = 86_400
_TRADES: Final = 20_000
"""Trades that are kept of each account."""
_DAYS: Final = 32
"""Days whose rebates are kept."""


class ClobLedger:
    """Open orders, trades and rebates of everybody who has a login."""

    def __init__(self, world: World) -> None:
        """Listen from now on."""
        self._world = world
        self._open: dict[AccountId, dict[OrderId, BookOrder]] = {}
        self._trades: dict[AccountId, OrderedDict[TradeId, Trade]] = {}
        self._rebates: dict[int, dict[tuple[AccountId, MarketId], Money]] = {}
        """By day since 1970 (UTC), then maker and market."""
        self._counted: set[TradeId] = set()
        """Trades whose rebates are counted and may still be undone."""
        world.bus.listen(
            self._heard, OrderRested, OrderFilled, OrderClosed, TradeMoved, ListingForgotten
        )

    # --- reading -------------------------------------------------------------------------------

    def open_orders(self, accounts: Iterable[AccountId]) -> Iterator[BookOrder]:
        """Yield the open orders of ``accounts``, in the order of arrival within each."""
        for account in accounts:
            for order in tuple(self._open.get(account, {}).values()):
                if order.state in OPEN:
                    yield order

    def trades(self, accounts: Iterable[AccountId]) -> list[Trade]:
        """Return the trades of ``accounts`` as taker or maker, each once, newest first."""
        found: dict[TradeId, Trade] = {}
        for account in accounts:
            found.update(self._trades.get(account, {}))
        return sorted(found.values(), key=lambda trade: (trade.at_ns, trade.id), reverse=True)

    def everything(self) -> list[Trade]:
        """Return every trade that is kept, newest first."""
        return self.trades(tuple(self._trades))

    def rebates(self, day: int) -> dict[tuple[AccountId, MarketId], Money]:
        """Return what makers earned on a day (since 1970, UTC), by maker and market."""
        earned = self._rebates.get(day, {})
        return {which: amount for which, amount in earned.items() if amount > 0}

    # --- listening -----------------------------------------------------------------------------

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, OrderRested | OrderFilled | OrderClosed):
            self._order(event.order)
        elif isinstance(event, TradeMoved) and event.trade.market.venue == POLYMARKET:
            self._trade(event.trade)
        elif isinstance(event, ListingForgotten):
            self._drop(event.market)

    def _order(self, order: BookOrder) -> None:
        sent = order.sent
        if sent.outcome.market.venue != POLYMARKET or not self._is_member(sent.owner):
            return
        if order.state in OPEN:
            self._open.setdefault(sent.account, {})[sent.id] = order
        else:
            self._open.get(sent.account, {}).pop(sent.id, None)

    def _trade(self, trade: Trade) -> None:
        parties = {fill.account for fill in trade.makers if self._is_member(fill.owner)}
        if self._is_member(trade.owner):
            parties.add(trade.account)
        listed = trade.market in self._world.catalogue.markets
        for account in parties if listed else ():
            kept = self._trades.setdefault(account, OrderedDict())
            kept[trade.id] = trade
            if len(kept) > _TRADES:
                kept.popitem(last=False)
        if parties:
            self._rebate(trade)

    def _drop(self, market: MarketId) -> None:
        """Forget the trades of a market that is not listed any more; its rebates were earned."""
        for kept in self._trades.values():
            for name in [each.id for each in kept.values() if each.market == market]:
                del kept[name]

    def _rebate(self, trade: Trade) -> None:
        """Count the makers' shares of the fee once, and take them back if the match fails."""
        known = trade.id in self._counted
        if trade.status == "MATCHED" and not known:
            self._counted.add(trade.id)
            self._add_rebates(trade, 1)
        elif trade.status in {"CONFIRMED", "FAILED"}:
            self._counted.discard(trade.id)
            if known and trade.status == "FAILED":
                self._add_rebates(trade, -1)

    def _add_rebates(self, trade: Trade, sign: int) -> None:
        day = trade.at_ns // (DAY_S * NANOS_PER_SECOND)
        earned = self._rebates.setdefault(day, {})
        if len(self._rebates) > _DAYS:
            del self._rebates[min(self._rebates)]
        for fill in trade.makers:
            key = (fill.account, trade.market)
            earned[key] = earned.get(key, 0) + sign * fill.rebate

    def _is_member(self, owner: str) -> bool:
        return owner in self._world.accounts.logins
