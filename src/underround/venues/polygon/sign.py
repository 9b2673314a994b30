"""Signing a transaction (type 2, EIP-1559) with a key that stays inside ``EvmKey``.

The few lines of RLP are our own: eth_account imports py_ecc, which sets Python's limit of recursion
to 100,000, and with that a deeply nested answer ends the process instead of being refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from underround.model.errors import AccountError
from underround.venues.ethereum import EvmKey, everybody_has_key_of, keccak
from underround.venues.polygon.fees import Fees, Wei
from underround.venues.polygon.quantities import Address, Hash

RlpItem: TypeAlias = "bytes | Sequence[RlpItem]"

_TYPE: Final = b"\x02"
_SHORT_BYTES: Final = 0x80
_SHORT_LIST: Final = 0xC0
_LONGEST_SHORT: Final = 55
"""Longer ones carry the length of their length."""


class Call(msgspec.Struct, frozen=True):
    """What a transaction does: ``data`` sent to ``to`` with ``value`` wei of POL."""

    to: Address
    data: bytes = b""
    value: Wei = 0


class Signed(msgspec.Struct, frozen=True):
    """A transaction as it goes out; its hash is known before it is sent."""

    hash: Hash
    raw: bytes


def refuse_public_key(address: Address) -> None:
    """Raise ``AccountError`` for an address whose private key everybody knows."""
    if everybody_has_key_of(address):
        raise AccountError(
            f"the key of {address} is printed in the manuals of local nodes and whatever it holds "
            "is stolen at once: use a key of your own"
        )


def sign_transaction(
    key: EvmKey, call: Call, *, chain_id: int, nonce: int, gas: int, fees: Fees
) -> Signed:
    """Return ``call`` as a signed transaction; the same inputs give the same bytes (RFC 6979)."""
    fields: list[RlpItem] = [
        _number(chain_id),
        _number(nonce),
        _number(fees.tip),
        _number(fees.max_fee),
        _number(gas),
        bytes.fromhex(call.to[2:]),
        _number(call.value),
        call.data,
        [],  # no access list
    ]
    signature = key.sign(keccak(_TYPE + rlp(fields)))
    parity = signature[64] - 27
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:64]))
    raw = _TYPE + rlp([*fields, _number(parity), _number(r), _number(s)])
    return Signed(Hash("0x" + keccak(raw).hex()), raw)


def rlp(item: RlpItem) -> bytes:
    """Return bytes, or a list of such, in RLP (Ethereum's Yellow Paper, appendix B)."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _SHORT_BYTES:
            return item
        return _prefix(len(item), _SHORT_BYTES) + item
    payload = b"".join(rlp(part) for part in item)
    return _prefix(len(payload), _SHORT_LIST) + payload


def _prefix(length: int, short: int) -> bytes:
    if length <= _LONGEST_SHORT:
        return bytes([short + length])
    digits = _number(length)
    return bytes([short + _LONGEST_SHORT + len(digits)]) + digits


def _number(value: int) -> bytes:
    """Return a number without leading zeros; 0 is no byte at all."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
