"""Asking Binance: time, rules, candles, depth, trades, quotes.  Reads only, no key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from underround.model.errors import RateLimited
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.signals import CandleClosed, DepthStated
from underround.model.units import Nanos
from underround.venues.binance import answers
from underround.venues.binance.limits import READ, WEIGHT, WEIGHT_PER_MINUTE, depth_weight
from underround.venues.binance.refusals import refusal
from underround.venues.transport.budget import Budget, ClockNs
from underround.venues.transport.http import HttpTransport

_MINUTE_NS: Final = 60 * NANOS_PER_SECOND


class BinanceRest:
    """Client of the market-data requests.

    Every method raises ``TryLater`` (``RateLimited``, ``Unreachable``, ``VenuePaused``),
    ``RequestRefused`` (``NotThere`` for an unknown symbol), ``AccountError`` where the host is
    closed to this place, and ``AnswerRefused``.
    """

    def __init__(self, http: HttpTransport, budget: Budget, clock: ClockNs) -> None:
        """Ask over ``http`` as fast as ``budget`` lets; ``clock`` tells Unix nanoseconds."""
        self._http = http
        self._budget = budget
        self._clock = clock
        self._weight_per_minute = WEIGHT_PER_MINUTE
        self.used_weight: int | None = None
        """What the venue counted in the last minute; ``None``: not told yet."""

    async def time(self) -> Nanos:
        """Return the venue's clock."""
        return answers.server_time(await self._get("/api/v3/time", 1))

    async def rules(self, symbols: Sequence[str]) -> answers.ExchangeRules:
        """Return the rules of ``symbols`` (e.g. ``BTCUSDT``), and the venue's limit of weight."""
        named = msgspec.json.encode(list(symbols)).decode()
        body = await self._get("/api/v3/exchangeInfo", 20, symbols=named)
        rules = answers.exchange_rules(body, symbols)
        self._weight_per_minute = rules.weight_per_minute
        return rules

    async def candles(
        self,
        symbol: str,
        interval: str,
        *,
        now: Nanos,
        since_ns: Nanos | None = None,
        until_ns: Nanos | None = None,
        limit: int = 500,
    ) -> tuple[CandleClosed, ...]:
        """Return up to ``limit`` (at most 1,000) candles that had closed by ``now``.

        ``now`` is on the venue's clock (``time``).  Without ``since_ns`` they are the latest ones.
        """
        span = {"startTime": _ms(since_ns), "endTime": _ms(until_ns)}
        body = await self._get(
            "/api/v3/klines", 2, symbol=symbol, interval=interval, **span, limit=str(limit)
        )
        return answers.closed_candles(body, symbol, interval, now)

    async def depth(self, symbol: str, levels: int = 5_000) -> DepthStated:
        """Return the book; ``levels`` is 1 … 5,000 per side and decides what it weighs."""
        body = await self._get(
            "/api/v3/depth", depth_weight(levels), symbol=symbol, limit=str(levels)
        )
        return answers.depth(body, symbol)

    async def trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        since_ns: Nanos | None = None,
        until_ns: Nanos | None = None,
        limit: int = 500,
    ) -> tuple[answers.AggregateTrade, ...]:
        """Return up to ``limit`` (at most 1,000) aggregate trades, the latest without a bound."""
        first = None if from_id is None else str(from_id)
        span = {"fromId": first, "startTime": _ms(since_ns), "endTime": _ms(until_ns)}
        body = await self._get("/api/v3/aggTrades", 4, symbol=symbol, **span, limit=str(limit))
        return answers.aggregate_trades(body)

    async def quote(self, symbol: str) -> answers.BestQuote:
        """Return the best prices."""
        body = await self._get("/api/v3/ticker/bookTicker", 2, symbol=symbol)
        return answers.best_quote(body, symbol)

    async def _get(self, path: str, weight: int, **query: str | None) -> bytes:
        await self._budget.spend(READ, weight)
        given = urlencode({key: text for key, text in query.items() if text is not None})
        reply = await self._http.send("GET", f"{path}?{given}" if given else path)
        self._note_weight(reply.headers.get("x-mbx-used-weight-1m", ""))
        if reply.status == 200:
            return reply.body
        error = refusal(reply, f"GET {path}")
        if isinstance(error, RateLimited):
            wait_ms = error.retry_after_ms
            wait_ns = _MINUTE_NS if wait_ms is None else wait_ms * NANOS_PER_MS
            self._budget.pause(WEIGHT, self._clock() + wait_ns)
        raise error

    def _note_weight(self, text: str) -> None:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            return
        self.used_weight = int(text)
        now = self._clock()
        next_minute = now - now % _MINUTE_NS + _MINUTE_NS
        left = self._weight_per_minute - self.used_weight
        self._budget.observe(WEIGHT, left, next_minute, now)


def _ms(at_ns: Nanos | None) -> str | None:
    return None if at_ns is None else str(at_ns // NANOS_PER_MS)
