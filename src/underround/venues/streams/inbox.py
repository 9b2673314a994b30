"""Between sockets and books: frames are taken at once, and a queue never grows without bound.

While the consumer keeps up there is no queue: a frame is consumed inside the call that brings it.
What a turn of the event loop cannot take in its time waits here, so that orders and timers get
their turn.  The queue is bounded in frames and in bytes, and conflates:

- of a stream with keys (reference prices) only the latest frame of each key waits;
- otherwise, when the bound is hit, everything that waits of the longest stream is dropped and the
  stream is *shed*: what it brings is dropped until the queue has been worked off.  Its books must
  lose their trust at once and be stated anew afterwards; the owner is told both.

An empty frame (a new connection, see ``venues.delivery``) never waits: what still waits of its
stream belongs to a connection that is over and is dropped, so trust ends now and not after a
backlog.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Protocol, TypeAlias

import msgspec

from underround.model.units import Nanos

Consume: TypeAlias = Callable[[str, int, Nanos, bytes], None]
"""``(stream, connection, recv_ns, payload)``"""
Key: TypeAlias = Callable[[str, bytes], Hashable]
"""``(stream, payload)`` → what the frame is the latest value of; ``None``: it is no such value."""
FRAME_BYTES: Final = 200
"""What a waiting frame costs besides its payload."""


class InboxLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of what may wait."""

    frames: int = 10_000
    """Also what bounds how late a frame can be consumed: well under a second's work."""
    bytes: int = 32 << 20
    turn_ms: float = 5.0
    """How long frames are consumed before the event loop gets its turn."""


class InboxCounters(msgspec.Struct, kw_only=True):
    """What happened to the frames."""

    consumed: int = 0
    waited: int = 0
    conflated: int = 0
    """Replaced by a later frame of the same key."""
    dropped: dict[str, int] = {}
    """By stream: frames no book has seen."""
    overflows: dict[str, int] = {}
    peak_frames: int = 0
    peak_bytes: int = 0


class Backlogged(Protocol):
    """Who owns the streams."""

    def overflowed(self, stream: str) -> None:
        """Frames of the stream were dropped: end the trust of its books now."""

    def recovered(self, stream: str) -> None:
        """The backlog is gone and the stream is heard again: have it stated anew."""

    def failed(self, error: Exception) -> None:
        """Consuming a frame that had waited raised."""


class _Waiting(msgspec.Struct, gc=False):
    stream: str
    connection: int
    recv_ns: Nanos
    payload: bytes


class Inbox:
    """Frames of all streams, consumed in the order of their arrival."""

    def __init__(
        self,
        consume: Consume,
        owner: Backlogged,
        *,
        time: Callable[[], float],
        call_soon: Callable[[Callable[[], None]], object],
        key: Key = lambda _stream, _payload: None,
        limits: InboxLimits | None = None,
    ) -> None:
        """Consume on the caller's thread; ``time`` is monotonic, in seconds."""
        self.counters = InboxCounters(dropped={}, overflows={})
        self._consume = consume
        self._owner = owner
        self._time = time
        self._call_soon = call_soon
        self._key = key
        self._limits = limits or InboxLimits()
        self._turn_s = self._limits.turn_ms / 1_000
        self._queue: OrderedDict[Hashable, _Waiting] = OrderedDict()
        self._bytes = 0
        self._by_stream: dict[str, int] = {}
        self._shed: dict[str, None] = {}
        self._busy = self._scheduled = False
        self._turn_ends = 0.0
        self._serial = 0

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, stream: str, connection: int, recv_ns: Nanos, payload: bytes) -> None:
        """Take a frame; it is consumed before this returns unless there is a backlog.

        Raises what ``consume`` raises.
        """
        if not self._scheduled:
            self._scheduled = True
            self._turn_ends = self._time() + self._turn_s
            self._call_soon(self._turn)
        if not payload:
            self._announce(_Waiting(stream, connection, recv_ns, payload))
        elif stream in self._shed:
            self._drop(stream, 1)
        elif self._queue or self._busy or self._time() >= self._turn_ends:
            self._enqueue(_Waiting(stream, connection, recv_ns, payload))
        else:
            self._take(_Waiting(stream, connection, recv_ns, payload))

    def close(self) -> None:
        """Drop what waits: nothing is consumed any more, and the owner is told nothing."""
        self._queue.clear()
        self._by_stream.clear()
        self._shed.clear()
        self._bytes = 0

    # --- within --------------------------------------------------------------------------------

    def _take(self, frame: _Waiting) -> None:
        self._busy = True
        try:
            self._consume(frame.stream, frame.connection, frame.recv_ns, frame.payload)
        finally:
            self._busy = False
        self.counters.consumed += 1

    def _announce(self, frame: _Waiting) -> None:
        """Let an empty frame overtake everything; its time is that of the first that waits."""
        self._forget(frame.stream)
        first = next(iter(self._queue.values()), None)
        if first is not None:
            frame.recv_ns = min(frame.recv_ns, first.recv_ns)
        if self._busy:  # inside a consumer: it is the very next
            self._serial += 1
            self._queue[self._serial] = frame
            self._queue.move_to_end(self._serial, last=False)
            self._count_in(frame)
        else:
            self._take(frame)

    def _enqueue(self, frame: _Waiting) -> None:
        key = self._key(frame.stream, frame.payload)
        self._serial += 1
        place: Hashable = self._serial if key is None else (frame.stream, key)
        old = self._queue.pop(place, None)
        if old is not None:
            self._count_out(old)
            self.counters.conflated += 1
        self._queue[place] = frame
        self._count_in(frame)
        counters = self.counters
        counters.waited += 1
        counters.peak_frames = max(counters.peak_frames, len(self._queue))
        counters.peak_bytes = max(counters.peak_bytes, self._bytes)
        if len(self._queue) > self._limits.frames or self._bytes > self._limits.bytes:
            self._overflow()

    def _overflow(self) -> None:
        """Drop and shed the stream of which most waits: the others need not suffer for it."""
        stream = max(self._by_stream, key=self._by_stream.__getitem__)
        self._shed[stream] = None
        self.counters.overflows[stream] = self.counters.overflows.get(stream, 0) + 1
        self._forget(stream)
        self._owner.overflowed(stream)

    def _forget(self, stream: str) -> None:
        """Drop everything that waits of a stream."""
        if stream not in self._by_stream:
            return
        gone = [place for place, frame in self._queue.items() if frame.stream == stream]
        for place in gone:
            self._count_out(self._queue.pop(place))
        self._drop(stream, len(gone))

    def _drop(self, stream: str, count: int) -> None:
        self.counters.dropped[stream] = self.counters.dropped.get(stream, 0) + count

    def _count_in(self, frame: _Waiting) -> None:
        self._bytes += len(frame.payload) + FRAME_BYTES
        self._by_stream[frame.stream] = self._by_stream.get(frame.stream, 0) + 1

    def _count_out(self, frame: _Waiting) -> None:
        self._bytes -= len(frame.payload) + FRAME_BYTES
        left = self._by_stream[frame.stream] - 1
        if left:
            self._by_stream[frame.stream] = left
        else:
            del self._by_stream[frame.stream]

    def _turn(self) -> None:
        """Work the backlog off for one turn of the loop; told when it is gone."""
        self._scheduled = False
        try:
            self._turn_ends = self._time() + self._turn_s
            while self._queue and self._time() < self._turn_ends:
                _, frame = self._queue.popitem(last=False)
                self._count_out(frame)
                self._take(frame)
        except Exception as error:  # noqa: BLE001 - nobody awaits a callback of the loop
            self._owner.failed(error)
            return
        if self._queue:
            if not self._scheduled:  # a consumer that put a frame has seen to it already
                self._scheduled = True
                self._call_soon(self._turn)
            return
        shed, self._shed = self._shed, {}
        for stream in shed:
            self._owner.recovered(stream)
