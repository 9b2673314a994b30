"""The books as the public sees them: levels without owners, the time of their last change, a hash.

One book per market in YES terms, from which both tokens' are written.  ``GET /book`` serves it and
the market channel streams what changes in it, so that the two cannot disagree except by a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from underround.local_venue.faults import InForce, Stale
from underround.local_venue.world import ListingForgotten, ListingTold, World, WorldEvent
from underround.model.book import Book, Side
from underround.model.events import HashInputs
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, MarketId
from underround.model.listing import Listing
from underround.model.market import TickEpoch
from underround.model.units import Nanos, Price, decimal_text
from underround.simulation.matching.terms import BookMoved, Level, MarketEnded, TicksMoved, Traded
from underround.venues.polymarket.book_hash import book_hash

_SERVED: Final = frozenset({"open", "paused"})
"""States of a listing with a book: before and after there is none to ask for."""


class PublishedBook:
    """One market as it is published."""

    __slots__ = (
        "at_ms",
        "book",
        "last_price",
        "last_side",
        "last_text",
        "listing",
        "market",
        "tick",
    )

    def __init__(self, listing: Listing, ticks: TickEpoch, at: Nanos) -> None:
        """Begin empty."""
        self.listing = listing
        self.market = listing.market
        self.at_ms = at // NANOS_PER_MS
        """When the book last changed; a book says nothing else about time."""
        self.tick = decimal_text(ticks.finest)
        self.book = Book(ticks.finest)
        self.last_price: Price | None = None
        self.last_side: Side = "buy"
        self.last_text = ""

    def apply(self, levels: Iterable[Level], at: Nanos) -> None:
        """Take in what changed."""
        book, step = self.book, self.book.step
        for level in levels:
            (book.set_bid if level.bid else book.set_ask)(level.price // step, level.size)
        self._moved(at)

    def trade(self, print_: Traded) -> None:
        """Take in a trade."""
        self.last_price, self.last_side = print_.price, print_.side
        self.last_text = last_trade_text(print_.price)
        self._moved(print_.at_ns)

    def regrid(self, ticks: TickEpoch, at: Nanos) -> None:
        """Go on with another price grid; what rests fits it."""
        old = self.book
        self.tick = decimal_text(ticks.finest)
        self.book = Book(ticks.finest)
        self.book.replace(0, old.bids_of(0), old.asks_of(0))
        self._moved(at)

    def _moved(self, at: Nanos) -> None:
        self.at_ms = max(self.at_ms, at // NANOS_PER_MS)

    @property
    def served(self) -> bool:
        """Whether the venue has a book to show: not before trading begins, nor once it is over."""
        return self.listing.state in _SERVED

    @property
    def version(self) -> str | None:
        """The protocol, which only books of Protocol V2 name."""
        return "v2" if self.listing.protocol == "v2" else None

    def hash(self, outcome: int) -> str:
        """Return the hash of an outcome's book."""
        inputs = HashInputs(
            tick_size=self.tick,
            last_trade_price=self.last_text,
            min_order_size=None,
            neg_risk=None,
            version=self.version,
        )
        return book_hash(self.market, self.book, outcome, self.at_ms, inputs)

    def levels(self, outcome: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Return bids ascending and asks descending: the best is the last, as the venue has it."""
        bids = [_level(*level) for level in self.book.bids_of(outcome)]
        asks = [_level(*level) for level in self.book.asks_of(outcome)]
        return bids[::-1], asks[::-1]

    def body(self, outcome: int) -> dict[str, object]:
        """Return the body of ``GET /book``."""
        bids, asks = self.levels(outcome)
        told: dict[str, object] = {
            "market": self.market.id.native,
            "asset_id": self.market.tokens[outcome],
            "timestamp": str(self.at_ms),
            "hash": self.hash(outcome),
            "bids": bids,
            "asks": asks,
            "min_order_size": decimal_text(self.market.min_size),
            "tick_size": self.tick,
            "neg_risk": self.market.neg_risk,
            "last_trade_price": self.last_text,
        }
        if self.version is not None:
            told["version"] = self.version
        return told


def last_trade_text(price: Price) -> str:
    """Return a price as books name the last one: three decimals at least, e.g. ``0.040``.

    A captured book on the grid of a cent has exactly that; the trade itself is told as ``0.04``.
    """
    whole, dot, fraction = decimal_text(price).partition(".")
    return f"{whole}{dot or '.'}{fraction:0<3}"


def _level(price: Price, size: int) -> dict[str, str]:
    return {"price": decimal_text(price), "size": decimal_text(size)}


class PublishedBooks:
    """Every market's published book, kept by what the world tells."""

    def __init__(self, world: World) -> None:
        """Begin with the markets that are listed already, as their books are now."""
        self._world = world
        self.books: dict[MarketId, PublishedBook] = {}
        self._before: list[Callable[[Nanos], None]] = []
        self._told_ms = 0
        self._stale: dict[str, dict[str, object] | None] = {}
        for row in world.catalogue.markets.values():
            if row.listing.market.id.venue == POLYMARKET:
                self._begin(row.listing, row.listed_ns)
        world.bus.listen(self._heard)
        world.faults.on_set(self._fault_set)

    # --- asking ----------------------------------------------------------------------------------

    def of(self, token: str) -> tuple[PublishedBook, int] | None:
        """Return the book of a token and its outcome; ``None`` where the venue has no book."""
        row = self._world.catalogue.tokens.get(token)
        if row is None:
            return None
        book = self.books.get(row[0].listing.market.id)
        if book is None or not book.served:
            return None
        return book, row[1]

    def book(self, token: str, now: Nanos) -> dict[str, object] | None:
        """Return the body of ``GET /book``, or ``None``: no book.

        Under the ``Stale`` fault it is the book as it was when the fault began.
        """
        if self._stale and self._world.faults.strikes(Stale, now) is not None:
            return self._stale[token] if token in self._stale else self._now(token)
        return self._now(token)

    def _now(self, token: str) -> dict[str, object] | None:
        found = self.of(token)
        return None if found is None else found[0].body(found[1])

    def best(self, token: str) -> tuple[Price | None, Price | None]:
        """Return the best bid and ask; ``None`` where a side is empty or there is no book."""
        found = self.of(token)
        if found is None:
            return None, None
        book, outcome = found[0].book, found[1]
        return book.best_bid(outcome), book.best_ask(outcome)

    def last_trade(self, token: str) -> tuple[str, Side] | None:
        """Return the price of the last trade, of whichever outcome, and the taker's side."""
        found = self.of(token)
        if found is None or found[0].last_price is None:
            return None
        return decimal_text(found[0].last_price), found[0].last_side

    # --- listening -------------------------------------------------------------------------------

    def before_time_moves(self, listener: Callable[[Nanos], None]) -> None:
        """Call ``listener(now)`` before the first change of a later millisecond is taken in."""
        self._before.append(listener)

    def _heard(self, event: WorldEvent) -> None:
        if isinstance(event, BookMoved | Traded | TicksMoved | ListingTold | MarketEnded):
            self._time_moves(at_of(event))
        if isinstance(event, ListingTold):
            self._listed(event)
        elif isinstance(event, ListingForgotten):
            self.books.pop(event.market, None)
        elif isinstance(event, BookMoved | Traded | TicksMoved):
            book = self.books.get(event.market)
            if book is not None:
                _take_in(book, event)

    def _time_moves(self, now: Nanos) -> None:
        ms = now // NANOS_PER_MS
        if ms > self._told_ms:
            for listener in self._before:
                listener(now)
            self._told_ms = ms

    def _listed(self, event: ListingTold) -> None:
        if event.market.venue != POLYMARKET:
            return
        listing = self._world.catalogue.markets[event.market].listing
        book = self.books.get(event.market)
        if book is None:
            self._begin(listing, event.at_ns)
        else:
            book.listing, book.market = listing, listing.market

    def _begin(self, listing: Listing, at: Nanos) -> None:
        exchange, market = self._world.polymarket, listing.market
        book = PublishedBook(listing, exchange.ticks(market.id), at)
        bids, asks = exchange.levels(market.id)
        book.apply((*bids, *asks), at)
        self.books[market.id] = book

    def _fault_set(self, entry: InForce) -> None:
        """Keep the books as they are, unless older ones are being served."""
        if not isinstance(entry.fault, Stale):
            return
        if len(self._world.faults.of(Stale, entry.since_ns)) > 1 and self._stale:
            return
        self._stale = {token: self._now(token) for token in self._world.catalogue.tokens}


def at_of(event: BookMoved | Traded | TicksMoved | ListingTold | MarketEnded) -> Nanos:
    """Return when something happened."""
    return event.resolution.at_ns if isinstance(event, MarketEnded) else event.at_ns


def _take_in(book: PublishedBook, event: BookMoved | Traded | TicksMoved) -> None:
    if isinstance(event, BookMoved):
        book.apply(event.levels, event.at_ns)
    elif isinstance(event, Traded):
        book.trade(event)
    else:
        book.regrid(event.new, event.at_ns)
