"""What an order offers and asks for, in millionths: the venue's rounding, with integers only.

Source: the rounding of ``polymarket-client`` 0.14.0 (decimal) and the venue's refusals.  Sizes are
kept to 0.01 share.  A price on the grid times such a size is always exact in millionths, so limit
orders need no other rounding.  A BUY that takes at once (FAK, FOK) offers whole cents and asks for
shares with as many decimals as the tick's price and two more.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from underround.model.book import Side
from underround.model.errors import OffGrid
from underround.model.fees import NoFees, PolymarketFees
from underround.model.units import ONE, Money, Price, Size, ceil_div, decimal_text

SIZE_STEP: Final = 10_000
"""0.01 share."""
CENT: Final = 10_000
"""What a BUY that takes offers is a multiple of this, in micro-dollars."""
FINEST_TICK: Final[Price] = 100
SHARE_STEPS: Final[dict[Price, Size]] = {
    100_000: 1_000,
    10_000: 100,
    5_000: 10,
    2_500: 1,
    1_000: 10,
    100: 1,
}
"""Each tick of the venue → step of the shares that a BUY in dollars asks for, in micro-shares."""
_BASIS: Final = 10_000


class Amounts(NamedTuple):
    """What the order's maker gives and gets, in micro-dollars or micro-shares."""

    maker: int
    taker: int


def check_price(price: Price, tick: Price) -> None:
    """Raise ``OffGrid`` unless ``price`` is a multiple of ``tick`` from tick to 1 - tick."""
    if tick not in SHARE_STEPS:
        raise OffGrid(f"Polymarket has no tick of {decimal_text(tick)}: reload the market")
    if price % tick or not tick <= price <= ONE - tick:
        raise OffGrid(
            f"price {decimal_text(price)} is no multiple of {decimal_text(tick)} between "
            f"{decimal_text(tick)} and {decimal_text(ONE - tick)}: requantise it"
        )


def limit_amounts(side: Side, price: Price, size: Size, tick: Price) -> Amounts:
    """Return the amounts of a resting order, or of a SELL that takes; exactly at ``price``.

    ``size`` is cut to 0.01 share.  Raises ``OffGrid`` for a price off the grid, or when nothing is
    left of the size.
    """
    check_price(price, tick)
    kept = size - size % SIZE_STEP
    if kept <= 0:
        raise OffGrid(f"size {decimal_text(size)} is less than 0.01 share: order more")
    quote = price * kept // ONE
    return Amounts(quote, kept) if side == "buy" else Amounts(kept, quote)


def budget_amounts(price: Price, budget: Money, tick: Price) -> Amounts:
    """Return the amounts of a BUY that takes at once and spends ``budget`` at ``price`` at most.

    ``budget`` is cut to whole cents, the shares asked for are rounded down: rounded up, the order's
    price would lie below ``price`` and an ask resting there could never be lifted.  What they are
    short of moves the order's price above ``price``; it must stay below the next price of the
    finest grid, or the order could lift an ask above its limit.  Raises ``OffGrid`` when it does
    not, for a price off the grid, and when nothing is left of budget or shares.

    The venue's own SDK first rounds the quotient up four digits further.  That changes nothing: its
    fraction is a multiple of ``tick / price``, and none comes so close to the next step.
    """
    check_price(price, tick)
    spent = budget - budget % CENT
    asked = spent * ONE // price
    asked -= asked % SHARE_STEPS[tick]
    if spent <= 0 or asked <= 0:
        raise OffGrid(
            f"a budget of {decimal_text(budget)} buys nothing: raise it to cents at least"
        )
    if spent * ONE >= asked * (price + FINEST_TICK):
        raise OffGrid(
            f"a budget of {decimal_text(spent)} cannot be kept below the price after "
            f"{decimal_text(price)} with shares rounded to {decimal_text(SHARE_STEPS[tick])}: "
            "raise it, or send a resting order"
        )
    return Amounts(spent, asked)


def budget_of(price: Price, size: Size) -> Money:
    """Return the largest budget (whole cents) that buys no more than ``size`` at ``price``.

    A better price than ``price`` buys more: the venue counts a BUY that takes in dollars.
    """
    worth = price * size // ONE
    return worth - worth % CENT


def budget_before_fees(
    total: Money,
    price: Price,
    fees: PolymarketFees | NoFees,
    builder_bps: int = 0,
    lowest: Price | None = None,
) -> Money:
    """Return what a taking BUY may spend on shares so that fees and it stay within ``total``.

    ``total / (1 + f/p + b)`` with ``f = rate·(p·(1-p))^exponent``, rounded down; ``builder_bps`` is
    the builder's taker fee in hundredths of a percent.  ``lowest`` is the lowest price it may fill
    at (the best ask): the fee per dollar grows as the price falls, so a fill below ``price`` can
    cost more in fees.  Without it the fee is that at ``price``, as the venue's own SDK reckons.
    The venue rounds the fee of each fill to 0.00001 dollars, which is not in it.
    """
    if not 0 < price < ONE or (lowest is not None and not 0 < lowest <= price):
        raise OffGrid(f"no fee is defined from {lowest} to {price} micro-dollars: reload the book")
    if not isinstance(fees, PolymarketFees):
        return total * _BASIS // (_BASIS + builder_bps)
    # The fee per dollar, p^(e-1)·(1-p)^e, is highest at (e-1)/(2e-1), falling on both sides.
    exponent = fees.exponent
    peak = ceil_div(ONE * (exponent - 1), 2 * exponent - 1) if exponent > 0 else 0
    at = min(max(peak, price if lowest is None else lowest), price)
    unit: int = ONE * ONE ** (2 * exponent) * at
    fee: int = fees.rate * (at * (ONE - at)) ** exponent * ONE
    return total * unit * _BASIS // (unit * _BASIS + fee * _BASIS + unit * builder_bps)
