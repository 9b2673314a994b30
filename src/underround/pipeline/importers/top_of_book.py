"""What a summary of a book proves about the size at its best price.

A summary gives the best ask, the average price of buying 100 dollars' worth and the worth of the
whole side.  It does not give the size at the best price; this is the least size that fits it.
"""

from __future__ import annotations

from typing import Final

from underround.model.units import ONE, Price, Size

PROBE: Final = 100 * ONE
"""What the average price is the average of: 100 dollars, in micro-dollars."""
SMALLEST: Final = 10_000
"""0.01 share: what is assumed where nothing more is proven; a level that exists holds something."""


def least_size(ask: Price, average: Price | None, step: Price) -> Size:
    """Return a size that is certainly resting at ``ask``, in whole hundredths of a share.

    ``average`` is what buying 100 dollars' worth costs per share, rounded to a millionth; ``None``
    where the side is worth less.  Of 100 dollars, ``s·ask`` buy ``s`` shares at the best price and
    the rest buys at ``ask + step`` or more, so ``100/average ≤ s + (100 − s·ask)/(ask + step)``,
    hence ``s ≥ 100·((ask + step)/average − 1)/step``.  Rounding is taken against us.
    """
    if ask <= 0 or step <= 0:
        raise ValueError(f"an ask of {ask} on a grid of {step} is impossible")
    if average is None:
        return SMALLEST
    # Twice the millionths, so that the half by which the average may have been rounded is whole.
    highest = 2 * average + 1
    surplus = 2 * (ask + step) - highest
    if surplus <= 0:
        return SMALLEST
    proven = PROBE * surplus * ONE // (highest * step)
    return max(SMALLEST, proven - proven % SMALLEST)
