"""What trades, for anybody: books, trades, candles."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from underround.local_venue.catalogue import LocalMarket
from underround.local_venue.kalshi import rows as written
from underround.local_venue.kalshi.call import Call, route
from underround.local_venue.kalshi.catalogue_routes import row_of
from underround.local_venue.kalshi.desk import KalshiDesk
from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.net.http_host import json_answer
from underround.simulation.matching.terms import Level

_PERIODS: Final = frozenset((1, 60, 1_440))
_CANDLES: Final = 10_000
_BOOKS: Final = 100


def routes(desk: KalshiDesk) -> list[web.RouteDef]:
    """Return the routes; they go before those of single markets."""
    table = {
        "/series/{series}/markets/{ticker}/candlesticks": market_candles,
        "/markets/trades": trades,
        "/markets/orderbooks": books,
        "/markets/candlesticks": all_candles,
        "/markets/{ticker}/orderbook": book,
    }
    return [route(desk, "GET", path, answer) for path, answer in table.items()]


# --- books ---------------------------------------------------------------------------------------


def levels(call: Call, row: LocalMarket) -> tuple[list[Level], list[Level]]:
    """Return a book as it is asked for: as it was, while a fault holds it back."""
    return call.desk.seen(row.listing.market.id, call.now)


def book(call: Call) -> web.Response:
    """``GET /markets/{ticker}/orderbook``."""
    depth = call.number("depth") or 0
    if depth > _BOOKS:
        raise Refused("bad_request", "depth must be between 0 and 100")
    row = row_of(call, call.part("ticker"))
    return json_answer({"orderbook_fp": written.book_row(levels(call, row), depth)})


def books(call: Call) -> web.Response:
    """``GET /markets/orderbooks``: ``tickers`` is repeated; commas are part of a name."""
    tickers = call.request.query.getall("tickers", [])
    if not 1 <= len(tickers) <= _BOOKS:
        raise Refused("bad_request", "tickers must name 1 to 100 markets")
    found = [row for each in tickers if (row := call.desk.row(each.split(",")[0])) is not None]
    return json_answer(
        {
            "orderbooks": [
                {
                    "ticker": row.listing.market.id.native,
                    "orderbook_fp": written.book_row(levels(call, row)),
                }
                for row in found
            ]
        }
    )


# --- trades and candles --------------------------------------------------------------------------


def trades(call: Call) -> web.Response:
    """``GET /markets/trades``, newest first."""
    ticker = call.text("ticker")
    chosen = [row_of(call, ticker)] if ticker else list(call.desk.rows())
    least, most = call.number("min_ts"), call.number("max_ts")
    found = [
        trade
        for row in chosen
        for trade in call.desk.tape(row.listing.market.id).trades
        if (least is None or trade.at_ns // 10**9 >= least)
        and (most is None or trade.at_ns // 10**9 <= most)
    ]
    found.sort(key=lambda trade: trade.at_ns)
    found.reverse()
    page, cursor = call.page(found, lambda each: each.id, usual=100, most=1_000)
    return json_answer({"trades": [written.trade_row(each) for each in page], "cursor": cursor})


def _candles(call: Call, row: LocalMarket) -> list[written.Row]:
    start, end = call.number("start_ts"), call.number("end_ts")
    period = call.number("period_interval")
    if start is None or end is None or period not in _PERIODS or end < start:
        raise Refused("bad_request", "start_ts, end_ts and period_interval 1, 60 or 1440 needed")
    if (end - start) // (60 * period) > _CANDLES:
        raise Refused("bad_request", "too many candlesticks requested")
    found = call.desk.tape(row.listing.market.id).candles(period, start, end)
    return [written.candle_row(each) for each in found]


def market_candles(call: Call) -> web.Response:
    """``GET /series/{series}/markets/{ticker}/candlesticks``."""
    row = row_of(call, call.part("ticker"))
    if written.series_of(row) != call.part("series"):
        raise Refused("not_found", "market not found")
    return json_answer({"ticker": call.part("ticker"), "candlesticks": _candles(call, row)})


def all_candles(call: Call) -> web.Response:
    """``GET /markets/candlesticks``."""
    tickers = call.listed("market_tickers")
    if not 1 <= len(tickers) <= _BOOKS:
        raise Refused("bad_request", "market_tickers must name 1 to 100 markets")
    found = [row for each in tickers if (row := call.desk.row(each)) is not None]
    return json_answer(
        {
            "markets": [
                {
                    "market_ticker": row.listing.market.id.native,
                    "candlesticks": _candles(call, row),
                }
                for row in found
            ]
        }
    )
