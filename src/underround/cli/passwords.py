"""How secrets get into the program: a prompt, a file descriptor or, with a warning, a variable.

Never an argument: the list of processes shows it to everybody.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from underround.model.errors import KeyStoreError
from underround.operations.memory import LockedSecret

PASSWORD_VARIABLE: Final = "UNDERROUND_KEYS_PASSWORD"  # noqa: S105  the name of a variable
_LONGEST: Final = 1 << 16


def read_password(
    *,
    descriptor: int | None,
    twice: bool = False,
    prompt: str = "password of the key store: ",
    environ: Mapping[str, str] = os.environ,
    variable: str = PASSWORD_VARIABLE,
    warn: Callable[[str], None],
) -> LockedSecret:
    """Return a password: from ``descriptor``, else from a variable, else asked for.

    ``twice`` asks again and compares, for a password that is about to be set.
    Raises ``KeyStoreError`` when there is no way to get one.
    """
    if descriptor is not None:
        return LockedSecret("password", read_descriptor(descriptor))
    if environ.get(variable):
        warn(
            f"warning: the password was taken from {variable}, which every program you start can "
            "read; a prompt or --password-fd is safer"
        )
        return LockedSecret("password", bytearray(environ[variable].encode()))
    return ask(prompt, twice=twice)


def ask(prompt: str, *, twice: bool = False) -> LockedSecret:
    """Ask the terminal for a secret without showing it."""
    if not sys.stdin.isatty():
        raise KeyStoreError(
            f"{prompt.rstrip(': ')} is needed and there is no terminal to ask at: use "
            f"--password-fd N or set {PASSWORD_VARIABLE}"
        )
    first = bytearray(getpass.getpass(prompt).encode())
    if twice and first != bytearray(getpass.getpass("again: ").encode()):
        raise KeyStoreError("the two passwords differ: nothing was changed; try again")
    return LockedSecret("password", first)


def read_descriptor(descriptor: int) -> bytearray:
    """Return what an inherited file descriptor holds, without its last line break.

    Raises ``KeyStoreError`` when it is not open for reading or holds nothing.
    """
    content = bytearray()
    try:
        while part := os.read(descriptor, 4096):
            content += part
            if len(content) > _LONGEST:
                raise KeyStoreError(f"file descriptor {descriptor} holds too much for a secret")
    except OSError as error:
        raise KeyStoreError(
            f"file descriptor {descriptor} cannot be read ({error.strerror or error}): open it, "
            f"e.g. with {descriptor}<FILE"
        ) from None
    return _stripped(content, f"file descriptor {descriptor}")


def read_secret_file(path: Path) -> bytearray:
    """Return a file's content without its last line break.  Raises ``KeyStoreError``."""
    try:
        content = bytearray(path.expanduser().read_bytes())
    except OSError as error:
        raise KeyStoreError(f"{path} cannot be read: {error.strerror or error}") from None
    return _stripped(content, str(path))


def _stripped(content: bytearray, place: str) -> bytearray:
    for end in (b"\n", b"\r"):
        if content.endswith(end):
            del content[-1:]
    if not content:
        raise KeyStoreError(f"{place} holds nothing: put the secret there")
    return content
