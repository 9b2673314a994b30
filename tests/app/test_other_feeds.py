"""Channels without books through the feeds: Binance's prices, our own account, a day's age."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import msgspec
import pytest
import uvloop

from tests import aio
from tests.app.livebench import LIMITS, live
from tests.market.builders import make_hub
from tests.venues.toychannel import ToyDialect, ToyVenue
from tests.venues.wsserver import Client, WsServer, until, ws_server
from underround.app.live.channels import Channel, feeds_of
from underround.app.live.feeds import Feeds
from underround.market.trust import BookRules
from underround.model.ids import Venue
from underround.venues.binance.codec import BinanceDecoder
from underround.venues.binance.stream import BinanceDialect
from underround.venues.codec import Decoder
from underround.venues.polymarket.sign import L2Credentials
from underround.venues.polymarket.stream import ACCOUNT, UserDialect
from underround.venues.streams.dialect import Dialect
from underround.venues.streams.pool import Pool

DAY_S = 86_400.0


class Run:
    """Feeds on one channel without books, and what they recorded."""

    def __init__(self, dialect: Dialect, decoder: Decoder | None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, aio.JumpingLoop)
        self.loop = loop
        self.recorded: list[tuple[str, int, int, bytes]] = []
        channel = Channel(
            venue=Venue("any"), dialect=dialect, decoder=decoder, codec="binance", proof="none",
            sockets=1,
        )  # fmt: skip
        self.hub = make_hub(feeds_of([channel], BookRules()), [])
        self.feeds = Feeds(
            self.hub, [channel], lambda *frame: self.recorded.append(frame), loop.now_ns,
            random.Random(1),
        )  # fmt: skip

    @property
    def handovers(self) -> dict[str, int]:
        return self.feeds.slots()[0].handovers

    @property
    def lost(self) -> dict[str, int]:
        return self.feeds.slots()[0].lost


@asynccontextmanager
async def feeding(
    dialect: Dialect, *topics: str, decoder: Decoder | None = None
) -> AsyncIterator[Run]:
    run = Run(dialect, decoder)
    run.feeds.subscribe(dialect.stream, topics)
    running = asyncio.ensure_future(run.feeds.run())
    try:
        yield run
        if running.done():
            running.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# --- Binance -------------------------------------------------------------------------------------


class BinanceVenue(WsServer):
    """Sends the companion each second to everybody, and trades to who asked for them."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: dict[Client, list[str]] = {}
        self.on_message = self.answer
        self.number = 0
        self.beat_s = 1.0

    def answer(self, client: Client, payload: bytes) -> None:
        said = msgspec.json.decode(payload)
        mine = self.topics.setdefault(client, [])
        result = mine if said["method"] == "LIST_SUBSCRIPTIONS" else None
        if said["method"] == "SUBSCRIBE":
            mine += said["params"]
        client.send(msgspec.json.encode({"result": result, "id": said["id"]}))

    def trade(self) -> None:
        self.number += 1
        data = {
            "e": "aggTrade", "E": 1_770_000_000_000, "s": "ETHUSDT", "a": self.number,
            "p": f"{2_000 + self.number}.00000000", "q": "1", "f": 1, "l": 1,
            "T": 1_770_000_000_000, "m": True, "M": True,
        }  # fmt: skip
        for client in self.open_clients:
            if "ethusdt@aggTrade" in self.topics.get(client, ()):
                told = {"stream": "ethusdt@aggTrade", "data": data}
                client.send(msgspec.json.encode(told))

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(self.beat_s)
            for client in self.open_clients:
                client.send(b'{"stream":"btcusdt@miniTicker","data":{"e":"24hrMiniTicker"}}')


@asynccontextmanager
async def binance() -> AsyncIterator[tuple[BinanceVenue, Run]]:
    async with ws_server(BinanceVenue()) as venue:
        assert isinstance(venue, BinanceVenue)
        beating = asyncio.ensure_future(venue.beat())
        dialect = BinanceDialect(venue.url)
        try:
            async with feeding(dialect, "ethusdt@aggTrade", decoder=BinanceDecoder({})) as run:
                await venue.arrival(1)
                await until(lambda: venue.topics)
                yield venue, run
        finally:
            beating.cancel()


@pytest.mark.parametrize(
    "notice",
    [b'{"e":"serverShutdown","E":1770123456789}',
     b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}'],
    ids=["raw", "combined"],
)  # fmt: skip
def test_binance_announces_its_shutdown_and_no_trade_is_lost_over_it(notice: bytes) -> None:
    async def main() -> None:
        async with binance() as (venue, run):
            old = venue.last
            assert old.path.endswith("/stream?streams=btcusdt@miniTicker")
            venue.trade()
            await until(lambda: run.hub.references)
            await asyncio.sleep(2)
            old.send(notice)
            for _ in range(20):
                venue.trade()
                await asyncio.sleep(0.5)
            await until(lambda: old.closed)
            assert run.handovers == {"closing": 1}
            assert not run.lost
            told = [msgspec.json.decode(payload) for *_, payload in run.recorded if payload]
            numbers = {each["data"]["a"] for each in told if each.get("stream", "")[:3] == "eth"}
            assert numbers == set(range(1, 22))
            assert b"" not in {payload for *_, payload in run.recorded}
            assert run.hub.references["binance:ETHUSDT"].price == 2_021_000_000

    aio.run(main())


def test_a_binance_socket_is_replaced_before_its_day_is_over_and_a_quiet_symbol_is_no_fault() -> (
    None
):
    async def main() -> None:
        async with binance() as (venue, run):
            venue.beat_s = 4.0  # a day is long
            began = run.loop.time()
            await venue.arrival(2)
            assert 23 * 0.95 * 3_600 <= run.loop.time() - began <= 23 * 3_600 + 1
            await until(lambda: venue.clients[0].closed, at_most_s=30)
            assert run.handovers == {"aged": 1}
            assert not run.lost

    aio.run(main())


def test_a_binance_socket_without_a_beat_is_dead_within_its_silence() -> None:
    async def main() -> None:
        async with binance() as (venue, run):
            await asyncio.sleep(20)
            venue.last.frozen = True
            frozen_at = run.loop.time()
            await venue.arrival(2)
            # It is quiet after half the silence, and the standby is heard with its first beat.
            assert run.loop.time() - frozen_at <= 10
            await until(lambda: venue.clients[0].closed, at_most_s=10)

    aio.run(main())


# --- our own account -----------------------------------------------------------------------------


class _Held:
    def __init__(self, text: str) -> None:
        self.name = text
        self._text = text.encode()

    @contextmanager
    def reveal(self) -> Iterator[memoryview]:
        yield memoryview(self._text)


def test_an_account_in_which_nothing_happens_for_a_day_keeps_its_socket() -> None:
    async def main() -> None:
        server = WsServer()
        server.on_message = lambda client, payload: (
            client.send(b"PONG") if payload == b"PING" else None
        )
        keys = L2Credentials(f"0x{1:040x}", _Held("k"), _Held("c2VjcmV0"), _Held("phrase"))
        async with ws_server(server), feeding(UserDialect(keys, server.url), ACCOUNT) as run:
            await asyncio.sleep(DAY_S / 4)
            assert len(server.clients) == 1
            assert not run.lost
            server.last.frozen = True  # without an answer to our pings it is not alive
            began = run.loop.time()
            await server.arrival(2)
            assert run.loop.time() - began <= 31
            assert not any(b"phrase" in payload for *_, payload in run.recorded)

    aio.run(main())


# --- books ---------------------------------------------------------------------------------------


def test_books_live_through_a_day_s_age_of_their_socket_without_a_moment_of_distrust(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("underround.venues.streams.pulse.PING_S", DAY_S)
    aged = msgspec.structs.replace(
        LIMITS, max_age_ms=23 * 3_600_000, silence_ms=3_600_000, keepalive_ms=None
    )

    async def main() -> None:
        async with live("rain", limits=aged) as bench:
            bench.watching.cancel()  # looks four times a second: too often for a day
            began = bench.loop.time()
            while len(bench.venue.clients) == 1:
                bench.venue.stir(bench.markets[0].id)
                await asyncio.sleep(600)
            assert 23 * 0.95 * 3_600 <= bench.loop.time() - began <= 23 * 3_600 + 600
            await asyncio.sleep(1)
            assert bench.feeds.slots()[0].handovers == {"aged": 1}
            assert bench.reconnects
            assert all(ended == back for ended, back in bench.reconnects)

    aio.run(main())


# --- uvloop --------------------------------------------------------------------------------------


async def _seen(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - real time, on a loop that is not ours
            await asyncio.sleep(0.001)


def test_sockets_are_replaced_cut_and_closed_on_uvloop_as_well() -> None:
    async def main() -> None:
        venue = ToyVenue()
        got: list[tuple[int, bytes]] = []
        async with ws_server(venue):
            pool = Pool(
                ToyDialect(venue.url), lambda _s, connection, _at, payload: got.append(
                    (connection, payload)
                ),
                lambda: 1, random.Random(1), sockets=1,
            )  # fmt: skip
            pool.subscribe([["a"], ["b"]])
            running = asyncio.ensure_future(pool.run())
            await _seen(lambda: len(got) == 2)
            venue.last.send(b"bye")
            await _seen(lambda: venue.clients[0].closed)
            assert pool.status()[0].handovers == {"closing": 1}
            venue.last.cut()
            await _seen(lambda: (2, b"") in got and len(got) == 8)
            assert [connection for connection, _ in got] == [0, 0, 0, 1, 1, 2, 2, 2]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await _seen(lambda: not venue.open_clients)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
