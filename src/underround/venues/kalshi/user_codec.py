"""Frames of Kalshi's private channels → what happened to our orders, in our own terms.

The venue states directions, not intentions: a bid is a purchase of YES or a sale of NO.  A frame
about an order that we know is therefore told in that order's own outcome and side, so that the
ledger books a sale as a sale although the venue nets YES and NO at once.  A frame about an order
that we do not know is not dropped: it comes out as the venue's statement, told as a purchase.

None of these channels but order groups is numbered: after every reconnect orders, fills and
positions are asked for (``portfolio_requests``).  A fill and the update of its order come in any
order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from underround.model.account import StatedFill, StatedOrder, StatedPosition
from underround.model.errors import FrameRefused
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import OrderId
from underround.model.orders import (
    Fill,
    FillSettled,
    Order,
    OrderAccepted,
    OrderEnded,
    OrderEvent,
    OrderFilled,
)
from underround.model.units import Nanos, Size, parse_micros, parse_price, parse_size
from underround.venues.codec import refused
from underround.venues.kalshi import user_wire, wire
from underround.venues.kalshi.portfolio_answers import netted
from underround.venues.kalshi.sides import (
    BookSide,
    OutcomeSide,
    as_purchase,
    book_side,
    direction,
    mirrored,
)
from underround.venues.kalshi.stated_orders import fill_id, stated_state

OwnOrders: TypeAlias = Callable[[OrderId], Order | None]
"""Returns an order we sent, also one that has ended."""


class OrderGroupChanged(msgspec.Struct, frozen=True, gc=False):
    """An order group was created, triggered, reset, deleted, or given another limit."""

    group: str
    change: str
    """The venue's word; ``triggered``: everything in it was cancelled and it takes no orders."""
    limit: Size | None
    at_ns: Nanos | None


UserEvent: TypeAlias = OrderEvent | StatedFill | StatedOrder | StatedPosition | OrderGroupChanged

_QUIET: Final = frozenset(("subscribed", "unsubscribed", "ok"))
_AT_ONCE: Final = frozenset(("FOK", "FAK"))

_head = msgspec.json.Decoder(wire.Head).decode
_fill = msgspec.json.Decoder(user_wire.FillFrame).decode
_order = msgspec.json.Decoder(user_wire.UserOrderFrame).decode
_position = msgspec.json.Decoder(user_wire.PositionFrame).decode
_group = msgspec.json.Decoder(user_wire.GroupFrame).decode
_error = msgspec.json.Decoder(wire.ErrorFrame).decode


class KalshiUserDecoder:
    """Decoder of the private channels; keeps nothing between two frames."""

    def __init__(self, own: OwnOrders) -> None:
        self._own = own
        self._readers: dict[str, Callable[[bytes], Sequence[UserEvent]]] = {
            "fill": self._filled,
            "user_order": self._updated,
            "market_position": _held,
            "order_group_updates": _grouped,
            "error": _venue_error,
        }

    def decode(self, payload: bytes) -> Sequence[UserEvent]:
        """Return what the frame says, ``()`` for acknowledgements.

        Raises ``FrameRefused`` with one sentence (what is wrong, and its path) for all else.
        """
        try:
            text = payload.strip()
            if text in {b"", b"heartbeat"}:
                return ()
            kind = _head(text).type
            read = self._readers.get(kind or "")
            if read is not None:
                return read(text)
        except (ValueError, RecursionError) as error:
            raise refused(error) from None
        if kind in _QUIET:
            return ()
        raise FrameRefused(f"unknown type {kind!r} of a private channel at `$.type`")

    # --- fills ---------------------------------------------------------------------------------

    def _filled(self, payload: bytes) -> Sequence[UserEvent]:
        told = _fill(payload).msg
        price = _told(parse_price, told.yes_price_dollars, "yes_price_dollars")
        size = _told(parse_size, told.count_fp, "count_fp")
        fee = _told(parse_micros, told.fee_cost, "fee_cost")
        at_ns = _ms(told.ts_ms, "ts_ms")
        if not size:
            raise ValueError("a fill of nothing - at `$.msg.count_fp`")
        way = _direction(told.outcome_side, told.book_side)
        known = fill_id(told.trade_id, told.order_id)
        order = self._owned(told.client_order_id, told.market_ticker, way)
        if order is None:
            outcome = as_purchase(told.market_ticker, told.outcome_side)
            return (
                StatedFill(
                    id=known,
                    order=OrderId(told.client_order_id),
                    native=told.order_id,
                    outcome=outcome,
                    side="buy",
                    price=mirrored(price, outcome.index),
                    size=size,
                    fee=fee,
                    liquidity="taker" if told.is_taker else "maker",
                    finality="confirmed",
                    at_ns=at_ns,
                ),
            )
        fill = Fill(
            id=known,
            order=order.id,
            outcome=order.outcome,
            side=order.side,
            price=mirrored(price, order.outcome.index),
            size=size,
            fee=fee,
            liquidity="taker" if told.is_taker else "maker",
            at_ns=at_ns,
            evidence=f"Kalshi matched trade {told.trade_id}",
        )
        # Kalshi clears what it matches: no later message makes a fill final.
        return OrderFilled(fill), FillSettled(known, at_ns, "confirmed")

    def _owned(self, client: str, ticker: str, way: BookSide) -> Order | None:
        """Return our order of this name; ``ValueError`` if the frame cannot be about it."""
        order = self._own(OrderId(client)) if client else None
        if order is None:
            return None
        if order.outcome.market.native != ticker:
            raise ValueError(f"order {client} is of another market - at `$.msg`")
        if book_side(order.outcome.index, order.side) != way:
            raise ValueError(f"order {client} goes the other way - at `$.msg.outcome_side`")
        return order

    # --- orders --------------------------------------------------------------------------------

    def _updated(self, payload: bytes) -> Sequence[UserEvent]:
        told = _order(payload).msg
        price = _told(parse_price, told.yes_price_dollars, "yes_price_dollars")
        size = _told(parse_size, told.initial_count_fp, "initial_count_fp")
        filled = _told(parse_size, told.fill_count_fp, "fill_count_fp")
        remaining = _told(parse_size, told.remaining_count_fp, "remaining_count_fp")
        if filled + remaining > size:
            raise ValueError("an order holds more than it began with - at `$.msg.fill_count_fp`")
        created_ns = _ms(told.created_ts_ms, "created_ts_ms")
        at_ns = created_ns
        if told.last_updated_ts_ms is not None:
            at_ns = _ms(told.last_updated_ts_ms, "last_updated_ts_ms")
        way = _direction(told.outcome_side, told.book_side)
        expired = told.expiration_ts_ms is not None and at_ns >= _ms(
            told.expiration_ts_ms, "expiration_ts_ms"
        )
        order = self._owned(told.client_order_id, told.ticker, way)
        if order is not None:
            return (_event(order, told, filled, at_ns, expired=expired),)
        outcome = as_purchase(told.ticker, told.outcome_side)
        return (
            StatedOrder(
                order=OrderId(told.client_order_id),
                native=told.order_id,
                outcome=outcome,
                side="buy",
                price=mirrored(price, outcome.index),
                size=size,
                filled=filled,
                state=stated_state(told.status, whole=filled == size, expired=expired),
                created_ns=created_ns,
                reason=told.last_update_reason or told.status,
            ),
        )


def _event(
    order: Order, told: user_wire.UserOrder, filled: Size, at_ns: Nanos, *, expired: bool
) -> OrderEvent:
    """Return what an update means for our order.

    ``executed`` says that nothing rests any more; how much was filled is what decides whether an
    order that had to fill at once was killed.
    """
    if told.status == "resting":
        return OrderAccepted(order.id, at_ns)
    reason = f"Kalshi: {told.last_update_reason or told.status}"
    if filled >= order.size:
        return OrderEnded(order.id, at_ns, "filled", reason)
    if order.tif in _AT_ONCE:
        return OrderEnded(order.id, at_ns, "killed", reason)
    return OrderEnded(order.id, at_ns, "expired" if expired else "cancelled", reason)


def _held(payload: bytes) -> Sequence[UserEvent]:
    told = _position(payload).msg
    return (netted(told.market_ticker, _told(parse_micros, told.position_fp, "position_fp")),)


def _grouped(payload: bytes) -> Sequence[UserEvent]:
    told = _group(payload).msg
    limit: Size | None = None
    if told.contracts_limit_fp is not None:
        limit = _told(parse_size, told.contracts_limit_fp, "contracts_limit_fp")
    at_ns = None if told.ts_ms is None else _ms(told.ts_ms, "ts_ms")
    return (OrderGroupChanged(told.order_group_id, told.event_type, limit, at_ns),)


def _venue_error(payload: bytes) -> Sequence[UserEvent]:
    told = _error(payload).msg
    raise FrameRefused(f"the venue answers with error {told.code}: {told.msg[:200]}")


def _told(parse: Callable[[str], int], text: str, path: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.msg.{path}`") from None


def _ms(number: int, path: str) -> Nanos:
    if not 10**12 <= number < 10**13:
        raise ValueError(f"{number} is not Unix milliseconds - at `$.msg.{path}`")
    return number * NANOS_PER_MS


def _direction(outcome_side: OutcomeSide, stated: BookSide | None) -> BookSide:
    try:
        return direction(outcome_side, stated)
    except ValueError as error:
        raise ValueError(f"{error} - at `$.msg.book_side`") from None
