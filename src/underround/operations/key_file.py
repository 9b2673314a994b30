"""The file of a key store: its form, how a password becomes its key, and how it is replaced."""

from __future__ import annotations

import base64
import os
import stat
import tempfile
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from underround.model.errors import DiskError, KeyStoreError
from underround.model.secret import Secret
from underround.operations.memory import LockedSecret

KeyKind: TypeAlias = Literal["wallet", "kalshi", "text"]
"""``wallet``: a private key of an Ethereum account.  ``kalshi``: a private key as PEM.  ``text``:
anything else: API keys, passphrases, tokens."""
SHORTEST_PASSWORD: Final = 8
_LARGEST_FILE: Final = 1 << 20


class Kdf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Argon2id needs besides the password (RFC 9106, second recommended option)."""

    salt: bytes
    memory_kib: Annotated[int, msgspec.Meta(ge=8 * 1024, le=4 << 20)] = 64 * 1024
    iterations: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    lanes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    format: Literal[1]
    kdf: Kdf
    nonce: bytes
    sealed: bytes


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key as it is sealed."""

    kind: KeyKind
    added_ns: int
    value: bytes


def bound(sealed: Sealed) -> bytes:
    """Return what the seal covers besides the keys."""
    return msgspec.json.encode([sealed.format, sealed.kdf, base64.b64encode(sealed.nonce)])


def derived(password: Secret, kdf: Kdf, path: Path, *, opening: bool = False) -> LockedSecret:
    """Return the key that a password becomes; raises ``KeyStoreError`` for one that is too short.

    ``opening``: a password that was accepted once is not judged again.
    """
    with password.reveal() as bare:
        if not opening and len(bare) < SHORTEST_PASSWORD:
            raise KeyStoreError(
                f"{path}: a password of fewer than {SHORTEST_PASSWORD} characters protects "
                "nothing: choose a longer one"
            )
        try:
            key = Argon2id(
                salt=kdf.salt,
                length=32,
                iterations=kdf.iterations,
                lanes=kdf.lanes,
                memory_cost=kdf.memory_kib,
            ).derive(bare)  # type: ignore[arg-type]  # any buffer will do: no copy to wipe
        except (ValueError, MemoryError) as error:
            raise KeyStoreError(f"{path}: the key cannot be derived: {error}") from None
    return LockedSecret("key of the key store", key)


def read_sealed(path: Path) -> Sealed:
    """Return the file at ``path``; raises ``KeyStoreError`` if others may read it or it is none."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise KeyStoreError(f"{path}: there is no key store: underround keys init") from None
    except OSError as error:
        raise KeyStoreError(f"{path} cannot be read: {error.strerror or error}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyStoreError(f"{path} may be read by others: chmod 600 {path}")
    try:
        return msgspec.json.decode(text, type=Sealed)
    except msgspec.MsgspecError as error:
        raise KeyStoreError(f"{path} is no key store: {error}: restore it from a copy") from None


def put_in_place(path: Path, text: bytes) -> None:
    """Put ``text`` at ``path`` whole or not at all, for its owner only."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(prefix=".keys-", dir=path.parent)  # mode 600
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise disk_error(path, error) from None


def disk_error(path: Path, error: OSError) -> DiskError:
    """Return what a failure to write means."""
    return DiskError(
        f"{path} could not be written ({error.strerror or error}) and is as it was: make room, or "
        "name another file with --file"
    )
