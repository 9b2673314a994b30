"""Rolling one-minute volatility: the standard deviation of price changes of the last 60 seconds.

That much is the first specification's; it left open what a change is.  Here it is one of the price
from one whole second to the next, not from tick to tick.  A feed of a hundred trades a second has
mostly changes of nothing or of one tick back and forth, so a deviation over ticks measures how busy
the feed is; over a fixed grid it measures the price, and is the same quantity for a feed that ticks
once a second (Chainlink) as for one that ticks always (Binance).  The price at a whole second is
the last one stated at or before it.

It is the sample deviation (n - 1) over the 60 changes between 61 whole seconds.  Sums are exact
integers, kept up to date tick by tick; only the last square root is a float.

A second without a tick repeats the price, but silence is no calm: after ``max_gap_s`` without a
tick the window begins anew.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import Final

import msgspec

from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Money, Nanos

WINDOW_S: Final = 60
MAX_GAP_S: Final = 10


class ModelVolatility(msgspec.Struct, frozen=True):
    """A model's number, hence a float: it decides nothing about money by itself."""

    deviation_micros: float
    """Standard deviation of one-second changes, in micro-dollars."""
    relative: float
    """The same divided by the last price."""
    changes: int
    """How many changes it is made of."""
    ends_ns: Nanos
    """The whole second up to which the changes reach."""


class RollingVolatility:
    """The volatility of one symbol; the time is told with each tick and each question."""

    def __init__(self, window_s: int = WINDOW_S, max_gap_s: int = MAX_GAP_S) -> None:
        """Look back over ``window_s`` changes (at least 2) of one second each."""
        if window_s < 2 or max_gap_s < 1:
            raise ValueError(f"a window of {window_s} s with gaps of {max_gap_s} s holds nothing")
        self._window_s = window_s
        self._max_gap_s = max_gap_s
        self._changes: deque[int] = deque()
        self._sum = 0
        self._squares = 0
        self._second: int | None = None
        """The last whole second whose price is settled; ``None``: nothing is settled yet."""
        self._settled: Money = 0
        self._price: Money | None = None
        self._at_ns: Nanos = 0
        self.late = 0
        """Ticks left out because a newer one was known."""

    def note(self, at_ns: Nanos, price: Money) -> None:
        """Take in a tick with a ``price`` above 0; an older one than the newest is left out.

        Costs one step, and one for each whole second since the tick before, at most ``max_gap_s``.
        """
        if self._price is not None and at_ns < self._at_ns:
            self.late += 1
            return
        if self._price is not None and at_ns - self._at_ns > self._max_gap_s * NANOS_PER_SECOND:
            self._begin_anew()
        # A price stated exactly on a whole second is the price of that second: what came before it
        # settles only the seconds before.
        self._settle(-(-at_ns // NANOS_PER_SECOND) - 1)
        self._price = price
        self._at_ns = at_ns

    def read(self, now: Nanos) -> ModelVolatility | None:
        """Return the volatility as of ``now``; ``None`` until the window is full, or in silence.

        ``now`` is on the clock of the ticks and only tells silence: the window ends with the last
        whole second before the newest tick, so that how often it is read changes nothing.
        """
        if self._price is None or now - self._at_ns > self._max_gap_s * NANOS_PER_SECOND:
            return None
        count = len(self._changes)
        if count < self._window_s or self._second is None:
            return None
        numerator, denominator = count * self._squares - self._sum**2, count * (count - 1)
        deviation = sqrt(numerator / denominator)
        ends_ns = self._second * NANOS_PER_SECOND
        return ModelVolatility(deviation, deviation / self._settled, count, ends_ns)

    def _settle(self, last: int) -> None:
        """Give every whole second up to ``last`` the present price."""
        if self._price is None:
            return
        if self._second is None:
            first = -(-self._at_ns // NANOS_PER_SECOND)
            if first > last:
                return
            self._second, self._settled = first, self._price
        while self._second < last:
            self._push(self._price - self._settled)
            self._settled = self._price
            self._second += 1

    def _push(self, change: int) -> None:
        self._changes.append(change)
        self._sum += change
        self._squares += change * change
        if len(self._changes) > self._window_s:
            gone = self._changes.popleft()
            self._sum -= gone
            self._squares -= gone * gone

    def _begin_anew(self) -> None:
        self._changes.clear()
        self._sum = self._squares = 0
        self._second = None
        self._price = None
