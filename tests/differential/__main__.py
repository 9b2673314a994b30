"""``python -m tests.differential [SCRIPTS]``: the figures of docs/simulation.md, "Two matchers"."""

from __future__ import annotations

import sys
from statistics import quantiles
from typing import Final

import msgspec

from tests.differential.acts import Crowd, Script, write
from tests.differential.flows import visit
from tests.differential.judged import Judge, Resting
from tests.differential.paper import foretell
from tests.differential.twins import twins
from tests.differential.venue import NOW, Real, play
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, POLYMARKET, Venue
from underround.model.units import Nanos
from underround.simulation.latency import Latency

_SLOW: Final = Latency(feed_ms=250, entry_ms=350, cancel_ms=200, response_ms=0)
_LATE: Final[Nanos] = 1_000 * NANOS_PER_MS
_ANYBODY: Final = Crowd(rate=40_000)
_THICK: Final = Crowd(rate=40_000, depth=2, cancels=0.4)
_ALONE: Final = Crowd(us="rest cancel", post_only=False, alone=True, steps=80)
_APART: Final = msgspec.structs.replace(
    _ALONE, wanders=False, distance=2, inside=-1, reach=8, takers=("FAK",), us="rest rest cancel"
)


class _Sum:
    """What the comparisons of one kind of market add up to."""

    def __init__(self) -> None:
        self.orders = self.refused = self.took = self.ended = self.scripts = 0
        self.resting: list[Resting] = []

    def add(self, script: Script, real: Real, latency: Latency = NOW, slip_ns: Nanos = 0) -> None:
        foretold = foretell(script.acts, real, latency)
        verdict = Judge(script, real, foretold, latency, slip_ns).all()
        self.scripts += 1
        self.orders += verdict.orders
        self.refused += verdict.refused
        self.took += verdict.took
        self.ended += verdict.until_ns < 1 << 61
        self.resting += verdict.resting

    def say(self, name: str) -> None:
        real = sum(each.real for each in self.resting)
        share = sum(each.foretold for each in self.resting) / real
        never = sum(not each.foretold for each in self.resting) / len(self.resting)
        shares = sorted(each.foretold / each.real for each in self.resting)
        lower = quantiles(shares, n=20)[0]
        delays = [each.delay_ns for each in self.resting if each.delay_ns is not None]
        late = [delay / 1e9 for delay in delays if delay > _LATE]
        told = f"{quantiles(late, n=2)[0]:.1f}/{max(late):.0f} s" if len(late) > 1 else "-"
        print(
            f"{name:30} {self.scripts:5} {self.orders:7} {self.refused:7} {self.took:6} "
            f"{len(self.resting):6} {share:7.1%} {lower:6.0%} {never:6.1%} "
            f"{len(late) / max(1, len(delays)):6.1%} {told:>12} {self.ended:4}"
        )


def _same(venue: Venue, crowd: Crowd, scripts: int, latency: Latency = NOW) -> _Sum:
    made = _Sum()
    for seed in range(scripts):
        script = write(seed, msgspec.structs.replace(crowd, venue=venue))
        made.add(script, play(script, latency), latency)
    return made


def _flow(venue: Venue, visits: int) -> _Sum:
    made = _Sum()
    for seed in range(visits):
        script, real = visit(venue, seed, 600)
        made.add(script, real, slip_ns=2 * NANOS_PER_MS)
    return made


def _twins(name: str, crowd: Crowd, scripts: int) -> None:
    filled = share = beyond = orders = early = 0
    for seed in range(scripts):
        played = twins(write(seed, crowd))
        first = played.first_ns
        early += any(first is None or at - 1 <= first for _, at in played.beyond())
        for order in {fill.order for fill in played.real.fills}:
            orders += 1
            real, foretold = played.real.filled(order), played.foretold.filled(order)
            filled += real
            share += min(real, foretold)
        beyond += sum(
            max(0, played.foretold.filled(order) - played.real.filled(order))
            for order in {fill.order for fill in played.foretold.fills}
        )
    print(
        f"{name:30} {scripts:5} {orders:7} {share / filled:7.1%} {beyond / filled:7.2%} {early:6}"
    )


def main(scripts: int) -> None:
    print("The very market we are in")
    print(
        f"{'':30} {'runs':>5} {'orders':>7} {'refused':>7} {'took':>6} {'filled':>6} "
        f"{'share':>7} {'5 %':>6} {'never':>6} {'late':>6} {'by':>12} {'cut':>4}"
    )
    for venue in (POLYMARKET, KALSHI):
        _same(venue, _ANYBODY, scripts).say(f"{venue}, anybody")
        _same(venue, _ANYBODY, scripts, _SLOW).say(f"{venue}, anybody, late")
        _same(venue, _THICK, scripts).say(f"{venue}, few prices, cancels")
        _flow(venue, scripts // 20).say(f"{venue}, the generator's")
    print("\nThe same market without us")
    print(f"{'':30} {'runs':>5} {'filled':>7} {'share':>7} {'beyond':>7} {'early':>6}")
    _twins("makers and takers apart", _APART, scripts)
    _twins("one order a side", _ALONE, scripts)
    _twins("anybody, many orders", Crowd(us="rest take cancel", rate=40_000), scripts)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
