"""What the order-level engine is given, and what it tells.

Prices and sizes of an order are in the terms of its own outcome; levels of the book are in YES
terms.  Every event carries the time of the venue at which it happened.
"""

from __future__ import annotations

from typing import Literal, NewType, TypeAlias

import msgspec

from underround.model.book import Side
from underround.model.ids import MarketId, OrderId, OutcomeId
from underround.model.market import Resolution, TickEpoch
from underround.model.orders import TimeInForce
from underround.model.units import Money, Nanos, Price, Size

AccountId = NewType("AccountId", str)
"""Whose money moves: the maker's checksummed address on Polymarket, the member's id on Kalshi."""
TradeId = NewType("TradeId", str)
MatchKind: TypeAlias = Literal["complementary", "mint", "merge"]
"""BUY against SELL of one outcome; BUY YES against BUY NO; SELL YES against SELL NO."""
TradeStatus: TypeAlias = Literal["MATCHED", "MINED", "CONFIRMED", "RETRYING", "FAILED"]
OrderState: TypeAlias = Literal["delayed", "live", "matched", "cancelled"]
"""``matched``: nothing of it is left to trade."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it arrives; whoever sent it has been recognised and its signature checked."""

    id: OrderId
    account: AccountId
    owner: str
    """The login that placed it: cancel-all and the dead-man switch act on a login's orders."""
    outcome: OutcomeId
    side: Side
    price: Price
    """Limit."""
    size: Size
    """Shares.  Of an order with a budget: what the budget buys at the limit, rounded down."""
    budget: Money | None = None
    """Dollars of a FAK or FOK BUY: at better prices the venue spends the rest on more shares."""
    tif: TimeInForce
    post_only: bool = False
    created_ns: Nanos
    """As stated by the client; a GTD order's life is counted from here."""
    good_until_ns: Nanos | None = None
    """When a GTD order leaves the book."""


class BookOrder:
    """An order inside the exchange.  Only the engine changes it."""

    __slots__ = (
        "arrived_ns",
        "bid",
        "filled",
        "place",
        "sent",
        "spent",
        "state",
        "status",
        "trades",
        "yes_price",
    )

    def __init__(self, sent: Submission, *, bid: bool, yes_price: Price, arrived_ns: Nanos) -> None:
        """``bid`` and ``yes_price``: the order in YES terms; ``place``: its turn at one price."""
        self.sent = sent
        self.bid = bid
        self.yes_price = yes_price
        self.arrived_ns = arrived_ns
        self.place = 0
        self.filled: Size = 0
        self.spent: Money = 0
        """What a BUY has paid for its shares, fees aside."""
        self.state: OrderState = "live"
        self.status = "LIVE"
        """The venue's word for the state, e.g. ``CANCELED_EXPIRED_ORDER``."""
        self.trades: list[TradeId] = []

    @property
    def left(self) -> Size:
        """Shares that are still to be traded."""
        return self.sent.size - self.filled


class MakerFill(msgspec.Struct, frozen=True, kw_only=True):
    """What one resting order got in a match: its own outcome, side and price."""

    order: OrderId
    account: AccountId
    owner: str
    outcome: OutcomeId
    side: Side
    price: Price
    size: Size
    kind: MatchKind
    fee: Money = 0
    rebate: Money = 0
    """Its share of the taker's fee, paid later (Polymarket: the next midnight)."""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One arriving order against the orders it met.  The same trade settles step by step."""

    id: TradeId
    market: MarketId
    order: OrderId
    account: AccountId
    owner: str
    outcome: OutcomeId
    side: Side
    limit: Price
    """The taker's limit; what was paid follows from the makers."""
    size: Size
    cost: Money
    """What the taker pays (BUY) or gets (SELL), before the fee."""
    fee: Money
    makers: tuple[MakerFill, ...]
    at_ns: Nanos
    status: TradeStatus = "MATCHED"
    changed_ns: Nanos = 0
    """When ``status`` was reached."""
    transaction: str = ""
    """Hash of the chain transaction, ``0x`` hex, once there is one."""


class Placement(msgspec.Struct, frozen=True):
    """The exchange's answer to an order."""

    id: OrderId
    state: OrderState | Literal["refused"]
    reason: str = ""
    """The venue's own text, when refused."""
    size: Size = 0
    """Shares matched at once."""
    cost: Money = 0
    """Dollars of them."""
    trades: tuple[TradeId, ...] = ()


class Withdrawal(msgspec.Struct, frozen=True):
    """The answer to a request to cancel: what went, and why the others did not."""

    cancelled: tuple[OrderId, ...]
    kept: dict[OrderId, str]


# --- events, in the order in which they happened -------------------------------------------------


class OrderRested(msgspec.Struct, frozen=True):
    """An order was taken: it rests, waits for the taker delay, or was matched at once."""

    order: BookOrder
    at_ns: Nanos


class OrderFilled(msgspec.Struct, frozen=True):
    """An order, taker or maker, traded; ``order.filled`` is the new total."""

    order: BookOrder
    trade: Trade
    at_ns: Nanos


class OrderClosed(msgspec.Struct, frozen=True):
    """An order left the book without being filled; ``order.status`` says why."""

    order: BookOrder
    at_ns: Nanos


class TradeMoved(msgspec.Struct, frozen=True):
    """A trade was made or reached the next step of settlement."""

    trade: Trade
    at_ns: Nanos


class Level(msgspec.Struct, frozen=True, gc=False):
    """A level's new absolute size, in YES terms."""

    bid: bool
    price: Price
    size: Size


class BookMoved(msgspec.Struct, frozen=True):
    """Levels that changed in one step.  ``traded``: a match was among the reasons."""

    market: MarketId
    levels: tuple[Level, ...]
    at_ns: Nanos
    traded: bool


class Traded(msgspec.Struct, frozen=True):
    """What the public sees of a match: one print for each price."""

    market: MarketId
    outcome: int
    side: Side
    """The taker's."""
    price: Price
    size: Size
    at_ns: Nanos


class TicksMoved(msgspec.Struct, frozen=True):
    """The market has a new price grid; orders off it were cancelled before."""

    market: MarketId
    old: TickEpoch
    new: TickEpoch
    at_ns: Nanos


class MarketEnded(msgspec.Struct, frozen=True):
    """A market was resolved: its orders are gone, its shares have a value."""

    resolution: Resolution


ExchangeEvent: TypeAlias = (
    OrderRested
    | OrderFilled
    | OrderClosed
    | TradeMoved
    | BookMoved
    | Traded
    | TicksMoved
    | MarketEnded
)
