"""Waiting for the venue's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from underround.local_venue.clock import RunningClock
from underround.local_venue.world import World
from underround.model.units import Nanos

_ROUNDING_S: Final = 0.0005
"""Event loops round their timers to milliseconds: one that fires early would find nothing due."""


def plan_soon(world: World, at: Nanos, happen: Callable[[Nanos], None]) -> None:
    """Let ``happen(at)`` be called when the venue's time is ``at``, and let nobody sleep past it.

    The agenda alone would do, but it is looked at every few milliseconds only while it is quiet.
    """
    world.agenda.plan(at, happen)
    clock = world.clock
    if isinstance(clock, RunningClock):
        loop = asyncio.get_running_loop()
        loop.call_later(clock.seconds_until(at) + _ROUNDING_S, world.act)


async def pause(world: World, until: Nanos) -> None:
    """Return when the venue's time is ``until``, whatever its clock."""
    due = asyncio.get_running_loop().create_future()

    def arrive(_now: Nanos) -> None:
        if not due.done():
            due.set_result(None)

    plan_soon(world, until, arrive)
    await due
