"""Binance's REST host, asked by our client and in the venue's own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from tests import aio
from tests.local_venue.net.listening import MS, START_NS, afflict
from tests.local_venue.references.desk import SECOND, Desk, HandDesk, form, living, sample
from underround.local_venue.faults import Answer, Skew
from underround.local_venue.references.binance_rest import fault_answer
from underround.local_venue.references.binance_weights import MOST_WEIGHT, Weights
from underround.model.errors import NotThere, RateLimited, RequestRefused
from underround.model.units import usd
from underround.venues.binance.answers import AggregateTrade
from underround.venues.binance.limits import LIMITS
from underround.venues.binance.rest import BinanceRest
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient

FIRST_MS = START_NS // MS


@asynccontextmanager
async def client_of(desk: Desk) -> AsyncIterator[tuple[BinanceRest, str]]:
    """Serve the host to our client; returns its address too."""
    clock = cast("aio.JumpingLoop", asyncio.get_running_loop()).now_ns
    budget = RateBudget(LIMITS, clock, asyncio.sleep)
    async with (
        desk.http("binance") as url,
        HttpClient(url, timeout_ms=20_000, max_body_bytes=4 << 20) as http,
    ):
        yield BinanceRest(http, budget, clock), url


def ask(story: Callable[[BinanceRest], Awaitable[None]], desk: HandDesk) -> None:
    async def main() -> None:
        async with client_of(desk) as (client, _):
            await story(client)

    aio.run(main())


def walked(seconds: int = 300) -> HandDesk:
    """Return a desk at which BTC was traded once a second until now."""
    desk = HandDesk()
    desk.walk(seconds)
    return desk


def bodies(desk: HandDesk, *targets: str, headers: dict[str, str] | None = None) -> list[Any]:
    """Return status and body of each request."""

    async def main() -> list[Any]:
        async with desk.http("binance") as url, aiohttp.ClientSession() as session:
            found = []
            for target in targets:
                async with session.get(url + "/api/v3/" + target, headers=headers) as answer:
                    found.append((answer.status, await answer.json()))
            return found

    return asyncio.run(main())


# --- our client ----------------------------------------------------------------------------------


def test_our_client_reads_time_rules_quote_and_depth() -> None:
    desk = walked()
    pair = desk.spot.pairs["BTCUSDT"]

    async def story(client: BinanceRest) -> None:
        assert await client.time() == desk.now
        rules = await client.rules(["BTCUSDT"])
        assert rules.weight_per_minute == MOST_WEIGHT
        (symbol,) = rules.symbols
        assert (symbol.symbol, symbol.status, symbol.tick) == ("BTCUSDT", "TRADING", 1_000_000)
        quote, book = await client.quote("BTCUSDT"), await client.depth("BTCUSDT", 20)
        assert (quote.bid, quote.ask) == (pair.bid * 100, pair.ask * 100)
        assert (quote.bid_quantity, quote.ask_quantity) == (book.bids[0][1], book.asks[0][1])
        assert len(book.bids) == len(book.asks) == 20
        bids, asks = pair.levels(20)
        assert book.bids == tuple((price * 100, size * 100) for price, size in bids)
        assert book.asks == tuple((price * 100, size * 100) for price, size in asks)
        assert book.last_id == 300
        assert client.used_weight == 1 + 20 + 2 + 5

    ask(story, desk)


def test_paging_through_the_trades_loses_none() -> None:
    desk = walked(2_345)

    async def story(client: BinanceRest) -> None:
        found: list[AggregateTrade] = []
        following = 1
        while page := await client.trades("BTCUSDT", from_id=following, limit=1_000):
            found += page
            following = page[-1].id + 1
        assert [each.id for each in found] == list(range(1, 2_346))
        made = desk.spot.pairs["BTCUSDT"].tape.latest(5_000)
        told = [(each.price, each.quantity, each.at_ns, each.taker_side) for each in found]
        assert told == [
            (each.price, each.size * 100, each.at_ns, "sell" if each.sold else "buy")
            for each in made
        ]
        by_time: list[AggregateTrade] = []
        since = START_NS
        while page := await client.trades("BTCUSDT", since_ns=since, limit=700):
            by_time += page
            since = page[-1].at_ns + MS
        assert by_time == found
        assert list(await client.trades("BTCUSDT", limit=10)) == found[-10:]
        until_ns = START_NS + 99 * SECOND
        early = await client.trades("BTCUSDT", since_ns=START_NS, until_ns=until_ns)
        assert list(early) == found[:100]

    ask(story, desk)


def test_candles_have_every_trade_and_go_on_without_any() -> None:
    desk = walked(300)
    desk.wait_ms(240_000)

    async def story(client: BinanceRest) -> None:
        candles = await client.candles("BTCUSDT", "1m", now=desk.now)
        assert sum(each.trades for each in candles) == 300
        opens = [each.opens_ns // MS for each in candles]
        first = FIRST_MS // 60_000 * 60_000
        assert opens == list(range(first, first + 9 * 60_000, 60_000))
        trades = await client.trades("BTCUSDT", limit=1_000)
        assert sum(each.volume for each in candles) == sum(each.quantity for each in trades)
        assert (candles[0].open, candles[-1].close) == (trades[0].price, trades[-1].price)
        since = await client.candles("BTCUSDT", "1m", now=desk.now, since_ns=first * MS, limit=2)
        assert since == candles[:2]
        latest = await client.candles("BTCUSDT", "1m", now=desk.now, limit=3)
        assert latest == candles[-2:]  # the third one has not ended

    ask(story, desk)


def test_an_unknown_symbol_is_not_there_for_our_client() -> None:
    async def story(client: BinanceRest) -> None:
        with pytest.raises(NotThere, match=r"-1121: Invalid symbol"):
            await client.depth("NOSUCH")
        with pytest.raises(RequestRefused, match="-1120"):
            await client.candles("BTCUSDT", "7m", now=START_NS)

    ask(story, walked(1))


def test_our_client_keeps_below_the_weight_the_venue_counts() -> None:
    """Sixty heavy requests are two and a half minutes' worth: none is refused, they take long."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with living() as desk, client_of(desk) as (client, _):
            desk.world.prices.tell("btc/usd", usd("64000"), desk.world.act())
            begin = loop.time()
            for _ in range(60):
                await client.depth("BTCUSDT")
            assert 120 <= loop.time() - begin <= 300

    aio.run(main())


# --- the venue's own words -----------------------------------------------------------------------


@pytest.mark.shared
@pytest.mark.parametrize(
    "target, name",
    [
        ("time", "rest_time"),
        ("klines?symbol=BTCUSDT&interval=1m", "rest_klines_BTCUSDT_1m"),
        ("depth?symbol=BTCUSDT", "rest_depth_BTCUSDT"),
        ("ticker/bookTicker?symbol=BTCUSDT", "rest_bookTicker_BTCUSDT"),
        ("aggTrades?symbol=BTCUSDT", "rest_aggTrades_BTCUSDT"),
    ],
)
def test_a_body_has_the_keys_and_values_of_the_captured_one(
    target: str, name: str, shared: Path
) -> None:
    ((status, body),) = bodies(walked(70), target)
    assert status == 200
    assert form(body) == form(sample(shared, f"binance/{name}.json"))


@pytest.mark.shared
def test_the_rules_are_a_part_of_the_captured_ones(shared: Path) -> None:
    """The captured ones have more about orders, which nobody can send here."""
    ((_, ours),) = bodies(walked(1), "exchangeInfo?symbol=BTCUSDT")
    theirs = sample(shared, "binance/rest_exchangeInfo_trimmed_2021.json")
    assert list(ours) == list(theirs)
    assert ours["symbols"][0].keys() <= theirs["symbols"][0].keys()
    assert form(ours["rateLimits"]) == form(theirs["rateLimits"])
    rules = {each["filterType"]: each for each in theirs["symbols"][0]["filters"]}
    for rule in ours["symbols"][0]["filters"]:
        assert form(rule) == form(rules[rule["filterType"]])


@pytest.mark.parametrize(
    "target, code, words",
    [
        ("depth?symbol=NOSUCH", -1121, "Invalid symbol."),
        ("exchangeInfo?symbols=[%22BTCUSDT%22,%22NO%22]", -1121, "Invalid symbol."),
        ("exchangeInfo?symbols=BTCUSDT", -1100, "'symbols'"),
        ("depth", -1102, "'symbol'"),
        ("depth?symbol=BTCUSDT&limit=x", -1100, "'limit'"),
        ("depth?symbol=BTCUSDT&limit=0", -1100, "'limit'"),
        ("klines?symbol=BTCUSDT", -1102, "'interval'"),
        ("klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval."),
        ("klines?symbol=BTCUSDT&interval=1m&timeZone=8", -1130, "'timeZone'"),
        ("aggTrades?symbol=BTCUSDT&fromId=-1", -1100, "'fromId'"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_code(
    target: str, code: int, words: str
) -> None:
    ((status, body),) = bodies(walked(1), target)
    assert (status, body["code"]) == (400, code)
    assert words in body["msg"]


def test_prices_and_averages_are_those_of_the_trades() -> None:
    desk = walked(400)
    desk.price(usd("3000"), "eth/usd")
    (_, one), (_, every), (_, average), (_, quotes), (_, trades) = bodies(
        desk, "ticker/price?symbol=BTCUSDT", "ticker/price", "avgPrice?symbol=BTCUSDT",
        "ticker/bookTicker", "trades?symbol=BTCUSDT&limit=1000",
    )  # fmt: skip
    assert [each["symbol"] for each in every] == [each["symbol"] for each in quotes]
    assert [each["symbol"] for each in every] == ["BTCUSDT", "ETHUSDT"]
    assert one == every[0]
    assert one["price"] == trades[-1]["price"]
    recent = [each for each in trades if each["time"] > desk.now // MS - 300_000]
    assert len(recent) == 299
    paid = sum(float(each["quoteQty"]) for each in recent)
    assert float(average["price"]) == pytest.approx(paid / sum(float(e["qty"]) for e in recent))


def test_microseconds_are_told_to_whoever_asks_for_them() -> None:
    desk = HandDesk()
    desk.clock.move_to(desk.now + 1_234_567)
    desk.price(usd("64000"))
    targets = ("time", "aggTrades?symbol=BTCUSDT", "trades?symbol=BTCUSDT",
               "klines?symbol=BTCUSDT&interval=1m")  # fmt: skip
    headers = {"X-MBX-TIME-UNIT": "MICROSECOND"}
    time, agg, trades, klines = [body for _, body in bodies(desk, *targets, headers=headers)]
    now_us = FIRST_MS * 1_000 + 1_234
    assert (time["serverTime"], agg[0]["T"], trades[0]["time"]) == (now_us, now_us, now_us)
    assert klines[0][0] == FIRST_MS // 60_000 * 60_000_000
    assert klines[0][6] == klines[0][0] + 60_000_000 - 1


def test_the_skew_of_the_venues_clock_shows_in_its_time() -> None:
    desk = walked(1)
    afflict(desk.world, Skew(ms=-7_000))
    (_, time), (_, rules) = bodies(desk, "time", "exchangeInfo")
    assert time["serverTime"] == rules["serverTime"] == desk.now // MS - 7_000


# --- weights -------------------------------------------------------------------------------------


def test_a_request_weighs_what_the_documents_say() -> None:
    weighing = {
        "ping": 1, "time": 1, "exchangeInfo": 20, "klines?symbol=BTCUSDT&interval=1m": 2,
        "depth?symbol=BTCUSDT": 5, "depth?symbol=BTCUSDT&limit=101": 25,
        "depth?symbol=BTCUSDT&limit=1000": 50, "depth?symbol=BTCUSDT&limit=5000": 250,
        "trades?symbol=BTCUSDT": 25, "aggTrades?symbol=BTCUSDT": 4, "avgPrice?symbol=BTCUSDT": 2,
        "ticker/price": 4, "ticker/price?symbol=BTCUSDT": 2, "ticker/bookTicker": 4,
    }  # fmt: skip

    async def main() -> None:
        desk, used = walked(1), 0
        async with desk.http("binance") as url, aiohttp.ClientSession() as session:
            for target, weight in weighing.items():
                used += weight
                async with session.get(url + "/api/v3/" + target) as answer:
                    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(used), target

    asyncio.run(main())


def test_who_asks_for_too_much_is_told_to_wait_for_the_next_minute() -> None:
    weights, now = Weights(), START_NS - START_NS % (60 * SECOND) + 59_500 * MS
    assert weights.spend(MOST_WEIGHT, now).status == 200
    refused = weights.spend(1, now)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert weights.spend(1, now + 500 * MS).headers["X-MBX-USED-WEIGHT-1M"] == "1"


def test_who_goes_on_is_banned_for_two_minutes() -> None:
    weights, now = Weights(), START_NS - START_NS % (60 * SECOND)
    statuses = [weights.spend(MOST_WEIGHT // 2 + 1, now).status for _ in range(13)]
    assert statuses == [200, *[429] * 10, 418, 418]
    late = weights.spend(1, now + 119 * SECOND)
    assert (late.status, late.headers["Retry-After"]) == (418, "1")
    assert weights.spend(1, now + 120 * SECOND).status == 200


def test_our_client_understands_the_limit_and_its_waiting_time() -> None:
    async def main() -> None:
        desk = walked(1)
        async with client_of(desk) as (client, url), aiohttp.ClientSession() as session:
            for _ in range(24):
                async with session.get(url + "/api/v3/depth?symbol=BTCUSDT&limit=5000") as answer:
                    assert answer.status == 200
            with pytest.raises(RateLimited, match="429") as refused:
                await client.time()
            left = 60 - desk.now // SECOND % 60
            assert refused.value.retry_after_ms == left * 1_000

    aio.run(main())


@pytest.mark.parametrize("status, code", [(429, -1003), (503, -1000), (500, -1000)])
def test_a_fault_is_told_in_the_venues_words(status: int, code: int) -> None:
    answer = fault_answer(Answer(host="binance", status=status))
    assert answer.status == status
    assert f'"code":{code}'.encode() in bytes(cast("bytes", answer.body))
    assert ("Retry-After" in answer.headers) == (status == 429)
