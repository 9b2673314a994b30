"""A market as its venue lists it: the tradable ``Market`` and what is told about it.

``Market`` is what trading needs and what recordings keep.  A ``Listing`` is what discovery finds:
rules, fees over time, rewards, the window of a rolling series, indicative volume.  Nothing in it
that is indicative decides about money.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal, TypeAlias

import msgspec

from underround.model.fees import FeeCurve
from underround.model.market import EventGroup, Market, Resolution
from underround.model.units import Money, Nanos, Price, Size

ListingState: TypeAlias = Literal["unopened", "open", "paused", "closed", "resolved"]
"""``open``: orders are taken now.  ``closed``: trading is over, the outcome is not known yet."""


class FeeEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fee curve from ``since_ns`` until the next epoch; 0: as long as is known."""

    since_ns: Nanos
    fees: FeeCurve


class RewardTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a resting order needs to earn liquidity rewards."""

    min_size: Size
    max_spread: Price
    """Largest distance from the midpoint, in micro-dollars."""
    min_age_s: int | None
    """How long the order must rest before it counts; ``None``: not told."""
    daily: Money | None
    """Paid per day to all makers of the market; ``None``: not told."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The window of an up-or-down market: UP wins if the end price is at or above the start."""

    asset: str
    """Upper case, e.g. ``BTC``."""
    start_ns: Nanos
    end_ns: Nanos
    twap_seconds: int | None
    """Length of the average it resolves on; 0: the price of one moment; ``None``: not told."""
    strike: Money | None
    """The price to beat, once it is known."""

    @property
    def duration_s(self) -> int:
        """Length of the window in seconds."""
        return (self.end_ns - self.start_ns) // 1_000_000_000


class Listing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market of a venue's catalogue."""

    market: Market
    slug: str
    """How people name it; unique within the venue."""
    state: ListingState
    protocol: Literal["v1", "v2"] | None = None
    """Polymarket's protocol version, which chooses ids and signing domain; ``None`` elsewhere."""
    placeholder: bool = False
    """An outcome of an augmented group that is not named yet: not to be traded."""
    augmented: bool = False
    """Its group may still be given more outcomes, so the ones that are listed are not all."""
    rules: str
    """The text that decides the market, as published."""
    resolution_source: str = ""
    tags: tuple[str, ...] = ()
    series: str = ""
    """What it is one window of, e.g. ``btc-up-or-down-15m``; empty: no series."""
    ends_ns: Nanos | None
    """The nominal end; no cut-off of trading."""
    game_starts_ns: Nanos | None = None
    liquidity: Money | None = None
    volume: Money | None = None
    volume_24h: Money | None = None
    fee_history: tuple[FeeEpoch, ...]
    """In order of time; the last one is ``market.fees``."""
    maker_rebate: int | None = None
    """Share of the takers' fees paid back to makers, in millionths; ``None``: not told."""
    rewards: RewardTerms | None = None
    taker_delay_ms: int | None = None
    """How long the venue holds an order that takes; ``None``: not told."""
    window: Window | None = None
    shard: int | None = None
    """Kalshi's ``exchange_index``: where writes must go."""
    updated_ns: Nanos | None = None
    """When the venue says it last changed this row: an older row never replaces a newer one."""

    @property
    def rules_hash(self) -> str:
        """SHA-256 (hex) of rules and named source with white space collapsed.

        It changes when the words do: whoever relies on them must read them again.
        """
        words = f"{self.rules}\n{self.resolution_source}".split()
        return sha256(" ".join(words).encode()).hexdigest()


class Found(msgspec.Struct, frozen=True):
    """What one look at a venue's catalogue gave."""

    listings: tuple[Listing, ...]
    groups: tuple[EventGroup, ...]
    resolutions: tuple[Resolution, ...]
    refused: dict[str, int]
    """Rows that were left out, by reason: shown, never dropped silently."""
