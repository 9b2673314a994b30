"""Does a book agree with best prices stated on another channel, within a tolerance of time?

Two channels of a venue are not synchronous: a ticker may run ahead of the book or behind it.  The
ticker of time t agrees if the book had exactly its best prices at some moment within t ± tolerance.
"""

from __future__ import annotations

from collections import deque

import msgspec

from underround.model.ids import MarketId
from underround.model.units import Nanos, Price


class AgreementCounters(msgspec.Struct):
    """What became of the stated prices of one market."""

    stated: int = 0
    agreed: int = 0
    differed: int = 0


class BestAgreement:
    """Compares each stated best with the states of the book around its time.

    Feed it every change of the best prices (``best``) and every statement (``stated``), each with
    the venue's time.  Memory is bounded by the states within twice the tolerance.
    """

    def __init__(self, tolerance_ms: int) -> None:
        """Agree within ``tolerance_ms`` either way."""
        self._tolerance_ns = tolerance_ms * 1_000_000
        self._states: dict[MarketId, deque[tuple[Nanos, Price, Price]]] = {}
        self._waiting: dict[MarketId, deque[tuple[Nanos, Price, Price]]] = {}
        self.counters: dict[MarketId, AgreementCounters] = {}

    def best(self, market: MarketId, at_ns: Nanos, bid: Price, ask: Price) -> None:
        """Note the book's best prices from ``at_ns`` on (0 and 1,000,000: empty sides)."""
        states = self._states.setdefault(market, deque())
        waiting = self._waiting.get(market)
        if waiting:
            self._decide(market, at_ns)
        states.append((at_ns, bid, ask))
        oldest = at_ns - 2 * self._tolerance_ns
        if waiting:
            oldest = min(oldest, waiting[0][0] - self._tolerance_ns)
        while len(states) > 1 and states[1][0] < oldest:
            states.popleft()

    def stated(self, market: MarketId, at_ns: Nanos, bid: Price, ask: Price) -> None:
        """Note what the venue stated for ``at_ns``; it is decided when its time window is over."""
        self.counters.setdefault(market, AgreementCounters()).stated += 1
        self._waiting.setdefault(market, deque()).append((at_ns, bid, ask))

    def finish(self) -> None:
        """Decide what is still waiting."""
        for market in self._waiting:
            self._decide(market, None)

    def _decide(self, market: MarketId, before_ns: Nanos | None) -> None:
        waiting = self._waiting[market]
        counters = self.counters[market]
        while waiting and (before_ns is None or waiting[0][0] + self._tolerance_ns < before_ns):
            at_ns, bid, ask = waiting.popleft()
            if self._seen(market, at_ns, bid, ask):
                counters.agreed += 1
            else:
                counters.differed += 1

    def _seen(self, market: MarketId, at_ns: Nanos, bid: Price, ask: Price) -> bool:
        states = self._states.get(market, ())
        for index, (since_ns, own_bid, own_ask) in enumerate(states):
            if since_ns > at_ns + self._tolerance_ns:
                break
            following = index + 1
            ends_ns = states[following][0] if following < len(states) else None
            if ends_ns is not None and ends_ns < at_ns - self._tolerance_ns:
                continue
            if (own_bid, own_ask) == (bid, ask):
                return True
        return False
