"""Exact text of quantities for the reader: from integers, by integer arithmetic, never a float.

A minus is U+2212 so that it is as wide as a plus; thousands are separated by commas.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from underround.model.units import ONE, Money, Nanos, Price, Size

MINUS: Final = "\N{MINUS SIGN}"
DASH: Final = "\N{EM DASH}"
_SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _decimal(micros: int, places: int, prefix: str, *, signed: bool) -> str:
    """Return ``micros`` millionths with at least ``places`` decimals and as many as it needs."""
    whole, fraction = divmod(abs(micros), ONE)
    digits = f"{fraction:06d}".rstrip("0").ljust(places, "0")
    sign = MINUS if micros < 0 else "+" if signed and micros else ""
    return f"{sign}{prefix}{whole:,}" + (f".{digits}" if digits else "")


def money(amount: Money) -> str:
    """Return dollars with two decimals, more only where the amount has them: ``$1,234.5678``."""
    return _decimal(amount, 2, "$", signed=False)


def signed_money(amount: Money) -> str:
    """Return ``money`` with its sign always written; zero has none."""
    return _decimal(amount, 2, "$", signed=True)


def price(quote: Price) -> str:
    """Return a price per share with two decimals, more only where it has them: ``0.515``."""
    return _decimal(quote, 2, "", signed=False)


def size(amount: Size) -> str:
    """Return shares with as many decimals as they have: ``1,250.5``."""
    return _decimal(amount, 0, "", signed=False)


def count(number: int) -> str:
    """Return a whole number with thousands separated."""
    return f"{MINUS if number < 0 else ''}{abs(number):,}"


def share(part: int, whole: int) -> str:
    """Return ``part`` of ``whole`` in percent, rounded down to hundredths; a dash if ``whole`` ≤ 0.

    Rounding down means that 100 % is only ever written when nothing is missing.
    """
    if whole <= 0:
        return DASH
    hundredths = abs(part) * 10_000 // whole
    sign = MINUS if part < 0 and hundredths else ""
    return f"{sign}{hundredths // 100:,}.{hundredths % 100:02d} %"


def utc(at_ns: Nanos, places: int = 3) -> str:
    """Return a time as ``2026-11-20 12:53:03.123`` (UTC, rounded down to ``places`` decimals)."""
    seconds, nanos = divmod(at_ns, _SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
    return text + (f".{nanos:09d}"[: places + 1] if places else "")


def span(length_ns: Nanos) -> str:
    """Return a length of time in its two largest units: ``2 d 3 h``, ``14 min 05 s``, ``85 ms``."""
    milliseconds = length_ns // 1_000_000
    seconds, rest = divmod(milliseconds, 1000)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days:,} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60:02d} min"
    if minutes:
        return f"{minutes} min {seconds % 60:02d} s"
    if seconds:
        return f"{seconds}.{rest // 100} s"
    if milliseconds or not length_ns:
        return f"{milliseconds} ms" if length_ns else "0 s"
    return f"{length_ns:,} ns"
