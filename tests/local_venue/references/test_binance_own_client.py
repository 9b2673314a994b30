"""Our sockets, codec and depth book against the local Binance, through faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests import aio
from tests.local_venue.net.listening import afflict
from tests.local_venue.references.desk import BTC, SECOND, Desk, drive, living, wandering
from tests.venues.wsserver import until
from underround.local_venue.faults import (
    AnyFault,
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Freeze,
    Lose,
    Reorder,
)
from underround.local_venue.references.binance_market import Pair
from underround.model.errors import FrameRefused
from underround.model.events import ReferenceTick
from underround.model.signals import CandleClosed, DepthChanged
from underround.venues.binance.codec import BinanceSignal, BinanceSignalDecoder
from underround.venues.binance.depth import DepthBook
from underround.venues.binance.limits import LIMITS
from underround.venues.binance.rest import BinanceRest
from underround.venues.binance.stream import BinanceDialect
from underround.venues.streams.pool import Pool
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

TRADES, DEPTH, CANDLES = "btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@kline_1s"


class Follower:
    """Our pool, and a depth book that asks for its snapshot when it needs one."""

    def __init__(self, desk: Desk, url: str, rest: BinanceRest, *, microseconds: bool) -> None:
        self.desk = desk
        self.rest = rest
        self.book = DepthBook("binance:BTCUSDT")
        self.events: list[BinanceSignal] = []
        self.refused = 0
        self.connections: list[int] = []
        self.decoder = BinanceSignalDecoder()
        dialect = BinanceDialect(url, microseconds=microseconds)
        self.pool = Pool(dialect, self._deliver, desk.world.clock.now, random.Random(1), sockets=1)
        self._asking: asyncio.Task[None] | None = None

    @property
    def pair(self) -> Pair:
        return self.desk.spot.pairs["BTCUSDT"]

    def _deliver(self, _stream: str, connection: int, _recv_ns: int, payload: bytes) -> None:
        if connection not in self.connections:
            self.connections.append(connection)
            self.book.restart()
        try:
            events = self.decoder.decode(payload)
        except FrameRefused:
            self.refused += 1
            return
        self.events += events
        for event in events:
            if isinstance(event, DepthChanged):
                self.book.note(event)
        if self.book.needs_snapshot and self._asking is None:
            self._asking = asyncio.ensure_future(self._ask())

    async def _ask(self) -> None:
        while self.book.needs_snapshot:
            self.book.state(await self.rest.depth("BTCUSDT"))
        self._asking = None

    def is_the_venues(self) -> bool:
        """Whether the book is the venue's, level by level."""
        bids, asks = self.pair.levels(100)
        return (
            self.book.last_id == self.pair.update_id
            and self.book.bids(100) == tuple((price * 100, size * 100) for price, size in bids)
            and self.book.asks(100) == tuple((price * 100, size * 100) for price, size in asks)
        )


@asynccontextmanager
async def following(
    *topics: str, microseconds: bool = False, count: int = 1_200, each_ms: int = 50
) -> AsyncIterator[Follower]:
    """Follow BTC while it is traded ``count`` times."""
    async with (
        living() as desk,
        desk.socket("binance") as url,
        desk.http("binance") as http_url,
        HttpClient(http_url, timeout_ms=20_000, max_body_bytes=4 << 20) as http,
    ):
        drive(desk.world, BTC, wandering(2, count), each_ms)
        desk.world.act()
        clock = desk.world.clock.now
        rest = BinanceRest(http, RateBudget(LIMITS, clock, asyncio.sleep), clock)
        follower = Follower(desk, url, rest, microseconds=microseconds)
        follower.pool.subscribe([topics])
        running = asyncio.ensure_future(follower.pool.run())
        try:
            yield follower
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def follow(
    story: Callable[[Follower], Awaitable[None]], *topics: str, microseconds: bool = False
) -> None:
    async def main() -> None:
        async with following(*topics, microseconds=microseconds) as follower:
            await story(follower)

    aio.run(main())


@pytest.mark.parametrize("microseconds", [False, True])
def test_every_trade_and_every_candle_arrives_once_with_its_time(microseconds: bool) -> None:
    async def story(follower: Follower) -> None:
        await until(lambda: len(follower.pair.tape) == 1_200)
        await asyncio.sleep(2)
        made = {each.at_ns: each.price for each in follower.pair.tape.latest(5_000)}
        ticks = [each for each in follower.events if isinstance(each, ReferenceTick)]
        assert len(ticks) > 1_150
        assert [tick.at_ns for tick in ticks] == list(made)[-len(ticks) :]
        assert [tick.price for tick in ticks] == list(made.values())[-len(ticks) :]
        candles = [each for each in follower.events if isinstance(each, CandleClosed)]
        assert len(candles) > 55
        opens = [candle.opens_ns for candle in candles]
        assert opens == list(range(opens[0], opens[0] + len(opens) * SECOND, SECOND))
        for candle in candles:
            inside = [price for at, price in made.items() if candle.opens_ns <= at < candle.ends_ns]
            assert candle.trades == len(inside)
            if inside:
                assert (candle.open, candle.close) == (inside[0], inside[-1])
                assert (candle.high, candle.low) == (max(inside), min(inside))

    follow(story, TRADES, CANDLES, microseconds=microseconds)


def test_the_depth_book_is_the_venues_without_a_gap() -> None:
    async def story(follower: Follower) -> None:
        await until(lambda: len(follower.pair.tape) == 1_200)
        await until(follower.is_the_venues)
        assert follower.book.gaps == 0
        assert follower.connections == [0]
        assert follower.refused == 0

    follow(story, DEPTH)


@pytest.mark.parametrize(
    "fault",
    [
        Drop(stream="binance.ws", count=1),
        Lose(stream="binance.ws", per_mille=100, for_ms=20_000),
        Duplicate(stream="binance.ws", per_mille=200, for_ms=20_000),
        Reorder(stream="binance.ws", per_mille=100, for_ms=20_000),
        Delay(stream="binance.ws", ms=700, for_ms=20_000),
        Freeze(stream="binance.ws", for_ms=25_000),
        Corrupt(stream="binance.ws", per_mille=50, for_ms=20_000),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_through_a_fault_the_depth_book_becomes_the_venues_again(fault: AnyFault) -> None:
    async def story(follower: Follower) -> None:
        await until(lambda: follower.book.last_id is not None)
        afflict(follower.desk.world, fault)
        await until(lambda: len(follower.pair.tape) == 1_200)
        if isinstance(fault, Corrupt):
            assert follower.refused  # a changed digit of a quantity is nothing a book can notice
            await until(lambda: follower.book.last_id == follower.pair.update_id)
            return
        await until(follower.is_the_venues)
        if isinstance(fault, Lose | Reorder):
            assert follower.book.gaps
        if isinstance(fault, Drop):
            assert len(follower.connections) >= 2
        if isinstance(fault, Freeze):  # silence of the companion too: the link is given up
            assert follower.connections[-1] >= 1
        if isinstance(fault, Duplicate | Delay):
            assert (follower.book.gaps, follower.connections) == (0, [0])

    follow(story, DEPTH)


def test_a_quiet_topic_is_proven_by_the_companion_and_the_list() -> None:
    async def story(follower: Follower) -> None:
        await until(lambda: follower.pool.status()[0].proven == 2)
        assert follower.pool.status()[0].refusals == 0

    follow(story, TRADES, "solusdt@trade")


def test_a_socket_stays_through_many_pings() -> None:
    async def main() -> None:
        async with following(TRADES, count=180, each_ms=5_000) as follower:
            await until(lambda: len(follower.pair.tape) == 180, at_most_s=1_000)
            assert follower.connections == [0]
            status = follower.pool.status()[0]
            assert (status.lost, status.failures) == ({}, 0)

    aio.run(main())
