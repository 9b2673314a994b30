"""Asking for books anew: carries out what ``market.resync`` decides, and judges the answers.

A requested book is only used for a book that its stream has stated in the present connection: then
their times can be compared, and an older answer (requests can lag minutes behind the stream) never
replaces newer state.  A stream that is down, or that has not stated the book yet, is not papered
over with requests: the book would be trusted and nothing would keep it true.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol

from underround.app.channels import Channel
from underround.market.hub import Hub
from underround.market.resync import NEVER, Ask, Resync, ResyncRules, compare
from underround.market.trust import Feed
from underround.model.errors import FrameRefused, UnderroundError
from underround.model.events import (
    BookSnapshot,
    LevelAdjusted,
    LevelsChanged,
    MarketClosed,
    MarketEvent,
    MarketResolved,
    SequenceUsed,
    TicksChanged,
    TradePrinted,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import MarketId, Venue
from underround.model.market import Market
from underround.model.units import Nanos
from underround.simulation.replay import Source
from underround.venues.pool import Pool

DIFFERS: Final = "requested book differs"
"""The doubt after an answer that has other levels at the very time of ours.  Only the stream can
end it: asking the same place again would settle nothing."""
AT_ONCE: Final = 8
"""Requests under way at a time; the rest wait their turn."""
_TOUCHING: Final = (
    LevelsChanged,
    LevelAdjusted,
    BookSnapshot,
    TradePrinted,
    TicksChanged,
    MarketClosed,
    MarketResolved,
)
"""Events that can end or begin the trust in one market's book."""
_NUMBERED: Final = (LevelAdjusted, BookSnapshot, SequenceUsed)


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
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._woken = asyncio.Event()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what the feeds tell -------------------------------------------------------------------

    def follow(self, market: Market, now: Nanos) -> None:
        """Care for a market's book."""
        if market.id.venue in self._channels:
            self._markets[market.id] = market
            self._resync.follow(market.id, now)
            self._plan(self._resync.next_ns())

    def drop(self, market: MarketId) -> None:
        """Care no more."""
        self._markets.pop(market, None)
        self._resync.drop(market)

    def applied(self, event: MarketEvent, feed: Feed, now: Nanos) -> None:
        """Look at the book an event was about; after a gap in the numbers, at all of them."""
        if isinstance(event, _TOUCHING):
            tracked = self._hub.books.get(event.market)
            if tracked is not None:
                self._plan(self._resync.note(tracked, now))
        if isinstance(event, _NUMBERED) and event.sequence is not None:
            key = (feed.name, feed.connection, event.sequence.subscription)
            last = self._numbers.get(key)
            self._numbers[key] = event.sequence.number
            if last is not None and event.sequence.number != last + 1:
                self.look(now)

    def look(self, now: Nanos) -> None:
        """Look at every followed book: not every doubt comes with an event of its own."""
        for market in self._markets:
            tracked = self._hub.books.get(market)
            if tracked is not None:
                self._plan(self._resync.note(tracked, now))

    def restarted(self, feed: Feed, now: Nanos) -> None:
        """A stream began a connection or was silent: look at all its books."""
        self._numbers = {key: last for key, last in self._numbers.items() if key[0] != feed.name}
        self._plan(self._resync.restarted(self._hub.books_of(feed), now))

    def reasons(self, market: MarketId) -> Mapping[str, int]:
        """Return how often a book was asked for, by the doubt behind it."""
        return self._resync.reasons(market)

    def admits(self, market: MarketId) -> bool:
        """Return whether a requested book may be applied: the stream lives and has stated it."""
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
                for ask in self._resync.due(self._now(), self._ready):
                    self._ask(ask)
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

    def _ask(self, ask: Ask) -> None:
        """Put a question by a means that fits the attempt: request, then refresh, in turns."""
        channel = self._channels[ask.market.venue]
        requestable = channel.fetch is not None and self.admits(ask.market)
        if ask.kind == "compare":
            if requestable:
                self._start(self._request(ask, channel))
            return
        stream = self._stream(ask.market)
        assert stream is not None  # it was ready
        assert channel.topics is not None
        pool = self._pools[stream]
        if ask.suspicious and pool.suspect(stream):
            self.outcomes["replaced the socket"] += 1
            return
        requestable = requestable and ask.reason != DIFFERS
        if requestable and not ask.attempt % 2:
            self._start(self._request(ask, channel))
        elif pool.refresh(channel.topics(self._markets[ask.market])):
            self.outcomes["refreshed"] += 1
        elif requestable:
            self._start(self._request(ask, channel))
        else:
            replaced = pool.suspect(stream)
            self.outcomes["replaced the socket" if replaced else "could not ask"] += 1

    def _start(self, request: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(request)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._intake.failed(error)

    async def _request(self, ask: Ask, channel: Channel) -> None:
        requests = channel.request_stream
        assert channel.fetch is not None
        assert requests is not None
        feed = self._hub.books[ask.market].feed
        connection = feed.connection
        try:
            async with self._turn:
                body = await channel.fetch(self._markets[ask.market])
        except UnderroundError as error:
            self.outcomes[f"request failed: {type(error).__name__}"] += 1
            self._resync.answered(ask.market, self._now())
            self._plan(self._resync.next_ns())
            return
        if feed.connection == connection and self.admits(ask.market):
            await self._judge(ask, requests, body)
        else:
            self.outcomes["answer of an earlier connection"] += 1
        self._resync.answered(ask.market, self._now())
        self._plan(self._resync.next_ns())

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
            if tracked.feed.connection != connection or not self.admits(ask.market):
                self.outcomes["answer of an earlier connection"] += 1
                return
            outcome = compare(tracked, stated)
            outcome = "caught up" if outcome == "older" else outcome
        self.outcomes[outcome] += 1
        if outcome == "caught up":
            return
        if outcome == "different" and tracked.trusted:
            # Two books of one moment: ours or theirs is wrong, so neither is believed.
            now = self._now()
            tracked.doubt(DIFFERS, now)
            self._plan(self._resync.note(tracked, now))
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
