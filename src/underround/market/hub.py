"""From market events to trusted books: the only writer of books.

The hub is told the time and which stream an event came from.  ``apply`` returns what changed as
flags, so that the engine wakes strategies only when there is something to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from underround.market.proof import (
    Restatement,
    close_hash_group,
    prove_change,
    prove_restatement,
    prove_snapshot_hash,
)
from underround.market.resync import DIFFERS, compare
from underround.market.trust import BookHash, BookRules, Feed, SnapshotHash, TrackedBook
from underround.model.errors import BookDoubted
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
from underround.model.events import (
    Sequence as Number,
)
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import MarketId, Venue
from underround.model.market import Catalogue
from underround.model.units import Money, Nanos, Size

NOTHING: Final = 0
TOP: Final = 1
"""The best price or the size at it changed."""
TRUST: Final = 2
"""The book began or ceased to be trusted."""
DEPTH: Final = 4
"""Some level changed."""


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
        self.markets = {market.id: market for market in catalogue.markets}
        self.feeds = {feed.name: feed for feed in feeds}
        self.books: dict[MarketId, TrackedBook] = {}
        self.references: dict[str, ReferencePrice] = {}
        self.traded: dict[MarketId, Size] = {}
        self.closed: set[MarketId] = set()
        self.payouts: dict[MarketId, tuple[int, int]] = {}
        self.gaps = 0
        """Numbers that did not follow each other: each doubts all books of its subscription."""
        self._left: set[MarketId] = set()
        self._fed_by: dict[str, list[TrackedBook]] = {feed.name: [] for feed in feeds}
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._book_hashes = book_hashes
        self._snapshot_hashes = snapshot_hashes
        self._polled: list[TrackedBook] = []
        self._handlers: dict[type, Callable[..., int]] = {
            LevelsChanged: self._levels_changed,
            LevelAdjusted: self._level_adjusted,
            BookSnapshot: self._snapshot,
            TradePrinted: self._traded,
            BestStated: self._best_stated,
            SequenceUsed: self._sequence_used,
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
        for tracked in self._polled:
            if tracked.trusted and now - tracked.heard_ns > limit:
                tracked.doubt("polled book too old", now)
        return found

    def finish(self, now: Nanos) -> None:
        """Close what is still open for proof, and the trusted time of every book."""
        for tracked in self.books.values():
            self._close_group(tracked, now)
            tracked.counters.trusted_at_end = tracked.trusted
            if tracked.trusted:
                tracked.counters.trusted_ns += now - tracked.trusted_since_ns
                tracked.trusted_since_ns = now

    def books_of(self, feed: Feed) -> list[TrackedBook]:
        """Return the books a stream feeds, in order of appearance."""
        return self._fed_by[feed.name]

    # --- books ---------------------------------------------------------------------------------

    def _track(self, market_id: MarketId, feed: Feed) -> TrackedBook:
        tracked = self.books.get(market_id)
        if tracked is None:
            tracked = TrackedBook(self.markets[market_id], feed)
            tracked.closed = market_id in self.closed or market_id in self._left
            self.books[market_id] = tracked
            self._fed_by[feed.name].append(tracked)
            if feed.proof == "polled":
                self._polled.append(tracked)
        elif tracked.feed is not feed and feed.proof != "none":
            self._adopt(tracked, feed)
        return tracked

    def _adopt(self, tracked: TrackedBook, feed: Feed) -> None:
        """A second stream tells about the book: the one heard last answers for its silence."""
        tracked.feed = feed
        if tracked not in self._fed_by[feed.name]:
            self._fed_by[feed.name].append(tracked)

    def _close_group(self, tracked: TrackedBook, now: Nanos) -> bool:
        if not tracked.outcome_hashes:
            return False
        return close_hash_group(tracked, self._book_hashes[tracked.market.id.venue], now)

    def _levels_changed(self, event: LevelsChanged, feed: Feed, now: Nanos) -> int:
        tracked = self.books.get(event.market)
        if tracked is None or tracked.feed is not feed:
            tracked = self._track(event.market, feed)
        was_trusted = tracked.trusted
        if tracked.outcome_hashes and event.at_ns != tracked.pending_ns:
            self._close_group(tracked, now)
        book = tracked.book
        bid, ask = book.bid, book.ask
        bid_size, ask_size = book.bids[bid], book.asks[ask]
        step, top = book.step, book.top
        for change in event.changes:
            index, off_grid = divmod(change.price, step)
            if off_grid or index <= 0 or index >= top:
                self._invalid(tracked, "price off the grid", now)
            elif change.outcome:
                if change.side == "buy":
                    book.set_ask(top - index, change.size)
                else:
                    book.set_bid(top - index, change.size)
            elif change.side == "buy":
                book.set_bid(index, change.size)
            else:
                book.set_ask(index, change.size)
        tracked.heard_ns = now
        tracked.changed_ns = event.at_ns
        tracked.counters.applied += 1
        prove_change(tracked, event, self.rules, self._book_hashes, now)
        flags = DEPTH if tracked.trusted is was_trusted else DEPTH | TRUST
        if (
            book.bid != bid
            or book.ask != ask
            or book.bids[bid] != bid_size
            or book.asks[ask] != ask_size
        ):
            flags |= TOP
        return flags

    def _level_adjusted(self, event: LevelAdjusted, feed: Feed, now: Nanos) -> int:
        key = (feed.name, feed.connection, event.sequence.subscription)
        flags = self._number(key, event.sequence, now)
        tracked = self.books.get(event.market)
        if tracked is None:
            tracked = self._track(event.market, feed)
        if tracked.subscription != key:
            tracked.counters.unverifiable += 1
            # Trusted by another subscription, which may not go on: this one may be the true one.
            if tracked.trusted:
                tracked.doubt("another subscription", now)
                flags |= TRUST
            return flags
        book = tracked.book
        bid, ask = book.bid, book.ask
        bid_size, ask_size = book.bids[bid], book.asks[ask]
        tracked.heard_ns = now
        try:
            book.add(event.outcome, event.side, event.price, event.delta)
        except BookDoubted:
            flags |= self._invalid(tracked, "impossible level", now)
            tracked.subscription = None
            return flags | DEPTH
        tracked.changed_ns = event.at_ns
        counters = tracked.counters
        counters.applied += 1
        counters.verified += 1
        # A match takes several messages and the book is crossed between them: the numbers are
        # right, but nothing should be traded on that moment.
        if book.crossed:
            if tracked.doubt("crossed for a moment", now):
                flags |= TRUST
        elif not tracked.trusted:
            tracked.trust(now)
            flags |= TRUST
        flags |= DEPTH
        if (
            book.bid != bid
            or book.ask != ask
            or book.bids[bid] != bid_size
            or book.asks[ask] != ask_size
        ):
            flags |= TOP
        return flags

    def _snapshot(self, event: BookSnapshot, feed: Feed, now: Nanos) -> int:
        tracked = self.books.get(event.market)
        if tracked is None or event.source == "stream":
            tracked = self._track(event.market, feed)
        was_trusted = tracked.trusted
        if tracked.proof == "sequence" and event.sequence is None:
            tracked.counters.unverifiable += 1
            return NOTHING  # a book without a number cannot repair a numbered one
        if event.at_ns is None or event.at_ns > tracked.pending_ns:
            self._close_group(tracked, now)
        proven = prove_snapshot_hash(tracked, event, self._snapshot_hashes, now)
        if event.sequence is not None:
            key = (feed.name, feed.connection, event.sequence.subscription)
            self._number(key, event.sequence, now)
            tracked.subscription = key
            proven = True
        if event.at_ns is not None and event.at_ns < tracked.changed_ns:
            tracked.counters.stale_snapshots += 1
            return TRUST if tracked.trusted is not was_trusted else NOTHING
        if proven is False or (
            tracked.feed is not feed and not self._admitted(tracked, event, now)
        ):
            return TRUST if tracked.trusted is not was_trusted else NOTHING
        restated = prove_restatement(tracked, event) if tracked.proof == "restated" else None
        try:
            tracked.book.replace(event.outcome, event.bids, event.asks)
        except BookDoubted:
            tracked.book.clear()
            tracked.subscription = None
            self._invalid(tracked, "snapshot off the grid", now)
            return TOP | DEPTH | (TRUST if was_trusted else 0)
        tracked.heard_ns = now
        tracked.changed_ns = event.at_ns if event.at_ns is not None else tracked.changed_ns
        tracked.counters.applied += 1
        if restated is not None:
            self._restated(tracked, restated, now)
        else:
            self._judge(tracked, event, proven=bool(proven), now=now)
        return TOP | DEPTH | (TRUST if tracked.trusted is not was_trusted else 0)

    def _admitted(self, tracked: TrackedBook, event: BookSnapshot, now: Nanos) -> bool:
        """Return whether a requested book may be applied to the book of a stream.

        Only if the stream is alive and has stated the book in the present connection: nothing
        would keep it true otherwise.  One that claims the very time of ours with other levels
        ends its trust.  So does a state from within a timestamp, whose last hash the stream told.
        """
        if tracked.feed.silent or not tracked.changed_ns:
            tracked.counters.unverifiable += 1  # right it may be, but it proves nothing for long
            return False
        if event.at_ns != tracked.changed_ns or compare(tracked, event) != "different":
            return True
        if tracked.trusted:
            tracked.counters.mismatched += 1
            tracked.doubt(DIFFERS, now)
            return False
        stated = tracked.outcome_hashes.get(event.outcome)
        if tracked.last_doubt == DIFFERS or (stated is not None and stated != event.venue_hash):
            tracked.counters.stale_snapshots += 1
            return False
        return True

    def _judge(
        self, tracked: TrackedBook, event: BookSnapshot, *, proven: bool, now: Nanos
    ) -> None:
        """Grant or end trust after a snapshot was applied."""
        if tracked.proof == "polled":
            if tracked.book.crossed:
                self._invalid(tracked, "crossed snapshot", now)
                return
            tracked.counters.unverifiable += 1
            tracked.trust(now)
        elif proven:
            if event.sequence is not None:
                tracked.counters.verified += 1
                if tracked.book.crossed:  # in the middle of a match: the next numbers decide
                    tracked.doubt("crossed for a moment", now)
                    return
            if not tracked.trusted and not tracked.fresh:
                tracked.counters.epochs += 1
            tracked.fresh = False
            tracked.trust(now)
        elif tracked.proof == "venue_hash":
            tracked.doubt("snapshot without a hash", now)

    def _restated(self, tracked: TrackedBook, restated: Restatement, now: Nanos) -> None:
        counters = tracked.counters
        if restated in ("first", "traded"):
            counters.unverifiable += 1
        elif restated == "different":
            counters.mismatched += 1
            counters.epochs += 1
            tracked.doubt("restated book differs", now)
        else:
            counters.verified += 1
            tracked.agreements += 1
            if tracked.agreements >= self.rules.restatements_to_trust:
                tracked.trust(now)

    def _invalid(self, tracked: TrackedBook, reason: str, now: Nanos) -> int:
        tracked.counters.mismatched += 1
        return TRUST if tracked.doubt(reason, now) else NOTHING

    # --- numbered subscriptions ----------------------------------------------------------------

    def _number(self, key: tuple[str, int, int], number: Number, now: Nanos) -> int:
        """Check that numbers of a subscription follow each other; a gap doubts all its books."""
        last = self._numbers.get(key)
        self._numbers[key] = number.number
        if last is None or number.number == last + 1:
            return NOTHING
        self.gaps += 1
        flags = NOTHING
        reason = "sequence gap" if number.number > last + 1 else "sequence went back"
        for tracked in self.books.values():
            if tracked.subscription == key:
                tracked.counters.gaps += 1
                tracked.subscription = None
                if tracked.doubt(reason, now):
                    flags = TRUST
        return flags

    def _sequence_used(self, event: SequenceUsed, feed: Feed, now: Nanos) -> int:
        key = (feed.name, feed.connection, event.sequence.subscription)
        return self._number(key, event.sequence, now)

    # --- everything else -----------------------------------------------------------------------

    def _traded(self, event: TradePrinted, feed: Feed, now: Nanos) -> int:
        tracked = self.books.get(event.market)
        if tracked is None:
            tracked = self._track(event.market, feed)
        self.traded[event.market] = self.traded.get(event.market, 0) + event.size
        if tracked.inputs is not None:
            if event.at_ns > tracked.pending_ns:
                self._close_group(tracked, now)
            tracked.inputs = msgspec.structs.replace(
                tracked.inputs, last_trade_price=event.price_text
            )
        return NOTHING

    def _best_stated(self, event: BestStated, feed: Feed, now: Nanos) -> int:
        del event, feed, now  # a channel of its own pace: compared by ``market.agreement`` only
        return NOTHING

    def _ticks_changed(self, event: TicksChanged, feed: Feed, now: Nanos) -> int:
        tracked = self._track(event.market, feed)
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
        (self._left.discard if event.followed else self._left.add)(event.market)
        tracked = self.books.get(event.market)
        if tracked is None:
            return NOTHING
        self._close_group(tracked, now)
        tracked.subscription = None
        tracked.closed = event.market in self.closed or event.market in self._left
        reason = "followed again" if event.followed else "not followed any more"
        return TOP | DEPTH | (TRUST if tracked.new_epoch(reason, now) else NOTHING)

    def _opened(self, event: StreamOpened, feed: Feed, now: Nanos) -> int:
        del event
        self._numbers = {key: last for key, last in self._numbers.items() if key[0] != feed.name}
        flags = NOTHING
        for tracked in self._fed_by[feed.name]:
            self._close_group(tracked, now)
            tracked.subscription = None
            if tracked.new_epoch("reconnected", now):
                flags = TRUST
        return flags

    def _silenced(self, event: StreamSilent, feed: Feed, now: Nanos) -> int:
        del event
        flags = NOTHING
        for tracked in self._fed_by[feed.name]:
            if tracked.feed is not feed or tracked.proof == "polled":
                continue
            if tracked.doubt("stream silent", now):
                flags = TRUST
        return flags
