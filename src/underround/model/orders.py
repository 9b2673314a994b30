"""From a wish to a fill: intents, approvals, orders, leg groups, refusals.

Intent ─risk─► Approved ─executor─► Order ─venue─► Fill ─► ledger entries
   └ refused: a Refusal names the gate, the numbers and the edge forgone

Two constructors are guarded by a test that reads our own sources: only ``trading.risk`` makes an
``Approved`` and only ``trading.executor`` makes an ``Order``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from underround.model.book import Side
from underround.model.ids import (
    FillId,
    GroupId,
    IntentId,
    LegGroupId,
    MarketId,
    OrderId,
    OutcomeId,
    PlanId,
    StrategyId,
    Venue,
)
from underround.model.units import Money, Nanos, Price, Size

TimeInForce: TypeAlias = Literal["GTC", "GTD", "FOK", "FAK"]
Purpose: TypeAlias = Literal["open", "reduce", "equalize", "unwind"]
"""``open`` takes new risk; the others only make existing risk smaller and survive a halt."""
LegPolicy: TypeAlias = Literal["all_or_none", "best_effort", "sequential"]


class OrderIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy's wish to trade one outcome.  It does nothing until risk approves it."""

    strategy: StrategyId
    plan: PlanId
    outcome: OutcomeId
    side: Side
    price: Price
    """Limit, on the market's grid."""
    size: Size
    tif: TimeInForce
    post_only: bool = False
    purpose: Purpose
    expires_ns: Nanos
    """Neither risk nor the executor passes it on after this time."""
    good_until_ns: Nanos | None = None
    """When a GTD order leaves the book."""
    edge: Money
    """Expected profit of the whole intent after fees, in micro-dollars."""
    reason: str
    """One sentence: why now."""
    urgency: Literal["low", "normal", "high"] = "normal"
    reference: str | None = None
    """Symbol of the reference price the decision leaned on."""


class SetIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to turn dollars into complete sets (``mint``) or sets into dollars (``merge``).

    A set is one share of each outcome of ``market``, or one YES of every market of ``group``.
    """

    strategy: StrategyId
    plan: PlanId
    action: Literal["mint", "merge"]
    market: MarketId | None
    group: GroupId | None
    size: Size
    purpose: Purpose
    expires_ns: Nanos
    edge: Money
    reason: str

    @property
    def venue(self) -> Venue:
        """Where the sets are changed."""
        if self.market is not None:
            return self.market.venue
        return Venue(str(self.group).partition(":")[0])


class LegGroupIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Intents that belong together; ``legs`` share strategy and plan."""

    strategy: StrategyId
    plan: PlanId
    policy: LegPolicy
    legs: tuple[OrderIntent | SetIntent, ...]
    max_unwind_loss: Money
    """What getting out may cost per share if a leg fails: bounds the unwind's limit prices."""
    edge: Money
    reason: str


class CancelIntent(msgspec.Struct, frozen=True):
    """A wish to withdraw one of the strategy's own orders.  Never refused, only deduplicated."""

    strategy: StrategyId
    order: OrderId
    reason: str


Intent: TypeAlias = OrderIntent | SetIntent | LegGroupIntent | CancelIntent


class Approved(msgspec.Struct, frozen=True):
    """An intent that passed every gate.  Made by risk only; the executor takes nothing else."""

    id: IntentId
    intent: OrderIntent | SetIntent
    leg_group: LegGroupId | None
    gates: tuple[str, ...]
    """The gates it passed, in order: evidence for the audit."""
    at_ns: Nanos


class Refusal(msgspec.Struct, frozen=True):
    """An intent that a gate stopped: one row of the "why not" ledger."""

    id: IntentId
    at_ns: Nanos
    strategy: StrategyId
    plan: PlanId
    outcome: str
    gate: str
    detail: str
    """The numbers: what was asked and what the gate allows."""
    edge_forgone: Money


OrderState: TypeAlias = Literal[
    "sending",
    "live",
    "delayed",
    "partly_filled",
    "filled",
    "cancelled",
    "expired",
    "rejected",
    "unknown",
]
OPEN_STATES: frozenset[OrderState] = frozenset(
    ("sending", "live", "delayed", "partly_filled", "unknown")
)


class Order(msgspec.Struct, kw_only=True):
    """An order and what is known of it.  Mutable: owned by the executor, read by everyone."""

    id: OrderId
    intent: IntentId
    strategy: StrategyId
    plan: PlanId
    leg_group: LegGroupId | None
    outcome: OutcomeId
    side: Side
    price: Price
    size: Size
    tif: TimeInForce
    post_only: bool
    purpose: Purpose
    good_until_ns: Nanos | None
    created_ns: Nanos
    state: OrderState = "sending"
    filled: Size = 0
    notional: Money = 0
    """Sum of the fills' notional."""
    fees: Money = 0
    cancel_sent: bool = False
    reason: str = ""
    """The last thing the venue said about it."""
    updated_ns: Nanos = 0

    @property
    def remaining(self) -> Size:
        """What may still fill."""
        return self.size - self.filled

    @property
    def open(self) -> bool:
        """Whether the order may still fill."""
        return self.state in OPEN_STATES


Liquidity: TypeAlias = Literal["taker", "maker"]
Finality: TypeAlias = Literal["matched", "confirmed", "failed"]


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an order that a venue matched."""

    id: FillId
    order: OrderId
    outcome: OutcomeId
    side: Side
    price: Price
    size: Size
    fee: Money
    liquidity: Liquidity
    at_ns: Nanos
    evidence: str
    """Why a simulated fill is believed, e.g. ``walked the book`` or ``traded through``."""


# --- what a venue (or its simulation) says about our orders ------------------------------------


class OrderAccepted(msgspec.Struct, frozen=True, gc=False):
    """The order rests in the venue's book."""

    order: OrderId
    at_ns: Nanos


class OrderRejected(msgspec.Struct, frozen=True, gc=False):
    """The venue refused the order; nothing of it can fill."""

    order: OrderId
    at_ns: Nanos
    reason: str


class OrderEnded(msgspec.Struct, frozen=True, gc=False):
    """What had not filled left the book."""

    order: OrderId
    at_ns: Nanos
    how: Literal["filled", "cancelled", "expired", "killed"]
    reason: str


class CancelFailed(msgspec.Struct, frozen=True, gc=False):
    """The venue could not cancel: the order had already ended."""

    order: OrderId
    at_ns: Nanos
    reason: str


class OrderFilled(msgspec.Struct, frozen=True, gc=False):
    """A match, as reported to us."""

    fill: Fill


class FillSettled(msgspec.Struct, frozen=True, gc=False):
    """A matched fill became final, or failed and must be reversed."""

    fill: FillId
    at_ns: Nanos
    finality: Literal["confirmed", "failed"]


class SetsChanged(msgspec.Struct, frozen=True, gc=False):
    """A mint or merge of complete sets was done, or failed."""

    intent: IntentId
    at_ns: Nanos
    done: bool
    reason: str


OrderEvent: TypeAlias = (
    OrderAccepted
    | OrderRejected
    | OrderEnded
    | CancelFailed
    | OrderFilled
    | FillSettled
    | SetsChanged
)


class Timer(msgspec.Struct, frozen=True, gc=False):
    """Time passed.  Timers are events: the engine never reads a clock."""

    at_ns: Nanos


class Command(msgspec.Struct, frozen=True, gc=False):
    """The operator's verb."""

    verb: Literal["halt", "resume"]
    reason: str


# --- what the engine asks the edge to do -------------------------------------------------------


class SubmitOrder(msgspec.Struct, frozen=True, gc=False):
    """Send this order; its id is known and journalled."""

    order: Order


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask the venue to cancel."""

    order: OrderId
    market: MarketId


class ChangeSets(msgspec.Struct, frozen=True, gc=False):
    """Mint or merge complete sets."""

    approved: Approved


Action: TypeAlias = SubmitOrder | CancelOrder | ChangeSets
