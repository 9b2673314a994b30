"""The rows of Gamma as the venue writes them: only the fields that are read.

What decides about money or about what may be traded is required: a row without it is refused.
Traps of this wire: lists as JSON text inside a string; money as JSON doubles, kept as ``Raw`` so
that their text is read exactly; three ways to write a time.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal
from typing import Final

import msgspec

from underround.model.units import Money, Nanos, parse_micros
from underround.venues.codec import iso_nanos
from underround.venues.polymarket.numbers import absent, micros
from underround.venues.polymarket.numbers import exact as exact_decimal

_SPACED: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)\+00", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MICRO: Final = Decimal("0.000001")
_LARGEST: Final = Decimal(10**12)

texts = msgspec.json.Decoder(list[str]).decode
"""Decode a list of strings that is written as JSON text inside a string."""


class FeeSchedule(msgspec.Struct, gc=False, rename="camel"):
    """``feeSchedule``: the curve of ``PolymarketFees``."""

    rate: msgspec.Raw
    exponent: msgspec.Raw
    taker_only: bool
    rebate_rate: msgspec.Raw


class CryptoConfig(msgspec.Struct, gc=False, rename="camel"):
    """``cryptoMarketConfig``: what a rolling up-or-down market resolves on."""

    asset: str
    duration: str
    twap_enabled: bool
    twap_lookback_seconds: int | None = None


class Reward(msgspec.Struct, gc=False, rename="camel"):
    """One entry of ``clobRewards``; both days are included."""

    rewards_daily_rate: msgspec.Raw
    start_date: str
    end_date: str | None = None


class TagRow(msgspec.Struct, frozen=True, gc=False):
    """A tag; ``id`` is what ``tag_id`` filters by."""

    id: str
    slug: str
    label: str


class SeriesRow(msgspec.Struct, frozen=True, gc=False):
    """A series of events."""

    id: str
    slug: str
    title: str
    recurrence: str | None = None


class EventHead(msgspec.Struct, rename="camel"):
    """An event without its markets, as it comes inside a market's row."""

    id: str
    slug: str
    title: str
    neg_risk: bool | None = None
    enable_neg_risk: bool | None = None
    neg_risk_augmented: bool | None = None
    series_slug: str | None = None
    series: list[SeriesRow] | None = None
    tags: list[TagRow] | None = None


class EventRow(EventHead, kw_only=True):
    """An event with its markets."""

    markets: list[msgspec.Raw]


class MarketRow(msgspec.Struct, rename="camel"):
    """A market; what has a default may be absent or ``null``."""

    condition_id: str
    slug: str
    question: str
    description: str
    outcomes: str
    closed: bool
    enable_order_book: bool
    accepting_orders: bool
    neg_risk: bool
    fees_enabled: bool
    order_price_min_tick_size: msgspec.Raw
    order_min_size: msgspec.Raw
    clob_token_ids: str | None = None
    position_ids: list[str] | None = None
    version: str | None = None
    outcome_prices: str | None = None
    archived: bool | None = None
    active: bool | None = None
    resolution_source: str | None = None
    neg_risk_other: bool | None = None
    group_item_title: str | None = None
    fee_type: str | None = None
    fee_schedule: FeeSchedule | None = None
    seconds_delay: int | None = None
    rewards_min_size: msgspec.Raw = msgspec.Raw()
    rewards_max_spread: msgspec.Raw = msgspec.Raw()
    clob_rewards: list[Reward] | None = None
    uma_resolution_status: str | None = None
    uma_resolution_statuses: str | None = None
    resolution_status: str | None = None
    end_date: str | None = None
    event_start_time: str | None = None
    game_start_time: str | None = None
    accepting_orders_timestamp: str | None = None
    closed_time: str | None = None
    updated_at: str | None = None
    liquidity: str | None = None
    volume: str | None = None
    volume_24h: msgspec.Raw = msgspec.field(name="volume24hr", default_factory=msgspec.Raw)
    crypto_market_config: CryptoConfig | None = None
    events: list[EventHead] | None = None
    tags: list[TagRow] | None = None


class MarketsPage(msgspec.Struct):
    """One page of ``/markets/keyset``."""

    markets: list[msgspec.Raw]
    next_cursor: str | None = None


class EventsPage(msgspec.Struct):
    """One page of ``/events/keyset``."""

    events: list[msgspec.Raw]
    next_cursor: str | None = None


class SearchPages(msgspec.Struct, rename="camel"):
    """``pagination`` of a search."""

    has_more: bool


class SearchPage(msgspec.Struct):
    """One page of ``/public-search``; without a hit there may be no list of events."""

    pagination: SearchPages
    events: list[msgspec.Raw] | None = None


def exact(raw: msgspec.Raw) -> int | None:
    """Return a JSON number in millionths, exactly; ``None`` where it is absent or ``null``.

    Raises ``ValueError`` for a finer one, and for a string where a number belongs.
    """
    return None if absent(raw) else micros(_number(raw))


def indicative(text: str | None) -> Money | None:
    """Return an indicative amount in micro-dollars, cut after the sixth decimal.

    Volume and liquidity are sums of doubles on this wire; nothing is decided to the last digit.
    """
    return _cut(msgspec.Raw(text.encode())) if text else None


def indicative_number(raw: msgspec.Raw) -> Money | None:
    """Return ``indicative`` of a JSON number."""
    return None if absent(raw) else _cut(_number(raw))


def _number(raw: msgspec.Raw) -> msgspec.Raw:
    if bytes(raw)[:1] == b'"':
        raise ValueError("text where a number belongs")
    return raw


def _cut(raw: msgspec.Raw) -> Money:
    amount = exact_decimal(raw)
    if not 0 <= amount < _LARGEST:
        raise ValueError("not an amount of dollars")
    return parse_micros(format(amount.quantize(_MICRO, rounding=ROUND_DOWN), "f"))


def stamp(text: str | None) -> Nanos | None:
    """Return a time as any of Gamma's fields writes it; ``None`` where it is absent or empty.

    ``2026-10-05T23:15:00Z``, ``2026-07-24 00:00:16+00`` or a day, which means its first moment.
    """
    if not text:
        return None
    spaced = _SPACED.fullmatch(text)
    if spaced is not None:
        text = f"{spaced[1]}T{spaced[2]}Z"
    elif _DAY.fullmatch(text):
        text = f"{text}T00:00:00Z"
    return iso_nanos(text)
