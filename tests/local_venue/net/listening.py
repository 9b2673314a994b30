"""A client that hears everything, and a channel that says what it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from underround.local_venue.clock import HandClock
from underround.local_venue.faults import AnyFault, Stream
from underround.local_venue.net.socket_host import Door, Peer, SocketHost, Turned
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World

START_NS = 1_790_000_000_000_000_000
WAIT_S = 20.0
MS = 1_000_000


def hand_world(seed: int = 0) -> tuple[World, HandClock]:
    """Return a world whose clock stands still until it is moved."""
    clock = HandClock(START_NS)
    return World(clock, seed=seed, settlement=TimedSettlement), clock


def pass_ms(world: World, clock: HandClock, ms: int) -> None:
    """Let time pass, and happen what is due."""
    clock.move_to(clock.now() + ms * MS)
    world.act()


def afflict(world: World, fault: AnyFault) -> None:
    """Set a fault now."""
    world.faults.set(fault, world.clock.now())


class Ear:
    """One client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, text: str) -> None:
        await self.socket.send_str(text)

    async def next(self) -> bytes | None:
        """Return the next message; ``None``: the connection is over."""
        message = await asyncio.wait_for(self.socket.receive(), WAIT_S)
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        return None

    async def until(self, last: bytes) -> list[bytes]:
        """Return what comes before ``last``."""
        heard: list[bytes] = []
        while (payload := await self.next()) != last:
            assert payload is not None, f"the connection ended after {heard}"
            heard.append(payload)
        return heard

    async def heard(self) -> list[bytes]:
        """Return everything that was sent until now: what comes before the answer to a ping."""
        await self.say("PING")
        return await self.until(b"PONG")

    async def over(self) -> list[bytes]:
        """Return what came before the connection ended."""
        heard: list[bytes] = []
        while (payload := await self.next()) is not None:
            heard.append(payload)
        return heard


class Parrot(Peer):
    """Answers PING by PONG, as keep-alives are; says everything else back."""

    def __init__(self, door: ParrotDoor) -> None:
        self._door = door
        self.messages: list[bytes] = []
        self.pongs: list[bytes] = []

    def opened(self) -> None:
        self._door.peers.append(self)

    def heard(self, payload: bytes) -> None:
        if payload == b"PING":
            self.answer(b"PONG")
            return
        self.messages.append(payload)
        self.send(payload)

    def ponged(self, payload: bytes) -> None:
        self.pongs.append(payload)

    def gone(self) -> None:
        self._door.left += 1


class ParrotDoor:
    """Lets in whoever does not say ``wrong`` in the header ``key``."""

    def __init__(self, stream: Stream = "polymarket.market") -> None:
        self.stream: Stream = stream
        self.peers: list[Parrot] = []
        self.left = 0
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def admit(self, path: str, headers: Mapping[str, str]) -> Peer | Turned:
        self.asked.append((path, headers))
        if headers.get("key") == "wrong":
            return Turned(401, {"error": {"code": "authentication_error"}})
        return Parrot(self)


@asynccontextmanager
async def serving(host: SocketHost) -> AsyncIterator[str]:
    """Serve; returns the base URL."""
    url = await host.start()
    try:
        yield url
    finally:
        await host.stop()


@asynccontextmanager
async def parrots(world: World, count: int = 1, **options: int) -> AsyncIterator[
    tuple[ParrotDoor, list[Ear]]
]:  # fmt: skip
    """Serve a parrot to ``count`` clients, all connected."""
    door = ParrotDoor()
    host = SocketHost(world, {"/ws": door}, **options)
    async with serving(host) as url, aiohttp.ClientSession() as session:
        ears = [Ear(await session.ws_connect(url + "/ws")) for _ in range(count)]
        for ear in ears:
            assert await ear.heard() == []
        yield door, ears


def is_door(door: Door) -> Door:
    """Let the type checker compare a channel with the protocol."""
    return door
