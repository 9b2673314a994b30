"""How soon a book is back after a lost frame, and what a live frame costs, on loopback.

Run with ``python -m benchmarks.feeds``.  Sockets, clock and hashes are real; the venue is the
scripted one of the tests, in the same process, so its own work is part of every figure.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Final

import msgspec

from tests import aio
from tests.app.livebench import LIMITS, live
from tests.venues.marketserver import Losing, honest
from tests.venues.wsserver import until
from underround.app.live.feeds import FeedRules
from underround.market.resync import ResyncRules
from underround.venues.streams.inbox import InboxLimits

LOSSES: Final = 60
FRAMES: Final = 20_000
RULES: Final = FeedRules(
    resync=ResyncRules(compare_ms=3_600_000, calm_ms=0), inbox=InboxLimits(frames=10**6)
)


class SteadyLoop(aio.JumpingLoop):
    """What the tests' loop is told, without its jumps: the time is the real one."""

    def __init__(self) -> None:
        asyncio.SelectorEventLoop.__init__(self)
        self._jumped = 0.0
        self._threads = 0

    def time(self) -> float:
        """Return the real time and what a slow consumer added."""
        return time.monotonic() + self._jumped


async def lost_frames() -> list[float]:
    """Return the milliseconds without trust for each of ``LOSSES`` lost frames."""
    async with live(*(f"m{number}" for number in range(20)), rules=RULES) as bench:
        for number in range(LOSSES):
            market = bench.markets[number % 20].id
            bench.venue.fault = Losing(lambda count: count == 0)
            bench.venue.change(market, (True, 20_000, (number + 1) * 1_000_000))
            bench.venue.change(market, (True, 30_000, (number + 1) * 1_000_000))
            bench.venue.fault = honest
            await bench.recovered()
        return [seconds * 1_000 for _, seconds in bench.gaps()]


async def cut(how: str) -> float:
    """Return the milliseconds without trust when the venue closes or cuts a socket of 20 books."""
    async with live(*(f"m{number}" for number in range(20)), rules=RULES) as bench:
        await asyncio.sleep(10.5)  # a socket that breaks at once is not followed at once
        getattr(bench.venue.last, how)()
        await bench.venue.arrival(2)
        await bench.recovered()
        return max(seconds for _, seconds in bench.gaps()) * 1_000


async def hand_over() -> float:
    """Return the milliseconds without trust when a socket of 100 books is replaced for its age."""
    aged = msgspec.structs.replace(LIMITS, max_age_ms=1_000)
    async with live(*(f"m{number}" for number in range(100)), limits=aged, rules=RULES) as bench:
        bench.witnessing = False
        await until(lambda: bench.feeds.slots()[0].handovers)
        await bench.recovered()
        return max(seconds for _, seconds in bench.gaps()) * 1_000


async def frame_cost() -> float:
    """Return the microseconds one ``price_change`` takes from ``deliver`` to a proven book."""
    async with live("rain", rules=RULES) as bench:
        true = bench.venue.truth[bench.markets[0].id]
        for cents in range(2, 50):  # a book of 50 levels on each side
            true.change(
                (True, cents * 10_000, 7_000_000), (False, (cents + 50) * 10_000, 7_000_000)
            )
        bench.venue.last.send(b"[" + true.book(0) + b"]")
        await bench.recovered()
        frames = [
            frame
            for number in range(FRAMES)
            for frame in true.price_changes((True, 20_000, (number % 9 + 1) * 1_000_000))
        ]
        bench.witnessing = False
        begun = time.perf_counter()
        for frame in frames:
            bench.feeds.deliver("polymarket.market", 0, bench.loop.now_ns(), frame)
        counters = bench.feeds.sources["polymarket.market"].counters
        await until(lambda: counters.frames >= FRAMES)
        took = time.perf_counter() - begun
        await bench.recovered()
        return took / FRAMES * 1_000_000


def main() -> None:
    """Print the figures."""
    with asyncio.Runner(loop_factory=SteadyLoop) as runner:
        gaps = sorted(runner.run(lost_frames()))
        print(
            f"lost frame to trusted again: median {median(gaps):.0f} ms, worst {gaps[-1]:.0f} ms, "
            f"{len(gaps)} losses (50 ms of grace, 20 ms for the request)"
        )
        for how in ("close", "cut"):
            took = runner.run(cut(how))
            print(f"{how} by the venue to 20 books trusted again: at most {took:.0f} ms")
        print(f"hand-over of 100 books: at most {runner.run(hand_over()):.1f} ms without trust")
        cost = runner.run(frame_cost())
        print(f"one price_change, delivered, decoded, applied and proven: {cost:.0f} us")


if __name__ == "__main__":
    main()
