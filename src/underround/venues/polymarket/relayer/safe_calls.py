"""Calls of a safe: EIP-712 ``SafeTx``, several of them through the ``MultiSend`` contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from eth_abi.abi import encode

from underround.venues.ethereum import (
    EvmKey,
    address_bytes,
    keccak,
    struct_hash,
    typed_digest,
    word,
)
from underround.venues.polymarket.contracts import PolygonContracts
from underround.venues.polymarket.relayer.wallet_calls import ZERO, Call, hex_text, message_digest

_SAFE_HASH: Final = keccak(
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,"
    b"uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)
_SAFE_DOMAIN: Final = keccak(b"EIP712Domain(uint256 chainId,address verifyingContract)")
_FACTORY_DOMAIN: Final = keccak(
    b"EIP712Domain(string name,uint256 chainId,address verifyingContract)"
)
_FACTORY_NAME: Final = keccak(b"Polymarket Contract Proxy Factory")
_CREATE_HASH: Final = keccak(
    b"CreateProxy(address paymentToken,uint256 payment,address paymentReceiver)"
)
_MULTI_SEND: Final = keccak(b"multiSend(bytes)")[:4]
_PLAIN_CALL: Final = 0
_DELEGATE_CALL: Final = 1
_BY_MESSAGE: Final = 4
"""A safe recognises a signature over a signed *message* by v raised so much."""


def multi_send(calls: Sequence[Call]) -> bytes:
    """Return the call data of ``MultiSend`` for several calls."""
    packed = b"".join(
        bytes([_PLAIN_CALL])
        + address_bytes(call.target)
        + word(call.value)
        + word(len(call.data))
        + call.data
        for call in calls
    )
    return _MULTI_SEND + encode(["bytes"], [packed])


def safe_digest(safe: str, call: Call, operation: int, nonce: int, chain_id: int) -> bytes:
    """Return the hash of a safe's transaction; gas is the relayer's matter."""
    zero = word(0)
    contents = struct_hash(
        _SAFE_HASH,
        word(address_bytes(call.target)),
        word(call.value),
        keccak(call.data),
        word(operation),
        *(zero,) * 5,
        word(nonce),
    )
    domain = struct_hash(_SAFE_DOMAIN, word(chain_id), word(address_bytes(safe)))
    return typed_digest(domain, contents)


def safe_signature(key: EvmKey, digest: bytes) -> bytes:
    """Return the signature a safe takes: over the signed message of ``digest``, v raised by 4."""
    signature = key.sign(message_digest(digest))
    return signature[:-1] + bytes([signature[-1] + _BY_MESSAGE])


def safe_body(
    key: EvmKey,
    safe: str,
    nonce: int,
    calls: Sequence[Call],
    contracts: PolygonContracts,
    metadata: str,
) -> bytes:
    """Return the body that makes a safe do ``calls``, in order, all or none."""
    one, operation = calls[0], _PLAIN_CALL
    if len(calls) > 1:
        one, operation = Call(contracts.safe_multisend, multi_send(calls)), _DELEGATE_CALL
    digest = safe_digest(safe, one, operation, nonce, contracts.chain_id)
    body = {
        "type": "SAFE",
        "from": key.address,
        "to": str(one.target),
        "proxyWallet": safe,
        "data": hex_text(one.data),
        "nonce": str(nonce),
        "signature": hex_text(safe_signature(key, digest)),
        "metadata": metadata,
        "signatureParams": {
            "baseGas": "0",
            "gasPrice": "0",
            "gasToken": ZERO,
            "operation": str(operation),
            "refundReceiver": ZERO,
            "safeTxnGas": "0",
        },
    }
    return msgspec.json.encode(body | {"value": str(one.value)} if one.value else body)


def safe_create_digest(contracts: PolygonContracts) -> bytes:
    """Return what the owner signs to create a safe; nobody is paid for it."""
    domain = struct_hash(
        _FACTORY_DOMAIN,
        _FACTORY_NAME,
        word(contracts.chain_id),
        word(address_bytes(contracts.wallets.safe_factory)),
    )
    return typed_digest(domain, struct_hash(_CREATE_HASH, word(0), word(0), word(0)))


def safe_create_body(key: EvmKey, safe: str, contracts: PolygonContracts) -> bytes:
    """Return the body that creates the owner's safe."""
    return msgspec.json.encode(
        {
            "type": "SAFE-CREATE",
            "from": key.address,
            "to": contracts.wallets.safe_factory,
            "proxyWallet": safe,
            "data": "0x",
            "signature": hex_text(key.sign(safe_create_digest(contracts))),
            "signatureParams": {"paymentToken": ZERO, "payment": "0", "paymentReceiver": ZERO},
        }
    )
