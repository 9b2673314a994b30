"""The texts of JSON-RPC as types: quantities, hashes, addresses and bytes, checked when read.

``of_hex`` is the ``dec_hook`` of every decoder here, so that a wrong text is refused with its path.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from underround.model.errors import AnswerRefused

T = TypeVar("T")

_QUANTITY: Final = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_BYTES: Final = re.compile(r"0x([0-9a-fA-F]{2})*")


class Quantity(int):
    """A number that travels as ``0x`` and hex digits without leading zeros."""


class Address(str):
    """20 bytes as ``0x`` and lower-case hex."""

    __slots__ = ()


class Hash(str):
    """32 bytes as ``0x`` and lower-case hex."""

    __slots__ = ()


class HexBytes(bytes):
    """Any bytes; on the wire ``0x`` and hex."""

    __slots__ = ()


def of_hex(kind: type, value: object) -> object:
    """Return ``value`` as the hex type ``kind``; raises ``ValueError`` otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"expected hex text, got {type(value).__name__}")  # noqa: TRY004 – msgspec adds the path
    if kind is Quantity and _QUANTITY.fullmatch(value.lower()):
        return Quantity(value, 16)
    if kind is Address and _ADDRESS.fullmatch(value):
        return Address(value.lower())
    if kind is Hash and _HASH.fullmatch(value):
        return Hash(value.lower())
    if kind is HexBytes and _BYTES.fullmatch(value):
        return HexBytes(bytes.fromhex(value[2:]))
    raise ValueError(f"{value[:80]!r} is no {kind.__name__.lower()}")


def decode(body: bytes, kind: type[T], place: str) -> T:
    """Return ``body`` as ``kind``; raises ``AnswerRefused`` naming ``place`` and the path."""
    try:
        return msgspec.json.decode(body, type=kind, dec_hook=of_hex)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerRefused(f"{place}: {error}: the answer was left out") from None


def address(text: str) -> Address:
    """Return ``text`` as an address; raises ``ValueError``."""
    found = of_hex(Address, text)
    assert isinstance(found, Address)
    return found


def hex_text(value: int | bytes) -> str:
    """Return a number or bytes as JSON-RPC writes them."""
    return hex(value) if isinstance(value, int) else "0x" + value.hex()


def enc_hex(value: Any) -> str:  # msgspec hands over whatever it cannot encode itself
    """Encode the hex types; the ``enc_hook`` of this venue."""
    if isinstance(value, int | bytes):
        return hex_text(value)
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")
