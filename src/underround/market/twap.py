"""The 60-second average on which crypto up-or-down markets resolve, while it is being made.

The average at time T is the time-weighted mean of the price over (T - 60 s, T): between two ticks
the price is the earlier one's, the last value holds.  A market is Up if the average at its end is
at or above the average at its start (ties are Up).  In the last minute a part of the final average
is already known; what the rest must average for Up to win is exact arithmetic.

Everything is on the feed's own clock and in exact integers: areas are micro-dollar-nanoseconds.
The part up to the newest tick is *observed*; nothing after it is, however late it is here.

Chainlink computes its average from reports of its own that we do not see.  Ours is therefore a
close estimate, and ``TwapAgreement`` measures how close on the stream the venue does publish.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import mul, sub
from typing import Final

import msgspec

from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Money, Nanos, ceil_div

LENGTH_NS: Final = 60 * NANOS_PER_SECOND
MAX_HOLD_NS: Final = 5 * NANOS_PER_SECOND
"""Default: longer than this one value is not believed to have held (ticks come once a second)."""
_KEPT_NS: Final = 15 * 60 * NANOS_PER_SECOND


class Area(msgspec.Struct, frozen=True):
    """The price summed over a span of time."""

    micros_ns: int
    length_ns: Nanos
    longest_hold_ns: Nanos
    """The longest part of the span without a new tick, from the tick itself on."""

    @property
    def mean(self) -> Money:
        """The average price in micro-dollars, rounded down; for display, ``micros_ns`` decides."""
        return self.micros_ns // self.length_ns


class PriceLine:
    """The price of one feed over the last minutes, constant between two ticks."""

    def __init__(self, kept_ns: Nanos = _KEPT_NS) -> None:
        """Remember about ``kept_ns`` before the newest tick."""
        self._kept_ns = kept_ns
        self._times: list[Nanos] = []
        self._prices: list[Money] = []
        self.late = 0
        """Ticks that came after a newer one; they count as if they had come in time."""

    @property
    def newest_ns(self) -> Nanos | None:
        """Time of the newest tick; ``None``: there is none."""
        return self._times[-1] if self._times else None

    def note(self, at_ns: Nanos, price: Money) -> None:
        """Take in a tick by its own time; of two with the same time the later received counts.

        A tick older than all that is remembered is left out.
        """
        times, prices = self._times, self._prices
        if not times or at_ns > times[-1]:
            times.append(at_ns)
            prices.append(price)
            self._forget()
            return
        self.late += 1
        place = bisect_left(times, at_ns)
        if times[place] == at_ns:
            prices[place] = price
        elif place or times[-1] - at_ns < self._kept_ns:
            times.insert(place, at_ns)
            prices.insert(place, price)

    def area(self, from_ns: Nanos, to_ns: Nanos) -> Area | None:
        """Return the area of a span; ``None`` unless a tick at or before its start is remembered.

        Costs a step per tick of the span.  Whoever asks beyond the newest tick assumes that its
        value holds.
        """
        times = self._times
        place = bisect_right(times, from_ns) - 1
        if place < 0 or to_ns < from_ns:
            return None
        if to_ns == from_ns:
            return Area(0, 0, 0)
        after = bisect_left(times, to_ns)
        inner = times[place + 1 : after]
        ends = [*inner, to_ns]
        total = sum(map(mul, self._prices[place:after], map(sub, ends, [from_ns, *inner])))
        return Area(total, to_ns - from_ns, max(map(sub, ends, times[place:after])))

    def _forget(self) -> None:
        """Drop what is too old, in bulk, keeping the tick whose value holds at the border."""
        border = self._times[-1] - self._kept_ns
        first = bisect_right(self._times, border) - 1
        if first > 256:
            del self._times[:first]
            del self._prices[:first]


class RunningTwap(msgspec.Struct, frozen=True, kw_only=True):
    """A 60-second average in the making: its observed part and the part to come."""

    ends_ns: Nanos
    length_ns: Nanos
    observed_ns: Nanos
    """How much of it has been observed; 0 before it begins."""
    observed_micros_ns: int
    """The area of the observed part."""
    stale: bool
    """Whether a value in it was held for too long, or no tick came for too long."""

    @property
    def to_come_ns(self) -> Nanos:
        """How much of it is still to come."""
        return self.length_ns - self.observed_ns

    @property
    def complete(self) -> bool:
        """Whether nothing is to come."""
        return self.to_come_ns == 0

    @property
    def observed_mean(self) -> Money | None:
        """The average of the observed part, rounded down; ``None``: nothing is observed."""
        return self.observed_micros_ns // self.observed_ns if self.observed_ns else None

    def wins_up(self, strike: Money) -> bool | None:
        """Return whether Up has won against ``strike``; ``None`` while a part is to come.

        Exact: the average is not rounded before it is compared, and a tie is Up.
        """
        if not self.complete:
            return None
        return self.observed_micros_ns >= strike * self.length_ns

    def up_needs(self, strike: Money) -> Money | None:
        """Return the least whole micro-dollar average of the rest with which Up wins.

        0 or less: Up has won, whatever comes.  One micro-dollar less and Down wins.  ``None`` when
        nothing is to come.
        """
        if self.complete:
            return None
        return ceil_div(strike * self.length_ns - self.observed_micros_ns, self.to_come_ns)

    def down_needs(self, strike: Money) -> Money | None:
        """Return the greatest whole micro-dollar average of the rest with which Down wins."""
        needed = self.up_needs(strike)
        return None if needed is None else needed - 1


def running(
    line: PriceLine,
    ends_ns: Nanos,
    now: Nanos,
    length_ns: Nanos = LENGTH_NS,
    max_hold_ns: Nanos = MAX_HOLD_NS,
) -> RunningTwap | None:
    """Return the average that ends at ``ends_ns`` as far as it is observed.

    ``now`` is on the feed's clock and only tells silence.  ``None`` when its first part was missed:
    no tick at or before its start is known, so that it cannot be computed at all.
    """
    newest = line.newest_ns
    if newest is None:
        return None
    begins_ns = ends_ns - length_ns
    seen_ns = min(newest, ends_ns)
    silent = newest < ends_ns and now - newest > max_hold_ns
    if seen_ns <= begins_ns:
        return RunningTwap(
            ends_ns=ends_ns,
            length_ns=length_ns,
            observed_ns=0,
            observed_micros_ns=0,
            stale=silent,
        )
    area = line.area(begins_ns, seen_ns)
    if area is None:
        return None
    return RunningTwap(
        ends_ns=ends_ns,
        length_ns=length_ns,
        observed_ns=area.length_ns,
        observed_micros_ns=area.micros_ns,
        stale=silent or area.longest_hold_ns > max_hold_ns,
    )


class TwapAgreement:
    """Compares our average with the one the venue streams."""

    def __init__(self, tolerance_micros: Money, length_ns: Nanos = LENGTH_NS) -> None:
        """Two averages agree when they are at most ``tolerance_micros`` apart."""
        self._tolerance = tolerance_micros
        self._length_ns = length_ns
        self.compared = 0
        self.agreed = 0
        self.skipped = 0
        """Averages of the venue for which ours was missing or stale."""
        self.furthest = 0
        """The largest difference seen, in micro-dollars, rounded up."""

    def note(self, line: PriceLine, at_ns: Nanos, stated: Money) -> bool | None:
        """Compare the venue's average at ``at_ns`` with ours; ``None``: ours is not to be had."""
        ours = running(line, at_ns, at_ns, self._length_ns)
        if ours is None or ours.stale or not ours.complete:
            self.skipped += 1
            return None
        difference = abs(stated * ours.length_ns - ours.observed_micros_ns)
        apart = ceil_div(difference, ours.length_ns)
        self.compared += 1
        self.furthest = max(self.furthest, apart)
        agrees = apart <= self._tolerance
        self.agreed += agrees
        return agrees
