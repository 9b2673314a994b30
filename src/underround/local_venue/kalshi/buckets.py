"""Token buckets: what requests cost, and who may ask how much (docs.kalshi.com, rate_limits)."""

from __future__ import annotations

from typing import Final

import msgspec

from underround.local_venue.kalshi.refusals import Refused
from underround.model.units import Nanos

REQUEST_COST: Final = 10
CANCEL_COST: Final = 2
ORDER_READ_COST: Final = 2
UPGRADE_COST: Final = 30
_NANOS: Final = 10**9


class Tier(msgspec.Struct, frozen=True):
    """Tokens a second, and how many a bucket holds."""

    read: int
    write: int
    read_capacity: int
    write_capacity: int


TIERS: Final = {
    "basic": Tier(200, 100, 400, 100),
    "advanced": Tier(300, 300, 600, 600),
    "expert": Tier(600, 600, 1_200, 1_200),
    "premier": Tier(1_200, 1_200, 2_400, 2_400),
    "paragon": Tier(2_400, 2_400, 4_800, 4_800),
    "prime": Tier(4_800, 4_800, 9_600, 9_600),
    "prestige": Tier(12_000, 9_600, 24_000, 19_200),
}
ENDPOINT_COSTS: Final = (
    ("POST", "/trade-api/v2/account/api_usage_level/upgrade", UPGRADE_COST),
    ("DELETE", "/trade-api/v2/portfolio/events/orders", CANCEL_COST),
    ("DELETE", "/trade-api/v2/portfolio/events/orders/:order_id", CANCEL_COST),
    ("DELETE", "/trade-api/v2/portfolio/events/orders/batched", CANCEL_COST),
    ("GET", "/trade-api/v2/portfolio/orders/:order_id", ORDER_READ_COST),
)
"""What does not cost ``REQUEST_COST``; a batch costs the sum of its rows."""


class _Bucket:
    """Tokens that come back with time.  Kept in billionths, so that nothing is rounded."""

    __slots__ = ("_at", "_billionths")

    def __init__(self, capacity: int, now: Nanos) -> None:
        self._billionths = capacity * _NANOS
        self._at = now

    def take(self, cost: int, rate: int, capacity: int, now: Nanos) -> bool:
        self._billionths = min(capacity * _NANOS, self._billionths + max(0, now - self._at) * rate)
        self._at = max(self._at, now)
        if self._billionths < cost * _NANOS:
            return False
        self._billionths -= cost * _NANOS
        return True


class Buckets:
    """The buckets of everybody: one for reads, one for writes, one for writes of each shard."""

    def __init__(self) -> None:
        """All are full."""
        self._all: dict[tuple[str, str], _Bucket] = {}

    def spend(self, who: str, tier: str, bucket: str, cost: int, now: Nanos) -> None:
        """Pay for a request; raises ``Refused`` (429) when the bucket has not that much.

        ``bucket``: ``read``, ``write``, or ``write.2`` for one write that names shard 2.
        """
        terms = TIERS[tier]
        rate, capacity = (
            (terms.read, terms.read_capacity)
            if bucket == "read"
            else (terms.write, terms.write_capacity)
        )
        found = self._all.get((who, bucket))
        if found is None:
            found = self._all[who, bucket] = _Bucket(capacity, now)
        if not found.take(cost, rate, capacity, now):
            raise Refused("too_many_requests")
