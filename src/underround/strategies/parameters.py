"""Types of strategy parameters: units and bounds that the configuration checks and shows.

In the file money, prices and sizes are decimal strings (``"0.02"``); in the program they are
millionths.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

Dollars: TypeAlias = Annotated[int, msgspec.Meta(ge=0, extra={"micros": "dollars"})]
"""Micro-dollars, not negative."""
PriceShare: TypeAlias = Annotated[
    int, msgspec.Meta(ge=0, le=1_000_000, extra={"micros": "dollars per share"})
]
"""A price or a difference of prices, 0 … 1 dollar."""
Shares: TypeAlias = Annotated[int, msgspec.Meta(gt=0, extra={"micros": "shares"})]
"""Micro-shares, positive."""
Millis: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
"""Milliseconds; the name ends in ``_ms``."""
Times: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1000)]
"""A whole factor or count."""
