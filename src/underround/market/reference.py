"""The last price of every reference symbol, and how old it is.

Age is measured on our own clock, from reception: the times that sources state are on other clocks
and are only compared with each other, to refuse a tick that comes after a newer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from underround.model.events import ReferenceTick
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Money, Nanos

MAX_AGE_MS: Final = 5_000
"""Default: Chainlink's ticks come once a second, Binance's many times."""


class LastPrice:
    """The newest tick of one symbol."""

    __slots__ = ("at_ns", "late", "price", "received_ns", "symbol", "ticks")

    def __init__(self, symbol: str, price: Money, at_ns: Nanos | None, received_ns: Nanos) -> None:
        """Begin with the first tick."""
        self.symbol = symbol
        self.price = price
        """Micro-dollars per unit."""
        self.at_ns = at_ns
        """The source's own time; ``None`` where it states none."""
        self.received_ns = received_ns
        self.ticks = 1
        self.late = 0
        """Ticks refused because a newer one was known."""

    def age_ns(self, now: Nanos) -> Nanos:
        """Return how long ago it was received; 0 if the clock went back."""
        return max(0, now - self.received_ns)


class References:
    """Every symbol's last price."""

    def __init__(
        self, max_age_ms: int = MAX_AGE_MS, by_symbol: Mapping[str, int] | None = None
    ) -> None:
        """A price older than ``max_age_ms`` is stale; ``by_symbol`` sets other limits."""
        self._max_age_ms = max_age_ms
        self._by_symbol = dict(by_symbol or {})
        self._last: dict[str, LastPrice] = {}

    def note(self, tick: ReferenceTick, received_ns: Nanos) -> bool:
        """Take in a tick; return whether it is the newest of its symbol.

        Of two ticks with the same time the later received counts.
        """
        last = self._last.get(tick.symbol)
        if last is None:
            self._last[tick.symbol] = LastPrice(tick.symbol, tick.price, tick.at_ns, received_ns)
            return True
        if tick.at_ns is not None and last.at_ns is not None and tick.at_ns < last.at_ns:
            last.late += 1
            return False
        last.price = tick.price
        last.at_ns = tick.at_ns if tick.at_ns is not None else last.at_ns
        last.received_ns = received_ns
        last.ticks += 1
        return True

    def last(self, symbol: str) -> LastPrice | None:
        """Return the last price, however old; ``None``: there never was one."""
        return self._last.get(symbol)

    def fresh(self, symbol: str, now: Nanos) -> Money | None:
        """Return the last price unless it is stale or there is none."""
        last = self._last.get(symbol)
        return None if last is None or self.stale(symbol, now) else last.price

    def stale(self, symbol: str, now: Nanos) -> bool:
        """Return whether the symbol has no price that is young enough."""
        last = self._last.get(symbol)
        if last is None:
            return True
        limit_ms = self._by_symbol.get(symbol, self._max_age_ms)
        return last.age_ns(now) > limit_ms * NANOS_PER_MS
