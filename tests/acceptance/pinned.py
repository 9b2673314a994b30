"""Every value that a change of strategies, fills or data may change: look at it, then pin it anew.

``python -m pytest tests/acceptance`` names what differs.  A new digest without an intended change
of decisions is a fault.
"""

from __future__ import annotations

from typing import Final

BUNDLED_FRAMES: Final = 103_711
"""Frames of the bundled recording nhl-2026-06-07."""

KALSHI_SESSION: Final = "20260513T1522"
KALSHI_FRAMES: Final = 77_635
KALSHI_ORDERS: Final = 189
KALSHI_FILLS: Final = 68
KALSHI_DIGEST: Final = "3a746090d78f27d28d90adb134d49cd001207f5ad5a0aeb5d8becacd710e3427"
"""Of the replay of that session with its Coinbase ticks and the default configuration."""
KALSHI_TICKERS: Final = {
    "kalshi:KXBTC15M-26MAY131130-30": 370,
    "kalshi:KXBTC15M-26MAY131145-45": 294,
}
"""Best prices stated by the ticker channel, by market."""

RAW_SESSIONS_VERIFIED: Final = 854
"""Venue hashes that hold over all of Polymarket's raw sessions."""
RAW_SESSIONS_FRAMES: Final = 2_268
