"""Bodies of Kalshi's V2 order writes, made of our terms.

Source: docs.kalshi.com, api-reference/orders (V2) and order_direction.  Only limit orders exist.
Prices on the wire are YES prices with four decimals, counts have two; nothing is ever rounded here:
what does not fit the grid is refused before it is sent.  The shard is always named, because a
write without it is routed by the venue, slower, or to shard 0, where a crypto order is not found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.account import StatedFill, StatedOrder
from underround.model.book import Side
from underround.model.errors import OffGrid, RequestRefused
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import OrderId, OutcomeId
from underround.model.market import CENT, TickEpoch
from underround.model.orders import Order, TimeInForce
from underround.model.units import ONE, Nanos, Price, Size
from underround.venues.kalshi.sides import BookSide, book_side, mirrored

SelfTrade: TypeAlias = Literal["taker_at_cross", "maker"]
"""Whose order goes when we would trade with ourselves: the one that arrives, or the resting one."""

LONGEST_CLIENT_ID: Final = 64
"""Ours: the venue publishes no limit, and UUIDs (36 characters) are known to work."""
_CLIENT_ID: Final = re.compile(rf"[0-9A-Za-z_.:-]{{1,{LONGEST_CLIENT_ID}}}", re.ASCII)
_FINEST: Final = 100
"""Requests take at most four decimals of a dollar."""
_TIFS: Final[dict[TimeInForce, str]] = {
    "GTC": "good_till_canceled",
    "GTD": "good_till_canceled",
    "FAK": "immediate_or_cancel",
    "FOK": "fill_or_kill",
}
_LARGEST_GROUP: Final = 1_000_000 * ONE


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an order says besides what we want to trade."""

    shard: int
    """``exchange_index`` of the market; see ``Listing.shard``."""
    self_trade: SelfTrade = "taker_at_cross"
    reduce_only: bool = False
    """Never beyond the position held; FAK only."""
    cancel_on_pause: bool = False
    group: str = ""
    """An order group on the same shard; empty: none."""
    subaccount: int | None = None
    """``None``: the primary one, or the one the key is locked to."""


class CreateBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /portfolio/events/orders``, and each order of a batch."""

    ticker: str
    client_order_id: str
    side: BookSide
    count: str
    price: str
    time_in_force: str
    self_trade_prevention_type: SelfTrade
    exchange_index: int
    expiration_time: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    order_group_id: str = ""
    subaccount: int | None = None


class AmendBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /portfolio/events/orders/{id}/amend``."""

    ticker: str
    side: BookSide
    price: str
    count: str
    client_order_id: str
    exchange_index: int
    updated_client_order_id: str = ""
    expiration_time: int | None = None


class DecreaseBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /portfolio/events/orders/{id}/decrease``; one of both counts."""

    exchange_index: int
    market_ticker: str
    reduce_by: str | None = None
    reduce_to: str | None = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cancel: the venue's order id and its shard."""

    order_id: str
    exchange_index: int
    subaccount: int | None = None


class Batch(msgspec.Struct, frozen=True):
    """The body of a batch."""

    orders: Sequence[CreateBody] | Sequence[Cancel]


def create_body(order: Order, ticks: TickEpoch, terms: Terms) -> CreateBody:
    """Return the body that places ``order``; ``ticks`` is the market's grid of now, in YES prices.

    Raises ``OffGrid`` for a price or size the market does not take, ``RequestRefused`` for terms
    that no order can have.  Nothing was sent.
    """
    _check(order, terms)
    return CreateBody(
        ticker=order.outcome.market.native,
        client_order_id=client_id(order.id),
        side=book_side(order.outcome.index, order.side),
        count=count_text(order.size),
        price=price_text(mirrored(order.price, order.outcome.index), ticks),
        time_in_force=_TIFS[order.tif],
        self_trade_prevention_type=terms.self_trade,
        exchange_index=shard_index(terms.shard),
        expiration_time=_expiration(order.good_until_ns),
        post_only=order.post_only,
        reduce_only=terms.reduce_only,
        cancel_order_on_pause=terms.cancel_on_pause,
        order_group_id=terms.group,
        subaccount=terms.subaccount,
    )


def amend_body(
    order: Order,
    ticks: TickEpoch,
    shard: int,
    *,
    price: Price,
    size: Size,
    renamed: OrderId | None = None,
    good_until_ns: Nanos | None = None,
) -> AmendBody:
    """Return the body that gives a resting order a new price, total size or end.

    ``size`` counts what has filled already.  The place in the queue is kept only for a smaller
    size or another end.  ``good_until_ns``: ``None`` keeps the end, 0 removes it.
    """
    return AmendBody(
        ticker=order.outcome.market.native,
        side=book_side(order.outcome.index, order.side),
        price=price_text(mirrored(price, order.outcome.index), ticks),
        count=count_text(size),
        client_order_id=client_id(order.id),
        exchange_index=shard_index(shard),
        updated_client_order_id="" if renamed is None else client_id(renamed),
        expiration_time=_expiration(good_until_ns),
    )


def decrease_body(
    ticker: str, shard: int, *, by: Size | None = None, to: Size | None = None
) -> DecreaseBody:
    """Return the body that makes a resting order smaller ``by`` or ``to``; exactly one of both."""
    if (by is None) == (to is None):
        raise RequestRefused("a decrease says either by how much or to how much: name one of both")
    return DecreaseBody(
        exchange_index=shard_index(shard),
        market_ticker=ticker,
        reduce_by=None if by is None else count_text(by),
        reduce_to=None if to is None else count_text(to, empty=True),
    )


def in_own_terms(stated: StatedOrder, outcome: OutcomeId, side: Side) -> StatedOrder:
    """Return what the venue stated as a purchase in the terms of the order that we sent.

    Raises ``RequestRefused`` when it is not that order: another market or another direction.
    """
    price = _own_price(stated.outcome, stated.side, stated.price, outcome, side)
    return msgspec.structs.replace(stated, outcome=outcome, side=side, price=price)


def fill_in_own_terms(stated: StatedFill, outcome: OutcomeId, side: Side) -> StatedFill:
    """Return a stated fill in the terms of our order, see ``in_own_terms``."""
    price = _own_price(stated.outcome, stated.side, stated.price, outcome, side)
    return msgspec.structs.replace(stated, outcome=outcome, side=side, price=price)


def _own_price(
    told: OutcomeId, told_side: Side, told_price: Price, outcome: OutcomeId, side: Side
) -> Price:
    same_way = book_side(told.index, told_side) == book_side(outcome.index, side)
    if told.market != outcome.market or not same_way:
        raise RequestRefused(
            f"the venue states {told_side} {told}, which is not our {side} {outcome}: look it up"
        )
    return mirrored(mirrored(told_price, told.index), outcome.index)


# --- the parts ---------------------------------------------------------------------------------


def client_id(order: OrderId) -> str:
    """Return our order id as the wire carries it; raises ``RequestRefused`` if it cannot."""
    if not _CLIENT_ID.fullmatch(order):
        raise RequestRefused(
            f"order id {order[:80]!r} cannot be a client_order_id: use 1 to {LONGEST_CLIENT_ID} "
            "letters, digits or _.:-"
        )
    return order


def price_text(yes_price: Price, ticks: TickEpoch) -> str:
    """Return a YES price with four decimals; raises ``OffGrid`` off the market's grid."""
    if not ticks.valid(yes_price) or yes_price % _FINEST:
        raise OffGrid(
            f"a YES price of {yes_price} millionths is not on the market's grid: requantise"
        )
    return f"0.{yes_price // _FINEST:04d}"


def count_text(size: Size, *, empty: bool = False) -> str:
    """Return a number of contracts with two decimals; raises ``OffGrid`` for anything finer."""
    if size % CENT or size < 0 or (size == 0 and not empty):
        raise OffGrid(f"a size of {size} millionths is not a multiple of 0.01 contracts above 0")
    return f"{size // ONE}.{size % ONE // CENT:02d}"


def shard_index(shard: int) -> int:
    """Return the shard to name; raises ``RequestRefused`` for one that routes by itself."""
    if shard < 0:
        raise RequestRefused(
            f"shard {shard} leaves the routing to the venue: name the market's own"
        )
    return shard


def group_limit_text(limit: Size) -> str:
    """Return an order group's limit; raises ``OffGrid`` outside 1 … 1,000,000 contracts."""
    if not ONE <= limit <= _LARGEST_GROUP:
        raise OffGrid(f"a group limit of {limit} millionths is outside 1 … 1,000,000 contracts")
    return count_text(limit)


def _expiration(good_until_ns: Nanos | None) -> int | None:
    """Whole seconds, rounded down: never later than wished."""
    return None if good_until_ns is None else good_until_ns // NANOS_PER_SECOND


def _check(order: Order, terms: Terms) -> None:
    told = f"order {order.id}"
    if (order.tif == "GTD") != (order.good_until_ns is not None):
        raise RequestRefused(f"{told} is {order.tif}: only GTD has an end, and it needs one")
    if order.post_only and order.tif in {"FOK", "FAK"}:
        raise RequestRefused(f"{told} is {order.tif} and post-only: it could never trade")
    if terms.reduce_only and order.tif != "FAK":
        raise RequestRefused(
            f"{told} is {order.tif} and reduce-only: Kalshi takes that of FAK only"
        )
