"""Run coroutines in tests without waiting: a loop whose clock jumps when there is nothing to do.

Sockets on loopback are real.  When no socket is ready and the next timer is due in the future, the
loop's clock jumps there instead of sleeping, so that a test of a 24-hour reconnect takes
milliseconds and no test ever sleeps.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_GRACE_S: Final = 0.002
"""Real time a loopback socket gets to become ready before the clock jumps."""


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None] = lambda _seconds: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(min(timeout, _GRACE_S))
        if not ready:
            self.jump(timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` jumps over idle stretches."""

    def __init__(self) -> None:
        self._jumped = 0.0
        selector = _JumpingSelector()
        selector.jump = self._jump
        super().__init__(selector)

    def _jump(self, seconds: float) -> None:
        self._jumped += seconds

    def time(self) -> float:
        """Return the loop's time: real time and all jumps."""
        return super().time() + self._jumped

    def now_ns(self) -> int:
        """Return the loop's time as nanoseconds since a fixed day, for code that is told times."""
        return 1_790_000_000_000_000_000 + int(self.time() * 1_000_000_000)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what ``main`` returns, on a ``JumpingLoop``; leaves no task and no socket behind."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
