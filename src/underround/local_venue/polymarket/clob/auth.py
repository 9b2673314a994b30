"""Who asks: the wallet's own signature (L1), and HMACs and names of API keys (L2), really checked.

L1 is an EIP-712 signature of ``ClobAuth`` over address, time and nonce; it makes and derives API
keys.  L2 is an HMAC over time, method, path without query, and the very bytes of the body.  A
read-only key has no secret: it is sent as it is, and opens reads only.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from aiohttp import web

from underround.local_venue.accounts import Login
from underround.local_venue.polymarket.clob.recovery import hex_bytes, signer_of
from underround.local_venue.polymarket.clob.refused import Refused
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.ethereum import (
    address_bytes,
    checksum,
    domain_separator,
    keccak,
    struct_hash,
    typed_digest,
    word,
)
from underround.venues.polymarket.contracts import POLYGON_CHAIN

WINDOW_NS: Final[Nanos] = 60 * NANOS_PER_SECOND
"""How far a stated time may be from the server's.  The venue does not publish its own bound."""
_KIND: Final = keccak(b"ClobAuth(address address,string timestamp,uint256 nonce,string message)")
_MESSAGE: Final = keccak(b"This message attests that I control the given wallet")
_LONGEST_NUMBER: Final = 20


def clob_auth_digest(address: bytes, timestamp: str, nonce: int, chain_id: int) -> bytes:
    """Return what a wallet signs to log in."""
    contents = struct_hash(_KIND, word(address), keccak(timestamp.encode()), word(nonce), _MESSAGE)
    return typed_digest(_login_domain(chain_id), contents)


@lru_cache(maxsize=4)
def _login_domain(chain_id: int) -> bytes:
    return domain_separator("ClobAuthDomain", "1", chain_id)


def sealed(secret: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    """Return the HMAC of a request, as its header carries it."""
    message = f"{timestamp}{method}{path}".encode(errors="surrogateescape") + body
    return urlsafe_b64encode(hmac.digest(_secret(secret), message, "sha256")).decode()


@lru_cache(maxsize=1 << 10)
def _secret(text: str) -> bytes:
    return urlsafe_b64decode(text)


def _same(given: str | None, expected: str) -> bool:
    """Compare in constant time; what is absent is not the same."""
    if given is None:
        return False
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


class Gate:
    """Recognises who asks; raises ``Refused`` with the venue's words for everybody else."""

    def __init__(
        self,
        world: World,
        *,
        window_ns: Nanos | None = WINDOW_NS,
        chain_id: int = POLYGON_CHAIN,
    ) -> None:
        """``window_ns=None``: any time will do, for a venue whose clock is not the client's."""
        self._world = world
        self._window_ns = window_ns
        self._chain_id = chain_id

    def wallet(self, headers: Mapping[str, str], now: Nanos) -> tuple[str, int]:
        """Return who signed (L1, checksummed) and the nonce; 401 otherwise."""
        stamp = headers.get("POLY_TIMESTAMP", "")
        nonce = headers.get("POLY_NONCE", "0")
        signature = hex_bytes(headers.get("POLY_SIGNATURE", ""))
        try:
            address = address_bytes(headers.get("POLY_ADDRESS", ""))
        except ValueError:
            raise _no_wallet() from None
        if signature is None or not (_number(nonce) and self._timely(stamp, now)):
            raise _no_wallet()
        digest = clob_auth_digest(address, stamp, int(nonce), self._chain_id)
        found = signer_of(digest, signature)
        if found is None or not hmac.compare_digest(found, address):
            raise _no_wallet()
        return checksum(address), int(nonce)

    def login(self, request: web.Request, body: bytes, now: Nanos) -> Login:
        """Return whose API key sealed the request (L2); 401 otherwise."""
        return self._sealing(request, body, now, self._world.accounts.logins, "POLY_")

    def builder(self, request: web.Request, body: bytes, now: Nanos) -> Login:
        """Return whose builder key sealed the request; 401 otherwise."""
        keys = self._world.accounts.builders
        return self._sealing(request, body, now, keys, "POLY_BUILDER_")

    def reader(self, request: web.Request, body: bytes, now: Nanos) -> Login:
        """Return who may read: an API key (L2), or a read-only key with its address."""
        key = request.headers.get("POLY_READONLY_API_KEY")
        if key is None:
            return self.login(request, body, now)
        login = self._world.accounts.logins.get(key)
        if login is None or not login.read_only or not _is_owner(request, login):
            raise _no_key()
        return login

    def _sealing(
        self,
        request: web.Request,
        body: bytes,
        now: Nanos,
        keys: Mapping[str, Login],
        prefix: str,
    ) -> Login:
        headers = request.headers
        login = keys.get(headers.get(prefix + "API_KEY", ""))
        if login is None or login.read_only:
            raise _no_key()
        stamp = headers.get(prefix + "TIMESTAMP", "")
        path = request.raw_path.partition("?")[0]
        expected = sealed(login.secret, stamp, request.method, path, body)
        right = _same(headers.get(prefix + "SIGNATURE"), expected)
        right &= _same(headers.get(prefix + "PASSPHRASE"), login.passphrase)
        right &= prefix != "POLY_" or _is_owner(request, login)
        if not (right and self._timely(stamp, now)):
            raise _no_key()
        return login

    def _timely(self, stamp: str, now: Nanos) -> bool:
        if not _number(stamp):
            return False
        if self._window_ns is None:
            return True
        server = now + self._world.faults.skew_ns(now)
        return abs(int(stamp) * NANOS_PER_SECOND - server) <= self._window_ns


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER


def _is_owner(request: web.Request, login: Login) -> bool:
    return _same(request.headers.get("POLY_ADDRESS", "").lower(), login.owner.lower())


def _no_wallet() -> Refused:
    return Refused(401, "Invalid L1 Request headers")


def _no_key() -> Refused:
    return Refused(401, "Unauthorized/Invalid api key")
