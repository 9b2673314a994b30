"""Frames of Binance spot's public streams → reference prices.

``trade`` and ``aggTrade`` carry the time of the trade.  A spot ``bookTicker`` states none, and none
is made up: its tick has no time of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import FrameRefused
from underround.model.events import MarketEvent, ReferenceTick
from underround.model.units import Money
from underround.venues.codec import Tokens, reference_price, refused, unix_nanos

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


class _Head(msgspec.Struct, gc=False):
    """Enough to tell what a message is."""

    data: msgspec.Raw = msgspec.Raw()
    e: str | None = None
    u: int | None = None
    b: msgspec.Raw = msgspec.Raw()
    lastUpdateId: int | None = None  # noqa: N815 - the venue's name
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    msg: str | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Trade(msgspec.Struct, gc=False):
    """``trade`` and ``aggTrade``."""

    s: str
    p: str
    T: int


class _BookTicker(msgspec.Struct, gc=False):
    """``bookTicker``; spot states no time, only futures send ``T`` or ``E``."""

    s: str
    b: str
    a: str
    T: int | None = None
    E: int | None = None


_head = msgspec.json.Decoder(_Head).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_trade = msgspec.json.Decoder(_Trade).decode
_book_ticker = msgspec.json.Decoder(_BookTicker).decode


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
                    events.extend(_read(_head(bytes(part)), bytes(part)))
                return events
            head = _head(text)
            if bytes(head.data):
                where = ".data"
                text = bytes(head.data)
                head = _head(text)
            return _read(head, text)
        except (ValueError, RecursionError) as error:
            raise refused(error, where) from None


def _read(head: _Head, data: bytes) -> Sequence[MarketEvent]:
    if head.e in {"trade", "aggTrade"}:
        trade = _trade(data)
        return (ReferenceTick(f"binance:{trade.s}", unix_nanos(trade.T), _price(trade.p, "p")),)
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


def _quoted(quote: _BookTicker) -> ReferenceTick:
    """Return the middle of the best prices, rounded down to a millionth."""
    bid, ask = _price(quote.b, "b"), _price(quote.a, "a")
    if bid > ask:
        raise ValueError(f"bid {quote.b} is above ask {quote.a} - at `$.b`")
    at = quote.T if quote.T is not None else quote.E
    at_ns = None if at is None else unix_nanos(at)
    return ReferenceTick(f"binance:{quote.s}", at_ns, (bid + ask) // 2)


def _price(text: str, key: str) -> Money:
    try:
        return reference_price(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.{key}`") from None
