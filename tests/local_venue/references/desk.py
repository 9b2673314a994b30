"""Prices, the servers that tell them, and a loop in which both the venue and its clients live."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
import msgspec

from tests.aio import JumpingLoop
from tests.local_venue.net.listening import MS, Ear, hand_world, pass_ms
from underround.local_venue.clock import RunningClock
from underround.local_venue.net.http_host import HttpHost
from underround.local_venue.net.socket_host import Door, SocketHost
from underround.local_venue.pump import pump
from underround.local_venue.references.allora_chain import AlloraChain
from underround.local_venue.references.allora_events import ChainEvents
from underround.local_venue.references.allora_rest import AlloraRest
from underround.local_venue.references.binance_market import SpotMarket
from underround.local_venue.references.binance_rest import BinanceRest
from underround.local_venue.references.binance_streams import SpotStreams
from underround.local_venue.references.polybolt import PolyboltDoor
from underround.local_venue.references.rtds import RtdsDoor
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_SECOND
from underround.model.units import Money, Nanos, usd
from underround.venues.allora.answers import EmissionsVersion

SECOND: Final = NANOS_PER_SECOND
BTC: Final = "btc/usd"


class Desk:
    """Every reference server of a world; a test serves those that it needs."""

    def __init__(self, world: World, version: EmissionsVersion = "v10") -> None:
        self.world = world
        self.spot = SpotMarket(world)
        self.streams = SpotStreams(world, self.spot)
        self.chain = AlloraChain(world, version)
        allora = AlloraRest(self.chain)
        self._http = {
            "binance": lambda: HttpHost("binance", world, BinanceRest(world, self.spot).routes()),
            "allora": lambda: HttpHost("allora", world, allora.routes()),
        }
        self._sockets: dict[str, dict[str, Door]] = {
            "binance": {"/ws": self.streams, "/ws/": self.streams, "/stream": self.streams},
            "polybolt": {"/ws": PolyboltDoor(world)},
            "rtds": {"/": RtdsDoor(world)},
            "allora": {"/websocket": ChainEvents(world, self.chain, allora)},
        }

    @asynccontextmanager
    async def http(self, name: str) -> AsyncIterator[str]:
        """Serve one HTTP host; returns its URL."""
        host = self._http[name]()
        url = await host.start()
        try:
            yield url
        finally:
            await host.stop()

    @asynccontextmanager
    async def socket(self, name: str) -> AsyncIterator[str]:
        """Serve one socket host; returns its URL."""
        host = SocketHost(self.world, self._sockets[name])
        url = await host.start()
        try:
            yield url
        finally:
            await host.stop()

    @asynccontextmanager
    async def ear(self, name: str, path: str) -> AsyncIterator[Ear]:
        """Serve one socket host to one client that does nothing by itself."""
        async with self.socket(name) as url, aiohttp.ClientSession() as session:
            yield Ear(await session.ws_connect(url + path))


class HandDesk(Desk):
    """A desk whose clock a test moves."""

    def __init__(self, seed: int = 0, version: EmissionsVersion = "v10") -> None:
        world, self.clock = hand_world(seed)
        super().__init__(world, version)

    @property
    def now(self) -> Nanos:
        return self.clock.now()

    def price(self, price: Money, symbol: str = BTC) -> None:
        """Let a symbol have a price from now on."""
        self.world.prices.tell(symbol, price, self.now)

    def wait_ms(self, ms: int) -> None:
        pass_ms(self.world, self.clock, ms)

    def walk(self, seconds: int, *, symbol: str = BTC, seed: int = 1, each_ms: int = 1_000) -> None:
        """Let a price wander once every ``each_ms``."""
        for price in wandering(seed, seconds * 1_000 // each_ms):
            self.price(price, symbol)
            self.wait_ms(each_ms)


def wandering(seed: int, count: int, begin: str = "64000") -> list[Money]:
    """Return prices that go up and down, now and then by much."""
    chance, price, found = random.Random(seed), usd(begin), []
    for _ in range(count):
        price += chance.randrange(-3_000_000, 3_000_001) * chance.choice((0, 1, 1, 12))
        found.append(max(usd("1"), price))
    return found


def drive(world: World, symbol: str, prices: Sequence[Money], each_ms: int) -> None:
    """Plan one price after the other, from now on."""
    begin = world.clock.now()
    for place, price in enumerate(prices):
        world.agenda.plan(begin + place * each_ms * MS, partial(world.prices.tell, symbol, price))


@asynccontextmanager
async def living(seed: int = 0, version: EmissionsVersion = "v10") -> AsyncIterator[Desk]:
    """Run a world by the clock of a loop that jumps (``tests.aio``), as its clients do."""
    loop = cast("JumpingLoop", asyncio.get_running_loop())
    clock = RunningClock(steady=loop.now_ns, wall=loop.now_ns)
    world = World(clock, seed=seed, settlement=TimedSettlement)
    desk = Desk(world, version)
    pumping = asyncio.ensure_future(pump(world, clock))
    try:
        yield desk
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)


# --- forms ---------------------------------------------------------------------------------------


def form(value: Any) -> Any:
    """Return what a JSON value is made of: the keys in order, and of what kind each value is.

    A list is as its first element; a decimal in text is told from other text.
    """
    if isinstance(value, dict):
        return {key: form(each) for key, each in value.items()}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    if isinstance(value, str):
        return "decimal" if _is_decimal(value) else "text"
    return type(value).__name__


def _is_decimal(text: str) -> bool:
    whole, point, rest = text.removeprefix("-").partition(".")
    return whole.isdecimal() and (rest.isdecimal() if point else True)


def sample(shared: Path, name: str) -> Any:
    """Return a captured payload."""
    return json.loads((shared / "venues/samples" / name).read_bytes())


def lines(shared: Path, name: str) -> list[Any]:
    """Return the captured payloads of a file with one in each line."""
    text = (shared / "venues/samples" / name).read_text()
    return [json.loads(line) for line in text.splitlines() if line]


async def heard(ear: Ear) -> Any:
    """Return the next message."""
    payload = await ear.next()
    assert payload is not None, "the connection ended"
    return msgspec.json.decode(payload)


async def say(ear: Ear, **fields: Any) -> None:
    await ear.say(msgspec.json.encode(fields).decode())
