"""What codecs make of frames: market events in the model's own terms.

Times are the venue's, in nanoseconds, and are only ever compared with each other; the time an
event is processed is told separately.  Events are values; ``gc=False`` because they hold no cycles
and there are millions of them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from underround.model.book import Level, Side
from underround.model.fees import FeeCurve
from underround.model.ids import MarketId
from underround.model.market import Market, TickEpoch
from underround.model.units import Money, Nanos, Price, Size


class HashInputs(msgspec.Struct, frozen=True, gc=False):
    """What the venue's book hash covers besides the levels, verbatim as the venue wrote it.

    ``None`` where the message leaves the field out and the catalogue has to supply it.
    """

    tick_size: str
    last_trade_price: str
    min_order_size: str | None
    neg_risk: bool | None
    version: str | None


class Sequence(msgspec.Struct, frozen=True, gc=False):
    """Place of a message in a numbered subscription of one connection."""

    subscription: int
    number: int


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The whole book, in the terms of ``outcome``."""

    market: MarketId
    outcome: int
    at_ns: Nanos | None
    """The venue's time of the last change; ``None`` where the venue does not say (Kalshi)."""
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    source: Literal["stream", "request"]
    venue_hash: str | None = None
    hash_inputs: HashInputs | None = None
    sequence: Sequence | None = None


class LevelChange(msgspec.Struct, frozen=True, gc=False):
    """One level's new absolute size, with what the venue states about the book afterwards."""

    outcome: int
    side: Side
    price: Price
    size: Size
    venue_hash: str | None
    stated_bid: Price | None
    """Best bid of this outcome after the message; 0 states an empty side, ``None`` nothing."""
    stated_ask: Price | None
    """Best ask of this outcome after the message; 0 or 1 dollar states an empty side."""


class LevelsChanged(msgspec.Struct, frozen=True, gc=False):
    """Levels of one market that changed together at ``at_ns``."""

    market: MarketId
    at_ns: Nanos
    changes: tuple[LevelChange, ...]


class LevelAdjusted(msgspec.Struct, frozen=True, gc=False):
    """A signed change of one level (Kalshi's deltas)."""

    market: MarketId
    outcome: int
    side: Side
    price: Price
    delta: Size
    at_ns: Nanos
    sequence: Sequence


class SequenceUsed(msgspec.Struct, frozen=True, gc=False):
    """A control message that consumed a number of a subscription."""

    sequence: Sequence


class BestStated(msgspec.Struct, frozen=True, gc=False):
    """The venue's own best prices of outcome YES, from a channel that carries no book."""

    market: MarketId
    at_ns: Nanos
    bid: Price | None
    """``None``: the side is empty."""
    ask: Price | None


class TradePrinted(msgspec.Struct, frozen=True, gc=False):
    """A public trade."""

    market: MarketId
    outcome: int
    at_ns: Nanos
    price: Price
    size: Size
    taker_side: Side
    price_text: str
    """The price as the venue wrote it: its book hash covers this text."""


class TicksChanged(msgspec.Struct, frozen=True, gc=False):
    """A new price grid: the book is dropped and a new epoch begins."""

    market: MarketId
    epoch: TickEpoch


class MarketListed(msgspec.Struct, frozen=True, gc=False):
    """A market became known."""

    market: Market


class MarketNoticed(msgspec.Struct, frozen=True, gc=False):
    """The venue mentions a market we do not follow; counted, nothing else."""

    native: str
    title: str


class FeesChanged(msgspec.Struct, frozen=True, gc=False):
    """Another fee curve from ``since_ns`` on."""

    market: MarketId
    since_ns: Nanos
    fees: FeeCurve


class RulesChanged(msgspec.Struct, frozen=True, gc=False):
    """The words that decide the market changed: whoever relies on them must look again."""

    market: MarketId
    before: str
    """SHA-256 of the rules as they were, see ``Listing.rules_hash``."""
    after: str


class MarketClosed(msgspec.Struct, frozen=True, gc=False):
    """Trading ended; nothing is known yet about the outcome."""

    market: MarketId
    at_ns: Nanos


class MarketResolved(msgspec.Struct, frozen=True, gc=False):
    """The market pays ``payouts`` micro-dollars per share of each outcome."""

    market: MarketId
    at_ns: Nanos
    payouts: tuple[Price, Price]
    source: str


class ReferenceTick(msgspec.Struct, frozen=True, gc=False):
    """A reference price: ``symbol`` as ``source:pair``, e.g. ``coinbase:BTC-USD``."""

    symbol: str
    at_ns: Nanos | None
    """The source's own time; ``None`` where it states none (Binance's spot ``bookTicker``)."""
    price: Money
    """Micro-dollars per unit."""


class FollowChanged(msgspec.Struct, frozen=True, gc=False):
    """We ceased to follow a market, or follow it again: nothing told of its book before counts."""

    market: MarketId
    followed: bool


class StreamOpened(msgspec.Struct, frozen=True, gc=False):
    """A (new) connection of a stream: every book it feeds starts a new epoch."""

    stream: str
    connection: int


class StreamSilent(msgspec.Struct, frozen=True, gc=False):
    """A stream said nothing for longer than it may."""

    stream: str
    silent_for_ms: int


MarketEvent: TypeAlias = (
    BookSnapshot
    | LevelsChanged
    | LevelAdjusted
    | SequenceUsed
    | BestStated
    | TradePrinted
    | TicksChanged
    | MarketListed
    | MarketNoticed
    | FeesChanged
    | RulesChanged
    | MarketClosed
    | MarketResolved
    | ReferenceTick
    | FollowChanged
    | StreamOpened
    | StreamSilent
)
