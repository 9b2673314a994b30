"""One HTTP host: the world acts first, faults do what they say, errors are JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from aiohttp import web

from tests.local_venue.net.listening import START_NS, afflict, hand_world, pass_ms
from underround.local_venue.clock import HandClock
from underround.local_venue.faults import Answer, AnyFault, Skew, Slow, Swallow
from underround.local_venue.net.http_host import HttpHost, json_answer, now_of
from underround.local_venue.world import World


class Shop:
    """A world, a host, and how often something was bought."""

    def __init__(self, world: World, clock: HandClock) -> None:
        self.world = world
        self.clock = clock
        self.bought = 0
        self.carried_out = asyncio.Event()
        self.url = ""
        self.client: aiohttp.ClientSession

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/ok", self._ok),
            web.post("/buy", self._buy),
            web.get("/broken", self._broken),
        ]

    async def _ok(self, request: web.Request) -> web.Response:
        return json_answer({"now": now_of(request), "text": "é"}, headers={"X-Kind": "test"})

    async def _buy(self, _request: web.Request) -> web.Response:
        self.bought += 1
        self.carried_out.set()
        return json_answer({"bought": self.bought}, 201)

    async def _broken(self, _request: web.Request) -> web.Response:
        raise RuntimeError("a secret of the house")

    async def ask(self, path: str, method: str = "GET") -> tuple[int, object]:
        async with self.client.request(method, self.url + path) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def shop() -> AsyncIterator[Shop]:
    """Serve the shop as the CLOB's host."""
    it = Shop(*hand_world())
    host = HttpHost("clob", it.world, it.routes())
    it.url = await host.start()
    try:
        async with aiohttp.ClientSession() as it.client:
            yield it
    finally:
        await host.stop()


def test_an_answer_is_compact_json_and_names_no_server() -> None:
    async def main() -> None:
        async with shop() as it, it.client.get(it.url + "/ok") as answer:
            assert await answer.read() == b'{"now":%d,"text":"\xc3\xa9"}' % START_NS
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["X-Kind"] == "test"
            assert "Server" not in answer.headers

    asyncio.run(main())


def test_what_was_due_happens_before_the_handler_runs() -> None:
    async def main() -> None:
        async with shop() as it:
            happened: list[int] = []
            it.world.agenda.plan(START_NS + 5, happened.append)
            it.clock.move_to(START_NS + 10)
            assert await it.ask("/ok") == (200, {"now": START_NS + 10, "text": "é"})
            assert happened == [START_NS + 5]

    asyncio.run(main())


def test_the_date_is_the_venues_and_skew_falsifies_it() -> None:
    async def main() -> None:
        async with shop() as it:
            for skew_s in (0, -90):
                if skew_s:
                    afflict(it.world, Skew(ms=skew_s * 1_000))
                async with it.client.get(it.url + "/ok") as answer:
                    told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
                assert told == START_NS // 10**9 + skew_s

    asyncio.run(main())


def test_errors_are_json_and_tell_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with shop() as it:
            assert await it.ask("/nowhere") == (404, {"error": "Not Found"})
            assert await it.ask("/buy") == (405, {"error": "Method Not Allowed"})
            with caplog.at_level(logging.CRITICAL):
                assert await it.ask("/broken") == (500, {"error": "Internal server error"})

    asyncio.run(main())


def test_a_mistake_of_our_own_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with shop() as it:
            await it.ask("/broken")

    asyncio.run(main())
    assert "GET /broken ended in an error" in caplog.text
    assert "a secret of the house" in caplog.text


@pytest.mark.parametrize("processed, bought", [(False, 0), (True, 1)])
def test_a_fault_answers_in_the_place_of_the_handler_which_ran_or_not(
    processed: bool, bought: int
) -> None:
    async def main() -> None:
        async with shop() as it:
            afflict(it.world, Answer(host="clob", status=500, processed=processed, count=1))
            assert await it.ask("/buy", "POST") == (500, {"error": "Internal Server Error"})
            assert it.bought == bought
            assert await it.ask("/buy", "POST") == (201, {"bought": bought + 1})

    asyncio.run(main())


@pytest.mark.parametrize("processed", [False, True])
def test_only_a_429_that_was_not_carried_out_says_when_to_come_again(processed: bool) -> None:
    async def main() -> None:
        async with shop() as it:
            afflict(it.world, Answer(host="clob", status=429, processed=processed))
            async with it.client.get(it.url + "/ok") as answer:
                assert answer.status == 429
                assert ("Retry-After" in answer.headers) is not processed

    asyncio.run(main())


def test_a_host_can_word_the_answer_of_a_fault_itself() -> None:
    async def main() -> None:
        world, _ = hand_world()
        host = HttpHost(
            "clob",
            world,
            Shop(*hand_world()).routes(),
            fault_answer=lambda fault: json_answer({"says": "busy"}, fault.status),
        )
        url = await host.start()
        afflict(world, Answer(host="clob", status=425))
        try:
            async with aiohttp.ClientSession() as client, client.get(url + "/ok") as answer:
                assert (answer.status, await answer.json()) == (425, {"says": "busy"})
        finally:
            await host.stop()

    asyncio.run(main())


@pytest.mark.parametrize(
    "fault",
    [
        Answer(host="gamma", status=500),
        Answer(host="clob", status=500, method="GET"),
        Answer(host="clob", status=500, path="/order"),
    ],
)
def test_a_fault_strikes_only_its_host_method_and_paths(fault: AnyFault) -> None:
    async def main() -> None:
        async with shop() as it:
            afflict(it.world, fault)
            assert await it.ask("/buy", "POST") == (201, {"bought": 1})

    asyncio.run(main())


def test_swallow_carries_the_request_out_and_cuts_the_connection_without_an_answer() -> None:
    async def main() -> None:
        async with shop() as it:
            afflict(it.world, Swallow(host="clob", path="/buy", count=1))
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await it.ask("/buy", "POST")
            assert it.bought == 1

    asyncio.run(main())


def test_swallow_can_let_the_client_wait_before_it_cuts() -> None:
    async def main() -> None:
        async with shop() as it:
            afflict(it.world, Swallow(host="clob", path="/buy", after_ms=3_000))
            asked = asyncio.create_task(it.ask("/buy", "POST"))
            await it.carried_out.wait()
            pass_ms(it.world, it.clock, 2_999)
            assert await it.ask("/ok") == (200, {"now": it.clock.now(), "text": "é"})
            assert not asked.done()
            pass_ms(it.world, it.clock, 1)
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await asked

    asyncio.run(main())


def test_slow_carries_the_request_out_at_once_and_answers_later() -> None:
    async def main() -> None:
        async with shop() as it:
            afflict(it.world, Slow(host="clob", path="/buy", ms=500))
            asked = asyncio.create_task(it.ask("/buy", "POST"))
            await it.carried_out.wait()
            pass_ms(it.world, it.clock, 499)
            assert (await it.ask("/ok"))[0] == 200
            assert not asked.done()
            pass_ms(it.world, it.clock, 1)
            assert await asked == (201, {"bought": 1})

    asyncio.run(main())


def test_a_port_that_is_taken_is_an_os_error_and_nothing_is_left_open() -> None:
    async def main() -> None:
        async with shop() as it:
            world, _ = hand_world()
            second = HttpHost("gamma", world, [])
            with pytest.raises(OSError, match="address already in use"):
                await second.start(port=int(it.url.rpartition(":")[2]))
            await second.stop()

    asyncio.run(main())
