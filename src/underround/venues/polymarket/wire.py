"""The messages of the market channel and of ``/book`` as the venue writes them.

Only the fields that are read; fields in wire order, which msgspec matches fastest.  Numbers are
text on this wire: a JSON number where text belongs is refused.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Head(msgspec.Struct, gc=False):
    """Enough to tell what a message is; an empty ``Raw`` is an absent field."""

    event_type: str | None = None
    price_changes: msgspec.Raw = msgspec.Raw()
    changes: msgspec.Raw = msgspec.Raw()
    bids: msgspec.Raw = msgspec.Raw()
    error: str | None = None


class Change(msgspec.Struct, gc=False):
    """One entry of ``price_changes[]``; best prices came with the schema of 2025-09."""

    asset_id: str
    price: str
    size: str
    side: str
    hash: str | None = None
    best_bid: str | None = None
    best_ask: str | None = None


class PriceChanges(msgspec.Struct, tag_field="event_type", tag="price_change", gc=False):
    """``price_change`` since 2025-09-15."""

    market: str
    price_changes: list[Change]
    timestamp: str


class BareChange(msgspec.Struct, gc=False):
    """One entry of ``changes[]``."""

    price: str
    size: str
    side: str


class BareChanges(msgspec.Struct, gc=False):
    """``price_change`` until 2025-09-15: several levels of one token."""

    asset_id: str
    market: str
    timestamp: str
    changes: list[BareChange]
    hash: str | None = None


class FlatChange(msgspec.Struct, gc=False):
    """``price_change`` of 2024: one level."""

    asset_id: str
    market: str
    timestamp: str
    price: str
    size: str
    side: str
    hash: str | None = None


class Level(msgspec.Struct, gc=False):
    """One level of a book."""

    price: str
    size: str


class BookMessage(msgspec.Struct, gc=False):
    """``book`` of the stream and the body of ``/book``; the stream leaves the last three out."""

    market: str
    asset_id: str
    timestamp: str
    bids: list[Level]
    asks: list[Level]
    hash: str | None = None
    tick_size: str | None = None
    last_trade_price: str | None = None
    version: str | None = None
    min_order_size: str | None = None
    neg_risk: bool | None = None


class LastTrade(msgspec.Struct, gc=False):
    """``last_trade_price``: a trade; ``side`` is the taker's."""

    market: str
    asset_id: str
    price: str
    size: str
    side: Literal["BUY", "SELL"]
    timestamp: str


class TickSizeChange(msgspec.Struct, gc=False):
    """``tick_size_change``: comes once per token."""

    market: str
    asset_id: str
    new_tick_size: str
    timestamp: str


class BestBidAsk(msgspec.Struct, gc=False):
    """``best_bid_ask``; empty text: the side is empty."""

    market: str
    asset_id: str
    best_bid: str
    best_ask: str
    timestamp: str


class NewMarket(msgspec.Struct, gc=False):
    """``new_market``: sent for every market of the venue."""

    market: str
    question: str


class Resolved(msgspec.Struct, gc=False):
    """``market_resolved``."""

    market: str
    winning_asset_id: str
    timestamp: str
