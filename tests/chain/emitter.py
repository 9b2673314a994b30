"""A contract of a few bytes that emits whatever log it is told, for logs of contracts we lack."""

from __future__ import annotations

from eth_abi.abi import encode

from tests.chain.node import Anvil
from underround.venues.polygon.event import topic_of
from underround.venues.polygon.exchange_events import OrderFilled
from underround.venues.polygon.quantities import Address

_CODE = (
    "6080360360806000"  # size = calldatasize − 128, from 128, to 0
    "37"  # copy the data into memory
    "606035604035602035600035"  # four topics, the last one first
    "608036036000"  # size, offset
    "a400"  # log with four topics, stop
)
_CALLER = "0x00000000000000000000000000000000000000ee"


def place_emitter(anvil: Anvil, at: Address) -> None:
    """Put the emitter at an address."""
    anvil.rpc("anvil_setCode", at, "0x" + _CODE)


def filled(  # the fields of the event
    order: int, maker: str, taker: str, side: int, token: int, gives: int, gets: int, fee: int = 0
) -> bytes:
    """Return the calldata that make the emitter log an OrderFilled of the second exchange."""
    topics = bytes.fromhex(topic_of(OrderFilled)[2:]) + order.to_bytes(32, "big")
    topics += encode(["address", "address"], [maker, taker])
    kinds = ["uint8", "uint256", "uint256", "uint256", "uint256", "bytes32", "bytes32"]
    return topics + encode(kinds, [side, token, gives, gets, fee, bytes(32), bytes(32)])


def emit(anvil: Anvil, at: Address, *logs: bytes) -> None:
    """Emit logs in one block, one transaction each."""
    anvil.rpc("anvil_setBalance", _CALLER, hex(10**20))
    anvil.rpc("anvil_impersonateAccount", _CALLER)
    call = {"from": _CALLER, "to": at, "gas": hex(200_000)}
    names = [anvil.rpc("eth_sendTransaction", call | {"data": "0x" + data.hex()}) for data in logs]
    anvil.mine()
    for name in names:
        assert anvil.rpc("eth_getTransactionReceipt", name)["status"] == "0x1"
