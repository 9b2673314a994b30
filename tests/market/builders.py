"""A hub with its frames, and small venues that state what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.model.builders import market
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed, TrackedBook
from underround.model.book import Book, Level, Side
from underround.model.errors import FrameRefused
from underround.model.events import (
    BookSnapshot,
    HashInputs,
    LevelAdjusted,
    LevelChange,
    LevelsChanged,
    MarketEvent,
)
from underround.model.events import (
    Sequence as Number,
)
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import NO, POLYMARKET, YES, Venue
from underround.model.market import Catalogue, Market, TickEpoch
from underround.model.run import ProofKind
from underround.model.units import ONE
from underround.pipeline.importers.plan import FramePart, ImportPlan
from underround.venues.codec import Decoder
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder

MS = NANOS_PER_MS
Levels = dict[tuple[bool, int], int]
"""``(is a bid, YES price) -> size``: a book without any of our machinery."""


def make_hub(
    feeds: Sequence[Feed], markets: Iterable[Market], rules: BookRules | None = None
) -> Hub:
    """Return a hub that knows the venues' own hashes."""
    return Hub(
        Catalogue(tuple(markets)),
        feeds,
        rules or BookRules(),
        {POLYMARKET: book_hash},
        {POLYMARKET: snapshot_hash},
    )


class Bench:
    """A hub with one stream; the time moves a millisecond with every event."""

    def __init__(
        self,
        proof: ProofKind,
        *markets: Market,
        venue: Venue = POLYMARKET,
        rules: BookRules | None = None,
        ticks: TickEpoch | None = None,
    ) -> None:
        """Follow ``markets``, or one called ``rain``."""
        self.markets = markets or (market("rain", venue=venue, ticks=ticks),)
        self.market = self.markets[0]
        self.feed = Feed("stream", proof, 30_000)
        self.feed.connection = 0
        self.hub = make_hub([self.feed], self.markets, rules)
        self.now = 10**15

    def apply(self, *events: MarketEvent) -> int:
        """Take events in; return the flags of the last one."""
        flags = 0
        for event in events:
            self.now += MS
            self.feed.heard_ns = self.now
            flags = self.hub.apply(event, self.feed, self.now)
        return flags

    def reconnect(self) -> None:
        """Begin the stream's next connection."""
        self.now += MS
        for event in self.hub.heard(self.feed, self.feed.connection + 1, self.now):
            self.hub.apply(event, self.feed, self.now)

    def wait(self, ms: int) -> None:
        """Let time pass, with a timer at the end."""
        self.now += ms * MS
        for feed, silent in self.hub.silences(self.now):
            self.hub.apply(silent, feed, self.now)

    @property
    def tracked(self) -> TrackedBook:
        """The first market's book."""
        return self.hub.books[self.market.id]

    def trusted(self) -> bool:
        """Whether the first market's book is trusted."""
        return self.tracked.trusted


def levels_of(book: Book) -> Levels:
    """Return a book's raw levels."""
    found = {(True, index * book.step): size for index, size in enumerate(book.bids) if size}
    found |= {(False, index * book.step): size for index, size in enumerate(book.asks) if size}
    return found


def sides_of(levels: Levels, outcome: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return bids ascending and asks descending, in the terms of ``outcome``."""
    bids: list[Level] = []
    asks: list[Level] = []
    for (is_bid, price), size in levels.items():
        level = (price if outcome == YES else ONE - price, size)
        (bids if is_bid == (outcome == YES) else asks).append(level)
    return tuple(sorted(bids)), tuple(sorted(asks, reverse=True))


def snapshot(
    of: Market,
    levels: Levels,
    *,
    outcome: int = YES,
    at_ns: int | None = None,
    number: Number | None = None,
    request: bool = False,
) -> BookSnapshot:
    """Return a snapshot that states no hash."""
    bids, asks = sides_of(levels, outcome)
    return BookSnapshot(
        of.id, outcome, at_ns, bids, asks, "request" if request else "stream", sequence=number
    )


def changed(
    of: Market,
    at_ns: int,
    *changes: tuple[Side, int, int],
    outcome: int = YES,
    best: tuple[int | None, int | None] = (None, None),
) -> LevelsChanged:
    """Return level changes without hashes: ``(side, price, size)``, stating ``best``."""
    return LevelsChanged(
        of.id,
        at_ns,
        tuple(
            LevelChange(outcome, side, price, size, None, *best) for side, price, size in changes
        ),
    )


class HashingVenue:
    """One market of a venue that states a hash of its book with everything it says."""

    inputs = HashInputs("0.01", "0.5", None, None, None)

    def __init__(self, of: Market) -> None:
        """Begin with a book of two levels."""
        self.market = of
        self.levels: Levels = {(True, 400_000): 5 * ONE, (False, 600_000): 7 * ONE}
        self.at_ms = 1_000
        self.states: dict[int, Levels] = {}
        self._note()

    def _note(self) -> None:
        self.states[self.at_ms * MS] = dict(self.levels)

    def hash_of(self, outcome: int) -> str:
        """Return what the venue writes beside its book now."""
        book = Book(self.market.ticks[0].finest)
        for (is_bid, price), size in self.levels.items():
            book.set(YES, "buy" if is_bid else "sell", price, size)
        return book_hash(self.market, book, outcome, self.at_ms, self.inputs)

    def snapshot(self, outcome: int = YES, *, request: bool = False) -> BookSnapshot:
        """Return the whole book with its hash."""
        bids, asks = sides_of(self.levels, outcome)
        return BookSnapshot(
            self.market.id,
            outcome,
            self.at_ms * MS,
            bids,
            asks,
            "request" if request else "stream",
            self.hash_of(outcome),
            self.inputs,
        )

    def change(self, *changes: tuple[bool, int, int]) -> list[LevelsChanged]:
        """Change levels at one new moment; one frame each, told for both outcomes."""
        self.at_ms += 1
        for is_bid, price, size in changes:
            self.levels.pop((is_bid, price), None)
            if size:
                self.levels[is_bid, price] = size
        self._note()
        yes, no = self.hash_of(YES), self.hash_of(NO)
        frames = []
        for is_bid, price, size in changes:
            own: Side = "buy" if is_bid else "sell"
            other: Side = "sell" if is_bid else "buy"
            both = (
                LevelChange(YES, own, price, size, yes, None, None),
                LevelChange(NO, other, ONE - price, size, no, None, None),
            )
            frames.append(LevelsChanged(self.market.id, self.at_ms * MS, both))
        return frames


class NumberingVenue:
    """Markets of a venue that numbers the messages of their common subscription."""

    def __init__(self, *markets: Market) -> None:
        """Begin with empty books and no message."""
        self.markets = markets
        self.levels: dict[Market, Levels] = {each: {} for each in markets}
        self.number = 0
        self.states: dict[tuple[int, Market], Levels] = {}

    def _next(self) -> Number:
        self.number += 1
        for each in self.markets:
            self.states[self.number, each] = dict(self.levels[each])
        return Number(1, self.number)

    def snapshot(self, of: Market) -> BookSnapshot:
        """Return the whole book with its number."""
        return snapshot(of, self.levels[of], number=self._next())

    def delta(self, of: Market, outcome: int, price: int, delta: int) -> LevelAdjusted:
        """Change a bid of ``outcome`` at ``price`` (its own terms), never below zero."""
        key = (outcome == YES, price if outcome == YES else ONE - price)
        levels = self.levels[of]
        size = max(0, levels.pop(key, 0) + delta)
        delta_told = size - self.states.get((self.number, of), {}).get(key, 0)
        if size:
            levels[key] = size
        number = self._next()
        at_ns = number.number * MS
        return LevelAdjusted(of.id, outcome, "buy", price, delta_told, at_ns, number)


class SampleRun:
    """Frames of a recorded source through codecs and a hub."""

    def __init__(self, plan: ImportPlan) -> None:
        """Make hub and decoders from the plan of an import."""
        streams = plan.header.streams
        self.feeds = {
            each.name: Feed(each.name, each.proof, each.silence_ms or 30_000) for each in streams
        }
        self.hub = make_hub(list(self.feeds.values()), plan.catalogue.markets)
        tokens = plan.catalogue.by_token()
        known: dict[str, Decoder] = {
            "polymarket": PolymarketDecoder(tokens),
            "kalshi": KalshiDecoder(tokens),
        }
        self.decoders = {each.name: known.get(each.codec) for each in streams}
        self.said: Counter[str] = Counter()
        self.refused: list[str] = []

    def take(self, part: FramePart) -> list[tuple[MarketEvent, int]]:
        """Take a frame in; return its events with the hub's flags."""
        decoder = self.decoders[part.stream]
        feed, now = self.feeds[part.stream], part.recv_ns
        for opened in self.hub.heard(feed, part.connection, now):
            self.hub.apply(opened, feed, now)
        if decoder is None:
            return []
        try:
            events = decoder.decode(part.payload)
        except FrameRefused as refused:
            self.refused.append(str(refused))
            return []
        found = []
        for event in events:
            self.said[type(event).__name__ + getattr(event, "source", "")] += 1
            found.append((event, self.hub.apply(event, feed, now)))
        return found

    def total(self, counter: str) -> int:
        """Return the sum of a counter over all books."""
        return sum(getattr(each.counters, counter) for each in self.hub.books.values())
