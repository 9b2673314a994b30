"""A book and whether it may be traded on: trust is earned by proof and lost on any doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

import msgspec

from underround.model.book import Book
from underround.model.events import BookSnapshot, HashInputs
from underround.model.frames import NANOS_PER_MS
from underround.model.market import Market, TickEpoch
from underround.model.run import BookCounters, ProofKind
from underround.model.units import Nanos

BEHIND: Final = "behind an earlier connection"
"""The doubt of a book whose new connection tells an older state than the last one did."""

NOTHING: Final = 0
TOP: Final = 1
"""The best price or the size at it changed."""
TRUST: Final = 2
"""The book began or ceased to be trusted."""
DEPTH: Final = 4
"""Some level changed."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class BookRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a book is believed."""

    agreements_to_trust: Count = 20
    """Consecutive agreements with the stated best before trust."""
    restatements_to_trust: Count = 2
    """Consecutive snapshots that must equal the rebuilt book before trust."""
    max_silence_ms: Count = 30_000
    """A stream that says nothing for longer ends the trust of its books, unless the recording
    declares another threshold for it."""
    max_polled_age_ms: Count = 120_000
    """A polled book older than this is not trusted."""


BookHash: TypeAlias = Callable[[Market, Book, int, int, HashInputs], str]
"""``(market, book, outcome, timestamp_ms, inputs) -> hex``: the venue's own hash of our book."""
SnapshotHash: TypeAlias = Callable[[BookSnapshot, Market], str | None]
"""The venue's own hash of a snapshot's levels, without touching a book; ``None`` if it states
nothing to hash."""


class Feed:
    """One stream as the hub knows it: when it was last heard, on which connection."""

    __slots__ = ("connection", "heard_ns", "name", "proof", "silence_ns", "silences", "silent")

    def __init__(self, name: str, proof: ProofKind, max_silence_ms: int) -> None:
        """Make a feed that has not been heard yet."""
        self.name = name
        self.proof: ProofKind = proof
        self.silence_ns = max_silence_ms * NANOS_PER_MS
        self.heard_ns: Nanos = 0
        self.connection = -1
        self.silent = False
        self.silences = 0


class TrackedBook:
    """One market's book with its proof, epoch, trust and counters."""

    __slots__ = (
        "agreements",
        "book",
        "changed_ns",
        "closed",
        "counters",
        "doubted",
        "feed",
        "floor_ns",
        "fresh",
        "hashes_matched",
        "heard_ns",
        "inputs",
        "last_doubt",
        "market",
        "outcome_hashes",
        "pending_ns",
        "proof",
        "subscription",
        "ticks",
        "trusted",
        "trusted_since_ns",
    )

    def __init__(self, market: Market, feed: Feed) -> None:
        """Track an empty, untrusted book fed by ``feed``."""
        self.market = market
        self.feed = feed
        self.proof: ProofKind = feed.proof
        self.last_doubt = ""
        self.fresh = True
        """The epoch has begun and nothing proved it yet."""
        self.doubted = False
        """Set with every end of trust; whoever keeps queues in this book clears it."""
        self.ticks: TickEpoch = market.ticks[0]
        self.book = Book(self.ticks.finest)
        self.trusted = False
        self.closed = False
        self.trusted_since_ns: Nanos = 0
        self.changed_ns: Nanos = 0
        """Venue time of the state; 0 before the first message."""
        self.floor_ns: Nanos = 0
        """Venue time that the last epoch reached: an older state is not trusted.  What two epochs
        in a row say is: otherwise one wrong time of the venue would end the trust for good."""
        self.heard_ns: Nanos = 0
        """When the last message about this book was processed, on the run's clock."""
        self.agreements = 0
        self.inputs: HashInputs | None = None
        self.outcome_hashes: dict[int, str] = {}
        """Hashes stated at ``pending_ns``, by outcome, until that timestamp is over."""
        self.hashes_matched = False
        self.pending_ns: Nanos = 0
        self.subscription: tuple[str, int, int] | None = None
        self.counters = BookCounters(
            market=str(market.id), title=market.title, proof=feed.proof, epochs=1
        )

    def trust(self, now: Nanos) -> None:
        """Begin (or go on) to trust the book.

        Never after its market closed, and never in a state that is older than what an earlier
        connection told: a new socket may be behind the old one, or stand still.
        """
        if not self.trusted and not self.closed:
            if 0 < self.changed_ns < self.floor_ns:
                self.last_doubt = BEHIND
                return
            self.trusted = True
            self.trusted_since_ns = now

    def doubt(self, reason: str, now: Nanos) -> bool:
        """End trust and remember why; returns whether the book was trusted until now."""
        self.agreements = 0
        self.last_doubt = reason
        was_trusted = self.trusted
        if was_trusted:
            self.trusted = False
            self.doubted = True
            self.counters.trusted_ns += now - self.trusted_since_ns
            self.counters.doubts[reason] = self.counters.doubts.get(reason, 0) + 1
        return was_trusted

    def invalid(self, reason: str, now: Nanos) -> bool:
        """Count a mismatch and end trust; returns whether the book was trusted until now."""
        self.counters.mismatched += 1
        return self.doubt(reason, now)

    def new_epoch(self, reason: str, now: Nanos) -> bool:
        """Drop the book: nothing known before counts; returns whether it was trusted."""
        was_trusted = self.doubt(reason, now)
        if self.changed_ns:
            self.floor_ns = self.changed_ns
        self.book.clear()
        self.counters.epochs += 1
        self.fresh = True
        self.changed_ns = 0
        self.heard_ns = 0
        self.outcome_hashes.clear()
        self.hashes_matched = False
        return was_trusted

    def change_ticks(self, epoch: TickEpoch, now: Nanos) -> bool:
        """Begin an epoch on a new price grid; returns whether the book was trusted."""
        was_trusted = self.new_epoch("tick size changed", now)
        self.ticks = epoch
        self.book = Book(epoch.finest)
        return was_trusted
