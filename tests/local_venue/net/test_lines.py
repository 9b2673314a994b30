"""When frames are written: at once while it is quiet, together while it is not."""

from __future__ import annotations

import asyncio

from tests.aio import JumpingLoop, run
from tests.local_venue.net.listening import START_NS, hand_world
from underround.local_venue.clock import RunningClock
from underround.local_venue.net.later import pause, plan_soon
from underround.local_venue.net.lines import Flusher, Line, text_frame
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World


class Wire(asyncio.Transport):
    """Notes what is written, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[float, bytes]] = []
        self.unread = 0
        self.aborted = False
        self._began = asyncio.get_running_loop().time()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append((asyncio.get_running_loop().time() - self._began, bytes(data)))
        self.unread += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.aborted = True


def _lines(flusher: Flusher, count: int) -> tuple[list[Line], list[Wire]]:
    world, _ = hand_world()
    wires = [Wire() for _ in range(count)]
    lines = [
        Line(world, "polymarket.market", flusher, wire, number) for number, wire in enumerate(wires)
    ]
    return lines, wires


def test_the_first_frames_after_a_quiet_time_are_written_at_once_and_together() -> None:
    async def main() -> None:
        (line,), (wire,) = _lines(Flusher(every_s=0.005), 1)
        line.push(b"one")
        line.push(b"two")
        assert not wire.written
        await asyncio.sleep(0)
        assert wire.written == [(0.0, b"onetwo")]

    run(main())


def test_under_traffic_frames_wait_for_each_other_a_few_milliseconds() -> None:
    async def main() -> None:
        lines, wires = _lines(Flusher(every_s=0.005), 2)
        for number in range(10):
            for line in lines:
                line.push(b"%d " % number)
            await asyncio.sleep(0.0015)
        await asyncio.sleep(0.005)
        for wire in wires:
            assert [data for _, data in wire.written] == [b"0 ", b"1 2 3 ", b"4 5 6 ", b"7 8 9 "]
            assert [round(at * 1_000) for at, _ in wire.written] == [0, 5, 10, 15]

    run(main())


def test_a_line_over_its_bound_is_cut_and_forgets_what_waits() -> None:
    async def main() -> None:
        flusher = Flusher(every_s=0.005, bound=10)
        (line, other), (wire, _) = _lines(flusher, 2)
        line.push(b"x" * 11)
        other.push(b"x" * 10)
        await asyncio.sleep(0)
        assert (wire.aborted, line.open, other.open) == (True, False, True)
        assert flusher.slow_cut == 1
        line.push(b"more")
        assert not line.waiting

    run(main())


def test_a_frame_that_is_broadcast_is_the_same_bytes_for_everybody() -> None:
    assert text_frame(b"ab") == b"\x81\x02ab"


def test_the_venues_time_can_be_waited_for_without_anybody_else_acting() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        clock = RunningClock(START_NS, speed=10, steady=loop.now_ns)
        world = World(clock, settlement=TimedSettlement)
        began = loop.time()
        happened: list[int] = []
        plan_soon(world, START_NS + 10**9, happened.append)
        await pause(world, START_NS + 2 * 10**9)
        assert happened == [START_NS + 10**9]
        assert 0.2 <= loop.time() - began < 0.21  # ten times as fast

    run(main())


def test_what_happens_by_the_agenda_happens_at_its_own_time_however_late_the_clock_is() -> None:
    world, clock = hand_world()
    seen: list[int] = []
    for delay in (5, 3):
        world.agenda.plan(START_NS + delay, lambda _at: seen.append(world.time()))
    clock.move_to(START_NS + 100)
    assert world.time() == START_NS + 100
    world.act()
    assert seen == [START_NS + 3, START_NS + 5]
    assert world.time() == START_NS + 100
