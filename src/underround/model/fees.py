"""What venues charge, exact to the micro-dollar.

Sources: ``polymarket`` — docs.polymarket.com/trading/fees (fee structure V2, 2026-03-30);
``kalshi`` — docs.kalshi.com fee rounding and the fee schedule of February 2026.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.units import ONE, Money, Price, Size, ceil_div, parse_micros

_POLYMARKET_QUANTUM: Final = 10
"""Fees are charged in steps of 0.00001 dollars; anything smaller is not charged."""
_KALSHI_RATE: Final = 70_000
"""0.07 in millionths."""
_KALSHI_DIRECT_QUANTUM: Final = 100
"""Balances of direct members are kept to 0.0001 dollars."""
_KALSHI_CENT: Final = 10_000


class PolymarketFees(msgspec.Struct, frozen=True, tag="polymarket", forbid_unknown_fields=True):
    """``fee = C · rate · (p·(1−p))^exponent`` dollars, takers only.

    The venue keeps five decimals and drops what is below the last; which way it rounds the rest is
    not published, so we round up, against us (at most 0.00001 dollars a fill too much).
    """

    rate: int
    """In millionths: 0.07 is 70,000.  0 means the market charges nothing."""
    exponent: int = 1

    def fee(self, price: Price, size: Size, *, taker: bool, selling: bool = False) -> Money:
        """Return the fee of one fill in micro-dollars, the same for both sides."""
        del selling
        if not taker or not self.rate:
            return 0
        numerator = size * self.rate * (price * (ONE - price)) ** self.exponent
        unit: int = ONE * ONE ** (2 * self.exponent)
        if numerator < _POLYMARKET_QUANTUM * unit:
            return 0
        return ceil_div(numerator, unit * _POLYMARKET_QUANTUM) * _POLYMARKET_QUANTUM


class KalshiFees(msgspec.Struct, frozen=True, tag="kalshi", forbid_unknown_fields=True):
    """``fee = M · k · 0.07 · C · P · (1−P)`` dollars; ``k`` is 1 for takers.

    ``rounding="direct"``: a direct member's fill fee is rounded up to 0.0001 dollars and so is the
    balance change; the rebate of accumulated rounding is left out (against us).
    ``rounding="cent"``: the published table, rounded up to whole cents; right as a worst case.
    """

    multiplier: int = ONE
    """``M`` of the series or event, in millionths."""
    maker_share: int = 0
    """``k`` of makers in millionths: 0 quadratic, 250,000 with maker fees, 500,000 combos."""
    rounding: Literal["direct", "cent"] = "direct"

    def fee(self, price: Price, size: Size, *, taker: bool, selling: bool = False) -> Money:
        """Return the fee of one fill in micro-dollars, balance rounding included."""
        share = ONE if taker else self.maker_share
        numerator = self.multiplier * share * _KALSHI_RATE * size * price * (ONE - price)
        quantum = _KALSHI_DIRECT_QUANTUM if self.rounding == "direct" else _KALSHI_CENT
        charged = ceil_div(numerator, ONE**5 * quantum) * quantum
        # The change of balance is rounded against us too: a buy pays up to the next step, a sale
        # receives down to it.
        if selling:
            return charged + (price * size // ONE - charged) % _KALSHI_DIRECT_QUANTUM
        return charged + -(-(-price * size // ONE) + charged) % _KALSHI_DIRECT_QUANTUM


class NoFees(msgspec.Struct, frozen=True, tag="none", forbid_unknown_fields=True):
    """A market that charges nothing."""

    def fee(self, price: Price, size: Size, *, taker: bool, selling: bool = False) -> Money:
        """Return 0."""
        del price, size, taker, selling
        return 0


FeeCurve: TypeAlias = PolymarketFees | KalshiFees | NoFees


def polymarket_fees(rate: str, exponent: int = 1) -> PolymarketFees:
    """Return the curve for a rate written as the venue writes it, e.g. ``"0.05"``."""
    return PolymarketFees(parse_micros(rate), exponent)
