"""Our contracts: their code as it was compiled, and where on the chain each of them stands."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from underround.venues.polygon.contracts import MULTICALL3
from underround.venues.polymarket.contracts import POLYGON

ADMIN: Final = "0x729A9E9D9A145f1FB533E088C36f180A37c42229"
"""Makes and unmakes money here.  Like those of the other roles its key is nobody's: it is the hash
of a sentence, and only the local node acts for it."""
OPERATOR: Final = "0x095E5d4df3A99f5DdB8D50D8b630D654a47e8807"
"""Brings the matches."""
RELAYER: Final = "0x2C428f93ac5737877F33250418a3d34C39FD4E79"
"""Carries out what owners of wallets signed."""
WALLET: Final = "0x3AC47464DdF1Fc48dAC233EbdDaA4a3DcfEe431D"
"""Where the code of all wallets stands; the venue's own implementation is left alone."""
FEE_RECEIVER: Final = "0x94c788172365A243dEa10cec327979A403A74235"
BURN_ADDRESS: Final = "0xa5Ef39C3D3e10d0B270233af41CaC69796B12966"
"""Where conversions of neg-risk positions leave their NO shares."""

EXCHANGES: Final = (POLYGON.exchange, POLYGON.neg_risk_exchange)
PLACES: Final[dict[str, tuple[str, ...]]] = {
    "Exchange": EXCHANGES,
    "PolymarketUsd": (POLYGON.collateral,),
    "UsdcE": (POLYGON.usdc_e,),
    "Onramp": (POLYGON.onramp,),
    "Offramp": (POLYGON.offramp,),
    "CtfCollateralAdapter": (POLYGON.collateral_adapter,),
    "NegRiskCtfCollateralAdapter": (POLYGON.neg_risk_collateral_adapter,),
    "NegRiskAdapter": (POLYGON.neg_risk_adapter,),
    "WrappedCollateral": (POLYGON.wrapped_collateral,),
    "Wallet": (WALLET,),
    "Multicall3": (MULTICALL3,),
}
"""Where each contract is placed: at the address the venue's own has."""
OWN: Final = frozenset(
    (
        *(place for places in PLACES.values() for place in places),
        POLYGON.conditional_tokens,
        ADMIN,
        FEE_RECEIVER,
        BURN_ADDRESS,
    )
)
"""Addresses whose holdings are nobody's account."""

_CLONE_HEAD: Final = "363d3d373d3d3d363d73"
_CLONE_TAIL: Final = "5af43d82803e903d91602b57fd5bf3"


class Compiled(msgspec.Struct, frozen=True, rename="camel"):
    """One contract as the compiler wrote it."""

    abi: list[Any]
    deployed_bytecode: str


class _Artefacts(msgspec.Struct, frozen=True):
    compiler: str
    contracts: dict[str, Compiled]


@cache
def compiled() -> dict[str, Compiled]:
    """Return our contracts by name; ``contracts/`` holds their source."""
    place = resources.files("underround.local_venue.chain") / "contracts.json"
    return msgspec.json.decode(place.read_bytes(), type=_Artefacts).contracts


def wallet_code(owner: str) -> str:
    """Return the code of a wallet: a minimal proxy (ERC-1167) and, after it, the owner."""
    target = WALLET[2:].lower()
    return f"0x{_CLONE_HEAD}{target}{_CLONE_TAIL}{owner[2:].lower()}"
