"""Bodies of answers about API keys → values that show nothing of themselves."""

from __future__ import annotations

import msgspec

from underround.model.errors import AnswerRefused
from underround.venues.codec import understood
from underround.venues.polymarket.numbers import read_body


class ApiCredentials(msgspec.Struct, frozen=True):
    """What the venue hands out once: goes straight into the key store, and shows nothing."""

    key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "ApiCredentials(…)"


class _Credentials(msgspec.Struct):
    api_key: str = msgspec.field(name="apiKey")
    secret: str
    passphrase: str


class _ApiKeys(msgspec.Struct):
    api_keys: tuple[msgspec.Raw, ...] = msgspec.field(name="apiKeys")


class _ReadonlyKeys(msgspec.Struct):
    keys: tuple[msgspec.Raw, ...] | None = msgspec.field(name="readonlyApiKeys", default=None)


class _NamedKey(msgspec.Struct):
    api_key: str = msgspec.field(name="apiKey")


_credentials = msgspec.json.Decoder(_Credentials).decode
_api_keys = msgspec.json.Decoder(_ApiKeys).decode
_readonly_keys = msgspec.json.Decoder(tuple[msgspec.Raw, ...] | _ReadonlyKeys).decode
_named_key = msgspec.json.Decoder(str | _NamedKey).decode


def credentials(body: bytes, place: str) -> ApiCredentials:
    """Return new or derived API credentials; what is wrong with them is never quoted."""
    read = understood(_credentials, body)
    if read is None:
        raise AnswerRefused(f"{place}: the answer holds no API credentials: derive them (again)")
    if not (read.api_key and read.secret and read.passphrase):
        raise AnswerRefused(f"{place}: a part of the API credentials is empty: derive them (again)")
    return ApiCredentials(read.api_key, read.secret, read.passphrase)


def api_keys(body: bytes, place: str) -> tuple[str, ...]:
    """Return the ids of the account's API keys."""
    return _key_ids(read_body(_api_keys, body, place).api_keys, place)


def readonly_keys(body: bytes, place: str) -> tuple[str, ...]:
    """Return the read-only API keys: whoever has one may read the account, so they are secret."""
    read = read_body(_readonly_keys, body, place)
    return _key_ids((read.keys or ()) if isinstance(read, _ReadonlyKeys) else read, place)


def _key_ids(rows: tuple[msgspec.Raw, ...], place: str) -> tuple[str, ...]:
    keys = (read_body(_named_key, bytes(row), place) for row in rows)
    return tuple(key if isinstance(key, str) else key.api_key for key in keys)


def readonly_key(body: bytes, place: str) -> str:
    """Return a new read-only API key; what is wrong with it is never quoted."""
    read = understood(_named_key, body)
    key = read.api_key if isinstance(read, _NamedKey) else read
    if not key:
        raise AnswerRefused(f"{place}: the answer holds no read-only key: list the keys")
    return key
