"""Our own resting orders of one market, and the evidence that fills them.

Assumptions and the direction of their bias: ``fills.py``.  Everything is in YES terms.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import Final, TypeAlias

from underround.model.book import Book, Side
from underround.model.events import (
    BookSnapshot,
    LevelAdjusted,
    LevelsChanged,
    TicksChanged,
    TradePrinted,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import YES
from underround.model.orders import Fill, Order
from underround.model.units import Nanos, Price, Size
from underround.simulation.fills import BOOK_CROSSED, QUEUE_TRADED, TRADED_THROUGH, Working
from underround.simulation.rules import in_yes, is_bid

Evidence: TypeAlias = LevelsChanged | LevelAdjusted | BookSnapshot | TradePrinted | TicksChanged
"""The market events that can fill a resting order, or change its place in the queue."""
EVIDENCE: Final = (LevelsChanged, LevelAdjusted, BookSnapshot, TradePrinted, TicksChanged)
"""The same, to ask with."""

_SAME_TRADE: Final[Nanos] = NANOS_PER_SECOND
"""A level may shrink this long before the trade that explains it is printed.

Measured on 483 Polymarket trades (2026-06-07): before 440 of them the level shrank by exactly that
size, median 21 and at most 83 ms earlier by the venue's own times.  A second is on the safe side.
"""


class Queues:
    """What we have resting in one market, best price first and older before younger."""

    __slots__ = ("_used", "asks", "bids", "doubted", "on_their_way")

    def __init__(self) -> None:
        """Begin with nothing resting."""
        self.bids: list[Working] = []
        self.asks: list[Working] = []
        self.on_their_way = 0
        """Orders sent and not yet in the matcher."""
        self.doubted = False
        """The book's trust was in doubt since the queues were last counted."""
        self._used: dict[tuple[Side, Price], Size] = {}
        # How much of an opposite level's raw size has filled us already: shown once, used once.

    @property
    def idle(self) -> bool:
        """Whether the market can be forgotten."""
        return not (self.bids or self.asks or self.on_their_way)

    def resting(self) -> Iterator[Working]:
        """Yield bids, then asks, each in price-time order."""
        yield from self.bids
        yield from self.asks

    def orders(self) -> Iterator[Order]:
        """Yield the resting orders themselves."""
        return (working.order for working in self.resting())

    # --- coming and going ----------------------------------------------------------------------

    def rest(self, working: Working, book: Book) -> None:
        """Put an order in line behind everything displayed, and everything of ours, at its price.

        What the book shows across its price now was consumed on its arrival and is no evidence.
        """
        working.stage = "resting"
        line = self._line(working)
        ours = sum(other.remaining for other in line if other.yes_price == working.yes_price)
        working.ahead = _shown(working, book) + ours
        if working.bid:
            insort(line, working, key=lambda other: -other.yes_price)
        else:
            insort(line, working, key=lambda other: other.yes_price)
        across: Side = "sell" if working.bid else "buy"
        for side, index in book.consumed:
            price = index * book.step
            if side == across and _reaches(working, price):
                raw = book.raw_size(YES, side, price)
                self._used[side, price] = max(raw, self._used.get((side, price), 0))

    def remove(self, working: Working) -> None:
        """Take an order out of its line."""
        self._line(working).remove(working)

    def withdraw(self, working: Working, book: Book) -> None:
        """Take an order out that is not filled: our younger ones no longer wait for it."""
        line = self._line(working)
        line.remove(working)
        shown = _shown(working, book)
        for other, ours in _with_older(line):
            if other.yes_price == working.yes_price:
                other.ahead = min(other.ahead, shown + ours)

    def recount(self, book: Book, now: Nanos) -> None:
        """Trust is back: every order queues again behind everything displayed at its price.

        What left the level meanwhile may still be told as a trade.
        """
        self.doubted = False
        for line in (self.bids, self.asks):
            for working, ours in _with_older(line):
                shown = _shown(working, book) + ours
                _shrink(working, shown, now)
                working.ahead = shown

    def best_against(self, working: Working, book: Book | None) -> Price | None:
        """Return the best price an arriving order could trade with, in its outcome's terms.

        Our own orders count: they are in the venue's book, if not in ours.  ``None`` instead of a
        book: it is not trusted.
        """
        across = self.asks if working.bid else self.bids
        known = [across[0].yes_price] if across else []
        if book is not None:
            shown = book.best_ask(YES) if working.bid else book.best_bid(YES)
            known += [] if shown is None else [shown]
        if not known:
            return None
        best = min(known) if working.bid else max(known)
        return in_yes(working.order.outcome.index, best)

    def _line(self, working: Working) -> list[Working]:
        return self.bids if working.bid else self.asks

    # --- evidence ------------------------------------------------------------------------------

    def on_event(self, event: Evidence, book: Book | None, now: Nanos) -> list[Fill]:
        """Return what the event fills.  ``book`` has taken it; ``None``: it is not trusted.

        A new epoch (other ticks, a numbered stream's snapshot) is a doubt even if trust is back at
        once.
        """
        if book is None:
            self.doubted = True
            return []
        kind = type(event)
        if kind is TicksChanged or (isinstance(event, BookSnapshot) and event.sequence is not None):
            self.doubted = True
        if self.doubted:
            self.recount(book, now)
        if isinstance(event, TradePrinted):
            return self.on_trade(event, now)
        return self.on_book(book, now)

    def on_trade(self, event: TradePrinted, now: Nanos) -> list[Fill]:
        """Fill from a public trade: beyond the queue at our price, or through it."""
        price = in_yes(event.outcome, event.price)
        # The taker buys YES: the trade took asks.  The print of a NO trade is its mirror.
        line = self.asks if is_bid(event.outcome, event.taker_side) else self.bids
        volume = left = event.size
        fills: list[Fill] = []
        for working in tuple(line):
            if not _reaches(working, price):
                break
            if working.yes_price != price:
                working.ahead = working.shrunk = 0
                size, evidence = min(left, working.remaining), TRADED_THROUGH
                volume -= size
            else:
                # Of the whole volume: what an older order of ours got of it is in the queue.
                size, evidence = _beyond_queue(working, volume, now), QUEUE_TRADED
                size = min(size, working.remaining, left)
            if size:
                left -= size
                fills.append(self._fill(working, size, now, evidence))
        return fills

    def on_book(self, book: Book, now: Nanos) -> list[Fill]:
        """Shorten queues whose level shrank below them; fill what the opposite side crosses."""
        for line in (self.bids, self.asks):
            for working, ours in _with_older(line):
                _shrink(working, _shown(working, book) + ours, now)
        if self._used:
            self._forget_what_left(book)
        fills: list[Fill] = []
        if self.bids and book.ask < book.top and book.ask * book.step <= self.bids[0].yes_price:
            fills += self._crossed(self.bids, book, now)
        if self.asks and book.bid > 0 and book.bid * book.step >= self.asks[0].yes_price:
            fills += self._crossed(self.asks, book, now)
        return fills

    def _crossed(self, line: list[Working], book: Book, now: Nanos) -> list[Fill]:
        across: Side = "sell" if line[0].bid else "buy"
        fills: list[Fill] = []
        for working in tuple(line):
            levels = tuple(book.asks_of(YES) if working.bid else book.bids_of(YES))
            for price, shown in levels:
                if not _reaches(working, price):
                    break
                used = self._used.get((across, price), 0)
                fresh = min(shown, book.raw_size(YES, across, price) - used)
                size = min(fresh, working.remaining)
                if size <= 0:
                    continue
                self._used[across, price] = used + size
                book.consume(YES, across, price, size)
                fills.append(self._fill(working, size, now, BOOK_CROSSED))
                if not working.remaining:
                    break
        return fills

    def _forget_what_left(self, book: Book) -> None:
        for key, used in tuple(self._used.items()):
            raw = book.raw_size(YES, *key)
            if not raw:
                del self._used[key]
            elif raw < used:
                self._used[key] = raw

    def _fill(self, working: Working, size: Size, now: Nanos, evidence: str) -> Fill:
        fill = working.fill(working.order.price, size, "maker", now, evidence)
        if not working.remaining:
            self.remove(working)
        return fill


def _shrink(working: Working, shown: Size, now: Nanos) -> None:
    """Let no more be ahead than is shown; what left may be told as a trade later."""
    if shown < working.ahead:
        if now - working.shrunk_ns > _SAME_TRADE:
            working.shrunk = 0
        working.shrunk += working.ahead - shown
        working.shrunk_ns = now
        working.ahead = shown


def _with_older(line: list[Working]) -> Iterator[tuple[Working, Size]]:
    """Yield orders with what is left of our older ones at the same price."""
    price, ours = -1, 0
    for working in line:
        if working.yes_price != price:
            price, ours = working.yes_price, 0
        yield working, ours
        ours += working.remaining


def _shown(working: Working, book: Book) -> Size:
    """Return what the book displays at the order's own price; the hot path of a replay."""
    if book.consumed:
        return book.size(YES, working.resting_side, working.yes_price)
    index, off_grid = divmod(working.yes_price, book.step)
    return 0 if off_grid else (book.bids if working.bid else book.asks)[index]


def _reaches(working: Working, price: Price) -> bool:
    """Return whether a trade or an opposite order at ``price`` meets the order."""
    return price <= working.yes_price if working.bid else price >= working.yes_price


def _beyond_queue(working: Working, volume: Size, now: Nanos) -> Size:
    """Let ``volume`` trade at the order's price; returns what is left when its turn comes."""
    if working.shrunk:
        known = 0
        if now - working.shrunk_ns <= _SAME_TRADE:
            known = min(working.shrunk, volume)
        working.shrunk = working.shrunk - known if known else 0
        volume -= known
    passed = min(working.ahead, volume)
    working.ahead -= passed
    return volume - passed
