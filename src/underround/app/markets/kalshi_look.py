"""Looks at Kalshi's catalogue: series that were asked for, what is named, what the words find.

A market's fees need its event and its series, so both are asked for with it.  Nobody asks for all
open markets: there are more than 120,000, and no order or search on the venue's side.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from underround.app.markets.looks import NOTHING, joined
from underround.model.errors import NotThere
from underround.model.listing import Found, Listing
from underround.model.units import Nanos
from underround.venues.kalshi.catalogue import Told, found
from underround.venues.kalshi.catalogue_answers import EventAnswer, MarketAnswer, SeriesAnswer
from underround.venues.kalshi.market_requests import KalshiMarkets

TICKER: Final = re.compile(r"[A-Z0-9]+(?:-[A-Z0-9.]+)*", re.ASCII)
_LARGE: Final = 100
"""Rows from which on they are read in a thread."""
_EVENTS_SHOWN: Final = 20
"""Events whose markets a search by words shows."""
_TICKERS: Final = 100
"""Tickers per request, so that the address stays below 8 kB."""


class KalshiLook:
    """Asks Kalshi's public catalogue."""

    def __init__(self, markets: KalshiMarkets) -> None:
        self._markets = markets

    async def series(self, tickers: Sequence[str], now: Nanos) -> Found:
        """Return the open markets of these series; none of one that does not exist."""
        return joined([await self._series(ticker, now) for ticker in tickers])

    async def _series(self, ticker: str, now: Nanos) -> Found:
        events = {
            event.event_ticker: event
            async for page in self._markets.events(series=ticker, status="open")
            for event in page.read
        }
        rows: list[MarketAnswer] = []
        refused: dict[str, int] = {}
        async for page in self._markets.markets(series=ticker, status="open"):
            rows += page.read
            _count(refused, page.refused)
        return await self._found(rows, events, refused, now)

    async def named(self, name: str, now: Nanos) -> Found:
        """Return the market, the markets of the event, or of the series with this ticker."""
        ticker = name.upper()
        if not TICKER.fullmatch(ticker):
            return NOTHING
        try:
            row = await self._markets.market(ticker)
            return await self._found([row], {}, {}, now)
        except NotThere:
            pass
        try:
            return await self._event(await self._markets.event(ticker), now)
        except NotThere:
            pass
        return await self._series(ticker, now)

    async def search(self, words: str, now: Nanos) -> Found:
        """Return the markets of the first open events whose titles hold all the words."""
        wanted = words.casefold().split()
        matching: list[EventAnswer] = []
        async for page in self._markets.events(status="open"):
            matching += [event for event in page.read if _says(event, wanted)]
            if len(matching) >= _EVENTS_SHOWN:
                break
        parts = [
            await self._event(await self._markets.event(each.event_ticker), now)
            for each in matching[:_EVENTS_SHOWN]
        ]
        return joined(parts)

    async def again(self, followed: Collection[Listing], now: Nanos) -> Found:
        """Return the present rows of markets that are followed, also of those that closed."""
        tickers = [each.market.id.native for each in followed]
        rows: list[MarketAnswer] = []
        refused: dict[str, int] = {}
        for first in range(0, len(tickers), _TICKERS):
            async for page in self._markets.markets(tickers=tickers[first : first + _TICKERS]):
                rows += page.read
                _count(refused, page.refused)
        return await self._found(rows, {}, refused, now) if rows else NOTHING

    # --- the parts -----------------------------------------------------------------------------

    async def _event(self, event: EventAnswer, now: Nanos) -> Found:
        rows = list(event.markets or ())
        return await self._found(rows, {event.event_ticker: event}, {}, now)

    async def _found(
        self,
        rows: list[MarketAnswer],
        events: dict[str, EventAnswer],
        refused: dict[str, int],
        now: Nanos,
    ) -> Found:
        """Return the rows' catalogue; a row whose event or series is not there is refused."""
        if not rows:
            return Found((), (), (), refused)
        series: dict[str, SeriesAnswer] = {}
        for ticker in dict.fromkeys(row.event_ticker for row in rows):
            if ticker not in events:
                with suppress(NotThere):
                    events[ticker] = await self._markets.event(ticker)
        for ticker in dict.fromkeys(event.series_ticker for event in events.values()):
            with suppress(NotThere):
                series[ticker] = await self._markets.series(ticker)
        series_changes = [
            change
            for ticker in series
            for change in await self._markets.series_fee_changes(ticker, past=True)
        ]
        event_changes = [
            change
            for change in await self._markets.event_fee_changes()
            if change.event_ticker in events
        ]
        about = Told(series, events, series_changes, event_changes, now)
        if len(rows) < _LARGE:
            said = found(rows, about)
        else:
            said = await asyncio.to_thread(found, rows, about)
        _count(refused, said.refused)
        return Found(said.listings, said.groups, said.resolutions, refused)


def _says(event: EventAnswer, wanted: Sequence[str]) -> bool:
    said = f"{event.title} {event.sub_title} {event.event_ticker}".casefold()
    return all(word in said for word in wanted)


def _count(into: dict[str, int], more: dict[str, int]) -> None:
    for reason, count in more.items():
        into[reason] = into.get(reason, 0) + count
