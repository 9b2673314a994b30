"""Exact numbers and spans of time as a scene writes them: as text, for TOML knows floats only."""

from __future__ import annotations

import re
from typing import Final

from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import ONE, parse_micros

_PARTS: Final = re.compile(r"(\d+(?:\.\d{1,9})?)(ms|s|m|h|d)")
_UNITS: Final = {
    "ms": NANOS_PER_MS,
    "s": NANOS_PER_SECOND,
    "m": 60 * NANOS_PER_SECOND,
    "h": 3_600 * NANOS_PER_SECOND,
    "d": 86_400 * NANOS_PER_SECOND,
}


class Amount(int):
    """Dollars or shares in millionths, written ``"12.5"``; never negative."""

    __slots__ = ()


class Cents(int):
    """A price of an outcome in millionths, written ``"0.52"``; strictly between 0 and 1."""

    __slots__ = ()


class Span(int):
    """Nanoseconds, written ``"250ms"``, ``"2s"`` or ``"1h30m"``."""

    __slots__ = ()


def read_quantity(kind: type, written: object) -> object:
    """Return a quantity from what stands in a scene (msgspec's ``dec_hook``).

    Raises ``ValueError`` that says how to write it.
    """
    if kind is Span:
        return read_span(written)
    if kind is Amount or kind is Cents:
        return _read_decimal(kind, written)
    raise NotImplementedError(kind)


def read_span(written: object) -> Span:
    """Return a span of time; raises ``ValueError`` that says how to write one."""
    parts = list(_PARTS.finditer(written)) if isinstance(written, str) else []
    if not parts or "".join(part[0] for part in parts) != written:
        raise ValueError(f'{_shown(written)} is no span of time: write "250ms", "2s" or "1h30m"')
    return Span(sum(_nanos(part[1], _UNITS[part[2]]) for part in parts))


def _nanos(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    parts = int(fraction.ljust(9, "0"))
    return int(whole) * unit + parts * unit // 10**9


def _read_decimal(kind: type, written: object) -> object:
    if not isinstance(written, str):
        raise ValueError(  # noqa: TRY004 - msgspec passes a ValueError's words on
            f'{_shown(written)} is a number of TOML, which is not exact: put it in quotes ("0.52")'
        )
    try:
        value = parse_micros(written)
    except ValueError as error:
        raise ValueError(f'{error}: write it like "12.5"') from None
    if kind is Cents and not 0 < value < ONE:
        raise ValueError(f'{_shown(written)} is no price: write one above 0 and below 1 ("0.52")')
    if value < 0:
        raise ValueError(f'{_shown(written)} is negative: write it like "12.5"')
    quantity: object = kind(value)
    return quantity


def _shown(written: object) -> str:
    return f'"{written}"' if isinstance(written, str) else str(written)[:40]
