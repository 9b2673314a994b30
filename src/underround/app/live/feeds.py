"""Live frames to trusted books: sockets → recorder → inbox → codec → hub.

Every frame is recorded before anything looks at it.  Then everything is synchronous: a frame is
decoded and applied inside the call that brought it, unless there is a backlog (``venues.inbox``).
What a replay of the recording does with a frame is done here too, in the same order.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from underround.app.live.channels import Channel
from underround.app.live.follows import STREAM as FOLLOWS
from underround.app.live.follows import FollowsDecoder, follow_frame
from underround.app.live.restatements import Restatements
from underround.market.hub import Hub
from underround.market.liveness import MarketLiveness, liveness
from underround.market.resync import ResyncRules
from underround.market.trust import Feed
from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent
from underround.model.ids import MarketId
from underround.model.market import Market
from underround.model.units import Nanos
from underround.simulation.replay import Source
from underround.venues.codec import Decoder
from underround.venues.streams.backoff import BackoffRules
from underround.venues.streams.dialect import Topic
from underround.venues.streams.inbox import Inbox, InboxCounters, InboxLimits
from underround.venues.streams.pool import Pool
from underround.venues.streams.status import SlotStatus

Record: TypeAlias = Callable[[str, int, Nanos, bytes], object]
"""``(stream, connection, recv_ns, payload)``: keeps a frame, or raises and everything stops."""
Take: TypeAlias = Callable[[MarketEvent, Feed, Nanos], object]
"""What an event is given to: the hub, or an engine that owns it."""
_TICK_S: Final = 1.0


class FeedRules(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the parts."""

    resync: ResyncRules = ResyncRules()
    inbox: InboxLimits = InboxLimits()
    backoff: BackoffRules = BackoffRules()


class Feeds:
    """Every channel of a run.

    ``hub`` must know the feeds of ``channels`` (``channels.feeds_of``).  ``take`` is given each
    event, the hub by default; an engine's replaces it and then also tells the hub's silences, with
    its timers.  ``clock`` is Unix nanoseconds; the times of frames never go back even if it does.
    """

    def __init__(
        self,
        hub: Hub,
        channels: Sequence[Channel],
        record: Record,
        clock: Callable[[], Nanos],
        rng: random.Random,
        *,
        take: Take | None = None,
        rules: FeedRules | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        rules = rules or FeedRules()
        self.hub = hub
        self.sources: dict[str, Source] = {}
        self.followed: dict[MarketId, Market] = {}
        self._record = record
        self._clock = clock
        self._take: Take = take or hub.apply
        self._tells_silence = take is None
        self._last_ns: Nanos = 0
        self._left: set[MarketId] = set()
        """What was followed and is not any more."""
        self._latest: dict[str, Callable[[bytes], Hashable]] = {}
        self._pools: dict[str, Pool] = {}
        self._channels = tuple(channels)
        self._failure: asyncio.Future[None] | None = None
        self._limits = rules.inbox
        self._inbox: Inbox | None = None
        for channel in channels:
            pool = Pool(
                channel.dialect, self.deliver, clock, rng,
                sockets=channel.sockets, backoff=rules.backoff, tls=tls,
            )  # fmt: skip
            for stream in channel.streams:
                self._pools[stream] = pool
                self.sources[stream] = Source(hub.feeds[stream], channel.decoder)
                if channel.latest is not None:
                    self._latest[stream] = channel.latest
            if channel.request_stream is not None:
                feed = hub.feeds[channel.request_stream]
                self.sources[channel.request_stream] = Source(feed, channel.decoder)
        if FOLLOWS in hub.feeds:
            self.sources[FOLLOWS] = Source(hub.feeds[FOLLOWS], FollowsDecoder({}))
        self.restatements = Restatements(
            hub, self._pools, self.sources, channels, self, self.now, rng, rules.resync
        )

    # --- running -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Feed the hub until cancelled; raises what recording or consuming a frame raised."""
        loop = asyncio.get_running_loop()
        self._failure = loop.create_future()
        self._inbox = Inbox(
            self._consume, self, time=loop.time, call_soon=loop.call_soon,
            key=self._key, limits=self._limits,
        )  # fmt: skip
        pools = dict.fromkeys(self._pools.values())
        tasks = [asyncio.ensure_future(pool.run()) for pool in pools]
        tasks += [asyncio.ensure_future(self.restatements.run())]
        tasks += [asyncio.ensure_future(self._tick())]
        try:
            done, _ = await asyncio.wait(
                [self._failure, *tasks], return_when=asyncio.FIRST_COMPLETED
            )
            for each in done:
                each.result()
        finally:
            self._inbox.close()
            self._failure.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def now(self) -> Nanos:
        """Return the time, never before that of the last frame."""
        return max(self._clock(), self._last_ns)

    async def _tick(self) -> None:
        """Each second tell the hub of silences, unless an engine's timers do, and look around."""
        while True:
            await asyncio.sleep(_TICK_S)
            now = self.now()
            if self._tells_silence:
                for feed, silent in self.hub.silences(now):
                    self._take(silent, feed, now)
            self.restatements.look(now)

    # --- what is followed ----------------------------------------------------------------------

    def follow(self, markets: Iterable[Market]) -> None:
        """Subscribe to markets on every channel of their venue.

        Raises ``ConfigError`` when the sockets have no room.
        """
        new = [market for market in markets if market.id not in self.followed]
        for channel in self._channels:
            topics = channel.topics
            if topics is not None:
                groups = [topics(market) for market in new if market.id.venue == channel.venue]
                self._pools[channel.dialect.stream].subscribe(groups)
        now = self.now()
        for market in new:
            self.followed[market.id] = market
            if market.id in self._left:
                self._left.remove(market.id)
                self._follow_changed(market.id, now, followed=True)
            self.restatements.follow(market, now)

    def unfollow(self, markets: Iterable[MarketId]) -> None:
        """Drop markets: the trust in their books ends at once, and late frames do not renew it."""
        now = self.now()
        for market_id in markets:
            market = self.followed.pop(market_id, None)
            if market is None:
                continue
            self._left.add(market_id)
            self.restatements.drop(market_id)
            self._follow_changed(market_id, now, followed=False)
            for channel in self._channels:
                if channel.topics is not None and channel.venue == market_id.venue:
                    self._pools[channel.dialect.stream].unsubscribe(channel.topics(market))

    def _follow_changed(self, market: MarketId, now: Nanos, *, followed: bool) -> None:
        """Tell the hub by a frame of our own, which overtakes any backlog."""
        if self._inbox is None:
            return  # nothing was heard yet, and nothing is recorded
        self._last_ns = now
        payload = follow_frame(market, followed=followed)
        self._record(FOLLOWS, 0, now, payload)
        self._consume(FOLLOWS, 0, now, payload)

    def subscribe(self, stream: str, topics: Iterable[Topic]) -> None:
        """Subscribe to topics of a channel that has no markets: symbols of reference prices."""
        self._pools[stream].subscribe([[topic] for topic in topics])

    def read_with(self, stream: str, decoder: Decoder) -> None:
        """Read a channel, named by its first stream, with a decoder that knows more markets."""
        for channel in self._channels:
            if channel.dialect.stream == stream:
                for name in (*channel.streams, channel.request_stream):
                    if name is not None:
                        self.sources[name].decoder = decoder

    # --- what the surfaces show ----------------------------------------------------------------

    def liveness(self) -> list[MarketLiveness]:
        """Return how alive each followed book is."""
        now = self.now()
        reasons = self.restatements.reasons
        return [
            liveness(market, self.hub.books.get(market), reasons(market), now)
            for market in self.followed
        ]

    def slots(self) -> list[SlotStatus]:
        """Return what happened on each socket's place."""
        pools = dict.fromkeys(self._pools.values())
        return [status for pool in pools for status in pool.status()]

    def backlog(self) -> InboxCounters | None:
        """Return what happened to frames on their way; ``None`` before ``run``."""
        return None if self._inbox is None else self._inbox.counters

    # --- a frame's way -------------------------------------------------------------------------

    def deliver(self, stream: str, connection: int, recv_ns: Nanos, payload: bytes) -> None:
        """Record a frame, then pass it on; the times of a recording never decrease."""
        recv_ns = self._last_ns = max(recv_ns, self._last_ns)
        self._record(stream, connection, recv_ns, payload)
        assert self._inbox is not None, "frames come while run() runs"
        self._inbox.put(stream, connection, recv_ns, payload)

    def _consume(self, stream: str, connection: int, now: Nanos, payload: bytes) -> None:
        source = self.sources[stream]
        feed, counters = source.feed, source.counters
        if connection != feed.connection or now - feed.heard_ns > feed.silence_ns:
            for event in self.hub.heard(feed, connection, now):
                self._take(event, feed, now)
            self.restatements.restarted(feed, now)
        feed.heard_ns = now
        feed.silent = False
        counters.frames += 1
        if source.decoder is None or not payload:
            counters.ignored += 1
            return
        try:
            events = source.decoder.decode(payload)
        except FrameRefused as refused:
            source.refused(refused)
            return
        counters.events += len(events)
        if not events:
            counters.ignored += 1
        for event in events:
            self._take(event, feed, now)
            self.restatements.applied(event, now)

    def _key(self, stream: str, payload: bytes) -> Hashable:
        latest = self._latest.get(stream)
        return None if latest is None else latest(payload)

    # --- what the inbox tells ------------------------------------------------------------------

    def overflowed(self, stream: str) -> None:
        """Frames were dropped: their books begin anew now."""
        pool = self._pools.get(stream)
        if pool is not None:
            pool.renew(stream)

    def recovered(self, stream: str) -> None:
        """The backlog is gone: have everything of the stream stated again."""
        pool = self._pools.get(stream)
        if pool is not None:
            pool.restate(stream)

    def failed(self, error: Exception) -> None:
        """Keep the error for ``run``."""
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)
