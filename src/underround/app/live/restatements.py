"""Asking for books anew: carries out what ``market.resync`` decides, and judges the answers.

A book is requested only if its stream lives and has stated it in the present connection; what the
answer may then do to it is the hub's matter (``Snapshots._admitted``), in a replay as well.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol

from underround.app.live.channels import Channel
from underround.market.hub import Hub
from underround.market.resync import DIFFERS, NEVER, Ask, Resync, ResyncRules, compare
from underround.market.trust import Feed
from underround.model.errors import FrameRefused, UnderroundError
from underround.model.events import BookSnapshot, MarketEvent
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import MarketId, Venue
from underround.model.market import Market
from underround.model.units import Nanos
from underround.simulation.replay import Source
from underround.venues.streams.dialect import Topic
from underround.venues.streams.pool import Pool

AT_ONCE: Final = 8
"""Requests under way at a time; the rest wait their turn."""


class Intake(Protocol):
    """Whom the answers are given to."""

    def deliver(self, stream: str, connection: int, recv_ns: Nanos, payload: bytes) -> None:
        """Take an answer in as a frame."""

    def failed(self, error: Exception) -> None:
        """Putting a question raised what it may not."""


class Restatements:
    """The questions of a run."""

    def __init__(
        self,
        hub: Hub,
        pools: Mapping[str, Pool],
        sources: Mapping[str, Source],
        channels: Sequence[Channel],
        intake: Intake,
        now: Callable[[], Nanos],
        rng: random.Random,
        rules: ResyncRules,
    ) -> None:
        """``pools`` and ``sources`` are by stream; ``intake`` takes the answers in as frames."""
        self.outcomes: Counter[str] = Counter()
        """What became of the questions."""
        self._hub = hub
        self._pools = pools
        self._sources = sources
        self._intake = intake
        self._now = now
        self._rules = rules
        self._resync = Resync(rules, rng)
        self._channels: dict[Venue, Channel] = {}
        for channel in channels:
            if channel.topics is not None and channel.proof != "none":
                self._channels.setdefault(channel.venue, channel)
        self._markets: dict[MarketId, Market] = {}
        self._due_ns: Nanos = NEVER
        self._gaps = 0
        self._woken = asyncio.Event()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._requested: set[MarketId] = set()
        """Books that a request is under way for: never two at a time."""

    # --- what the feeds tell -------------------------------------------------------------------

    def follow(self, market: Market, now: Nanos) -> None:
        """Care for a market's book."""
        if market.id.venue in self._channels:
            self._markets[market.id] = market
            self._plan(self._resync.follow(market.id, now))

    def drop(self, market: MarketId) -> None:
        """Care no more."""
        self._markets.pop(market, None)
        self._resync.drop(market)

    def applied(self, event: MarketEvent, now: Nanos) -> None:
        """Look at the book an event was about; after a gap in the numbers, at all of them."""
        market = getattr(event, "market", None)
        tracked = self._hub.books.get(market) if isinstance(market, MarketId) else None
        if tracked is not None:
            self._plan(self._resync.note(tracked, now))
        if self._hub.gaps != self._gaps:
            self._gaps = self._hub.gaps
            self.look(now)

    def look(self, now: Nanos) -> None:
        """Look at every followed book: not every doubt comes with an event of its own."""
        for market in self._markets:
            tracked = self._hub.books.get(market)
            if tracked is not None:
                self._plan(self._resync.note(tracked, now))

    def restarted(self, feed: Feed, now: Nanos) -> None:
        """A stream began a connection or was silent: look at all its books."""
        self._plan(self._resync.restarted(self._hub.books_of(feed), now))

    def reasons(self, market: MarketId) -> Mapping[str, int]:
        """Return how often a book was asked for, by the doubt behind it."""
        return self._resync.reasons(market)

    def _admits(self, market: MarketId) -> bool:
        """Return whether the hub would take a requested book."""
        tracked = self._hub.books.get(market)
        if tracked is None or not tracked.changed_ns:
            return False
        return not tracked.feed.silent and self._ready(market)

    # --- asking --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Ask whenever something is due; ends only by being cancelled."""
        try:
            while True:
                await self._sleep()
                self._put(self._resync.due(self._now(), self._ready))
                self._due_ns = self._resync.next_ns()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _sleep(self) -> None:
        """Wait until the next question is due, or an earlier one turns up."""
        while (wait_ns := self._due_ns - self._now()) > 0:
            self._woken.clear()
            try:
                async with asyncio.timeout(min(wait_ns / NANOS_PER_SECOND, 3_600.0)):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _plan(self, at_ns: Nanos) -> None:
        if at_ns < self._due_ns:
            self._due_ns = at_ns
            self._woken.set()

    def _stream(self, market: MarketId) -> str | None:
        """Return the stream that carries a market's book."""
        channel = self._channels[market.venue]
        assert channel.topics is not None
        pool = self._pools[channel.dialect.stream]
        return pool.stream_of(channel.topics(self._markets[market])[0])

    def _ready(self, market: MarketId) -> bool:
        if market not in self._markets:
            return False
        stream = self._stream(market)
        return stream is not None and self._pools[stream].streaming(stream)

    def _put(self, asks: Sequence[Ask]) -> None:
        """Put questions by means that fit the attempt: request, then refresh, in turns.

        What one stream shall restate is asked for at once: after a gap in the numbers of Kalshi
        that may be a thousand books, and frames leave at a few per second.
        """
        restate: dict[str, list[Ask]] = {}
        for ask in asks:
            requestable = self._requestable(ask)
            if ask.kind == "compare":
                if requestable:
                    self._start(self._request(ask))
                continue
            stream = self._stream(ask.market)
            assert stream is not None  # it was ready
            if ask.suspicious and self._pools[stream].suspect(stream):
                self.outcomes["replaced the socket"] += 1
            elif requestable and not ask.attempt % 2:
                self._start(self._request(ask))
            else:
                restate.setdefault(stream, []).append(ask)
        for stream, group in restate.items():
            self._restate(stream, group)

    def _requestable(self, ask: Ask) -> bool:
        """Return whether a request may answer the question."""
        if self._channels[ask.market.venue].fetch is None or ask.market in self._requested:
            return False
        return ask.reason != DIFFERS and self._admits(ask.market)

    def _restate(self, stream: str, asks: Sequence[Ask]) -> None:
        """Have books restated by their stream; by other means where it cannot."""
        pool = self._pools[stream]
        topics: list[Topic] = []
        for ask in asks:
            channel = self._channels[ask.market.venue]
            assert channel.topics is not None
            topics += channel.topics(self._markets[ask.market])
        if pool.refresh(topics):
            self.outcomes["refreshed"] += len(asks)
            return
        left = [ask for ask in asks if not self._requestable(ask)]
        for ask in asks:
            if ask not in left:
                self._start(self._request(ask))
        if left:
            replaced = pool.suspect(stream)
            self.outcomes["replaced the socket" if replaced else "could not ask"] += len(left)

    def _start(self, request: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(request)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._intake.failed(error)

    async def _request(self, ask: Ask) -> None:
        self._requested.add(ask.market)
        try:
            await self._asked(ask)
        finally:
            self._requested.discard(ask.market)
            self._resync.answered(ask.market, self._now())
            self._plan(self._resync.next_ns())

    async def _asked(self, ask: Ask) -> None:
        """Request a book and judge the answer, or count why there is none."""
        channel = self._channels[ask.market.venue]
        requests = channel.request_stream
        assert channel.fetch is not None
        assert requests is not None
        feed = self._hub.books[ask.market].feed
        connection = feed.connection
        async with self._turn:
            market = self._markets.get(ask.market)
            if market is None:
                self.outcomes["not followed any more"] += 1
                return
            try:
                async with asyncio.timeout(self._rules.answer_ms / 1_000):
                    body = await channel.fetch(market)
            except (UnderroundError, TimeoutError) as error:
                self.outcomes[f"request failed: {type(error).__name__}"] += 1
                return
        if feed.connection == connection and self._admits(ask.market):
            await self._judge(ask, requests, body)
        else:
            self.outcomes["answer of an earlier connection"] += 1

    # --- judging -------------------------------------------------------------------------------

    async def _judge(self, ask: Ask, requests: str, body: bytes) -> None:
        """Compare an answer with our book, then take it in as a frame, unless it says nothing."""
        stated = self._stated(ask.market, requests, body)
        tracked = self._hub.books[ask.market]
        stream, connection = tracked.feed.name, tracked.feed.connection
        outcome: str = "unreadable" if stated is None else compare(tracked, stated)
        if stated is not None and outcome == "newer" and tracked.trusted:
            # The stream may be a moment behind: what it brings is the better proof.
            await asyncio.sleep(self._rules.settle_ms / 1_000)
            if tracked.feed.connection != connection or not self._admits(ask.market):
                self.outcomes["answer of an earlier connection"] += 1
                return
            outcome = compare(tracked, stated)
            outcome = "caught up" if outcome == "older" else outcome
        self.outcomes[outcome] += 1
        if outcome == "caught up":
            return
        behind = outcome == "newer" and tracked.trusted
        self._intake.deliver(requests, 0, self._now(), body)
        if behind:
            self._pools[stream].suspect(stream)  # it lost something and may lose more

    def _stated(self, market: MarketId, stream: str, body: bytes) -> BookSnapshot | None:
        """Return what an answer states about the market; ``None`` if that cannot be read."""
        decoder = self._sources[stream].decoder
        try:
            events = () if decoder is None else decoder.decode(body)
        except FrameRefused:
            return None
        for event in events:
            if isinstance(event, BookSnapshot) and event.market == market:
                return event
        return None
