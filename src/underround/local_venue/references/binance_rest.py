"""Binance's REST endpoints for market data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import msgspec
from aiohttp import web

from underround.local_venue.faults import Answer
from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.references import binance_frames as frames
from underround.local_venue.references.binance_candles import INTERVALS_MS, SpotTrade
from underround.local_venue.references.binance_frames import Stamp, stamp_of
from underround.local_venue.references.binance_market import Pair, SpotMarket, eight, eight_fine
from underround.local_venue.references.binance_weights import MOST_RAW, MOST_WEIGHT, Weights
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

_Answer: TypeAlias = Callable[[web.Request, Nanos], object]
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]
_Weight: TypeAlias = Callable[[web.Request], int]
_UTC: Final = frozenset(("0", "0:00", "+0:00", "-0:00", "+00:00", "00:00"))
_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1_000, 50))
_UNIT: Final = "X-MBX-TIME-UNIT"


class _Refused(Exception):
    def __init__(self, code: int, msg: str) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg


class BinanceRest:
    """The market-data host."""

    def __init__(self, world: World, market: SpotMarket) -> None:
        """Answer about ``market``."""
        self._world = world
        self._market = market
        self._weights = Weights()

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        served: dict[str, tuple[_Answer, _Weight]] = {
            "ping": (lambda _request, _now: {}, _flat(1)),
            "time": (self._time, _flat(1)),
            "exchangeInfo": (self._info, _flat(20)),
            "klines": (self._klines, _flat(2)),
            "uiKlines": (self._klines, _flat(2)),
            "depth": (self._depth, _depth_weight),
            "trades": (self._trades, _flat(25)),
            "aggTrades": (self._agg_trades, _flat(4)),
            "avgPrice": (self._average, _flat(2)),
            "ticker/bookTicker": (self._book_ticker, _ticker_weight),
            "ticker/price": (self._price, _ticker_weight),
        }
        return [
            web.get(f"/api/v3/{name}", self._weighed(answer, weight))
            for name, (answer, weight) in served.items()
        ]

    def _weighed(self, answer: _Answer, weight: _Weight) -> _Handler:
        async def handle(request: web.Request) -> web.Response:
            now = now_of(request)
            verdict = self._weights.spend(weight(request), now)
            if verdict.status != 200:
                body = {"code": -1003, "msg": verdict.msg}
                return json_answer(body, verdict.status, verdict.headers)
            try:
                return json_answer(answer(request, now), 200, verdict.headers)
            except _Refused as refused:
                body = {"code": refused.code, "msg": refused.msg}
                return json_answer(body, 400, verdict.headers)

        return handle

    # --- answers -------------------------------------------------------------------------------

    def _told(self, request: web.Request, now: Nanos) -> int:
        return _stamp(request)(now + self._world.faults.skew_ns(now))

    def _time(self, request: web.Request, now: Nanos) -> object:
        return {"serverTime": self._told(request, now)}

    def _info(self, request: web.Request, now: Nanos) -> object:
        return {
            "timezone": "UTC",
            "serverTime": self._told(request, now),
            "rateLimits": [
                _limit("REQUEST_WEIGHT", 1, MOST_WEIGHT),
                _limit("RAW_REQUESTS", 5, MOST_RAW),
            ],
            "exchangeFilters": [],
            "symbols": [_rules(pair) for pair in self._pairs(request)],
        }

    def _klines(self, request: web.Request, now: Nanos) -> object:
        pair = self._pair(request)
        name = request.query.get("interval")
        if name is None:
            raise _missing("interval")
        if name not in INTERVALS_MS:
            raise _Refused(-1120, "Invalid interval.")
        if request.query.get("timeZone", "0") not in _UTC:
            raise _Refused(-1130, "Data sent for parameter 'timeZone' is not valid.")
        now_ms, stamp = now // NANOS_PER_MS, _stamp(request)
        begin = self._number(request, "startTime", 0)
        end = self._number(request, "endTime", now_ms)
        bars = [bar for bar in pair.candles.of(name, now_ms) if begin <= bar.open_ms <= end]
        limit = self._limit(request, 1_000)
        chosen = bars[:limit] if "startTime" in request.query else bars[-limit:]
        return [frames.kline_row(bar, name, stamp) for bar in chosen]

    def _depth(self, request: web.Request, _now: Nanos) -> object:
        return frames.depth(self._pair(request), self._limit(request, 5_000, 100))

    def _trades(self, request: web.Request, _now: Nanos) -> object:
        trades = self._pair(request).tape.latest(self._limit(request, 1_000))
        stamp = _stamp(request)
        return [
            {
                "id": trade.id,
                "price": eight(trade.price),
                "qty": eight(trade.size),
                "quoteQty": eight_fine(trade.quote),
                "time": stamp(trade.at_ns),
                "isBuyerMaker": trade.sold,
                "isBestMatch": True,
            }
            for trade in trades
        ]

    def _agg_trades(self, request: web.Request, _now: Nanos) -> object:
        tape, limit = self._pair(request).tape, self._limit(request, 1_000)
        first = self._number(request, "fromId", -1)
        begin = self._number(request, "startTime", 0) * NANOS_PER_MS
        end = (self._number(request, "endTime", 1 << 60) + 1) * NANOS_PER_MS
        chosen: Sequence[SpotTrade]
        if first >= 0:
            chosen = [each for each in tape.since(first, limit) if begin <= each.at_ns < end]
        elif "startTime" in request.query:
            chosen = tape.between(begin, end)[:limit]
        else:
            chosen = tape.between(begin, end)[-limit:]
        stamp = _stamp(request)
        return [frames.agg_row(trade, stamp) for trade in chosen]

    def _average(self, request: web.Request, now: Nanos) -> object:
        price, last = frames.average(self._pair(request), now)
        return {"mins": 5, "price": eight(price), "closeTime": _stamp(request)(last)}

    def _book_ticker(self, request: web.Request, _now: Nanos) -> object:
        return _one_or_all(request, [_quote(pair) for pair in self._pairs(request)])

    def _price(self, request: web.Request, _now: Nanos) -> object:
        rows = [
            {"symbol": pair.symbol, "price": eight(pair.tape.newest.price)}
            for pair in self._pairs(request)
        ]
        return _one_or_all(request, rows)

    # --- what is asked about -------------------------------------------------------------------

    def _pair(self, request: web.Request) -> Pair:
        symbol = request.query.get("symbol")
        if symbol is None:
            raise _missing("symbol")
        return self._named(symbol)

    def _pairs(self, request: web.Request) -> list[Pair]:
        """Return the pairs of ``symbol`` or ``symbols``; without either, all."""
        if "symbol" in request.query:
            return [self._pair(request)]
        if "symbols" not in request.query:
            return list(self._market.pairs.values())
        try:
            symbols = msgspec.json.decode(request.query["symbols"], type=list[str])
        except (ValueError, RecursionError):
            raise _illegal("symbols") from None
        return [self._named(symbol) for symbol in symbols]

    def _named(self, symbol: str) -> Pair:
        pair = self._market.pairs.get(symbol)
        if pair is None:
            raise _Refused(-1121, "Invalid symbol.")
        return pair

    @staticmethod
    def _number(request: web.Request, name: str, default: int) -> int:
        text = request.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise _illegal(name)
        return int(text)

    def _limit(self, request: web.Request, most: int, default: int = 500) -> int:
        limit = self._number(request, "limit", default)
        if not limit:
            raise _illegal("limit")
        return min(limit, most)


def fault_answer(fault: Answer) -> web.Response:
    """Return what the host says when a request is to fail."""
    if fault.status == 429:
        body: dict[str, object] = {"code": -1003, "msg": "Too many requests."}
        return json_answer(body, 429, {"Retry-After": "1"})
    body = {"code": -1000, "msg": "An unknown error occurred while processing the request."}
    return json_answer(body, fault.status)


def _flat(weight: int) -> _Weight:
    return lambda _request: weight


def _ticker_weight(request: web.Request) -> int:
    return 2 if "symbol" in request.query else 4


def _depth_weight(request: web.Request) -> int:
    text = request.query.get("limit", "100")
    asked = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
    return next((weight for most, weight in _DEPTH_WEIGHTS if asked <= most), 250)


def _stamp(request: web.Request) -> Stamp:
    return stamp_of(request.headers.get(_UNIT, ""))


def _missing(name: str) -> _Refused:
    said = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return _Refused(-1102, said)


def _illegal(name: str) -> _Refused:
    return _Refused(-1100, f"Illegal characters found in parameter '{name}'.")


def _one_or_all(request: web.Request, rows: Sequence[object]) -> object:
    return rows[0] if "symbol" in request.query else rows


def _quote(pair: Pair) -> dict[str, str]:
    return {
        "symbol": pair.symbol,
        "bidPrice": eight(pair.bid),
        "bidQty": eight(pair.bids[pair.bid]),
        "askPrice": eight(pair.ask),
        "askQty": eight(pair.asks[pair.ask]),
    }


def _limit(kind: str, minutes: int, most: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": "MINUTE", "intervalNum": minutes, "limit": most}


def _rules(pair: Pair) -> dict[str, object]:
    grid = pair.grid
    return {
        "symbol": pair.symbol,
        "status": "TRADING",
        "baseAsset": pair.symbol.removesuffix("USDT"),
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": eight(grid.tick),
                "maxPrice": "1000000.00000000",
                "tickSize": eight(grid.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": eight(grid.lot),
                "maxQty": "9000000.00000000",
                "stepSize": eight(grid.lot),
            },
        ],
    }
