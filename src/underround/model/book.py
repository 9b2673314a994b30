"""The order book of one market: one book for both outcomes.

A YES bid at p is a NO ask at 1 − p, so a market has exactly one book, kept in YES terms, and the
NO side is the same numbers read backwards: the two can not disagree.

Each side is a preallocated list indexed by price in units of the market's finest tick; the best
index is tracked.  An update is a store and a comparison.  ``consumed`` is the overlay of simulated
executions (design.md §11): proof reads the raw levels, strategies see raw minus consumed, and a
level the venue restates is whole again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import msgspec

from underround.model.errors import BookDoubted
from underround.model.fees import FeeCurve
from underround.model.ids import YES
from underround.model.units import ONE, Money, Price, Size

Side: TypeAlias = Literal["buy", "sell"]
Level: TypeAlias = tuple[Price, Size]


class Walk(msgspec.Struct, frozen=True, gc=False):
    """What walking through the levels found; fees of a taker included, level by level."""

    size: Size
    """Shares found, at most the size asked for."""
    notional: Money
    """Price times size over the levels: rounded up when buying, down when selling."""
    fee: Money
    worst: Price
    """Price of the last level touched; 0 when nothing was found."""


class Book:
    """Bids and asks of one market in YES terms.

    ``bid`` and ``ask`` are indices of the best raw levels: ``bid == 0`` and ``ask == top`` mean
    that the side is empty (no order can rest at a price of 0 or 1).
    """

    __slots__ = ("ask", "asks", "bid", "bids", "consumed", "step", "top")

    def __init__(self, step: Price) -> None:
        """Make an empty book on a grid of ``step``; raises ``ValueError`` if it does not fit 1."""
        if step <= 0 or ONE % step:
            raise ValueError(f"a tick of {step} millionths does not divide one dollar")
        self.step = step
        self.top = ONE // step
        self.bids: list[Size] = [0] * (self.top + 1)
        self.asks: list[Size] = [0] * (self.top + 1)
        self.bid = 0
        self.ask = self.top
        self.consumed: dict[tuple[Side, int], Size] = {}

    # --- changing ------------------------------------------------------------------------------

    def clear(self) -> None:
        """Empty both sides and forget what was consumed."""
        self.bids = [0] * (self.top + 1)
        self.asks = [0] * (self.top + 1)
        self.bid = 0
        self.ask = self.top
        self.consumed.clear()

    def set(self, outcome: int, side: Side, price: Price, size: Size) -> None:
        """Make ``size`` the size resting at ``price``; 0 removes the level.

        Raises ``BookDoubted`` when the price is off the grid or not strictly inside (0, 1).
        """
        index, off_grid = divmod(price, self.step)
        if off_grid or not 0 < index < self.top or size < 0:
            raise BookDoubted(f"price {price} or size {size} is impossible on a {self.step} grid")
        if (side == "buy") == (outcome == YES):
            self.set_bid(index if outcome == YES else self.top - index, size)
        else:
            self.set_ask(index if outcome == YES else self.top - index, size)

    def set_bid(self, index: int, size: Size) -> None:
        """Make ``size`` the YES bid at ``index``; the index must be strictly inside the grid."""
        bids = self.bids
        bids[index] = size
        if self.consumed:
            self.consumed.pop(("buy", index), None)
        if size:
            if index > self.bid:  # noqa: PLR1730 - max() is a call on the hottest line there is
                self.bid = index
        elif index == self.bid:
            index -= 1
            while index > 0 and not bids[index]:
                index -= 1
            self.bid = index

    def set_ask(self, index: int, size: Size) -> None:
        """Make ``size`` the YES ask at ``index``; the index must be strictly inside the grid."""
        asks = self.asks
        asks[index] = size
        if self.consumed:
            self.consumed.pop(("sell", index), None)
        if size:
            if index < self.ask:  # noqa: PLR1730 - as above
                self.ask = index
        elif index == self.ask:
            top = self.top
            index += 1
            while index < top and not asks[index]:
                index += 1
            self.ask = index

    def add(self, outcome: int, side: Side, price: Price, delta: Size) -> None:
        """Add a signed ``delta`` to a level.  Raises ``BookDoubted`` if it would be negative."""
        size = self.raw_size(outcome, side, price) + delta
        if size < 0:
            raise BookDoubted(f"level {price} would hold {size} millionths")
        self.set(outcome, side, price, size)

    def replace(self, outcome: int, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Replace the whole book by a snapshot given in the terms of ``outcome``."""
        self.clear()
        for price, size in bids:
            self.set(outcome, "buy", price, size)
        for price, size in asks:
            self.set(outcome, "sell", price, size)

    def consume(self, outcome: int, side: Side, price: Price, size: Size) -> None:
        """Note that a simulated execution took ``size`` from the level resting on ``side``."""
        key = self._key(outcome, side, price)
        self.consumed[key] = self.consumed.get(key, 0) + size

    # --- reading -------------------------------------------------------------------------------

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask: impossible on a matching venue."""
        return self.bid >= self.ask and self.bid > 0 and self.ask < self.top

    def _key(self, outcome: int, side: Side, price: Price) -> tuple[Side, int]:
        index = price // self.step
        if outcome == YES:
            return side, index
        return ("sell" if side == "buy" else "buy"), self.top - index

    def raw_size(self, outcome: int, side: Side, price: Price) -> Size:
        """Return what rests at ``price`` as the venue stated it; 0 off the grid."""
        if price % self.step or not 0 < price < ONE:
            return 0
        yes_side, index = self._key(outcome, side, price)
        return (self.bids if yes_side == "buy" else self.asks)[index]

    def size(self, outcome: int, side: Side, price: Price) -> Size:
        """Return what rests at ``price`` after what simulated executions consumed."""
        raw = self.raw_size(outcome, side, price)
        if not self.consumed:
            return raw
        return max(0, raw - self.consumed.get(self._key(outcome, side, price), 0))

    def best_bid(self, outcome: int) -> Price | None:
        """Return the highest price at which ``outcome`` can be sold now, or ``None``."""
        if self.consumed:
            return next((price for price, _ in self.bids_of(outcome)), None)
        if outcome == YES:
            return self.bid * self.step if self.bid > 0 else None
        return ONE - self.ask * self.step if self.ask < self.top else None

    def best_ask(self, outcome: int) -> Price | None:
        """Return the lowest price at which ``outcome`` can be bought now, or ``None``."""
        if self.consumed:
            return next((price for price, _ in self.asks_of(outcome)), None)
        if outcome == YES:
            return self.ask * self.step if self.ask < self.top else None
        return ONE - self.bid * self.step if self.bid > 0 else None

    def _yes_bids(self) -> Iterator[Level]:
        step, bids, consumed = self.step, self.bids, self.consumed
        for index in range(self.bid, 0, -1):
            size = bids[index]
            if size and consumed:
                size -= consumed.get(("buy", index), 0)
            if size > 0:
                yield index * step, size

    def _yes_asks(self) -> Iterator[Level]:
        step, asks, consumed = self.step, self.asks, self.consumed
        for index in range(self.ask, self.top):
            size = asks[index]
            if size and consumed:
                size -= consumed.get(("sell", index), 0)
            if size > 0:
                yield index * step, size

    def bids_of(self, outcome: int) -> Iterator[Level]:
        """Yield the levels where ``outcome`` can be sold, best (highest) first."""
        if outcome == YES:
            return self._yes_bids()
        return ((ONE - price, size) for price, size in self._yes_asks())

    def asks_of(self, outcome: int) -> Iterator[Level]:
        """Yield the levels where ``outcome`` can be bought, best (lowest) first."""
        if outcome == YES:
            return self._yes_asks()
        return ((ONE - price, size) for price, size in self._yes_bids())

    # --- walking -------------------------------------------------------------------------------

    def buying(self, outcome: int, size: Size, fees: FeeCurve, limit: Price | None = None) -> Walk:
        """Walk the asks for ``size`` shares, at most at ``limit``; an upper bound on depth."""
        highest = ONE if limit is None else limit
        found = exact = fee = worst = 0
        for price, available in self.asks_of(outcome):
            if price > highest or found == size:
                break
            take = min(available, size - found)
            found += take
            exact += take * price
            fee += fees.fee(price, take, taker=True)
            worst = price
        return Walk(found, -(-exact // ONE), fee, worst)

    def selling(self, outcome: int, size: Size, fees: FeeCurve, limit: Price | None = None) -> Walk:
        """Walk the bids for ``size`` shares, at least at ``limit``; an upper bound on depth."""
        lowest = 0 if limit is None else limit
        found = exact = fee = worst = 0
        for price, available in self.bids_of(outcome):
            if price < lowest or found == size:
                break
            take = min(available, size - found)
            found += take
            exact += take * price
            fee += fees.fee(price, take, taker=True, selling=True)
            worst = price
        return Walk(found, exact // ONE, fee, worst)
