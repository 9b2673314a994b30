"""Secrets by reference: the configuration names where a secret is, never the secret."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from underround.model.errors import ConfigError
from underround.operations.memory import LockedSecret

_REFERENCE: Final = re.compile(
    r"(?P<env>env:[A-Za-z_][A-Za-z0-9_]*)|(?P<file>file:[^\x00-\x1f]+)"
    r"|(?P<keystore>keystore:[A-Za-z0-9_.-]+)"
)

FORMS: Final = "env:NAME, file:PATH or keystore:NAME"

_IN_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+:(?://)?)(?:[^/?#\s@]+@|[^/?#\s@]*:[^\s@]*@)"
    r"|[?&](?:password|passwd|pwd|pass|token|secret|api_?key|access_?key)=",
    re.IGNORECASE,
)


def credentials_in_url(text: str) -> bool:
    """Whether ``text`` holds a URL with a user, a password or a token in it."""
    return _IN_URL.search(text) is not None


class SecretRef(msgspec.Struct, frozen=True):
    """Where a secret is.  Holds no secret: printing it prints the reference."""

    reference: str

    @classmethod
    def parse(cls, text: object) -> SecretRef:
        """Return the reference ``text`` is.

        Raises ``ValueError``, without repeating ``text``, when it is anything else: it may be the
        secret itself.
        """
        if not isinstance(text, str) or _REFERENCE.fullmatch(text) is None:
            raise ValueError(
                f"expected a reference to a secret ({FORMS}); what is there is not shown, and "
                "if it is the secret itself, move it out of the configuration and change it"
            )
        return cls(text)

    def __str__(self) -> str:
        return self.reference

    def __repr__(self) -> str:
        return f"SecretRef({self.reference!r})"

    def open(
        self,
        environ: Mapping[str, str] = os.environ,
        keystore: Callable[[str], LockedSecret] | None = None,
    ) -> LockedSecret:
        """Return the secret itself, in locked memory.

        Raises ``ConfigError`` naming the reference when there is nothing, or an empty text, where
        it points.  A file's last line break is not part of the secret.
        """
        scheme, _, name = self.reference.partition(":")
        if scheme == "keystore":
            if keystore is None:
                raise ConfigError(f"{self.reference}: no key store is open: use env: or file:")
            return keystore(name)
        content: bytes | bytearray
        if scheme == "env":
            content = environ.get(name, "").encode()
        else:
            content = _read(Path(name).expanduser(), self.reference)
        if not content:
            raise ConfigError(f"{self.reference}: there is no secret where it points: set it")
        return LockedSecret(self.reference, content)


def _read(path: Path, reference: str) -> bytearray:
    try:
        content = bytearray(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{reference}: cannot be read: {error.strerror or error}") from None
    for end in (b"\n", b"\r"):
        if content.endswith(end):
            del content[-1:]
    return content
