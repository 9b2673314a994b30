"""Bodies of the CLOB's answers about an account and about public lists → values.

Sources: docs.polymarket.com/api-reference, ``polymarket-client`` 0.14.0 (its models), 2026-10.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

from underround.model.account import StatedBalance
from underround.model.errors import AnswerRefused
from underround.model.ids import POLYMARKET
from underround.model.units import ONE, Nanos, Price
from underround.venues.codec import understood
from underround.venues.polymarket.numbers import (
    at,
    base_units,
    exact,
    micros,
    moment,
    read_body,
)
from underround.venues.transport.http import Reply

UNLIMITED: Final = 10**18
"""Where allowances are cut: more than any balance."""


class Notification(msgspec.Struct, frozen=True):
    """A notice to the account; ``payload`` is JSON as sent."""

    id: str
    kind: int
    at_ns: Nanos
    payload: str


class PricePoint(msgspec.Struct, frozen=True):
    """One point of a price history: indicative, nothing decides by it."""

    at_ns: Nanos
    price: Decimal


class Geoblock(msgspec.Struct, frozen=True):
    """Whether this place may trade on the site; the address is not kept."""

    blocked: bool
    country: str
    region: str = ""


class _Balance(msgspec.Struct):
    balance: msgspec.Raw
    allowances: dict[str, msgspec.Raw] | None = None


class _ClosedOnly(msgspec.Struct):
    closed_only: bool


class _Scoring(msgspec.Struct):
    scoring: bool


class _Tier(msgspec.Struct):
    tier: str


class _Beat(msgspec.Struct):
    heartbeat_id: str


class _WrongBeat(msgspec.Struct):
    heartbeat_id: str
    error_msg: str = ""
    error: str = ""


class _TickSize(msgspec.Struct):
    minimum_tick_size: msgspec.Raw


class _BuilderFees(msgspec.Struct):
    builder_maker_fee_rate_bps: int
    builder_taker_fee_rate_bps: int


class _Point(msgspec.Struct):
    t: int
    p: msgspec.Raw


class _History(msgspec.Struct):
    history: tuple[_Point, ...]


class _NoticeRow(msgspec.Struct):
    id: str | int
    type: int
    timestamp: msgspec.Raw
    payload: msgspec.Raw = msgspec.Raw()


_balance = msgspec.json.Decoder(_Balance).decode
_closed_only = msgspec.json.Decoder(_ClosedOnly).decode
_scoring = msgspec.json.Decoder(_Scoring).decode
_tier = msgspec.json.Decoder(_Tier).decode
_tick_size = msgspec.json.Decoder(_TickSize).decode
_builder_fees = msgspec.json.Decoder(_BuilderFees).decode
_history = msgspec.json.Decoder(_History).decode
_notice_rows = msgspec.json.Decoder(tuple[_NoticeRow, ...]).decode
_beat = msgspec.json.Decoder(_Beat).decode
_wrong_beat = msgspec.json.Decoder(_WrongBeat).decode
_geoblock = msgspec.json.Decoder(Geoblock).decode


def closed_only(body: bytes, place: str) -> bool:
    """Return whether the account may only reduce positions."""
    return read_body(_closed_only, body, place).closed_only


def balance(body: bytes, commodity: str, place: str) -> StatedBalance:
    """Return a balance in millionths with its allowances, cut at ``UNLIMITED``."""
    read = read_body(_balance, body, place)
    allowances = {
        spender: min(at(place, f".allowances.{spender}", base_units, amount), UNLIMITED)
        for spender, amount in (read.allowances or {}).items()
    }
    return StatedBalance(
        venue=POLYMARKET,
        commodity=commodity,
        amount=at(place, ".balance", base_units, read.balance),
        allowances=allowances,
    )


def scoring(body: bytes, place: str) -> bool:
    """Return whether an order earns rewards now."""
    return read_body(_scoring, body, place).scoring


def tier(body: bytes, place: str) -> str:
    """Return the signer's rate tier in lower case, see ``limits.TIERS``."""
    return read_body(_tier, body, place).tier.strip().lower()


def tick_size(body: bytes, place: str) -> Price:
    """Return the market's tick now."""
    tick = at(
        place, ".minimum_tick_size", micros, read_body(_tick_size, body, place).minimum_tick_size
    )
    if tick <= 0 or ONE % tick:
        raise AnswerRefused(f"{place}: a tick of {tick} millionths does not divide one dollar")
    return tick


def builder_fees(body: bytes, place: str) -> tuple[int, int]:
    """Return a builder code's fees for makers and takers, in basis points."""
    read = read_body(_builder_fees, body, place)
    return read.builder_maker_fee_rate_bps, read.builder_taker_fee_rate_bps


def price_history(body: bytes, place: str) -> tuple[PricePoint, ...]:
    """Return a price history, oldest first as sent."""
    points = read_body(_history, body, place).history
    return tuple(
        PricePoint(
            at(place, f".history[{number}].t", moment, msgspec.Raw(str(point.t).encode())),
            at(place, f".history[{number}].p", exact, point.p),
        )
        for number, point in enumerate(points)
    )


def notifications(body: bytes, place: str) -> tuple[Notification, ...]:
    """Return the account's notices."""
    return tuple(
        Notification(
            str(row.id),
            row.type,
            at(place, f"[{number}].timestamp", moment, row.timestamp),
            bytes(row.payload).decode(),
        )
        for number, row in enumerate(read_body(_notice_rows, body, place))
    )


def beat(body: bytes, place: str) -> str:
    """Return the id that the next heartbeat must carry."""
    return read_body(_beat, body, place).heartbeat_id


def expected_beat(reply: Reply) -> str | None:
    """Return the id that the venue expected, if that is why it refused a heartbeat."""
    if reply.status != 400:
        return None
    read = understood(_wrong_beat, reply.body)
    if read is None:
        return None
    wrong = "invalid heartbeat id" in f"{read.error_msg} {read.error}".lower()
    return read.heartbeat_id if wrong and read.heartbeat_id else None


def geoblock(body: bytes, place: str) -> Geoblock:
    """Return whether this place is blocked."""
    return read_body(_geoblock, body, place)
