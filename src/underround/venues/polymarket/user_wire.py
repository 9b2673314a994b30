"""The messages of the user channel as the venue writes them.

Only the fields that are read.  Numbers are text on this wire; ``bucket_index`` alone is a number.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

SideWord: TypeAlias = Literal["BUY", "SELL"]


class MakerOrder(msgspec.Struct, gc=False):
    """One resting order that a trade took from; everything in it is the maker's own."""

    order_id: str
    owner: str
    """API key of the maker."""
    matched_amount: str
    """Shares."""
    price: str
    asset_id: str
    maker_address: str = ""
    outcome: str = ""
    side: SideWord | None = None
    """Left out until 2025."""


class TradeRow(msgspec.Struct, gc=False):
    """``trade``, and a row of ``GET /data/trades``: told again for each step of its settlement.

    ``side``, ``asset_id``, ``size`` and ``price`` are the taker's.
    """

    id: str
    taker_order_id: str
    market: str
    asset_id: str
    side: SideWord
    size: str
    price: str
    """Not what the taker paid: that is what each maker asked (see ``user_codec``)."""
    status: str
    owner: str
    """API key of the taker."""
    bucket_index: int
    trader_side: Literal["TAKER", "MAKER"]
    """What we are in this match."""
    maker_orders: list[MakerOrder]
    maker_address: str = ""
    """The taker's wallet, in spite of its name."""
    outcome: str = ""
    match_time: str | None = None
    matchtime: str | None = None
    """The same under the name of the documentation."""
    last_update: str | None = None
    timestamp: str | None = None


class OrderRow(msgspec.Struct, gc=False):
    """``order``: one of our orders was placed, matched in part, or left the book."""

    id: str
    owner: str
    market: str
    asset_id: str
    side: SideWord
    original_size: str
    """Shares; for a FOK or FAK buy the dollars to spend."""
    size_matched: str
    """May be empty: nothing."""
    price: str
    type: Literal["PLACEMENT", "UPDATE", "CANCELLATION"]
    timestamp: str
    status: str = ""
    maker_address: str = ""


class Head(msgspec.Struct, gc=False):
    """Enough to tell what a message is; one capture of 2026-03 has no ``event_type``."""

    event_type: str | None = None
    type: str | None = None
    error: str | None = None
