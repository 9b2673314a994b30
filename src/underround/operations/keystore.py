"""The key store: secrets by name in one file, sealed with a password.

The file is one JSON object: how the password becomes a key (Argon2id, its cost and salt), a nonce,
and everything else sealed by AES-256-GCM, which covers the cost and salt as well: a changed byte
anywhere is found.  It is replaced whole or not at all, belongs to its owner only, and one process
changes it at a time.

    {"format": 1, "kdf": {"memory_kib": …, "iterations": …, "lanes": …, "salt": …},
     "nonce": …, "sealed": …}

Opening costs 64 MiB and about an eighth of a second, for us once and for a thief every time.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from underround.model.errors import KeyStoreError
from underround.model.secret import Secret
from underround.operations.key_file import (
    Entry,
    Kdf,
    KeyKind,
    Sealed,
    bound,
    derived,
    disk_error,
    put_in_place,
    read_sealed,
)
from underround.operations.memory import LockedSecret, wipe

__all__ = ["NAME", "Kdf", "KeyInfo", "KeyKind", "KeyStore"]

NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16


class KeyInfo(msgspec.Struct, frozen=True):
    """What may be shown of a key."""

    name: str
    kind: KeyKind
    added_ns: int


class KeyStore:
    """An open key store; a context manager that wipes every secret it holds when it ends."""

    def __init__(
        self, path: Path, entries: Mapping[str, Entry], kdf: Kdf, key: LockedSecret, nonce: bytes
    ) -> None:
        """Use ``KeyStore.create`` or ``KeyStore.open``."""
        self.path = path
        self._kdf = kdf
        self._key = key
        self._nonce = nonce
        """Of the file as we know it: another one there means another process wrote it."""
        self._infos: dict[str, KeyInfo] = {}
        self._secrets: dict[str, LockedSecret] = {}
        for name, entry in entries.items():
            self._keep(name, entry)

    def _keep(self, name: str, entry: Entry) -> None:
        self._infos[name] = KeyInfo(name, entry.kind, entry.added_ns)
        self._secrets[name] = LockedSecret(name, entry.value)

    # --- opening -------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, password: Secret, kdf: Kdf | None = None) -> Self:
        """Make an empty key store at ``path``; ``kdf`` sets another cost than the usual one.

        Raises ``KeyStoreError`` if something is there already or the password is too short,
        ``DiskError`` if it cannot be written.
        """
        if path.exists():
            raise KeyStoreError(f"{path} exists already: add keys to it, or move it away first")
        kdf = kdf or Kdf(secrets.token_bytes(_SALT_BYTES))
        store = cls(path, {}, kdf, derived(password, kdf, path), b"")
        store._write()
        return store

    @classmethod
    def open(cls, path: Path, password: Secret) -> Self:
        """Open the key store at ``path``.

        Raises ``KeyStoreError`` when there is none, others may read it, it was damaged, or the
        password is wrong (which cannot be told from damage).
        """
        sealed = read_sealed(path)
        key = derived(password, sealed.kdf, path, opening=True)
        with key.reveal() as bare:
            try:
                plain = bytearray(AESGCM(bare).decrypt(sealed.nonce, sealed.sealed, bound(sealed)))
            except InvalidTag:
                key.wipe()
                raise KeyStoreError(
                    f"{path}: the password is wrong, or the file was changed: try again, or "
                    "restore the file from a copy"
                ) from None
        try:
            entries = msgspec.msgpack.decode(plain, type=dict[str, Entry])
        except msgspec.MsgspecError:
            key.wipe()
            raise KeyStoreError(f"{path}: a newer program wrote it: use that one") from None
        finally:
            wipe(plain)
        return cls(path, entries, sealed.kdf, key, sealed.nonce)

    def close(self) -> None:
        """Wipe every secret that was handed out or not."""
        for secret in self._secrets.values():
            secret.wipe()
        self._key.wipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- use -----------------------------------------------------------------------------------

    @property
    def infos(self) -> tuple[KeyInfo, ...]:
        """What may be shown of every key, by name."""
        return tuple(self._infos[name] for name in sorted(self._infos))

    def secret(self, name: str) -> LockedSecret:
        """Return a key.  Raises ``KeyStoreError`` naming those there are."""
        found = self._secrets.get(name)
        if found is None:
            known = ", ".join(sorted(self._secrets)) or "none"
            raise KeyStoreError(f"{self.path} holds no key {name!r} (there are: {known}): add it")
        return found

    def add(self, name: str, kind: KeyKind, value: Secret, now_ns: int) -> None:
        """Keep a key and write the file.  Raises ``KeyStoreError`` for a name that is taken."""
        if not NAME.fullmatch(name):
            raise KeyStoreError(
                "a key's name is 1 to 64 letters, digits, dots, dashes or underscores: choose "
                "another (what was given is not shown: it may be the secret itself)"
            )
        with self._changing():
            if name in self._secrets:
                raise KeyStoreError(f"{self.path} holds a key {name!r} already: remove it first")
            with value.reveal() as bare:
                self._keep(name, Entry(kind, now_ns, bytes(bare)))
            self._write()

    def remove(self, name: str) -> None:
        """Forget a key and write the file.  Raises ``KeyStoreError`` if there is none."""
        with self._changing():
            self.secret(name).wipe()
            del self._secrets[name], self._infos[name]
            self._write()

    def change_password(self, password: Secret) -> None:
        """Seal the file with another password and a new salt."""
        with self._changing():
            kdf = msgspec.structs.replace(self._kdf, salt=secrets.token_bytes(_SALT_BYTES))
            key = derived(password, kdf, self.path)
            before, self._key, self._kdf = self._key, key, kdf
            self._write()
            before.wipe()

    # --- the file ------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep other processes out, and refuse to write over what one of them changed."""
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise disk_error(self.path, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if read_sealed(self.path).nonce != self._nonce:
                raise KeyStoreError(f"{self.path} was changed by another process: open it again")
            yield
        finally:
            os.close(descriptor)

    def _write(self) -> None:
        entries: dict[str, Entry] = {}
        for name, info in self._infos.items():
            with self._secrets[name].reveal() as bare:
                entries[name] = Entry(info.kind, info.added_ns, bytes(bare))
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = Sealed(1, self._kdf, nonce, b"")
        plain = bytearray(msgspec.msgpack.encode(entries))
        with self._key.reveal() as bare:
            sealed = AESGCM(bare).encrypt(nonce, plain, bound(head))
        wipe(plain)
        whole = msgspec.structs.replace(head, sealed=sealed)
        put_in_place(self.path, msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")
        self._nonce = nonce
