"""Binance's streams as one client hears them, frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import aio
from tests.local_venue.net.listening import START_NS, Ear, afflict
from tests.local_venue.references.desk import (
    HandDesk,
    form,
    heard,
    lines,
    living,
    sample,
    say,
)
from tests.venues.wsserver import until
from underround.local_venue.faults import Freeze, Skew
from underround.local_venue.references.binance_peer import LIFE_S, MOST_STREAMS
from underround.model.units import usd

FIRST_MS = START_NS // 1_000_000
Story = Callable[[HandDesk, Ear], Awaitable[None]]


def hear(path: str, story: Story, *, priced: bool = True) -> None:
    """Let one client connect to ``path`` of a venue at which BTC was just traded."""

    async def main() -> None:
        desk = HandDesk()
        if priced:
            desk.price(usd("64000"))
        async with desk.ear("binance", path) as ear:
            await settled(ear)
            await story(desk, ear)

    asyncio.run(main())


async def settled(ear: Ear) -> list[Any]:
    """Return everything that was sent until now."""
    before = []
    await say(ear, method="LIST_SUBSCRIPTIONS", id="settled")
    while (message := await heard(ear)).get("id") != "settled":
        before.append(message)
    return before


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws/btcusdt@trade/ethusdt@trade", "/ws/btcusdt%40trade"])
def test_a_raw_address_names_its_streams_and_payloads_come_as_they_are(path: str) -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.price(usd("64001"))
        assert (await heard(ear))["p"] == "64001.00000000"

    hear(path, story)


def test_a_combined_address_names_its_streams_and_payloads_say_which_they_are() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.price(usd("64001"))
        names = [(await heard(ear))["stream"] for _ in range(2)]
        assert names == ["btcusdt@trade", "btcusdt@bookTicker"]

    hear("/stream?streams=btcusdt@bookTicker/btcusdt@trade", story)


def test_nothing_is_told_of_a_name_that_is_no_streams() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.price(usd("64001"))
        desk.wait_ms(2_000)
        assert await settled(ear) == []

    hear("/ws/BTCUSDT@trade/btcusdt@nothing/nobody@trade/btcusdt@kline_7m/BTCUSDT@kline_1s", story)


def test_too_many_streams_are_turned_away() -> None:
    async def main() -> None:
        desk = HandDesk()
        names = "/".join(f"{number}@t" for number in range(MOST_STREAMS + 1))
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with desk.ear("binance", f"/stream?streams={names}"):
                pass
        assert refused.value.status == 400

    asyncio.run(main())


# --- forms ---------------------------------------------------------------------------------------

DOCUMENTED = {
    "btcusdt@trade": "Trade Streams",
    "btcusdt@aggTrade": "Aggregate Trade Streams",
    "btcusdt@bookTicker": "Individual Symbol Book Ticker Streams",
    "btcusdt@kline_1s": "Kline/Candlestick Streams for UTC",
    "btcusdt@miniTicker": "Individual Symbol Mini Ticker Stream",
    "btcusdt@ticker": "Individual Symbol Ticker Streams",
    "btcusdt@avgPrice": "Average Price",
    "btcusdt@depth5": "Partial Book Depth Streams",
    "btcusdt@depth": "Diff. Depth Stream",
}


@pytest.mark.shared
@pytest.mark.parametrize("stream, title", DOCUMENTED.items())
def test_a_frame_has_the_keys_and_values_of_the_documented_one(
    stream: str, title: str, shared: Path
) -> None:
    wanted = sample(shared, "binance/ws_doc_examples_2026-07-21.json")[title]

    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.price(usd("64001"))
        desk.wait_ms(1_000)
        told = await heard(ear)
        if "1s" in stream:
            assert told["k"].pop("i") == "1s"
            assert wanted["k"].pop("i") == "1m"  # both are intervals, one looks like a number
        assert form(told) == form(wanted)

    hear(f"/ws/{stream}", story)


@pytest.mark.shared
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_frame_has_the_keys_and_values_of_the_captured_one(place: int, shared: Path) -> None:
    """A trade of 2021 had two fields more, which the documents no longer list."""
    wanted = lines(shared, "binance/ws_combined_frames_live.ndjson")[place]
    stream = "btcusdt@" + wanted["stream"].partition("@")[2]

    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.price(usd("64001"))
        desk.wait_ms(2_000)
        told = await heard(ear)
        assert form(told) == form(wanted)
        ours, theirs = decimals(told["data"]), decimals(wanted["data"])
        assert ours == theirs

    hear(f"/stream?streams={stream}", story)


def decimals(value: Any) -> dict[str, int]:
    """Return how many decimals each text has that is a number."""
    if "k" in value:
        value = value["k"]
    texts = {key: each for key, each in value.items() if isinstance(each, str) and "." in each}
    return {key: len(each.partition(".")[2]) for key, each in texts.items()}


@pytest.mark.parametrize("stream, inside",
    [("trade", ("E", "T")), ("aggTrade", ("E", "T")), ("depth@100ms", ("E",)), ("avgPrice", "ET"),
     ("miniTicker", "E"), ("ticker", "EOC"), ("kline_1m", "E")],
)  # fmt: skip
def test_microseconds_are_told_to_whoever_asked_for_them_and_to_nobody_else(
    stream: str, inside: tuple[str, ...]
) -> None:
    async def main() -> None:
        desk = HandDesk()
        path = f"/stream?streams=btcusdt@{stream}"
        async with desk.socket("binance") as url, aiohttp.ClientSession() as session:
            plain = Ear(await session.ws_connect(url + path))
            exact = Ear(await session.ws_connect(url + path + "&timeUnit=MICROSECOND"))
            await settled(plain)
            await settled(exact)
            desk.clock.move_to(desk.now + 1_234_567)
            desk.price(usd("64001"))
            desk.wait_ms(2_000)
            told, exactly = (await heard(plain))["data"], (await heard(exact))["data"]
            for key in inside:
                assert exactly[key] // 1_000 == told[key]
                assert exactly[key] > 10**15 > told[key]
            if stream == "kline_1m":
                bar, exact_bar = told["k"], exactly["k"]
                assert (bar["t"], exact_bar["t"]) == (FIRST_MS // 60_000 * 60_000, bar["t"] * 1_000)
                assert exact_bar["T"] == bar["T"] * 1_000 + 999
            if stream == "trade":
                assert exactly["T"] == FIRST_MS * 1_000 + 1_234

    asyncio.run(main())


def test_the_skew_of_the_venues_clock_shows_in_when_it_speaks_not_in_when_it_traded() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        afflict(desk.world, Skew(ms=-5_000))
        desk.price(usd("64001"))
        told = await heard(ear)
        assert (told["E"], told["T"]) == (FIRST_MS - 5_000, FIRST_MS)

    hear("/ws/btcusdt@trade", story)


@pytest.mark.parametrize("stream", ["btcusdt@depth", "btcusdt@depth@100ms"])
def test_each_depth_frame_begins_where_the_one_before_ended(stream: str) -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.walk(5, each_ms=37)
        desk.wait_ms(3_000)
        desk.walk(5, each_ms=1_300, seed=2)
        desk.wait_ms(1_000)
        frames = await settled(ear)
        assert frames[0]["U"] == 2  # the first change was before
        for before, after in pairwise(frames):
            assert before["u"] < after["U"] == before["u"] + 1
        assert frames[-1]["u"] == desk.spot.pairs["BTCUSDT"].update_id
        width = 100 if "100ms" in stream else 1_000
        assert all(frame["E"] % width == 0 for frame in frames)

    hear(f"/ws/{stream}", story)


# --- candles -------------------------------------------------------------------------------------


def test_the_end_of_each_candle_is_told_once_also_when_nothing_was_traded_in_it() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.wait_ms(500)
        desk.walk(2)
        desk.wait_ms(4_000)  # bars without a trade
        desk.walk(3, seed=2)
        frames = await settled(ear)
        closed = [frame["k"] for frame in frames if frame["k"]["x"]]
        begin = FIRST_MS // 1_000 * 1_000
        assert [bar["t"] for bar in closed] == [begin + number * 1_000 for number in range(9)]
        assert [bar["n"] for bar in closed] == [2, 1, 0, 0, 0, 0, 1, 1, 1]
        for frame in frames:
            bar = frame["k"]
            assert bar["x"] == (frame["E"] > bar["T"])
            assert (bar["f"], bar["L"]) == (-1, -1) or bar["L"] - bar["f"] + 1 == bar["n"] > 0
        for bar, following in pairwise(closed):
            assert following["n"] or following["o"] == following["c"] == bar["c"]

    hear("/ws/btcusdt@kline_1s", story)


def test_a_longer_candle_is_told_every_two_seconds_and_its_end_when_it_ends() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.walk(180)
        frames = await settled(ear)
        closed = [frame for frame in frames if frame["k"]["x"]]
        assert [frame["E"] - frame["k"]["T"] for frame in closed] == [1, 1, 1]
        assert [frame["k"]["t"] // 60_000 - FIRST_MS // 60_000 for frame in closed] == [0, 1, 2]
        going = [frame["E"] for frame in frames if not frame["k"]["x"]]
        assert all(later - earlier == 2_000 for earlier, later in pairwise(going))

    hear("/ws/btcusdt@kline_1m", story)


def test_who_comes_in_the_middle_of_a_candle_is_told_its_end() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        desk.wait_ms(30_500)
        await say(ear, method="SUBSCRIBE", params=["btcusdt@kline_1m"], id=1)
        assert await heard(ear) == {"result": None, "id": 1}
        desk.wait_ms(60_000)
        ends = [frame["k"]["t"] for frame in await settled(ear) if frame["k"]["x"]]
        assert ends == [FIRST_MS // 60_000 * 60_000]

    hear("/ws", story)


# --- what a client says --------------------------------------------------------------------------


def test_streams_come_and_go_by_command() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await say(ear, method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@aggTrade"], id=1)
        assert await heard(ear) == {"result": None, "id": 1}
        await say(ear, method="UNSUBSCRIBE", params=["btcusdt@trade"], id="u")
        assert await heard(ear) == {"result": None, "id": "u"}
        await say(ear, method="LIST_SUBSCRIPTIONS", id=3)
        assert await heard(ear) == {"result": ["btcusdt@aggTrade"], "id": 3}
        desk.price(usd("64001"))
        assert (await heard(ear))["e"] == "aggTrade"

    hear("/ws", story)


def test_a_client_may_ask_for_combined_payloads_later() -> None:
    async def story(desk: HandDesk, ear: Ear) -> None:
        await say(ear, method="GET_PROPERTY", params=["combined"], id=1)
        assert await heard(ear) == {"result": False, "id": 1}
        await say(ear, method="SET_PROPERTY", params=["combined", True], id=2)
        assert await heard(ear) == {"result": None, "id": 2}
        desk.price(usd("64001"))
        assert (await heard(ear))["stream"] == "btcusdt@trade"

    hear("/ws/btcusdt@trade", story)


@pytest.mark.parametrize(
    "said, code",
    [
        ("SUBSCRIBE", 3),
        ('{"method":7}', 2),
        ('{"method":"LOGIN","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[true],"id":1}', 2),
        ('{"method":"SUBSCRIBE","id":1}', 2),
        ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1),
        ('{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0),
        ('{"method":"GET_PROPERTY","params":[],"id":1}', 0),
    ],
)
def test_a_command_that_makes_no_sense_is_answered_with_a_code(said: str, code: int) -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        await ear.say(said)
        assert (await heard(ear))["code"] == code

    hear("/ws", story)


def test_more_than_1024_streams_are_refused() -> None:
    async def story(_desk: HandDesk, ear: Ear) -> None:
        names = [f"{number}@trade" for number in range(MOST_STREAMS)]
        await say(ear, method="SUBSCRIBE", params=names, id=1)
        assert await heard(ear) == {"result": None, "id": 1}
        await say(ear, method="SUBSCRIBE", params=["one@more"], id=2)
        assert (await heard(ear))["code"] == 2

    hear("/ws", story)


def test_who_says_more_than_five_things_in_a_second_is_shown_the_door() -> None:
    async def main() -> None:
        desk = HandDesk()
        async with desk.ear("binance", "/ws") as ear:
            for number in range(6):
                await say(ear, method="LIST_SUBSCRIPTIONS", id=number)
            answers = await ear.over()
            assert len(answers) == 5
            assert ear.socket.close_code == 1008

    aio.run(main())  # in which all this takes no time at all


def test_five_things_in_every_second_are_no_reason_to_close() -> None:
    async def main() -> None:
        desk = HandDesk()
        async with desk.ear("binance", "/ws") as ear:
            for number in range(30):
                await say(ear, method="LIST_SUBSCRIPTIONS", id=number)
                assert await heard(ear) == {"result": [], "id": number}
                await asyncio.sleep(0.21)

    aio.run(main())


def test_a_frozen_venue_acknowledges_nothing() -> None:
    async def main() -> None:
        desk = HandDesk()
        async with desk.ear("binance", "/ws") as ear:
            frozen = desk.world.faults.set(Freeze(stream="binance.ws"), desk.now)
            await say(ear, method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
            await until(lambda: frozen.happened)
            desk.world.faults.clear()
            await say(ear, method="LIST_SUBSCRIPTIONS", id=2)
            assert await heard(ear) == {"result": ["btcusdt@trade"], "id": 2}

    aio.run(main())


# --- staying alive -------------------------------------------------------------------------------


def connected(path: str, story: Callable[[aiohttp.ClientWebSocketResponse], Awaitable[None]],
              **options: Any) -> None:  # fmt: skip
    async def main() -> None:
        async with (
            living() as desk,
            desk.socket("binance") as url,
            aiohttp.ClientSession() as session,
        ):
            await story(await session.ws_connect(url + path, **options))

    aio.run(main())


def test_pings_come_every_twenty_seconds_and_who_never_answers_is_cut_after_sixty() -> None:
    async def story(socket: aiohttp.ClientWebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        begin, pinged = loop.time(), []
        while (message := await socket.receive()).type is aiohttp.WSMsgType.PING:
            pinged.append(round(loop.time() - begin))
            await socket.pong(b"nobody asked for this")
        assert pinged == [20, 40, 60]
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert round(loop.time() - begin) == 80

    connected("/ws", story, autoping=False)


def test_who_answers_its_pings_stays_for_a_day_and_no_longer() -> None:
    async def story(socket: aiohttp.ClientWebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        assert (await socket.receive()).type is not aiohttp.WSMsgType.TEXT
        assert round(loop.time() - begin) == LIFE_S

    async def main() -> None:
        desk = HandDesk()  # a day of a running venue would be a day of looking at its agenda
        async with desk.socket("binance") as url, aiohttp.ClientSession() as session:
            await story(await session.ws_connect(url + "/ws"))

    aio.run(main())
