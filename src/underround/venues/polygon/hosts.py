"""Where Polygon is reached by default; all of it is configuration."""

from __future__ import annotations

from typing import Final

CHAIN_ID: Final = 137
AMOY_CHAIN_ID: Final = 80_002
"""The test network."""

RPC_URLS: Final = ("https://polygon-bor-rpc.publicnode.com",)
"""A public node without a key.  Whoever relies on the chain names a second one, of their own."""
GAS_STATION_URL: Final = "https://gasstation.polygon.technology"
GAS_STATION_TARGET: Final = "/v2"
AMOY_GAS_STATION_TARGET: Final = "/amoy"
