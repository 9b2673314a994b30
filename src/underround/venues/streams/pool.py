"""The sockets of one channel: topics spread over slots, each slot kept alive by itself.

Topics that feed one book have to share a socket, so they come as groups.  A slot is a stream of its
own (``polymarket.market``, ``polymarket.market.1`` …): the number of a connection means nothing
across sockets.  The streams exist from the beginning, used or not, so that a recording can declare
them.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from underround.model.errors import ConfigError
from underround.model.units import Nanos
from underround.venues.streams.backoff import BackoffRules
from underround.venues.streams.delivery import Deliver
from underround.venues.streams.dialect import Dialect, Topic
from underround.venues.streams.slot import Slot
from underround.venues.streams.status import SlotStatus

OPENING_AT_ONCE: Final = 4
"""Handshakes under way at a time: venues count new connections per address."""


def stream_name(stream: str, place: int) -> str:
    """Return the stream of a slot: the channel's own name for the first, numbered after it."""
    return f"{stream}.{place}" if place else stream


class Pool:
    """Every socket of one channel.

    ``deliver(stream, connection, recv_ns, payload)`` is called for each frame, on the loop's
    thread, in order; an empty payload opens a connection without a socket (``venues.delivery``).
    ``clock`` tells Unix nanoseconds; ``rng`` jitters pauses and ages.
    """

    def __init__(
        self,
        dialect: Dialect,
        deliver: Deliver,
        clock: Callable[[], Nanos],
        rng: random.Random,
        *,
        sockets: int = 10,
        backoff: BackoffRules | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.dialect = dialect
        self._failure: asyncio.Future[None] | None = None
        self._failed: Exception | None = None
        opening = asyncio.Semaphore(OPENING_AT_ONCE)
        rules = backoff or BackoffRules()
        self._slots = [
            Slot(
                stream_name(dialect.stream, place),
                dialect,
                deliver,
                clock,
                rng,
                rules,
                opening=opening,
                fail=self._fail,
                tls=tls,
            )
            for place in range(sockets)
        ]
        self._by_stream = {slot.stream: slot for slot in self._slots}
        self._by_topic: dict[Topic, Slot] = {}

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams of all slots, used or not."""
        return tuple(self._by_stream)

    async def run(self) -> None:
        """Keep the sockets open until cancelled; raises what ``deliver`` raised.

        Nothing stays open afterwards.
        """
        self._failure = asyncio.get_running_loop().create_future()
        if self._failed is not None:
            self._failure.set_exception(self._failed)
        tasks = [asyncio.ensure_future(slot.run()) for slot in self._slots]
        try:
            done, _ = await asyncio.wait(
                [self._failure, *tasks], return_when=asyncio.FIRST_COMPLETED
            )
            for each in done:
                each.result()
        finally:
            self._failure.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def subscribe(self, groups: Iterable[Sequence[Topic]]) -> None:
        """Follow groups of topics; the topics of a group share a socket.

        Topics that are followed already change nothing.  Raises ``ConfigError``, and follows none,
        when the sockets have no room for all of them.
        """
        most = self.dialect.limits.topics_per_socket
        room = {slot: most - len(slot.topics) for slot in self._slots}
        placed: dict[Topic, Slot] = {}
        for group in groups:
            homes = {topic: self._by_topic.get(topic) or placed.get(topic) for topic in group}
            new = [topic for topic, home in homes.items() if home is None]
            slot = next((home for home in homes.values() if home is not None), None)
            slot = slot or next((each for each, free in room.items() if free >= len(new)), None)
            if slot is None or room[slot] < len(new):
                raise ConfigError(
                    f"{self.dialect.stream}: {len(self._slots)} sockets of {most} topics have no "
                    "room left: follow fewer markets"
                )
            placed |= dict.fromkeys(new, slot)
            room[slot] -= len(new)
        self._by_topic |= placed
        fresh: dict[Slot, list[Topic]] = {}
        for topic, slot in placed.items():
            fresh.setdefault(slot, []).append(topic)
        for slot, topics in fresh.items():
            slot.subscribe(topics)

    def unsubscribe(self, topics: Iterable[Topic]) -> None:
        """Drop topics; a slot without any closes its socket."""
        for slot, named in self._by_slot(topics).items():
            for topic in named:
                del self._by_topic[topic]
            slot.unsubscribe(named)

    def refresh(self, topics: Iterable[Topic]) -> bool:
        """Ask the venue to restate topics; returns whether every one was asked for.

        ``False`` where the channel cannot restate or the slot has no socket now.
        """
        asked = [slot.refresh(named) for slot, named in self._by_slot(topics).items()]
        return bool(asked) and all(asked)

    def suspect(self, stream: str) -> bool:
        """Replace the socket of a stream whose books keep failing, with overlap.

        Returns whether a new one is on its way; a socket that is still proving itself is left.
        """
        return self._by_stream[stream].replace("suspect")

    def renew(self, stream: str) -> None:
        """Begin the stream's next connection on the socket it has: its books start anew."""
        self._by_stream[stream].renew()

    def restate(self, stream: str) -> None:
        """Have everything of a stream stated again: on its socket if possible, else on another."""
        slot = self._by_stream[stream]
        if slot.topics and not slot.refresh(list(slot.topics)):
            slot.replace("restated")

    def stream_of(self, topic: Topic) -> str | None:
        """Return the stream that carries a topic; ``None`` if it is not followed."""
        slot = self._by_topic.get(topic)
        return None if slot is None else slot.stream

    def streaming(self, stream: str) -> bool:
        """Return whether a socket delivers this stream now."""
        return self._by_stream[stream].streaming

    def status(self) -> tuple[SlotStatus, ...]:
        """Return what happened on each slot that was ever used."""
        return tuple(slot.status() for slot in self._slots if slot.topics or slot.connection >= 0)

    def _by_slot(self, topics: Iterable[Topic]) -> dict[Slot, list[Topic]]:
        found: dict[Slot, list[Topic]] = {}
        for topic in dict.fromkeys(topics):
            slot = self._by_topic.get(topic)
            if slot is not None:
                found.setdefault(slot, []).append(topic)
        return found

    def _fail(self, error: Exception) -> None:
        """Keep the first failure for ``run``."""
        if self._failed is None:
            self._failed = error
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(error)
