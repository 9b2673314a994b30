"""Calls that change an account's positions: approve, split, merge, redeem, convert.

Three families of markets take them at three places (polymarket's docs, 2026-11):

========== =============================== ==================================
family     where                           ids
========== =============================== ==================================
ctf        CtfCollateralAdapter            32-byte condition id
neg_risk   NegRiskCtfCollateralAdapter     32-byte condition id
router     Protocol V2's Router            31-byte condition id
========== =============================== ==================================

All of them take and pay pUSD from and to the caller.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from underround.model.units import Size
from underround.venues.polygon import calldata
from underround.venues.polygon.contracts import (
    CONDITIONAL_TOKENS,
    CTF_ADAPTER,
    NEG_RISK_ADAPTER,
    NEG_RISK_CTF_ADAPTER,
    POSITION_MANAGER,
    PUSD,
    ROUTER,
)
from underround.venues.polygon.quantities import Address
from underround.venues.polygon.sign import Call

Family: TypeAlias = Literal["ctf", "neg_risk", "router"]

ENDLESS: Final = 2**256 - 1
"""An allowance that is never used up."""
BINARY: Final = (1, 2)
"""The index sets of a binary market: bit 0 is the first outcome, bit 1 the second."""
_NO_PARENT: Final = bytes(32)
_WHERE: Final[dict[Family, Address]] = {
    "ctf": CTF_ADAPTER,
    "neg_risk": NEG_RISK_CTF_ADAPTER,
    "router": ROUTER,
}


def place_of(family: Family) -> Address:
    """Return the contract that splits, merges and redeems: it needs both approvals."""
    return _WHERE[family]


def allow_collateral(spender: Address, amount: int = ENDLESS, token: Address = PUSD) -> Call:
    """Return the call that lets ``spender`` take up to ``amount`` of our collateral."""
    return Call(token, calldata.APPROVE(spender, amount))


def allow_positions(operator: Address, *, allowed: bool = True, v2: bool = False) -> Call:
    """Return the call that lets ``operator`` move all our positions, or no longer.

    ``v2``: those of Protocol V2, which another contract holds.
    """
    holder = POSITION_MANAGER if v2 else CONDITIONAL_TOKENS
    return Call(holder, calldata.SET_APPROVAL_FOR_ALL(operator, allowed))


def approvals(family: Family) -> tuple[Call, ...]:
    """Return the two calls without which split, merge and redeem of a family revert."""
    place = place_of(family)
    return allow_collateral(place), allow_positions(place, v2=family == "router")


def split(family: Family, condition: str, amount: Size) -> Call:
    """Return the call that turns ``amount`` micro-dollars into as much of each outcome."""
    _positive(amount)
    if family == "router":
        return Call(ROUTER, calldata.ROUTER_SPLIT(short_condition(condition), amount))
    data = calldata.SPLIT_POSITION(PUSD, _NO_PARENT, whole_condition(condition), BINARY, amount)
    return Call(place_of(family), data)


def merge(family: Family, condition: str, amount: Size) -> Call:
    """Return the call that turns ``amount`` of each outcome back into micro-dollars."""
    _positive(amount)
    if family == "router":
        return Call(ROUTER, calldata.ROUTER_MERGE(short_condition(condition), amount))
    data = calldata.MERGE_POSITIONS(PUSD, _NO_PARENT, whole_condition(condition), BINARY, amount)
    return Call(place_of(family), data)


def redeem(family: Literal["ctf", "neg_risk"], condition: str) -> Call:
    """Return the call that pays out a resolved market; takes our whole balance of both outcomes."""
    data = calldata.REDEEM_POSITIONS(PUSD, _NO_PARENT, whole_condition(condition), BINARY)
    return Call(place_of(family), data)


def redeem_v2(condition: str, outcome: int, amount: Size) -> Call:
    """Return the call that pays out ``amount`` of one outcome of a Protocol V2 market."""
    _positive(amount)
    if outcome not in {0, 1}:
        raise ValueError(f"outcome {outcome} is neither 0 (YES) nor 1 (NO)")
    return Call(ROUTER, calldata.ROUTER_REDEEM(short_condition(condition), outcome, amount))


def convert(neg_risk_market: str, index_set: int, amount: Size) -> Call:
    """Return the call that turns NO of several outcomes of a group into YES of all the others.

    Bit i of ``index_set`` is question i; n bits set also pay (n − 1) · ``amount``.  The native
    adapter: it pays USDC.e (less the group's fee), not pUSD.  ``neg_risk_market`` is the group's
    32-byte market id.
    """
    _positive(amount)
    if index_set < 1:
        raise ValueError("a conversion needs NO of at least one question")
    market = whole_condition(neg_risk_market)
    return Call(NEG_RISK_ADAPTER, calldata.NEG_RISK_CONVERT(market, index_set, amount))


def whole_condition(text: str) -> bytes:
    """Return a 32-byte id from hex; raises ``ValueError``."""
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) != 32:
        raise ValueError(f"{text!r} has {len(raw)} bytes, not 32")
    return raw


def short_condition(text: str) -> bytes:
    """Return the 31 bytes of a Protocol V2 condition id; its padded 32-byte form ends in 00."""
    raw = bytes.fromhex(text.removeprefix("0x"))
    if len(raw) == 32 and raw[-1] == 0:
        raw = raw[:-1]
    if len(raw) != 31:
        raise ValueError(f"{text!r} is no Protocol V2 condition id (31 bytes)")
    return raw


def _positive(amount: Size) -> None:
    if amount <= 0:
        raise ValueError(f"an amount of {amount} changes nothing")
