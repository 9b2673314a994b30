"""What one client is sent: frames in order, joined, with the faults of its stream.

A message is made a WebSocket frame once, however many clients get it.  The frames that wait for a
client are written together: at once when nothing was sent lately, else every few milliseconds.
A client that does not read is cut when its buffer passes a bound; nobody waits for it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from typing import Final

from underround.local_venue.faults import (
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Freeze,
    Kind,
    Lose,
    Reorder,
    SocketFault,
    Stream,
)
from underround.local_venue.net.later import plan_soon
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

FLUSH_S: Final = 0.005
BUFFER_BOUND: Final = 8 << 20
_TEXT: Final = 0x81
_REST: Final = 2
"""Writing to many takes milliseconds: for twice as long the venue does something else."""


def text_frame(payload: bytes) -> bytes:
    """Return ``payload`` as one unmasked text frame, as servers send it (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + payload


class Flusher:
    """Writes what waits on the lines of one host."""

    def __init__(self, every_s: float = FLUSH_S, bound: int = BUFFER_BOUND) -> None:
        """``bound``: bytes a client may leave unread before it is cut."""
        self.every_s = every_s
        self.bound = bound
        self.slow_cut = 0
        """Clients cut because they did not read."""
        self._dirty: list[Line] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = 0.0

    def wants(self, line: Line) -> None:
        """Have ``line`` written soon."""
        if not self._dirty:
            loop = self._loop
            if loop is None:
                loop = self._loop = asyncio.get_running_loop()
            if loop.time() >= self._due:
                loop.call_soon(self._write)
            else:
                loop.call_at(self._due, self._write)
        self._dirty.append(line)

    def _write(self) -> None:
        assert self._loop is not None
        began = time.monotonic()
        dirty, self._dirty = self._dirty, []
        for line in dirty:
            line.write()
        took = time.monotonic() - began
        self._due = self._loop.time() + max(self.every_s, took * _REST)


class Line:
    """The way to one client."""

    __slots__ = (
        "_delayed",
        "_flusher",
        "_held",
        "_random",
        "_transport",
        "plain",
        "stream",
        "waiting",
        "world",
    )

    def __init__(
        self,
        world: World,
        stream: Stream,
        flusher: Flusher,
        transport: asyncio.Transport,
        number: int,
    ) -> None:
        """``number``: of the connection, so that corrupted bytes follow from the seed."""
        self.world = world
        self.stream: Stream = stream
        self.waiting: list[bytes] = []
        self.plain = True
        """Whether no fault holds a frame back: without one in force, frames are just pushed."""
        self._transport: asyncio.Transport | None = transport
        self._flusher = flusher
        self._held: bytes | None = None
        self._delayed: deque[tuple[Nanos, bytes]] = deque()
        self._random = random.Random(f"{stream} {number} {world.seed}")

    @property
    def open(self) -> bool:
        """Whether anything can be sent."""
        return self._transport is not None

    def push(self, frame: bytes) -> None:
        """Send a frame without faults."""
        if self._transport is None:
            return
        if not self.waiting:
            self._flusher.wants(self)
        self.waiting.append(frame)

    def write(self) -> None:
        """Give what waits to the transport; cut a client that does not read."""
        frames, self.waiting = self.waiting, []
        transport = self._transport
        if transport is None or not frames:
            return
        transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        if transport.get_write_buffer_size() > self._flusher.bound:
            self._flusher.slow_cut += 1
            self.cut()

    def cut(self) -> None:
        """Break the connection without a word."""
        transport, self._transport = self._transport, None
        self.forget()
        if transport is not None:
            transport.abort()

    def gone(self) -> None:
        """Send nothing any more: the connection is closed."""
        self._transport = None
        self.forget()

    def forget(self) -> None:
        """Drop what was to be sent."""
        self.waiting.clear()
        self._delayed.clear()
        self._held = None
        self.plain = True

    # --- faults --------------------------------------------------------------------------------

    def push_through_faults(self, payload: bytes) -> None:
        """Send a message the way the faults in force, and what they hold back, let it."""
        now = self.world.time()
        if self.break_on_drop(now) or self._strikes(Freeze, now) or self._strikes(Lose, now):
            return
        if self._strikes(Corrupt, now):
            payload = self._corrupted(payload)
        frame = text_frame(payload)
        frames = [frame, frame] if self._strikes(Duplicate, now) else [frame]
        if self._held is not None:
            frames.append(self._held)
            self._held = None
        elif self._strikes(Reorder, now):
            self._held = frames.pop()
        delay = self._strikes(Delay, now)
        for each in frames:
            self._send(each, 0 if delay is None else now + delay.ms * NANOS_PER_MS)
        self.plain = self._held is None and not self._delayed

    def break_on_drop(self, now: Nanos) -> bool:
        """Break the connection if a ``Drop`` in force strikes it."""
        if self._transport is None or not self._strikes(Drop, now):
            return False
        self.cut()
        return True

    def _strikes(self, kind: type[Kind], now: Nanos) -> Kind | None:
        return self.world.faults.strikes(kind, now, self._is_about)

    def _is_about(self, fault: object) -> bool:
        return isinstance(fault, SocketFault) and fault.stream == self.stream

    def _corrupted(self, payload: bytes) -> bytes:
        """Return the payload with another byte in one place; ASCII stays ASCII, so text is text."""
        if not payload:
            return payload
        changed = bytearray(payload)
        changed[self._random.randrange(len(changed))] ^= 1
        return bytes(changed)

    # --- delay: the agenda of the world lets frames go, in their order ---------------------------

    def _send(self, frame: bytes, due: Nanos) -> None:
        if not due and not self._delayed:
            self.push(frame)
            return
        self._delayed.append((due, frame))
        if due:  # what is not delayed itself goes with what it waits behind
            plan_soon(self.world, due, self._release)

    def _release(self, now: Nanos) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            self.push(self._delayed.popleft()[1])
        self.plain = self._held is None and not self._delayed
