"""Whose signature it is: the address behind 65 bytes over a digest."""

from __future__ import annotations

from typing import Final

from coincurve import PublicKey

from underround.venues.ethereum import ADDRESS_BYTES, keccak

SIGNATURE_BYTES: Final = 65
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def signer_of(digest: bytes, signature: bytes) -> bytes | None:
    """Return the address (20 bytes) that signed ``digest``; ``None`` for no valid signature.

    As the contracts check it: v is 27 or 28, and s is in the lower half (EIP-2).
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] not in {27, 28}:
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    compact = signature[:64] + bytes((signature[64] - 27,))
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except ValueError:
        return None
    return keccak(key.format(compressed=False)[1:])[-ADDRESS_BYTES:]


def hex_bytes(text: str) -> bytes | None:
    """Return the bytes of ``0x`` hex, ``None`` for any other text."""
    if not text.startswith("0x"):
        return None
    try:
        found = bytes.fromhex(text[2:])
    except ValueError:
        return None
    return found if 2 * len(found) + 2 == len(text) else None  # fromhex skips white space
