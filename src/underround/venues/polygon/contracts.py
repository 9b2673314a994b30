"""Addresses on Polygon (chain 137) that Polymarket uses, in lower case as logs carry them.

Sources: Polymarket's docs, resources/contracts, and the ``environments`` of its SDKs (2026-11).
"""

from __future__ import annotations

from typing import Final

from underround.venues.polygon.quantities import Address

PUSD: Final = Address("0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb")
"""Collateral since 2026-04: an ERC-20 with 6 decimals, so its units are micro-dollars."""
USDC_E: Final = Address("0x2791bca1f2de4661ed88a30c99a7a9449aa84174")
"""The collateral that ordinary position ids are still derived from."""
CONDITIONAL_TOKENS: Final = Address("0x4d97dcd97ec945f40cf65f87097ace5ea0476045")
CTF_ADAPTER: Final = Address("0xada100db00ca00073811820692005400218fce1f")
"""Splits, merges and redeems ordinary markets against pUSD."""
NEG_RISK_CTF_ADAPTER: Final = Address("0xada2005600dec949baf300f4c6120000bdb6eaab")
NEG_RISK_ADAPTER: Final = Address("0xd91e80cf2e7be2e162c6513ced06f1dd0da35296")
WRAPPED_COLLATERAL: Final = Address("0x3a3bd7bb9528e159577f7c2e685cc81a765002e2")
POSITION_MANAGER: Final = Address("0x006f54f7f9a22e0000cc2ab60031000000ae9fef")
"""Holds the positions of Protocol V2 (ERC-1155)."""
ROUTER: Final = Address("0x12121212006e4cd160d18e3f00711da5c3372600")
AUTO_REDEEMER: Final = Address("0xa1200000d0002264c9a1698e001292d00e1b00af")
MULTICALL3: Final = Address("0xca11bde05977b3631167028862be2a173976ca11")

EXCHANGE_V1: Final = Address("0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e")
NEG_RISK_EXCHANGE_V1: Final = Address("0xc5d563a36ae78145c45a50134d48a1215220f80a")
EXCHANGE_V2: Final = Address("0xe111180000d2663c0091e4f400237545b87b996b")
NEG_RISK_EXCHANGE_V2: Final = Address("0xe2222d279d744050d28e00520010520000310f59")
EXCHANGE_V3: Final = Address("0xe3333700ca9d93003f00f0f71f8515005f6c00aa")

EXCHANGES_V1: Final = (EXCHANGE_V1, NEG_RISK_EXCHANGE_V1)
"""Without trades since 2026-04-28."""
EXCHANGES: Final = (EXCHANGE_V2, NEG_RISK_EXCHANGE_V2, EXCHANGE_V3)
EXCHANGE_V2_BLOCK: Final = 84_902_353
"""The block (2026-03-31) in which the second exchange was deployed: nothing of it is older."""
