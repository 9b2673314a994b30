"""How fast Polymarket may be asked.

Two layers, and a request must pass both.  Addresses are counted in windows (docs: rate-limits,
2026-10), one token a request.  Signers have two token buckets (docs: trading-rate-limits,
2026-07-24), where a batch costs its length and a tier sets the rate.
"""

from __future__ import annotations

from typing import Final

import msgspec

from underround.venues.transport.budget import Charge, Limits, Rate, window

SIGNER_ORDERS: Final = "signer.orders"
SIGNER_CANCELS: Final = "signer.cancels"
CANCEL_RESERVE: Final = 400
"""Requests of an address's window that only cancels and heartbeats may use."""


class Tier(msgspec.Struct, frozen=True):
    """What one tier may send; cancels are kept in a bucket of their own."""

    orders: Rate
    cancels: Rate


TIERS: Final[dict[str, Tier]] = {
    "standard": Tier(Rate(40, 60), Rate(80, 120)),
    "copper": Tier(Rate(60, 90), Rate(120, 180)),
    "bronze": Tier(Rate(80, 120), Rate(160, 240)),
    "silver": Tier(Rate(200, 300), Rate(400, 600)),
    "gold": Tier(Rate(400, 600), Rate(800, 1_200)),
    "platinum": Tier(Rate(450, 675), Rate(900, 1_350)),
    "diamond": Tier(Rate(525, 787), Rate(1_050, 1_575)),
    "elite": Tier(Rate(600, 900), Rate(1_200, 1_800)),
}
"""Lower-case names; a tier that is not here changes nothing, so no limit widens by a guess."""

_CLOB: Final = (
    Charge("ip.all", flat=True, leave=CANCEL_RESERVE),
    Charge("ip.clob", flat=True, leave=CANCEL_RESERVE),
)
_URGENT: Final = (Charge("ip.all", flat=True), Charge("ip.clob", flat=True))
_OTHER_HOST: Final = (Charge("ip.all", flat=True, leave=CANCEL_RESERVE),)


def _own(*buckets: str) -> tuple[Charge, ...]:
    return tuple(Charge(bucket, flat=True) for bucket in buckets)


_ADDRESS: Final[dict[str, Rate]] = {
    "ip.all": window(15_000, 10),
    "ip.clob": window(9_000, 10),
    "ip.market": window(1_500, 10),
    "ip.markets": window(500, 10),
    "ip.history": window(1_000, 10),
    "ip.ticks": window(200, 10),
    "ip.account": window(900, 10),
    "ip.ledger": window(500, 10),
    "ip.notifications": window(125, 10),
    "ip.balance": window(200, 10),
    "ip.balance_update": window(50, 10),
    "ip.auth": window(100, 10),
    "ip.order": window(5_000, 10),
    "ip.order_long": window(120_000, 600),
    "ip.orders": window(2_000, 10),
    "ip.orders_long": window(21_000, 600),
    "ip.cancel": window(5_000, 10),
    "ip.cancel_long": window(120_000, 600),
    "ip.cancels": window(2_000, 10),
    "ip.cancels_long": window(15_000, 600),
    "ip.cancel_all": window(250, 10),
    "ip.cancel_all_long": window(6_000, 600),
    "ip.cancel_market": window(1_500, 10),
    "ip.cancel_market_long": window(21_000, 600),
    "ip.data": window(1_000, 10),
    "ip.data_trades": window(200, 10),
    "ip.data_positions": window(150, 10),
    "ip.gamma": window(4_000, 10),
    "ip.gamma_lists": window(900, 10),
    "ip.gamma_events": window(500, 10),
    "ip.gamma_markets": window(300, 10),
    "ip.gamma_search": window(350, 10),
    "ip.gamma_tags": window(200, 10),
    "ip.relayer": window(25, 60),
}
_GROUPS: Final[dict[str, tuple[Charge, ...]]] = {
    "clob": _CLOB,
    "market": (*_own("ip.market"), *_CLOB),
    "markets": (*_own("ip.markets"), *_CLOB),
    "history": (*_own("ip.history"), *_CLOB),
    "ticks": (*_own("ip.ticks"), *_CLOB),
    "account": (*_own("ip.account"), *_CLOB),
    "ledger": (*_own("ip.ledger", "ip.account"), *_CLOB),
    "notifications": (*_own("ip.notifications", "ip.account"), *_CLOB),
    "balance": (*_own("ip.balance"), *_CLOB),
    "balance_update": (*_own("ip.balance_update"), *_CLOB),
    "auth": (*_own("ip.auth"), *_CLOB),
    "order": (Charge(SIGNER_ORDERS), *_own("ip.order", "ip.order_long"), *_CLOB),
    "orders": (Charge(SIGNER_ORDERS), *_own("ip.orders", "ip.orders_long"), *_CLOB),
    "cancel": (Charge(SIGNER_CANCELS), *_own("ip.cancel", "ip.cancel_long"), *_URGENT),
    "cancels": (Charge(SIGNER_CANCELS), *_own("ip.cancels", "ip.cancels_long"), *_URGENT),
    "cancel_all": (
        Charge(SIGNER_CANCELS),
        *_own("ip.cancel_all", "ip.cancel_all_long"),
        *_URGENT,
    ),
    "cancel_market": (
        Charge(SIGNER_CANCELS),
        *_own("ip.cancel_market", "ip.cancel_market_long"),
        *_URGENT,
    ),
    "heartbeat": _URGENT,
    "data": (*_own("ip.data"), *_OTHER_HOST),
    "data_trades": (*_own("ip.data_trades", "ip.data"), *_OTHER_HOST),
    "data_positions": (*_own("ip.data_positions", "ip.data"), *_OTHER_HOST),
    "gamma_events": _own("ip.gamma_events", "ip.gamma_lists", "ip.gamma"),
    "gamma_markets": _own("ip.gamma_markets", "ip.gamma_lists", "ip.gamma"),
    "gamma_search": _own("ip.gamma_search", "ip.gamma"),
    "gamma_tags": _own("ip.gamma_tags", "ip.gamma"),
    "gamma_series": _own("ip.gamma"),
    "relayer": (*_own("ip.relayer"), *_OTHER_HOST),
    "relayer_reads": _OTHER_HOST,
    "site": _OTHER_HOST,
}


def limits_of(tier: str = "standard") -> Limits:
    """Return the limits of an address and a signer of ``tier`` (a key of ``TIERS``)."""
    rates = TIERS[tier]
    signer = {SIGNER_ORDERS: rates.orders, SIGNER_CANCELS: rates.cancels}
    return Limits(buckets=_ADDRESS | signer, groups=_GROUPS)
