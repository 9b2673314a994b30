"""What every part of Polymarket's exchange acts on: books, orders, trades, money, news."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from underround.model.ids import MarketId
from underround.model.market import CENT, uniform_ticks
from underround.model.units import ONE, Nanos, Price
from underround.simulation.matching.admission import Mode
from underround.simulation.matching.book import Book, Line, Resting
from underround.simulation.matching.custody import Custody
from underround.simulation.matching.news import News
from underround.simulation.matching.register import Orders, Trades
from underround.simulation.matching.terms import (
    BookMoved,
    ExchangeEvent,
    Level,
    OrderClosed,
    TicksMoved,
)

CANCELED: Final = "CANCELED"
EXPIRED: Final = "CANCELED_EXPIRED_ORDER"
UNMATCHED: Final = "UNMATCHED"
MARKET_RESOLVED: Final = "CANCELED_MARKET_RESOLVED"
NOT_COVERED: Final = "CANCELED_NOT_ENOUGH_BALANCE"

_FINER: Final = "0.001"
_FINER_ABOVE: Final = 96 * CENT
_WIDE: Final = 10 * CENT


class Floor:
    """The state of the exchange, and what is done to it from several places."""

    __slots__ = ("books", "custody", "mode", "news", "orders", "trades")

    def __init__(self, emit: Callable[[ExchangeEvent], None], kept: int, seed: int) -> None:
        """Begin without markets."""
        self.mode: Mode = "open"
        self.books: dict[MarketId, Book] = {}
        self.custody = Custody()
        self.orders = Orders(kept)
        self.trades = Trades(self.custody, kept, seed)
        self.news = News(emit)

    def withdraw(self, orders: Iterable[Resting], status: str, now: Nanos) -> list[ExchangeEvent]:
        """Take orders off the book; return the events, the public's first."""
        moved: dict[MarketId, dict[tuple[bool, Price], Line]] = {}
        closed: list[ExchangeEvent] = []
        for order in orders:
            market = order.sent.outcome.market
            line = order.line
            if line is None:
                del self.books[market].delayed[order.sent.id]
            else:
                self.books[market].remove(order)
                moved.setdefault(market, {})[order.bid, line.price] = line
            self.orders.leave(order, status)
            closed.append(OrderClosed(order, now))
        books: list[ExchangeEvent] = [
            BookMoved(market, tuple(_level(key, line) for key, line in lines.items()), now, False)
            for market, lines in moved.items()
        ]
        return books + closed

    def cancel(self, orders: list[Resting], status: str, now: Nanos) -> None:
        """Take orders off the book and tell it."""
        self.news.tell(self.withdraw(orders, status, now))
        for market in dict.fromkeys(order.sent.outcome.market for order in orders):
            book = self.books[market]
            if book.step == CENT:
                self.refine(book, now)

    def refine(self, book: Book, now: Nanos) -> None:
        """Make the grid of a cent finer when the price shown is beyond 0.96 or 0.04.

        The price shown is the midpoint, or the last trade when the spread is wider than ten cents.
        What rests stays: every cent is on the finer grid.
        """
        bid, ask = book.best_bid, book.best_ask
        if bid and ask < ONE and ask - bid <= _WIDE:
            twice = bid + ask
        elif book.last is not None:
            twice = 2 * book.last
        else:
            return
        if 2 * (ONE - _FINER_ABOVE) <= twice <= 2 * _FINER_ABOVE:
            return
        old = book.ticks
        book.set_ticks(uniform_ticks(_FINER, now))
        self.news.tell((TicksMoved(book.market.id, old, book.ticks, now),))


def _level(key: tuple[bool, Price], line: Line) -> Level:
    return Level(key[0], key[1], line.size)
