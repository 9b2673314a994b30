"""Twin markets: the fill model reads the one without us, the venue fills us in the other.

This is how paper trading is used: on recordings of markets we were not in.  Up to our first real
fill the two are the same but for our orders.  From then on what we took or gave is missing there:
nobody *reacts* to us, and yet orders meet others than they did (assumption 1 of ``fills``).
"""

from __future__ import annotations

import msgspec

from tests.differential.acts import Script, without_us
from tests.differential.paper import Foretold, foretell
from tests.differential.venue import NOW, Real, play
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos, Size
from underround.simulation.latency import Latency


class Twins(msgspec.Struct):
    """The two histories of one script."""

    real: Real
    foretold: Foretold
    """From the market without us."""
    feed_ns: Nanos = 0

    @property
    def first_ns(self) -> Nanos | None:
        """When the venue filled any order of ours first."""
        return min((fill.at_ns for fill in self.real.fills), default=None)

    def really(self, name: str, at: Nanos) -> Size:
        fills = self.real.fills
        return sum(each.size for each in fills if each.order == name and each.at_ns <= at)

    def predicted(self, name: str, at: Nanos) -> Size:
        return sum(
            each.size
            for each in self.foretold.fills
            if each.order == name and each.at_ns - self.feed_ns <= at
        )

    def beyond(self) -> list[tuple[str, Nanos]]:
        """Return the fills foretold before or beyond what the venue had given by then."""
        return [
            (each.order, each.at_ns)
            for each in self.foretold.fills
            if self.predicted(each.order, each.at_ns - self.feed_ns)
            > self.really(each.order, each.at_ns - self.feed_ns)
        ]


def twins(script: Script, latency: Latency = NOW) -> Twins:
    """Play a script with us and without us."""
    there = play(script, latency)
    elsewhere = play(without_us(script))
    foretold = foretell(script.acts, elsewhere, latency)
    return Twins(there, foretold, latency.feed_ms * NANOS_PER_MS)
