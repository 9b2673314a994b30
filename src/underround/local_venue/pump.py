"""Lets the world go on when nobody asks: what is due happens when the clock reaches it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from underround.local_venue.clock import RunningClock
from underround.local_venue.world import World

_LONGEST_S: Final = 0.02
"""Something earlier may have been planned meanwhile: look again after so long."""
_SHORTEST_S: Final = 0.001
"""An event loop that is asked to sleep for less does not sleep at all, it spins."""
_BURST_S: Final = 0.005
"""An accelerated world may have no pause: so long at most before the servers get a turn."""


async def pump(
    world: World, clock: RunningClock, steady: Callable[[], float] = time.monotonic
) -> None:
    """Run the world's agenda by ``clock`` until cancelled.

    A machine that is too slow for an accelerated clock slows it down.
    """
    while True:
        due = world.agenda.next_due()
        clock.keep_pace(due)
        wait = _LONGEST_S if due is None else min(clock.seconds_until(due), _LONGEST_S)
        await asyncio.sleep(max(wait, _SHORTEST_S) if wait else 0)
        end = steady() + _BURST_S
        while (due := world.agenda.next_due()) is not None and due <= clock.now():
            world.advance(due)
            if steady() > end:
                break
