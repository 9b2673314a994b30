"""Frames of Binance spot's public streams → reference prices, candles and depth.

``trade`` and ``aggTrade`` carry the time of the trade.  A spot ``bookTicker`` states none, and none
is made up: its tick has no time of its own.

There are two decoders over one reading.  ``BinanceDecoder`` gives what books and strategies are
woken by: reference prices.  ``BinanceSignalDecoder`` gives closed candles and depth as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent, ReferenceTick
from underround.model.signals import CandleClosed, DepthChanged, DepthStated
from underround.model.units import Money, Nanos
from underround.venues.binance.decimals import depth_side, parse_fine
from underround.venues.binance.wire import Bar, BookTicker, Depth, DepthUpdate, Head, Kline, Trade
from underround.venues.codec import Tokens, reference_price, refused, unix_nanos

BinanceSignal: TypeAlias = ReferenceTick | CandleClosed | DepthChanged | DepthStated

_QUIET: Final = frozenset(
    (
        "depthUpdate",
        "serverShutdown",
        "kline",
        "24hrMiniTicker",
        "24hrTicker",
        "1hTicker",
        "4hTicker",
        "1dTicker",
        "1hMiniTicker",
        "4hMiniTicker",
        "1dMiniTicker",
        "avgPrice",
        "referencePrice",
        "blockTrade",
    )
)
"""Known events that set no reference price; block trades are agreed off the book."""

_head = msgspec.json.Decoder(Head).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_trade = msgspec.json.Decoder(Trade).decode
_book_ticker = msgspec.json.Decoder(BookTicker).decode
_kline = msgspec.json.Decoder(Kline).decode
_depth_update = msgspec.json.Decoder(DepthUpdate).decode
_depth = msgspec.json.Decoder(Depth).decode


class BinanceDecoder:
    """Decoder of raw and combined streams (``Decoder`` of ``venues.codec``).

    Symbols: ``binance:BTCUSDT``.
    """

    def __init__(self, tokens: Tokens) -> None:
        """Take ``Catalogue.by_token()`` as every decoder does; reference prices need none of it."""
        del tokens

    def decode(self, payload: bytes) -> Sequence[MarketEvent]:
        """Return the frame's ``ReferenceTick``, if it is one (see ``Decoder``)."""
        text = payload.strip()
        if not text:
            return ()
        where = ""
        try:
            if text[:1] == b"[":  # the all-market tickers come as arrays
                events: list[MarketEvent] = []
                for place, part in enumerate(_many(text)):
                    where = f"[{place}]"
                    events.extend(_ticks(_head(bytes(part)), bytes(part)))
                return events
            head = _head(text)
            if bytes(head.data):
                where = ".data"
                text = bytes(head.data)
                head = _head(text)
            return _ticks(head, text)
        except (ValueError, RecursionError) as error:
            raise refused(error, where) from None


class BinanceSignalDecoder:
    """Gives everything these streams tell that is used: prices, closed candles, depth.

    A candle is only told when the venue says that it is closed (``x``); the messages before are
    not.  Partial depth names no symbol, so it is told on combined streams only.
    """

    def decode(self, payload: bytes) -> Sequence[BinanceSignal]:
        """Return what the frame says, in its order; raises ``FrameRefused`` like ``Decoder``."""
        text = payload.strip()
        if not text:
            return ()
        where, stream = "", None
        try:
            if text[:1] == b"[":
                signals: list[BinanceSignal] = []
                for place, part in enumerate(_many(text)):
                    where = f"[{place}]"
                    signals.extend(_signals(_head(bytes(part)), bytes(part), None))
                return signals
            head = _head(text)
            if bytes(head.data):
                where, stream = ".data", head.stream
                text = bytes(head.data)
                head = _head(text)
            return _signals(head, text, stream)
        except (ValueError, RecursionError) as error:
            raise refused(error, where) from None


def candle(bar: Bar, path: str) -> CandleClosed:
    """Return a bar as a closed candle; raises ``ValueError`` for an impossible one.

    ``path`` is where the bar stands in its message, e.g. ``.k``.
    """
    prices = [_price(getattr(bar, key), f"{path}.{key}") for key in ("o", "h", "l", "c")]
    try:
        if bar.n < 0:
            raise ValueError(f"{bar.n} trades")
        return CandleClosed(
            symbol=f"binance:{bar.s}",
            interval=bar.i,
            opens_ns=unix_nanos(bar.t),
            ends_ns=_after(bar.T),
            open=prices[0],
            high=prices[1],
            low=prices[2],
            close=prices[3],
            volume=parse_fine(bar.v),
            trades=bar.n,
        )
    except ValueError as error:
        raise ValueError(f"{error} - at `${path}`") from None


def depth_stated(body: bytes, symbol: str) -> DepthStated:
    """Return a book as the venue states it; raises ``ValueError`` unless its sides are in order.

    ``symbol`` is ``binance:BTCUSDT``: the body names none.
    """
    book = _depth(body)
    if book.lastUpdateId < 0:
        raise ValueError("a negative number - at `$.lastUpdateId`")
    bids, asks = depth_side(book.bids, "bids"), depth_side(book.asks, "asks")
    for levels, falling, path in ((bids, True, "bids"), (asks, False, "asks")):
        prices = [price for price, _ in levels]
        if prices != sorted(set(prices), reverse=falling):
            raise ValueError(f"the levels are not in order - at `$.{path}`")
        if not all(quantity for _, quantity in levels):
            raise ValueError(f"a level has the quantity 0 - at `$.{path}`")
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise ValueError("the best bid is not below the best ask - at `$.bids[0]`")
    return DepthStated(symbol, book.lastUpdateId, bids, asks)


def _ticks(head: Head, data: bytes) -> Sequence[ReferenceTick]:
    if head.e in {"trade", "aggTrade"}:
        trade = _trade(data)
        return (ReferenceTick(f"binance:{trade.s}", unix_nanos(trade.T), _price(trade.p, ".p")),)
    if head.e == "bookTicker" or (head.e is None and head.u is not None and bytes(head.b)):
        return (_quoted(_book_ticker(data)),)
    if head.e in _QUIET or (head.e is None and head.lastUpdateId is not None):
        return ()
    if head.e is not None:
        raise FrameRefused(f"unknown event {head.e!r} at `$.e`")
    if head.code is not None:
        raise FrameRefused(f"the venue answers with error {head.code}: {(head.msg or '')[:200]}")
    if bytes(head.error):
        raise FrameRefused(f"the venue answers with an error: {bytes(head.error)[:200]!r}")
    if bytes(head.result):
        return ()
    raise FrameRefused("neither an event nor an answer at `$`")


def _signals(head: Head, data: bytes, stream: str | None) -> Sequence[BinanceSignal]:
    if head.e == "kline":
        kline = _kline(data)
        if not kline.k.x:
            return ()
        if kline.k.s != kline.s:
            raise ValueError(f"a candle of {kline.k.s} in a message of {kline.s} - at `$.k.s`")
        return (candle(kline.k, ".k"),)
    if head.e == "depthUpdate":
        return (_depth_changed(_depth_update(data)),)
    if head.e is None and head.lastUpdateId is not None:
        if stream is None:
            raise FrameRefused("partial depth names no symbol: use the combined stream at `$`")
        symbol = stream.partition("@")[0].upper()
        return (depth_stated(data, f"binance:{symbol}"),)
    return _ticks(head, data)


def _depth_changed(update: DepthUpdate) -> DepthChanged:
    if not 0 <= update.U <= update.u:
        raise ValueError(f"changes {update.U} to {update.u} - at `$.U`")
    return DepthChanged(
        f"binance:{update.s}",
        unix_nanos(update.E),
        update.U,
        update.u,
        depth_side(update.b, "b"),
        depth_side(update.a, "a"),
    )


def _quoted(quote: BookTicker) -> ReferenceTick:
    """Return the middle of the best prices, rounded down to a millionth."""
    bid, ask = _price(quote.b, ".b"), _price(quote.a, ".a")
    if bid > ask:
        raise ValueError(f"bid {quote.b} is above ask {quote.a} - at `$.b`")
    at = quote.T if quote.T is not None else quote.E
    at_ns = None if at is None else unix_nanos(at)
    return ReferenceTick(f"binance:{quote.s}", at_ns, (bid + ask) // 2)


def _after(last: int) -> Nanos:
    """Return the instant after the ``last`` one of a candle, which is given in ms or µs."""
    at_ns = unix_nanos(last)
    return at_ns + at_ns // last


def _price(text: str, path: str) -> Money:
    try:
        return reference_price(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `${path}`") from None
