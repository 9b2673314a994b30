"""Addresses on Polygon (chain 137) that Polymarket uses, in lower case as logs carry them.

The one table of them, with its source, is ``venues.polymarket.contracts``.
"""

from __future__ import annotations

from typing import Final

from underround.venues.polygon.quantities import Address
from underround.venues.polymarket.contracts import POLYGON


def _as_logged(address: str) -> Address:
    return Address(address.lower())


PUSD: Final = _as_logged(POLYGON.collateral)
"""Collateral since 2026-04: an ERC-20 with 6 decimals, so its units are micro-dollars."""
USDC_E: Final = _as_logged(POLYGON.usdc_e)
"""The collateral that ordinary position ids are still derived from."""
CONDITIONAL_TOKENS: Final = _as_logged(POLYGON.conditional_tokens)
CTF_ADAPTER: Final = _as_logged(POLYGON.collateral_adapter)
"""Splits, merges and redeems ordinary markets against pUSD."""
NEG_RISK_CTF_ADAPTER: Final = _as_logged(POLYGON.neg_risk_collateral_adapter)
NEG_RISK_ADAPTER: Final = _as_logged(POLYGON.neg_risk_adapter)
WRAPPED_COLLATERAL: Final = _as_logged(POLYGON.wrapped_collateral)
POSITION_MANAGER: Final = _as_logged(POLYGON.position_manager)
"""Holds the positions of Protocol V2 (ERC-1155)."""
ROUTER: Final = _as_logged(POLYGON.router)
AUTO_REDEEMER: Final = _as_logged(POLYGON.auto_redeemer)
MULTICALL3: Final = Address("0xca11bde05977b3631167028862be2a173976ca11")

EXCHANGE_V1: Final = Address("0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e")
NEG_RISK_EXCHANGE_V1: Final = Address("0xc5d563a36ae78145c45a50134d48a1215220f80a")
EXCHANGE_V2: Final = _as_logged(POLYGON.exchange)
NEG_RISK_EXCHANGE_V2: Final = _as_logged(POLYGON.neg_risk_exchange)
EXCHANGE_V3: Final = _as_logged(POLYGON.exchange_v3)

EXCHANGES_V1: Final = (EXCHANGE_V1, NEG_RISK_EXCHANGE_V1)
"""Without trades since 2026-04-28."""
EXCHANGES: Final = (EXCHANGE_V2, NEG_RISK_EXCHANGE_V2, EXCHANGE_V3)
EXCHANGE_V2_BLOCK: Final = 84_902_353
"""The block (2026-03-31) in which the second exchange was deployed: nothing of it is older."""
