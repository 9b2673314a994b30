"""Where Polygon is reached by default; all of it is configuration."""

from __future__ import annotations

from typing import Final

CHAIN_ID: Final = 137
AMOY_CHAIN_ID: Final = 80_002
"""The test network."""

RPC_URLS: Final = (
    "https://polygon-bor-rpc.publicnode.com",
    "https://polygon.drpc.org",
    "https://1rpc.io/matic",
)
"""Public nodes without a key.  Whoever trades through the chain names nodes of their own first."""
GAS_STATION_URL: Final = "https://gasstation.polygon.technology"
GAS_STATION_TARGET: Final = "/v2"
AMOY_GAS_STATION_TARGET: Final = "/amoy"
