"""Feeds on a scripted venue, and a witness that compares every trusted book with the truth."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from tests import aio
from tests.market.builders import levels_of
from tests.model.builders import market as make_market
from tests.venues.marketserver import MarketVenue
from tests.venues.wsserver import until, ws_server
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.feeds import FeedRules, Feeds
from underround.market.hub import Hub
from underround.market.trust import BookRules, Feed, TrackedBook
from underround.model.events import MarketEvent
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Catalogue, Market
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.stream import MarketDialect
from underround.venues.streams.dialect import ChannelLimits

LIMITS = msgspec.structs.replace(MarketDialect.limits, silence_ms=30_000)


def markets_named(*names: str) -> list[Market]:
    """Return markets of Polymarket."""
    return [make_market(name) for name in names]


class Dialect(MarketDialect):
    """The real dialect with limits of its own; may be unable to restate."""

    def __init__(self, catalogue: Catalogue, url: str, limits: ChannelLimits) -> None:
        tokens = catalogue.by_token()
        super().__init__(lambda: tokens, url)
        self.limits = limits


class Live:
    """Feeds, their hub, the venue, the recording, and what the witness saw."""

    def __init__(
        self, venue: MarketVenue, markets: Sequence[Market], limits: ChannelLimits,
        rules: FeedRules, *, fetch: bool, sockets: int, seed: int,
    ) -> None:  # fmt: skip
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self.loop = loop
        self.venue = venue
        self.markets = list(markets)
        catalogue = Catalogue(tuple(markets))
        channel = Channel(
            venue=POLYMARKET,
            dialect=Dialect(catalogue, venue.url, limits),
            decoder=PolymarketDecoder(catalogue.by_token()),
            codec="polymarket",
            proof="venue_hash",
            topics=lambda market: market.tokens,
            fetch=venue.fetch if fetch else None,
            sockets=sockets,
        )
        book_rules = BookRules()
        feeds = feeds_of([channel], book_rules)
        hashes = {POLYMARKET: book_hash}
        self.hub = Hub(catalogue, feeds, book_rules, hashes, {POLYMARKET: snapshot_hash})
        self.recorded: list[tuple[str, int, int, bytes]] = []
        self.record_error: Exception | None = None
        self.slow_s = 0.0
        self.witnessing = True
        """Whether books are compared with the truth; a benchmark must not pay for that."""
        self.wrong: list[str] = []
        self.now = 0
        """The time of the frame that is being processed."""
        self.reconnects: list[tuple[int, int | None]] = []
        """When trust ended because of a new connection, and when it was back, in frames' times."""
        self._reconnecting: dict[MarketId, int] = {}
        self.trust_changes: list[tuple[float, MarketId, bool]] = []
        self.trust_times: list[tuple[int, MarketId, bool]] = []
        """The same, in frames' times."""
        self.worst_stale_s = 0.0
        """Longest time a book was trusted although the venue had moved on."""
        self.events = 0
        self.feeds = Feeds(
            self.hub, [channel], self._record, loop.now_ns, random.Random(seed),
            take=self._take, rules=rules,
        )  # fmt: skip
        self._trusted: dict[MarketId, bool] = {}
        self.watching: asyncio.Future[None]

    def _record(self, stream: str, connection: int, recv_ns: int, payload: bytes) -> None:
        if self.record_error is not None:
            raise self.record_error
        self.recorded.append((stream, connection, recv_ns, payload))

    def _take(self, event: MarketEvent, feed: Feed, now: int) -> None:
        self.events += 1
        self.now = now
        self.loop._jumped += self.slow_s  # a consumer that takes its time
        self.hub.apply(event, feed, now)
        for tracked in self.hub.books.values():
            self.witness(tracked)

    def witness(self, tracked: TrackedBook) -> None:
        """Note a trusted book that never was the venue's at the time it claims."""
        market = tracked.market.id
        if tracked.trusted is not self._trusted.get(market, False):
            self._trusted[market] = tracked.trusted
            self.trust_changes.append((self.loop.time(), market, tracked.trusted))
            self.trust_times.append((self.now, market, tracked.trusted))
            if not tracked.trusted and tracked.last_doubt == "reconnected":
                self._reconnecting[market] = len(self.reconnects)
                self.reconnects.append((self.now, None))
            elif tracked.trusted and market in self._reconnecting:
                place = self._reconnecting.pop(market)
                self.reconnects[place] = (self.reconnects[place][0], self.now)
        if not tracked.trusted or not self.witnessing:
            return
        true = self.venue.truth[market].states.get(tracked.changed_ns)
        if levels_of(tracked.book) != true:
            self.wrong.append(f"{market} at {tracked.changed_ns}")

    def claim_another_book(self, market: MarketId) -> None:
        """Let requests answer with a book that never was, at the very time of the true one."""
        true = self.venue.truth[market]
        levels = dict(true.levels)
        true.levels[True, 100_000] = 5_000_000
        self.venue.request_lag[market] = true.book(0, request=True)
        true.levels = levels

    def trusted(self, *names: str) -> bool:
        """Whether these books (all of them without a name) are trusted and are the venue's now."""
        chosen = [each.id for each in self.markets if not names or each.id.native in names]
        return all(
            market in self.hub.books
            and self.hub.books[market].trusted
            and levels_of(self.hub.books[market].book) == self.venue.levels(market)
            for market in chosen
        )

    def gaps(self) -> list[tuple[float, float]]:
        """Return every end of a book's trust: when, and for how many seconds (so far)."""
        found: list[tuple[float, float]] = []
        ended: dict[MarketId, float] = {}
        for at, market, trusted in self.trust_changes:
            if trusted and market in ended:
                found.append((ended[market], at - ended.pop(market)))
            elif not trusted:
                ended[market] = at
        return sorted(found + [(at, self.loop.time() - at) for at in ended.values()])

    def book(self, place: int = 0) -> TrackedBook:
        """Return a market's tracked book."""
        return self.hub.books[self.markets[place].id]

    async def watch(self) -> None:
        """Look at the clock of trust: how long may a book be behind the venue and trusted?"""
        while True:
            await asyncio.sleep(0.25)
            now = self.loop.time()
            for silent_feed, silent in self.hub.silences(self.feeds.now()):
                self._take(silent, silent_feed, self.feeds.now())
            for market, tracked in self.hub.books.items():
                self.witness(tracked)
                true = self.venue.truth[market]
                if tracked.trusted and levels_of(tracked.book) != true.levels:
                    self.worst_stale_s = max(self.worst_stale_s, now - true.changed_s)

    async def recovered(self, *names: str, at_most_s: float = 120.0) -> float:
        """Wait until the books are trusted and true; returns the seconds it took."""
        return await until(lambda: self.trusted(*names), at_most_s=at_most_s)


@asynccontextmanager
async def live(
    *names: str,
    limits: ChannelLimits = LIMITS,
    rules: FeedRules | None = None,
    fetch: bool = True,
    sockets: int = 2,
    seed: int = 1,
    settled: bool = True,
) -> AsyncIterator[Live]:
    """Run feeds on the named markets until they are all trusted, then give way to the test.

    At the end no trusted book may ever have been wrong.
    """
    markets = markets_named(*names)
    venue = MarketVenue(markets, seed)
    async with ws_server(venue):
        bench = Live(
            venue, markets, limits, rules or FeedRules(), fetch=fetch, sockets=sockets, seed=seed
        )
        bench.feeds.follow(markets)
        running = asyncio.ensure_future(bench.feeds.run())
        watching = bench.watching = asyncio.ensure_future(bench.watch())
        try:
            if settled:
                await bench.recovered()
            yield bench
            if running.done():
                running.result()
        finally:
            for task in (running, watching):
                task.cancel()
            await asyncio.gather(running, watching, return_exceptions=True)
        assert not bench.wrong, bench.wrong[:5]
        assert [each[2] for each in bench.recorded] == sorted(each[2] for each in bench.recorded)
