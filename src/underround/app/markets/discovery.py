"""The loop that keeps a running engine's catalogue up to date.

Every venue is looked at on its own, so that one that fails delays no other.  A failure doubles the
pause and is stated with the time since when; what is known stays known.  Pages are read in a
thread, and what they changed is applied in small steps, so no look holds up the books.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, Protocol, TypeAlias

import msgspec

from underround.app.access import DiscoverySettings
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.kalshi_look import KalshiLook
from underround.app.markets.polymarket_look import PolymarketLook
from underround.app.markets.rolling import rolling_named
from underround.market.catalogue import KnownMarkets, LookPlan, next_look
from underround.market.selection import MarketFilter
from underround.model.errors import Bug, TryLater, UnderroundError
from underround.model.events import MarketEvent
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import KALSHI, POLYMARKET, MarketId, Venue
from underround.model.listing import Found, Listing
from underround.model.units import Nanos
from underround.venues.polymarket.gamma.series import Rolling, series_of

Tell: TypeAlias = Callable[[MarketEvent], object]
State: TypeAlias = Callable[[str], object]
"""Is given one sentence when a venue begins to fail, fails otherwise, or answers again."""
_STEP: Final = 100
"""Listings applied between two turns of the event loop."""


class LookStatus(msgspec.Struct, kw_only=True):
    """How the looks at one venue go."""

    venue: Venue
    looks: int = 0
    """Looks that succeeded."""
    last_ns: Nanos | None = None
    """When the last of them ended."""
    failures: int = 0
    """Failures in a row."""
    failing_since_ns: Nanos | None = None
    error: str = ""
    """Why the last look failed; empty while they succeed."""
    wait_ms: int = 0
    """How long the venue asked us to stay away."""
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Rows that the last look left out, by reason."""


class Source(Protocol):
    """A venue's catalogue as the loop looks at it."""

    def look(
        self, now: Nanos, last_ns: Nanos | None, followed: Collection[Listing]
    ) -> AsyncIterator[Found]:
        """Yield the parts of one look, what matters soonest first."""


class PolymarketSource:
    """The rolling series and followed markets, then what is new; now and then everything."""

    def __init__(self, look: PolymarketLook, settings: DiscoverySettings) -> None:
        self._look = look
        self._settings = settings
        self._whole_ns: Nanos | None = None

    async def look(
        self, now: Nanos, last_ns: Nanos | None, followed: Collection[Listing]
    ) -> AsyncIterator[Found]:
        """Yield the parts of one look (see ``Source``)."""
        settings = self._settings
        yield await self._look.rolling(settings, now)
        yield await self._look.again(followed, now)
        whole_ns = self._whole_ns
        if whole_ns is None or now - whole_ns >= settings.whole_s * NANOS_PER_SECOND:
            yield await self._look.whole(settings, now)
            self._whole_ns = now
        else:
            yield await self._look.new(settings, now, whole_ns if last_ns is None else last_ns)


class KalshiSource:
    """The configured series and the followed markets."""

    def __init__(self, look: KalshiLook, settings: DiscoverySettings) -> None:
        self._look = look
        self._settings = settings

    async def look(
        self, now: Nanos, last_ns: Nanos | None, followed: Collection[Listing]
    ) -> AsyncIterator[Found]:
        """Yield the parts of one look (see ``Source``)."""
        del last_ns
        for ticker in self._settings.kalshi_series:
            yield await self._look.series([ticker], now)
        yield await self._look.again(followed, now)


def sources(catalogues: Catalogues, settings: DiscoverySettings) -> dict[Venue, Source]:
    """Return the sources of the enabled venues."""
    made: dict[Venue, Source] = {
        POLYMARKET: PolymarketSource(catalogues.polymarket, settings),
        KALSHI: KalshiSource(catalogues.kalshi, settings),
    }
    return {venue: made[venue] for venue in catalogues.venues}


def filter_of(settings: DiscoverySettings, venue: Venue) -> MarketFilter:
    """Return what ``settings`` ask of a venue's market; Kalshi has neither liquidity nor tags."""
    everywhere = MarketFilter(
        venues=(venue,),
        liquidity_min=0,
        volume_min=settings.min_volume,
        augmented=not settings.exclude_augmented,
    )
    if venue != POLYMARKET:
        return everywhere
    return msgspec.structs.replace(
        everywhere,
        liquidity_min=settings.min_liquidity,
        tags=settings.tags,
        without_tags=settings.without_tags,
    )


class Discovery:
    """Looks at the venues' catalogues until cancelled, and tells what changed.

    ``tell`` is given every change, in order; it is called on the event loop.  ``followed`` names
    the markets somebody relies on: their rows are asked for with every look, closed or not.
    """

    def __init__(
        self,
        sources: Mapping[Venue, Source],
        settings: DiscoverySettings,
        known: KnownMarkets,
        tell: Tell,
        state: State,
        *,
        clock: Callable[[], Nanos],
        rng: random.Random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        followed: Callable[[], Collection[MarketId]] = tuple,
    ) -> None:
        """``clock`` is Unix nanoseconds; ``sleep`` waits seconds."""
        self.known = known
        self.status = {venue: LookStatus(venue=venue) for venue in sources}
        self._sources = sources
        self._settings = settings
        self._tell = tell
        self._state = state
        self._clock = clock
        self._rng = rng
        self._sleep = sleep
        self._followed = followed
        self._plan = LookPlan(
            every_ms=settings.interval_s * 1_000,
            jitter_percent=settings.jitter_percent,
            longest_ms=settings.longest_s * 1_000,
        )

    async def run(self) -> None:
        """Look until cancelled; raises what ``tell`` raises, and a ``Bug``."""
        tasks = [asyncio.ensure_future(self._keep_looking(venue)) for venue in self._sources]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self, venue: Venue) -> bool:
        """Look at one venue once; returns whether it answered.  A failure is stated."""
        status = self.status[venue]
        try:
            await self._look(venue, status)
        except Bug:
            raise
        except UnderroundError as error:
            self._failed(status, error)
            return False
        self._succeeded(status)
        return True

    def selected(self) -> Iterator[Listing]:
        """Yield the known markets that the settings ask for now.

        The windows of the configured series are among them from the day they are listed, whatever
        their liquidity.
        """
        now = self._clock()
        rolling = {rolling_named(name) for name in self._settings.series}
        filters = {venue: filter_of(self._settings, venue) for venue in self._sources}
        for listing in self.known.listings.values():
            chosen = filters.get(listing.market.id.venue)
            if chosen is None or listing.placeholder:
                continue
            ahead = listing.state in {"open", "unopened"} and _asked_for(listing, rolling)
            if ahead or chosen.why_not(listing, now) is None:
                yield listing

    # --- one venue -----------------------------------------------------------------------------

    async def _keep_looking(self, venue: Venue) -> None:
        status = self.status[venue]
        while True:
            await self.look(venue)
            now = self._clock()
            next_ns = next_look(now, self._rng, status.failures, self._plan)
            next_ns = max(next_ns, now + status.wait_ms * NANOS_PER_MS)
            await self._sleep((next_ns - now) / NANOS_PER_SECOND)

    async def _look(self, venue: Venue, status: LookStatus) -> None:
        refused: dict[str, int] = {}
        now = self._clock()
        followed = [
            self.known.listings[market]
            for market in self._followed()
            if market.venue == venue and market in self.known.listings
        ]
        async for found in self._sources[venue].look(now, status.last_ns, followed):
            for reason, count in found.refused.items():
                refused[reason] = refused.get(reason, 0) + count
            await self._apply(found, now)
        status.refused = refused

    async def _apply(self, found: Found, now: Nanos) -> None:
        """Take a look in step by step: nobody waits for ten thousand rows."""
        paid = {each.market: each for each in found.resolutions}
        for first in range(0, len(found.listings), _STEP):
            rows = found.listings[first : first + _STEP]
            ended = tuple(paid[row.market.id] for row in rows if row.market.id in paid)
            for event in self.known.take(Found(rows, (), ended, {}), now):
                self._tell(event)
            await asyncio.sleep(0)
        self.known.take(Found((), found.groups, (), {}), now)

    def _failed(self, status: LookStatus, error: UnderroundError) -> None:
        status.failures += 1
        first = status.failing_since_ns is None
        if status.failing_since_ns is None:
            status.failing_since_ns = self._clock()
        changed = str(error) != status.error
        status.error = str(error)
        status.wait_ms = (error.retry_after_ms or 0) if isinstance(error, TryLater) else 0
        if first or changed:
            since = _at(status.failing_since_ns)
            self._state(f"{status.venue}: its catalogue cannot be read since {since}: {error}")

    def _succeeded(self, status: LookStatus) -> None:
        since = status.failing_since_ns
        status.looks += 1
        status.last_ns = self._clock()
        status.failures, status.failing_since_ns, status.error, status.wait_ms = 0, None, "", 0
        if since is not None:
            self._state(f"{status.venue}: its catalogue is read again, after failing {_at(since)}")


def _asked_for(listing: Listing, rolling: Collection[Rolling]) -> bool:
    """Return whether the market is a window of a series that was asked for by name."""
    if listing.market.id.venue == KALSHI:
        return listing.window is not None  # nothing but the configured series is looked at
    return series_of(listing.slug) in rolling


def _at(at_ns: Nanos) -> str:
    return f"{datetime.fromtimestamp(at_ns // NANOS_PER_SECOND, UTC):%Y-%m-%d %H:%M:%S}Z"
