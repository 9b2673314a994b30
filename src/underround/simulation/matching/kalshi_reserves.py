"""What open orders of Kalshi's members bind.

Orders of one direction are filled best price first, so the first contracts of them close what the
member holds against them and cost nothing; the rest is paid for.  Both directions of a market are
bound in full, for either may come first.
"""

from __future__ import annotations

from collections.abc import Iterable

from underround.model.ids import MarketId, OrderId
from underround.model.market import Market
from underround.model.units import ONE, Money, Size
from underround.simulation.matching.kalshi_money import KalshiMoney
from underround.simulation.matching.kalshi_terms import Holder, KalshiOrder


class Reserves:
    """The open orders of every holder, and what they bind."""

    def __init__(self, money: KalshiMoney) -> None:
        """What is bound is kept in ``money.reserved``."""
        self._money = money
        self._open: dict[tuple[Holder, MarketId], dict[OrderId, KalshiOrder]] = {}
        self._bound: dict[tuple[Holder, MarketId], Money] = {}

    def of(self, holder: Holder, market: MarketId) -> tuple[KalshiOrder, ...]:
        """Return a holder's open orders in a market."""
        return tuple(self._open.get((holder, market), {}).values())

    def add(self, order: KalshiOrder, market: Market, shard: int) -> bool:
        """Bind what an order needs; returns whether there was enough.  If not, nothing is bound."""
        key = (order.holder, market.id)
        self._open.setdefault(key, {})[order.sent.id] = order
        if self.refresh(order.holder, market, shard):
            return True
        self.drop(order, market, shard)
        return False

    def drop(self, order: KalshiOrder, market: Market, shard: int) -> None:
        """Free what an order bound."""
        key = (order.holder, market.id)
        found = self._open.get(key)
        if found is None or found.pop(order.sent.id, None) is None:
            return
        if not found:
            del self._open[key]
        self.refresh(order.holder, market, shard)

    def refresh(self, holder: Holder, market: Market, shard: int) -> bool:
        """State anew what a holder's orders in a market bind; returns whether there is enough."""
        key = (holder, market.id)
        orders = self._open.get(key)
        before = self._bound.get(key, 0)
        now = 0
        if orders:
            held = self._money.position(holder, market.id).contracts
            now = _needed((each for each in orders.values() if each.bid), market, max(0, -held))
            now += _needed((each for each in orders.values() if not each.bid), market, max(0, held))
        if now:
            self._bound[key] = now
        else:
            self._bound.pop(key, None)
        reserved = self._money.reserved
        where = (*holder, shard)
        reserved[where] = reserved.get(where, 0) + now - before
        return self._money.available(holder, shard) >= 0


def _needed(orders: Iterable[KalshiOrder], market: Market, closable: Size) -> Money:
    """Return what orders of one direction cost at their limits; ``closable``: held against them."""
    total = 0
    for order in sorted(orders, key=_priority):
        left = order.left
        closed = min(left, closable)
        closable -= closed
        leg = order.leg_price
        fee = market.fees.fee(leg, left, taker=order.taking)
        total += max(0, (leg * (left - closed) - (ONE - leg) * closed) // ONE + fee)
    return total


def _priority(order: KalshiOrder) -> tuple[bool, int, int]:
    return not order.taking, -order.leg_price, order.place
