"""Contract calls of a wallet as the relayer carries them; here those of deposit wallets.

Each kind of wallet has a form of its own: ``safe_calls``, ``proxy_calls``.  Sources:
docs.polymarket.com/api-reference/relayer and the official clients' published vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from underround.model.errors import RequestRefused
from underround.venues.ethereum import (
    EvmKey,
    address_bytes,
    domain_separator,
    keccak,
    struct_hash,
    typed_digest,
    word,
)
from underround.venues.polymarket.contracts import PolygonContracts

ZERO: Final = "0x" + "0" * 40
LONGEST_METADATA: Final = 500
_CALL_KIND: Final = b"Call(address target,uint256 value,bytes data)"
_CALL_HASH: Final = keccak(_CALL_KIND)
_BATCH_HASH: Final = keccak(
    b"Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)" + _CALL_KIND
)


class Call(msgspec.Struct, frozen=True):
    """One call that the wallet shall make; ``value`` in wei of the chain's coin."""

    target: str
    """An address; one of the chain's own type (a ``str``) too."""
    data: bytes
    value: int = 0


def message_digest(digest: bytes) -> bytes:
    """Return what ``personal_sign`` signs for 32 bytes (EIP-191)."""
    return keccak(b"\x19Ethereum Signed Message:\n32" + digest)


def check(calls: Sequence[Call], metadata: str) -> None:
    """Raise ``RequestRefused`` for what the relayer would not take."""
    if not calls:
        raise RequestRefused("the relayer needs at least one call: there is nothing to do")
    if len(metadata) > LONGEST_METADATA:
        raise RequestRefused(f"metadata of {len(metadata)} characters: at most {LONGEST_METADATA}")
    for call in calls:
        try:
            address_bytes(call.target)
        except ValueError as error:
            raise RequestRefused(f"a call to no contract: {error}") from None
        if call.value < 0:
            raise RequestRefused(f"a call to {call.target} with a negative value: correct it")


def batch_digest(
    wallet: str, nonce: int, deadline_s: int, calls: Sequence[Call], chain_id: int
) -> bytes:
    """Return what the owner of a deposit wallet signs for a batch (EIP-712 ``Batch``)."""
    address = address_bytes(wallet)
    hashes = (
        struct_hash(
            _CALL_HASH, word(address_bytes(call.target)), word(call.value), keccak(call.data)
        )
        for call in calls
    )
    contents = struct_hash(
        _BATCH_HASH, word(address), word(nonce), word(deadline_s), keccak(b"".join(hashes))
    )
    return typed_digest(domain_separator("DepositWallet", "1", chain_id, address), contents)


def deposit_body(
    key: EvmKey,
    wallet: str,
    nonce: int,
    deadline_s: int,
    calls: Sequence[Call],
    contracts: PolygonContracts,
    metadata: str,
) -> bytes:
    """Return the body that makes a deposit wallet do ``calls``, in order, all or none."""
    digest = batch_digest(wallet, nonce, deadline_s, calls, contracts.chain_id)
    return msgspec.json.encode(
        {
            "type": "WALLET",
            "from": key.address,
            "to": contracts.wallets.deposit_factory,
            "nonce": str(nonce),
            "signature": hex_text(key.sign(digest)),
            "metadata": metadata,
            "depositWalletParams": {
                "depositWallet": wallet,
                "deadline": str(deadline_s),
                "calls": [
                    {
                        "target": str(call.target),
                        "value": str(call.value),
                        "data": hex_text(call.data),
                    }
                    for call in calls
                ],
            },
        }
    )


def deposit_create_body(owner: str, contracts: PolygonContracts) -> bytes:
    """Return the body that creates the owner's deposit wallet; needs no signature."""
    return msgspec.json.encode(
        {
            "type": "WALLET-CREATE",
            "from": owner,
            "to": contracts.wallets.deposit_factory,
            "metadata": "",
        }
    )


def hex_text(data: bytes) -> str:
    """Return bytes as ``0x`` text."""
    return f"0x{data.hex()}"
