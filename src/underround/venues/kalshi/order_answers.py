"""Answers to order writes (V2), as values; a batch row by row."""

from __future__ import annotations

from typing import Any

import msgspec

from underround.model.account import PlacementState
from underround.model.errors import AnswerRefused, UnderroundError
from underround.model.units import Money, Nanos, Price, Size
from underround.venues.kalshi.fixed_point import (
    Contracts,
    Dollars,
    UnitPrice,
    UnixMillis,
    answer_decoder,
    contradiction,
)
from underround.venues.kalshi.refusals import fault_from, row_refusal


class Taken(msgspec.Struct, frozen=True):
    """A create that the venue took: what matched at once and what rests."""

    native: str
    client: str | None
    filled: Size
    remaining: Size
    average_price: Price | None
    """In YES terms, over what matched at once; the fills themselves say it exactly."""
    average_fee: Money | None
    """Per contract."""
    at_ns: Nanos

    @property
    def state(self) -> PlacementState:
        """``live`` while something of it rests."""
        return "live" if self.remaining else "matched"


class Amended(msgspec.Struct, frozen=True):
    """An amend that was done; ``None`` where nothing filled and the size stayed."""

    native: str
    client: str | None
    filled: Size | None
    """What the amend itself matched."""
    remaining: Size | None
    at_ns: Nanos


class Decreased(msgspec.Struct, frozen=True):
    """A decrease that was done."""

    native: str
    remaining: Size
    at_ns: Nanos


class CancelRow(msgspec.Struct, frozen=True):
    """What became of one cancel."""

    native: str
    reduced_by: Size
    """What left the book; 0: nothing of it rested any more."""
    refusal: str = ""


class _Create(msgspec.Struct):
    order_id: str
    fill_count: Contracts
    remaining_count: Contracts
    ts_ms: UnixMillis
    client_order_id: str | None = None
    average_fill_price: UnitPrice | None = None
    average_fee_paid: Dollars | None = None


class _Amend(msgspec.Struct):
    order_id: str
    ts_ms: UnixMillis
    client_order_id: str | None = None
    fill_count: Contracts | None = None
    remaining_count: Contracts | None = None


class _Decrease(msgspec.Struct):
    order_id: str
    remaining_count: Contracts
    ts_ms: UnixMillis


class _Cancel(msgspec.Struct):
    order_id: str
    reduced_by: Contracts
    error: Any = None


class _Row(msgspec.Struct):
    client_order_id: str | None = None
    error: Any = None


class _Batch(msgspec.Struct):
    orders: list[msgspec.Raw]


class _Cancels(msgspec.Struct):
    orders: list[_Cancel]


_create = answer_decoder(_Create)
_amend = answer_decoder(_Amend)
_decrease = answer_decoder(_Decrease)
_cancel = answer_decoder(_Cancel)
_row = answer_decoder(_Row)
_batch = answer_decoder(_Batch)
_cancels = answer_decoder(_Cancels)


def created(body: bytes | msgspec.Raw, place: str) -> Taken:
    """Return the answer to a create, or one row of a batch without an error."""
    told = _create(body, place)
    if not told.order_id:
        raise contradiction(place, "an order without id")
    return Taken(
        told.order_id,
        told.client_order_id,
        told.fill_count,
        told.remaining_count,
        told.average_fill_price,
        told.average_fee_paid,
        told.ts_ms,
    )


def batch_created(body: bytes, place: str) -> list[tuple[str | None, Taken | UnderroundError]]:
    """Return each row of a batch create in order: our id as far as it is stated, and the truth.

    A row that cannot be read is an ``AnswerRefused`` of its own: what became of it is not known.
    """
    rows: list[tuple[str | None, Taken | UnderroundError]] = []
    for index, raw in enumerate(_batch(body, place).orders):
        where = f"{place}, row {index}"
        client: str | None = None
        try:
            told = _row(raw, where)
            client = told.client_order_id or None
            if told.error is not None:
                rows.append((client, row_refusal(fault_from(told.error), where)))
            else:
                rows.append((client, created(raw, where)))
        except AnswerRefused as error:
            rows.append((client, error))
    return rows


def amended(body: bytes, place: str) -> Amended:
    """Return the answer to an amend."""
    told = _amend(body, place)
    return Amended(
        told.order_id, told.client_order_id, told.fill_count, told.remaining_count, told.ts_ms
    )


def decreased(body: bytes, place: str) -> Decreased:
    """Return the answer to a decrease."""
    told = _decrease(body, place)
    return Decreased(told.order_id, told.remaining_count, told.ts_ms)


def cancelled(body: bytes, place: str) -> CancelRow:
    """Return the answer to a cancel."""
    return _cancel_row(_cancel(body, place))


def batch_cancelled(body: bytes, place: str) -> tuple[CancelRow, ...]:
    """Return each row of a batch cancel."""
    return tuple(_cancel_row(each) for each in _cancels(body, place).orders)


def _cancel_row(told: _Cancel) -> CancelRow:
    refusal = "" if told.error is None else fault_from(told.error).told
    if not refusal and not told.reduced_by:
        refusal = "nothing of it rested any more"
    return CancelRow(told.order_id, told.reduced_by, refusal)
