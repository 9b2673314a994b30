"""Kalshi's numbers and times in answers, as exact integers that know what they were.

Each type below is an integer of the house (millionths or nanoseconds) and names the only wire form
it is made from; ``answer_decoder`` refuses every other form with the path of the field.  A price
written as a JSON number, or a quantity in whole cents, is never taken for the text it should be.
Source: docs.kalshi.com, getting_started/fixed_point_migration.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from underround.model.errors import AnswerRefused
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import parse_micros, parse_price, parse_size
from underround.venues.codec import UNREADABLE, iso_nanos, reason

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

_CENT: Final = 10_000
_LARGEST_COUNT: Final = 10**14
"""Cents or hundredths of a cent: a million millions of dollars."""


_OFFSET: Final = re.compile(r"(.{19,32})([+-])([01]\d):([0-5]\d)", re.ASCII)
"""A time with an offset from UTC, as the schedule may state it."""


class NumberText(str):
    """A JSON number with a fraction, as it was written."""

    __slots__ = ()


class Dollars(int):
    """Micro-dollars from text, below 0 too (``…_dollars``, ``fee_cost``)."""


class UnitPrice(int):
    """Micro-dollars per contract from text, 0 … 1 dollar."""


class Contracts(int):
    """Micro-contracts from text, never below 0 (``…_fp``)."""


class SignedContracts(int):
    """Micro-contracts from text; below 0 means NO (``position_fp``)."""


class Cents(int):
    """Micro-dollars from a whole number of cents."""


class Centicents(int):
    """Micro-dollars from a whole number of hundredths of a cent."""


class Ratio(int):
    """Millionths from a JSON number, never below 0 (``fee_multiplier``)."""


class Strike(int):
    """Millionths of the measure's unit from a JSON number."""


class IsoTime(int):
    """Unix nanoseconds from ISO 8601 text with ``Z`` or an offset."""


class UnixSeconds(int):
    """Unix nanoseconds from whole seconds."""


class UnixMillis(int):
    """Unix nanoseconds from whole milliseconds."""


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError(f"expected a decimal number as text, got {str(value)[:40]}")
    return value


def _whole(value: object) -> int:
    if type(value) is not int or abs(value) > _LARGEST_COUNT:
        raise ValueError(f"expected a whole number, got {str(value)[:40]}")
    return value


def _number(value: object) -> int:
    if type(value) is int:
        return parse_micros(str(_whole(value)))
    if type(value) is NumberText:
        return parse_micros(str(value))
    raise ValueError(f"expected a number, got {str(value)[:40]}")


def _ratio(value: object) -> int:
    ratio = _number(value)
    if ratio < 0:
        raise ValueError("a ratio below 0")
    return ratio


def _time(value: object) -> int:
    if type(value) is not str:
        raise ValueError(f"expected a time as text, got {str(value)[:40]}")
    offset = _OFFSET.fullmatch(value)
    if offset is None:
        return iso_nanos(value)
    minutes = int(offset[3]) * 60 + int(offset[4])
    shift = minutes * 60 * NANOS_PER_SECOND
    return iso_nanos(offset[1] + "Z") + (shift if offset[2] == "-" else -shift)


def _unix(value: object, digits: int, unit: int) -> int:
    if type(value) is not int or not 10 ** (digits - 1) <= value < 10**digits:
        raise ValueError(f"{str(value)[:40]} is no Unix time of {digits} digits")
    return value * unit


_READERS: Final[dict[type, Callable[[object], int]]] = {
    Dollars: lambda value: parse_micros(_text(value)),
    UnitPrice: lambda value: parse_price(_text(value)),
    Contracts: lambda value: parse_size(_text(value)),
    SignedContracts: lambda value: parse_micros(_text(value)),
    Cents: lambda value: _whole(value) * _CENT,
    Centicents: lambda value: _whole(value) * (_CENT // 100),
    Ratio: _ratio,
    Strike: _number,
    IsoTime: _time,
    UnixSeconds: lambda value: _unix(value, 10, NANOS_PER_SECOND),
    UnixMillis: lambda value: _unix(value, 13, NANOS_PER_MS),
}


def _read(kind: type, value: object) -> Any:
    reader = _READERS.get(kind)
    if reader is None:
        raise NotImplementedError(f"no wire form is known for {kind.__name__}")
    return kind(reader(value))


class AnswerDecoder:
    """Bodies of one kind of answer; made once per kind."""

    __slots__ = ("_decode",)

    def __init__(self, kind: Any) -> None:
        self._decode = msgspec.json.Decoder(kind, dec_hook=_read, float_hook=NumberText).decode

    def __call__(self, body: bytes | msgspec.Raw, place: str) -> Any:
        """Return the body as a value; raises ``AnswerRefused`` naming ``place`` and the path."""
        try:
            return self._decode(body)
        except UNREADABLE as error:
            told = reason(error)
            raise AnswerRefused(
                f"Kalshi's answer to {place} is not as documented: {told}"
            ) from None


def answer_decoder(kind: type[T]) -> Callable[[bytes | msgspec.Raw, str], T]:
    """Return the decoder of answers of ``kind``, see ``AnswerDecoder``."""
    return AnswerDecoder(kind)


def contradiction(place: str, told: str) -> AnswerRefused:
    """Return the error for an answer that is well formed and cannot be true."""
    return AnswerRefused(f"Kalshi's answer to {place} contradicts itself: {told}")


def plain(value: S) -> S:
    """Return a value of the model with plain integers: the types above end where answers end.

    They would be refused by whatever writes the value down.
    """
    return msgspec.convert(msgspec.to_builtins(value, enc_hook=int), type(value))
