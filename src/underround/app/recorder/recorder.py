"""The live recorder: raw frames of the venues' streams, in parts that can each be proven alone.

Every frame is kept before anything looks at it.  Books are built beside it, from the same frames,
so that the recorder knows while it runs whether what it keeps can be proven, and asks for a book
that cannot.  A part begins by beginning every book anew: each stream of books opens its next
connection, on the socket it has, and has everything stated again without missing a frame.  From
there on the recorder's own trust is what a replay of the part will find.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from underround.app.clients import Clients
from underround.app.configuration import Config
from underround.app.live.channels import declared
from underround.app.live.feeds import Feeds
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.discovery import Discovery
from underround.app.recorder.figures import (
    Ended,
    Measured,
    RecordProgress,
    RecordSummary,
    measure,
    overflowed,
    streams_now,
)
from underround.app.recorder.following import Following, present_grid
from underround.app.recorder.parts import FreeSpace, Parts, RecordRules, free_bytes
from underround.app.recorder.scribe import Scribe
from underround.app.recorder.sources import book_hub, catalogue_sources, channels_of
from underround.app.recorder.wanted import Wanted
from underround.market.catalogue import KnownMarkets
from underround.model.errors import ConfigError, DiskError, UnderroundError
from underround.model.listing import Found, Listing
from underround.model.market import Market

PERIOD_S: Final = 0.25
"""Between two looks at signals and the screen; every fourth also at the disk and the markets."""
_RATE_OVER: Final = 6
"""Seconds over which frames per second are counted."""
_NEWS_KEPT: Final = 1_000

Show: TypeAlias = Callable[["Recorder"], object]


class Recorder:
    """Records what is ``wanted`` until it is over; used once.

    ``free`` tells the free bytes of a folder.
    """

    def __init__(
        self,
        clients: Clients,
        catalogues: Catalogues,
        wanted: Wanted,
        rules: RecordRules,
        *,
        config: Config,
        rng: random.Random,
        free: FreeSpace = free_bytes,
    ) -> None:
        """Raise ``AccountError`` for markets of Kalshi without a key."""
        self.rules = rules
        self.error: Exception | None = None
        self.news: deque[str] = deque(wanted.notes, _NEWS_KEPT)
        """What happened, for a surface that takes it away."""
        self._notes: dict[str, None] = dict.fromkeys(wanted.notes)
        self._wanted = wanted
        self._free = free
        self._free_bytes = 0
        tokens: dict[str, tuple[Market, int]] = {}
        self._channels, sources = channels_of(clients, catalogues, wanted, tokens)
        hub = book_hub(self._channels, config.books)
        self._scribe = Scribe()
        self.parts = Parts(self._scribe, rules, declared(self._channels), sources, wanted.groups)
        self.feeds = Feeds(hub, self._channels, self._scribe.take, clients.clock, rng)
        known = KnownMarkets()
        known.take(Found(wanted.listings, wanted.groups, (), {}), clients.clock())
        self.following = Following(self.feeds, hub, self._channels, tokens, known)
        self._discovery = Discovery(
            catalogue_sources(catalogues, wanted, config.discovery),
            config.discovery,
            known,
            self.following.tell,
            self._note,
            clock=clients.clock,
            rng=rng,
            followed=lambda: [each.market.id for each in self.following.present()],
        )
        self._began_s = 0.0
        self._counts: deque[tuple[float, int]] = deque(maxlen=_RATE_OVER + 1)

    # --- running -------------------------------------------------------------------------------

    async def run(self, stop: Callable[[], object], show: Show) -> RecordSummary:
        """Record until ``stop()``, or the end; whatever ends it, what was recorded is sealed.

        ``show`` is called four times a second.  What ended it although nobody asked for that is
        ``error`` afterwards.  Cancelled, it leaves the part unsealed.  Raises what kept it from
        beginning: nothing is recorded then.
        """
        ended: Ended = "failed"
        try:
            self._guard()
            self._start()
            try:
                ended = await self._until_over(stop, show)
            except Exception as failed:  # noqa: BLE001 - stated after everything is sealed
                self.error = failed
            seconds = self._elapsed()
            await self._seal()
        finally:
            self._scribe.close()
        return self._summary(ended, seconds)

    def _start(self) -> None:
        """Follow everything and begin the first part, which must work."""
        self.following.follow(self._wanted.listings)
        for channel in self._channels:
            if channel.topics is None:
                self.feeds.subscribe(channel.dialect.stream, self._wanted.topics)
        loop = asyncio.get_running_loop()
        self._began_s = loop.time()
        self._begin_part()
        self._scribe.settle()

    async def _until_over(self, stop: Callable[[], object], show: Show) -> Ended:
        loop = asyncio.get_running_loop()
        tasks = [
            asyncio.ensure_future(self.feeds.run()),
            asyncio.ensure_future(self._discovery.run()),
        ]
        next_s = loop.time()
        try:
            while True:
                done, _ = await asyncio.wait(
                    tasks, timeout=PERIOD_S, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                self._scribe.check()
                self._scribe.hand_over()
                if loop.time() >= next_s:
                    next_s = loop.time() + 1.0
                    self._look_around()
                show(self)
                if stop():
                    return "signal"
                if (over := self._over()) is not None:
                    return over
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _over(self) -> Ended | None:
        if self.rules.for_s is not None and self._elapsed() >= self.rules.for_s:
            return "time"
        rolls = self._wanted.rolling or self._wanted.kalshi_series
        return None if rolls or self.feeds.followed else "closed"

    def _look_around(self) -> None:
        """Once a second: the disk, who joins and leaves, which streams are in use."""
        self._guard()
        self._counts.append((asyncio.get_running_loop().time(), self._scribe.frames))
        self.following.note()
        for gone in self.following.leave():
            self._tell(f"{gone.slug} is over and not followed any more")
        self._join(self.following.joining())
        self.parts.use(self._in_use(), self.feeds.now())
        self._scribe.flush()
        if self.following.grid_changed or self.parts.full(asyncio.get_running_loop().time()):
            self._rotate()

    def _guard(self) -> None:
        """Raise ``DiskError`` when too little space is left."""
        self._free_bytes = free = self._free(self.rules.out)
        if free < self.rules.min_free:
            raise DiskError(
                f"{self.rules.out} has {free / 1e9:.2f} GB free, less than the "
                f"{self.rules.min_free / 1e9:.2f} GB of --min-free: make room, or record elsewhere"
            )

    def _join(self, listings: Sequence[Listing]) -> None:
        """Follow more markets; the catalogue has them before their first frame comes."""
        if not listings:
            return
        self.parts.add([present_grid(each.market) for each in listings])
        try:
            self.following.follow(listings)
        except ConfigError as full:
            self._note(f"{len(listings)} markets cannot join: {full}")
            return
        for each in listings:
            self._tell(f"{each.slug} joins")

    def _in_use(self) -> list[str]:
        return [slot.stream for slot in self.feeds.slots() if slot.topics]

    # --- parts ---------------------------------------------------------------------------------

    def _begin_part(self) -> None:
        self.following.grid_changed = False
        self.parts.begin(
            self.feeds.now(),
            asyncio.get_running_loop().time(),
            self.following.markets(),
            self._in_use(),
        )

    def _rotate(self) -> None:
        """Begin the next part, and every book anew in it."""
        complete = self.parts.present.path.name
        self.parts.end(self.feeds.now(), self.following.resolutions)
        self._begin_part()
        self._tell(f"{complete} is complete; {self.parts.present.path.name} begins")
        proven = {name for each in self._channels if each.proof != "none" for name in each.streams}
        for stream in self._in_use():
            if stream in proven:
                # As after an overflow: the next connection on the same socket, and its books.
                self.feeds.overflowed(stream)
                self.feeds.recovered(stream)

    async def _seal(self) -> None:
        """End the last part; if that cannot be written, recover what was."""
        self.parts.end(self.feeds.now(), self.following.resolutions)
        failed, told = await self.parts.sealed()
        self.error = self.error or failed
        for sentence in told:
            self._note(sentence)

    # --- what is shown -------------------------------------------------------------------------

    def _tell(self, sentence: str) -> None:
        self.news.append(sentence)

    def _note(self, sentence: str) -> None:
        """Tell it, and state it once more at the end."""
        if len(self._notes) < _NEWS_KEPT and sentence not in self._notes:
            self._notes[sentence] = None
            self._tell(sentence)

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    def progress(self) -> RecordProgress:
        """Return how it goes."""
        first_s, first = self._counts[0] if self._counts else (self._began_s, 0)
        span_s = asyncio.get_running_loop().time() - first_s
        elapsed, limit = self._elapsed(), self.rules.for_s
        alive = self.feeds.liveness()
        overflows, dropped = overflowed(self.feeds)
        return RecordProgress(
            at_ns=self.feeds.now(),
            part=str(self.parts.present.path),
            elapsed_s=elapsed,
            left_s=None if limit is None else max(0.0, limit - elapsed),
            frames=self._scribe.frames,
            frames_per_s=(self._scribe.frames - first) / span_s if span_s > 0 else 0.0,
            payload_bytes=self._scribe.payload_bytes,
            disk_bytes=self.parts.size,
            free_bytes=self._free_bytes,
            streams=streams_now(self.feeds),
            trusted=sum(each.trusted for each in alive),
            books=len(alive),
            oldest_ms=max((each.age_ms for each in alive if each.age_ms is not None), default=None),
            overflows=overflows,
            dropped=dropped,
        )

    def _summary(self, ended: Ended, seconds: float) -> RecordSummary:
        """Read the parts back and return the end of it all."""
        try:
            measured = measure(self.parts.all, self.feeds)
        except UnderroundError as unreadable:
            self.error = self.error or unreadable
            measured = Measured([], {})
        overflows, dropped = overflowed(self.feeds)
        return RecordSummary(
            ended=ended if self.error is None else "failed",
            error="" if self.error is None else str(self.error),
            seconds=seconds,
            frames=self._scribe.frames,
            payload_bytes=self._scribe.payload_bytes,
            parts=measured.parts,
            streams=list(measured.streams.values()),
            books=self.following.books(),
            outcomes=dict(self.feeds.restatements.outcomes),
            overflows=overflows,
            dropped=dropped,
            notes=list(self._notes),
        )
