"""The channels of the venues' books and of reference prices, as a watch of some markets needs them.

Keys are opened only for a channel that needs one: Kalshi's books.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from underround.app.clients import Clients
from underround.app.live.channels import Channel
from underround.app.markets.catalogues import Catalogues
from underround.model.ids import KALSHI, POLYMARKET, YES, Venue
from underround.model.listing import Listing
from underround.model.market import Market
from underround.venues.binance.codec import BinanceDecoder
from underround.venues.binance.stream import BinanceDialect
from underround.venues.codec import Tokens
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.kalshi.stream import KalshiDialect
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.stream import MarketDialect
from underround.venues.streams.dialect import Topic

BINANCE: Final = Venue("binance")


def polymarket_channel(clients: Clients, catalogues: Catalogues, tokens: Tokens) -> Channel:
    """Return Polymarket's market channel; its books are proven by the venue's hash."""

    async def fetch(market: Market) -> bytes:
        query = {"token_id": market.tokens[YES]}
        return await catalogues.clob.public("GET", "/book", group="market", query=query)

    return Channel(
        venue=POLYMARKET,
        dialect=MarketDialect(lambda: tokens, clients.access.polymarket.hosts.clob_market_stream),
        decoder=PolymarketDecoder(tokens),
        codec="polymarket",
        proof="venue_hash",
        topics=lambda market: market.tokens,
        fetch=fetch,
    )


def kalshi_channel(clients: Clients, tokens: Tokens) -> Channel | None:
    """Return Kalshi's books, proven by their numbers; ``None`` without a key to connect with."""
    signer = clients.kalshi_signer()
    if signer is None:
        return None
    return Channel(
        venue=KALSHI,
        dialect=KalshiDialect(signer, clients.kalshi_hosts()),
        decoder=KalshiDecoder(tokens),
        codec="kalshi",
        proof="sequence",
        topics=lambda market: (market.id.native,),
    )


def binance_channel(clients: Clients) -> Channel:
    """Return Binance's trades, one topic per symbol (``binance_topics``)."""
    return Channel(
        venue=BINANCE,
        dialect=BinanceDialect(clients.access.binance.stream),
        decoder=BinanceDecoder({}),
        codec="binance",
        proof="none",
        sockets=1,
    )


def binance_topics(clients: Clients, listings: Iterable[Listing]) -> Sequence[Topic]:
    """Return the topics of the configured symbols that the markets' windows are about."""
    access = clients.access.binance
    if not access.enabled:
        return ()
    assets = {each.window.asset for each in listings if each.window is not None}
    return [
        f"{symbol.lower()}@aggTrade"
        for symbol in access.symbols
        if any(symbol.startswith(asset) for asset in assets)
    ]
