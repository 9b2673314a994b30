"""Exact quantities: prices, sizes and money as integers in millionths.

``Price``  micro-dollars per share, 0 … 1,000,000 for an outcome
``Size``   micro-shares (micro-contracts on Kalshi)
``Money``  micro-dollars of one venue's currency

They are aliases and not ``NewType``s on purpose: prices, sizes and money are multiplied, added and
divided in every second line, each result would need wrapping again, and the eye belongs on the
rounding.  Ids, which nobody adds, are distinct types (``ids.py``).

Rounding is always against us and lives here: what we pay rounds up, what we receive rounds down.
No float takes part anywhere.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

Price: TypeAlias = int
Size: TypeAlias = int
Money: TypeAlias = int
Nanos: TypeAlias = int
"""Unix time or a span, in nanoseconds."""

ONE: Final = 1_000_000
"""One share, one dollar, or the price of certainty, in millionths."""

_DECIMALS: Final = 6
_LARGEST: Final = 10**18
"""A million million dollars or shares: more is a mistake, and would not fit a database column."""


@lru_cache(maxsize=1 << 16)
def parse_micros(text: str) -> int:
    """Return the decimal number ``text`` in millionths, exactly.

    Accepts an optional leading minus, digits, and at most six significant decimals (more only if
    they are zeros).  Raises ``ValueError`` for anything else: empty text, exponents, signs other
    than a minus, spaces, infinities, digits beyond the sixth decimal, a million millions or more.
    """
    whole, dot, fraction = text.partition(".")
    negative = whole.startswith("-")
    digits = whole[1:] if negative else whole
    if not (digits.isascii() and digits.isdigit()) or (
        dot and not (fraction.isascii() and fraction.isdigit())
    ):
        raise ValueError(f"{text!r} is not a plain decimal number")
    if len(fraction) > _DECIMALS:
        if fraction[_DECIMALS:].strip("0"):
            raise ValueError(f"{text!r} is finer than a millionth")
        fraction = fraction[:_DECIMALS]
    value = int(digits) * ONE + int(fraction.ljust(_DECIMALS, "0")) if len(whole) < 30 else _LARGEST
    if value >= _LARGEST:
        raise ValueError(f"{text[:40]!r} is too large to be a price, a size or money")
    return -value if negative else value


def parse_price(text: str) -> Price:
    """Return an outcome's price in millionths.  Raises ``ValueError`` outside 0 … 1."""
    price = parse_micros(text)
    if not 0 <= price <= ONE:
        raise ValueError(f"price {text!r} is outside 0 … 1")
    return price


def parse_size(text: str) -> Size:
    """Return a size in millionths.  Raises ``ValueError`` when it is negative."""
    size = parse_micros(text)
    if size < 0:
        raise ValueError(f"size {text!r} is negative")
    return size


@lru_cache(maxsize=1 << 16)
def decimal_text(micros: int) -> str:
    """Return the shortest decimal text of ``micros``: ``1_500_000`` is ``"1.5"``, 0 is ``"0"``."""
    sign = "-" if micros < 0 else ""
    whole, fraction = divmod(abs(micros), ONE)
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:06d}".rstrip("0")


def usd(text: str) -> Money:
    """Return dollars written as text, in micro-dollars: ``usd("0.02") == 20_000``."""
    return parse_micros(text)


def shares(text: str) -> Size:
    """Return shares written as text, in micro-shares: ``shares("5") == 5_000_000``."""
    return parse_micros(text)


def ceil_div(numerator: int, denominator: int) -> int:
    """Return ``numerator / denominator`` rounded towards plus infinity; ``denominator`` > 0."""
    return -(-numerator // denominator)


def cost_of(price: Price, size: Size) -> Money:
    """Return what buying ``size`` at ``price`` costs, rounded up (against us)."""
    return -(-price * size // ONE)


def proceeds_of(price: Price, size: Size) -> Money:
    """Return what selling ``size`` at ``price`` brings, rounded down (against us)."""
    return price * size // ONE
