"""Bodies of Data API v2 → values.

Source: the service's ``/v2/openapi.json`` and captures, 2026-09 and 2026-10.  Its numbers are
doubles: what stands for millionths (shares, dollars moved) is read exactly, averages and profits
stay the decimals they are.  A missing number is unavailable, never zero.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Literal

import msgspec

from underround.model.book import Side
from underround.model.errors import AnswerRefused
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.venues.polymarket.levels import SIDES
from underround.venues.polymarket.numbers import (  # fmt: skip
    absent,
    amount,
    at,
    double_micros,
    exact,
    moment,
    read_body,
    unit_price,
)

_UNKNOWN_OUTCOME: Final = 999


class DataPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one token, as the service counts them; smallest rests may be left out."""

    wallet: str
    token: str
    condition: str
    outcome: int | None
    opposite: str
    """The other outcome's token; empty if not stated."""
    size: Size
    average_price: Decimal | None
    cost: Decimal | None
    """Dollars, fees included."""
    value: Decimal | None
    realized: Decimal | None
    status: str
    redeemable: bool
    mergeable: bool
    neg_risk: bool


class DataTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A settled trade of a wallet."""

    wallet: str
    token: str
    condition: str
    outcome: int | None
    side: Side
    size: Size
    price: Decimal
    at_ns: Nanos
    transaction: str


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Something that changed a wallet's money or shares."""

    kind: str
    """TRADE, SPLIT, MERGE, REDEEM, REWARD, CONVERSION, DEPOSIT, WITHDRAWAL, YIELD, … as sent."""
    wallet: str
    token: str
    condition: str
    outcome: int | None
    side: Side | None
    size: Size
    cash: Money
    price: Decimal | None
    at_ns: Nanos
    transaction: str


class ResolutionState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a market's resolution is."""

    condition: str
    status: str
    payouts: tuple[Price, Price] | None
    """Micro-dollars per share of each outcome; ``None``: not stated (yet)."""
    source: str
    reporter: str
    resolved_ns: Nanos | None
    disputed: bool


class _Paging(msgspec.Struct):
    has_more: bool
    next_cursor: str | None


class _Page(msgspec.Struct):
    """The envelope; ``pagination`` only where the list has pages."""

    data: msgspec.Raw
    pagination: _Paging | None = None


class _PositionRow(msgspec.Struct):
    proxy_wallet: str
    token_id: str
    condition_id: str
    current_size: msgspec.Raw
    outcome_index: int | None = None
    opposite_token_id: str = ""
    avg_price: msgspec.Raw = msgspec.Raw()
    total_cost_usdc: msgspec.Raw = msgspec.Raw()
    current_value: msgspec.Raw = msgspec.Raw()
    realized_pnl: msgspec.Raw = msgspec.Raw()
    status: str = ""
    redeemable: bool = False
    mergeable: bool = False
    negative_risk: bool = False


class _TradeRow(msgspec.Struct):
    proxy_wallet: str
    side: Literal["BUY", "SELL"]
    token_id: str
    condition_id: str
    size: msgspec.Raw
    price: msgspec.Raw
    timestamp: msgspec.Raw
    transaction_hash: str
    outcome_index: int | None = None


class _ActivityRow(msgspec.Struct):
    proxy_wallet: str
    timestamp: msgspec.Raw
    type: str
    size: msgspec.Raw
    usdc_size: msgspec.Raw
    condition_id: str = ""
    token_id: str = ""
    side: Literal["BUY", "SELL", ""] | None = None
    price: msgspec.Raw = msgspec.Raw()
    outcome_index: int | None = None
    transaction_hash: str = ""


class _ResolutionRow(msgspec.Struct):
    condition_id: str
    status: str
    was_disputed: bool = False
    payouts: tuple[int, ...] | None = None
    resolution_source: str = ""
    reporter: str = ""
    resolved_at: msgspec.Raw = msgspec.Raw()


class _Value(msgspec.Struct):
    value: msgspec.Raw


_page = msgspec.json.Decoder(_Page).decode
_positions = msgspec.json.Decoder(tuple[_PositionRow, ...]).decode
_trades = msgspec.json.Decoder(tuple[_TradeRow, ...]).decode
_activity = msgspec.json.Decoder(tuple[_ActivityRow, ...]).decode
_resolutions = msgspec.json.Decoder(tuple[_ResolutionRow, ...]).decode
_value = msgspec.json.Decoder(_Value).decode


def page(body: bytes, place: str) -> tuple[bytes, str | None]:
    """Return a page's ``data`` unread, and the next page's cursor (``None``: the last page).

    Raises ``AnswerRefused`` when cursor and ``has_more`` contradict each other.
    """
    read = read_body(_page, body, place)
    if read.pagination is None:
        return bytes(read.data), None
    cursor = read.pagination.next_cursor or None
    if read.pagination.has_more != (cursor is not None):
        raise AnswerRefused(f"{place}: has_more and next_cursor contradict each other: ask again")
    return bytes(read.data), cursor


def positions(rows: bytes, place: str) -> tuple[DataPosition, ...]:
    """Return the positions of a page's ``data``."""
    return tuple(
        DataPosition(
            wallet=row.proxy_wallet,
            token=row.token_id,
            condition=row.condition_id,
            outcome=_outcome(row.outcome_index),
            opposite=row.opposite_token_id,
            size=at(place, f"[{number}].current_size", amount, row.current_size),
            average_price=_decimal(place, f"[{number}].avg_price", row.avg_price),
            cost=_decimal(place, f"[{number}].total_cost_usdc", row.total_cost_usdc),
            value=_decimal(place, f"[{number}].current_value", row.current_value),
            realized=_decimal(place, f"[{number}].realized_pnl", row.realized_pnl),
            status=row.status,
            redeemable=row.redeemable,
            mergeable=row.mergeable,
            neg_risk=row.negative_risk,
        )
        for number, row in enumerate(read_body(_positions, rows, place))
    )


def trades(rows: bytes, place: str) -> tuple[DataTrade, ...]:
    """Return the trades of a page's ``data``."""
    return tuple(
        DataTrade(
            wallet=row.proxy_wallet,
            token=row.token_id,
            condition=row.condition_id,
            outcome=_outcome(row.outcome_index),
            side=SIDES[row.side],
            size=at(place, f"[{number}].size", amount, row.size),
            price=at(place, f"[{number}].price", unit_price, row.price),
            at_ns=at(place, f"[{number}].timestamp", moment, row.timestamp),
            transaction=row.transaction_hash,
        )
        for number, row in enumerate(read_body(_trades, rows, place))
    )


def activity(rows: bytes, place: str) -> tuple[Activity, ...]:
    """Return the activity of a page's ``data``."""
    return tuple(
        Activity(
            kind=row.type,
            wallet=row.proxy_wallet,
            token=row.token_id,
            condition=row.condition_id,
            outcome=_outcome(row.outcome_index),
            side=SIDES[row.side] if row.side else None,
            size=at(place, f"[{number}].size", amount, row.size),
            cash=at(place, f"[{number}].usdc_size", amount, row.usdc_size),
            price=_decimal(place, f"[{number}].price", row.price, unit_price),
            at_ns=at(place, f"[{number}].timestamp", moment, row.timestamp),
            transaction=row.transaction_hash,
        )
        for number, row in enumerate(read_body(_activity, rows, place))
    )


def resolutions(rows: bytes, place: str) -> tuple[ResolutionState, ...]:
    """Return resolutions; payouts that do not sum to one dollar are refused."""
    found = []
    for number, row in enumerate(read_body(_resolutions, rows, place)):
        payouts: tuple[Price, Price] | None = None
        if row.payouts:
            if len(row.payouts) != 2 or min(row.payouts) < 0 or sum(row.payouts) != ONE:
                raise AnswerRefused(
                    f"{place}: payouts {row.payouts} are not two that sum to a dollar - at "
                    f"`$[{number}].payouts`"
                )
            payouts = row.payouts[0], row.payouts[1]
        when, path = row.resolved_at, f"[{number}].resolved_at"
        found.append(
            ResolutionState(
                condition=row.condition_id,
                status=row.status,
                payouts=payouts,
                source=row.resolution_source,
                reporter=row.reporter,
                resolved_ns=None if absent(when) else at(place, path, moment, when),
                disputed=row.was_disputed,
            )
        )
    return tuple(found)


def value(data: bytes, place: str) -> Money:
    """Return what a wallet's positions are worth, in micro-dollars: indicative."""
    return at(place, ".value", double_micros, read_body(_value, data, place).value)


def _outcome(index: int | None) -> int | None:
    return None if index == _UNKNOWN_OUTCOME else index


def _decimal(
    place: str, path: str, raw: msgspec.Raw, read: Callable[[msgspec.Raw], Decimal] = exact
) -> Decimal | None:
    return None if absent(raw) else at(place, path, read, raw)
