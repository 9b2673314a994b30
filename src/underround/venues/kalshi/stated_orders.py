"""Our orders and fills as Kalshi states them when asked.

Each is stated as a purchase: a bid buys YES, an ask buys NO at one minus the YES price
(``sides.py``).  Whoever knows that the order was a sale restates it with ``orders.in_own_terms``.
Pages here are strict: one row that cannot be read refuses the page, for each of them is money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from underround.model.account import StatedFill, StatedOrder
from underround.model.account import StatedState as State
from underround.model.ids import FillId, OrderId
from underround.model.units import ONE
from underround.venues.kalshi.fixed_point import (
    Contracts,
    Dollars,
    IsoTime,
    UnitPrice,
    answer_decoder,
    contradiction,
    plain,
)
from underround.venues.kalshi.sides import (
    BookSide,
    OutcomeSide,
    as_purchase,
    direction,
    mirrored,
)

OrderStatus: TypeAlias = Literal["resting", "canceled", "executed"]
"""The venue's words for an order."""


def fill_id(trade: str, order: str) -> FillId:
    """Return the id of our part in a trade: one trade may fill two of our orders."""
    return FillId(f"{trade}:{order}")


# --- orders ------------------------------------------------------------------------------------


class _Order(msgspec.Struct):
    order_id: str
    client_order_id: str
    ticker: str
    outcome_side: OutcomeSide
    status: OrderStatus
    yes_price_dollars: UnitPrice
    no_price_dollars: UnitPrice
    initial_count_fp: Contracts
    fill_count_fp: Contracts
    remaining_count_fp: Contracts
    created_time: IsoTime
    book_side: BookSide | None = None
    expiration_time: IsoTime | None = None
    last_update_time: IsoTime | None = None


class _Orders(msgspec.Struct):
    orders: list[_Order]


class _OneOrder(msgspec.Struct):
    order: _Order


_orders = answer_decoder(_Orders)
_one_order = answer_decoder(_OneOrder)


def orders(body: bytes, place: str) -> tuple[StatedOrder, ...]:
    """Return one page of ``GET /portfolio/orders`` or ``/historical/orders``."""
    return tuple(_stated(each, place) for each in _orders(body, place).orders)


def order(body: bytes, place: str) -> StatedOrder:
    """Return ``GET /portfolio/orders/{id}``."""
    return _stated(_one_order(body, place).order, place)


def _stated(told: _Order, place: str) -> StatedOrder:
    if told.yes_price_dollars + told.no_price_dollars != ONE:
        raise contradiction(place, f"prices of order {told.order_id} do not sum to one dollar")
    if told.fill_count_fp + told.remaining_count_fp > told.initial_count_fp:
        raise contradiction(place, f"order {told.order_id} holds more than it began with")
    _agree(told.outcome_side, told.book_side, place)
    outcome = as_purchase(told.ticker, told.outcome_side)
    stated = StatedOrder(
        order=OrderId(told.client_order_id),
        native=told.order_id,
        outcome=outcome,
        side="buy",
        price=mirrored(told.yes_price_dollars, outcome.index),
        size=told.initial_count_fp,
        filled=told.fill_count_fp,
        state=_state(told),
        created_ns=told.created_time,
        reason=told.status,
    )
    return plain(stated)


def _state(told: _Order) -> State:
    ended, until = told.last_update_time, told.expiration_time
    return stated_state(
        told.status,
        whole=told.fill_count_fp == told.initial_count_fp,
        expired=until is not None and ended is not None and ended >= until,
    )


def stated_state(status: OrderStatus, *, whole: bool, expired: bool) -> State:
    """Return what a status means; ``whole``: as much was filled as was ordered.

    ``executed`` says only that nothing rests any more: what was not filled is gone unfilled.
    """
    if status == "resting":
        return "live"
    if status == "executed":
        return "filled" if whole else "cancelled"
    return "expired" if expired else "cancelled"


def _agree(outcome_side: OutcomeSide, book_side: BookSide | None, place: str) -> None:
    try:
        direction(outcome_side, book_side)
    except ValueError as error:
        raise contradiction(place, str(error)) from None


# --- fills -------------------------------------------------------------------------------------


class _Fill(msgspec.Struct):
    trade_id: str
    order_id: str
    ticker: str
    outcome_side: OutcomeSide
    count_fp: Contracts
    yes_price_dollars: UnitPrice
    no_price_dollars: UnitPrice
    is_taker: bool
    fee_cost: Dollars
    created_time: IsoTime
    book_side: BookSide | None = None


class _Fills(msgspec.Struct):
    fills: list[_Fill]


_fills = answer_decoder(_Fills)


def fills(body: bytes, place: str, ours: Mapping[str, OrderId]) -> tuple[StatedFill, ...]:
    """Return one page of ``GET /portfolio/fills`` or ``/historical/fills``.

    The venue names fills by its own order ids; ``ours`` gives the ids we know (native → ours).
    ``order`` is empty for a native id it lacks.  Fills are final: Kalshi clears what it matches.
    """
    return tuple(_matched(each, place, ours) for each in _fills(body, place).fills)


def _matched(told: _Fill, place: str, ours: Mapping[str, OrderId]) -> StatedFill:
    if told.yes_price_dollars + told.no_price_dollars != ONE:
        raise contradiction(place, f"prices of fill {told.trade_id} do not sum to one dollar")
    _agree(told.outcome_side, told.book_side, place)
    outcome = as_purchase(told.ticker, told.outcome_side)
    stated = StatedFill(
        id=fill_id(told.trade_id, told.order_id),
        order=ours.get(told.order_id, OrderId("")),
        native=told.order_id,
        outcome=outcome,
        side="buy",
        price=mirrored(told.yes_price_dollars, outcome.index),
        size=told.count_fp,
        fee=told.fee_cost,
        liquidity="taker" if told.is_taker else "maker",
        finality="confirmed",
        at_ns=told.created_time,
    )
    return plain(stated)
