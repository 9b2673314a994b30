"""Kalshi's token buckets: tiers, costs, and which write spends from which bucket.

Source: docs.kalshi.com, getting_started/rate_limits and exchange_sharding; capacities as demo
stated them on 2026-07-06 (Basic: read 400, write 100).  ``GET /account/limits`` and
``/account/endpoint_costs`` outrank this table.

Writes that name a shard above 0 spend from that shard's own bucket; batches, cancel-all and writes
on shard 0 from the unscoped one.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from underround.venues.transport.budget import Charge, Limits, Rate

REQUEST_COST: Final = 10
"""One request, and each order of a batch."""
CANCEL_COST: Final = 2
"""One cancel, each cancel of a batch, and a cancel-all."""
ORDER_READ_COST: Final = 2
"""``GET /portfolio/orders/{id}``."""
BENCHMARK_COST: Final = 50
"""``GET /cfbenchmarks``."""

SHARDS: Final = (0, 1, 2, 3)
"""0 everything else, 1 combos, 2 crypto and commodities, 3 tennis, baseball, basketball."""
READ: Final = "read"
_KEPT_FOR_CANCELS: Final = 10
"""A tenth of a write bucket is never spent on orders."""


class Tier(msgspec.Struct, frozen=True):
    """Tokens per second, and how many seconds of them a bucket holds."""

    read_per_s: int
    write_per_s: int
    read_seconds: int = 2
    write_seconds: int = 2


TIERS: Final[dict[str, Tier]] = {
    "basic": Tier(200, 100, write_seconds=1),
    "advanced": Tier(300, 300),
    "expert": Tier(600, 600),
    "premier": Tier(1_200, 1_200),
    "paragon": Tier(2_400, 2_400),
    "prime": Tier(4_800, 4_800),
    "prestige": Tier(12_000, 9_600),
}
"""Names in lower case as ``usage_tier`` writes them; state of 2026-09-24."""


def order_group(shard: int, shards: Collection[int] = SHARDS) -> str:
    """Return the budget group of one order write that names ``shard``."""
    return f"order.{shard if shard in shards else 0}"


def cancel_group(shard: int, shards: Collection[int] = SHARDS) -> str:
    """Return the budget group of one cancel that names ``shard``."""
    return f"cancel.{shard if shard in shards else 0}"


def limits_of(tier: Tier, shards: Collection[int] = SHARDS) -> Limits:
    """Return a tier's buckets and groups; orders leave a tenth of each for cancels."""
    write = Rate(tier.write_per_s, tier.write_per_s * tier.write_seconds)
    buckets = {READ: Rate(tier.read_per_s, tier.read_per_s * tier.read_seconds)}
    groups: dict[str, tuple[Charge, ...]] = {READ: (Charge(READ),)}
    for shard in {0, *shards}:
        name = f"write.{shard}"
        buckets[name] = write
        groups[f"order.{shard}"] = (Charge(name, leave=write.burst // _KEPT_FOR_CANCELS),)
        groups[f"cancel.{shard}"] = (Charge(name),)
    return Limits(buckets, groups)


def orders_per_batch(tier: Tier) -> int:
    """Return how many orders one batch may carry: a batch must fit the bucket whole."""
    burst = tier.write_per_s * tier.write_seconds
    return (burst - burst // _KEPT_FOR_CANCELS) // REQUEST_COST


def cancels_per_batch(tier: Tier) -> int:
    """Return how many cancels one batch may carry."""
    return tier.write_per_s * tier.write_seconds // CANCEL_COST
