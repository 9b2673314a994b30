"""The best prices of a few markets now, asked of each venue's book by request."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from underround.app.markets.catalogues import Catalogues
from underround.model.errors import Bug, UnderroundError
from underround.model.events import BookSnapshot
from underround.model.ids import KALSHI, POLYMARKET, YES, MarketId, Venue
from underround.model.listing import Listing
from underround.model.units import Price, Size
from underround.venues.polymarket.public import MOST_BOOKS


class Quote(msgspec.Struct, frozen=True):
    """Best prices of YES; ``None``: nobody is there."""

    bid: Price | None
    bid_size: Size
    ask: Price | None
    ask_size: Size


class Quotes(msgspec.Struct):
    """What was answered."""

    of: dict[MarketId, Quote]
    failures: dict[Venue, UnderroundError]
    """Venues that did not give their books, and why."""


async def quotes(catalogues: Catalogues, listings: Sequence[Listing]) -> Quotes:
    """Return the quotes of those markets that are open; a market without a book has none."""
    answer = Quotes({}, {})
    for venue in (POLYMARKET, KALSHI):
        wanted = [
            each for each in listings if each.market.id.venue == venue and each.state == "open"
        ]
        if not wanted:
            continue
        try:
            books = await _books(catalogues, venue, wanted)
        except Bug:
            raise
        except UnderroundError as error:
            answer.failures[venue] = error
            continue
        answer.of |= {book.market: _quote(book) for book in books}
    return answer


async def _books(
    catalogues: Catalogues, venue: Venue, listings: Sequence[Listing]
) -> list[BookSnapshot]:
    if venue == KALSHI:
        tickers = [each.market.id.native for each in listings]
        return list(await catalogues.kalshi_markets.order_books(tickers))
    found: list[BookSnapshot] = []
    for first in range(0, len(listings), MOST_BOOKS):
        markets = [each.market for each in listings[first : first + MOST_BOOKS]]
        catalogues.tokens.update((market.tokens[YES], (market, YES)) for market in markets)
        answered = await catalogues.books.books([market.tokens[YES] for market in markets])
        found += answered.books
    return found


def _quote(book: BookSnapshot) -> Quote:
    """Return the best levels; the venues' codecs put the best last."""
    bid, bid_size = max(book.bids, default=(None, 0), key=lambda level: level[0])
    ask, ask_size = min(book.asks, default=(None, 0), key=lambda level: level[0])
    return Quote(bid, bid_size, ask, ask_size)
