"""How fast Binance may be asked, per address (rest-api.md, 2026-07): requests have weights."""

from __future__ import annotations

from typing import Final

from underround.venues.transport.budget import Charge, Limits, window

READ: Final = "read"
"""The one group of requests: reading market data."""
WEIGHT: Final = "weight"
WEIGHT_PER_MINUTE: Final = 6_000

LIMITS: Final = Limits(
    buckets={WEIGHT: window(WEIGHT_PER_MINUTE, 60), "requests": window(61_000, 300)},
    groups={READ: (Charge(WEIGHT), Charge("requests", flat=True))},
)
"""Today's values are in ``exchangeInfo``: ``answers.ExchangeRules.weight_per_minute``."""

_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1_000, 50), (5_000, 250))


def depth_weight(levels: int) -> int:
    """Return what a depth request of ``levels`` (1 … 5,000 per side) weighs."""
    for most, weight in _DEPTH_WEIGHTS:
        if 1 <= levels <= most:
            return weight
    raise ValueError(f"the depth has 1 to 5,000 levels, not {levels}")
