"""Chance in integers: the same draws on every machine.

Floats would differ in their last bit between machines wherever a logarithm or an exponential is
drawn through, and a venue that shall be the same byte for byte cannot afford one tick of it.  So
normal draws are sums of twelve uniform ones, and the normal distribution is a table of integers.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from typing import Final, TypeVar

from underround.model.units import ONE, Nanos, Price

_PARTS: Final = 12
_BITS: Final = 16
_MEAN: Final = _PARTS * ((1 << _BITS) - 1) // 2
_STEP: Final = ONE // 100
_END: Final = 6 * ONE
_TABLE: Final = tuple(
    round((1 + math.erf(place / 100 / math.sqrt(2))) / 2 * ONE)
    for place in range(_END // _STEP + 2)
)
"""The normal distribution at 0.00, 0.01 … 6.01, in millionths: whole numbers from here on."""

Item = TypeVar("Item")


class Chance:
    """A source of draws that follows from what it is for and the seed."""

    def __init__(self, what: str, seed: int) -> None:
        """``what`` names the purpose: two purposes never share draws."""
        self._random = random.Random(f"{what} {seed}")
        self.below = self._random.randrange
        """``below(n)``: a whole number from 0 to n − 1."""

    def between(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def happens(self, millionths: int) -> bool:
        """Return whether something of this probability happens."""
        return self.below(ONE) < millionths

    def normal(self) -> int:
        """Return a draw of mean 0 and deviation 1, in millionths; within ±6."""
        parts = self._random.getrandbits(_PARTS * _BITS).to_bytes(
            _PARTS * _BITS // 8, sys.byteorder
        )
        return (sum(memoryview(parts).cast("H")) - _MEAN) * ONE >> _BITS

    def wait(self, mean: Nanos) -> Nanos:
        """Return how long until the next of something that happens every ``mean``."""
        return 1 + self.below(2 * mean)

    def one_of(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[self.below(len(items))]


def likelihood(deviations: int) -> Price:
    """Return how likely a normal draw is at most ``deviations`` (millionths), in millionths."""
    if deviations < 0:
        return ONE - likelihood(-deviations)
    place, part = divmod(min(deviations, _END), _STEP)
    return _TABLE[place] + (_TABLE[place + 1] - _TABLE[place]) * part // _STEP
