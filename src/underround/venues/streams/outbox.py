"""What waits to be sent on one socket: in order, no faster than the channel allows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

_WINDOW_S = 1.0


class Outbox:
    """At most ``sends_per_s`` frames leave in any second; one that is urgent goes first."""

    def __init__(self, send: Callable[[bytes], None], sends_per_s: int) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._sent_at: deque[float] = deque(maxlen=max(1, sends_per_s))
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def delay_s(self) -> float:
        """How long a frame that is put now waits, about."""
        return len(self._waiting) / (self._sent_at.maxlen or 1)

    def put(self, frames: Iterable[bytes]) -> None:
        """Send frames in order, now or as soon as the pace allows."""
        if not self._closed:
            self._waiting.extend(frames)
            self._pump()

    def put_first(self, frame: bytes) -> None:
        """Send a frame before all that wait."""
        if not self._closed:
            self._waiting.appendleft(frame)
            self._pump()

    def close(self) -> None:
        """Forget what waits; nothing is sent any more."""
        self._closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _pump(self) -> None:
        if self._timer is not None:
            return
        now = self._loop.time()
        while self._waiting:
            full = len(self._sent_at) == self._sent_at.maxlen
            if full and now < self._sent_at[0] + _WINDOW_S:
                self._timer = self._loop.call_at(self._sent_at[0] + _WINDOW_S, self._again)
                return
            self._sent_at.append(now)
            self._send(self._waiting.popleft())

    def _again(self) -> None:
        self._timer = None
        self._pump()
