"""The root of the configuration: one section per room, every default in its own struct."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from underround.app.access import ClockSettings, DiscoverySettings, KeySettings, VenueAccess
from underround.market.trust import BookRules
from underround.model.errors import JournalError
from underround.model.units import usd
from underround.operations.config import Loaded, StrategySection, default_file, load
from underround.simulation.latency import KALSHI_LATENCY, POLYMARKET_LATENCY, Latency
from underround.storage.database import journal_file
from underround.strategies.base import REGISTRY
from underround.strategies.plugins import load_plugins
from underround.trading.limits import RiskLimits

Dollars = Annotated[int, msgspec.Meta(gt=0, extra={"micros": "dollars"})]


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How recordings are replayed."""

    starting_cash: Dollars = usd("1000")
    """Cash at each venue when the run begins, dollars."""
    timer_ms: Annotated[int, msgspec.Meta(ge=10, le=60_000)] = 1_000
    """Time between timers while frames come."""
    settlement_failure_ppm: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    """How many of a million simulated fills fail to settle and are reversed."""


class LatencySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Delays of each venue in milliseconds; where the figures come from: docs/simulation.md."""

    polymarket: Latency = POLYMARKET_LATENCY
    kalshi: Latency = KALSHI_LATENCY


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where runs are written down."""

    url: str = ""
    """``sqlite:///PATH``; empty: ``journal.sqlite3`` in the state folder."""

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a URL that names no file of a journal."""
        if not self.url:
            return
        try:
            journal_file(self.url)
        except JournalError as error:
            raise ValueError(f"url: {error}") from None


SHIPPED = ("dutch_book", "pair_accumulator", "spread_capture")
"""What runs without a configuration: never a strategy that some other package brought along."""


def _shipped_strategies() -> dict[str, StrategySection]:
    return {
        kind: StrategySection(kind=kind, markets=("*",), params=REGISTRY[kind].params_type())
        for kind in SHIPPED
    }


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    replay: ReplaySettings = ReplaySettings()
    books: BookRules = BookRules()
    risk: RiskLimits = RiskLimits()
    latency: LatencySettings = LatencySettings()
    journal: JournalSettings = JournalSettings()
    keys: KeySettings = KeySettings()
    venues: VenueAccess = VenueAccess()
    clock: ClockSettings = ClockSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    strategies: dict[str, StrategySection] = msgspec.field(default_factory=_shipped_strategies)
    """Instances by name; without any in the file, one of each shipped kind on every market."""


def params_type(kind: str) -> type[msgspec.Struct] | None:
    """Return the parameter struct of a strategy kind, ``None`` if there is no such kind."""
    found = REGISTRY.get(kind)
    return None if found is None else found.params_type


def load_config(
    file: Path | None, overrides: Sequence[str] = (), *, strategies: bool = True
) -> Loaded[Config]:
    """Return the configuration of ``file`` (default: ``underround.toml`` here, if there is one).

    Without ``strategies`` their sections are not read and no other package is loaded: what only
    looks at earlier runs works whatever became of the strategies.  Raises ``ConfigError`` naming
    file, line, key and remedy.
    """
    if strategies:
        load_plugins()
    return load(
        Config,
        file if file is not None else default_file(),
        overrides,
        params_type=params_type,
        kinds=tuple(sorted(REGISTRY)),
        without=() if strategies else ("strategies",),
    )
