"""Exact texts of prices, sizes and times as sources write them.

Nothing here rounds: a number is kept exactly or its line is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import decimal_text, parse_micros, parse_price, parse_size
from underround.pipeline.importers.source import Place

TimeUnit = Literal["s", "ms", "us", "ns", "iso"]
_FLOAT_SLACK: Final = 1e-9
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))? ?(Z|[+-]\d\d:?\d\d)"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = {"s": NANOS_PER_SECOND, "ms": NANOS_PER_MS, "us": 1000, "ns": 1}


def price_text(place: Place, text: str | None) -> str:
    """Return a price within 0 … 1 as shortest decimal text; refuses a missing or bad one."""
    if not text:
        raise place.refused("has no price", "a price is never guessed; repair or drop the row")
    try:
        return decimal_text(parse_price(text))
    except ValueError as error:
        raise place.refused(f"has a bad price ({error})", "repair or drop the row") from None


def size_text(place: Place, text: str | None) -> str:
    """Return a size ≥ 0 as shortest decimal text; refuses a missing, negative or bad one."""
    if not text:
        raise place.refused("has no size", "a size is never guessed; repair or drop the row")
    try:
        return decimal_text(parse_size(text))
    except ValueError as error:
        raise place.refused(f"has a bad size ({error})", "repair or drop the row") from None


def number_text(value: Decimal) -> str:
    """Return the digits of a JSON number without an exponent, exactly as many as it has."""
    return format(value, "f")


def float_micros(place: Place, name: str, value: float | None) -> int:
    """Return a float in millionths; refuses a missing, negative or finer one.

    The float must lie within 1e-9 of a whole number of millionths, which a decimal of at most six
    places always does.
    """
    if value is None:
        raise place.refused(f"has no {name}", "repair or drop the row")
    if not 0 <= value < 1e12:
        raise place.refused(f"has the impossible {name} {value}", "repair or drop the row")
    micros = round(value * 1_000_000)
    if abs(float(decimal_text(micros)) - value) > _FLOAT_SLACK:
        raise place.refused(f"has the {name} {value!r}, finer than a millionth", "repair the row")
    return micros


def micros_of(place: Place, name: str, value: Decimal) -> int:
    """Return an exact JSON number in millionths; refuses a finer one."""
    try:
        return parse_micros(number_text(value))
    except ValueError as error:
        raise place.refused(f"has a bad {name} ({error})", "repair the file") from None


def unix_ns(place: Place, name: str, text: str | None, unit: TimeUnit) -> int:
    """Return a time in Unix nanoseconds; refuses a missing, fractional or impossible one."""
    if not text:
        raise place.refused(f"has no {name}", "a time is never guessed; repair or drop the row")
    if unit == "iso":
        return iso_ns(place, name, text)
    if not (text.isascii() and text.isdigit()):
        raise place.refused(f"has the {name} {text!r}", f"expected whole {unit} since 1970")
    nanos = int(text) * _UNITS[unit]
    if not NANOS_PER_SECOND * 10**8 < nanos < 1 << 62:
        raise place.refused(f"has the {name} {text}, outside 1973 … 2116", f"is it in {unit}?")
    return nanos


def iso_ns(place: Place, name: str, text: str | None) -> int:
    """Return an ISO 8601 time with a zone in Unix nanoseconds, keeping up to nine decimals."""
    match = _ISO.fullmatch(text or "")
    if match is None:
        raise place.refused(f"has the {name} {text!r}", "expected ISO 8601 with a zone")
    date, clock, fraction, zone = match.groups()
    try:
        seconds = _seconds(date, clock, "+00:00" if zone == "Z" else zone)
    except ValueError:
        raise place.refused(f"has the {name} {text!r}", "that time does not exist") from None
    return seconds * NANOS_PER_SECOND + int((fraction or "").ljust(9, "0"))


@lru_cache(maxsize=4096)
def _seconds(date: str, clock: str, zone: str) -> int:
    moment = datetime.fromisoformat(f"{date}T{clock}{zone}")
    return (moment - _EPOCH) // timedelta(seconds=1)
