"""What open orders of Kalshi's members bind.

Orders of one direction are filled best price first, so the first contracts of them close what the
member holds against them and cost nothing; the rest is paid for.  Both directions of a market are
bound in full, for either may come first.

What an order costs alone is kept with it, and the sum with its direction: only what closes a
position is looked at one by one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import count
from typing import TypeAlias

from underround.model.ids import MarketId, OrderId
from underround.model.market import Market
from underround.model.units import ONE, Money, Size
from underround.simulation.matching.kalshi.money import KalshiMoney
from underround.simulation.matching.kalshi.terms import Holder, KalshiOrder

_Key: TypeAlias = tuple[bool, int, int, int]
_number = count()


class _Direction:
    """A holder's open orders of one direction in one market, those first that are filled first."""

    __slots__ = ("keys", "orders", "queue", "total")

    def __init__(self) -> None:
        self.queue: list[tuple[_Key, KalshiOrder]] = []
        self.keys: dict[OrderId, _Key] = {}
        self.total: Money = 0

    def put(self, order: KalshiOrder, market: Market) -> None:
        """Take an order as it is now, whether it is new or was there before."""
        self.take(order)
        key = (not order.taking, -order.leg_price, order.place, next(_number))
        self.keys[order.sent.id] = key
        insort(self.queue, (key, order))
        leg, left = order.leg_price, order.left
        fee = market.fees.fee(leg, left, taker=order.taking)
        order.reserve = leg * left // ONE + fee
        order.covered = max(0, fee - (ONE - leg) * left // ONE)
        self.total += order.reserve

    def take(self, order: KalshiOrder) -> None:
        """Take an order out, if it is there."""
        key = self.keys.pop(order.sent.id, None)
        if key is not None:
            del self.queue[bisect_left(self.queue, (key,))]
            self.total -= order.reserve

    def needed(self, closable: Size) -> Money:
        """Return what the orders cost at their limits; ``closable``: held against them."""
        total = self.total
        for _, order in self.queue if closable else ():
            left = order.left
            if left > closable:
                total -= order.reserve - _partly_covered(order, closable)
                break
            total -= order.reserve - order.covered
            closable -= left
        return total


def _partly_covered(order: KalshiOrder, closed: Size) -> Money:
    """Return what an order costs whose first contracts close a position."""
    leg, left = order.leg_price, order.left
    fee = order.reserve - leg * left // ONE
    return max(0, (leg * (left - closed) - (ONE - leg) * closed) // ONE + fee)


class Reserves:
    """The open orders of every holder, and what they bind."""

    def __init__(self, money: KalshiMoney) -> None:
        """What is bound is kept in ``money.reserved``."""
        self._money = money
        self._open: dict[tuple[Holder, MarketId], tuple[_Direction, _Direction]] = {}
        self._bound: dict[tuple[Holder, MarketId], Money] = {}

    def add(self, order: KalshiOrder, market: Market, shard: int) -> bool:
        """Bind what an order needs; returns whether there was enough.  If not, nothing is bound."""
        key = (order.holder, market.id)
        if key not in self._open:
            self._open[key] = (_Direction(), _Direction())
        if self.update(order, market, shard):
            return True
        self.drop(order, market, shard)
        return False

    def update(self, order: KalshiOrder, market: Market, shard: int) -> bool:
        """State anew what an order binds, or what its holder's position does to the others.

        Returns whether there is enough.
        """
        key = (order.holder, market.id)
        self._open[key][order.bid].put(order, market)
        return self._bind(key, shard)

    def drop(self, order: KalshiOrder, market: Market, shard: int) -> None:
        """Free what an order bound."""
        key = (order.holder, market.id)
        directions = self._open.get(key)
        if directions is None:
            return
        directions[order.bid].take(order)
        self._bind(key, shard)
        if not directions[0].keys and not directions[1].keys:
            del self._open[key]

    def _bind(self, key: tuple[Holder, MarketId], shard: int) -> bool:
        holder, market = key
        held = self._money.position(holder, market).contracts
        asks, bids = self._open[key]
        now = bids.needed(max(0, -held)) + asks.needed(max(0, held))
        before = self._bound.get(key, 0)
        if now:
            self._bound[key] = now
        else:
            self._bound.pop(key, None)
        reserved = self._money.reserved
        where = (*holder, shard)
        reserved[where] = reserved.get(where, 0) + now - before
        return self._money.available(holder, shard) >= 0
