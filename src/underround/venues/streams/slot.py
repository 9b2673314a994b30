"""One socket's place in a pool: which line delivers, which one is about to take over.

A slot is one stream.  Each line that delivers is a connection with the next number, and so is the
state of having none (``venues.delivery``).

A line that still lives is replaced with overlap.  The standby opens and subscribes while the old
line delivers; what it hears is held until it has proven every topic that the old one had proven.
Then, between two messages, the old line is closed and the held frames are delivered in order as the
next connection.  Their ``recv_ns`` is the time of the hand-over, because the old line delivered
later frames meanwhile and the time within a recording never goes back.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence

import msgspec

from underround.model.errors import AccountError, TryLater, UnderroundError, Unreachable
from underround.model.units import Nanos
from underround.venues.streams.backoff import Backoff, BackoffRules
from underround.venues.streams.delivery import Deliver, Delivery
from underround.venues.streams.demands import Demands
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.streams.line import Dropped, Line
from underround.venues.streams.status import SlotStatus


class Slot:
    """Keeps one stream's socket open; ``Line`` tells it what happens (``line.Owner``)."""

    def __init__(
        self,
        stream: str,
        dialect: Dialect,
        deliver: Deliver,
        clock: Callable[[], Nanos],
        rng: random.Random,
        rules: BackoffRules,
        *,
        opening: asyncio.Semaphore,
        fail: Callable[[Exception], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.stream = stream
        self.topics: dict[Topic, None] = {}
        self._status = SlotStatus(stream=stream, handovers={}, lost={})
        self._dialect = dialect
        self._delivery = Delivery(stream, deliver, clock, fail)
        self._clock = clock
        self._rng = rng
        self._backoff = Backoff(rules, rng)
        self._opening = opening
        self._fail = fail
        self._tls = tls
        self._active: Line | None = None
        self._standby: Line | None = None
        self._demands = Demands()
        self._due = asyncio.Event()

    # --- what the pool does --------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a line open while there are topics; ends only by being cancelled."""
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                if not self._wanted():
                    continue
                pause = self._backoff.not_before - self._now()
                if pause > 0:
                    await self._wait(pause)
                    self._due.set()
                    continue
                try:
                    await self._attempt()
                except Dropped:
                    self._due.set()
                except (TryLater, AccountError) as error:
                    self._note_failure(error)
        finally:
            for line in self._lines:
                line.close()
            self._active = self._standby = None

    def subscribe(self, topics: Sequence[Topic]) -> None:
        """Add topics, on the lines that are open or opening."""
        self.topics |= dict.fromkeys(topics)
        for line in self._lines:
            line.subscribe(topics)
        if self._active is None:
            self._due.set()

    def unsubscribe(self, topics: Sequence[Topic]) -> None:
        """Drop topics; without any the sockets close, and what they fed is told to be over."""
        self.topics = {topic: None for topic in self.topics if topic not in topics}
        self._demands.met(topics)
        for line in self._lines:
            if self.topics:
                line.unsubscribe(topics)
            else:  # by our own will: no loss, and no reason to wait with the next one
                line.close()
        if self._active is not None and not self.topics:
            self._active = None
            self._delivery.lost()

    def refresh(self, topics: Sequence[Topic]) -> bool:
        """Ask for topics to be restated on the line that delivers; returns whether it can be."""
        return self._active is not None and self._active.refresh(topics)

    def replace(self, reason: str) -> bool:
        """Ask for another socket, with overlap; returns whether one is now on its way.

        Not before the present one has had its time to prove itself.
        """
        active = self._active
        if active is None:
            return bool(self.topics)
        age = active.proven_at
        young = age is None or self._now() - age < self._dialect.limits.open_ms / 1_000
        if young and not active.wants:
            return False
        self.wanting(active, reason)
        return True

    def renew(self) -> None:
        """Begin the next connection on the same socket: what was known before does not count."""
        if self.connection >= 0:
            self._delivery.renew()

    @property
    def connection(self) -> int:
        """The number of the present connection; -1 before the first."""
        return self._delivery.connection

    @property
    def streaming(self) -> bool:
        """Whether a line delivers."""
        return self._active is not None

    def status(self) -> SlotStatus:
        """Return the counters as they are now."""
        active = self._active
        return msgspec.structs.replace(
            self._status,
            topics=len(self.topics),
            proven=0 if active is None else len(active.proven),
            connection=self.connection,
            connected=active is not None,
        )

    # --- what the lines tell -------------------------------------------------------------------

    def took(self, line: Line, recv_ns: Nanos, payload: bytes) -> None:
        """Deliver what the active line heard."""
        if line is self._active:
            self._delivery.frame(recv_ns, payload)

    def wanting(self, line: Line, reason: str) -> None:
        """Replace a line that still lives; a standby that is cut already was none."""
        if line is self._active:
            if not line.wants:
                self._backoff.settled(line.proven_at, self._now())
                line.wants = reason
            self._due.set()
        elif line is self._standby:
            line.ended(reason)

    def ended(self, line: Line, reason: str) -> None:
        """Note the death of a line."""
        if line is self._active:
            self._lose(line, reason)

    def refused(self, detail: str) -> None:
        """Count a refusal; what it was about stays unproven and is reported as such."""
        self._status.refusals += 1
        self._status.last_refusal = detail

    def failed(self, error: Exception) -> None:
        """Give up: something of ours raised."""
        self._fail(error)

    # --- opening -------------------------------------------------------------------------------

    def _wanted(self) -> bool:
        return bool(self.topics) and (self._active is None or bool(self._active.wants))

    async def _wait(self, seconds: float) -> None:
        """Wait out a pause; a loss of a settled line, which is due at once, ends it."""
        try:
            async with asyncio.timeout(seconds):
                await self._due.wait()
        except TimeoutError:
            return

    async def _attempt(self) -> None:
        """Open a line and make it the active one; raises if it does not prove itself in time."""
        self._status.attempts += 1
        line = Line(
            self._dialect,
            list(self.topics),
            [] if self._active is None else self._demands.of(self._active.proven),
            self,
            self._clock,
            age_share=self._rng.uniform(0.95, 1.0),  # so that not all sockets age at once
            tls=self._tls,
        )
        self._standby = line
        try:
            await self._open_and_prove(line)
        except BaseException:  # a cancelled wait too must not leave the line open
            if self._standby is line:
                self._standby = None
            if line is not self._active:
                line.close()
            raise
        self._demands.met(line.proven)
        if self._standby is line:
            self._standby = None
            if not line.is_open:
                raise TryLater(f"{self.stream}: the new socket ended as soon as it was proven")
            self._hand_over(line)

    async def _open_and_prove(self, line: Line) -> None:
        try:
            async with asyncio.timeout(None) as limit:
                async with self._opening:
                    limit.reschedule(self._now() + self._dialect.limits.open_ms / 1_000)
                    await line.open()
                if self._active is None:
                    self._adopt(line)
                await line.proof
        except TimeoutError:
            self._late(line)

    def _late(self, line: Line) -> None:
        """Judge a line that is not proven in time: a sole one may stay if it said anything."""
        place = f"{self.stream}: not proven within {self._dialect.limits.open_ms} ms"
        if line is self._active and line.proven:
            line.proven_at = self._now()  # it took over from a dead one, and some of it is better
            return
        missing = line.missing()
        self._demands.missed(missing)
        if line is self._active:
            self._lose(line, "nothing proven in time")
        said = f"; the venue said: {self._status.last_refusal}" if self._status.refusals else ""
        raise Unreachable(f"{place} ({len(missing)} topics missing){said}")

    def _note_failure(self, error: UnderroundError) -> None:
        if not self.topics:
            return
        self._status.failures += 1
        self._status.last_failure = str(error)
        self._backoff.failed(self._now(), error)
        self._due.set()

    # --- delivering ----------------------------------------------------------------------------

    def _adopt(self, line: Line) -> None:
        """Let a line deliver, beginning with what it held."""
        self._active = line
        if self._standby is line:
            self._standby = None
        held = line.release()
        self._status.held_peak = max(self._status.held_peak, len(held))
        self._delivery.adopt(held)

    def _hand_over(self, line: Line) -> None:
        old = self._active
        if old is not None:
            reason = old.wants or "quiet"
            self._status.handovers[reason] = self._status.handovers.get(reason, 0) + 1
            self._active = None
            old.close()
        self._adopt(line)

    def _lose(self, line: Line, reason: str) -> None:
        """The active line is dead: end the trust it carried, then take the standby or open one."""
        line.close()
        self._active = None
        self._status.lost[reason] = self._status.lost.get(reason, 0) + 1
        now = self._now()
        if not self._backoff.settled(line.proven_at, now) and line.proven_at is not None:
            # It proved itself and broke at once; one that never did fails in its own attempt.
            self._backoff.failed(now)
        self._delivery.lost()
        standby = self._standby
        if standby is not None and standby.is_open:
            self._adopt(standby)
        self._due.set()

    @property
    def _lines(self) -> list[Line]:
        return [line for line in (self._active, self._standby) if line is not None]

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
