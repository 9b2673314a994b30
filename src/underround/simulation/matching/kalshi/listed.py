"""A market at Kalshi's exchange: its book, its stage, and which levels changed."""

from __future__ import annotations

from underround.model.market import Market
from underround.model.units import Nanos, Price, Size
from underround.simulation.matching.book import Book, Resting
from underround.simulation.matching.kalshi.terms import KalshiBookMoved, KalshiOrder, Stage
from underround.simulation.matching.terms import Level


class Listed:
    """A market at the exchange."""

    def __init__(self, market: Market, shard: int, stage: Stage) -> None:
        """Open it with an empty book."""
        self.market = market
        self.shard = shard
        self.stage: Stage = stage
        self.closes_ns = market.closes_ns
        self.value: Price | None = None
        """What one YES is worth, once it is known."""
        self.determined_ns: Nanos | None = None
        self.settled_ns: Nanos | None = None
        self.book = Book(market, delay_ns=0, rebate=0, spenders=())
        self._touched: dict[tuple[bool, Price], None] = {}
        self._traded = False

    def touch(self, order: KalshiOrder, *, traded: bool = False) -> None:
        """Note that the size at an order's price is another one."""
        self._touched[order.bid, order.yes_price] = None
        self._traded = self._traded or traded

    def moved(self, cause: KalshiOrder | None, now: Nanos) -> KalshiBookMoved | None:
        """Return what was touched since the last time."""
        if not self._touched:
            return None
        levels = tuple(self._level(bid, price) for bid, price in self._touched)
        traded, self._traded = self._traded, False
        self._touched.clear()
        return KalshiBookMoved(self.market.id, levels, now, traded, cause)

    def _level(self, bid: bool, price: Price) -> Level:
        line = (self.book.bids if bid else self.book.asks).get(price)
        return Level(bid, price, 0 if line is None else line.size)

    def first_against(self, order: KalshiOrder) -> KalshiOrder | None:
        """Return the order that the arriving one meets first."""
        if not self.book.crossed_by(order):
            return None
        lines, price = (
            (self.book.asks, self.book.best_ask)
            if order.bid
            else (self.book.bids, self.book.best_bid)
        )
        line = lines.get(price)
        return None if line is None else own(next(iter(line.orders.values())))

    def reachable(self, order: KalshiOrder) -> Size:
        """Return how much an arriving order could get, its member's own orders left out.

        An order that stops at its member's own gets only what rests before that.
        """
        found = 0
        for resting in self.book.resting():
            if resting.bid == order.bid:
                continue
            worse = resting.yes_price > order.yes_price
            if resting.yes_price != order.yes_price and worse == order.bid:
                break
            if resting.sent.account != order.sent.account:
                found += resting.left
            elif order.kalshi.self_trade == "taker_at_cross":
                break
        return found


def own(order: Resting) -> KalshiOrder:
    """Return an order of a Kalshi book as what it is."""
    assert isinstance(order, KalshiOrder)
    return order
