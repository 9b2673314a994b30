"""Candles of one pair, of every length, and what the last 24 hours were."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec

from underround.model.units import Nanos, Price, Size

INTERVALS_MS: Final = {
    "1s": 1_000,
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
}
"""In UTC; the venue's candles of several days and of a month are not made here."""
KEPT: Final = 1_500
"""Candles of each length: a day of minutes and more than one request may ask for."""
_MINUTES: Final = "1m"
_DAY_MS: Final = 86_400_000
_FINE: Final = 10_000


class SpotTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade of the pair."""

    id: int
    price: Price
    size: Size
    at_ns: Nanos
    sold: bool
    """The aggressor sold: the buyer was the maker."""

    @property
    def quote(self) -> int:
        """What was paid, exactly, in hundred-millionths: the pairs' grids leave no more digits."""
        return self.price * self.size // _FINE


class Candle:
    """One bar; prices and ``base`` in millionths, ``quote`` in hundred-millionths."""

    __slots__ = (
        "base",
        "bought",
        "bought_quote",
        "close",
        "first",
        "high",
        "last",
        "low",
        "open",
        "open_ms",
        "quote",
        "trades",
    )

    def __init__(self, open_ms: int, price: Price, trade: int) -> None:
        """Begin at ``price`` without a trade; ``trade`` is the id the next one has."""
        self.open_ms = open_ms
        self.open = self.high = self.low = self.close = price
        self.base = self.quote = self.bought = self.bought_quote = self.trades = 0
        self.first = trade
        self.last = trade - 1

    def add(self, trade: SpotTrade) -> None:
        """Take a trade in."""
        if not self.trades:
            self.open = self.high = self.low = trade.price
        self.high, self.low = max(self.high, trade.price), min(self.low, trade.price)
        self.close, self.last = trade.price, trade.id
        self.trades += 1
        quote = trade.quote
        self.base += trade.size
        self.quote += quote
        if not trade.sold:
            self.bought += trade.size
            self.bought_quote += quote

    def join(self, later: Candle) -> None:
        """Take in what was traded in a later bar."""
        if not later.trades:
            return
        if not self.trades:
            self.open, self.high, self.low = later.open, later.high, later.low
            self.first = later.first
        self.high, self.low = max(self.high, later.high), min(self.low, later.low)
        self.close, self.last = later.close, later.last
        for name in ("trades", "base", "quote", "bought", "bought_quote"):
            setattr(self, name, getattr(self, name) + getattr(later, name))


class Candles:
    """The newest bars of every length; one without a trade exists all the same."""

    def __init__(self) -> None:
        """Begin without a trade."""
        self._bars: dict[str, deque[Candle]] = {name: deque(maxlen=KEPT) for name in INTERVALS_MS}
        self._day: Candle | None = None
        self._day_until = -1

    def add(self, trade: SpotTrade) -> None:
        """Take a trade in, the newest one there is."""
        at_ms = trade.at_ns // 1_000_000
        for name, width in INTERVALS_MS.items():
            bars = self._bars[name]
            if not bars:
                bars.append(Candle(at_ms - at_ms % width, trade.price, trade.id))
            self.of(name, at_ms)[-1].add(trade)

    def of(self, name: str, now_ms: int) -> deque[Candle]:
        """Return the bars of a length, oldest first, up to the one of ``now_ms``."""
        bars, width = self._bars[name], INTERVALS_MS[name]
        if not bars:
            return bars
        opens = now_ms - now_ms % width
        newest = bars[-1]
        begin = max(newest.open_ms + width, opens - (KEPT - 1) * width)
        for open_ms in range(begin, opens + 1, width):
            bars.append(Candle(open_ms, newest.close, newest.last + 1))
        return bars

    def since(self, name: str, open_ms: int, now_ms: int) -> Iterator[Candle]:
        """Yield the bars that opened at ``open_ms`` or later, oldest first."""
        bars, width = self.of(name, now_ms), INTERVALS_MS[name]
        if bars:
            count = (bars[-1].open_ms - open_ms) // width + 1
            yield from islice(bars, max(0, len(bars) - count), None)

    def day(self, now_ms: int) -> Candle | None:
        """Return the last 24 hours to the minute as one bar; ``None`` before the first trade."""
        bars = self.of(_MINUTES, now_ms)
        if not bars:
            return None
        newest = bars[-1]
        if self._day is None or self._day_until != newest.open_ms:
            self._day, self._day_until = _joined(bars, newest), newest.open_ms
        day = Candle(self._day.open_ms, self._day.close, self._day.first)
        day.join(self._day)
        day.join(newest)
        return day


def _joined(bars: deque[Candle], newest: Candle) -> Candle:
    """Return the day up to the bar ``newest`` as one bar."""
    begin = newest.open_ms - _DAY_MS
    inside = [bar for bar in bars if bar.open_ms > begin and bar is not newest]
    first = inside[0] if inside else newest
    joined = Candle(first.open_ms, first.open, first.first)
    for bar in inside:
        joined.join(bar)
    return joined
