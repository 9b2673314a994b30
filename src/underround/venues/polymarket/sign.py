"""Who we are, in headers: the wallet's own signature (L1) and HMACs of API keys (L2, builder).

L1 proves control of the key and is used to create or derive API credentials only.  Every private
request after that carries an HMAC of time, method, path and body.  Sources:
docs.polymarket.com/api-reference/authentication and the official SDKs.

Credentials never print, and are neither pickled nor copied.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hashlib import sha256
from typing import Final, NoReturn

from underround.model.errors import AccountError
from underround.model.frames import NANOS_PER_SECOND
from underround.model.secret import Secret
from underround.model.units import Nanos
from underround.venues.ethereum import (
    EvmKey,
    address_bytes,
    checksum,
    domain_separator,
    keccak,
    struct_hash,
    typed_digest,
    word,
)

_AUTH_KIND: Final = keccak(
    b"ClobAuth(address address,string timestamp,uint256 nonce,string message)"
)
_AUTH_MESSAGE: Final = keccak(b"This message attests that I control the given wallet")
_BLOCK: Final = 64
"""Bytes of a SHA-256 block: what HMAC pads its key to."""
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_URLSAFE: Final = bytes.maketrans(b"+/", b"-_")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_PRINTABLE: Final = re.compile(rb"[!#-\[\]-~]{1,200}")
"""Safe inside a header and inside a JSON text."""


def l1_headers(key: EvmKey, chain_id: int, now: Nanos, nonce: int = 0) -> dict[str, str]:
    """Return the headers that prove control of ``key`` at ``now``, to create or derive API keys.

    ``nonce`` numbers the API keys of one wallet; the same one derives the same key again.
    """
    timestamp = str(now // NANOS_PER_SECOND)
    contents = struct_hash(
        _AUTH_KIND,
        word(address_bytes(key.address)),
        keccak(timestamp.encode()),
        word(nonce),
        _AUTH_MESSAGE,
    )
    digest = typed_digest(domain_separator("ClobAuthDomain", "1", chain_id), contents)
    return {
        "POLY_ADDRESS": key.address,
        "POLY_SIGNATURE": f"0x{key.sign(digest).hex()}",
        "POLY_TIMESTAMP": timestamp,
        "POLY_NONCE": str(nonce),
    }


class _ApiKey:
    """An API key, its secret and passphrase: seals requests with an HMAC.

    The secret is decoded once, into the two SHA-256 states that HMAC begins with.
    """

    __slots__ = ("_api_key", "_inner", "_names", "_outer", "_passphrase", "_secret")

    def __init__(self, api_key: Secret, secret: Secret, passphrase: Secret) -> None:
        self._api_key = _text(api_key)
        self._passphrase = _text(passphrase)
        self._secret: Secret | None = secret
        self._names = f"{api_key.name}, {secret.name}, {passphrase.name}"
        padded = _decoded(secret).ljust(_BLOCK, b"\0")
        self._inner = sha256(padded.translate(_INNER))
        self._outer = sha256(padded.translate(_OUTER))

    def _sealed(self, timestamp: str, method: str, target: str, body: bytes) -> str:
        """Return the HMAC of a request; the query is no part of what is sealed."""
        if self._secret is None:
            raise AccountError(
                f"the credentials {self._names} were wiped: open the key store again"
            )
        inner = self._inner.copy()
        inner.update(f"{timestamp}{method}{target.partition('?')[0]}".encode() + body)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return b2a_base64(outer.digest(), newline=False).translate(_URLSAFE).decode()

    def _unwiped(self) -> Secret:
        if self._secret is None:
            raise AccountError(
                f"the credentials {self._names} were wiped: open the key store again"
            )
        return self._secret

    def wipe(self) -> None:
        """Forget everything; nothing is sealed any more.

        What headers need is Python text, which can be dropped but not overwritten.
        """
        self._api_key = self._passphrase = ""
        self._secret = None
        self._inner = self._outer = sha256()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._names})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("credentials are neither pickled nor copied")


class L2Credentials(_ApiKey):
    """API credentials of a signer: what every private request of the CLOB carries."""

    __slots__ = ("address",)

    address: str
    """The key that made them (checksummed), never its wallet."""

    def __init__(self, address: str, api_key: Secret, secret: Secret, passphrase: Secret) -> None:
        """Take credentials as the venue gave them; ``secret`` is URL-safe base64.

        Raises ``AccountError``, naming the secret and never showing it, for what cannot be sent.
        """
        super().__init__(api_key, secret, passphrase)
        self.address = _checksummed(address)

    @property
    def owner(self) -> str:
        """The API key itself, which orders name as their owner; not to be logged."""
        self._unwiped()
        return self._api_key

    def headers(self, method: str, target: str, body: bytes, now: Nanos) -> dict[str, str]:
        """Return the headers of one request at ``now``.

        ``method`` in upper case; ``target`` is path and query as they go on the wire; ``body`` the
        very bytes that are sent, empty for none.
        """
        timestamp = str(now // NANOS_PER_SECOND)
        return {
            "POLY_ADDRESS": self.address,
            "POLY_API_KEY": self._api_key,
            "POLY_PASSPHRASE": self._passphrase,
            "POLY_SIGNATURE": self._sealed(timestamp, method, target, body),
            "POLY_TIMESTAMP": timestamp,
        }

    def stream_auth(self) -> dict[str, str]:
        """Return what the user channel and the live-price socket want: everything, in clear.

        For the one frame that is sent inside TLS; never logged, never kept.
        """
        if self._secret is None:
            raise AccountError(
                f"the credentials {self._names} were wiped: open the key store again"
            )
        with self._secret.reveal() as revealed:
            secret = bytes(revealed).decode()
        return {"apiKey": self._api_key, "secret": secret, "passphrase": self._passphrase}


class BuilderCredentials(_ApiKey):
    """A builder's API key: for the relayer and for the builder's own trades."""

    __slots__ = ()

    def headers(self, method: str, target: str, body: bytes, now: Nanos) -> dict[str, str]:
        """Return the headers of one request at ``now``; see ``L2Credentials.headers``."""
        timestamp = str(now // NANOS_PER_SECOND)
        return {
            "POLY_BUILDER_API_KEY": self._api_key,
            "POLY_BUILDER_PASSPHRASE": self._passphrase,
            "POLY_BUILDER_SIGNATURE": self._sealed(timestamp, method, target, body),
            "POLY_BUILDER_TIMESTAMP": timestamp,
        }


def relayer_headers(api_key: Secret, address: str) -> dict[str, str]:
    """Return the headers of a relayer key, which is sent as it is; not to be logged."""
    return {"RELAYER_API_KEY": _text(api_key), "RELAYER_API_KEY_ADDRESS": _checksummed(address)}


def _checksummed(address: str) -> str:
    try:
        return checksum(address_bytes(address))
    except ValueError as error:
        raise AccountError(f"{error}: correct the account") from None


def _text(secret: Secret) -> str:
    with secret.reveal() as revealed:
        if not _PRINTABLE.fullmatch(revealed):
            raise AccountError(
                f"the secret {secret.name} is empty or has characters that no API key or "
                "passphrase has: store what the venue gave"
            )
        return bytes(revealed).decode()


def _decoded(secret: Secret) -> bytes:
    """Return the HMAC key: URL-safe base64, with or without its padding."""
    with secret.reveal() as revealed:
        digits = bytes(revealed).rstrip(b"=").translate(_STANDARD)
    try:
        key = a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)
    except Base64Error:
        key = b""
    if not key:
        raise AccountError(
            f"the secret {secret.name} is no base64 text: store the secret the venue gave"
        )
    return sha256(key).digest() if len(key) > _BLOCK else key
