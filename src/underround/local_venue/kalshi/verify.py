"""Whether a request is signed by a key we know, at about this time (docs.kalshi.com, api_keys)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA256

from underround.local_venue.kalshi.members import ApiKey, Members, PublicKey
from underround.local_venue.kalshi.refusals import Refused
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

LARGEST_SKEW_MS: Final = 10_000
_SALT_BYTES: Final = 32
_DIGITS: Final = 13
KEY: Final = "kalshi-access-key"
_TIMESTAMP: Final = "kalshi-access-timestamp"
_SIGNATURE: Final = "kalshi-access-signature"


def verified(
    members: Members,
    headers: Mapping[str, str],
    method: str,
    path: str,
    now: Nanos,
    window_ms: int | None = LARGEST_SKEW_MS,
) -> ApiKey:
    """Return the key that signed a request; raises ``Refused`` (401).

    Names of ``headers`` are lower case; ``path`` is as it came, a query is left out.
    ``window_ms``: how far the signed time may be off; ``None``: any time will do.
    """
    stamp = headers.get(_TIMESTAMP, "")
    if not headers.get(KEY) or not headers.get(_SIGNATURE) or not stamp:
        raise Refused("authentication_error", "missing authentication headers")
    key = members.keys.get(headers[KEY])
    if key is None:
        raise Refused("authentication_error", "NOT_FOUND")
    if len(stamp) != _DIGITS or not (stamp.isascii() and stamp.isdigit()):
        raise Refused("authentication_error", "INVALID_TIMESTAMP")
    off_ms = abs(int(stamp) - now // NANOS_PER_MS)
    if window_ms is not None and off_ms > window_ms:
        raise Refused("header_timestamp_expired", "timestamp is too far from the present")
    text = f"{stamp}{method.upper()}{path.partition('?')[0]}".encode()
    if not _signed(key.public, headers[_SIGNATURE], text):
        raise Refused("authentication_error", "INCORRECT_API_KEY_SIGNATURE")
    return key


def _signed(public: PublicKey, signature: str, text: bytes) -> bool:
    try:
        raw = b64decode(signature, validate=True)
        if isinstance(public, Ed25519PublicKey):
            public.verify(raw, text)
        else:
            public.verify(raw, text, PSS(MGF1(SHA256()), _SALT_BYTES), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
