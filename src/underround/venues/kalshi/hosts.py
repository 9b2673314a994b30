"""Where Kalshi is reached: production and demo, each with its older twin.

Source: docs.kalshi.com, getting started, and a check of 2026-09-26.  All categories, crypto too,
are behind every host of an exchange.  Demo has accounts and keys of its own.
"""

from __future__ import annotations

from typing import Final

import msgspec

API: Final = "/trade-api/v2"
"""Path of every request; part of the signed text."""
STREAM: Final = "/trade-api/ws/v2"
"""Path of the WebSocket; part of the signed text."""


class Hosts(msgspec.Struct, frozen=True):
    """Base addresses of one exchange, without a path."""

    rest: str
    socket: str

    @property
    def stream_url(self) -> str:
        """Where the WebSocket opens."""
        return self.socket + STREAM


PRODUCTION: Final = Hosts("https://external-api.kalshi.com", "wss://external-api-ws.kalshi.com")
PRODUCTION_OLDER: Final = Hosts(
    "https://api.elections.kalshi.com", "wss://api.elections.kalshi.com"
)
DEMO: Final = Hosts("https://external-api.demo.kalshi.co", "wss://external-api-ws.demo.kalshi.co")
DEMO_OLDER: Final = Hosts("https://demo-api.kalshi.co", "wss://demo-api.kalshi.co")
