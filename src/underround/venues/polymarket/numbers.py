"""How Polymarket's REST bodies write numbers, read exactly.

Money comes as text, as a JSON number, or as the decimal form of a double.  A JSON number is taken
as the text it is (``msgspec.Raw``), so that no float lies between the venue and our integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.units import ONE, Nanos, parse_micros
from underround.venues.codec import UNREADABLE, iso_nanos, reason, unix_nanos

T = TypeVar("T")
N = TypeVar("N", bound=int | Decimal)

_NUMBER: Final = re.compile(r"-?(0|[1-9]\d{0,29})(\.\d{1,60})?([eE][+-]?\d{1,2})?", re.ASCII)
_NOISE: Final = 1 << 48
"""A double is right to 53 bits; what sums of doubles add is far below the 48th."""

_LONGEST_TIME: Final = len("2026-01-01T00:00:00.123456789+00:00")
_DAY: Final = len("2026-01-01")

_text = msgspec.json.Decoder(str).decode


def number_text(raw: msgspec.Raw) -> str:
    """Return the text of a JSON number, or of a JSON string that holds one.

    Raises ``ValueError`` for everything else: null, true, lists, words, an absent field.
    """
    data = bytes(raw)
    text = _text(data) if data[:1] == b'"' else data.decode(errors="replace")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not a number" if text else "no number is stated")
    return text


def exact(raw: msgspec.Raw) -> Decimal:
    """Return a number as it stands; for averages and sums that no millionth can hold."""
    return Decimal(number_text(raw))


def unit_price(raw: msgspec.Raw) -> Decimal:
    """Return a price as it stands, never rounded; ``ValueError`` outside 0 … 1 dollar."""
    price = exact(raw)
    if not 0 <= price <= 1:
        raise ValueError(f"price {price} is not within 0 … 1 dollar")
    return price


def micros(raw: msgspec.Raw) -> int:
    """Return a number in millionths, exactly; ``ValueError`` when it is finer."""
    text = number_text(raw)
    return parse_micros(text if "e" not in text.lower() else format(Decimal(text), "f"))


def double_micros(raw: msgspec.Raw) -> int:
    """Return a double that stands for millionths; ``ValueError`` when it stands for others.

    ``14.285714999999999`` is what a double leaves of 14.285715.
    """
    text = number_text(raw)
    scaled = Decimal(text) * ONE
    whole = int(scaled.to_integral_value())
    if abs(scaled - whole) * _NOISE > abs(scaled):
        raise ValueError(f"{text!r} is finer than a millionth")
    return parse_micros(format(Decimal(whole).scaleb(-6), "f"))


def amount(raw: msgspec.Raw) -> int:
    """Return a double that stands for millionths and cannot be below 0; ``ValueError``."""
    if exact(raw) < 0:
        raise ValueError(f"{number_text(raw)!r} is below 0")
    return double_micros(raw)


def base_units(raw: msgspec.Raw) -> int:
    """Return a whole number that may have 256 bits, e.g. an allowance in millionths."""
    data = bytes(raw)
    text = _text(data) if data[:1] == b'"' else data.decode(errors="replace")
    if not (text.isascii() and text.isdigit() and len(text) < 80):
        raise ValueError(f"{text[:60]!r} is not a whole number")
    return int(text)


def moment(raw: msgspec.Raw) -> Nanos:
    """Return a time: Unix s, ms or µs as a number or its text, ISO 8601 in UTC, or a UTC day."""
    data = bytes(raw)
    text = _text(data) if data[:1] == b'"' else data.decode(errors="replace")
    if len(text) > _LONGEST_TIME:
        raise ValueError(f"{text[:60]!r} is no time")
    if text.isascii() and text.isdigit():
        return unix_nanos(int(text))
    return iso_nanos(f"{text}T00:00:00Z" if len(text) == _DAY else text)


def at(place: str, path: str, read: Callable[[T], N], value: T) -> N:
    """Return ``read(value)``; what it refuses becomes ``AnswerRefused`` naming place and path."""
    try:
        return read(value)
    except ValueError as error:
        raise AnswerRefused(f"{place}: {error} - at `${path}`") from None


def absent(raw: msgspec.Raw) -> bool:
    """Return whether an optional field is left out or null."""
    return bytes(raw) in {b"", b"null"}


def read_body(decode: Callable[[bytes], T], body: bytes, place: str) -> T:
    """Return what ``decode`` makes of a body; ``AnswerRefused`` names the place and the path."""
    try:
        return decode(body)
    except UNREADABLE as error:
        told = reason(error)
        raise AnswerRefused(f"{place}: the answer is not what it should be: {told}") from None
