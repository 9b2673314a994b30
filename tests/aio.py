"""Run coroutines in tests without waiting: a loop whose clock moves only when it has nothing to do.

Sockets on loopback are real, time is not: ``time()`` stands still while anything can run, and jumps
to the next timer when nothing can.  So a test of a 24-hour reconnect takes milliseconds, no test
ever sleeps, and a stalled machine changes no measured time.

Before a jump, what is on its way through the kernel has to arrive.  A *fence* sees to that: a byte
sent through a TCP connection of the loop's own travels behind everything that was sent before it.
Work in other threads cannot be fenced; while some is under way it is given a little real time.
A loop that does not run in the main thread serves somebody outside, whose time is real: there it
waits as any loop does.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREADS_S: Final = 0.002
"""Real time that threads get before the clock jumps while they work for the loop."""
_FENCE_S: Final = 5.0
"""A byte takes microseconds; one that takes longer than this was lost, which cannot be."""
_BEGIN_S: Final = 1_000.0


class _Fence:
    """A TCP connection with itself; what it carries arrives after whatever was sent before."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._far = socket.create_connection(listener.getsockname())
            self._near = listener.accept()[0]
        for each in (self._far, self._near):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.settimeout(_FENCE_S)

    def pass_through(self) -> None:
        """Send a byte there and back."""
        self._far.send(b".")
        self._near.recv(1)
        self._near.send(b".")
        self._far.recv(1)

    def close(self) -> None:
        for each in (self._far, self._near):
            # Reset instead of lingering, so that thousands of tests leave no port occupied.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.jump: Callable[[float], None] = lambda _seconds: None
        self.threads_work: Callable[[], bool] = lambda: False
        self._fence = _Fence()
        self._serves = threading.current_thread() is not threading.main_thread()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self._serves:
            began = time.monotonic()
            ready = super().select(timeout)
            self.jump(time.monotonic() - began)
            return ready
        ready = super().select(0)
        if not ready:
            self._fence.pass_through()
            ready = super().select(_THREADS_S if self.threads_work() else 0)
        if not ready:
            self.jump(timeout)
        return ready

    def close(self) -> None:
        self._fence.close()
        super().close()


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` jumps over idle stretches and stands still otherwise."""

    def __init__(self) -> None:
        self._jumped = 0.0
        self._threads = 0
        selector = _JumpingSelector()
        selector.jump = self._jump
        selector.threads_work = lambda: self._threads > 0
        super().__init__(selector)

    def _jump(self, seconds: float) -> None:
        self._jumped += seconds

    def time(self) -> float:
        """Return the loop's time: the sum of all jumps."""
        return _BEGIN_S + self._jumped

    def now_ns(self) -> int:
        """Return the loop's time as nanoseconds since a fixed day, for code that is told times."""
        return 1_790_000_000_000_000_000 + int(self.time() * 1_000_000_000)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Count what threads do for the loop."""
        self._threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self._threads -= 1


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what ``main`` returns, on a ``JumpingLoop``; leaves no task and no socket behind."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
