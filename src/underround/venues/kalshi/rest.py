"""Kalshi's REST API for one account, or for nobody."""

from __future__ import annotations

from collections.abc import Callable, Collection

from underround.model.units import Nanos
from underround.venues.kalshi.calls import Calls
from underround.venues.kalshi.group_requests import KalshiOrderGroups
from underround.venues.kalshi.limits import (
    SHARDS,
    TIERS,
    Tier,
    cancels_per_batch,
    orders_per_batch,
)
from underround.venues.kalshi.market_requests import KalshiMarkets
from underround.venues.kalshi.order_requests import KalshiOrders
from underround.venues.kalshi.portfolio_requests import KalshiPortfolio
from underround.venues.kalshi.sign import KalshiSigner
from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport


class KalshiRest:
    """The client: ``markets`` for everybody, ``portfolio``, ``orders`` and ``groups`` with a key.

    ``budget`` must know the groups of ``limits.limits_of(tier, shards)``.  Nothing is retried and
    nothing is resent; what an error asks for is said by its class.
    """

    def __init__(
        self,
        transport: HttpTransport,
        budget: Spender,
        signer: KalshiSigner | None,
        clock: Callable[[], Nanos],
        *,
        tier: Tier = TIERS["basic"],
        shards: Collection[int] = SHARDS,
    ) -> None:
        """``transport`` speaks to one of ``hosts``; ``clock`` is Unix time, for signatures."""
        calls = Calls(transport, budget, signer, clock)
        self.markets = KalshiMarkets(calls)
        self.portfolio = KalshiPortfolio(calls)
        self.orders = KalshiOrders(
            calls,
            shards=shards,
            orders_at_once=orders_per_batch(tier),
            cancels_at_once=cancels_per_batch(tier),
        )
        self.groups = KalshiOrderGroups(calls, shards=shards)
