"""One socket's conversation: paced sends, keep-alives, what its topics have proven.

A line is *held* until its owner releases it: what it hears meanwhile waits in a bounded buffer, so
that a standby can prove itself while another line still delivers.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from underround.model.errors import TryLater, Unreachable
from underround.model.units import Nanos
from underround.venues.streams.dialect import Dialect, Heard, Session, Topic
from underround.venues.streams.outbox import Outbox
from underround.venues.streams.pulse import Pulse
from underround.venues.streams.socket import Socket, open_socket

HELD_FRAMES: Final = 50_000
HELD_BYTES: Final = 64 << 20
"""What a standby may hear before it is proven; more than that, and it will not be in time."""
_PATIENCE_S: Final = 5.0
"""While so much waits to be sent, no restatement is added: it would come too late to help."""


class Dropped(TryLater):
    """We closed the line ourselves: no failure of anybody."""


class Owner(Protocol):
    """Whose lines they are."""

    def took(self, line: Line, recv_ns: Nanos, payload: bytes) -> None:
        """A released line heard something."""

    def wanting(self, line: Line, reason: str) -> None:
        """The line should be replaced while it still lives."""

    def ended(self, line: Line, reason: str) -> None:
        """The line is dead and closed."""

    def refused(self, detail: str) -> None:
        """The venue said no to something we sent."""

    def failed(self, error: Exception) -> None:
        """Something of ours raised; nothing can be trusted to go on."""


class Line:
    """One socket, from the attempt to open it until it is closed."""

    def __init__(
        self,
        dialect: Dialect,
        topics: Collection[Topic],
        demanded: Collection[Topic],
        owner: Owner,
        clock: Callable[[], Nanos],
        *,
        age_share: float = 1.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare a line on ``topics``; it is proven when all of ``demanded`` are.

        With nothing demanded it is proven by its first proven topic or data frame.
        """
        self.proven: set[Topic] = set()
        self.wants = ""
        """Why it should be replaced; empty: it should not."""
        loop = asyncio.get_running_loop()
        self.proof: asyncio.Future[None] = loop.create_future()
        self.proof.add_done_callback(_looked_at)
        self.proven_at: float | None = None
        self._loop = loop
        self._dialect = dialect
        self._limits = dialect.limits
        self._session: Session = dialect.session()
        self._topics = dict.fromkeys(topics)
        self._demanded = frozenset(demanded)
        self._owner = owner
        self._clock = clock
        self._tls = tls
        self._age_share = age_share
        self._pulse = Pulse(self._limits, loop.time(), age_share)
        self._held: list[bytes] | None = []
        self._held_bytes = 0
        self._unproven: set[Topic] = set()
        self._prove_until = 0.0
        self._socket: Socket | None = None
        self._outbox: Outbox | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    # --- what the owner does -------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and send the opening; raises as ``open_socket`` does, or when it ended at once.

        Topics that came or went while it connected are told right after the opening.
        """
        asked = list(self._topics)
        handshake = self._dialect.handshake(asked, self._clock())
        opened = await open_socket(handshake, self, self._clock, tls=self._tls)
        if self._closed:
            opened.close()
            if self.proof.done():
                self.proof.result()  # raises why
            raise Unreachable(f"{self._dialect.stream}: the socket ended as soon as it was open")
        self._socket = opened
        self._outbox = Outbox(opened.send, self._limits.sends_per_s)
        self._pulse = Pulse(self._limits, self._loop.time(), self._age_share)
        self.send(self._session.opening(asked))
        self._expect(asked)
        came = [topic for topic in self._topics if topic not in set(asked)]
        gone = [topic for topic in asked if topic not in self._topics]
        if came:
            self.send(self._session.subscribe(came))
            self._expect(came)
        if gone:
            self.send(self._session.unsubscribe(gone))
        self._tick()

    def subscribe(self, topics: Sequence[Topic]) -> None:
        """Add topics."""
        self._topics |= dict.fromkeys(topics)
        if self._socket is not None:
            self.send(self._session.subscribe(topics))
            self._expect(topics)

    def unsubscribe(self, topics: Sequence[Topic]) -> None:
        """Drop topics: they are neither proven nor demanded any more."""
        for topic in topics:
            self._topics.pop(topic, None)
        self.proven.difference_update(topics)
        self._unproven.difference_update(topics)
        self._demanded = self._demanded.difference(topics)
        if self._socket is not None:
            self.send(self._session.unsubscribe(topics))
            self._judge()

    def refresh(self, topics: Sequence[Topic]) -> bool:
        """Ask the venue to restate topics here; returns whether the channel can now."""
        if self._outbox is None or self._outbox.delay_s > _PATIENCE_S:
            return False
        frames = self._session.refresh(topics)
        self.send(frames)
        return bool(frames)

    def send(self, frames: Sequence[bytes]) -> None:
        """Send frames in order, no faster than the channel allows; none before it is open."""
        if self._outbox is not None:
            self._outbox.put(frames)

    def release(self) -> list[bytes]:
        """Return what was held; from now on the owner is told everything as it comes."""
        held, self._held = self._held or [], None
        return held

    @property
    def is_open(self) -> bool:
        """Whether the socket is open and its topics asked for."""
        return self._socket is not None and not self._closed

    def missing(self) -> list[Topic]:
        """Return the demanded topics that were not proven."""
        return [topic for topic in self._demanded if topic not in self.proven]

    def close(self) -> None:
        """Let go of the socket; nothing is told any more, and whoever waits for a proof fails."""
        if self._closed:
            return
        self._closed = True
        if not self.proof.done():
            self.proof.set_exception(Dropped(f"{self._dialect.stream}: not wanted any more"))
        self._held = []
        if self._timer is not None:
            self._timer.cancel()
        if self._outbox is not None:
            self._outbox.close()
        if self._socket is not None:
            self._socket.close()

    # --- what the socket tells -----------------------------------------------------------------

    def heard(self, recv_ns: Nanos, payload: bytes) -> None:
        """Take a message in.  An empty one says nothing, and means something else downstream."""
        now = self._loop.time()
        if not payload:
            self._pulse.sign(now)
            return
        said = self._session.hear(payload)
        if said.kind == "data":
            self._pulse.data(now)
            if self.wants == "quiet":
                self.wants = ""
        else:
            self._pulse.sign(now)
        if self._held is None:
            self._owner.took(self, recv_ns, payload)
        elif not self._hold(payload):
            return
        if self._unproven and not self._closed:
            self._prove(payload, now)
        if not self._closed and (said.kind != "control" or said.send):
            self._heed(said)

    def _heed(self, said: Heard) -> None:
        self.send(said.send)
        if said.kind == "data":
            self._judge(data=True)
        elif said.kind == "closing":
            self._owner.wanting(self, "closing")
        elif said.kind == "refused":
            self._owner.refused(said.detail)

    def pulsed(self) -> None:
        """Note that the other end lives."""
        self._pulse.sign(self._loop.time())

    def ended(self, reason: str) -> None:
        """Close, tell the owner, and end the wait for a proof."""
        if self._closed:
            return
        if not self.proof.done():
            self.proof.set_exception(TryLater(f"{self._dialect.stream}: {reason}"))
        self.close()
        self._owner.ended(self, reason)

    def failed(self, error: Exception) -> None:
        """Pass on what one of our own parts raised."""
        self.close()
        self._owner.failed(error)

    # --- within --------------------------------------------------------------------------------

    def _hold(self, payload: bytes) -> bool:
        """Keep a message; too many of them end the line."""
        assert self._held is not None
        self._held.append(payload)
        self._held_bytes += len(payload)
        if len(self._held) > HELD_FRAMES or self._held_bytes > HELD_BYTES:
            self.ended(f"not proven within {len(self._held)} messages")
            return False
        return True

    def _expect(self, topics: Collection[Topic]) -> None:
        self._unproven.update(topics)
        self._prove_until = self._loop.time() + self._limits.open_ms / 1_000

    def _prove(self, payload: bytes, now: float) -> None:
        if now > self._prove_until:
            self._unproven.clear()  # a topic without a state: reading every frame for it is over
            return
        proven = self._session.proven(payload)
        if proven:
            self.proven.update(topic for topic in proven if topic in self._topics)
            self._unproven.difference_update(proven)
            self._judge(data=True)

    def _judge(self, *, data: bool = False) -> None:
        if self.proof.done():
            return
        if self._demanded <= self.proven if self._demanded else data:
            self.proven_at = self._loop.time()
            self.proof.set_result(None)

    def _tick(self) -> None:
        """Do what the pulse needs, and look again when it may need the next."""
        now = self._loop.time()
        while not self._closed and (need := self._pulse.need(now)) is not None:
            if need == "silent":
                self.ended(f"no data for {self._limits.silence_ms} ms")
            elif need == "gone":
                self.ended("no sign of life, not even a pong")
            elif need == "aged":
                self._owner.wanting(self, "aged")
            elif need == "quiet":
                if not self.refresh(list(self._topics)):
                    self._owner.wanting(self, "quiet")
            elif need == "ping" and self._socket is not None:
                self._socket.ping()
            elif need == "keepalive":
                self._keep_alive()
        if not self._closed:
            self._timer = self._loop.call_at(self._pulse.next_at, self._tick)

    def _keep_alive(self) -> None:
        text = self._session.keepalive()
        if text is not None and self._outbox is not None:
            self._outbox.put_first(text)


def _looked_at(proof: asyncio.Future[None]) -> None:
    """Look at the outcome, which nobody may have waited for, so that asyncio does not complain."""
    if not proof.cancelled():
        proof.exception()
