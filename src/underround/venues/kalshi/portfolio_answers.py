"""What Kalshi says about our money: balance, positions, settlements, queue places.

Pages here are strict: one row that cannot be read refuses the page, for each of them is money.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from underround.model.account import StatedBalance, StatedPosition
from underround.model.ids import KALSHI, NO, YES, OutcomeId
from underround.model.units import Money, Nanos, Size
from underround.venues.kalshi.fixed_point import (
    Cents,
    Contracts,
    Dollars,
    IsoTime,
    SignedContracts,
    UnixSeconds,
    answer_decoder,
    contradiction,
)
from underround.venues.kalshi.sides import (
    market_id,
)

CURRENCY: Final = "USD"
_CENT: Final = 10_000


# --- balance -----------------------------------------------------------------------------------


class AccountBalance(msgspec.Struct, frozen=True):
    """Cash, and where it is: an order can only use what lies on its market's shard."""

    cash: StatedBalance
    by_shard: dict[int, Money]
    positions_value: Money
    at_ns: Nanos

    def on_shard(self, shard: int) -> Money:
        """Return the cash on one shard; 0 where none is stated."""
        return self.by_shard.get(shard, 0)


class _Indexed(msgspec.Struct):
    exchange_index: int
    balance: Dollars


class _Balance(msgspec.Struct):
    balance: Cents
    balance_dollars: Dollars
    portfolio_value: Cents
    updated_ts: UnixSeconds
    balance_breakdown: list[_Indexed] = []


_balance = answer_decoder(_Balance)


def balance(body: bytes, place: str) -> AccountBalance:
    """Return ``GET /portfolio/balance``; raises ``AnswerRefused`` if its two balances disagree."""
    told = _balance(body, place)
    if abs(told.balance_dollars - told.balance) >= _CENT:
        raise contradiction(place, "balance and balance_dollars differ by a cent or more")
    by_shard = {each.exchange_index: int(each.balance) for each in told.balance_breakdown}
    cash = StatedBalance(venue=KALSHI, commodity=CURRENCY, amount=int(told.balance_dollars))
    return AccountBalance(cash, by_shard, told.portfolio_value, told.updated_ts)


# --- positions ---------------------------------------------------------------------------------


class HeldPosition(msgspec.Struct, frozen=True):
    """A position and what it cost so far."""

    position: StatedPosition
    exposure: Money
    realized: Money
    fees: Money
    traded: Money
    shard: int | None
    updated_ns: Nanos | None


class _Position(msgspec.Struct):
    ticker: str
    position_fp: SignedContracts
    market_exposure_dollars: Dollars
    total_traded_dollars: Dollars
    realized_pnl_dollars: Dollars
    fees_paid_dollars: Dollars
    last_updated_ts: IsoTime | None = None
    exchange_index: int | None = None


class _Positions(msgspec.Struct):
    market_positions: list[_Position]


_positions = answer_decoder(_Positions)


def netted(ticker: str, signed: int) -> StatedPosition:
    """Return one signed number of contracts as shares of YES (above 0) or NO (below 0)."""
    outcome = YES if signed >= 0 else NO
    return StatedPosition(outcome=OutcomeId(market_id(ticker), outcome), size=abs(signed))


def positions(body: bytes, place: str) -> tuple[HeldPosition, ...]:
    """Return one page of ``GET /portfolio/positions`` or ``/historical/positions``."""
    return tuple(
        HeldPosition(
            netted(each.ticker, each.position_fp),
            each.market_exposure_dollars,
            each.realized_pnl_dollars,
            each.fees_paid_dollars,
            each.total_traded_dollars,
            each.exchange_index,
            each.last_updated_ts,
        )
        for each in _positions(body, place).market_positions
    )


# --- settlements -------------------------------------------------------------------------------


class Settlement(msgspec.Struct, frozen=True, rename={"shard": "exchange_index"}):
    """What a market's end paid us."""

    ticker: str
    event_ticker: str
    market_result: Literal["yes", "no", "scalar"]
    yes_count_fp: Contracts
    no_count_fp: Contracts
    yes_total_cost_dollars: Dollars
    no_total_cost_dollars: Dollars
    revenue: Cents
    fee_cost: Dollars
    settled_time: IsoTime
    value: Cents | None = None
    """What one YES paid."""
    shard: int | None = None


class _Settlements(msgspec.Struct):
    settlements: tuple[Settlement, ...]


_settlements = answer_decoder(_Settlements)


def settlements(body: bytes, place: str) -> tuple[Settlement, ...]:
    """Return one page of ``GET /portfolio/settlements``."""
    return _settlements(body, place).settlements


class _Resting(msgspec.Struct):
    total_resting_order_value: Cents
    resting_order_value_breakdown: list[_Indexed] = []


class _Queued(msgspec.Struct):
    order_id: str
    queue_position_fp: Contracts


class _Queue(msgspec.Struct):
    queue_positions: list[_Queued] | None


_resting = answer_decoder(_Resting)
_queue = answer_decoder(_Queue)


def resting_value(body: bytes, place: str) -> tuple[Money, dict[int, Money]]:
    """Return what resting orders bind, in all (to the cent) and by shard."""
    told = _resting(body, place)
    by_shard = {
        each.exchange_index: int(each.balance) for each in told.resting_order_value_breakdown
    }
    return int(told.total_resting_order_value), by_shard


def queue_positions(body: bytes, place: str) -> dict[str, Size]:
    """Return native order id → contracts that match before it."""
    told = _queue(body, place).queue_positions or ()
    return {each.order_id: int(each.queue_position_fp) for each in told}
