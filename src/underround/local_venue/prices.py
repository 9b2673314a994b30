"""Reference prices: one path per symbol, told to every stream that carries it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

import msgspec

from underround.model.units import Money, Nanos


class PriceTold(msgspec.Struct, frozen=True, gc=False):
    """A reference price changed."""

    symbol: str
    """Lower case with a slash, e.g. ``btc/usd``."""
    price: Money
    at_ns: Nanos


class ReferencePrices:
    """The last hours of every symbol."""

    def __init__(
        self, emit: Callable[[PriceTold], None], keep_ns: Nanos = 2 * 3_600 * 10**9
    ) -> None:
        """Begin without prices; ``emit`` is called for every price."""
        self._emit = emit
        self._keep_ns = keep_ns
        self._times: dict[str, list[Nanos]] = {}
        self._prices: dict[str, list[Money]] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol that ever had a price, in order of appearance."""
        return tuple(self._times)

    def tell(self, symbol: str, price: Money, at: Nanos) -> None:
        """Let the price be ``price`` from ``at`` on; raises ``ValueError`` for an earlier time."""
        times = self._times.setdefault(symbol, [])
        prices = self._prices.setdefault(symbol, [])
        if times and at < times[-1]:
            raise ValueError(f"{symbol} was priced at {times[-1]} already, {at} is before")
        times.append(at)
        prices.append(price)
        if times[0] < at - 2 * self._keep_ns:
            gone = bisect_left(times, at - self._keep_ns) - 1
            del times[:gone], prices[:gone]
        self._emit(PriceTold(symbol, price, at))

    def last(self, symbol: str) -> PriceTold | None:
        """Return the newest price, or ``None``."""
        times = self._times.get(symbol)
        return PriceTold(symbol, self._prices[symbol][-1], times[-1]) if times else None

    def between(self, symbol: str, since: Nanos, until: Nanos) -> list[PriceTold]:
        """Return the prices told in ``since`` … ``until``, both included."""
        times = self._times.get(symbol, [])
        first, last = bisect_left(times, since), bisect_right(times, until)
        prices = self._prices.get(symbol, [])
        return [PriceTold(symbol, prices[i], times[i]) for i in range(first, last)]

    def mean(self, symbol: str, until: Nanos, seconds: int) -> Money | None:
        """Return the mean of the price at each full second of the ``seconds`` before ``until``.

        That is what up-or-down markets resolve on here (a 60-second TWAP); ``None`` without a price
        at the first of these seconds.  Rounded down to the micro-dollar.
        """
        times, prices = self._times.get(symbol, []), self._prices.get(symbol, [])
        total = 0
        for second in range(seconds):
            place = bisect_right(times, until - (seconds - 1 - second) * 10**9) - 1
            if place < 0:
                return None
            total += prices[place]
        return total // seconds
