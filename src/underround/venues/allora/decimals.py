"""Allora's numbers: 64-bit integers and decimals, both written as JSON strings."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_INTEGER: Final = re.compile(r"\d{1,20}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?\d{1,80}(\.\d{1,80})?([eE][+-]?\d{1,2})?", re.ASCII)


def parse_count(text: str | int, path: str) -> int:
    """Return an id, a height or a length; raises ``ValueError`` unless it is a whole number ≥ 0.

    The gateway writes 64-bit integers as strings, the consumer's service some of them as numbers.
    ``path`` is where the text stands, for the error.
    """
    if isinstance(text, int) and text >= 0:
        return text
    if isinstance(text, str) and _INTEGER.fullmatch(text):
        return int(text)
    raise ValueError(f"{str(text)[:60]!r} is not a whole number - at `{path}`")


def parse_value(text: str, path: str) -> Decimal:
    """Return a decimal exactly; it may be negative.  Raises ``ValueError`` for anything else.

    The chain computes with up to 34 digits and knows NaN and infinities: those are refused.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not a decimal number - at `{path}`")
    return Decimal(text)
