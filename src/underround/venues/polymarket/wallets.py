"""Which wallet an account trades with, and the addresses its owner's wallets have.

A key signs; a wallet holds the money.  They are one (EOA), or the wallet is a contract whose
address follows from the owner's by CREATE2: a proxy or a safe (accounts from before 2026-05-04), or
a deposit wallet (all accounts since).  Deposit wallets exist behind two kinds of ERC-1967 proxies;
which one the factory makes now it says itself, so both are recognised.

Init codes: the venue's proxy factory and safe factory, and ``LibClone`` of Solady (MIT) for the
deposit wallets; checked against the official SDK.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from underround.model.errors import AccountError
from underround.venues.ethereum import ADDRESS_BYTES, address_bytes, checksum, keccak, word
from underround.venues.polymarket.contracts import POLYGON, WalletFactories


class SignatureType(IntEnum):
    """How the exchange checks an order's signature: the venue's numbers."""

    EOA = 0
    """The owner's key holds the money itself."""
    POLY_PROXY = 1
    """Proxy of an e-mail account; the owner signs."""
    POLY_GNOSIS_SAFE = 2
    """Safe with one owner, who signs."""
    POLY_1271 = 3
    """Deposit wallet: it is the order's signer and asks its owner's signature (ERC-1271)."""


_PROXY_HEAD: Final = bytes.fromhex("3d3d606380380380913d393d73")
_PROXY_MIDDLE: Final = bytes.fromhex(
    "5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73"
)
_PROXY_TAIL: Final = bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd")

_UUPS_HEAD: Final = 0x61003D3D8160233D3973
_UUPS_TAIL: Final = bytes.fromhex(
    "6009"
    "5155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_HEAD: Final = 0x6100523D8160233D3973
_BEACON_TAIL: Final = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


def _create2(factory: bytes, salt: bytes, init_code_hash: bytes) -> str:
    """Return the address of a contract (EIP-1014)."""
    return checksum(keccak(b"\xff" + factory + salt + init_code_hash)[-ADDRESS_BYTES:])


def _clone_hash(head: int, target: bytes, tail: bytes, arguments: bytes) -> bytes:
    """Hash the init code of a proxy with immutable arguments; its head holds their length."""
    return keccak((head + (len(arguments) << 56)).to_bytes(10, "big") + target + tail + arguments)


def proxy_wallet(owner: bytes, factories: WalletFactories = POLYGON.wallets) -> str:
    """Return the address of the owner's proxy (type 1)."""
    factory = address_bytes(factories.proxy_factory)
    implementation = address_bytes(factories.proxy_implementation)
    code = _PROXY_HEAD + factory + _PROXY_MIDDLE + implementation + _PROXY_TAIL + word(32) + word(0)
    return _create2(factory, keccak(owner), keccak(code))


def safe_wallet(owner: bytes, factories: WalletFactories = POLYGON.wallets) -> str:
    """Return the address of the owner's safe (type 2)."""
    factory = address_bytes(factories.safe_factory)
    code_hash = bytes.fromhex(factories.safe_init_code_hash[2:])
    return _create2(factory, keccak(word(owner)), code_hash)


def deposit_wallets(owner: bytes, factories: WalletFactories = POLYGON.wallets) -> tuple[str, str]:
    """Return both addresses the owner's deposit wallet (type 3) can have: beacon proxy, UUPS."""
    factory = address_bytes(factories.deposit_factory)
    arguments = word(factory) + word(owner)
    salt = keccak(arguments)
    beacon, implementation = (
        address_bytes(factories.deposit_beacon),
        address_bytes(factories.deposit_implementation),
    )
    return (
        _create2(factory, salt, _clone_hash(_BEACON_HEAD, beacon, _BEACON_TAIL, arguments)),
        _create2(factory, salt, _clone_hash(_UUPS_HEAD, implementation, _UUPS_TAIL, arguments)),
    )


@lru_cache(maxsize=64)
def _kinds(owner: bytes, factories: WalletFactories) -> dict[str, SignatureType]:
    beacon, uups = deposit_wallets(owner, factories)
    return {
        checksum(owner): SignatureType.EOA,
        proxy_wallet(owner, factories): SignatureType.POLY_PROXY,
        safe_wallet(owner, factories): SignatureType.POLY_GNOSIS_SAFE,
        beacon: SignatureType.POLY_1271,
        uups: SignatureType.POLY_1271,
    }


def wallet_kind(
    owner: str, maker: str, factories: WalletFactories = POLYGON.wallets
) -> SignatureType:
    """Return how orders of ``maker`` are signed when ``owner``'s key signs.

    Raises ``AccountError`` when ``maker`` is no wallet of ``owner``, or one is no address.
    """
    kinds = _kinds(_address(owner), factories)
    found = kinds.get(checksum(_address(maker)))
    if found is None:
        raise AccountError(
            f"{maker} is no wallet of {owner}: use the key of its owner, or state the signature "
            "type if the wallet was made in another way"
        )
    return found


def _address(text: str) -> bytes:
    try:
        return address_bytes(text)
    except ValueError as error:
        raise AccountError(f"{error}: correct the account") from None


class Wallet(msgspec.Struct, frozen=True):
    """Who signs, whose money it is, and how the exchange checks it; addresses become checksummed.

    Raises ``AccountError`` when they contradict each other: addresses that are none, an EOA that is
    not its owner, another kind whose wallet is its owner, or a wallet that is recognised as one of
    the owner's of another kind.  A wallet that is not recognised is taken as stated.
    """

    owner: str
    """Address of the key: it signs, and API credentials belong to it."""
    maker: str
    """Holds money and shares."""
    kind: SignatureType

    def __post_init__(self) -> None:
        owner, maker = _address(self.owner), _address(self.maker)
        msgspec.structs.force_setattr(self, "owner", checksum(owner))
        msgspec.structs.force_setattr(self, "maker", checksum(maker))
        derived = _kinds(owner, POLYGON.wallets).get(self.maker)
        if derived is None and self.kind is SignatureType.EOA:
            raise AccountError(
                f"{self.maker} is not the key's own address {self.owner}, so it cannot be an EOA "
                "account (type 0): state the wallet's own signature type"
            )
        if derived is not None and derived is not self.kind:
            raise AccountError(
                f"{self.maker} is the {derived.name} wallet (type {derived}) of {self.owner}, not "
                f"{self.kind.name} (type {self.kind}): correct the signature type"
            )

    @classmethod
    def recognised(cls, owner: str, maker: str) -> Wallet:
        """Return the wallet with the kind its address tells; see ``wallet_kind``."""
        return cls(owner, maker, wallet_kind(owner, maker))

    @property
    def signer(self) -> str:
        """What an order of this wallet names as its signer."""
        return self.maker if self.kind is SignatureType.POLY_1271 else self.owner
