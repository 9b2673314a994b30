"""Wire-format payloads rebuilt from rows, exactly as the venues write them.

Polymarket: the market channel as documented for 2025-09 and later (``price_changes``), the older
``changes`` form, and ``/book`` bodies.  Kalshi: WebSocket envelopes and ``/markets/orderbooks``.
A key whose value the source does not have is left out, never invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

encode: Final = msgspec.json.Encoder().encode
"""Compact JSON; keys in the order given."""

Levels = Sequence[tuple[str, str]]
"""(price, size) as text."""
BUYING: Final = frozenset({"BUY", "BID", "buy", "bid"})
SELLING: Final = frozenset({"SELL", "ASK", "sell", "ask"})


def side_word(text: str) -> str | None:
    """Return ``BUY`` or ``SELL`` for any of the usual labels, ``None`` for another."""
    if text in BUYING:
        return "BUY"
    return "SELL" if text in SELLING else None


def price_change(market: str, at_ms: int, changes: Iterable[Mapping[str, str]]) -> bytes:
    """Return a ``price_change`` message in the schema of 2025-09-15."""
    return encode(
        {
            "market": market,
            "price_changes": list(changes),
            "timestamp": str(at_ms),
            "event_type": "price_change",
        }
    )


def old_price_change(
    market: str, token: str, at_ms: int, venue_hash: str, changes: Iterable[Mapping[str, str]]
) -> bytes:
    """Return a ``price_change`` message in the schema before 2025-09-15 (``changes``)."""
    return encode(
        {
            "asset_id": token,
            "changes": list(changes),
            "event_type": "price_change",
            "hash": venue_hash,
            "market": market,
            "timestamp": str(at_ms),
        }
    )


def trade(market: str, token: str, at_ms: int, price: str, size: str, side: str) -> bytes:
    """Return a ``last_trade_price`` message; ``side`` is what the taker did."""
    return encode(
        {
            "market": market,
            "asset_id": token,
            "price": price,
            "size": size,
            "side": side,
            "timestamp": str(at_ms),
            "event_type": "last_trade_price",
        }
    )


def book(
    market: str,
    token: str,
    at_ms: int,
    bids: Levels,
    asks: Levels,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """Return a ``book`` message; the best level is the last one of each side."""
    return encode(
        {
            "market": market,
            "asset_id": token,
            "timestamp": str(at_ms),
            **(extra or {}),
            "bids": _levels(bids),
            "asks": _levels(asks),
            "event_type": "book",
        }
    )


def rest_book(
    market: str, token: str, at_ms: int, bids: Levels, asks: Levels, extra: Mapping[str, str]
) -> bytes:
    """Return a REST ``/book`` body without the fields that nobody recorded."""
    return encode(
        {
            "market": market,
            "asset_id": token,
            "timestamp": str(at_ms),
            "bids": _levels(bids),
            "asks": _levels(asks),
            **extra,
        }
    )


def kalshi_message(
    kind: str, sid: int, seq: int | None, message: msgspec.Raw | Mapping[str, object]
) -> bytes:
    """Return a Kalshi WebSocket envelope around ``message``; ``seq`` where the channel has it."""
    if seq is None:
        return encode({"type": kind, "sid": sid, "msg": message})
    return encode({"type": kind, "sid": sid, "seq": seq, "msg": message})


def kalshi_orderbooks(books: Iterable[tuple[str, Levels, Levels]]) -> bytes:
    """Return a ``/markets/orderbooks`` body: (ticker, YES bids, NO bids), each ascending."""
    return encode(
        {
            "orderbooks": [
                {"ticker": ticker, "orderbook_fp": {"yes_dollars": yes, "no_dollars": no}}
                for ticker, yes, no in books
            ]
        }
    )


def _levels(levels: Levels) -> list[dict[str, str]]:
    return [{"price": price, "size": size} for price, size in levels]
