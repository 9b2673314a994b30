"""Asking Binance: what is asked, what is understood, what a refusal means."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from tests.aio import JumpingLoop, run
from tests.venues.scripted import Answer, Script, ScriptedHost, sample, scripted_host
from underround.model.errors import (
    AccountError,
    AnswerRefused,
    NotThere,
    RateLimited,
    RequestRefused,
    TryLater,
    UnderroundError,
    VenuePaused,
)
from underround.model.signals import DepthStated
from underround.venues.binance import answers
from underround.venues.binance.limits import LIMITS, depth_weight
from underround.venues.binance.refusals import refusal
from underround.venues.binance.rest import BinanceRest
from underround.venues.transport.budget import RateBudget
from underround.venues.transport.http import HttpClient, Reply

if TYPE_CHECKING:
    from tests.venues.conftest import Mutate

NOW = 1634944100 * 10**9
ROW = [1634943780000, "60685.22", "60729.84", "60670.90", "60719.27", "21.63272000", 1634943839999,
       "1313200.01", 617, "12.28", "745719.41", "0"]  # fmt: skip
NEXT = [1634943840000, "60719.28", "60780.41", "60707.00", "60771.81", "21.91797000", 1634943899999,
        "1331667.75", 769, "11.54", "701336.15", "0"]  # fmt: skip
DEPTH = {"lastUpdateId": 7, "bids": [["2", "1"], ["1.5", "1"]], "asks": [["3", "0.5"]]}
QUOTE = {"symbol": "BTCUSDT", "bidPrice": "2", "bidQty": "1", "askPrice": "3", "askQty": "4"}
TRADE = {"a": 5, "p": "60759.6", "q": "0.00841", "f": 1, "l": 1, "T": 1634944096633, "m": True}
RULES = {
    "serverTime": 1634942465856,
    "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
                    "limit": 6000}],
    "symbols": [{"symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT",
                 "filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
                             {"filterType": "LOT_SIZE", "stepSize": "0.00001000"}]}],
}  # fmt: skip


class Budget:
    """Remembers what was spent and said."""

    def __init__(self) -> None:
        self.spent: list[tuple[str, int]] = []
        self.observed: list[tuple[str, int]] = []
        self.paused: list[tuple[str, int]] = []

    async def spend(self, group: str, cost: int = 1) -> None:
        self.spent.append((group, cost))

    def observe(self, bucket: str, remaining: int, reset_ns: int | None, now: int) -> None:
        assert reset_ns is not None
        assert 0 < reset_ns - now <= 60 * 10**9
        self.observed.append((bucket, remaining))

    def pause(self, bucket: str, until_ns: int) -> None:
        self.paused.append((bucket, until_ns - NOW))


def asking(
    script: Script, ask: Callable[[BinanceRest], Coroutine[Any, Any, Any]]
) -> tuple[Any, ScriptedHost, Budget]:
    """Return what ``ask`` gets (or the error it meets) of a host that answers as scripted."""
    budget = Budget()

    async def main() -> tuple[Any, ScriptedHost]:
        async with scripted_host(script) as host, HttpClient(host.url) as http:
            try:
                return await ask(BinanceRest(http, budget, lambda: NOW)), host
            except UnderroundError as error:
                return error, host

    got, host = run(main())
    return got, host, budget


def body(value: Any, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), headers=headers)


def query(host: ScriptedHost) -> dict[str, list[str]]:
    return parse_qs(host.asked[-1].target.partition("?")[2])


def test_the_clock_is_read_and_the_weight_observed() -> None:
    script = {
        "GET /api/v3/time": body({"serverTime": 1633835466289}, **{"X-MBX-USED-WEIGHT-1M": "41"})
    }
    got, host, budget = asking(script, lambda rest: rest.time())
    assert got == 1633835466289 * 10**6
    assert host.asked[0].target == "/api/v3/time"
    assert (budget.spent, budget.observed) == ([("read", 1)], [("weight", 5_959)])


def test_candles_that_are_still_open_are_left_out() -> None:
    """The last row says nowhere that it is open; only its end tells."""
    script = {"GET /api/v3/klines": body([ROW, NEXT])}
    at = 1634943900 * 10**9
    got, host, budget = asking(
        script, lambda rest: rest.candles("BTCUSDT", "1m", now=at, since_ns=5 * 10**9, limit=2)
    )
    assert [candle.close for candle in got] == [60_719_270_000, 60_771_810_000]
    assert query(host) == {
        "symbol": ["BTCUSDT"], "interval": ["1m"], "startTime": ["5000"], "limit": ["2"],
    }  # fmt: skip
    assert budget.spent == [("read", 2)]
    got, _, _ = asking(script, lambda rest: rest.candles("BTCUSDT", "1m", now=at - 1))
    assert [(candle.opens_ns, candle.volume, candle.trades) for candle in got] == [
        (1634943780 * 10**9, 2_163_272_000, 617)
    ]


def test_the_depth_is_asked_for_at_its_weight() -> None:
    script = {"GET /api/v3/depth": body(DEPTH)}
    got, host, budget = asking(script, lambda rest: rest.depth("BTCUSDT"))
    one = 10**8
    levels = ((2 * one, one), (150_000_000, one)), ((3 * one, one // 2),)
    assert got == DepthStated("binance:BTCUSDT", 7, *levels)
    assert query(host) == {"symbol": ["BTCUSDT"], "limit": ["5000"]}
    assert budget.spent == [("read", 250)]
    assert [depth_weight(levels) for levels in (1, 100, 101, 500, 1_000, 5_000)] == [
        5,
        5,
        25,
        25,
        50,
        250,
    ]
    with pytest.raises(ValueError, match="1 to 5,000"):
        depth_weight(5_001)


def test_trades_quotes_and_rules_are_exact() -> None:
    script = {
        "GET /api/v3/aggTrades": body([TRADE, TRADE | {"a": 6, "m": False}]),
        "GET /api/v3/ticker/bookTicker": body(QUOTE),
        "GET /api/v3/exchangeInfo": body(RULES),
    }
    got, host, _ = asking(script, lambda rest: rest.trades("BTCUSDT", from_id=5, until_ns=10**9))
    assert [(trade.id, trade.taker_side) for trade in got] == [(5, "sell"), (6, "buy")]
    assert (got[0].price, got[0].quantity) == (60_759_600_000, 841_000)
    assert query(host)["fromId"] == ["5"]
    got, _, _ = asking(script, lambda rest: rest.quote("BTCUSDT"))
    assert (got.bid, got.ask, got.ask_quantity) == (2 * 10**8, 3 * 10**8, 4 * 10**8)
    got, host, budget = asking(script, lambda rest: rest.rules(["BTCUSDT"]))
    assert query(host) == {"symbols": ['["BTCUSDT"]']}
    assert budget.spent == [("read", 20)]
    assert got.weight_per_minute == 6_000
    (rules,) = got.symbols
    assert (rules.tick, rules.size_step, rules.trading) == (1_000_000, 1_000, True)


@pytest.mark.parametrize(
    "status, headers, code, kind, wait_ms",
    [
        (429, {"retry-after": "7"}, -1003, RateLimited, 7_000),
        (418, {"retry-after": "120"}, -1003, RateLimited, 120_000),
        (418, {}, None, RateLimited, None),
        (403, {}, None, RateLimited, None),
        (451, {}, 0, AccountError, None),
        (400, {}, -1121, NotThere, None),
        (400, {}, -1120, RequestRefused, None),
        (400, {}, -1003, RateLimited, None),
        (408, {}, -1007, VenuePaused, None),
        (500, {}, None, VenuePaused, None),
        (503, {"retry-after": "soon"}, None, VenuePaused, None),
        (302, {}, None, AnswerRefused, None),
    ],
)
def test_each_refusal_is_an_error_of_the_tree(
    status: int,
    headers: dict[str, str],
    code: int | None,
    kind: type[Exception],
    wait_ms: int | None,
) -> None:
    said = json.dumps({"code": code, "msg": "words"}).encode() if code else b"<html>"
    error = refusal(Reply(status, headers, said), "GET /api/v3/time")
    assert type(error) is kind
    assert str(error).startswith(f"GET /api/v3/time: Binance answers {status}")
    if isinstance(error, TryLater):
        assert error.retry_after_ms == wait_ms


@pytest.mark.parametrize("headers, pause_s", [({"Retry-After": "7"}, 7), ({}, 60)])
def test_too_many_requests_pause_everything_that_weighs(
    headers: dict[str, str], pause_s: int
) -> None:
    """Going on would get the address banned; without a word of the venue it rests a minute."""
    script = {"GET /api/v3/time": Answer(b'{"code":-1003,"msg":"x"}', 429, headers)}
    got, _, budget = asking(script, lambda rest: rest.time())
    assert isinstance(got, RateLimited)
    assert budget.paused == [("weight", pause_s * 10**9)]


def test_the_real_budget_fits_the_client() -> None:
    """With LIMITS a full book passes, and after a ban the next request waits for its end."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        turns = [Answer(b"{}", 418, {"Retry-After": "300"}), body({"serverTime": 1633835466289})]
        budget = RateBudget(LIMITS, loop.now_ns, asyncio.sleep)
        script: Script = {"GET /api/v3/depth": body(DEPTH), "GET /api/v3/time": turns}
        async with scripted_host(script) as host, HttpClient(host.url) as http:
            rest = BinanceRest(http, budget, loop.now_ns)
            await rest.depth("BTCUSDT")
            with pytest.raises(RateLimited):
                await rest.time()
            began = loop.time()
            await rest.time()
            return loop.time() - began

    assert 299 < run(main()) < 330


READS: dict[str, tuple[Any, Callable[[bytes], Any]]] = {
    "time": ({"serverTime": 1633835466289}, answers.server_time),
    "klines": ([ROW, NEXT], lambda data: answers.closed_candles(data, "BTCUSDT", "1m", NOW)),
    "depth": (DEPTH, lambda data: answers.depth(data, "BTCUSDT")),
    "aggTrades": ([TRADE], answers.aggregate_trades),
    "bookTicker": (QUOTE, lambda data: answers.best_quote(data, "BTCUSDT")),
    "exchangeInfo": (RULES, lambda data: answers.exchange_rules(data, ["BTCUSDT"])),
}


@pytest.mark.parametrize(
    "name, value, reason",
    [
        ("time", {}, "serverTime"),
        ("time", {"serverTime": 5}, "timestamp 5"),
        ("klines", [ROW[:8]], "array"),
        ("klines", [[*ROW[:1], 60685.22, *ROW[2:]]], r"\$\[0\]\[1\]"),
        ("klines", [NEXT, ROW], r"before the last one ended - at `\$\[1\]`"),
        ("klines", [[*ROW[:2], "1", *ROW[3:]]], r"at `\$\[0\]`"),
        ("depth", DEPTH | {"bids": [["3", "1"]]}, r"`\$.bids\[0\]`"),
        ("aggTrades", [TRADE, TRADE], r"not in order - at `\$\[1\].a`"),
        ("aggTrades", [TRADE | {"p": "0"}], r"`\$\[0\]`"),
        ("bookTicker", QUOTE | {"symbol": "ETHUSDT"}, "asked for BTCUSDT, told ETHUSDT"),
        ("bookTicker", QUOTE | {"bidPrice": "0"}, r"`\$.bidPrice`"),
        ("bookTicker", QUOTE | {"askPrice": "2"}, r"`\$.bidPrice`"),
        ("exchangeInfo", RULES | {"symbols": []}, r"BTCUSDT is missing - at `\$.symbols`"),
        ("exchangeInfo", RULES | {"rateLimits": []}, "no weight per minute"),
    ],
)
def test_unusable_answers_are_refused_with_their_path(name: str, value: Any, reason: str) -> None:
    with pytest.raises(AnswerRefused, match=reason) as caught:
        READS[name][1](json.dumps(value).encode())
    assert name in str(caught.value)


def test_mutated_answers_are_refused_or_read(mutate: Mutate, turns: int) -> None:
    """Of 2,000 broken answers none raises anything but ``AnswerRefused``."""
    rng = random.Random(3)
    refused = 0
    cases = list(READS.values())
    for turn in range(turns):
        value, read = cases[turn % len(cases)]
        try:
            read(mutate(json.dumps(value).encode(), rng))
        except AnswerRefused:
            refused += 1
    assert turns // 3 < refused < turns


@pytest.mark.shared
def test_recorded_answers_are_understood(shared: Path) -> None:
    """The recorded bodies of 2021: shapes have not changed since."""

    def read(name: str) -> bytes:
        return sample(shared, f"binance/rest_{name}.json")

    assert answers.server_time(read("time")) == 1633835466289 * 10**6
    candles = answers.closed_candles(read("klines_BTCUSDT_1m"), "BTCUSDT", "1m", 2 * 10**18)
    assert [candle.opens_ns for candle in candles[1:]] == [
        candle.ends_ns for candle in candles[:-1]
    ]
    assert candles[-1].close == 60_786_560_000
    book = answers.depth(read("depth_BTCUSDT"), "BTCUSDT")
    assert (len(book.bids), book.bids[0]) == (10, (6_065_000_000_000, 213_000))
    trades = answers.aggregate_trades(read("aggTrades_BTCUSDT"))
    assert [trade.taker_side for trade in trades] == ["buy", "buy", "sell", "buy", "buy"]
    assert answers.best_quote(read("bookTicker_BTCUSDT"), "BTCUSDT").ask == 6_074_168_000_000
    rules = answers.exchange_rules(read("exchangeInfo_trimmed_2021"), ["ETHUSDT", "BTCUSDT"])
    assert rules.weight_per_minute == 1_200
    assert [symbol.size_step for symbol in rules.symbols] == [10_000, 1_000]
