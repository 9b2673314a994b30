"""What a scene says about invented people: prices that walk, windows, groups, games.

Everything has a default that makes a lively but not a frantic market.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from underround.local_venue.flow.quantities import Amount, Span
from underround.model.frames import NANOS_PER_SECOND

Few: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=50)]
Millis: TypeAlias = Annotated[int, msgspec.Meta(ge=10, le=3_600_000)]
Slug: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[a-z0-9][a-z0-9-]*$", max_length=100)]
_MINUTE: Final = 60 * NANOS_PER_SECOND


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a scene: a key that is not known is a mistake."""


class PathTerms(Strict, frozen=True, kw_only=True):
    """How a reference price walks."""

    start: Amount
    """Dollars."""
    volatility: Amount = Amount(450_000)
    """Per year: "0.45" is 45 %."""
    shared: Amount = Amount(700_000)
    """Correlation with what all symbols have in common, from "0" to "1"."""
    jumps: Amount = Amount(250)
    """Probability that one step is six times as large."""

    def __post_init__(self) -> None:
        if not self.start:
            raise ValueError('start: a price begins above 0: write it like "65000"')
        if self.shared > 1_000_000 or self.jumps > 1_000_000:
            raise ValueError('shared: a correlation, like a probability, is at most "1"')


class CrowdTerms(Strict, frozen=True, kw_only=True):
    """The people of one market: makers, people who trade for fun, people who know more."""

    makers: Few = 2
    levels: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5
    """Prices each maker quotes on each side."""
    size: Amount = Amount(60_000_000)
    """Shares at the best price; further away it grows."""
    requote_ms: Millis = 400
    noise_ms: Millis = 1_500
    """Mean time between two people who trade for fun."""
    informed_ms: Millis = 3_000
    """Mean time between two looks of somebody who knows the true probability."""


class WindowTerms(Strict, frozen=True, kw_only=True):
    """A rolling series of up-or-down markets."""

    asset: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2,10}$")]
    """Upper case; its price is ``<asset>/usd``."""
    period: Literal["5m", "15m"]
    venue: Literal["polymarket", "kalshi"] = "polymarket"
    ahead: Annotated[int, msgspec.Meta(ge=0, le=288)] = 2
    """Windows listed beyond the present one."""
    settles_after: Span = Span(6 * NANOS_PER_SECOND)
    """From the end of a window to its resolution."""
    crowd: CrowdTerms = CrowdTerms()

    def __post_init__(self) -> None:
        if self.venue == "kalshi" and self.period != "15m":
            raise ValueError('period: Kalshi lists windows of "15m" only')


class GroupTerms(Strict, frozen=True, kw_only=True):
    """A neg-risk event whose outcomes exclude each other; a new edition begins when it ends."""

    slug: Slug
    title: str
    outcomes: Annotated[tuple[str, ...], msgspec.Meta(min_length=3, max_length=20)]
    lasts: Span = Span(120 * _MINUTE)
    restless: Amount = Amount(1_500)
    """By how much of itself an outcome's weight changes in a second, "0.0015"."""
    crowd: CrowdTerms = CrowdTerms(makers=1, levels=4, requote_ms=900, noise_ms=3_000)

    def __post_init__(self) -> None:
        if len(set(self.outcomes)) < len(self.outcomes):
            raise ValueError("outcomes: two of them have the same name: name each once")
        if self.lasts < _MINUTE:
            raise ValueError('lasts: at least a minute, "1m"')


class GameTerms(Strict, frozen=True, kw_only=True):
    """A sports market: who wins; the next game follows when it has ended."""

    slug: Slug
    home: str
    away: str
    starts_after: Span = Span(2 * _MINUTE)
    """From the listing to the first whistle."""
    lasts: Span = Span(60 * _MINUTE)
    goals: Annotated[int, msgspec.Meta(ge=1, le=50)] = 6
    """Of both teams in a usual game."""
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=60_000)] = 3_000
    """How long an order that takes has to wait."""
    crowd: CrowdTerms = CrowdTerms()

    def __post_init__(self) -> None:
        if self.lasts < _MINUTE:
            raise ValueError('lasts: at least a minute, "1m"')


class GeneratorTerms(Strict, frozen=True, kw_only=True):
    """People and prices invented from the seed."""

    step_ms: Annotated[int, msgspec.Meta(ge=50, le=1_000)] = 250
    """Time between two reference prices; a second holds a whole number of steps."""
    prices: dict[str, PathTerms] = {}
    """By symbol, e.g. ``"btc/usd"``."""
    windows: tuple[WindowTerms, ...] = ()
    groups: tuple[GroupTerms, ...] = ()
    games: tuple[GameTerms, ...] = ()
    keep: Span = Span(24 * 60 * _MINUTE)
    """How long a resolved market stays in the catalogue; where clients were, longer."""

    def __post_init__(self) -> None:
        if 1_000 % self.step_ms:
            raise ValueError("step_ms: it must divide a second: 100, 200, 250, 500 or 1000")
        for window in self.windows:
            symbol = f"{window.asset.lower()}/usd"
            if symbol not in self.prices:
                raise ValueError(
                    f"windows: those of {window.asset} need a price: add "
                    f'[generator.prices."{symbol}"] with a start'
                )
