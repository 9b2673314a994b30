"""One market of a recording in the local book: orders of the house make up what was recorded.

At each price the house's orders together are as large as the recorded level; clients' orders come
on top.  What a client took from a level is whole again when the recording restates the level, as in
the fill model of paper trading.  What left a level without a trade left it from behind, so that
nobody moves up for it who might not have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from underround.local_venue.flow.house import House
from underround.local_venue.flow.prints import take_print
from underround.model.book import Book, Side
from underround.model.events import TradePrinted
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import YES
from underround.model.market import Market
from underround.model.units import ONE, Nanos, Price, Size, shares
from underround.simulation.matching.terms import BookOrder
from underround.simulation.rules import is_bid

Key: TypeAlias = tuple[bool, Price]
"""A level in YES terms: whether it is a bid, and its price."""
MAKERS: Final = "recorded makers"
AHEAD: Final[Nanos] = NANOS_PER_SECOND
"""A level shrinks at most this long before the trade that explains it is told (``queues``)."""
_STOCK: Final[Size] = shares("10000000")


class Ahead(msgspec.Struct):
    """A trade that is going to be told: the level it took from may shrink before."""

    told: TradePrinted
    done: bool = False


class Mirror:
    """The recorded book of one market, in orders."""

    def __init__(self, house: House, market: Market) -> None:
        """Begin with an empty book."""
        self._house = house
        self.market = market
        self._account = house.account(MAKERS, market.id.venue)
        self._wanted: dict[Key, Size] = {}
        """What was recorded."""
        self._levels: dict[Key, list[BookOrder]] = {}
        """The orders that make it up."""
        self._hidden: set[Key] = set()
        """Levels that a newer one meets; they are shown again when it has gone."""
        self._coming: deque[Ahead] = deque()
        self.actions = 0
        """Orders sent, cancelled and made smaller."""

    # --- trades --------------------------------------------------------------------------------

    def expect(self, trade: Ahead) -> None:
        """Note a trade that will be told soon."""
        self._coming.append(trade)

    def trade(self, trade: Ahead, now: Nanos) -> None:
        """A trade is told: unless its level shrank before, it happens now."""
        while self._coming and (self._coming[0] is trade or self._coming[0].done):
            self._coming.popleft()
        if not trade.done:
            self._happen(trade, now)

    def _happen(self, trade: Ahead, now: Nanos) -> None:
        """Let a taker meet what has priority at the trade's price, clients in their turn.

        The recorded levels are as recorded afterwards: better ones were not what it met, and its
        own was told with what the trade has left.
        """
        trade.done = True
        told = trade.told
        bid, price = met = _met(told)
        better = [
            key for key in self._levels if key[0] is bid and (key[1] > price) is bid and key != met
        ]
        before = {key: self.size(key) for key in (*better, met)}
        for key in better:
            self._shrink(key, 0, now)
        self.actions += 1
        take_print(
            self._house, self.market, told.outcome, told.taker_side, told.price, told.size, now
        )
        for key, had in before.items():
            wanted = min(had, self._wanted.get(key, 0))
            if wanted > self.size(key):
                self._grow(key, wanted, now)

    def _explained(self, key: Key, shrunk: Size, now: Nanos) -> None:
        """Let the trades happen now that explain why a level becomes smaller."""
        for trade in self._coming:
            told = trade.told
            if trade.done or told.size > shrunk or _met(told) != key:
                continue
            self._happen(trade, now)
            shrunk -= told.size

    # --- levels --------------------------------------------------------------------------------

    def set(self, wanted: dict[Key, Size], now: Nanos) -> None:
        """Let some levels have other sizes; smaller ones first, so that nothing meets itself."""
        for key, size in wanted.items():
            self._hidden.discard(key)
            if size:
                self._wanted[key] = size
            else:
                self._wanted.pop(key, None)
        for key, size in wanted.items():
            have = self.size(key)
            if size < have:
                self._explained(key, have - size, now)
                self._shrink(key, size, now)
        for key, size in wanted.items():
            if size > self.size(key):
                self._grow(key, size, now)
        if self._hidden:
            self._show(now)

    def restate(self, book: Book, now: Nanos) -> None:
        """Let the whole book be the recorded one."""
        wanted = dict.fromkeys(self._wanted, 0)
        wanted.update(levels_of(book))
        self.set(wanted, now)

    def size(self, key: Key) -> Size:
        """Return what the house has at a price."""
        return sum(order.left for order in self._levels.get(key, ()) if order.state == "live")

    def _shrink(self, key: Key, size: Size, now: Nanos) -> None:
        orders = [order for order in self._levels.get(key, ()) if order.state == "live"]
        over = sum(order.left for order in orders) - size
        while over > 0 and orders:
            last = orders[-1]
            left = max(0, last.left - over)
            over -= last.left - left
            self._house.shrink(last, left, now)
            self.actions += 1
            if not left:
                orders.pop()
        self._keep(key, orders)

    def _grow(self, key: Key, size: Size, now: Nanos) -> None:
        self._uncross(key, now)
        orders = [order for order in self._levels.get(key, ()) if order.state == "live"]
        missing = size - sum(order.left for order in orders)
        if missing > 0:
            bid, price = key
            self._house.provide(self._account, self.market.id, _STOCK, missing)
            self.actions += 1
            order = self._house.send(
                self.market, self._account, price, missing, now, bid=bid, recorded=True
            )
            if order is not None:
                orders.append(order)
        self._keep(key, orders)

    def _uncross(self, key: Key, now: Nanos) -> None:
        """Hide recorded levels that this newer one meets: they are gone, or it is a moment's."""
        bid, price = key
        for other in [each for each in self._levels if each[0] is not bid]:
            if (other[1] <= price) if bid else (other[1] >= price):
                self._hidden.add(other)
                self._shrink(other, 0, now)

    def _show(self, now: Nanos) -> None:
        """Show hidden levels again that meet nothing any more."""
        for key in sorted(self._hidden):
            bid, price = key
            against = [other for side, other in self._levels if side is not bid]
            if not any((other <= price) if bid else (other >= price) for other in against):
                self._hidden.discard(key)
                self._grow(key, self._wanted.get(key, 0), now)

    def _keep(self, key: Key, orders: list[BookOrder]) -> None:
        if orders:
            self._levels[key] = orders
        else:
            self._levels.pop(key, None)


def levels_of(book: Book) -> Iterator[tuple[Key, Size]]:
    """Yield the levels of a recorded book as the venue stated them."""
    step = book.step
    for index in range(1, book.top):
        if book.bids[index]:
            yield (True, index * step), book.bids[index]
        if book.asks[index]:
            yield (False, index * step), book.asks[index]


def touched(book: Book, changes: Iterable[tuple[int, Side, Price]]) -> dict[Key, Size]:
    """Return the levels some changes were about, with what the recorded book holds there now."""
    wanted: dict[Key, Size] = {}
    for outcome, side, price in changes:
        bid = is_bid(outcome, side)
        yes_price = price if outcome == YES else ONE - price
        if (bid, yes_price) not in wanted:
            wanted[bid, yes_price] = book.raw_size(YES, "buy" if bid else "sell", yes_price)
    return wanted


def _met(told: TradePrinted) -> Key:
    """Return the level a trade took from."""
    price = told.price if told.outcome == YES else ONE - told.price
    return not is_bid(told.outcome, told.taker_side), price
