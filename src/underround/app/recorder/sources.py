"""What a recording of some markets listens to: channels of streams, and catalogues meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

import msgspec

from underround.app.access import DiscoverySettings
from underround.app.clients import Clients
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.live_channels import binance_channel, kalshi_channel, polymarket_channel
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.discovery import KalshiSource, Source
from underround.app.markets.polymarket_look import PolymarketLook
from underround.app.markets.rolling import rolling_named
from underround.app.recorder.wanted import NO_KEY, Wanted
from underround.market.hub import Hub
from underround.market.trust import BookRules
from underround.model.errors import AccountError
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.model.listing import Found, Listing
from underround.model.market import Catalogue, Market
from underround.model.units import Nanos
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash
from underround.venues.polymarket.stream import MarketDialect, MarketSession
from underround.venues.streams.dialect import Topic


class UnbrokenSession(MarketSession):
    """A session of Polymarket's market channel that misses nothing.

    There a book is restated by dropping the subscription and taking it again, and a trade between
    the two would never be recorded.  So it is restated by another socket, with overlap.
    """

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        """Return nothing: another socket must."""
        del topics
        return ()


class UnbrokenDialect(MarketDialect):
    """Polymarket's market channel as a recorder speaks it."""

    def session(self) -> MarketSession:
        """Begin a conversation on a new socket."""
        return UnbrokenSession(self._tokens)


class RollingSource:
    """Looks at the next windows of rolling series, and again at what is followed."""

    def __init__(self, look: PolymarketLook, series: Sequence[str], ahead: int) -> None:
        self._look = look
        self._series = [rolling_named(name) for name in series]
        self._ahead = ahead

    async def look(
        self, now: Nanos, last_ns: Nanos | None, followed: Collection[Listing]
    ) -> AsyncIterator[Found]:
        """Yield the parts of one look (see ``discovery.Source``)."""
        del last_ns
        if self._series:
            yield await self._look.ahead(self._series, now, self._ahead)
        yield await self._look.again(followed, now)


def channels_of(
    clients: Clients,
    catalogues: Catalogues,
    wanted: Wanted,
    tokens: dict[str, tuple[Market, int]],
) -> tuple[list[Channel], dict[str, str]]:
    """Return the channels, and each venue's name with the address its frames come from.

    Raises ``AccountError`` for markets of Kalshi without a key.
    """
    venues: set[Venue] = {each.market.id.venue for each in wanted.listings}
    channels: list[Channel] = []
    sources: dict[str, str] = {}
    if POLYMARKET in venues or wanted.rolling:
        url = clients.access.polymarket.hosts.clob_market_stream
        channel = polymarket_channel(clients, catalogues, tokens)
        dialect = UnbrokenDialect(lambda: tokens, url)
        channels.append(msgspec.structs.replace(channel, dialect=dialect))
        sources["Polymarket"] = url
    if KALSHI in venues or wanted.kalshi_series:
        kalshi = kalshi_channel(clients, tokens)
        if kalshi is None:
            raise AccountError(NO_KEY)
        channels.append(kalshi)
        sources["Kalshi"] = clients.access.kalshi.stream
    if wanted.topics:
        channels.append(binance_channel(clients))
        sources["Binance"] = clients.access.binance.stream
    return channels, sources


def catalogue_sources(
    catalogues: Catalogues, wanted: Wanted, settings: DiscoverySettings
) -> dict[Venue, Source]:
    """Return what is looked at while it runs: the series, and what is followed."""
    venues = {each.market.id.venue for each in wanted.listings}
    found: dict[Venue, Source] = {}
    if POLYMARKET in venues or wanted.rolling:
        found[POLYMARKET] = RollingSource(catalogues.polymarket, wanted.rolling, settings.ahead)
    if KALSHI in venues or wanted.kalshi_series:
        only = msgspec.structs.replace(settings, kalshi_series=wanted.kalshi_series)
        found[KALSHI] = KalshiSource(catalogues.kalshi, only)
    return found


def book_hub(channels: Sequence[Channel], rules: BookRules) -> Hub:
    """Return a hub that knows the channels' feeds and the venues' own hashes, and no market yet."""
    return Hub(
        Catalogue(()),
        feeds_of(channels, rules),
        rules,
        {POLYMARKET: book_hash},
        {POLYMARKET: snapshot_hash},
    )
