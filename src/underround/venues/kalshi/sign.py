"""Kalshi's signatures: RSA-PSS or Ed25519 over time, method and path.

Source: docs.kalshi.com, getting_started/api_keys.  The signed text is Unix milliseconds, the method
in upper case and the path from the host's root without the query, with nothing between them.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Final, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from underround.model.errors import AccountError
from underround.model.frames import NANOS_PER_MS
from underround.model.secret import Secret
from underround.model.units import Nanos
from underround.venues.kalshi.hosts import STREAM

SALT_BYTES: Final = 32
_SMALLEST_RSA: Final = 2_048
_KEY_ID: Final = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)


def signed_text(method: str, path: str, at_ms: int) -> bytes:
    """Return what is signed; ``path`` may carry a query, which is left out."""
    return f"{at_ms}{method.upper()}{path.partition('?')[0]}".encode()


class KalshiSigner:
    """Signs for one API key.  The private key stays inside; nothing of it can be printed or kept.

    Which signature is made follows from the parsed key, not from the words of its PEM header.
    """

    __slots__ = ("_key", "_key_id", "_name")

    def __init__(self, key_id: str, key: Secret) -> None:
        """Take the key's id (a UUID) and its PEM; raises ``AccountError`` if either is unusable."""
        if not _KEY_ID.fullmatch(key_id):
            raise AccountError(
                "the id of the Kalshi key is not a UUID: copy it from the page of API keys"
            )
        self._key_id = key_id
        self._name = key.name
        self._key = _private_key(key)

    def __repr__(self) -> str:
        return f"KalshiSigner({self._name!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a private key and is never pickled or copied")

    def sign(self, text: bytes) -> bytes:
        """Return the signature of ``text`` by the key's own algorithm."""
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(text)
        return self._key.sign(text, PSS(MGF1(SHA256()), SALT_BYTES), SHA256())

    def headers(self, method: str, path: str, now: Nanos) -> dict[str, str]:
        """Return the three headers of a request made ``now``; ``path`` as it goes on the wire."""
        at_ms = now // NANOS_PER_MS
        return {
            "KALSHI-ACCESS-KEY": self._key_id,
            "KALSHI-ACCESS-TIMESTAMP": str(at_ms),
            "KALSHI-ACCESS-SIGNATURE": b64encode(
                self.sign(signed_text(method, path, at_ms))
            ).decode(),
        }

    def handshake(self, now: Nanos) -> tuple[tuple[str, str], ...]:
        """Return the headers that open the WebSocket ``now``."""
        return tuple(self.headers("GET", STREAM, now).items())


def key_type(secret: Secret) -> str:
    """Return ``Ed25519`` or ``RSA-2048`` …: what may be shown of a private key.

    Raises ``AccountError`` when it is no key that Kalshi knows.
    """
    key = _private_key(secret)
    return "Ed25519" if isinstance(key, Ed25519PrivateKey) else f"RSA-{key.key_size}"


def _private_key(secret: Secret) -> RSAPrivateKey | Ed25519PrivateKey:
    """Parse the PEM; no error carries anything of its content."""
    try:
        with secret.reveal() as lent:
            key = load_pem_private_key(lent, password=None)
    except TypeError:
        raise AccountError(
            f"the Kalshi key {secret.name!r} is locked with a password: store it without one"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise AccountError(
            f"the Kalshi key {secret.name!r} is not a private key in PEM: store the file as "
            "Kalshi gave it"
        ) from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, RSAPrivateKey) and key.key_size >= _SMALLEST_RSA:
        return key
    raise AccountError(
        f"the Kalshi key {secret.name!r} is neither RSA of at least {_SMALLEST_RSA} bits nor "
        "Ed25519: make a new key"
    )
