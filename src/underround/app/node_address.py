"""Addresses of nodes, which often hold a key: plain ones without, references for the others."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from underround.app.connections import Secrets
from underround.model.errors import ConfigError
from underround.operations.secret import FORMS, SecretRef
from underround.venues.transport.http import host_of

_SCHEMES: Final = ("http", "https")


def reference_in(text: str) -> SecretRef | None:
    """Return the reference that stands in the place of an address; ``None``: it is no reference."""
    try:
        return SecretRef.parse(text)
    except ValueError:
        return None


def check_node_address(text: str) -> None:
    """Raise ``ValueError``, without repeating it, for neither a reference nor a keyless address.

    Whether a path or query is a key cannot be told, so both are asked for as a reference.
    """
    if reference_in(text) is not None:
        return
    try:
        host = host_of(text, _SCHEMES)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    if text.rstrip("/") != host:
        raise ValueError(
            "an address with a path, query or user often holds a key: keep the whole address "
            f"elsewhere and write a reference to it here ({FORMS}); what is there is not shown"
        )


def open_node_address(text: str, place: str, secrets: Secrets) -> str:
    """Return the address that ``text`` is or refers to; ``place`` is the key that names it.

    Raises ``ConfigError`` or ``KeyStoreError``, without repeating what a reference leads to.
    """
    reference = reference_in(text)
    if reference is None:
        return text
    with secrets.open(reference).reveal() as bare:
        address = bytes(bare).decode("utf-8", "replace").strip()
    try:
        host_of(address, _SCHEMES)
        if urlsplit(address).username is not None or not address.isprintable():
            raise ConfigError("an address has no user and no line end")
    except ConfigError as error:
        raise ConfigError(f"{place} ({reference}): {error}") from None
    return address
