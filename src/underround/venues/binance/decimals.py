"""Binance's decimal texts as exact integers."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from underround.model.signals import FINE_ONE, DepthLevel, Fine

_DECIMALS: Final = 8
_LONGEST: Final = 40


@lru_cache(maxsize=1 << 16)
def parse_fine(text: str) -> Fine:
    """Return a price or quantity in hundred-millionths, exactly.

    Raises ``ValueError`` for anything but digits with at most eight significant decimals: signs,
    exponents, spaces, other digits, endless texts.
    """
    whole, dot, fraction = text.partition(".")
    digits = whole + fraction
    if not (len(text) <= _LONGEST and whole and digits.isascii() and digits.isdigit()) or (
        dot and not fraction
    ):
        raise ValueError(f"{text[:_LONGEST]!r} is not a plain positive decimal number")
    if fraction[_DECIMALS:].strip("0"):
        raise ValueError(f"{text!r} is finer than a hundred-millionth")
    return int(whole) * FINE_ONE + int(fraction[:_DECIMALS].ljust(_DECIMALS, "0"))


def depth_side(rows: list[tuple[str, str]], path: str) -> tuple[DepthLevel, ...]:
    """Return one side's levels as the venue ordered them; raises ``ValueError`` with the path."""
    levels: list[DepthLevel] = []
    for place, (price_text, quantity_text) in enumerate(rows):
        try:
            price, quantity = parse_fine(price_text), parse_fine(quantity_text)
        except ValueError as error:
            raise ValueError(f"{error} - at `$.{path}[{place}]`") from None
        if not price:
            raise ValueError(f"a level has the price 0 - at `$.{path}[{place}]`")
        levels.append((price, quantity))
    return tuple(levels)
