"""Kalshi's candles, whose live and archived forms differ in the names of their fields."""

from __future__ import annotations

from typing import Literal

import msgspec

from underround.model.units import Nanos, Price, Size
from underround.venues.kalshi.fixed_point import (
    Contracts,
    UnitPrice,
    UnixSeconds,
    answer_decoder,
    contradiction,
)


class Bar(msgspec.Struct, frozen=True):
    """First, highest, lowest and last price of one period, of YES."""

    open: Price
    high: Price
    low: Price
    close: Price


class Candle(msgspec.Struct, frozen=True):
    """One period; quotes are bars of the best bid and ask, with 0 and 1 for an empty side."""

    end_ns: Nanos
    trades: Bar | None
    """``None``: nothing traded."""
    mean: Price | None
    previous: Price | None
    """The last traded price before the period; ``None``: never traded."""
    bid: Bar
    ask: Bar
    volume: Size
    open_interest: Size


class _LiveBar(msgspec.Struct, rename=lambda name: f"{name}_dollars"):
    open: UnitPrice | None = None
    high: UnitPrice | None = None
    low: UnitPrice | None = None
    close: UnitPrice | None = None
    mean: UnitPrice | None = None
    previous: UnitPrice | None = None


class _OldBar(msgspec.Struct):
    open: UnitPrice | None = None
    high: UnitPrice | None = None
    low: UnitPrice | None = None
    close: UnitPrice | None = None
    mean: UnitPrice | None = None
    previous: UnitPrice | None = None


class _LiveCandle(msgspec.Struct):
    end_period_ts: UnixSeconds
    price: _LiveBar
    yes_bid: _LiveBar
    yes_ask: _LiveBar
    volume: Contracts = msgspec.field(name="volume_fp")
    open_interest: Contracts = msgspec.field(name="open_interest_fp")


class _OldCandle(msgspec.Struct):
    end_period_ts: UnixSeconds
    price: _OldBar
    yes_bid: _OldBar
    yes_ask: _OldBar
    volume: Contracts
    open_interest: Contracts


class _LiveCandles(msgspec.Struct):
    candlesticks: list[_LiveCandle]


class _OldCandles(msgspec.Struct):
    candlesticks: list[_OldCandle]


_live_candles = answer_decoder(_LiveCandles)
_old_candles = answer_decoder(_OldCandles)


def candles(body: bytes, place: str, form: Literal["live", "historical"]) -> tuple[Candle, ...]:
    """Return candles; ``historical`` ones have keys without ``_dollars`` and ``_fp``."""
    if form == "live":
        return tuple(_candle(each, place) for each in _live_candles(body, place).candlesticks)
    return tuple(_candle(each, place) for each in _old_candles(body, place).candlesticks)


def _candle(told: _LiveCandle | _OldCandle, place: str) -> Candle:
    bid, ask = _bar(told.yes_bid, place), _bar(told.yes_ask, place)
    if bid is None or ask is None:
        raise contradiction(place, "a candle without quotes")
    return Candle(
        told.end_period_ts,
        _bar(told.price, place),
        told.price.mean,
        told.price.previous,
        bid,
        ask,
        told.volume,
        told.open_interest,
    )


def _bar(told: _LiveBar | _OldBar, place: str) -> Bar | None:
    stated = (told.open, told.high, told.low, told.close)
    if all(price is None for price in stated):
        return None
    first, high, low, last = stated
    if first is None or high is None or low is None or last is None:
        raise contradiction(place, "a candle with some of its prices only")
    if not low <= first <= high or not low <= last <= high:
        raise contradiction(place, f"a candle whose prices leave {low} … {high}")
    return Bar(first, high, low, last)
