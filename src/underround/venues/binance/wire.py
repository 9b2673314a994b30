"""What Binance spot's streams send, as far as it is used (web-socket-streams.md, 2026-07)."""

from __future__ import annotations

import msgspec


class Head(msgspec.Struct, gc=False):
    """Enough to tell what a message is."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    e: str | None = None
    u: int | None = None
    b: msgspec.Raw = msgspec.Raw()
    lastUpdateId: int | None = None  # noqa: N815 - the venue's name
    result: msgspec.Raw = msgspec.Raw()
    code: int | None = None
    msg: str | None = None
    error: msgspec.Raw = msgspec.Raw()


class Trade(msgspec.Struct, gc=False):
    """``trade`` and ``aggTrade``."""

    s: str
    p: str
    T: int


class BookTicker(msgspec.Struct, gc=False):
    """``bookTicker``; spot states no time, only futures send ``T`` or ``E``."""

    s: str
    b: str
    a: str
    T: int | None = None
    E: int | None = None


class Bar(msgspec.Struct, gc=False):
    """The candle of a ``kline`` message."""

    t: int
    T: int
    s: str
    i: str
    o: str
    h: str
    l: str  # noqa: E741 - the venue's name
    c: str
    v: str
    n: int
    x: bool


class Kline(msgspec.Struct, gc=False):
    """``kline``."""

    s: str
    k: Bar


class DepthUpdate(msgspec.Struct, gc=False):
    """``depthUpdate``: the changes ``U`` … ``u``."""

    E: int
    s: str
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class Depth(msgspec.Struct, gc=False):
    """Partial depth streams and ``GET /api/v3/depth``; names no symbol."""

    lastUpdateId: int  # noqa: N815 - the venue's name
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
