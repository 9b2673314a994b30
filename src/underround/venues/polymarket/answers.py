"""Bodies of the CLOB's answers about orders → values.  Pure and loud: nothing is assumed.

Sources: docs.polymarket.com/api-reference, ``polymarket-client`` 0.14.0, captures of 2024–2026.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from underround.model.account import Cancelled, Placed, StatedOrder, StatedState
from underround.model.errors import (
    AnswerRefused,
    Bug,
    NotFilled,
    OutcomeUnknown,
    RequestRefused,
    UnderroundError,
)
from underround.model.ids import OrderId, OutcomeId
from underround.model.orders import TimeInForce
from underround.model.units import ONE, Price, Size, parse_price, parse_size
from underround.venues.codec import Tokens
from underround.venues.polymarket.levels import SIDES
from underround.venues.polymarket.numbers import at, moment, read_body
from underround.venues.polymarket.refusals import refusal_of_text
from underround.venues.polymarket.user_wire import SideWord
from underround.venues.words import venue_words

LAST_PAGE: Final = "LTE="
"""The cursor after the last page."""
AT_ONCE: Final = frozenset(("FOK", "FAK"))
"""Orders that never rest."""
_SILENT: Final = "the answer does not mention it: ask again"
_ORDER_PREFIX: Final = "ORDER_STATUS_"
_ACCEPTED: Final[dict[str, Literal["live", "matched", "delayed"]]] = {
    "live": "live",
    "matched": "matched",
    "delayed": "delayed",
}
_STATES: Final[dict[str, StatedState]] = {
    "LIVE": "live",
    "MATCHED": "filled",
    "DELAYED": "delayed",
    "UNMATCHED": "cancelled",
    "INVALID": "rejected",
}


class Page(msgspec.Struct, frozen=True):
    """One page of a list; ``next_cursor`` is empty or ``LTE=`` at the end."""

    data: msgspec.Raw
    next_cursor: str = ""

    @property
    def following(self) -> str | None:
        """The cursor of the next page; ``None``: this is the last."""
        return None if self.next_cursor in {"", LAST_PAGE} else self.next_cursor


class _PlacedRow(msgspec.Struct):
    success: bool
    order_id: str = msgspec.field(name="orderID", default="")
    error: str = msgspec.field(name="errorMsg", default="")
    status: str = ""
    making: str = msgspec.field(name="makingAmount", default="")
    taking: str = msgspec.field(name="takingAmount", default="")
    trades: tuple[str, ...] | None = msgspec.field(name="tradeIDs", default=None)


class _CancelledBody(msgspec.Struct):
    canceled: tuple[str, ...] | None
    not_canceled: dict[str, str] | None


class _OrderRow(msgspec.Struct):
    id: str
    status: str
    market: str
    asset_id: str
    side: SideWord
    original_size: str
    size_matched: str
    price: str
    created_at: msgspec.Raw
    order_type: str = ""


class Orders(msgspec.Struct, frozen=True):
    """Orders of ours as the venue lists them."""

    orders: tuple[StatedOrder, ...]
    unlisted: dict[str, str]
    """Tokens that the catalogue does not know → their market: load it, and ask again."""


_page = msgspec.json.Decoder(Page).decode
_placed_row = msgspec.json.Decoder(_PlacedRow).decode
_placed_rows = msgspec.json.Decoder(tuple[_PlacedRow, ...]).decode
_cancelled = msgspec.json.Decoder(_CancelledBody).decode
_order_row = msgspec.json.Decoder(_OrderRow | None).decode
_order_rows = msgspec.json.Decoder(tuple[_OrderRow, ...]).decode


def page(body: bytes, place: str) -> Page:
    """Return a page with its rows unread."""
    return read_body(_page, body, place)


# --- placing -----------------------------------------------------------------------------------


def placed(
    body: bytes, order_id: str, side: str, place: str, *, tif: TimeInForce
) -> Placed | UnderroundError:
    """Return what became of one posted order; ``side`` is ``buy`` or ``sell``.

    A body that cannot be read is ``OutcomeUnknown``: the order may live.
    """
    try:
        row = read_body(_placed_row, body, place)
    except AnswerRefused as error:
        return OutcomeUnknown(f"{error}: look order {order_id} up, never resend")
    return _placed(row, order_id, side, tif, place)


def placed_batch(
    body: bytes, orders: tuple[tuple[str, str, TimeInForce], ...], place: str
) -> tuple[Placed | UnderroundError, ...]:
    """Return what became of each order of a batch; ``orders`` are ids, sides and tifs.

    Rows come in the order of the request.  A list of another length tells nothing about any.
    """
    try:
        rows = read_body(_placed_rows, body, place)
    except AnswerRefused as error:
        return tuple(
            OutcomeUnknown(f"{error}: look {one} up, never resend") for one, _, _ in orders
        )
    if len(rows) != len(orders):
        told = f"{place}: {len(rows)} answers to {len(orders)} orders"
        return tuple(OutcomeUnknown(f"{told}: look {one} up, never resend") for one, _, _ in orders)
    return tuple(
        _placed(row, one, side, tif, f"{place} [{number}]")
        for number, (row, (one, side, tif)) in enumerate(zip(rows, orders, strict=True))
    )


def _placed(
    row: _PlacedRow, order_id: str, side: str, tif: TimeInForce, place: str
) -> Placed | UnderroundError:
    same = row.order_id.lower() == order_id.lower()
    if row.order_id and not same:
        return Bug(
            f"{place}: the venue names our order {order_id} {venue_words(row.order_id)}: ids are "
            "computed wrongly; cancel everything and trade no further"
        )
    if row.error:
        refused = refusal_of_text(row.error, place=place)
        if same and type(refused) is RequestRefused:
            # A stated id beside words we do not know: it may have been taken after all.
            return OutcomeUnknown(f"{refused}, but it names an id: look it up, never resend")
        return refused
    if row.status == "unmatched":
        return _unmatched(order_id, tif, place)
    state = _ACCEPTED.get(row.status)
    if not (row.success and same and state is not None):
        return OutcomeUnknown(
            f"{place}: success {row.success}, status {venue_words(row.status)!r} and no words: "
            f"look order {order_id} up, never resend"
        )
    text = row.taking if side == "buy" else row.making
    filled: Size | None = None
    if text:
        try:
            filled = parse_size(text)
        except ValueError as error:
            return OutcomeUnknown(f"{place}: {error}: look order {order_id} up, never resend")
    return Placed(
        order=OrderId(order_id),
        native=row.order_id,
        state=state,
        filled=filled,
        trades=row.trades or (),
    )


def _unmatched(order_id: str, tif: TimeInForce, place: str) -> UnderroundError:
    """Return what ``unmatched`` means to an order just posted (docs/venues/polymarket.md)."""
    told = f"{place}: order {order_id} did not match after the delay"
    if tif in AT_ONCE:
        return NotFilled(f"{told}: decide anew")
    return OutcomeUnknown(f"{told}, and may rest or not: look it up, never resend")


def cancelled(body: bytes, place: str, asked: Sequence[str] = ()) -> Cancelled:
    """Return what became of each cancel, by native id; raises ``OutcomeUnknown`` if unreadable.

    What of ``asked`` the answer does not mention is under ``refused``: it may still rest, and
    cancelling it again is harmless.
    """
    try:
        read = read_body(_cancelled, body, place)
    except AnswerRefused as error:
        raise OutcomeUnknown(f"{error}: look the orders up") from None
    words = {native: venue_words(why) for native, why in (read.not_canceled or {}).items()}
    done = read.canceled or ()
    mentioned = {native.lower() for native in (*done, *words)}
    missing = [native for native in asked if native.lower() not in mentioned]
    return Cancelled(cancelled=done, refused={**words, **dict.fromkeys(missing, _SILENT)})


# --- orders -------------------------------------------------------------------------


def stated_order(body: bytes, tokens: Tokens, place: str) -> StatedOrder | None:
    """Return one order; ``None`` when the venue answers with null.

    Raises ``AnswerRefused`` when its market is not in the catalogue.
    """
    row = read_body(_order_row, body, place)
    if row is None:
        return None
    order = _order(row, tokens, "", place)
    if order is None:
        raise AnswerRefused(
            f"{place}: its token is not in the catalogue: load market {venue_words(row.market)}"
        )
    return order


def stated_orders(rows: bytes, tokens: Tokens, place: str) -> Orders:
    """Return the orders of a page's ``data``."""
    orders: list[StatedOrder] = []
    unlisted: dict[str, str] = {}
    for number, row in enumerate(read_body(_order_rows, rows, place)):
        order = _order(row, tokens, f"[{number}]", place)
        if order is None:
            unlisted[row.asset_id] = row.market
        else:
            orders.append(order)
    return Orders(tuple(orders), unlisted)


def order_state(status: str) -> StatedState | None:
    """Return what a word for an order's status means; ``None`` for a word we do not know.

    Every word that begins with CANCELED ends the order; the rest of it is the reason.
    """
    word = status.removeprefix(_ORDER_PREFIX)
    if word.startswith("CANCELED_EXPIRED"):
        return "expired"
    return "cancelled" if word.startswith("CANCELED") else _STATES.get(word)


def _order(row: _OrderRow, tokens: Tokens, path: str, place: str) -> StatedOrder | None:
    found = tokens.get(row.asset_id)
    price = at(place, path + ".price", parse_price, row.price)
    stated = at(place, path + ".original_size", parse_size, row.original_size)
    filled = at(place, path + ".size_matched", parse_size, row.size_matched or "0")
    state = order_state(row.status)
    if state is None:
        raise AnswerRefused(
            f"{place}: order {venue_words(row.id)} has the unknown status "
            f"{venue_words(row.status)!r}: look at it"
        )
    if found is None:
        return None
    if found[0].id.native != row.market:
        raise AnswerRefused(
            f"{place}: token of {found[0].id} under market {venue_words(row.market)}"
        )
    return StatedOrder(
        order=OrderId(row.id),
        native=row.id,
        outcome=OutcomeId(found[0].id, found[1]),
        side=SIDES[row.side],
        price=price,
        size=_shares(row, stated, price, filled),
        filled=filled,
        state=state,
        created_ns=at(place, path + ".created_at", moment, row.created_at),
        reason=venue_words(row.status.removeprefix(_ORDER_PREFIX)),
    )


def _shares(row: _OrderRow, stated: Size, price: Price, filled: Size) -> Size:
    """Return an order's size in shares: a BUY that takes at once states its budget in dollars."""
    if row.side == "SELL" or row.order_type not in {"FAK", "FOK"} or not price:
        return stated
    return max(stated * ONE // price, filled)
