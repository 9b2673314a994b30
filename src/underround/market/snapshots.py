"""What a stated book does to ours: which one is admitted, and what it says about trust."""

from __future__ import annotations

from collections.abc import Mapping

from underround.market.proof import Restatement, prove_restatement, prove_snapshot_hash
from underround.market.resync import DIFFERS, compare
from underround.market.shelf import Numbers, Shelf
from underround.market.trust import (
    DEPTH,
    NOTHING,
    TOP,
    TRUST,
    BookRules,
    Feed,
    SnapshotHash,
    TrackedBook,
)
from underround.model.errors import BookDoubted
from underround.model.events import BookSnapshot
from underround.model.ids import Venue
from underround.model.units import Nanos


class Snapshots:
    """Applies stated books to those of a shelf, from streams and from requests."""

    def __init__(
        self,
        shelf: Shelf,
        numbers: Numbers,
        rules: BookRules,
        hashes: Mapping[Venue, SnapshotHash],
    ) -> None:
        """Restate the books of a shelf by these rules."""
        self._shelf = shelf
        self._numbers = numbers
        self._rules = rules
        self._hashes = hashes

    def stated(self, event: BookSnapshot, feed: Feed, now: Nanos) -> int:
        """Take a stated book in: restate ours, unless it is older or proves nothing."""
        tracked = self._shelf.books.get(event.market)
        if tracked is None or event.source == "stream":
            tracked = self._shelf.track(event.market, feed)
        was_trusted = tracked.trusted
        if tracked.proof == "sequence" and event.sequence is None:
            tracked.counters.unverifiable += 1
            return NOTHING  # a book without a number cannot repair a numbered one
        if event.at_ns is None or event.at_ns > tracked.pending_ns:
            self._shelf.close_group(tracked, now)
        proven = prove_snapshot_hash(tracked, event, self._hashes, now)
        if event.sequence is not None:
            key = (feed.name, feed.connection, event.sequence.subscription)
            self._numbers.follow(key, event.sequence, now)
            tracked.subscription = key
            proven = True
        flags = NOTHING
        if event.at_ns is not None and event.at_ns < tracked.changed_ns:
            tracked.counters.stale_snapshots += 1
        elif proven is not False and (tracked.feed is feed or self._admitted(tracked, event, now)):
            flags = TOP | DEPTH
            self._restate(tracked, event, proven=bool(proven), now=now)
        return flags if tracked.trusted is was_trusted else flags | TRUST

    def _restate(
        self, tracked: TrackedBook, event: BookSnapshot, *, proven: bool, now: Nanos
    ) -> None:
        """Put the stated levels into the book, and judge what that says about it."""
        restated = prove_restatement(tracked, event) if tracked.proof == "restated" else None
        try:
            tracked.book.replace(event.outcome, event.bids, event.asks)
        except BookDoubted:
            tracked.book.clear()
            tracked.subscription = None
            tracked.invalid("snapshot off the grid", now)
            return
        tracked.heard_ns = now
        tracked.changed_ns = event.at_ns if event.at_ns is not None else tracked.changed_ns
        tracked.counters.applied += 1
        if restated is not None:
            self._restated(tracked, restated, now)
        else:
            self._judge(tracked, event, proven=proven, now=now)

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
                tracked.invalid("crossed snapshot", now)
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
            if tracked.agreements >= self._rules.restatements_to_trust:
                tracked.trust(now)
