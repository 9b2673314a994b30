"""Kalshi's members, their API keys, and the ready-made ones that follow from the seed.

A ready-made key is no secret: it opens nothing but this venue.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid5

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPrivateNumbers,
    RSAPublicKey,
    RSAPublicNumbers,
    rsa_crt_dmp1,
    rsa_crt_dmq1,
    rsa_crt_iqmp,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from underround.simulation.matching.kalshi.terms import PRIMARY, Holder
from underround.simulation.matching.terms import AccountId

KeyKind: TypeAlias = Literal["rsa", "ed25519"]
PublicKey: TypeAlias = RSAPublicKey | Ed25519PublicKey
ALL_SCOPES: Final = ("read", "write")
LARGEST_SUBACCOUNT: Final = 63
_IDS: Final = UUID("b3a0bb1c-7d4e-5a0c-8f4f-0a6f3f1e9d02")
_PRIME_BITS: Final = 1024
_EXPONENT: Final = 65_537


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a member: who may do what with it."""

    id: str
    name: str
    member: AccountId
    public: PublicKey
    scopes: tuple[str, ...] = ALL_SCOPES
    subaccount: int | None = None
    """The only subaccount it may act on; ``None``: any."""

    def may(self, scope: str) -> bool:
        """Return whether the key may do what needs ``scope``, e.g. ``write::trade``."""
        return scope in self.scopes or scope.partition("::")[0] in self.scopes


class Member(msgspec.Struct, kw_only=True):
    """A member of the exchange."""

    id: AccountId
    name: str
    tier: str = "basic"
    subaccounts: set[int] = msgspec.field(default_factory=lambda: {PRIMARY})


class Members:
    """Everybody with an account."""

    def __init__(self, seed: int = 0) -> None:
        """Nobody has one yet."""
        self._seed = seed
        self._number = 0
        self.all: dict[AccountId, Member] = {}
        self.keys: dict[str, ApiKey] = {}
        """By id."""

    def join(self, name: str, *, tier: str = "basic") -> Member:
        """Return the member called ``name``, who has an account from now on."""
        known = AccountId(str(uuid5(_IDS, f"{self._seed} member {name}")))
        return self.all.setdefault(known, Member(id=known, name=name, tier=tier))

    def add_key(
        self,
        member: AccountId,
        public: PublicKey,
        *,
        name: str = "",
        key_id: str | None = None,
        scopes: tuple[str, ...] = ALL_SCOPES,
        subaccount: int | None = None,
    ) -> ApiKey:
        """Let a key act for a member."""
        self._number += 1
        made = ApiKey(
            id=key_id or str(uuid5(_IDS, f"{self._seed} key {self._number} {member}")),
            name=name,
            member=member,
            public=public,
            scopes=scopes,
            subaccount=subaccount,
        )
        self.keys[made.id] = made
        return made

    def of(self, member: AccountId) -> Iterator[ApiKey]:
        """Yield a member's keys."""
        return (key for key in self.keys.values() if key.member == member)

    def holder(self, key: ApiKey, subaccount: int | None) -> Holder:
        """Return whose money a request is about; raises ``PermissionError`` for another's."""
        if key.subaccount is not None:
            if subaccount not in {None, key.subaccount}:
                raise PermissionError(f"the key acts on subaccount {key.subaccount} only")
            return key.member, key.subaccount
        chosen = PRIMARY if subaccount is None else subaccount
        if chosen not in self.all[key.member].subaccounts:
            raise PermissionError(f"there is no subaccount {chosen}")
        return key.member, chosen


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a client needs to act for a member."""

    member: AccountId
    name: str
    key_id: str
    kind: KeyKind
    private_key: str
    """PEM."""

    def __repr__(self) -> str:
        return f"Credentials({self.name}, {self.kind})"


def ready_made(
    members: Members, name: str, kind: KeyKind, *, seed: int = 0, tier: str = "basic"
) -> Credentials:
    """Return a member with a key that follows from seed, name and kind; the key is known now."""
    member = members.join(name, tier=tier)
    private = ed25519_key(seed, name) if kind == "ed25519" else rsa_key(seed, name)
    key_id = str(uuid5(_IDS, f"{seed} {name} {kind}"))
    if key_id not in members.keys:
        members.add_key(member.id, private.public_key(), name=f"{name} {kind}", key_id=key_id)
    return Credentials(
        member=member.id, name=name, key_id=key_id, kind=kind, private_key=pem_of(private)
    )


def pem_of(private: RSAPrivateKey | Ed25519PrivateKey) -> str:
    """Return a private key as PEM (PKCS 8), without a password."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def read_public(pem: str) -> PublicKey:
    """Return a public key: Ed25519, or RSA of at least 2048 bits.  Else raises ``ValueError``."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("public_key is no public key in PEM") from None
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, RSAPublicKey) and key.key_size >= 2 * _PRIME_BITS:
        return key
    raise ValueError("public_key is neither RSA of at least 2048 bits nor Ed25519")


# --- keys that follow from a seed -----------------------------------------------------------------


def ed25519_key(seed: int, name: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key of a seed and a name."""
    drawn = sha256(f"underround local venue {seed} kalshi {name}".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(drawn)


@cache
def rsa_key(seed: int, name: str) -> RSAPrivateKey:
    """Return the RSA key (2048 bits) of a seed and a name: two primes drawn from it.

    Takes about a second the first time; libraries offer no seeded RSA keys.
    """
    chance = random.Random(f"underround local venue {seed} kalshi {name}")
    p = _prime(chance)
    q = _prime(chance)
    d = pow(_EXPONENT, -1, math.lcm(p - 1, q - 1))
    numbers = RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=rsa_crt_dmp1(d, p),
        dmq1=rsa_crt_dmq1(d, q),
        iqmp=rsa_crt_iqmp(p, q),
        public_numbers=RSAPublicNumbers(_EXPONENT, p * q),
    )
    return numbers.private_key()


@cache
def _small_primes() -> int:
    """Return the product of the small odd primes: what shares a factor with it is no prime."""
    sieve = bytearray([1]) * 8_192
    for step in range(2, 91):
        sieve[step * step :: step] = bytes(len(sieve[step * step :: step]))
    return math.prod(number for number in range(3, len(sieve)) if sieve[number])


def _prime(chance: random.Random) -> int:
    """Return a prime with both top bits set, so that two make a number of full length."""
    top = 3 << (_PRIME_BITS - 2)
    while True:
        number = chance.getrandbits(_PRIME_BITS) | top | 1
        if math.gcd(number, _small_primes()) != 1 or (number - 1) % _EXPONENT == 0:
            continue
        # A number this large that passes for the bases 2 and 3 and is no prime was never found.
        if pow(2, number - 1, number) == 1 == pow(3, number - 1, number):
            return number
