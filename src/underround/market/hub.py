"""From market events to trusted books: the only writer of books.

The hub is told the time and which stream an event came from.  ``apply`` returns what changed as
flags, so that the engine wakes strategies only when there is something to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from underround.market.changes import Changes
from underround.market.shelf import Numbers, Shelf
from underround.market.snapshots import Snapshots
from underround.market.trust import (
    DEPTH,
    NOTHING,
    TOP,
    TRUST,
    BookHash,
    BookRules,
    Feed,
    SnapshotHash,
    TrackedBook,
)
from underround.model.events import (
    BestStated,
    BookSnapshot,
    FeesChanged,
    FollowChanged,
    LevelAdjusted,
    LevelsChanged,
    MarketClosed,
    MarketEvent,
    MarketListed,
    MarketResolved,
    ReferenceTick,
    SequenceUsed,
    StreamOpened,
    StreamSilent,
    TicksChanged,
    TradePrinted,
)
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import MarketId, Venue
from underround.model.market import Catalogue
from underround.model.units import Money, Nanos, Size

__all__ = ["DEPTH", "NOTHING", "TOP", "TRUST", "Hub", "ReferencePrice"]


class ReferencePrice:
    """The last tick of a reference price."""

    __slots__ = ("price", "received_ns")

    def __init__(self, price: Money, received_ns: Nanos) -> None:
        """Keep a price with the time it was received."""
        self.price = price
        self.received_ns = received_ns


class Hub:
    """Every book, every reference price, and the trust in them."""

    def __init__(
        self,
        catalogue: Catalogue,
        feeds: Sequence[Feed],
        rules: BookRules,
        book_hashes: Mapping[Venue, BookHash],
        snapshot_hashes: Mapping[Venue, SnapshotHash],
    ) -> None:
        """Track nothing yet; a book appears with the first event about its market."""
        self.rules = rules
        self.feeds = {feed.name: feed for feed in feeds}
        self._shelf = shelf = Shelf(catalogue.markets, feeds, book_hashes)
        self.markets = shelf.markets
        self.books = shelf.books
        self.closed = shelf.closed
        self.references: dict[str, ReferencePrice] = {}
        self.traded: dict[MarketId, Size] = {}
        self.payouts: dict[MarketId, tuple[int, int]] = {}
        self._numbers = Numbers(shelf.books)
        changes = Changes(shelf, self._numbers, rules, book_hashes)
        snapshots = Snapshots(shelf, self._numbers, rules, snapshot_hashes)
        self._handlers: dict[type, Callable[..., int]] = {
            LevelsChanged: changes.levels_changed,
            LevelAdjusted: changes.level_adjusted,
            BookSnapshot: snapshots.stated,
            TradePrinted: self._traded,
            BestStated: self._best_stated,
            SequenceUsed: self._numbers.used,
            TicksChanged: self._ticks_changed,
            FeesChanged: self._fees_changed,
            MarketListed: self._listed,
            MarketClosed: self._closed,
            MarketResolved: self._resolved,
            ReferenceTick: self._reference,
            FollowChanged: self._follow_changed,
            StreamOpened: self._opened,
            StreamSilent: self._silenced,
        }

    # --- entry points --------------------------------------------------------------------------

    @property
    def gaps(self) -> int:
        """Numbers that did not follow each other: each doubts all books of its subscription."""
        return self._numbers.gaps

    def apply(self, event: MarketEvent, feed: Feed, now: Nanos) -> int:
        """Take an event in; returns flags of what changed in the book it is about."""
        handler = self._handlers.get(type(event))
        if handler is None:
            return NOTHING
        flags: int = handler(event, feed, now)
        return flags

    def heard(self, feed: Feed, connection: int, now: Nanos) -> list[MarketEvent]:
        """Note that a frame arrived; returns what has to be told before it.

        ``StreamSilent`` if the stream had been silent for too long and no timer noticed,
        ``StreamOpened`` if its connection is new.
        """
        events: list[MarketEvent] = []
        if feed.heard_ns and not feed.silent and now - feed.heard_ns > feed.silence_ns:
            events.append(self._silence(feed, now))
        feed.heard_ns = now
        feed.silent = False
        if connection != feed.connection:
            if feed.connection >= 0:
                events.append(StreamOpened(feed.name, connection))
            feed.connection = connection
        return events

    @staticmethod
    def _silence(feed: Feed, now: Nanos) -> StreamSilent:
        feed.silent = True
        feed.silences += 1
        return StreamSilent(feed.name, (now - feed.heard_ns) // NANOS_PER_MS)

    def silences(self, now: Nanos) -> list[tuple[Feed, StreamSilent]]:
        """Return the streams that became silent by now; called with every timer."""
        found = [
            (feed, self._silence(feed, now))
            for feed in self.feeds.values()
            if feed.heard_ns and not feed.silent and now - feed.heard_ns > feed.silence_ns
        ]
        limit = self.rules.max_polled_age_ms * NANOS_PER_MS
        for tracked in self._shelf.polled:
            if tracked.trusted and now - tracked.heard_ns > limit:
                tracked.doubt("polled book too old", now)
        return found

    def finish(self, now: Nanos) -> None:
        """Close what is still open for proof, and the trusted time of every book."""
        for tracked in self.books.values():
            self._shelf.close_group(tracked, now)
            tracked.counters.trusted_at_end = tracked.trusted
            if tracked.trusted:
                tracked.counters.trusted_ns += now - tracked.trusted_since_ns
                tracked.trusted_since_ns = now

    def books_of(self, feed: Feed) -> list[TrackedBook]:
        """Return the books a stream feeds, in order of appearance."""
        return self._shelf.fed_by[feed.name]

    # --- everything else -----------------------------------------------------------------------

    def _traded(self, event: TradePrinted, feed: Feed, now: Nanos) -> int:
        tracked = self.books.get(event.market)
        if tracked is None:
            tracked = self._shelf.track(event.market, feed)
        self.traded[event.market] = self.traded.get(event.market, 0) + event.size
        if tracked.inputs is not None:
            if event.at_ns > tracked.pending_ns:
                self._shelf.close_group(tracked, now)
            tracked.inputs = msgspec.structs.replace(
                tracked.inputs, last_trade_price=event.price_text
            )
        return NOTHING

    def _best_stated(self, event: BestStated, feed: Feed, now: Nanos) -> int:
        del event, feed, now  # a channel of its own pace: compared by ``market.agreement`` only
        return NOTHING

    def _ticks_changed(self, event: TicksChanged, feed: Feed, now: Nanos) -> int:
        tracked = self._shelf.track(event.market, feed)
        if tracked.ticks.bands == event.epoch.bands:
            return NOTHING  # told once for each outcome
        was_trusted = tracked.change_ticks(event.epoch, now)
        return TOP | DEPTH | (TRUST if was_trusted else 0)

    def _fees_changed(self, event: FeesChanged, feed: Feed, now: Nanos) -> int:
        """Price the market's next fills with the new curve; what has filled keeps its fee."""
        del feed, now
        market = self.markets.get(event.market)
        if market is None:
            return NOTHING
        market = msgspec.structs.replace(market, fees=event.fees)
        self.markets[event.market] = market
        tracked = self.books.get(event.market)
        if tracked is not None:
            tracked.market = market
        return NOTHING

    def _listed(self, event: MarketListed, feed: Feed, now: Nanos) -> int:
        del feed, now
        self.markets.setdefault(event.market.id, event.market)
        return NOTHING

    def _closed(self, event: MarketClosed, feed: Feed, now: Nanos) -> int:
        del feed
        self.closed.add(event.market)
        tracked = self.books.get(event.market)
        if tracked is None:
            return NOTHING
        tracked.closed = True
        return TRUST if tracked.doubt("market closed", now) else NOTHING

    def _resolved(self, event: MarketResolved, feed: Feed, now: Nanos) -> int:
        self.payouts[event.market] = event.payouts
        return self._closed(MarketClosed(event.market, event.at_ns), feed, now)

    def _reference(self, event: ReferenceTick, feed: Feed, now: Nanos) -> int:
        del feed
        known = self.references.get(event.symbol)
        if known is None:
            self.references[event.symbol] = ReferencePrice(event.price, now)
        else:
            known.price = event.price
            known.received_ns = now
        return NOTHING

    def _follow_changed(self, event: FollowChanged, feed: Feed, now: Nanos) -> int:
        """Begin an epoch; until it is followed again the book is not trusted, whatever comes."""
        del feed
        left = self._shelf.left
        (left.discard if event.followed else left.add)(event.market)
        tracked = self.books.get(event.market)
        if tracked is None:
            return NOTHING
        self._shelf.close_group(tracked, now)
        tracked.subscription = None
        tracked.closed = self._shelf.over(event.market)
        reason = "followed again" if event.followed else "not followed any more"
        return TOP | DEPTH | (TRUST if tracked.new_epoch(reason, now) else NOTHING)

    def _opened(self, event: StreamOpened, feed: Feed, now: Nanos) -> int:
        del event
        self._numbers.forget(feed.name)
        flags = NOTHING
        for tracked in self._shelf.fed_by[feed.name]:
            self._shelf.close_group(tracked, now)
            tracked.subscription = None
            if tracked.new_epoch("reconnected", now):
                flags = TRUST
        return flags

    def _silenced(self, event: StreamSilent, feed: Feed, now: Nanos) -> int:
        del event
        flags = NOTHING
        for tracked in self._shelf.fed_by[feed.name]:
            if tracked.feed is not feed or tracked.proof == "polled":
                continue
            if tracked.doubt("stream silent", now):
                flags = TRUST
        return flags
