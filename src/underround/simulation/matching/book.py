"""One market's orders by price and time, kept in YES terms: the NO book is its mirror.

Buying NO at q is offering YES at 1 − q, so the two sides hold orders of both outcomes, and an order
meets whatever rests on the other side: complementary, mint and merge are one walk.

Sizes are never split finer than a price allows to be paid in whole micro-dollars (``Line.grain``),
so what two sides pay always adds up and nobody is rounded through his limit.  What is left of an
order when it is smaller than that is dust: it cannot trade any more.  Left over by a match it
counts as filled; where it rests all the same, the next order that reaches it sweeps it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Final

from underround.model.fees import FeeCurve
from underround.model.ids import YES, OrderId
from underround.model.market import Market, TickEpoch
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.simulation.matching.holding import Holding
from underround.simulation.matching.terms import AccountId, BookOrder, Level, Submission

_FEW: Final = 32
"""With fewer levels than this the best one is looked up instead of stepped to."""


class Resting(BookOrder):
    """An order with its place in the line and the money it counts on."""

    __slots__ = ("holding", "line", "release_ns", "reserve")

    def __init__(
        self, sent: Submission, holding: Holding, *, bid: bool, yes_price: Price, arrived_ns: Nanos
    ) -> None:
        """``holding``: of the asset the order gives."""
        super().__init__(sent, bid=bid, yes_price=yes_price, arrived_ns=arrived_ns)
        self.holding = holding
        self.reserve = 0
        """What of the holding is reserved for it."""
        self.line: Line | None = None
        self.release_ns: Nanos | None = None
        """When the taker delay is over."""


class Line:
    """The orders at one price, the oldest first."""

    __slots__ = ("grain", "orders", "price", "size")

    def __init__(self, price: Price) -> None:
        """Begin empty; ``price`` in YES terms."""
        self.price = price
        self.size: Size = 0
        self.grain: Size = ONE // gcd(price, ONE)
        """A multiple of this costs whole micro-dollars on both sides."""
        self.orders: dict[OrderId, Resting] = {}


class Cut:
    """What an arriving order would take from one line."""

    __slots__ = ("fee", "fills", "line", "price", "size")

    def __init__(self, line: Line, price: Price) -> None:
        """``price``: the line's, in the terms of the arriving order's outcome."""
        self.line = line
        self.price = price
        self.size: Size = 0
        self.fee: Money = 0
        self.fills: list[tuple[Resting, Size]] = []


class Take:
    """What an arriving order would get now."""

    __slots__ = ("cost", "cuts", "done", "dust", "fee", "size")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.cuts: list[Cut] = []
        self.size: Size = 0
        self.cost: Money = 0
        """Dollars of the shares, fee aside."""
        self.fee: Money = 0
        self.done = False
        """Nothing of the order would be left to trade."""
        self.dust: list[Resting] = []
        """What is reached and too small to trade."""


class Book:
    """The orders of one market, and what the exchange knows of it."""

    __slots__ = (
        "asks",
        "best_ask",
        "best_bid",
        "bids",
        "delay_ns",
        "delayed",
        "last",
        "market",
        "open",
        "own",
        "rebate",
        "spenders",
        "step",
        "ticks",
    )

    def __init__(
        self, market: Market, *, delay_ns: Nanos, rebate: int, spenders: tuple[str, ...]
    ) -> None:
        """Open an empty book on the market's latest grid."""
        self.market = market
        self.open = True
        self.delay_ns = delay_ns
        self.rebate = rebate
        """Share of the taker's fee that goes to makers, in millionths."""
        self.spenders = spenders
        """Contracts that must be allowed to move what an order gives."""
        self.bids: dict[Price, Line] = {}
        self.asks: dict[Price, Line] = {}
        self.best_bid: Price = 0
        """0: no bids."""
        self.best_ask: Price = ONE
        """``ONE``: no asks."""
        self.last: Price | None = None
        """YES price of the last trade."""
        self.own: dict[AccountId, dict[OrderId, Resting]] = {}
        """What rests, by account."""
        self.delayed: dict[OrderId, Resting] = {}
        """What waits for the taker delay, in order of arrival."""
        self.set_ticks(market.ticks[-1])

    def set_ticks(self, ticks: TickEpoch) -> None:
        """Change the grid; every resting price must be on it."""
        self.ticks = ticks
        self.step: Price = ticks.finest

    # --- coming and going ----------------------------------------------------------------------

    def add(self, order: Resting) -> None:
        """Put an order at the end of its line."""
        price = order.yes_price
        lines = self.bids if order.bid else self.asks
        line = lines.get(price)
        if line is None:
            line = lines[price] = Line(price)
            if order.bid:
                if price > self.best_bid:  # noqa: PLR1730 - max() is a call on a hot line
                    self.best_bid = price
            elif price < self.best_ask:
                self.best_ask = price
        sent = order.sent
        line.orders[sent.id] = order
        line.size += sent.size - order.filled
        order.line = line
        mine = self.own.get(sent.account)
        if mine is None:
            self.own[sent.account] = {sent.id: order}
        else:
            mine[sent.id] = order

    def remove(self, order: Resting) -> None:
        """Take an order, with what is left of it, out of its line."""
        line = order.line
        assert line is not None
        order.line = None
        sent = order.sent
        del line.orders[sent.id]
        line.size -= sent.size - order.filled
        mine = self.own[sent.account]
        if len(mine) == 1:
            del self.own[sent.account]
        else:
            del mine[sent.id]
        if not line.orders:
            self._drop(order.bid, line.price)

    def _drop(self, bid: bool, price: Price) -> None:
        if bid:
            bids = self.bids
            del bids[price]
            if price == self.best_bid:
                if len(bids) < _FEW:
                    price = max(bids, default=0)
                else:
                    while price not in bids:
                        price -= self.step
                self.best_bid = price
        else:
            asks = self.asks
            del asks[price]
            if price == self.best_ask:
                if len(asks) < _FEW:
                    price = min(asks, default=ONE)
                else:
                    while price not in asks:
                        price += self.step
                self.best_ask = price

    # --- what could be taken -------------------------------------------------------------------

    def crossed_by(self, order: Resting) -> bool:
        """Return whether the order reaches the best price it could trade with."""
        if order.bid:
            return order.yes_price >= self.best_ask
        return order.yes_price <= self.best_bid

    def opposite(self, outcome: int, bid: bool) -> Price | None:
        """Return the best price a bid (or ask) could trade with, in terms of ``outcome``."""
        price = self.best_ask if bid else self.best_bid
        if not 0 < price < ONE:
            return None
        return price if outcome == YES else ONE - price

    def reach(self, order: Resting) -> Take:
        """Return what the order would get now, oldest orders of the best price first."""
        sent, bid, limit = order.sent, order.bid, order.yes_price
        yes, budget, wanted = sent.outcome.index == YES, sent.budget, order.left
        lines, price = (self.asks, self.best_ask) if bid else (self.bids, self.best_bid)
        step, unseen = (self.step if bid else -self.step), len(lines)
        fees, take = self.market.fees, Take()
        while unseen and (price <= limit if bid else price >= limit):
            line = lines.get(price)
            if line is not None:
                unseen -= 1
                own = price if yes else ONE - price
                if budget is not None:
                    wanted = (budget - take.cost) * ONE // own
                if wanted < line.grain:
                    take.done = True
                    break
                wanted -= _cut(take, line, own, wanted, fees)
                if wanted < line.grain:
                    take.done = True
                    break
            price += step
        if budget is None and wanted < ONE // gcd(limit, ONE):
            take.done = True
        return take

    # --- reading -------------------------------------------------------------------------------

    def levels(self) -> tuple[list[Level], list[Level]]:
        """Return bids and asks, best first."""
        bids, asks = self.bids, self.asks
        return (
            [Level(True, price, bids[price].size) for price in sorted(bids, reverse=True)],
            [Level(False, price, asks[price].size) for price in sorted(asks)],
        )

    def resting(self) -> Iterator[Resting]:
        """Yield bids best first, then asks; at one price the oldest first."""
        for price in sorted(self.bids, reverse=True):
            yield from self.bids[price].orders.values()
        for price in sorted(self.asks):
            yield from self.asks[price].orders.values()


def _cut(take: Take, line: Line, price: Price, wanted: Size, fees: FeeCurve) -> Size:
    """Add to ``take`` what ``wanted`` shares take from a line; return how many there were."""
    cut = Cut(line, price)
    grain = line.grain
    for maker in line.orders.values():
        size = maker.sent.size - maker.filled
        if size > wanted:  # noqa: PLR1730 - min() is a call on a hot line
            size = wanted
        size -= size % grain
        if not size:
            if wanted < grain:
                break
            take.dust.append(maker)
            continue
        cut.fills.append((maker, size))
        cut.size += size
        wanted -= size
    if not cut.size:
        return 0
    cut.fee = fees.fee(price, cut.size, taker=True)
    take.cuts.append(cut)
    take.size += cut.size
    take.cost += price * cut.size // ONE
    take.fee += cut.fee
    return cut.size
