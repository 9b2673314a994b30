"""The proofs: what makes a book believable, one function per kind.

Each function looks at a tracked book after (or before) a message was applied, counts the outcome
and grants or ends trust.  None of them changes a level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from underround.market.trust import BookHash, BookRules, SnapshotHash, TrackedBook
from underround.model.book import Book
from underround.model.errors import BookDoubted
from underround.model.events import BookSnapshot, LevelsChanged
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import Venue
from underround.model.units import ONE, Nanos


def prove_change(
    tracked: TrackedBook,
    event: LevelsChanged,
    rules: BookRules,
    hashes: Mapping[Venue, BookHash],
    now: Nanos,
) -> None:
    """Prove a book after level changes, by what its stream offers as proof."""
    proof = tracked.proof
    if proof == "stated_best":
        _prove_stated_best(tracked, event, rules, now)
    elif proof == "venue_hash":
        _prove_hash(tracked, event, hashes[tracked.market.id.venue], now)
    else:
        tracked.counters.unverifiable += 1
        if tracked.book.crossed:
            tracked.doubt("crossed for a moment", now)


def _prove_stated_best(
    tracked: TrackedBook, event: LevelsChanged, rules: BookRules, now: Nanos
) -> None:
    """Compare our best prices with those stated beside the last change of the message."""
    change = event.changes[-1]
    bid, ask = change.stated_bid, change.stated_ask
    if bid is None or ask is None:
        tracked.counters.unverifiable += 1
        return
    book = tracked.book
    if change.outcome:
        bid, ask = ONE - (ask or ONE), ONE - bid
    # An empty side is index 0 (bid) or the top (ask): prices 0 and 1, as the venue states them.
    if book.bid * book.step == bid and book.ask * book.step == (ask or ONE):
        tracked.counters.verified += 1
        if not tracked.trusted:
            tracked.agreements += 1
            if tracked.agreements >= rules.agreements_to_trust:
                tracked.trust(now)
        return
    tracked.counters.mismatched += 1
    tracked.doubt("stated best differs", now)


def _prove_hash(
    tracked: TrackedBook, event: LevelsChanged, book_hash: BookHash, now: Nanos
) -> None:
    """Compare our hash with the stated one.

    The venue's hash is of the state after *all* changes that carry the same timestamp, and those
    may come in several frames: until it matches the book is not trusted, and whether it was a
    mismatch is decided when the timestamp advances (``close_hash_group``).
    """
    stated = tracked.outcome_hashes
    for change in event.changes:
        if change.venue_hash is None:
            tracked.counters.unverifiable += 1
        else:
            stated[change.outcome] = change.venue_hash
    tracked.pending_ns = event.at_ns
    if not stated:
        tracked.doubt("change without a hash", now)
        return
    if _hashes_match(tracked, book_hash):
        tracked.trust(now)
    else:
        tracked.doubt("waiting for the rest of a timestamp", now)


def _hashes_match(tracked: TrackedBook, book_hash: BookHash) -> bool:
    inputs = tracked.inputs
    if inputs is None:
        return False
    at_ms = tracked.pending_ns // NANOS_PER_MS
    book, market = tracked.book, tracked.market
    tracked.hashes_matched = all(
        book_hash(market, book, outcome, at_ms, inputs) == stated
        for outcome, stated in tracked.outcome_hashes.items()
    )
    return tracked.hashes_matched


def close_hash_group(tracked: TrackedBook, book_hash: BookHash, now: Nanos) -> bool:
    """Decide the hashes of a timestamp that is over; returns whether they matched."""
    count = len(tracked.outcome_hashes)
    if tracked.inputs is None:
        tracked.counters.unverifiable += count
        matched = False
    else:
        matched = tracked.hashes_matched or _hashes_match(tracked, book_hash)
        if matched:
            tracked.counters.verified += count
        else:
            tracked.counters.mismatched += count
            tracked.doubt("hash differs", now)
    tracked.outcome_hashes.clear()
    tracked.hashes_matched = False
    return matched


def prove_snapshot_hash(
    tracked: TrackedBook,
    event: BookSnapshot,
    hashes: Mapping[Venue, SnapshotHash],
    now: Nanos,
) -> bool | None:
    """Compare a snapshot's own hash with the one it states.

    Returns ``None`` if it states none, else whether it is right.  A wrong one ends trust and the
    snapshot must not be applied: nobody can say what the book is.
    """
    if event.venue_hash is None or event.hash_inputs is None:
        if tracked.proof == "venue_hash":
            tracked.counters.unverifiable += 1
        return None
    if hashes[tracked.market.id.venue](event, tracked.market) == event.venue_hash:
        tracked.counters.verified += 1
        if event.at_ns is None or event.at_ns >= tracked.changed_ns:
            tracked.inputs = event.hash_inputs
        return True
    tracked.counters.mismatched += 1
    tracked.doubt("snapshot hash differs", now)
    return False


Restatement: TypeAlias = Literal["first", "equal", "traded", "different"]


def prove_restatement(tracked: TrackedBook, event: BookSnapshot) -> Restatement:
    """Compare a snapshot with the rebuilt book.

    ``traded``: only the best levels of the rebuilt book shrank or went, and nothing appeared.  The
    venue restates a book after each trade and sends no change for what the trade took, so that is
    what an unrecorded trade looks like; it proves nothing and disproves nothing.
    """
    if not tracked.heard_ns:
        return "first"
    stated, book = Book(tracked.book.step), tracked.book
    try:
        stated.replace(event.outcome, event.bids, event.asks)
    except BookDoubted:
        return "different"
    if stated.bids == book.bids and stated.asks == book.asks:
        return "equal"
    shrank = all(
        after < before and index >= stated.bid
        for index, (before, after) in enumerate(zip(book.bids, stated.bids, strict=True))
        if before != after
    ) and all(
        after < before and index <= stated.ask
        for index, (before, after) in enumerate(zip(book.asks, stated.asks, strict=True))
        if before != after
    )
    return "traded" if shrank else "different"
