"""What a change of levels does to a book: stated sizes, and numbered differences."""

from __future__ import annotations

from collections.abc import Mapping

from underround.market.proof import prove_change
from underround.market.shelf import Numbers, Shelf
from underround.market.trust import (
    DEPTH,
    NOTHING,
    TOP,
    TRUST,
    BookHash,
    BookRules,
    Feed,
    TrackedBook,
)
from underround.model.errors import BookDoubted
from underround.model.events import LevelAdjusted, LevelsChanged
from underround.model.ids import Venue
from underround.model.units import Nanos


class Changes:
    """Applies changes to the books of a shelf, and lets them be proven."""

    def __init__(
        self,
        shelf: Shelf,
        numbers: Numbers,
        rules: BookRules,
        book_hashes: Mapping[Venue, BookHash],
    ) -> None:
        """Change the books of a shelf by these rules."""
        self._shelf = shelf
        self._books = shelf.books
        self._numbers = numbers
        self._rules = rules
        self._book_hashes = book_hashes

    def levels_changed(self, event: LevelsChanged, feed: Feed, now: Nanos) -> int:
        """Put stated sizes into the book."""
        tracked = self._books.get(event.market)
        if tracked is None or tracked.feed is not feed:
            tracked = self._shelf.track(event.market, feed)
        was_trusted = tracked.trusted
        if tracked.outcome_hashes and event.at_ns != tracked.pending_ns:
            self._shelf.close_group(tracked, now)
        book = tracked.book
        bid, ask = book.bid, book.ask
        bid_size, ask_size = book.bids[bid], book.asks[ask]
        step, top = book.step, book.top
        for change in event.changes:
            index, off_grid = divmod(change.price, step)
            if off_grid or index <= 0 or index >= top:
                tracked.invalid("price off the grid", now)
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
        prove_change(tracked, event, self._rules, self._book_hashes, now)
        flags = DEPTH if tracked.trusted is was_trusted else DEPTH | TRUST
        if (
            book.bid != bid
            or book.ask != ask
            or book.bids[bid] != bid_size
            or book.asks[ask] != ask_size
        ):
            flags |= TOP
        return flags

    def level_adjusted(self, event: LevelAdjusted, feed: Feed, now: Nanos) -> int:
        """Add a numbered difference to a level."""
        key = (feed.name, feed.connection, event.sequence.subscription)
        flags = self._numbers.follow(key, event.sequence, now)
        tracked = self._books.get(event.market)
        if tracked is None:
            tracked = self._shelf.track(event.market, feed)
        if tracked.subscription != key:
            return flags | _unnumbered(tracked, now)
        book = tracked.book
        bid, ask = book.bid, book.ask
        bid_size, ask_size = book.bids[bid], book.asks[ask]
        tracked.heard_ns = now
        try:
            book.add(event.outcome, event.side, event.price, event.delta)
        except BookDoubted:
            tracked.subscription = None
            return flags | DEPTH | (TRUST if tracked.invalid("impossible level", now) else 0)
        tracked.changed_ns = event.at_ns
        counters = tracked.counters
        counters.applied += 1
        counters.verified += 1
        flags |= DEPTH
        # A match takes several messages and crosses the book between them: not to be traded on.
        if book.crossed:
            if tracked.doubt("crossed for a moment", now):
                flags |= TRUST
        elif not tracked.trusted:
            tracked.trust(now)
            flags |= TRUST
        if (
            book.bid != bid
            or book.ask != ask
            or book.bids[bid] != bid_size
            or book.asks[ask] != ask_size
        ):
            flags |= TOP
        return flags


def _unnumbered(tracked: TrackedBook, now: Nanos) -> int:
    """Count a difference to a book that its subscription has not stated."""
    tracked.counters.unverifiable += 1
    if not tracked.trusted:
        return NOTHING
    # Trusted by another subscription, which may not go on: this one may be the true one.
    tracked.doubt("another subscription", now)
    return TRUST
