"""A channel as simple as can be, its server, and what a pool delivered.

The client says ``open a b``, ``sub c``, ``unsub c``, ``fresh a`` and ``PING``; the server says
``state a 1`` (the whole of a), ``tick a 2``, ``PONG``, ``bye``, ``no <why>`` and ``say <text>``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec

from tests import aio
from tests.venues.wsserver import Client, WsServer, ws_server
from underround.venues.streams.backoff import BackoffRules
from underround.venues.streams.dialect import (
    CLOSING,
    CONTROL,
    DATA,
    ChannelLimits,
    Handshake,
    Heard,
    Topic,
)
from underround.venues.streams.pool import Pool

LIMITS = ChannelLimits(
    topics_per_socket=3, keepalive_ms=10_000, silence_ms=30_000, open_ms=5_000, sends_per_s=50
)


class ToySession:
    def __init__(self, *, restates: bool) -> None:
        self._restates = restates

    def opening(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        return (" ".join(["open", *topics]).encode(),)

    def subscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        return (" ".join(["sub", *topics]).encode(),)

    def unsubscribe(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        return (" ".join(["unsub", *topics]).encode(),)

    def refresh(self, topics: Sequence[Topic]) -> Sequence[bytes]:
        return (" ".join(["fresh", *topics]).encode(),) if self._restates else ()

    def keepalive(self) -> bytes:
        return b"PING"

    def hear(self, payload: bytes) -> Heard:
        word, _, rest = payload.partition(b" ")
        if word == b"bye":
            return CLOSING
        if word == b"no":
            return Heard("refused", detail=rest.decode())
        if word == b"say":
            return Heard("control", send=(rest,))
        return CONTROL if word == b"PONG" else DATA

    def proven(self, payload: bytes) -> Collection[Topic]:
        word, *rest = payload.decode().split()
        return rest[:1] if word == "state" else ()


class ToyDialect:
    stream = "toy.ticks"

    def __init__(self, url: str, limits: ChannelLimits = LIMITS, *, restates: bool = False) -> None:
        self.url = url
        self.limits = limits
        self._restates = restates

    def handshake(self, topics: Sequence[Topic], now: int) -> Handshake:
        return Handshake(self.url, (("Topics", ",".join(topics)), ("At", str(now))))

    def session(self) -> ToySession:
        return ToySession(restates=self._restates)


class ToyVenue(WsServer):
    """Answers each subscription with the state of its topics, unless told not to."""

    def __init__(self) -> None:
        super().__init__()
        self.mute: set[str] = set()
        """Topics that are never stated."""
        self.pongs = True
        self.number = 0
        self.on_message = self.answer

    def answer(self, client: Client, payload: bytes) -> None:
        word, *topics = payload.decode().split()
        if word in {"open", "sub", "fresh"}:
            self.state(client, *topics)
        elif word == "PING" and self.pongs:
            client.send(b"PONG")

    def state(self, client: Client, *topics: str) -> None:
        for topic in topics:
            if topic not in self.mute:
                self.number += 1
                client.send(f"state {topic} {self.number}".encode())

    def tick(self, topic: str) -> None:
        """Say something new to everybody."""
        self.number += 1
        for client in self.open_clients:
            client.send(f"tick {topic} {self.number}".encode())


class Got(NamedTuple):
    stream: str
    connection: int
    recv_ns: int
    payload: bytes


class Ran:
    """A pool that runs, with everything it delivered."""

    def __init__(self, venue: ToyVenue, dialect: ToyDialect, sockets: int, seed: int) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self.venue = venue
        self.loop = loop
        self.got: list[Got] = []
        self.raises: Exception | None = None
        self.pool = Pool(
            dialect, self._deliver, loop.now_ns, random.Random(seed), sockets=sockets,
            backoff=BackoffRules(),
        )  # fmt: skip
        self.task: asyncio.Task[None] | None = None

    def _deliver(self, stream: str, connection: int, recv_ns: int, payload: bytes) -> None:
        if self.raises is not None:
            raise self.raises
        self.got.append(Got(stream, connection, recv_ns, payload))

    def said(self, connection: int | None = None, stream: str = "toy.ticks") -> list[str]:
        """Return the payloads of a connection (or all), without pongs."""
        return [
            each.payload.decode()
            for each in self.got
            if each.stream == stream
            and connection in {None, each.connection}
            and each.payload != b"PONG"
        ]

    @property
    def status(self) -> msgspec.Struct:
        """The first slot's counters."""
        return self.pool.status()[0]


@asynccontextmanager
async def running(
    *topics: str,
    limits: ChannelLimits = LIMITS,
    restates: bool = False,
    sockets: int = 3,
    venue: ToyVenue | None = None,
    seed: int = 1,
) -> AsyncIterator[Ran]:
    """Run a pool against a toy venue."""
    async with ws_server(venue or ToyVenue()) as server:
        assert isinstance(server, ToyVenue)
        ran = Ran(server, ToyDialect(server.url, limits, restates=restates), sockets, seed)
        ran.pool.subscribe([[topic] for topic in topics])
        ran.task = asyncio.ensure_future(ran.pool.run())
        try:
            yield ran
        finally:
            ran.task.cancel()
            await asyncio.gather(ran.task, return_exceptions=True)
