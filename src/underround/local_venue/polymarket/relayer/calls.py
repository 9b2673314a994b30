"""The calls inside a relayed transaction: through the proxy factory, a safe, or its MultiSend."""

from __future__ import annotations

from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.world import WalletCall
from underround.venues.ethereum import ADDRESS_BYTES, WORD, checksum, keccak
from underround.venues.polymarket.contracts import POLYGON
from underround.venues.polymarket.relayer.wallet_calls import Call

_MULTI_SEND: Final = keccak(b"multiSend(bytes)")[:4]
_PROXY: Final = keccak(b"proxy((uint8,address,uint256,bytes)[])")[:4]
_PLAIN_CALL: Final = 0
_DELEGATE_CALL: Final = 1
_PROXY_CALL: Final = 1


def proxy_calls(data: bytes) -> tuple[WalletCall, ...]:
    """Return the calls in the data of the proxy factory."""
    if data[:4] != _PROXY:
        raise Refused(400, "data is no call of the proxy factory")
    (rows,) = _decoded(["(uint8,address,uint256,bytes)[]"], data[4:])
    if any(kind != _PROXY_CALL for kind, _, _, _ in rows):
        raise Refused(400, "a proxy makes plain calls only")
    return tuple(_call(to, payload, value) for _, to, value, payload in rows)


def safe_calls(one: Call, operation: int) -> tuple[WalletCall, ...]:
    """Return the calls of a safe: the one it makes, or those MultiSend makes for it."""
    if operation == _PLAIN_CALL:
        return (_call(one.target, one.data, one.value),)
    if operation != _DELEGATE_CALL or one.target != POLYGON.safe_multisend:
        raise Refused(400, "a safe delegates calls to MultiSend only")
    if one.data[:4] != _MULTI_SEND:
        raise Refused(400, "data is no call of MultiSend")
    (packed,) = _decoded(["bytes"], one.data[4:])
    return tuple(_unpacked(packed))


def _unpacked(packed: bytes) -> list[WalletCall]:
    """Take the packed calls of ``MultiSend`` apart: kind, target, value, length, data."""
    calls: list[WalletCall] = []
    head = 1 + ADDRESS_BYTES + 2 * WORD
    place = 0
    while place < len(packed):
        row = packed[place : place + head]
        length = int.from_bytes(row[-WORD:], "big")
        end = place + head + length
        if len(row) < head or end > len(packed) or row[0] != _PLAIN_CALL:
            raise Refused(400, "the calls of MultiSend cannot be taken apart")
        value = int.from_bytes(row[1 + ADDRESS_BYTES : -WORD], "big")
        target = checksum(row[1 : 1 + ADDRESS_BYTES])
        calls.append(WalletCall(target, packed[place + head : end], value))
        place = end
    return calls


def _call(to: str, data: bytes, value: int) -> WalletCall:
    return WalletCall(checksum(bytes.fromhex(to[2:])), data, value)


def _decoded(kinds: list[str], data: bytes) -> tuple[Any, ...]:
    try:
        return decode(kinds, data)
    except (DecodingError, UnicodeDecodeError, OverflowError):
        raise Refused(400, "data cannot be decoded") from None
