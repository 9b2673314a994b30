"""The messages of Kalshi's WebSocket and order book requests as the venue writes them.

Only the fields that are read.  Prices (``_dollars``) and quantities (``_fp``) are text; the old
integer twins are not read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

YesNo = Literal["yes", "no"]
Pair = tuple[str, str]
"""Price and quantity of one level."""


class Head(msgspec.Struct, gc=False):
    """Enough to tell what a message is; ``sid`` and ``seq`` of acknowledgements."""

    type: str | None = None
    sid: int | None = None
    seq: int | None = None


class Delta(msgspec.Struct, gc=False):
    """A signed change of one level; ``price_dollars`` is in the terms of ``side``."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: YesNo
    ts: int | str | None = None
    ts_ms: int | None = None


class DeltaFrame(msgspec.Struct, tag_field="type", tag="orderbook_delta", gc=False):
    """``orderbook_delta``."""

    sid: int
    seq: int
    msg: Delta


class Snapshot(msgspec.Struct, gc=False):
    """A whole book; the key of an empty side is left out."""

    market_ticker: str
    yes_dollars_fp: list[Pair] = []
    no_dollars_fp: list[Pair] = []


class SnapshotFrame(msgspec.Struct, tag_field="type", tag="orderbook_snapshot", gc=False):
    """``orderbook_snapshot``."""

    sid: int
    seq: int
    msg: Snapshot


class Ticker(msgspec.Struct, gc=False):
    """Best prices; the sizes tell whether a side is empty."""

    market_ticker: str
    yes_bid_dollars: str
    yes_ask_dollars: str
    yes_bid_size_fp: str | None = None
    yes_ask_size_fp: str | None = None
    ts: int | str | None = None
    ts_ms: int | None = None


class TickerFrame(msgspec.Struct, tag_field="type", tag="ticker", gc=False):
    """``ticker``."""

    msg: Ticker


class Trade(msgspec.Struct, gc=False):
    """A public trade; ``taker_side`` is the older name of ``taker_outcome_side``."""

    market_ticker: str
    yes_price_dollars: str
    no_price_dollars: str
    count_fp: str
    taker_side: YesNo | None = None
    taker_outcome_side: YesNo | None = None
    taker_book_side: Literal["bid", "ask"] | None = None
    is_block_trade: bool = False
    ts: int | str | None = None
    ts_ms: int | None = None


class TradeFrame(msgspec.Struct, tag_field="type", tag="trade", gc=False):
    """``trade``; numbered on the wire, but on a subscription of its own."""

    msg: Trade


class Band(msgspec.Struct, gc=False):
    """One band of the price grid."""

    start: str
    end: str
    step: str


class Names(msgspec.Struct, gc=False):
    """The part of ``additional_metadata`` that is read."""

    title: str = ""


class Life(msgspec.Struct, gc=False):
    """``market_lifecycle_v2``: which fields are present depends on ``event_type``."""

    market_ticker: str
    event_type: str
    result: str | None = None
    settlement_value: str | None = None
    determination_ts: int | None = None
    close_ts: int | None = None
    price_ranges: list[Band] | None = None
    additional_metadata: Names | None = None
    ts_ms: int | None = None
    sending_ts_ms: int | None = None


class LifeFrame(msgspec.Struct, tag_field="type", tag="market_lifecycle_v2", gc=False):
    """``market_lifecycle_v2``."""

    msg: Life
    sending_ts_ms: int | None = None


class FeeUpdate(msgspec.Struct, gc=False):
    """Fees of every market of an event change; ``null``: its series' hold again.

    The multiplier is a JSON number and is read as it was written.
    """

    event_ticker: str
    fee_type_override: str | None = None
    fee_multiplier_override: msgspec.Raw = msgspec.Raw()
    ts_ms: int | None = None


class FeeUpdateFrame(msgspec.Struct, tag_field="type", tag="event_fee_update", gc=False):
    """``event_fee_update``."""

    msg: FeeUpdate
    sending_ts_ms: int | None = None


class IndexMean(msgspec.Struct, gc=False):
    """The mean of an index over a span; the end is not in it."""

    value: str
    window_start_ts_ms: int
    window_end_ts_exclusive: int


class IndexPrice(msgspec.Struct, gc=False):
    """An index of CF Benchmarks; ``data`` is the administrator's own message, JSON as text."""

    index_id: str
    data: str
    avg_60s_data: IndexMean | None = None


class IndexFrame(msgspec.Struct, tag_field="type", tag="cfbenchmarks_value", gc=False):
    """``cfbenchmarks_value``; numbered on the wire, but on a subscription of its own."""

    msg: IndexPrice


class IndexValue(msgspec.Struct, tag_field="type", tag="value", gc=False):
    """What ``data`` holds."""

    id: str
    time: int
    value: str


class Subscribed(msgspec.Struct, gc=False):
    """The venue names a subscription."""

    channel: str
    sid: int


class SubscribedFrame(msgspec.Struct, tag_field="type", tag="subscribed", gc=False):
    """``subscribed``; it uses no number."""

    msg: Subscribed


class Error(msgspec.Struct, gc=False):
    """What the venue did not like."""

    code: int
    msg: str
    market_ticker: str = ""


class ErrorFrame(msgspec.Struct, tag_field="type", tag="error", gc=False):
    """``error``."""

    msg: Error


class RequestLevels(msgspec.Struct, gc=False):
    """``orderbook_fp`` of a request; both keys are always there."""

    yes_dollars: list[Pair]
    no_dollars: list[Pair]


class RequestedBook(msgspec.Struct, gc=False):
    """One book of ``GET /markets/orderbooks``."""

    ticker: str
    orderbook_fp: RequestLevels


class RequestBody(msgspec.Struct, gc=False):
    """Body of ``/markets/{ticker}/orderbook``, ``/markets/orderbooks`` or of an error."""

    ticker: str | None = None
    orderbook_fp: RequestLevels | None = None
    orderbooks: list[RequestedBook] | None = None
    error: msgspec.Raw = msgspec.Raw()
