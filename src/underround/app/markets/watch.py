"""The live books of a few markets, proven, for whoever wants to look at them."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from underround.app.clients import Clients
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.feeds import Feeds
from underround.app.live.live_channels import (
    binance_channel,
    binance_topics,
    kalshi_channel,
    polymarket_channel,
)
from underround.app.markets.catalogues import Catalogues
from underround.market.hub import TOP, TRUST, Hub
from underround.market.trust import BookRules, Feed
from underround.model.errors import AccountError
from underround.model.events import MarketEvent
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, POLYMARKET, YES, MarketId
from underround.model.listing import Listing
from underround.model.market import Catalogue
from underround.model.run import ProofKind
from underround.model.units import Money, Nanos, Price, Size
from underround.venues.polymarket.book_hash import book_hash, snapshot_hash

_TICK_S: Final = 0.5
_KEPT: Final = 10_000
"""Changes kept for a reader that does not come; the oldest are dropped first."""


class WatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """One market's book at a moment, in YES terms."""

    listing: Listing
    at_ns: Nanos
    bid: Price | None
    bid_size: Size
    ask: Price | None
    ask_size: Size
    age_ms: int | None
    """Since the last message about this book; ``None`` before the first."""
    trusted: bool
    proof: ProofKind | None
    """What the trust rests on; ``None`` before the first message."""
    doubt: str
    """Why it is not trusted; empty while it is."""
    closed: bool

    @property
    def spread(self) -> Price | None:
        """From the best bid to the best ask."""
        return None if self.bid is None or self.ask is None else self.ask - self.bid


class Reference(msgspec.Struct, frozen=True):
    """A reference price at a moment."""

    symbol: str
    price: Money
    age_ms: int


class Watch:
    """Follows the books of ``listings``; nothing is recorded.

    ``notes`` say what cannot be watched and why.  Raises ``AccountError`` when that is everything.
    """

    def __init__(
        self,
        clients: Clients,
        catalogues: Catalogues,
        listings: Sequence[Listing],
        rules: BookRules,
        rng: random.Random,
    ) -> None:
        self.notes: list[str] = []
        self.changes: deque[WatchRow] = deque(maxlen=_KEPT)
        """Every change of a best price or of trust since it was last emptied, oldest first."""
        catalogue = Catalogue(tuple(each.market for each in listings))
        channels = self._channels(clients, catalogues, catalogue)
        served = {channel.venue for channel in channels}
        self.listings = tuple(each for each in listings if each.market.id.venue in served)
        if not self.listings:
            raise AccountError("; ".join(self.notes) or "there is nothing to watch")
        topics = binance_topics(clients, self.listings)
        prices = binance_channel(clients) if topics else None
        if prices is not None:
            channels.append(prices)
        self.hub = Hub(
            catalogue,
            feeds_of(channels, rules),
            rules,
            {POLYMARKET: book_hash},
            {POLYMARKET: snapshot_hash},
        )
        self.feeds = Feeds(
            self.hub, channels, lambda *_frame: None, clients.clock, rng, take=self._take
        )
        self.feeds.follow([each.market for each in self.listings])
        if prices is not None:
            self.feeds.subscribe(prices.dialect.stream, topics)
        self._by_id = {each.market.id: each for each in self.listings}
        self._last: dict[MarketId, tuple[Price | None, Price | None, bool]] = {}

    def _channels(
        self, clients: Clients, catalogues: Catalogues, catalogue: Catalogue
    ) -> list[Channel]:
        tokens = catalogue.by_token()
        venues = {market.id.venue for market in catalogue.markets}
        channels: list[Channel] = []
        if POLYMARKET in venues:
            channels.append(polymarket_channel(clients, catalogues, tokens))
        if KALSHI in venues:
            kalshi = kalshi_channel(clients, tokens)
            if kalshi is not None:
                channels.append(kalshi)
            else:
                self.notes.append(
                    "kalshi shows live books only to who has a key: set venues.kalshi.key_id and "
                    "private_key"
                )
        return channels

    async def run(self) -> None:
        """Follow the books until cancelled, or until every market has closed."""
        feeding = asyncio.ensure_future(self.feeds.run())
        try:
            while not feeding.done():
                await asyncio.wait([feeding], timeout=_TICK_S)
                now = self.feeds.now()
                for feed, silent in self.hub.silences(now):
                    self._take(silent, feed, now)
                self._note_all(now)
                if all(listing.market.id in self.hub.closed for listing in self.listings):
                    return
            feeding.result()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    # --- what is seen --------------------------------------------------------------------------

    def rows(self) -> list[WatchRow]:
        """Return every book as it is now, in the order of the listings."""
        now = self.feeds.now()
        return [self._row(listing, now) for listing in self.listings]

    def references(self) -> list[Reference]:
        """Return the reference prices that were heard."""
        now = self.feeds.now()
        return [
            Reference(symbol, each.price, max(0, now - each.received_ns) // NANOS_PER_MS)
            for symbol, each in sorted(self.hub.references.items())
        ]

    def connected(self) -> tuple[int, int]:
        """Return how many sockets are connected, and how many are wanted."""
        slots = [slot for slot in self.feeds.slots() if slot.topics]
        return sum(slot.connected for slot in slots), len(slots)

    def trouble(self) -> str:
        """Return why a socket that is wanted is not connected; empty: all are."""
        for slot in self.feeds.slots():
            if slot.topics and not slot.connected and slot.last_failure:
                return f"{slot.stream}: {slot.last_failure}"
        return ""

    def _row(self, listing: Listing, now: Nanos) -> WatchRow:
        tracked = self.hub.books.get(listing.market.id)
        closed = listing.market.id in self.hub.closed
        if tracked is None:
            return WatchRow(
                listing=listing, at_ns=now, bid=None, bid_size=0, ask=None, ask_size=0,
                age_ms=None, trusted=False, proof=None, doubt="never stated", closed=closed,
            )  # fmt: skip
        book = tracked.book
        bid, ask = book.best_bid(YES), book.best_ask(YES)
        heard = tracked.heard_ns
        return WatchRow(
            listing=listing,
            at_ns=now,
            bid=bid,
            bid_size=0 if bid is None else book.size(YES, "buy", bid),
            ask=ask,
            ask_size=0 if ask is None else book.size(YES, "sell", ask),
            age_ms=max(0, now - heard) // NANOS_PER_MS if heard else None,
            trusted=tracked.trusted,
            proof=tracked.proof,
            doubt="" if tracked.trusted else tracked.last_doubt or "not proven yet",
            closed=closed,
        )

    # --- what comes ----------------------------------------------------------------------------

    def _take(self, event: MarketEvent, feed: Feed, now: Nanos) -> None:
        """Apply an event and note what it changed.

        A book that is doubted is noted with the next tick, if it still is: in the middle of a
        timestamp that spans frames it is for a moment, and its best prices are half a truth.
        """
        if not self.hub.apply(event, feed, now) & (TOP | TRUST):
            return
        market = getattr(event, "market", None)
        listing = self._by_id.get(market) if isinstance(market, MarketId) else None
        if listing is not None and self.hub.books[listing.market.id].trusted:
            self._note(listing, now)

    def _note_all(self, now: Nanos) -> None:
        for listing in self.listings:
            if listing.market.id in self.hub.books:
                self._note(listing, now)

    def _note(self, listing: Listing, now: Nanos) -> None:
        row = self._row(listing, now)
        shown = (row.bid, row.ask, row.trusted)
        if self._last.get(listing.market.id) != shown:
            self._last[listing.market.id] = shown
            self.changes.append(row)
