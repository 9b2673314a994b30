"""Bodies of order writes: what Kalshi reads of them, and what is missing."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from underround.local_venue.kalshi.refusals import Refused
from underround.local_venue.kalshi.wording import read_count, read_price
from underround.model.ids import NO, YES, OrderId, OutcomeId
from underround.model.orders import TimeInForce
from underround.model.units import ONE, Nanos, Price, Size
from underround.simulation.matching.kalshi.listed import Listed
from underround.simulation.matching.kalshi.terms import Holder, KalshiSubmission, SelfTrade

_TIFS: Final[dict[str, TimeInForce]] = {
    "good_till_canceled": "GTC",
    "immediate_or_cancel": "FAK",
    "fill_or_kill": "FOK",
}
_NANOS: Final = 10**9


class CreateBody(msgspec.Struct):
    """``POST /portfolio/events/orders``, and each order of a batch."""

    ticker: str = ""
    side: Literal["bid", "ask"] | None = None
    count: str | None = None
    price: str | None = None
    time_in_force: Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"] | None = (
        None
    )
    self_trade_prevention_type: SelfTrade | None = None
    client_order_id: str = ""
    expiration_time: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    order_group_id: str = ""
    subaccount: int | None = None
    exchange_index: int | None = None


class AmendBody(msgspec.Struct):
    """``POST /portfolio/events/orders/{id}/amend``."""

    ticker: str = ""
    side: Literal["bid", "ask"] | None = None
    price: str | None = None
    count: str | None = None
    client_order_id: str = ""
    updated_client_order_id: str = ""
    expiration_time: int | None = None
    exchange_index: int | None = None


class DecreaseBody(msgspec.Struct):
    """``POST /portfolio/events/orders/{id}/decrease``."""

    reduce_by: str | None = None
    reduce_to: str | None = None
    market_ticker: str = ""
    exchange_index: int | None = None


class CancelRow(msgspec.Struct):
    """One cancel of a batch."""

    order_id: str = ""
    market_ticker: str = ""
    exchange_index: int | None = None
    subaccount: int | None = None


class CreateBatch(msgspec.Struct):
    """Several orders."""

    orders: list[CreateBody] | None = None


class CancelBatch(msgspec.Struct):
    """Several cancels."""

    orders: list[CancelRow] | None = None


create: Final = msgspec.json.Decoder(CreateBody)
create_batch: Final = msgspec.json.Decoder(CreateBatch)
cancel_batch: Final = msgspec.json.Decoder(CancelBatch)
amend: Final = msgspec.json.Decoder(AmendBody)
decrease: Final = msgspec.json.Decoder(DecreaseBody)


def required(body: CreateBody | AmendBody) -> None:
    """Refuse a body without what every order has."""
    if not body.ticker:
        raise Refused("missing_parameters", "ticker is required")
    for name in ("side", "count", "price"):
        if getattr(body, name) is None:
            raise Refused("invalid_order", f"{name} is required")


def submission(
    body: CreateBody, listed: Listed, holder: Holder, owner: str, order_id: OrderId, now: Nanos
) -> KalshiSubmission:
    """Return the order a complete body describes; raises ``Refused``."""
    if body.time_in_force is None:
        raise Refused("missing_parameters", "time_in_force is required")
    if body.self_trade_prevention_type is None:
        raise Refused("missing_parameters", "self_trade_prevention_type is required")
    bid = body.side == "bid"
    yes_price, size = price_and_count(body)
    tif = _TIFS[body.time_in_force]
    until = None if body.expiration_time is None else body.expiration_time * _NANOS
    return KalshiSubmission(
        id=order_id,
        account=holder[0],
        owner=owner,
        outcome=OutcomeId(listed.market.id, YES if bid else NO),
        side="buy",
        price=yes_price if bid else ONE - yes_price,
        size=size,
        tif="GTD" if until is not None and tif == "GTC" else tif,
        post_only=body.post_only,
        created_ns=now,
        good_until_ns=until,
        client=body.client_order_id,
        subaccount=holder[1],
        self_trade=body.self_trade_prevention_type,
        reduce_only=body.reduce_only,
        cancel_on_pause=body.cancel_order_on_pause,
        group=body.order_group_id,
    )


def price_and_count(body: CreateBody | AmendBody) -> tuple[Price, Size]:
    """Return YES price and contracts; raises ``Refused``."""
    try:
        price = read_price(body.price or "")
    except ValueError as error:
        raise Refused("invalid_price", str(error)) from None
    if not 0 < price < ONE:
        raise Refused("invalid_price", "price must be between 0 and 1")
    return price, contracts(body.count)


def contracts(text: str | None) -> Size:
    """Return contracts of a body; raises ``Refused``."""
    try:
        return read_count(text or "")
    except ValueError as error:
        raise Refused("invalid_order", str(error)) from None
