"""Names of things, as distinct types: a market cannot be passed where an order is meant."""

from __future__ import annotations

from typing import Final, NewType

import msgspec

Venue = NewType("Venue", str)
POLYMARKET: Final = Venue("polymarket")
KALSHI: Final = Venue("kalshi")

GroupId = NewType("GroupId", str)
"""An event group: ``<venue>:<event>``."""
StrategyId = NewType("StrategyId", str)
"""The instance name in the configuration; several instances of one kind are normal."""
IntentId = NewType("IntentId", int)
"""Counts the intents of a run from 1."""
OrderId = NewType("OrderId", str)
"""Ours, known before the order is sent."""
PlanId = NewType("PlanId", str)
"""What a strategy set out to do; never executed twice."""
LegGroupId = NewType("LegGroupId", str)
FillId = NewType("FillId", str)

YES: Final = 0
"""Index of the first outcome: YES, Up, the first team."""
NO: Final = 1
"""Index of the second outcome: NO, Down, the second team."""


class MarketId(msgspec.Struct, frozen=True, order=True, cache_hash=True, gc=False):
    """One question on one venue: ``condition_id`` on Polymarket, ``ticker`` on Kalshi."""

    venue: Venue
    native: str

    def __str__(self) -> str:
        return f"{self.venue}:{self.native}"


class OutcomeId(msgspec.Struct, frozen=True, order=True, cache_hash=True):
    """One side of a market: what an order buys.  ``index`` is ``YES`` or ``NO``."""

    market: MarketId
    index: int

    def __str__(self) -> str:
        return f"{self.market}:{'YES' if self.index == YES else 'NO'}"
