"""How long things take between us and a venue, and where the figures come from.

Measured on recordings of others (``docs/simulation.md`` has the table); nothing here was measured
on a connection of ours, and order writes were not measured by anybody: they are taken to cost at
least what reads cost.  Run ``paper`` with your own figures as soon as you have them.

Polymarket
    ``feed``      250 ms.  Receive time minus the venue's timestamp of 246 ``price_change`` messages
                  (2026-04-27, one host): median 176, 99th percentile 251.  A second host, 65
                  messages in bursts (2026-04-28/29): never below 78.  Two clocks: an offset between
                  them is in the figure.
    ``entry``     350 ms = 200 + 150.  200: 99th percentile (196) of 217 ``GET /book`` round trips
                  (2026-07-23), taken whole as the way there.  150: the venue's own delay of taking
                  orders in crypto markets, applied to every order because makers suffer by it too.
    ``cancel``    200 ms: the same round trips, without the delay.
    ``response``  250 ms: fills are told on a socket, as fast as the feed.
    ``settle``    10 s, assumed, not measured: a block of at most 2 s, 2 – 5 s to finality, and as
                  long again for the operator to broadcast.
    ``chain``     15 s, assumed, not measured: as ``settle``, plus a relayer polled every 2 s.

Kalshi
    ``feed``      300 ms.  Its clocks drift too far to subtract.  Above the fastest message of its
                  session, 76 thousand order book deltas of 24 sessions (2026-05-11 … 14) took:
                  median of the sessions' medians 30 ms, of their 99th percentiles 229 ms.  The
                  fastest message's own time is not observable; half a round trip is added for it.
    others        150 ms.  140 ``GET`` order book round trips (2026-07-23): 99th percentile 77; ten
                  requests in a row from another host: 137 – 184 ms apart.
    ``settle``    0: a match on Kalshi is final.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated, Final, TypeAlias

import msgspec

from underround.model.frames import NANOS_PER_MS
from underround.model.ids import FillId, OrderId
from underround.model.units import Nanos

Delay: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
"""Milliseconds, never negative."""


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Delays of one venue in milliseconds, none negative.

    The defaults of the fields are Polymarket's, the slower venue.
    """

    feed_ms: Delay = 250
    """From a change at the venue until our book shows it."""
    entry_ms: Delay = 350
    """From our decision until the order is in the venue's matcher."""
    cancel_ms: Delay = 200
    """From our decision until a cancel is in the venue's matcher."""
    response_ms: Delay = 250
    """From what the matcher did until we know it."""
    settle_ms: Delay = 10_000
    """From our knowing of a fill until it is final."""
    chain_ms: Delay = 15_000
    """From our decision until a mint or merge of complete sets is done."""
    jitter_ms: Delay = 0
    """Up to this much is added to each delay, evenly; it is never taken off."""
    seed: int = 0
    """Another seed draws other jitter and other failed settlements; the same seed the same."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if name != "seed" and getattr(self, name) < 0:
                raise ValueError(f"latency {name} is negative: give milliseconds, 0 or more")

    def draw(self, label: str, key: str, below: int) -> int:
        """Return a number in 0 … ``below`` − 1 that depends on nothing but seed and arguments."""
        digest = blake2b(f"{self.seed}\0{label}\0{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % below

    def entered(self, order: OrderId, now: Nanos) -> Nanos:
        """Return when our book shows what an order decided ``now`` meets in the matcher."""
        return now + self._delay("entry", order, self.entry_ms + self.feed_ms)

    def cancelled(self, order: OrderId, now: Nanos) -> Nanos:
        """Return when our book shows what a cancel decided ``now`` meets in the matcher."""
        return now + self._delay("cancel", order, self.cancel_ms + self.feed_ms)

    def heard(self, key: str, at: Nanos) -> Nanos:
        """Return when we know of what the matcher did ``at``; one jitter for all of an order."""
        return at + self._delay("response", key, self.response_ms)

    def settled(self, fill: FillId, heard: Nanos) -> Nanos:
        """Return when a fill we know of since ``heard`` is final."""
        return heard + self._delay("settle", fill, self.settle_ms)

    def minted(self, key: str, now: Nanos) -> Nanos:
        """Return when a mint or merge decided ``now`` is done."""
        return now + self._delay("chain", key, self.chain_ms)

    def at_venue(self, shown: Nanos) -> Nanos:
        """Return when the venue had what our book shows at ``shown``."""
        return shown - self.feed_ms * NANOS_PER_MS

    def shown(self, at_venue: Nanos) -> Nanos:
        """Return when our book shows what the venue has ``at_venue``."""
        return at_venue + self.feed_ms * NANOS_PER_MS

    def _delay(self, label: str, key: str, base_ms: int) -> Nanos:
        base = base_ms * NANOS_PER_MS
        if not self.jitter_ms:
            return base
        return base + self.draw(label, key, self.jitter_ms * NANOS_PER_MS + 1)


POLYMARKET_LATENCY: Final = Latency()
KALSHI_LATENCY: Final = Latency(
    feed_ms=300, entry_ms=150, cancel_ms=150, response_ms=150, settle_ms=0, chain_ms=0
)
