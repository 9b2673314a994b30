"""What a run leaves behind: the values the journal stores and the report draws.

Everything here is exact and JSON-able by msgspec; times are Unix nanoseconds on the recording's
clock, money and prices in millionths.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from underround.model.units import Money, Nanos, Price, Size

ProofKind: TypeAlias = Literal[
    "venue_hash", "sequence", "stated_best", "restated", "polled", "none"
]
"""How a book earns trust, strongest first.

``venue_hash``   the venue's own hash of the book, recomputed from ours
``sequence``     gapless sequence numbers from a snapshot on
``stated_best``  agreement with the best prices the venue states beside each change
``restated``     agreement of the rebuilt book with each later snapshot
``polled``       every message is the whole book: nothing can drift, it can only be old
``none``         nothing to check against: never trusted
"""


class StreamCounters(msgspec.Struct, kw_only=True):
    """What happened to the frames of one stream."""

    stream: str
    frames: int = 0
    events: int = 0
    unparsed: int = 0
    unparsed_reasons: dict[str, int] = {}
    ignored: int = 0
    """Frames that are known and carry nothing for us (acks, pongs, markets not followed)."""
    silences: int = 0


class BookCounters(msgspec.Struct, kw_only=True):
    """How one market's book fared against its proof."""

    market: str
    title: str
    proof: ProofKind
    epochs: int = 0
    applied: int = 0
    verified: int = 0
    unverifiable: int = 0
    mismatched: int = 0
    gaps: int = 0
    stale_snapshots: int = 0
    """Older answers of a request that were checked but did not replace newer state."""
    trusted_ns: Nanos = 0
    """How long the book was trusted."""
    doubts: dict[str, int] = {}
    """Why trust ended, by reason."""
    trusted_at_end: bool = False


class Gap(msgspec.Struct, frozen=True):
    """A stretch in which a stream said nothing for longer than it may."""

    stream: str
    from_ns: Nanos
    to_ns: Nanos


class StreamCoverage(msgspec.Struct, frozen=True):
    """Requested against present, for one stream."""

    stream: str
    frames: int
    requested_from_ns: Nanos | None
    requested_to_ns: Nanos | None
    first_ns: Nanos | None
    last_ns: Nanos | None
    gaps: tuple[Gap, ...]
    covered: float
    """Share of the requested span (or of the present span) outside gaps, 0 … 1."""


class EquityPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Money and marks at one time.  Unresolved positions are marked at the bid."""

    at_ns: Nanos
    equity: Money
    cash: Money
    fees: Money


class PricePoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Best prices of outcome YES; 0 bid or 1,000,000 ask: side empty; trusted or not."""

    at_ns: Nanos
    bid: Price
    ask: Price
    trusted: bool


class InventoryPoint(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Shares held of both outcomes of a market."""

    at_ns: Nanos
    yes: Size
    no: Size


class MarketSeries(msgspec.Struct):
    """One market's lines for the report; decimated to a bounded number of points."""

    market: str
    title: str
    outcomes: tuple[str, str]
    prices: list[PricePoint]
    inventory: list[InventoryPoint]


class PositionRow(msgspec.Struct, frozen=True):
    """A position at the end of the run."""

    outcome: str
    title: str
    label: str
    matched: Size
    """Shares bought whose match may still fail."""
    confirmed: Size
    """Shares owned; the position is both together."""
    cost: Money
    """What its shares cost their strategies, fees included."""
    realised: Money
    """What sales, merges and payouts brought its strategies above what the shares had cost them."""
    mark: Price | None
    """Bid it is marked at; ``None``: nobody bids, or the book was never trusted."""
    value: Money
    """What all its shares are worth at the mark, or their cost if the book was never trusted."""
    settled: bool

    @property
    def shares(self) -> Size:
        """Everything held, matched and confirmed."""
        return self.matched + self.confirmed


class RefusalRow(msgspec.Struct, frozen=True):
    """Refusals of one gate."""

    gate: str
    count: int
    edge_forgone: Money
    example: str


class StrategySummary(msgspec.Struct, kw_only=True):
    """What one strategy instance did, and how near it came where it did nothing.

    Its money is that of its own ledger: realised and unrealised together are its equity change.
    """

    name: str
    kind: str
    loses_when: str
    markets: int
    wakes: int = 0
    intents: int = 0
    orders: int = 0
    fills: int = 0
    refusals: int = 0
    realised: Money = 0
    unrealised: Money = 0
    """What its shares are worth at their marks, less what they cost."""
    equity_change: Money = 0
    """Change of its cash plus the marks of its shares; it started with neither."""
    refused_by: list[RefusalRow] = []
    """Its refusals by gate, most frequent first."""
    pairs_held: Size = 0
    """Complete pairs of YES and NO it held at the end, over all its markets."""
    pairs_redeemed: Size = 0
    """Complete pairs that went back for a dollar each: merged, netted or paid out, less minted."""
    why_idle: str = ""
    """One sentence with numbers: why it did nothing, or the closest it came."""


class LegGroupRow(msgspec.Struct, frozen=True):
    """How a leg group ended."""

    id: str
    strategy: str
    policy: str
    state: str
    legs: int
    edge: Money
    realised: Money
    detail: str


class FillKindRow(msgspec.Struct, frozen=True):
    """Fills of one kind: strategy, liquidity and the evidence they rest on."""

    strategy: str
    liquidity: str
    evidence: str
    count: int
    size: Size
    notional: Money
    fees: Money


class RunSummary(msgspec.Struct, kw_only=True):
    """Everything the report and ``--json`` show about a finished (or interrupted) run."""

    run: str
    mode: Literal["replay"]
    status: Literal["finished", "interrupted", "failed"]
    version: str
    recordings: list[str]
    source: str
    licence: str
    attribution: str
    lost: list[str]
    clock: str
    first_ns: Nanos
    last_ns: Nanos
    decision_digest: str
    frames: int
    events: int
    seconds: float
    """Wall time of the replay."""
    intents: int
    orders: int
    fills: int
    refusals: int
    starting_cash: Money
    cash: Money
    equity: Money
    fees: Money
    max_drawdown: Money
    imbalance: dict[str, int]
    halted: str
    """Why the run was halted at its end; empty if it was not."""
    streams: list[StreamCounters]
    books: list[BookCounters]
    coverage: list[StreamCoverage]
    equity_curve: list[EquityPoint]
    series: list[MarketSeries]
    positions: list[PositionRow]
    strategies: list[StrategySummary]
    leg_groups: list[LegGroupRow]
    refusals_by_gate: list[RefusalRow]
    fills_by_kind: list[FillKindRow]
    assumptions: list[str]
    """What the simulation assumed and in which direction each assumption errs."""
    config: dict[str, object]
