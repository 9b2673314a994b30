"""What a wallet's calls mean at Polymarket's contracts: calldata → acts.

Only what accounts do: approve, send, split, merge, redeem, convert, wrap.  Sources: Gnosis
ConditionalTokens, Polymarket's ``neg-risk-ctf-adapter`` and the documentation of its adapters,
ramps and of Protocol V2's Router.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from underround.local_venue.world import CallReverted, WalletCall
from underround.model.errors import AnswerRefused
from underround.model.units import Size
from underround.venues.ethereum import checksum
from underround.venues.polygon import calldata
from underround.venues.polygon.abi import SELECTOR_BYTES, Function
from underround.venues.polymarket.contracts import POLYGON

WRAP: Final = Function("wrap(address,address,uint256)")
UNWRAP: Final = Function("unwrap(address,address,uint256)")
TRANSFER: Final = Function("transfer(address,uint256)", "bool")


class Approve(msgspec.Struct, frozen=True):
    """``spender`` may take up to ``amount`` of an ERC-20 from now on."""

    token: str
    spender: str
    amount: int


class ApproveAll(msgspec.Struct, frozen=True):
    """``spender`` may move all shares that ``token`` (an ERC-1155) holds, or no longer."""

    token: str
    spender: str
    granted: bool


class Send(msgspec.Struct, frozen=True):
    """Dollars go to somebody."""

    token: str
    to: str
    amount: int


class SendShares(msgspec.Struct, frozen=True):
    """Shares go to somebody."""

    token: str
    giver: str
    to: str
    positions: tuple[int, ...]
    amounts: tuple[int, ...]


class Split(msgspec.Struct, frozen=True):
    """Dollars become sets; ``at`` is the contract that does it."""

    at: str
    condition: bytes
    size: Size
    collateral: str = ""
    partition: tuple[int, ...] = (1, 2)


class Merge(msgspec.Struct, frozen=True):
    """Sets become dollars."""

    at: str
    condition: bytes
    size: Size
    collateral: str = ""
    partition: tuple[int, ...] = (1, 2)


class Redeem(msgspec.Struct, frozen=True):
    """Shares of a resolved market become what they are worth; ``None``: all of an outcome."""

    at: str
    condition: bytes
    amounts: tuple[Size | None, Size | None]
    collateral: str = ""


class Convert(msgspec.Struct, frozen=True):
    """NO of several questions of a group becomes YES of the others and dollars."""

    at: str
    group: bytes
    index_set: int
    size: Size


class Ramp(msgspec.Struct, frozen=True):
    """USDC.e becomes pUSD (``up``), or pUSD USDC.e, for ``to``."""

    asset: str
    to: str
    amount: int
    up: bool


Act: TypeAlias = Approve | ApproveAll | Send | SendShares | Split | Merge | Redeem | Convert | Ramp
_Make: TypeAlias = Callable[..., Act]


def act_of(call: WalletCall) -> Act:
    """Return what a call does; raises ``CallReverted`` for what no contract here takes."""
    target = checksum(bytes.fromhex(call.to[2:]))
    known = _CONTRACTS.get(target)
    if known is None:
        raise CallReverted(f"no contract of the local venue is at {target}")
    if call.value:
        raise CallReverted("the function takes no value")
    entry = known.get(call.data[:SELECTOR_BYTES])
    if entry is None:
        raise CallReverted(f"{target} has no function {call.data[:SELECTOR_BYTES].hex()} here")
    function, make = entry
    try:
        arguments = function.arguments(call.data)
    except AnswerRefused:
        raise CallReverted(f"{function.signature}: the calldata cannot be decoded") from None
    return make(target, *(_plain(argument) for argument in arguments))


def _plain(value: Any) -> Any:
    """Return addresses checksummed, everything else as it is."""
    if isinstance(value, str) and value.startswith("0x"):
        return checksum(bytes.fromhex(value[2:]))
    return value


# --- one maker of an act for each function -------------------------------------------------------


def _split(at: str, collateral: str, parent: bytes, condition: bytes, *rest: Any) -> Act:
    _no_parent(parent)
    return Split(at, condition, rest[1], collateral, tuple(rest[0]))


def _merge(at: str, collateral: str, parent: bytes, condition: bytes, *rest: Any) -> Act:
    _no_parent(parent)
    return Merge(at, condition, rest[1], collateral, tuple(rest[0]))


def _redeem(at: str, collateral: str, parent: bytes, condition: bytes, sets: Any) -> Act:
    _no_parent(parent)
    if not set(sets) <= {1, 2}:
        raise CallReverted("got invalid index set")
    return Redeem(at, condition, (_all(1 in sets), _all(2 in sets)), collateral)


def _all(asked: bool) -> Size | None:
    """``None`` stands for all of an outcome."""
    return None if asked else 0


def _no_parent(parent: bytes) -> None:
    if any(parent):
        raise CallReverted("no market of the local venue has a parent collection")


def _redeem_amounts(at: str, condition: bytes, amounts: Any) -> Act:
    if len(amounts) != 2:
        raise CallReverted("an amount for each of two outcomes is needed")
    return Redeem(at, condition, (amounts[0], amounts[1]))


def _redeem_outcome(at: str, condition: bytes, outcome: int, amount: int) -> Act:
    if outcome not in {0, 1}:
        raise CallReverted("InvalidOutcome()")
    return Redeem(at, condition, (amount, 0) if outcome == 0 else (0, amount))


def _send_one(at: str, giver: str, to: str, position: int, amount: int, _data: bytes) -> Act:
    return SendShares(at, giver, to, (position,), (amount,))


def _send_many(at: str, giver: str, to: str, positions: Any, amounts: Any, _data: bytes) -> Act:
    if len(positions) != len(amounts):
        raise CallReverted("ERC1155: IDs and values must have same lengths")
    return SendShares(at, giver, to, tuple(positions), tuple(amounts))


def _wrap(_at: str, asset: str, to: str, amount: int) -> Act:
    return Ramp(asset, to, amount, up=True)


def _unwrap(_at: str, asset: str, to: str, amount: int) -> Act:
    return Ramp(asset, to, amount, up=False)


def _table(*entries: tuple[Function, _Make]) -> dict[bytes, tuple[Function, _Make]]:
    return {function.selector: (function, make) for function, make in entries}


_MONEY: Final = _table((calldata.APPROVE, Approve), (TRANSFER, Send))
_SHARES: Final = _table(
    (calldata.SET_APPROVAL_FOR_ALL, ApproveAll),
    (calldata.TRANSFER_POSITION, _send_one),
    (calldata.TRANSFER_POSITIONS, _send_many),
)
_SETS: Final = _table(
    (calldata.SPLIT_POSITION, _split),
    (calldata.MERGE_POSITIONS, _merge),
    (calldata.REDEEM_POSITIONS, _redeem),
)
_CONVERSION: Final = _table((calldata.NEG_RISK_CONVERT, Convert))
_NATIVE: Final = _table(
    (calldata.NEG_RISK_SPLIT, Split),
    (calldata.NEG_RISK_MERGE, Merge),
    (calldata.NEG_RISK_REDEEM, _redeem_amounts),
)
_ROUTER: Final = _table(
    (calldata.ROUTER_SPLIT, Split),
    (calldata.ROUTER_MERGE, Merge),
    (calldata.ROUTER_REDEEM, _redeem_outcome),
)
_CONTRACTS: Final[Mapping[str, Mapping[bytes, tuple[Function, _Make]]]] = {
    POLYGON.collateral: _MONEY,
    POLYGON.usdc_e: _MONEY,
    POLYGON.conditional_tokens: _SHARES | _SETS,
    POLYGON.position_manager: _SHARES,
    POLYGON.collateral_adapter: _SETS,
    POLYGON.neg_risk_collateral_adapter: _SETS | _CONVERSION,
    POLYGON.neg_risk_adapter: _NATIVE | _CONVERSION,
    POLYGON.router: _ROUTER,
    POLYGON.onramp: _table((WRAP, _wrap)),
    POLYGON.offramp: _table((UNWRAP, _unwrap)),
}
