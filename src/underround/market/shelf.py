"""The books there are: which stream feeds each, and the numbers of its subscription."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from underround.market.proof import close_hash_group
from underround.market.trust import NOTHING, TRUST, BookHash, Feed, TrackedBook
from underround.model.events import Sequence, SequenceUsed
from underround.model.ids import MarketId, Venue
from underround.model.market import Market
from underround.model.units import Nanos


class Shelf:
    """Every book that an event was about, by market and by the stream that feeds it."""

    def __init__(
        self,
        markets: Iterable[Market],
        feeds: Iterable[Feed],
        book_hashes: Mapping[Venue, BookHash],
    ) -> None:
        """Hold no book yet."""
        self.markets = {market.id: market for market in markets}
        self.books: dict[MarketId, TrackedBook] = {}
        self.closed: set[MarketId] = set()
        self.left: set[MarketId] = set()
        """Markets that are not followed any more."""
        self.polled: list[TrackedBook] = []
        self.fed_by: dict[str, list[TrackedBook]] = {feed.name: [] for feed in feeds}
        self._book_hashes = book_hashes

    def track(self, market_id: MarketId, feed: Feed) -> TrackedBook:
        """Return the book of a market, which begins with the first event about it."""
        tracked = self.books.get(market_id)
        if tracked is None:
            tracked = TrackedBook(self.markets[market_id], feed)
            tracked.closed = self.over(market_id)
            self.books[market_id] = tracked
            self.fed_by[feed.name].append(tracked)
            if feed.proof == "polled":
                self.polled.append(tracked)
        elif tracked.feed is not feed and feed.proof != "none":
            self._adopt(tracked, feed)
        return tracked

    def _adopt(self, tracked: TrackedBook, feed: Feed) -> None:
        """A second stream tells about the book: the one heard last answers for its silence."""
        tracked.feed = feed
        if tracked not in self.fed_by[feed.name]:
            self.fed_by[feed.name].append(tracked)

    def over(self, market_id: MarketId) -> bool:
        """Return whether a market closed, or is not followed any more."""
        return market_id in self.closed or market_id in self.left

    def close_group(self, tracked: TrackedBook, now: Nanos) -> bool:
        """Decide the hashes of a timestamp that is over; returns whether they matched."""
        if not tracked.outcome_hashes:
            return False
        return close_hash_group(tracked, self._book_hashes[tracked.market.id.venue], now)


class Numbers:
    """The last number of each subscription: one that does not follow doubts all its books."""

    def __init__(self, books: Mapping[MarketId, TrackedBook]) -> None:
        """Know no number yet."""
        self.gaps = 0
        self._books = books
        self._last: dict[tuple[str, int, int], int] = {}

    def __len__(self) -> int:
        return len(self._last)

    def follow(self, key: tuple[str, int, int], number: Sequence, now: Nanos) -> int:
        """Check that numbers of a subscription follow each other; a gap doubts all its books."""
        last = self._last.get(key)
        self._last[key] = number.number
        if last is None or number.number == last + 1:
            return NOTHING
        self.gaps += 1
        flags = NOTHING
        reason = "sequence gap" if number.number > last + 1 else "sequence went back"
        for tracked in self._books.values():
            if tracked.subscription == key:
                tracked.counters.gaps += 1
                tracked.subscription = None
                if tracked.doubt(reason, now):
                    flags = TRUST
        return flags

    def used(self, event: SequenceUsed, feed: Feed, now: Nanos) -> int:
        """Take the number of a message that told nothing about a book."""
        key = (feed.name, feed.connection, event.sequence.subscription)
        return self.follow(key, event.sequence, now)

    def forget(self, stream: str) -> None:
        """Forget the numbers of a stream: they begin anew with its new connection."""
        for key in [key for key in self._last if key[0] == stream]:
            del self._last[key]
