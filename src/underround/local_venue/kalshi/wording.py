"""Numbers and times as Kalshi writes them, and its numbers as they are read from requests."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from underround.model.units import ONE, Money, Nanos, Price, Size

_NANOS: Final = 10**9
_CENT: Final = 10_000
_PRICE: Final = re.compile(r"\d{1,7}(\.\d{1,6})?", re.ASCII)
_COUNT: Final = re.compile(r"\d{1,12}(\.\d{1,2})?", re.ASCII)


@lru_cache(maxsize=1 << 15)
def price_text(price: Price) -> str:
    """Return a price with four decimals, more only where it has them."""
    return _decimals(price, 4)


def money_text(amount: Money) -> str:
    """Return money with six decimals."""
    return _decimals(amount, 6)


def balance_text(amount: Money) -> str:
    """Return a balance with four decimals, more only where it has them."""
    return _decimals(amount, 4)


@lru_cache(maxsize=1 << 15)
def count_text(size: Size) -> str:
    """Return contracts with two decimals; below 0 for a position in NO."""
    sign = "-" if size < 0 else ""
    whole, rest = divmod(abs(size), ONE)
    return f"{sign}{whole}.{rest // _CENT:02d}"


def _decimals(micros: int, least: int) -> str:
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), ONE)
    text = f"{rest:06d}"
    kept = text[:least] + text[least:].rstrip("0")
    return f"{sign}{whole}.{kept}"


def cents(amount: Money) -> int:
    """Return whole cents, rounded down."""
    return amount // _CENT


def iso(at: Nanos) -> str:
    """Return a time as ISO 8601 with ``Z``, to the microsecond, without a fraction of nothing."""
    seconds, rest = divmod(at, _NANOS)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest // 1000:06d}".rstrip("0")
    return f"{moment}.{fraction}Z" if fraction else f"{moment}Z"


def millis(at: Nanos) -> int:
    """Return Unix milliseconds."""
    return at // 1_000_000


def seconds(at: Nanos) -> int:
    """Return whole Unix seconds."""
    return at // _NANOS


def read_price(text: str) -> Price:
    """Return a price of a request; raises ``ValueError`` for anything but plain decimals."""
    if not _PRICE.fullmatch(text):
        raise ValueError(f"invalid price {text[:20]!r}")
    return _micros(text)


def read_count(text: str) -> Size:
    """Return contracts of a request, at most two decimals; raises ``ValueError``."""
    if not _COUNT.fullmatch(text):
        raise ValueError(f"invalid count {text[:20]!r}")
    return _micros(text)


def _micros(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * ONE + int(rest.ljust(6, "0") or "0")
