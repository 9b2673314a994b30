"""Bodies of Binance's market-data requests → values (rest-api.md, 2026-07).

Every function takes the body and raises ``AnswerRefused`` with one sentence that names the path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from underround.model.book import Side
from underround.model.errors import AnswerRefused
from underround.model.signals import CandleClosed, DepthStated, Fine
from underround.model.units import Money, Nanos
from underround.venues.binance.codec import candle, depth_stated
from underround.venues.binance.decimals import parse_fine
from underround.venues.binance.wire import Bar
from underround.venues.codec import UNREADABLE, reason, reference_price, unix_nanos

T = TypeVar("T")


class SymbolRules(msgspec.Struct, frozen=True):
    """How a pair is traded."""

    symbol: str
    """The venue's name, e.g. ``BTCUSDT``."""
    status: str
    """The venue's word: ``TRADING``, ``HALT``, ``BREAK``, ``CANCEL_ONLY`` …"""
    base: str
    quote: str
    tick: Fine
    size_step: Fine

    @property
    def trading(self) -> bool:
        """Whether its prices are made now."""
        return self.status == "TRADING"


class ExchangeRules(msgspec.Struct, frozen=True):
    """What ``exchangeInfo`` says."""

    at_ns: Nanos
    weight_per_minute: int
    symbols: tuple[SymbolRules, ...]


class AggregateTrade(msgspec.Struct, frozen=True):
    """Trades of one taker at one price."""

    id: int
    at_ns: Nanos
    price: Money
    quantity: Fine
    taker_side: Side


class BestQuote(msgspec.Struct, frozen=True):
    """The best prices; the venue states no time."""

    symbol: str
    bid: Fine
    bid_quantity: Fine
    ask: Fine
    ask_quantity: Fine


class _Time(msgspec.Struct):
    serverTime: int  # noqa: N815 - the venue's name


class _RateLimit(msgspec.Struct):
    rateLimitType: str  # noqa: N815 - the venue's name
    interval: str
    intervalNum: int  # noqa: N815 - the venue's name
    limit: int


class _Filter(msgspec.Struct):
    filterType: str  # noqa: N815 - the venue's name
    tickSize: str | None = None  # noqa: N815 - the venue's name
    stepSize: str | None = None  # noqa: N815 - the venue's name


class _Symbol(msgspec.Struct):
    symbol: str
    status: str
    baseAsset: str  # noqa: N815 - the venue's name
    quoteAsset: str  # noqa: N815 - the venue's name
    filters: list[_Filter]


class _Exchange(msgspec.Struct):
    serverTime: int  # noqa: N815 - the venue's name
    rateLimits: list[_RateLimit]  # noqa: N815 - the venue's name
    symbols: list[_Symbol]


class _Row(msgspec.Struct, array_like=True):
    """A kline; the venue sends four more fields."""

    opens: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    closes: int
    quote_volume: str
    trades: int


class _AggregateTrade(msgspec.Struct):
    a: int
    p: str
    q: str
    T: int
    m: bool


class _BookTicker(msgspec.Struct):
    symbol: str
    bidPrice: str  # noqa: N815 - the venue's name
    bidQty: str  # noqa: N815 - the venue's name
    askPrice: str  # noqa: N815 - the venue's name
    askQty: str  # noqa: N815 - the venue's name


_time = msgspec.json.Decoder(_Time).decode
_exchange = msgspec.json.Decoder(_Exchange).decode
_rows = msgspec.json.Decoder(list[_Row]).decode
_aggregates = msgspec.json.Decoder(list[_AggregateTrade]).decode
_book_ticker = msgspec.json.Decoder(_BookTicker).decode

_WEIGHT: Final = ("REQUEST_WEIGHT", "MINUTE", 1)


def server_time(body: bytes) -> Nanos:
    """Return the venue's clock."""
    return _read("time", body, lambda: unix_nanos(_time(body).serverTime))


def exchange_rules(body: bytes, symbols: Sequence[str]) -> ExchangeRules:
    """Return the rules of ``symbols``, each of which must be in the answer."""

    def read() -> ExchangeRules:
        exchange = _exchange(body)
        known = {symbol.symbol: symbol for symbol in exchange.symbols}
        for name in symbols:
            if name not in known:
                raise ValueError(f"{name} is missing - at `$.symbols`")
        weights = [
            limit.limit
            for limit in exchange.rateLimits
            if (limit.rateLimitType, limit.interval, limit.intervalNum) == _WEIGHT
        ]
        if len(weights) != 1 or weights[0] < 1:
            raise ValueError("no weight per minute - at `$.rateLimits`")
        rules = tuple(_symbol_rules(known[name]) for name in symbols)
        return ExchangeRules(unix_nanos(exchange.serverTime), weights[0], rules)

    return _read("exchangeInfo", body, read)


def closed_candles(body: bytes, symbol: str, interval: str, now: Nanos) -> tuple[CandleClosed, ...]:
    """Return the candles that had ended by ``now`` on the venue's clock, oldest first.

    The last row of an answer is often still open and says so nowhere: only its end tells.
    """

    def read() -> tuple[CandleClosed, ...]:
        candles: list[CandleClosed] = []
        for place, row in enumerate(_rows(body)):
            bar = Bar(
                t=row.opens,
                T=row.closes,
                s=symbol,
                i=interval,
                o=row.open,
                h=row.high,
                l=row.low,
                c=row.close,
                v=row.volume,
                n=row.trades,
                x=True,
            )
            found = candle(bar, f"[{place}]")
            if candles and found.opens_ns < candles[-1].ends_ns:
                raise ValueError(f"a candle that opens before the last one ended - at `$[{place}]`")
            candles.append(found)
        return tuple(each for each in candles if each.ends_ns <= now)

    return _read("klines", body, read)


def depth(body: bytes, symbol: str) -> DepthStated:
    """Return the book of ``symbol``."""
    return _read("depth", body, lambda: depth_stated(body, f"binance:{symbol}"))


def aggregate_trades(body: bytes) -> tuple[AggregateTrade, ...]:
    """Return the trades in the order of their ids."""

    def read() -> tuple[AggregateTrade, ...]:
        trades: list[AggregateTrade] = []
        for place, row in enumerate(_aggregates(body)):
            if trades and row.a <= trades[-1].id:
                raise ValueError(f"the ids are not in order - at `$[{place}].a`")
            try:
                price, at_ns = reference_price(row.p), unix_nanos(row.T)
                quantity = parse_fine(row.q)
            except ValueError as error:
                raise ValueError(f"{error} - at `$[{place}]`") from None
            side: Side = "sell" if row.m else "buy"
            trades.append(AggregateTrade(row.a, at_ns, price, quantity, side))
        return tuple(trades)

    return _read("aggTrades", body, read)


def best_quote(body: bytes, symbol: str) -> BestQuote:
    """Return the best prices of ``symbol``; a side without orders or crossed prices are refused."""

    def read() -> BestQuote:
        row = _book_ticker(body)
        if row.symbol != symbol:
            raise ValueError(f"asked for {symbol}, told {row.symbol[:40]} - at `$.symbol`")
        texts = (row.bidPrice, row.bidQty, row.askPrice, row.askQty)
        bid, bid_quantity, ask, ask_quantity = map(parse_fine, texts)
        if not 0 < bid < ask:
            raise ValueError(f"bid {row.bidPrice} and ask {row.askPrice} - at `$.bidPrice`")
        return BestQuote(row.symbol, bid, bid_quantity, ask, ask_quantity)

    return _read("bookTicker", body, read)


def _symbol_rules(row: _Symbol) -> SymbolRules:
    filters = {each.filterType: each for each in row.filters}
    tick = filters["PRICE_FILTER"].tickSize if "PRICE_FILTER" in filters else None
    step = filters["LOT_SIZE"].stepSize if "LOT_SIZE" in filters else None
    if tick is None or step is None:
        raise ValueError(f"{row.symbol} has no tickSize or stepSize - at `$.symbols`")
    return SymbolRules(
        row.symbol, row.status, row.baseAsset, row.quoteAsset, parse_fine(tick), parse_fine(step)
    )


def _read(name: str, body: bytes, read: Callable[[], T]) -> T:
    try:
        return read()
    except UNREADABLE as error:
        told = reason(error)
        raise AnswerRefused(
            f"Binance's answer to {name} ({len(body)} bytes) cannot be used: {told}"
        ) from None
