"""A world that goes on by itself, on machines that are fast enough and on one that is not."""

from __future__ import annotations

import asyncio

from tests import aio
from underround.local_venue.clock import RunningClock
from underround.local_venue.pump import pump
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World
from underround.model.units import Nanos

MS = 10**6
SECOND = 1_000 * MS
START = 1_790_000_000 * SECOND


class Machine:
    """Its time passes while something happens, so much each time."""

    def __init__(self, speed: int, takes: Nanos, times: int = 1_000_000) -> None:
        """``times``: after so many it is as fast as any."""
        self.steady = 0
        self.happened = 0
        self.latest: Nanos = 0
        self.clock = RunningClock(START, speed, steady=lambda: self.steady)
        self.world = World(self.clock, settlement=TimedSettlement)
        self._takes = takes
        self._times = times
        self._plan(START)

    def _plan(self, at: Nanos) -> None:
        self.world.agenda.plan(at + 10 * MS, self._happen)

    def _happen(self, at: Nanos) -> None:
        self.steady += self._takes if self.happened < self._times else 0
        self.happened += 1
        self.latest = max(self.latest, self.clock.now() - at)
        self._plan(at)

    def run(self, rounds: int) -> None:
        """Let the pump have that many turns of a millisecond."""

        async def main() -> None:
            task = asyncio.create_task(pump(self.world, self.clock, lambda: self.steady / 1e9))
            for _ in range(rounds):
                self.steady += MS
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        aio.run(main())


def test_a_fast_machine_keeps_an_accelerated_clock_running_at_its_speed() -> None:
    machine = Machine(speed=60, takes=1_000)
    machine.run(500)
    assert machine.clock.now() == START + machine.steady * 60
    assert machine.happened > 2_500


def test_a_slow_machine_slows_an_accelerated_clock_down_and_is_never_far_behind() -> None:
    machine = Machine(speed=60, takes=2 * MS)  # each takes twelve times what there is time for
    machine.run(500)
    assert machine.clock.now() < START + machine.steady * 60 // 3
    assert machine.latest < 40 * MS * 60
    assert machine.happened > 100


def test_a_clock_of_speed_one_does_not_wait_for_a_slow_machine() -> None:
    machine = Machine(speed=1, takes=20 * MS, times=10)
    machine.run(200)
    assert machine.clock.now() == START + machine.steady


def test_a_clock_that_waits_stands_still_and_goes_on_from_there() -> None:
    machine = Machine(speed=10, takes=0)
    machine.steady = SECOND
    machine.clock.keep_pace(START)
    machine.steady += SECOND
    assert machine.clock.now() == START + 10 * SECOND
    machine.clock.keep_pace(None)
    machine.steady += SECOND
    assert machine.clock.now() == START + 20 * SECOND


def test_whoever_asks_a_slow_machine_never_waits_for_ever_more() -> None:
    machine = Machine(speed=60, takes=2 * MS)
    waits = []
    for _ in range(30):  # nobody lets the pump have a turn
        machine.steady += 10 * MS
        begun = machine.happened
        machine.world.act()
        waits.append(machine.happened - begun)
    assert max(waits[-5:]) <= max(waits[:5])
