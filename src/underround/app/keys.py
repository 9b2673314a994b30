"""The key store as the operator uses it: what a key must look like, and what may be shown.

Nothing here returns or prints a secret: a wallet is shown by its address, a Kalshi key by its type.
"""

from __future__ import annotations

import msgspec

from underround.model.errors import AccountError, KeyStoreError
from underround.model.secret import Secret
from underround.operations.keystore import KeyInfo, KeyKind, KeyStore
from underround.operations.memory import LockedSecret
from underround.venues.ethereum import EvmKey, everybody_has_key_of
from underround.venues.kalshi.sign import key_type


class ShownKey(msgspec.Struct, frozen=True):
    """A key as it may be shown."""

    name: str
    kind: KeyKind
    added_ns: int
    public: str
    """A wallet's address, the type of a Kalshi key; empty for a text."""
    problem: str = ""
    """What is wrong with it; empty: nothing."""


def add_key(
    store: KeyStore, name: str, kind: KeyKind, value: LockedSecret, now_ns: int, *, test_key: bool
) -> ShownKey:
    """Look at a key and keep it.

    Raises ``KeyStoreError`` when it is not of its kind, is a key that everybody has (unless
    ``test_key``), or when the store refuses it.
    """
    try:
        public = public_part(kind, value)
    except (AccountError, KeyStoreError) as error:
        raise KeyStoreError(f"{name} was not added: {error}") from None
    if everybody_has_key_of(public) and not test_key:
        raise KeyStoreError(
            f"{name} was not added: {public} is the account of every development chain, and "
            "everybody has its key: use another one (--test-key for tests on a local chain)"
        )
    store.add(name, kind, value, now_ns)
    return ShownKey(name, kind, now_ns, public)


def shown_keys(store: KeyStore) -> tuple[ShownKey, ...]:
    """Return every key with what may be shown of it, and with what is wrong with it."""
    return tuple(_shown(store, info) for info in store.infos)


def _shown(store: KeyStore, info: KeyInfo) -> ShownKey:
    try:
        public = public_part(info.kind, store.secret(info.name))
    except (AccountError, KeyStoreError) as error:
        return ShownKey(info.name, info.kind, info.added_ns, "", str(error))
    problem = (
        "everybody has this key: use it on a local chain only"
        if everybody_has_key_of(public)
        else ""
    )
    return ShownKey(info.name, info.kind, info.added_ns, public, problem)


def public_part(kind: KeyKind, secret: Secret) -> str:
    """Return what may be shown of a secret.

    Raises ``AccountError`` or ``KeyStoreError`` when it is not of its kind; neither shows it.
    """
    if kind == "wallet":
        key = EvmKey(secret)
        try:
            return key.address
        finally:
            key.wipe()
    if kind == "kalshi":
        return key_type(secret)
    with secret.reveal() as bare:
        if not len(bare):
            raise AccountError(f"{secret.name}: there is nothing in it: give it again")
    return ""
