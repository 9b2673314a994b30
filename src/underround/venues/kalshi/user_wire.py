"""The messages of Kalshi's private channels as the venue writes them; only what is read."""

from __future__ import annotations

from typing import Literal

import msgspec

from underround.venues.kalshi.sides import BookSide, OutcomeSide


class Fill(msgspec.Struct, gc=False):
    """Part of an order of ours that matched; ``fee_cost`` and counts are text."""

    trade_id: str
    order_id: str
    market_ticker: str
    outcome_side: OutcomeSide
    book_side: BookSide
    is_taker: bool
    count_fp: str
    yes_price_dollars: str
    fee_cost: str
    ts_ms: int
    client_order_id: str = ""


class FillFrame(msgspec.Struct, tag_field="type", tag="fill", gc=False):
    """``fill``."""

    msg: Fill


class UserOrder(msgspec.Struct, gc=False):
    """An order of ours as it is now."""

    order_id: str
    ticker: str
    status: Literal["resting", "canceled", "executed"]
    outcome_side: OutcomeSide
    yes_price_dollars: str
    initial_count_fp: str
    fill_count_fp: str
    remaining_count_fp: str
    created_ts_ms: int
    book_side: BookSide | None = None
    client_order_id: str = ""
    last_updated_ts_ms: int | None = None
    expiration_ts_ms: int | None = None
    last_update_reason: str | None = None


class UserOrderFrame(msgspec.Struct, tag_field="type", tag="user_order", gc=False):
    """``user_order``, of the channel ``user_orders``."""

    msg: UserOrder


class Position(msgspec.Struct, gc=False):
    """What we hold of a market: above 0 YES, below 0 NO."""

    market_ticker: str
    position_fp: str


class PositionFrame(msgspec.Struct, tag_field="type", tag="market_position", gc=False):
    """``market_position``, of the channel ``market_positions``."""

    msg: Position


class GroupUpdate(msgspec.Struct, gc=False):
    """An order group's life; ``event_type`` is kept as it is written."""

    event_type: str
    order_group_id: str
    contracts_limit_fp: str | None = None
    ts_ms: int | None = None


class GroupFrame(msgspec.Struct, tag_field="type", tag="order_group_updates", gc=False):
    """``order_group_updates``."""

    msg: GroupUpdate
