"""The body of ``POST /order`` as clients write it, and the checks of its form."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from underround.local_venue.polymarket.clob.recovery import hex_bytes
from underround.local_venue.polymarket.clob.refused import Refused
from underround.model.orders import TimeInForce
from underround.venues.ethereum import address_bytes
from underround.venues.polymarket.exchange import NO_CODE, OrderFields, code_bytes
from underround.venues.polymarket.ids import token_number

BAD_FORM: Final = "Invalid order payload"
OLD_VERSION: Final = "order_version_mismatch"
MOST_ORDERS: Final = 15
_LONGEST: Final = 30
"""Digits of an amount or a time: no order needs more."""

_Salt = Annotated[int, msgspec.Meta(ge=0)]
_Kind = Annotated[int, msgspec.Meta(ge=0, le=3)]
Digits: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,30}\Z")]


class OrderBody(msgspec.Struct, frozen=True):
    """The signed order as it travels: numbers that may be large are text."""

    salt: _Salt
    maker: str
    signer: str
    token: str = msgspec.field(name="tokenId")
    maker_amount: str = msgspec.field(name="makerAmount")
    taker_amount: str = msgspec.field(name="takerAmount")
    side: Literal["BUY", "SELL"]
    signature_type: _Kind = msgspec.field(name="signatureType")
    timestamp: str
    signature: str
    expiration: str = "0"
    metadata: str = ""
    builder: str = ""

    def fields(self) -> OrderFields:
        """Return what is signed; raises ``ValueError`` for what has not the form it must have."""
        fields = OrderFields(
            self.salt,
            self.maker,
            self.signer,
            self.token,
            whole(self.maker_amount),
            whole(self.taker_amount),
            0 if self.side == "BUY" else 1,
            self.signature_type,
            whole(self.timestamp),
            self.metadata or NO_CODE,
            self.builder or NO_CODE,
        )
        address_bytes(fields.maker)
        address_bytes(fields.signer)
        token_number(fields.token)
        code_bytes(fields.metadata)
        code_bytes(fields.builder)
        return fields

    def signature_bytes(self) -> bytes:
        """Return the signature; of text that is no hex, nothing."""
        return hex_bytes(self.signature) or b""


class SentOrder(msgspec.Struct, frozen=True):
    """What ``POST /order`` is given; ``POST /orders`` a list of them."""

    order: OrderBody
    owner: str
    tif: TimeInForce = msgspec.field(name="orderType")
    post_only: bool | None = msgspec.field(name="postOnly", default=None)
    defer: bool | None = msgspec.field(name="deferExec", default=None)
    """Answer before the match is settled: what this venue always does."""


class _OldOrder(msgspec.Struct):
    """What tells an order of CLOB V1: the fields that V2 does not have."""

    nonce: msgspec.Raw
    fee_rate: msgspec.Raw = msgspec.field(name="feeRateBps")


class _OldSent(msgspec.Struct):
    order: _OldOrder


_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_one: Final = msgspec.json.Decoder(SentOrder).decode
_rows: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_old: Final = msgspec.json.Decoder(_OldSent).decode


def whole(text: str) -> int:
    """Return a number written as plain digits; ``ValueError`` for other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise ValueError(f"{text[:40]!r} is no whole number")
    return int(text)


def read_order(body: bytes | msgspec.Raw) -> SentOrder:
    """Return the order in ``body``; 400 for another form, and for one of an older version."""
    try:
        return _one(body)
    except _UNREADABLE:
        raise Refused(400, OLD_VERSION if _is_old(body) else BAD_FORM) from None


def read_rows(body: bytes) -> list[msgspec.Raw]:
    """Return the orders of a batch, unread; 400 for no list, an empty one, or too many."""
    try:
        rows = _rows(body)
    except _UNREADABLE:
        raise Refused(400, BAD_FORM) from None
    if not rows:
        raise Refused(400, BAD_FORM)
    if len(rows) > MOST_ORDERS:
        text = f"Too many orders in payload: {len(rows)}, max allowed: {MOST_ORDERS}"
        raise Refused(400, text)
    return rows


def _is_old(body: bytes | msgspec.Raw) -> bool:
    try:
        _old(body)
    except _UNREADABLE:
        return False
    return True
