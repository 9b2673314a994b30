"""How far a price has moved since its candle opened: dfo = (now - open) / open.

The formula is the first specification's, which aligned it with the market's candle.

*Which open?*  The one that decides the market.  An up-or-down market compares with the reference
price at the very start of its window, so the open is the tick whose own time is the start: in the
recorded day of BTC five-minute markets (2026-07-24) it equals the venue's strike in all 271 windows
that have such a tick.  Where the feed has none, the open is approximate and says so: the last tick
before the start if it is young enough, else the first one after it.  A strike that the venue itself
states always takes precedence.

For markets that resolve on Chainlink's 60-second average, note that stream's ticks here, not spot.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from underround.model.frames import NANOS_PER_SECOND
from underround.model.listing import Window
from underround.model.units import Money, Nanos

WIDTHS_S: Final = {"5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
"""Candles begin at multiples of their width since 1970, in UTC.  Daily *markets* may begin at noon
in New York: take their ``Window`` and not a width."""
MAX_OFF_NS: Final = 5 * NANOS_PER_SECOND

OpenSource: TypeAlias = Literal["stated", "at_start", "before", "after"]

_BPS: Final = 10_000


def candle_at(at_ns: Nanos, width: str) -> tuple[Nanos, Nanos]:
    """Return start and end of the candle that holds ``at_ns``; ``width`` is of ``WIDTHS_S``.

    A candle holds its start and not its end.
    """
    width_ns = WIDTHS_S[width] * NANOS_PER_SECOND
    start = at_ns - at_ns % width_ns
    return start, start + width_ns


class OpenPrice(msgspec.Struct, frozen=True):
    """A candle's first price and how it is known."""

    price: Money
    source: OpenSource
    off_ns: Nanos
    """How far from the start its tick is; 0 if stated."""

    @property
    def exact(self) -> bool:
        """Whether it is the price that the venue compares with."""
        return self.source in {"stated", "at_start"}


class Distance(msgspec.Struct, frozen=True):
    """The distance from open."""

    open: OpenPrice
    now: Money

    @property
    def micros(self) -> Money:
        """The difference in micro-dollars; at or above 0 is Up."""
        return self.now - self.open.price

    @property
    def bps(self) -> int:
        """The distance in hundredths of a percent, rounded half to even."""
        whole, rest = divmod(self.micros * _BPS, self.open.price)
        twice = 2 * rest
        up = twice > self.open.price or (twice == self.open.price and whole % 2 == 1)
        return whole + up

    @property
    def model_ratio(self) -> float:
        """The distance as a float, for models; the sign of ``micros`` decides, never this."""
        return self.micros / self.open.price


class CandleOpen:
    """Finds the open of one candle in the ticks of its reference price."""

    def __init__(
        self,
        starts_ns: Nanos,
        ends_ns: Nanos,
        strike: Money | None = None,
        max_off_ns: Nanos = MAX_OFF_NS,
    ) -> None:
        """Watch for the open; a tick further than ``max_off_ns`` from the start is none."""
        self.starts_ns = starts_ns
        self.ends_ns = ends_ns
        self._strike = strike
        self._max_off_ns = max_off_ns
        self._before: tuple[Nanos, Money] | None = None
        self._after: tuple[Nanos, Money] | None = None
        self._last: tuple[Nanos, Money] | None = None

    @classmethod
    def of(cls, window: Window, max_off_ns: Nanos = MAX_OFF_NS) -> CandleOpen:
        """Watch the window of a market, with its strike if it is known already."""
        return cls(window.start_ns, window.end_ns, window.strike, max_off_ns)

    def state(self, strike: Money) -> None:
        """Take in the strike that the venue states."""
        self._strike = strike

    def note(self, at_ns: Nanos, price: Money) -> None:
        """Take in a tick by its own time; ticks may come late and out of order.

        Of two ticks with the same time the later received counts.
        """
        if at_ns < self.starts_ns:
            if self._before is None or at_ns >= self._before[0]:
                self._before = (at_ns, price)
        elif self._after is None or at_ns <= self._after[0]:
            self._after = (at_ns, price)
        if at_ns <= self.ends_ns and (self._last is None or at_ns >= self._last[0]):
            self._last = (at_ns, price)

    def open(self) -> OpenPrice | None:
        """Return the open as far as it is known; ``None`` without a tick near the start.

        Before a tick at or after the start is seen nothing is returned: the one at the start may
        still come.
        """
        if self._strike is not None:
            return OpenPrice(self._strike, "stated", 0)
        if self._after is None:
            return None
        if self._after[0] == self.starts_ns:
            return OpenPrice(self._after[1], "at_start", 0)
        if self._before is not None and self.starts_ns - self._before[0] <= self._max_off_ns:
            return OpenPrice(self._before[1], "before", self.starts_ns - self._before[0])
        if self._after[0] - self.starts_ns <= self._max_off_ns:
            return OpenPrice(self._after[1], "after", self._after[0] - self.starts_ns)
        return None

    def distance(self) -> Distance | None:
        """Return the distance of the newest tick of the candle from its open.

        ``None`` until both are known.  Ticks after the end do not move it, so that it ends as what
        the market compares.
        """
        opened = self.open()
        if opened is None or self._last is None or self._last[0] < self.starts_ns:
            return None
        return Distance(opened, self._last[1])
