"""What Kalshi's exchange is given beyond the terms of every exchange, and what else it tells.

Kalshi nets YES and NO of one market at once: a position is one signed number, and an order is a bid
(towards YES) or an ask (towards NO) at a YES price, whatever its own outcome and side are.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.ids import MarketId, OrderId
from underround.model.units import ONE, Money, Nanos, Price, Size
from underround.simulation.matching.book import Resting
from underround.simulation.matching.holding import Holding
from underround.simulation.matching.terms import AccountId, BookMoved, Submission, TradeId
from underround.simulation.rules import in_yes, is_bid

SelfTrade: TypeAlias = Literal["taker_at_cross", "maker"]
"""Whose order goes when a member meets himself: the one that arrives, or the resting one."""
Stage: TypeAlias = Literal["initialized", "active", "inactive", "closed", "determined", "finalized"]
"""Kalshi's words for the life of a market."""
Mode: TypeAlias = Literal["open", "trading_paused", "exchange_paused"]
"""While trading is paused orders may only be cancelled; while the exchange is, not even that."""
Holder: TypeAlias = tuple[AccountId, int]
"""A member and the number of his subaccount; 0 is the primary one."""

PRIMARY: Final = 0


class KalshiSubmission(Submission, frozen=True, kw_only=True):
    """An order with what only Kalshi knows."""

    client: str = ""
    """The member's own id: the venue takes each only once."""
    subaccount: int = PRIMARY
    self_trade: SelfTrade = "taker_at_cross"
    reduce_only: bool = False
    """Never beyond the position held."""
    cancel_on_pause: bool = False
    group: str = ""
    """An order group of the member; empty: none."""


def as_kalshi(sent: Submission) -> KalshiSubmission:
    """Return an order in Kalshi's terms; one without them gets the defaults."""
    if isinstance(sent, KalshiSubmission):
        return sent
    return KalshiSubmission(**{name: getattr(sent, name) for name in Submission.__struct_fields__})


class KalshiOrder(Resting):
    """An order inside Kalshi's exchange."""

    __slots__ = (
        "covered",
        "created_ns",
        "initial",
        "kalshi",
        "maker_cost",
        "maker_fees",
        "reason",
        "rounding",
        "taker_cost",
        "taker_fees",
        "taking",
        "updated_ns",
    )

    def __init__(self, sent: KalshiSubmission, arrived_ns: Nanos) -> None:
        """Make an order that rests nowhere yet."""
        outcome = sent.outcome.index
        super().__init__(
            sent,
            _NOTHING,
            bid=is_bid(outcome, sent.side),
            yes_price=in_yes(outcome, sent.price),
            arrived_ns=arrived_ns,
        )
        self.status = "resting"
        self.kalshi = sent
        """``sent``, in Kalshi's terms; both are replaced together when the order is changed."""
        self.initial = sent.size
        """Contracts it began with."""
        self.created_ns = arrived_ns
        self.updated_ns = arrived_ns
        self.reason = ""
        """What ended or changed it, e.g. ``expired``."""
        self.covered: Money = 0
        """What it binds while all of it closes a position; ``reserve``: while it opens one."""
        self.taking = False
        """It is arriving and meets others: it is filled before anything else of its holder."""
        self.taker_cost: Money = 0
        self.maker_cost: Money = 0
        """What was traded at the price of its own leg."""
        self.taker_fees: Money = 0
        self.maker_fees: Money = 0
        self.rounding: Money = 0
        """Rounding fees that were not paid back yet."""

    @property
    def holder(self) -> Holder:
        """Whose money and position it moves."""
        return self.sent.account, self.kalshi.subaccount

    @property
    def leg_price(self) -> Price:
        """Its limit in the price of its leg: what opening one contract costs."""
        return self.yes_price if self.bid else ONE - self.yes_price

    @property
    def remaining(self) -> Size:
        """What still rests, or waits to: nothing of an order that ended."""
        return self.left if self.state == "live" else 0

    def change(self, sent: KalshiSubmission) -> None:
        """Give the order new terms, of the same outcome and side."""
        self.sent = self.kalshi = sent
        self.yes_price = in_yes(sent.outcome.index, sent.price)


_NOTHING: Final = Holding()
"""The book's orders name what they draw on; Kalshi's draw on a position and cash together."""


class KalshiFill(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a match.  Kalshi clears at once: a fill is final."""

    trade: TradeId
    order: OrderId
    client: str
    account: AccountId
    subaccount: int
    market: MarketId
    bid: bool
    yes_price: Price
    size: Size
    taker: bool
    fee: Money
    position: int
    """Contracts held afterwards: above 0 YES, below 0 NO."""
    at_ns: Nanos


class Position(msgspec.Struct):
    """What a holder has in one market, and how it came to be."""

    contracts: int = 0
    """Micro-contracts: above 0 YES, below 0 NO."""
    cost: Money = 0
    """What the contracts held now were bought for, fees aside."""
    realized: Money = 0
    fees: Money = 0
    traded: Money = 0
    """Everything ever traded, each at the price of its leg."""
    volume: Size = 0
    updated_ns: Nanos = 0
    settled: bool = False


class KalshiSettlement(msgspec.Struct, frozen=True, kw_only=True):
    """What the end of a market paid one holder."""

    account: AccountId
    subaccount: int
    market: MarketId
    result: Literal["yes", "no", "scalar"]
    value: Price
    """What one YES paid."""
    contracts: int
    cost: Money
    revenue: Money
    fees: Money
    """Everything the position cost in fees."""
    at_ns: Nanos


# --- events beside those of every exchange --------------------------------------------------------


class KalshiBookMoved(BookMoved, frozen=True):
    """Levels that changed, and the order that was the cause (``None``: several, or no order)."""

    cause: KalshiOrder | None = None


class Filled(msgspec.Struct, frozen=True):
    """One side of a match."""

    fill: KalshiFill
    at_ns: Nanos


class OrderChanged(msgspec.Struct, frozen=True):
    """A resting order was amended or made smaller; ``order.reason`` says which."""

    order: KalshiOrder
    at_ns: Nanos


class PositionMoved(msgspec.Struct, frozen=True):
    """A holder's position is another one."""

    account: AccountId
    subaccount: int
    market: MarketId
    position: Position
    """As it was then; never changed."""
    at_ns: Nanos


class Settled(msgspec.Struct, frozen=True):
    """A holder was paid for a market that ended."""

    settlement: KalshiSettlement
    at_ns: Nanos


class GroupMoved(msgspec.Struct, frozen=True):
    """An order group's life: created, triggered, reset, deleted, limit_updated."""

    account: AccountId
    group: str
    change: str
    limit: Size
    at_ns: Nanos


class StageMoved(msgspec.Struct, frozen=True):
    """A market entered a stage of its life."""

    market: MarketId
    stage: Stage
    before: Stage
    at_ns: Nanos
    closes_ns: Nanos | None = None
    """Set when trading ended at another time than was told before."""


KalshiEvent: TypeAlias = Filled | OrderChanged | PositionMoved | Settled | GroupMoved | StageMoved
