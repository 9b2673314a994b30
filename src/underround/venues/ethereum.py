"""What Ethereum asks of a signer: keccak, addresses, a key, and EIP-712 packing.

Sources: EIP-55 (checksummed addresses), EIP-712 (typed data), EIP-2 (low s).  Signatures are
deterministic (RFC 6979), so that the same digest gives the same bytes with every library.
"""

from __future__ import annotations

import re
import sys
from typing import Final, NoReturn

# coincurve's wrapper keeps the secret in immutable ``bytes``; its C interface takes memory that we
# own and can therefore wipe.
from coincurve._libsecp256k1 import (  # type: ignore[import-not-found]  # compiled, without stubs
    ffi,
    lib,
)
from coincurve.context import GLOBAL_CONTEXT

from underround.model.errors import KeyStoreError
from underround.model.secret import Secret

if sys.platform == "linux":
    from sha3 import keccak_256  # type: ignore[import-untyped]  # C extension without stubs

    def keccak(data: bytes | bytearray) -> bytes:
        """Return the Keccak-256 of ``data`` (Ethereum's hash; not SHA3-256), 32 bytes."""
        digest: bytes = keccak_256(data).digest()
        return digest

else:
    from Crypto.Hash import keccak as _keccak

    def keccak(data: bytes | bytearray) -> bytes:
        """Return the Keccak-256 of ``data`` (Ethereum's hash; not SHA3-256), 32 bytes."""
        digest: bytes = _keccak.new(digest_bits=256, data=data).digest()
        return digest


ADDRESS_BYTES: Final = 20
WORD: Final = 32
"""Bytes of an ABI word, a digest and a private key."""
PUBLIC_KEY_HOLDERS: Final = frozenset(
    {
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
    }
)
"""Addresses, in lower case, whose private keys are printed in the manuals of local nodes: the ten
accounts of every development chain."""
_ADDRESS_DIGITS: Final = 2 * ADDRESS_BYTES
_HEX: Final = re.compile(r"[0-9a-fA-F]*")
_NIBBLES: Final = {ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"}
_UNCOMPRESSED: Final = 65
_DOMAIN_FIELDS: Final = "string name,string version,uint256 chainId"


# --- addresses ---------------------------------------------------------------------------------


def checksum(address: bytes) -> str:
    """Return 20 bytes as ``0x`` text with the mixed case of EIP-55."""
    if len(address) != ADDRESS_BYTES:
        raise ValueError(f"an address has {ADDRESS_BYTES} bytes, not {len(address)}")
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    cased = (
        digit.upper() if mark >= "8" else digit
        for digit, mark in zip(digits, marks, strict=False)  # the hash is longer
    )
    return "0x" + "".join(cased)


def address_bytes(text: str) -> bytes:
    """Return the 20 bytes of an address written with ``0x``.

    Raises ``ValueError`` naming what is wrong: no ``0x``, other characters, another length, or
    mixed case that is not the checksum of EIP-55.
    """
    if not text.startswith("0x"):
        raise ValueError(f"address {text[:60]!r} does not begin with 0x")
    digits = text[2:]
    if not _HEX.fullmatch(digits):
        raise ValueError(f"address {text[:60]!r} has characters that are no hex digits")
    if len(digits) != _ADDRESS_DIGITS:
        raise ValueError(
            f"address {text[:60]!r} has {len(digits)} hex digits instead of {_ADDRESS_DIGITS}"
        )
    address = bytes.fromhex(digits)
    if digits not in {digits.lower(), digits.upper()} and checksum(address) != text:
        raise ValueError(f"address {text!r} has a wrong checksum: a character is mistyped")
    return address


def everybody_has_key_of(address: str) -> bool:
    """Return whether an address, in any case, is one of ``PUBLIC_KEY_HOLDERS``."""
    return address.lower() in PUBLIC_KEY_HOLDERS


# --- the key -----------------------------------------------------------------------------------


class EvmKey:
    """A private key that signs digests and shows nothing of itself.

    Its 32 bytes lie in memory of our own from construction to ``wipe``; no ``bytes`` or text of
    them is ever made.
    """

    __slots__ = ("_memory", "_name", "address")

    address: str
    """Checksummed."""

    def __init__(self, secret: Secret) -> None:
        """Copy the key out of ``secret``: 32 raw bytes, or 64 hex digits with or without ``0x``.

        Raises ``KeyStoreError``, which names the secret and never shows it.
        """
        self._name = secret.name
        self._memory = ffi.new("unsigned char[32]")
        with secret.reveal() as revealed:
            usable = _fill(self._memory, revealed)
        public = ffi.new("secp256k1_pubkey *")
        if not usable or not lib.secp256k1_ec_pubkey_create(
            GLOBAL_CONTEXT.ctx, public, self._memory
        ):
            self.wipe()
            raise KeyStoreError(
                f"the secret {self._name} is no Ethereum private key (32 bytes, or 64 hex digits): "
                "store the right one"
            )
        self.address = checksum(_address_of(public))

    def sign(self, digest: bytes) -> bytes:
        """Return r ‖ s ‖ v of a 32-byte digest, 65 bytes; s is low and v is 27 or 28.

        Raises ``KeyStoreError`` after ``wipe``.
        """
        if len(digest) != WORD:
            raise ValueError(f"a digest has {WORD} bytes, not {len(digest)}")
        signature = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        context = GLOBAL_CONTEXT.ctx
        if not lib.secp256k1_ecdsa_sign_recoverable(
            context, signature, digest, self._memory, ffi.NULL, ffi.NULL
        ):
            raise KeyStoreError(f"the key {self._name} was wiped: open the key store again")
        compact = ffi.new("unsigned char[65]")
        parity = ffi.new("int *")
        lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(
            context, compact, parity, signature
        )
        compact[64] = 27 + parity[0]
        return bytes(ffi.buffer(compact))

    def wipe(self) -> None:
        """Overwrite the key; it signs nothing any more."""
        ffi.memmove(self._memory, bytes(WORD), WORD)

    def __repr__(self) -> str:
        return f"EvmKey({self.address})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a private key is neither pickled nor copied")


def _fill(memory: bytearray, revealed: memoryview) -> bool:
    """Write the key in ``revealed`` into ``memory``; ``False`` when it has another form."""
    digits = revealed
    if len(digits) == WORD:
        memory[0:WORD] = digits
        return True
    if len(digits) == 2 * WORD + 2 and digits[0] == ord("0") and digits[1] in b"xX":
        digits = digits[2:]
    if len(digits) != 2 * WORD or any(digit not in _NIBBLES for digit in digits):
        return False
    for place in range(WORD):
        high, low = digits[2 * place], digits[2 * place + 1]
        memory[place] = _NIBBLES[high] << 4 | _NIBBLES[low]
    return True


def _address_of(public: object) -> bytes:
    point = ffi.new("unsigned char[65]")
    length = ffi.new("size_t *", _UNCOMPRESSED)
    lib.secp256k1_ec_pubkey_serialize(
        GLOBAL_CONTEXT.ctx, point, length, public, lib.SECP256K1_EC_UNCOMPRESSED
    )
    return keccak(bytes(ffi.buffer(point))[1:])[-ADDRESS_BYTES:]


# --- EIP-712 -----------------------------------------------------------------------------------


def word(value: int | bytes) -> bytes:
    """Return an unsigned number, or bytes such as an address, as one word (zeros to the left).

    Raises ``OverflowError`` for a negative number and what needs more than 256 bits.
    """
    if isinstance(value, int):
        return value.to_bytes(WORD, "big")
    if len(value) > WORD:
        raise OverflowError(f"{len(value)} bytes do not fit into a word of {WORD}")
    return value.rjust(WORD, b"\0")


def struct_hash(kind: bytes, *words: bytes) -> bytes:
    """Return ``hashStruct``: keccak of the type's hash and the encoded fields, in order."""
    return keccak(b"".join((kind, *words)))


def domain_separator(
    name: str, version: str, chain_id: int, contract: bytes | None = None
) -> bytes:
    """Return the hash of an EIP-712 domain; ``contract`` only where the domain has one."""
    verifying = "" if contract is None else ",address verifyingContract"
    kind = keccak(f"EIP712Domain({_DOMAIN_FIELDS}{verifying})".encode())
    words = (keccak(name.encode()), keccak(version.encode()), word(chain_id))
    return struct_hash(kind, *words, *(() if contract is None else (word(contract),)))


def typed_digest(domain: bytes, contents: bytes) -> bytes:
    """Return what is signed: keccak of ``19 01``, the domain separator and the struct's hash."""
    return keccak(b"\x19\x01" + domain + contents)
