"""Depth-walking several books at once: how many sets are worth trading, and at which limits."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from underround.model.book import Level
from underround.model.fees import FeeCurve
from underround.model.units import ONE, Money, Price, Size, cost_of


class Ladder(msgspec.Struct, frozen=True):
    """One leg: its levels best first, its fees, and the sign of its money (+1 pay, −1 receive)."""

    levels: list[Level]
    fees: FeeCurve
    sign: int


class SetSize(msgspec.Struct, frozen=True):
    """How many sets, the limit price of each leg, and the profit after fees."""

    size: Size
    limits: tuple[Price, ...]
    profit: Money


def best_size(
    ladders: Sequence[Ladder],
    pays: Money,
    threshold: Price,
    max_sets: Size,
    max_notional: Money | None,
) -> SetSize:
    """Return the largest number of sets whose every marginal share earns ``threshold``.

    ``pays`` is what one set pays (micro-dollars; negative: what it costs when its legs are sold).
    Walks all ladders together, one chunk of equal size per step.  Whether a step is worth taking
    is judged on one whole set at its prices, taker fees included: a speck of size at the best
    price, whose fee is mostly rounding, must not hide the depth behind it.  ``profit`` is exact.
    Stops at ``max_sets``, or when the legs together cost more than ``max_notional``.  Size 0 when
    nothing qualifies, or when rounding ate the margin.
    """
    rung = [0] * len(ladders)
    left = [ladder.levels[0][1] if ladder.levels else 0 for ladder in ladders]
    size = profit = spent = 0
    limits = [0] * len(ladders)
    while size < max_sets and all(left):
        chunk = min(*left, max_sets - size)
        prices = [ladder.levels[at][0] for ladder, at in zip(ladders, rung, strict=True)]
        paid = sum(ladder.sign * price for ladder, price in zip(ladders, prices, strict=True))
        if max_notional is not None and paid > 0:
            chunk = min(chunk, (max_notional - spent) * ONE // paid)
            if chunk <= 0:
                break
        if pays - paid - _fees(ladders, prices, ONE) < threshold:
            break
        size += chunk
        profit += (pays - paid) * chunk // ONE - _fees(ladders, prices, chunk)
        spent += cost_of(max(0, paid), chunk)  # rounded up, or the last micro-dollar never goes
        limits = prices
        for leg, ladder in enumerate(ladders):
            left[leg] -= chunk
            if not left[leg]:
                rung[leg] += 1
                if rung[leg] < len(ladder.levels):
                    left[leg] = ladder.levels[rung[leg]][1]
    if profit * ONE < threshold * size:
        return SetSize(0, tuple(limits), 0)
    return SetSize(size, tuple(limits), profit)


def _fees(ladders: Sequence[Ladder], prices: Sequence[Price], size: Size) -> Money:
    """Return the taker fees of trading ``size`` of every leg at ``prices``."""
    return sum(
        ladder.fees.fee(price, size, taker=True, selling=ladder.sign < 0)
        for ladder, price in zip(ladders, prices, strict=True)
    )
