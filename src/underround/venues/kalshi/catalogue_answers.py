"""Answers about series, events, markets and fee changes, as the venue states them.

Markets and events of a listing are decoded row by row: a row that is not as documented is left out
with its reason, the others stay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from underround.model.errors import AnswerRefused
from underround.venues.kalshi.fixed_point import (
    Contracts,
    Dollars,
    IsoTime,
    Ratio,
    Strike,
    UnitPrice,
    answer_decoder,
)
from underround.venues.kalshi.wire import Band

T = TypeVar("T")


class Source(msgspec.Struct, frozen=True):
    """Who decides a market."""

    name: str = ""
    url: str = ""


class SeriesAnswer(msgspec.Struct, frozen=True):
    """A series: what its events have in common, fees above all."""

    ticker: str
    title: str
    fee_type: str
    fee_multiplier: Ratio
    category: str = ""
    frequency: str = ""
    tags: tuple[str, ...] | None = ()
    settlement_sources: tuple[Source, ...] | None = ()
    contract_terms_url: str = ""
    exchange_index: int | None = None


class MarketAnswer(msgspec.Struct, frozen=True):
    """A market as it is listed; prices in it are indicative and not read."""

    ticker: str
    event_ticker: str
    market_type: str
    title: str
    yes_sub_title: str
    no_sub_title: str
    open_time: IsoTime
    close_time: IsoTime
    latest_expiration_time: IsoTime
    status: str
    result: str
    notional_value_dollars: Dollars
    price_ranges: tuple[Band, ...]
    rules_primary: str
    rules_secondary: str
    volume_fp: Contracts
    volume_24h_fp: Contracts
    can_close_early: bool
    expected_expiration_time: IsoTime | None = None
    settlement_ts: IsoTime | None = None
    settlement_value_dollars: UnitPrice | None = None
    settlement_bounds_type: str | None = None
    fee_waiver_expiration_time: IsoTime | None = None
    strike_type: str = ""
    floor_strike: Strike | None = None
    cap_strike: Strike | None = None
    exchange_index: int | None = None


class EventAnswer(msgspec.Struct, frozen=True):
    """An event: markets of one question."""

    event_ticker: str
    series_ticker: str
    title: str
    mutually_exclusive: bool
    sub_title: str = ""
    collateral_return_type: str = ""
    fee_type_override: str | None = None
    fee_multiplier_override: Ratio | None = None
    exchange_index: int | None = None
    markets: tuple[MarketAnswer, ...] | None = None


class SeriesFeeChange(msgspec.Struct, frozen=True):
    """Fees of a series from a time on."""

    id: str
    series_ticker: str
    fee_type: str
    fee_multiplier: Ratio
    scheduled_ts: IsoTime


class EventFeeChange(msgspec.Struct, frozen=True):
    """Fees of an event from a time on; ``None``: its series' again."""

    id: str
    event_ticker: str
    series_ticker: str
    scheduled_ts: IsoTime
    fee_type_override: str | None = None
    fee_multiplier_override: Ratio | None = None


class Rows(msgspec.Struct, Generic[T], frozen=True):
    """A page of a listing: what could be read, and how much was left out, by reason."""

    read: tuple[T, ...]
    refused: dict[str, int]


class _Series(msgspec.Struct):
    series: SeriesAnswer


class _AllSeries(msgspec.Struct):
    series: list[SeriesAnswer]


class _Market(msgspec.Struct):
    market: MarketAnswer


class _Markets(msgspec.Struct):
    markets: list[msgspec.Raw]


class _Event(msgspec.Struct):
    event: EventAnswer
    markets: tuple[MarketAnswer, ...] | None = None


class _Events(msgspec.Struct):
    events: list[msgspec.Raw]


class _SeriesChanges(msgspec.Struct):
    series_fee_change_arr: list[SeriesFeeChange] | None


class _EventChanges(msgspec.Struct):
    event_fee_changes: list[EventFeeChange] | None


_series = answer_decoder(_Series)
_all_series = answer_decoder(_AllSeries)
_market = answer_decoder(_Market)
_market_row = answer_decoder(MarketAnswer)
_markets = answer_decoder(_Markets)
_event = answer_decoder(_Event)
_event_row = answer_decoder(EventAnswer)
_events = answer_decoder(_Events)
_series_changes = answer_decoder(_SeriesChanges)
_event_changes = answer_decoder(_EventChanges)


def series(body: bytes, place: str) -> SeriesAnswer:
    """Return ``GET /series/{ticker}``."""
    return _series(body, place).series


def all_series(body: bytes, place: str) -> tuple[SeriesAnswer, ...]:
    """Return ``GET /series``, which has no pages."""
    return tuple(_all_series(body, place).series)


def market(body: bytes, place: str) -> MarketAnswer:
    """Return ``GET /markets/{ticker}`` or its historical twin."""
    return _market(body, place).market


def markets(body: bytes, place: str) -> Rows[MarketAnswer]:
    """Return one page of ``GET /markets`` or ``/historical/markets``, row by row."""
    return _each(_markets(body, place).markets, _market_row, place)


def event(body: bytes, place: str) -> EventAnswer:
    """Return ``GET /events/{ticker}``, its markets inside it wherever the answer has them."""
    told = _event(body, place)
    if told.event.markets is None and told.markets is not None:
        return msgspec.structs.replace(told.event, markets=told.markets)
    return told.event


def events(body: bytes, place: str) -> Rows[EventAnswer]:
    """Return one page of ``GET /events``, row by row."""
    return _each(_events(body, place).events, _event_row, place)


def series_fee_changes(body: bytes, place: str) -> tuple[SeriesFeeChange, ...]:
    """Return ``GET /series/fee_changes``."""
    return tuple(_series_changes(body, place).series_fee_change_arr or ())


def event_fee_changes(body: bytes, place: str) -> tuple[EventFeeChange, ...]:
    """Return one page of ``GET /events/fee_changes``."""
    return tuple(_event_changes(body, place).event_fee_changes or ())


def _each(rows: list[msgspec.Raw], decode: Callable[[msgspec.Raw, str], T], place: str) -> Rows[T]:
    read: list[T] = []
    refused: dict[str, int] = {}
    for row in rows:
        try:
            read.append(decode(row, place))
        except AnswerRefused as error:
            refused[str(error)] = refused.get(str(error), 0) + 1
    return Rows(tuple(read), refused)
