"""The local venue's clock: real time, faster than real time, or moved by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from underround.model.units import Nanos

_LATE_NS: Final[Nanos] = 30 * 10**6
"""Real time by which a world may be late before an accelerated clock waits for it."""


class VenueClock(Protocol):
    """What time it is at the venue."""

    def now(self) -> Nanos:
        """Return Unix nanoseconds; never goes back."""

    def keep_pace(self, due: Nanos | None) -> None:
        """Learn when something is due next, or was."""


class RunningClock:
    """Begins at ``start_ns`` and runs ``speed`` times as fast as the machine's own clock."""

    def __init__(
        self,
        start_ns: Nanos | None = None,
        speed: int = 1,
        steady: Callable[[], Nanos] = time.monotonic_ns,
        wall: Callable[[], Nanos] = time.time_ns,
    ) -> None:
        """``start_ns=None``: the machine's time of day."""
        if speed < 1:
            raise ValueError(f"a clock of speed {speed} does not run: use 1 or more")
        self.speed = speed
        self._start = wall() if start_ns is None else start_ns
        self._steady = steady
        self._origin = steady()
        self._held: Nanos | None = None

    def now(self) -> Nanos:
        """Return the venue's time."""
        if self._held is not None:
            return self._held
        return self._start + (self._steady() - self._origin) * self.speed

    def keep_pace(self, due: Nanos | None) -> None:
        """Stand still while a world is late: an accelerated one must not fall behind for good.

        Whoever asks a server has everything happen that is due: that must not take ever longer.  A
        clock of speed 1 is that of clients, and goes on.
        """
        now = self.now()
        if due is None or due > now:
            if self._held is not None:
                self._start, self._origin, self._held = self._held, self._steady(), None
        elif self.speed > 1 and now - due > _LATE_NS * self.speed:
            self._held = now

    def seconds_until(self, at: Nanos) -> float:
        """Return the real seconds until the venue's time is ``at``; 0 when it has passed."""
        return max(0, at - self.now()) / (self.speed * 1e9)


class HandClock:
    """Stands still until somebody moves it."""

    def __init__(self, start_ns: Nanos) -> None:
        """Begin at ``start_ns``."""
        self._now = start_ns

    def now(self) -> Nanos:
        """Return the venue's time."""
        return self._now

    def keep_pace(self, due: Nanos | None) -> None:
        """Do nothing: it stands still anyway."""

    def move_to(self, at: Nanos) -> None:
        """Go forward to ``at``; raises ``ValueError`` for an earlier time."""
        if at < self._now:
            raise ValueError(f"a clock cannot go back from {self._now} to {at}")
        self._now = at
