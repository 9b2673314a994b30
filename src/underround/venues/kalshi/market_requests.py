"""Requests of Kalshi's public data: exchange, series, events, markets, books, trades, candles."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal, TypeAlias

from underround.model.errors import NotThere, RequestRefused
from underround.model.events import BookSnapshot
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.kalshi import answers, catalogue_answers
from underround.venues.kalshi.answers import Cutoff, ExchangeStatus, Schedule, StatedTrade
from underround.venues.kalshi.calls import Calls, Query, segment
from underround.venues.kalshi.candles import Candle, candles
from underround.venues.kalshi.catalogue_answers import (
    EventAnswer,
    EventFeeChange,
    MarketAnswer,
    Rows,
    SeriesAnswer,
    SeriesFeeChange,
)

MARKETS_PER_PAGE: Final = 1_000
EVENTS_PER_PAGE: Final = 200
BOOKS_PER_REQUEST: Final = 100

StatusFilter: TypeAlias = Literal["unopened", "open", "paused", "closed", "settled"]
"""Words of the filter; the field ``status`` of an answer has others."""
CandleMinutes: TypeAlias = Literal[1, 60, 1_440]


def seconds(at_ns: Nanos | None) -> int | None:
    """Return a time as queries want it: whole Unix seconds."""
    return None if at_ns is None else at_ns // NANOS_PER_SECOND


class KalshiMarkets:
    """What anybody may ask.  Bodies that are not as documented are ``AnswerRefused``."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    # --- the exchange --------------------------------------------------------------------------

    async def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange and its shards take orders."""
        path = "/exchange/status"
        return answers.exchange_status(await self._calls.read(path), path)

    async def schedule(self) -> Schedule:
        """Return standard hours and announced pauses."""
        path = "/exchange/schedule"
        return answers.schedule(await self._calls.read(path), path)

    async def user_data_as_of(self) -> Nanos:
        """Return until when portfolio reads hold everything."""
        path = "/exchange/user_data_timestamp"
        return answers.as_of(await self._calls.read(path), path)

    async def cutoff(self) -> Cutoff:
        """Return before when data are under ``/historical`` only."""
        path = "/historical/cutoff"
        return answers.cutoff(await self._calls.read(path), path)

    # --- the catalogue -------------------------------------------------------------------------

    async def series(self, ticker: str) -> SeriesAnswer:
        """Return one series; raises ``NotThere``."""
        path = f"/series/{segment(ticker)}"
        return catalogue_answers.series(await self._calls.read(path), path)

    async def all_series(self, category: str = "", tags: str = "") -> tuple[SeriesAnswer, ...]:
        """Return every series; without a category about 14,000 of them in 18 megabytes."""
        query: Query = (("category", category), ("tags", tags))
        return catalogue_answers.all_series(await self._calls.read("/series", query), "/series")

    async def series_fee_changes(
        self, series: str = "", *, past: bool = False
    ) -> tuple[SeriesFeeChange, ...]:
        """Return scheduled fee changes of series, with the past ones if asked for."""
        path = "/series/fee_changes"
        query: Query = (("series_ticker", series), ("show_historical", past))
        return catalogue_answers.series_fee_changes(await self._calls.read(path, query), path)

    async def event_fee_changes(self, event: str = "") -> tuple[EventFeeChange, ...]:
        """Return fee changes of events, all pages."""
        path = "/events/fee_changes"
        query: Query = (("event_ticker", event), ("limit", MARKETS_PER_PAGE))
        found: list[EventFeeChange] = []
        async for body in self._calls.pages(path, query):
            found += catalogue_answers.event_fee_changes(body, path)
        return tuple(found)

    async def event(self, ticker: str) -> EventAnswer:
        """Return one event with its markets; raises ``NotThere``."""
        path = f"/events/{segment(ticker)}"
        body = await self._calls.read(path, (("with_nested_markets", True),))
        return catalogue_answers.event(body, path)

    async def events(
        self,
        *,
        status: StatusFilter | None = None,
        series: str = "",
        updated_since_ns: Nanos | None = None,
    ) -> AsyncIterator[Rows[EventAnswer]]:
        """Yield pages of events without their markets; combos are not among them."""
        query: Query = (
            ("limit", EVENTS_PER_PAGE),
            ("status", status),
            ("series_ticker", series),
            ("min_updated_ts", seconds(updated_since_ns)),
        )
        async for body in self._calls.pages("/events", query):
            yield catalogue_answers.events(body, "/events")

    async def market(self, ticker: str) -> MarketAnswer:
        """Return one market, from the archive if it is there; raises ``NotThere``."""
        path = f"/markets/{segment(ticker)}"
        try:
            body = await self._calls.read(path)
        except NotThere:
            path = f"/historical{path}"
            body = await self._calls.read(path)
        return catalogue_answers.market(body, path)

    async def markets(
        self,
        *,
        status: StatusFilter | None = None,
        series: str = "",
        event: str = "",
        tickers: Sequence[str] = (),
        updated_since_ns: Nanos | None = None,
        closes_from_ns: Nanos | None = None,
        closes_until_ns: Nanos | None = None,
        combos: bool = False,
        archived: bool = False,
    ) -> AsyncIterator[Rows[MarketAnswer]]:
        """Yield pages of markets; answers may be 15 seconds old.

        Raises ``RequestRefused`` for two families of times: the venue takes one at a time.
        """
        closing = closes_from_ns is not None or closes_until_ns is not None
        if closing and updated_since_ns is not None:
            raise RequestRefused("markets are asked for by close or by update, not by both")
        path = "/historical/markets" if archived else "/markets"
        query: Query = (
            ("limit", MARKETS_PER_PAGE),
            ("status", status),
            ("series_ticker", series),
            ("event_ticker", event),
            ("tickers", ",".join(tickers)),
            ("min_updated_ts", seconds(updated_since_ns)),
            ("min_close_ts", seconds(closes_from_ns)),
            ("max_close_ts", seconds(closes_until_ns)),
            ("mve_filter", None if combos else "exclude"),
        )
        async for body in self._calls.pages(path, query):
            yield catalogue_answers.markets(body, path)

    # --- books, trades, candles ----------------------------------------------------------------

    async def order_book(self, ticker: str, depth: int = 0) -> BookSnapshot:
        """Return one book, whole for depth 0.  It has no number: it cannot repair a stream."""
        path = f"/markets/{segment(ticker)}/orderbook"
        body = await self._calls.read(path, (("depth", depth),))
        return answers.order_book(body, ticker, path)

    async def order_books(self, tickers: Sequence[str]) -> tuple[BookSnapshot, ...]:
        """Return the books of these markets, a hundred a request, as far as the venue has them."""
        path = "/markets/orderbooks"
        found: list[BookSnapshot] = []
        for first in range(0, len(tickers), BOOKS_PER_REQUEST):
            # A list with commas would be answered with the first book only.
            query = [("tickers", each) for each in tickers[first : first + BOOKS_PER_REQUEST]]
            found += answers.order_books(await self._calls.read(path, query), path)
        return tuple(found)

    async def trades(
        self,
        ticker: str = "",
        *,
        since_ns: Nanos | None = None,
        until_ns: Nanos | None = None,
        archived: bool = False,
    ) -> AsyncIterator[tuple[StatedTrade, ...]]:
        """Yield pages of public trades, newest first; times count in whole seconds."""
        path = "/historical/trades" if archived else "/markets/trades"
        query: Query = (
            ("limit", MARKETS_PER_PAGE),
            ("ticker", ticker),
            ("min_ts", seconds(since_ns)),
            ("max_ts", seconds(until_ns)),
        )
        async for body in self._calls.pages(path, query):
            yield answers.trades(body, path)

    async def candles(
        self, series: str, ticker: str, start_ns: Nanos, end_ns: Nanos, minutes: CandleMinutes = 1
    ) -> tuple[Candle, ...]:
        """Return candles, from the archive if the market is there; raises ``NotThere``.

        Periods in which nothing happened are missing.
        """
        query: Query = (
            ("start_ts", seconds(start_ns)),
            ("end_ts", seconds(end_ns)),
            ("period_interval", minutes),
        )
        path = f"/series/{segment(series)}/markets/{segment(ticker)}/candlesticks"
        try:
            return candles(await self._calls.read(path, query), path, "live")
        except NotThere:
            path = f"/historical/markets/{segment(ticker)}/candlesticks"
            return candles(await self._calls.read(path, query), path, "historical")
