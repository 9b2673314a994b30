"""Binance's REST endpoints for market data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import web

from underround.local_venue.net.http_host import json_answer, now_of
from underround.local_venue.references.binance_market import (
    INTERVALS_MS,
    Candle,
    Pair,
    SpotMarket,
    SpotTrade,
    eight,
)
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

_MINUTE_NS: Final = 60 * 10**9
_MOST_WEIGHT: Final = 6_000
"""What an address may ask for in a minute."""
_Answer: TypeAlias = Callable[[web.Request, Nanos], object]
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


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
        self._minute = -1
        self._used = 0

    def routes(self) -> list[web.RouteDef]:
        """Return the endpoints."""
        served: dict[str, tuple[_Answer, int]] = {
            "ping": (lambda _request, _now: {}, 1),
            "time": (self._time, 1),
            "exchangeInfo": (self._info, 20),
            "klines": (self._klines, 2),
            "uiKlines": (self._klines, 2),
            "depth": (self._depth, 5),
            "trades": (self._trades, 25),
            "aggTrades": (self._agg_trades, 4),
            "avgPrice": (self._average, 2),
            "ticker/bookTicker": (self._book_ticker, 2),
            "ticker/price": (self._price, 2),
        }
        return [
            web.get(f"/api/v3/{name}", self._weighed(answer, weight))
            for name, (answer, weight) in served.items()
        ]

    def _weighed(self, answer: _Answer, weight: int) -> _Handler:
        async def handle(request: web.Request) -> web.Response:
            now = now_of(request)
            headers = self._spend(weight, now)
            if "Retry-After" in headers:
                body = {"code": -1003, "msg": "Too much request weight used; please use streams."}
                return json_answer(body, 429, headers)
            try:
                return json_answer(answer(request, now), 200, headers)
            except _Refused as refused:
                return json_answer({"code": refused.code, "msg": refused.msg}, 400, headers)

        return handle

    def _spend(self, weight: int, now: Nanos) -> dict[str, str]:
        if now // _MINUTE_NS != self._minute:
            self._minute, self._used = now // _MINUTE_NS, 0
        self._used += weight
        headers = {"X-MBX-USED-WEIGHT-1M": str(self._used)}
        if self._used > _MOST_WEIGHT:
            headers["Retry-After"] = str((_MINUTE_NS - now % _MINUTE_NS) // 10**9 + 1)
        return headers

    # --- answers -------------------------------------------------------------------------------

    def _time(self, _request: web.Request, now: Nanos) -> object:
        told = now + self._world.faults.skew_ns(now)
        return {"serverTime": told // NANOS_PER_MS}

    def _info(self, request: web.Request, now: Nanos) -> object:
        wanted = request.query.get("symbol")
        pairs = [self._pair(request)] if wanted else list(self._market.pairs.values())
        return {
            "timezone": "UTC",
            "serverTime": now // NANOS_PER_MS,
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": _MOST_WEIGHT,
                }
            ],
            "exchangeFilters": [],
            "symbols": [
                {
                    "symbol": pair.symbol,
                    "status": "TRADING",
                    "baseAsset": pair.symbol.removesuffix("USDT"),
                    "baseAssetPrecision": 8,
                    "quoteAsset": "USDT",
                    "quotePrecision": 8,
                    "filters": [
                        {
                            "filterType": "PRICE_FILTER",
                            "minPrice": "0.01000000",
                            "maxPrice": "1000000.00000000",
                            "tickSize": "0.01000000",
                        },
                        {
                            "filterType": "LOT_SIZE",
                            "minQty": "0.00001000",
                            "maxQty": "9000.00000000",
                            "stepSize": "0.00001000",
                        },
                    ],
                }
                for pair in pairs
            ],
        }

    def _klines(self, request: web.Request, now: Nanos) -> object:
        pair = self._pair(request)
        name = request.query.get("interval", "")
        if name not in INTERVALS_MS:
            raise _Refused(-1120, "Invalid interval.")
        begin = self._number(request, "startTime", 0)
        end = self._number(request, "endTime", now // NANOS_PER_MS)
        bars = [bar for bar in pair.candles[name] if begin <= bar.open_ms <= end]
        limit = self._limit(request, 1_000)
        chosen = bars[:limit] if "startTime" in request.query else bars[-limit:]
        return [kline_row(bar, INTERVALS_MS[name]) for bar in chosen]

    def _depth(self, request: web.Request, _now: Nanos) -> object:
        pair, limit = self._pair(request), self._limit(request, 5_000, 100)
        return {
            "lastUpdateId": pair.update_id,
            "bids": [[eight(p), eight(pair.bids[p])] for p in sorted(pair.bids, reverse=True)][
                :limit
            ],
            "asks": [[eight(p), eight(pair.asks[p])] for p in sorted(pair.asks)][:limit],
        }

    def _trades(self, request: web.Request, _now: Nanos) -> object:
        trades = list(self._pair(request).trades)[-self._limit(request, 1_000) :]
        return [
            {
                "id": trade.id,
                "price": eight(trade.price),
                "qty": eight(trade.size),
                "quoteQty": eight(trade.price * trade.size // 1_000_000),
                "time": trade.at_ns // NANOS_PER_MS,
                "isBuyerMaker": trade.sold,
                "isBestMatch": True,
            }
            for trade in trades
        ]

    def _agg_trades(self, request: web.Request, _now: Nanos) -> object:
        trades, limit = list(self._pair(request).trades), self._limit(request, 1_000)
        first = self._number(request, "fromId", -1)
        begin = self._number(request, "startTime", 0) * NANOS_PER_MS
        end = self._number(request, "endTime", 1 << 60) * NANOS_PER_MS + NANOS_PER_MS
        found = [each for each in trades if each.id >= first and begin <= each.at_ns < end]
        oldest_first = first >= 0 or "startTime" in request.query
        chosen = found[:limit] if oldest_first else found[-limit:]
        return [agg_row(trade) for trade in chosen]

    def _average(self, request: web.Request, now: Nanos) -> object:
        pair = self._pair(request)
        recent = [each for each in pair.trades if each.at_ns > now - 5 * _MINUTE_NS]
        recent = recent or list(pair.trades)[-1:]
        size = sum(each.size for each in recent)
        price = sum(each.price * each.size for each in recent) // size
        return {"mins": 5, "price": eight(price), "closeTime": recent[-1].at_ns // NANOS_PER_MS}

    def _book_ticker(self, request: web.Request, _now: Nanos) -> object:
        def row(pair: Pair) -> dict[str, str]:
            return {
                "symbol": pair.symbol,
                "bidPrice": eight(pair.bid),
                "bidQty": eight(pair.bids[pair.bid]),
                "askPrice": eight(pair.ask),
                "askQty": eight(pair.asks[pair.ask]),
            }

        if "symbol" in request.query:
            return row(self._pair(request))
        return [row(pair) for pair in self._market.pairs.values()]

    def _price(self, request: web.Request, _now: Nanos) -> object:
        def row(pair: Pair) -> dict[str, str]:
            return {"symbol": pair.symbol, "price": eight(pair.trades[-1].price)}

        if "symbol" in request.query:
            return row(self._pair(request))
        return [row(pair) for pair in self._market.pairs.values()]

    # --- what is asked about -------------------------------------------------------------------

    def _pair(self, request: web.Request) -> Pair:
        symbol = request.query.get("symbol")
        if symbol is None:
            raise _Refused(-1102, "Mandatory parameter 'symbol' was not sent.")
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
            raise _Refused(-1100, f"Illegal characters found in parameter '{name}'.")
        return int(text)

    def _limit(self, request: web.Request, most: int, default: int = 500) -> int:
        limit = self._number(request, "limit", default)
        if not limit:
            raise _Refused(-1100, "Illegal characters found in parameter 'limit'.")
        return min(limit, most)


def kline_row(bar: Candle, width_ms: int) -> list[object]:
    """Return a candle as ``/klines`` writes it."""
    return [
        bar.open_ms,
        eight(bar.open),
        eight(bar.high),
        eight(bar.low),
        eight(bar.close),
        eight(bar.base),
        bar.open_ms + width_ms - 1,
        eight(bar.quote),
        bar.trades,
        eight(bar.bought),
        eight(bar.bought_quote),
        "0",
    ]


def agg_row(trade: SpotTrade) -> dict[str, object]:
    """Return a trade as ``/aggTrades`` writes it."""
    return {
        "a": trade.id,
        "p": eight(trade.price),
        "q": eight(trade.size),
        "f": trade.id,
        "l": trade.id,
        "T": trade.at_ns // NANOS_PER_MS,
        "m": trade.sold,
        "M": True,
    }
