"""Where Polymarket is.  Defaults only: every part can be configured, tests use loopback.

Source: ``polymarket-client`` 0.14.0 ``environments.py`` and docs.polymarket.com, 2026-10.
"""

from __future__ import annotations

from typing import Final

import msgspec


class PolymarketHosts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base addresses, without a slash at the end."""

    clob: str = "https://clob.polymarket.com"
    clob_market_stream: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    clob_user_stream: str = "wss://ws-subscriptions-clob.polymarket.com/ws/user"
    gamma: str = "https://gamma-api.polymarket.com"
    data: str = "https://data-api.polymarket.com"
    live_prices_stream: str = "wss://ws-live-v2.polymarket.com/ws"
    """PolyBolt: reference prices."""
    rtds_stream: str = "wss://ws-live-data.polymarket.com"
    """Reference prices until October 2026."""
    sports_stream: str = "wss://sports-api.polymarket.com/ws"
    relayer: str = "https://relayer-v2.polymarket.com"
    site: str = "https://polymarket.com"
    """Where ``/api/geoblock`` answers; not on the CLOB."""


HOSTS: Final = PolymarketHosts()
