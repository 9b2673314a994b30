"""Where Binance is reached; a configuration may name others.

The market-data hosts know no accounts, run apart from trading and answer from places in which the
general hosts say 451.  ``binance.us`` is another exchange with other prices: never a fallback.
Source: binance/binance-spot-api-docs, faqs/market_data_only.md (2026-07).
"""

from __future__ import annotations

from typing import Final

MARKET_DATA_REST: Final = "https://data-api.binance.vision"
MARKET_DATA_STREAMS: Final = "wss://data-stream.binance.vision"

GENERAL_REST: Final = "https://api.binance.com"
GENERAL_STREAMS: Final = "wss://stream.binance.com:9443"
