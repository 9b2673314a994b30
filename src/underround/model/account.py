"""What a venue says about our account when it is asked.

These are answers, not events: they reconcile what we believe.  Orders are named by the id we knew
before sending wherever the venue has it; ``native`` is the venue's own id.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from underround.model.book import Side
from underround.model.ids import FillId, OrderId, OutcomeId, Venue
from underround.model.orders import Finality, Liquidity
from underround.model.units import Money, Nanos, Price, Size

PlacementState: TypeAlias = Literal["live", "matched", "delayed"]


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """An order the venue took."""

    order: OrderId
    native: str
    state: PlacementState
    """``matched``: filled at once, wholly or the part that could be."""
    filled: Size | None
    """What matched at once; ``None``: the venue does not say (it comes as events)."""
    trades: tuple[str, ...] = ()
    """The venue's ids of the matches."""


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request to cancel, order by order."""

    cancelled: tuple[str, ...]
    """Native ids that left the book."""
    refused: dict[str, str]
    """Native id → why not, in the venue's words."""


StatedState: TypeAlias = Literal["live", "delayed", "filled", "cancelled", "expired", "rejected"]


class StatedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the venue knows it."""

    order: OrderId
    native: str
    outcome: OutcomeId
    side: Side
    price: Price
    size: Size
    filled: Size
    state: StatedState
    created_ns: Nanos
    reason: str = ""
    """The venue's own word for the state."""


class StatedFill(msgspec.Struct, frozen=True, kw_only=True):
    """A match of ours as the venue knows it, in our own terms (our side, our outcome)."""

    id: FillId
    order: OrderId
    native: str
    outcome: OutcomeId
    side: Side
    price: Price
    size: Size
    fee: Money | None
    """``None``: the venue does not state it; the market's curve says."""
    liquidity: Liquidity
    finality: Finality
    at_ns: Nanos
    transaction: str = ""


class StatedBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Cash, or one outcome's shares, as the venue counts them."""

    venue: Venue
    commodity: str
    """A currency such as ``pUSD`` or ``USD``, or an outcome's token."""
    amount: int
    """Micro-dollars or micro-shares."""
    allowances: dict[str, int] = {}
    """Spender → what it may move (Polymarket); saturated at 10^18 for "unlimited"."""


class StatedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one outcome; a venue that nets states one outcome per market."""

    outcome: OutcomeId
    size: Size
