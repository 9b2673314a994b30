"""The markets a recorder follows: which join, which leave, and how their books fared.

A look at a catalogue says which windows are next, what closed and what was paid.  It is minutes
old: of prices it only moves the grid, which the stream states once and may state to nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

from underround.app.live.channels import Channel
from underround.app.live.feeds import Feeds
from underround.app.markets.search import name_of
from underround.app.recorder.figures import BookTotal
from underround.app.recordings import CODECS
from underround.market.catalogue import KnownMarkets
from underround.market.hub import Hub
from underround.market.trust import Feed
from underround.model.events import (
    FeesChanged,
    MarketClosed,
    MarketEvent,
    MarketListed,
    MarketResolved,
    TicksChanged,
)
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import MarketId
from underround.model.listing import Listing
from underround.model.market import Market, Resolution
from underround.model.units import Nanos

STAYS_S: Final = 3_600
"""How long a market that closed is still followed: its payout is told on the stream, later."""
_Told: TypeAlias = MarketClosed | MarketResolved | FeesChanged | TicksChanged
_TAKEN: Final = frozenset(("unopened", "open", "paused"))


class _Followed(msgspec.Struct):
    """One market, while it is followed and after."""

    listing: Listing
    since_ns: Nanos
    until_ns: Nanos | None = None
    closed_ns: Nanos | None = None
    """When it was first seen to be closed."""
    resyncs: Mapping[str, int] = {}


class Following:
    """Follows markets on ``feeds``; ``tokens`` is what the channels' dialects look into."""

    def __init__(
        self,
        feeds: Feeds,
        hub: Hub,
        channels: Sequence[Channel],
        tokens: dict[str, tuple[Market, int]],
        known: KnownMarkets,
    ) -> None:
        self.resolutions: dict[MarketId, Resolution] = {}
        """What a look told before any stream."""
        self.grid_changed = False
        """A look told of a grid that no stream told: the catalogue no longer explains the books."""
        self._feeds = feeds
        self._hub = hub
        self._channels = [each for each in channels if each.topics is not None]
        self._tokens = tokens
        self._known = known
        self._outside = Feed("catalogue", "none", 0)
        self._fresh: dict[MarketId, None] = {}
        self._all: dict[MarketId, _Followed] = {}

    # --- joining and leaving -------------------------------------------------------------------

    def follow(self, listings: Iterable[Listing]) -> None:
        """Subscribe to markets.  Raises ``ConfigError`` when the sockets have no room."""
        now = self._feeds.now()
        new = [each for each in listings if each.market.id not in self._all]
        markets = [present_grid(each.market) for each in new]
        for market in markets:
            self._hub.markets.setdefault(market.id, market)
            self._tokens |= {token: (market, side) for side, token in enumerate(market.tokens)}
        self._read_with_them({market.id.venue for market in markets})
        self._feeds.follow(markets)
        for listing in new:
            self._all[listing.market.id] = _Followed(listing, now)

    def _read_with_them(self, venues: Collection[str]) -> None:
        for channel in self._channels:
            if channel.venue in venues:
                decoder = CODECS[channel.codec](self._tokens)
                self._feeds.read_with(channel.dialect.stream, decoder)

    def joining(self) -> list[Listing]:
        """Return the markets that a look found since this was last asked."""
        found = [self._known.listings[market] for market in self._fresh]
        self._fresh.clear()
        return [each for each in found if each.state in _TAKEN and not each.placeholder]

    def leave(self) -> list[Listing]:
        """Drop, and return, what is paid out or closed so long ago that no payout will be told."""
        now = self._feeds.now()
        gone = [each for each in self._present() if self._over(each, now)]
        for each in gone:
            each.until_ns = now
            for token in each.listing.market.tokens:
                self._tokens.pop(token, None)
        self._feeds.unfollow([each.listing.market.id for each in gone])
        return [each.listing for each in gone]

    def _over(self, each: _Followed, now: Nanos) -> bool:
        market = each.listing.market.id
        if market in self._hub.payouts:
            return True
        window = each.listing.window
        if market in self._hub.closed and each.closed_ns is None:
            each.closed_ns = now
        ended = window.end_ns if each.closed_ns is None and window is not None else each.closed_ns
        return ended is not None and now - ended > STAYS_S * NANOS_PER_SECOND

    # --- what a look tells ---------------------------------------------------------------------

    def tell(self, event: MarketEvent) -> None:
        """Take in what a look at a catalogue changed (``discovery.Tell``)."""
        if isinstance(event, MarketListed):
            if event.market.id not in self._all:
                self._fresh[event.market.id] = None
        elif isinstance(event, _Told) and event.market in self._all:
            self._apply(event)

    def _apply(self, event: _Told) -> None:
        hub, market = self._hub, event.market
        if isinstance(event, TicksChanged):
            if present_bands(hub, market) == event.epoch.bands:
                return
            known = hub.markets[market]
            hub.markets[market] = msgspec.structs.replace(known, ticks=(event.epoch,))
            self.grid_changed = True
        elif isinstance(event, MarketResolved) and market not in hub.payouts:
            self.resolutions[market] = Resolution(market, event.at_ns, event.payouts, event.source)
        feeding = hub.books.get(market)
        if feeding is not None or not isinstance(event, TicksChanged):
            feed = self._outside if feeding is None else feeding.feed
            hub.apply(event, feed, self._feeds.now())

    # --- how they fare -------------------------------------------------------------------------

    def note(self) -> None:
        """Remember what the feeds forget about a book that closes."""
        for each in self._present():
            reasons = self._feeds.restatements.reasons(each.listing.market.id)
            if reasons:
                each.resyncs = dict(reasons)

    def present(self) -> list[Listing]:
        """Return what is followed now."""
        return [each.listing for each in self._present()]

    def markets(self) -> dict[MarketId, Market]:
        """Return what is followed now as a recording that begins now describes it."""
        found: dict[MarketId, Market] = {}
        for each in self._present():
            market = self._hub.markets[each.listing.market.id]
            tracked = self._hub.books.get(market.id)
            if tracked is not None and tracked.ticks.bands != market.ticks[-1].bands:
                market = msgspec.structs.replace(market, ticks=(tracked.ticks,))
            found[market.id] = market
        return found

    def books(self) -> list[BookTotal]:
        """Return every book that was followed, in the order in which they joined."""
        now = self._feeds.now()
        return [self._total(each, now) for each in self._all.values()]

    def _present(self) -> list[_Followed]:
        return [each for each in self._all.values() if each.until_ns is None]

    def _total(self, each: _Followed, now: Nanos) -> BookTotal:
        market = each.listing.market
        until = now if each.until_ns is None else each.until_ns
        total = BookTotal(
            market=str(market.id),
            name=name_of(each.listing),
            title=market.title,
            followed_ns=until - each.since_ns,
            resyncs=dict(each.resyncs),
        )
        tracked = self._hub.books.get(market.id)
        if tracked is not None:
            counters = tracked.counters
            total.proof = tracked.proof
            total.trusted = tracked.trusted
            total.trusted_ns = counters.trusted_ns
            if tracked.trusted:
                total.trusted_ns += max(0, now - tracked.trusted_since_ns)
            total.applied = counters.applied
            total.verified = counters.verified
            total.mismatched = counters.mismatched
            total.gaps = counters.gaps
            total.doubts = dict(counters.doubts)
        return total


def present_grid(market: Market) -> Market:
    """Return the market with its last price grid only: whoever begins now begins on it."""
    return msgspec.structs.replace(market, ticks=market.ticks[-1:])


def present_bands(hub: Hub, market: MarketId) -> object:
    """Return the price bands of a market's book, or of the market before it has one."""
    tracked = hub.books.get(market)
    return hub.markets[market].ticks[-1].bands if tracked is None else tracked.ticks.bands
