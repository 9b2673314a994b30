"""Who may do what: API keys of owners, their wallets, and the keys of Kalshi's members.

Keys and credentials follow from the seed, so they are no secrets: they open nothing but this venue.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Final
from uuid import UUID

import msgspec

from underround.simulation.matching.terms import AccountId
from underround.venues.ethereum import checksum, keccak
from underround.venues.polymarket.wallets import SignatureType, Wallet, wallet_kind

_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Login(msgspec.Struct, frozen=True):
    """An API key of the CLOB, and whose it is."""

    key: str
    """UUID."""
    secret: str
    """URL-safe base64, 32 bytes."""
    passphrase: str
    owner: str
    """Checksummed address of the key that signed for it."""
    nonce: int
    read_only: bool = False

    def __repr__(self) -> str:
        return f"Login({self.key})"


class Accounts:
    """The logins of the CLOB."""

    def __init__(self, seed: int = 0) -> None:
        """Nobody is known yet."""
        self._seed = seed
        self.logins: dict[str, Login] = {}
        """By API key."""
        self._made: dict[tuple[str, int], Login] = {}
        self.banned: set[str] = set()
        """Owners that may do nothing."""
        self.closed_only: set[str] = set()
        """Owners that may only close positions."""
        self.eoa_allowed: set[str] = set()
        """Owners that may trade without a wallet contract (type 0)."""
        self.tiers: dict[str, str] = {}
        """Rate tier by owner; the others are ``Standard``."""
        self.builders: dict[str, Login] = {}
        """Builder keys by key: they open the relayer and their own trades, never the CLOB."""

    def create(self, owner: str, nonce: int) -> Login | None:
        """Make the login of an owner and a nonce; ``None`` when there is one."""
        if (owner, nonce) in self._made:
            return None
        drawn = keccak(f"{self._seed} {owner} {nonce}".encode())
        login = Login(
            str(UUID(bytes=drawn[:16], version=4)),
            urlsafe_b64encode(keccak(drawn)).decode(),
            keccak(drawn + b"passphrase").hex(),
            owner,
            nonce,
        )
        self.keep(login)
        return login

    def derive(self, owner: str, nonce: int) -> Login | None:
        """Return the login an owner made with a nonce, or ``None``."""
        return self._made.get((owner, nonce))

    def keep(self, login: Login) -> None:
        """Let a login be used."""
        self._made[login.owner, login.nonce] = login
        self.logins[login.key] = login

    def revoke(self, key: str) -> bool:
        """Let an API key be used no more; returns whether there was one."""
        login = self.logins.pop(key, None)
        if login is not None:
            self._made.pop((login.owner, login.nonce), None)
        return login is not None


def account_of(owner: str, maker: str) -> tuple[AccountId, SignatureType]:
    """Return the account of ``maker`` and its kind; ``AccountError`` for no wallet of the owner."""
    return AccountId(checksum(bytes.fromhex(maker[2:]))), wallet_kind(owner, maker)


def wallet_of(owner: str, kind: SignatureType) -> Wallet:
    """Return the owner's wallet of a kind (deposit wallets: the beacon proxy, as made today)."""
    from underround.venues.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

    raw = bytes.fromhex(owner[2:])
    maker = {
        SignatureType.EOA: lambda: owner,
        SignatureType.POLY_PROXY: lambda: proxy_wallet(raw),
        SignatureType.POLY_GNOSIS_SAFE: lambda: safe_wallet(raw),
        SignatureType.POLY_1271: lambda: deposit_wallets(raw)[0],
    }[kind]()
    return Wallet(owner, maker, kind)


def seeded_private_key(seed: int, number: int) -> str:
    """Return the private key (``0x`` hex) of the ready-made account ``number`` of a seed."""
    drawn = int.from_bytes(keccak(f"underround local venue {seed}/{number}".encode()), "big")
    return f"0x{drawn % (_ORDER - 1) + 1:064x}"
