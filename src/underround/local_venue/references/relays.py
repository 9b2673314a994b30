"""What the two relays of reference prices share: a price a second for whoever is there.

Both tell spot, and the mean of the last minute, which is what up-or-down markets resolve on.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Final

import msgspec

from underround.local_venue.net.peers import Peer
from underround.local_venue.references.binance_market import eight
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Money, Nanos, decimal_text

LAG_NS: Final[Nanos] = 100 * NANOS_PER_MS
"""A second's price is told so much later: whatever happens in that instant has happened then."""
_SNAPSHOT_S: Final = 120


def price_at(world: World, symbol: str, at: Nanos, seconds: int) -> Money | None:
    """Return the price of ``at``, or the mean of the ``seconds`` before it; ``None``: unknown."""
    return world.prices.mean(symbol, at, max(1, seconds))


def number(price: Money) -> msgspec.Raw:
    """Return a price as a JSON number, exactly."""
    return msgspec.Raw(decimal_text(price).encode())


full_accuracy: Final = eight
"""A price as the text beside the number: with eight decimals."""


class Relay:
    """Calls its peers after each full second of the venue, while there are any."""

    def __init__(self, world: World) -> None:
        """Tell the prices of ``world``."""
        self.world = world
        self.peers: dict[RelayPeer, None] = {}
        self._ticking = False

    def told_ms(self) -> int:
        """Return what the relay says the time is, in milliseconds."""
        now = self.world.time()
        return (now + self.world.faults.skew_ns(now)) // NANOS_PER_MS

    def last_second(self) -> Nanos:
        """Return the newest second whose price was told."""
        told = self.world.time() - LAG_NS
        return told - told % NANOS_PER_SECOND

    def joined(self, peer: RelayPeer) -> None:
        """Count a client in."""
        self.peers[peer] = None
        if not self._ticking:
            self._ticking = True
            self._plan(self.last_second())

    def _plan(self, last: Nanos) -> None:
        second = last + NANOS_PER_SECOND
        self.world.agenda.plan(second + LAG_NS, lambda _at: self._tick(second))

    def _tick(self, second: Nanos) -> None:
        if not self.peers:
            self._ticking = False
            return
        for peer in tuple(self.peers):
            peer.tick(second)
        self._plan(second)


class RelayPeer(Peer):
    """A client of a relay."""

    def __init__(self, relay: Relay) -> None:
        """Belong to ``relay``."""
        self.relay = relay

    def opened(self) -> None:
        """Join."""
        self.relay.joined(self)

    def gone(self) -> None:
        """Leave."""
        self.relay.peers.pop(self, None)

    @abstractmethod
    def tick(self, second: Nanos) -> None:
        """Tell what is subscribed, of a full second."""

    def history(self, symbol: str, seconds: int) -> list[tuple[int, Money]]:
        """Return milliseconds and price of each of the last 120 seconds that was told."""
        last = self.relay.last_second()
        found = []
        for back in range(_SNAPSHOT_S - 1, -1, -1):
            at = last - back * NANOS_PER_SECOND
            price = price_at(self.relay.world, symbol, at, seconds)
            if price is not None:
                found.append((at // NANOS_PER_MS, price))
        return found
